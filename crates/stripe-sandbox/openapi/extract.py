#!/usr/bin/env python3
"""Trims Stripe's OpenAPI document to what the sandbox simulates.

Usage: extract.py spec3.json > stripe.json

`operations` holds, per simulated endpoint, the parameters it takes: the server validates requests with them. A parameter
which Stripe knows and the sandbox does not simulate is listed by name under `refused`, so that it is refused with a clear
message instead of being silently ignored. `schemas` holds the shape of the objects it returns: the server reads from them
which fields can be expanded, the tests hold every answer against them. A field of a schema that is not listed here is
`opaque`: it may only ever be null or absent.
"""

import json
import sys

ALL = True
LISTING = ["created", "ending_before", "expand", "limit", "starting_after"]


def names(*items, **nested):
    return {**{item: ALL for item in items}, **nested}


CAPABILITY = names("requested")
ACCOUNT = names(
    "business_type", "country", "default_currency", "email", "expand", "metadata", "type",
    business_profile=names("mcc", "name", "product_description", "support_email", "support_phone", "url"),
    capabilities=dict(card_payments=CAPABILITY, transfers=CAPABILITY),
    controller=names("fees", "losses", "requirement_collection", "stripe_dashboard"),
    settings=dict(payouts=names("debit_negative_balances", "statement_descriptor", schedule=names("interval"))),
)
CONFIRM = names(
    "capture_method", "error_on_requires_action", "expand", "off_session", "payment_method", "payment_method_types",
    "receipt_email", "return_url", "use_stripe_sdk",
)

# What the sandbox simulates. ALL takes a parameter with everything in it.
OPERATIONS = {
    "POST /v1/checkout/sessions": names(
        "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id", "currency",
        "customer_creation", "customer_email", "expand", "expires_at", "locale", "metadata", "mode",
        "origin_context", "payment_method_types", "submit_type", "success_url", "ui_mode",
        adaptive_pricing=ALL, automatic_tax=ALL,
        custom_text=ALL, discounts=names("coupon", "promotion_code"),
        branding_settings=names("background_color", "border_style", "button_color", "display_name", "font_family"),
        line_items=names(
            "metadata", "price", "quantity",
            price_data=names(
                "currency", "product", "tax_behavior", "unit_amount",
                product_data=names("description", "images", "metadata", "name", "unit_label"),
            ),
        ),
        payment_intent_data=names(
            "capture_method", "description", "metadata", "receipt_email", "statement_descriptor",
            "statement_descriptor_suffix", "transfer_group",
        ),
    ),
    "GET /v1/checkout/sessions": names("payment_intent", "status", *LISTING),
    "GET /v1/checkout/sessions/{session}": names("expand"),
    "POST /v1/checkout/sessions/{session}": names("expand", "metadata"),
    "POST /v1/checkout/sessions/{session}/expire": names("expand"),
    "GET /v1/checkout/sessions/{session}/line_items": names("ending_before", "expand", "limit", "starting_after"),
    "POST /v1/payment_intents": {
        **CONFIRM,
        **names("amount", "automatic_payment_methods", "confirm", "confirmation_method", "currency", "description",
                "metadata", "statement_descriptor", "statement_descriptor_suffix", "transfer_group"),
    },
    "GET /v1/payment_intents": names(*LISTING),
    "GET /v1/payment_intents/{intent}": names("expand"),
    "POST /v1/payment_intents/{intent}": names(
        "amount", "currency", "description", "expand", "metadata", "payment_method", "receipt_email",
        "transfer_group"),
    "POST /v1/payment_intents/{intent}/confirm": CONFIRM,
    "POST /v1/payment_intents/{intent}/cancel": names("cancellation_reason", "expand"),
    "GET /v1/payment_methods/{payment_method}": names("expand"),
    "GET /v1/charges": names("payment_intent", "transfer_group", *LISTING),
    "GET /v1/charges/{charge}": names("expand"),
    "POST /v1/charges/{charge}": names("description", "expand", "metadata", "transfer_group"),
    "GET /v1/disputes": names("charge", "payment_intent", *LISTING),
    "GET /v1/disputes/{dispute}": names("expand"),
    # Evidence in words: there are no files here.
    "POST /v1/disputes/{dispute}": names("expand", "metadata", "submit", evidence=names(
        "access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
        "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
        "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
        "service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
        "uncategorized_text")),
    "POST /v1/disputes/{dispute}/close": names("expand"),
    "POST /v1/refunds": names("amount", "charge", "expand", "metadata", "payment_intent", "reason"),
    "GET /v1/refunds": names("charge", "payment_intent", *LISTING),
    "GET /v1/refunds/{refund}": names("expand"),
    "POST /v1/refunds/{refund}": names("expand", "metadata"),
    "POST /v1/accounts": ACCOUNT,
    "GET /v1/accounts": names(*LISTING),
    "GET /v1/account": names("expand"),
    "GET /v1/accounts/{account}": names("expand"),
    "POST /v1/accounts/{account}": {k: v for k, v in ACCOUNT.items() if k not in ("country", "controller", "type")},
    "POST /v1/accounts/{account}/reject": names("expand", "reason"),
    "DELETE /v1/accounts/{account}": names(),
    "GET /v1/accounts/{account}/capabilities": names("expand"),
    "GET /v1/accounts/{account}/capabilities/{capability}": names("expand"),
    "POST /v1/account_links": names("account", "collect", "collection_options", "expand", "refresh_url", "return_url", "type"),
    "POST /v1/transfers": names(
        "amount", "currency", "description", "destination", "expand", "metadata", "source_transaction", "source_type",
        "transfer_group"),
    "GET /v1/transfers": names("destination", "transfer_group", *LISTING),
    "GET /v1/transfers/{transfer}": names("expand"),
    "POST /v1/transfers/{transfer}": names("description", "expand", "metadata"),
    "POST /v1/transfers/{id}/reversals": names("amount", "description", "expand", "metadata"),
    "GET /v1/transfers/{id}/reversals": names("ending_before", "expand", "limit", "starting_after"),
    "GET /v1/transfers/{transfer}/reversals/{id}": names("expand"),
    "POST /v1/transfers/{transfer}/reversals/{id}": names("expand", "metadata"),
    "GET /v1/balance": names("expand"),
    "GET /v1/balance_transactions": names("currency", "payout", "source", "type", *LISTING),
    "GET /v1/balance_transactions/{id}": names("expand"),
    "POST /v1/payouts": names(
        "amount", "currency", "description", "destination", "expand", "metadata", "method", "source_type",
        "statement_descriptor"),
    "GET /v1/payouts": names("arrival_date", "destination", "status", *LISTING),
    "GET /v1/payouts/{payout}": names("expand"),
    "POST /v1/payouts/{payout}": names("expand", "metadata"),
    "POST /v1/payouts/{payout}/cancel": names("expand"),
    "POST /v1/coupons": names(
        "amount_off", "currency", "duration", "duration_in_months", "expand", "id", "max_redemptions", "metadata", "name",
        "percent_off", "redeem_by"),
    "GET /v1/coupons": names(*LISTING),
    "GET /v1/coupons/{coupon}": names("expand"),
    "POST /v1/coupons/{coupon}": names("expand", "metadata", "name"),
    "DELETE /v1/coupons/{coupon}": names(),
    "POST /v1/promotion_codes": names(
        "active", "code", "expand", "expires_at", "max_redemptions", "metadata",
        promotion=ALL, restrictions=names("minimum_amount", "minimum_amount_currency")),
    "GET /v1/promotion_codes": names("active", "code", "coupon", *LISTING),
    "GET /v1/promotion_codes/{promotion_code}": names("expand"),
    "POST /v1/promotion_codes/{promotion_code}": names("active", "expand", "metadata"),
    "GET /v1/products": names("active", *LISTING),
    "GET /v1/products/{id}": names("expand"),
    "GET /v1/prices": names("active", "currency", "product", *LISTING),
    "GET /v1/prices/{price}": names("expand"),
    "GET /v1/events": names("type", "types", *LISTING),
    "GET /v1/events/{id}": names("expand"),
    "POST /v1/webhook_endpoints": names(
        "api_version", "connect", "description", "enabled_events", "expand", "metadata", "url"),
    "GET /v1/webhook_endpoints": names("ending_before", "expand", "limit", "starting_after"),
    "GET /v1/webhook_endpoints/{webhook_endpoint}": names("expand"),
    "POST /v1/webhook_endpoints/{webhook_endpoint}": names(
        "description", "disabled", "enabled_events", "expand", "metadata", "url"),
    "DELETE /v1/webhook_endpoints/{webhook_endpoint}": names(),
}

# Values of an enum which Stripe knows and the sandbox does not simulate.
ONLY = {
    "mode": {"payment"},
    "ui_mode": {"hosted_page"},
    "capture_method": {"automatic", "automatic_async"},
    "billing_address_collection": {"auto"},
    "customer_creation": {"if_required"},
    "payment_method_types": {"card", "sepa_debit"},
}

# The objects the sandbox returns, and every object inside them.
SCHEMAS = """
account account_branding_settings account_business_profile account_capabilities account_capability_requirements
account_capability_future_requirements account_card_payments_settings account_dashboard_settings
account_future_requirements account_link account_payments_settings account_payout_settings account_requirements
account_requirements_error account_settings account_tos_acceptance account_unification_account_controller
account_unification_account_controller_fees account_unification_account_controller_losses
account_unification_account_controller_stripe_dashboard address api_errors application balance balance_amount
balance_amount_by_source_type balance_transaction bank_account billing_details capability charge charge_fraud_details
charge_outcome checkout.session checkout_session_payment_method_options checkout_card_payment_method_options coupon
deleted_account deleted_coupon deleted_webhook_endpoint discount discount_source dispute dispute_enhanced_eligibility
dispute_enhanced_evidence dispute_evidence dispute_evidence_details dispute_payment_method_details
dispute_payment_method_details_card event fee item legal_entity_company
line_items_discount_amount notification_event_data notification_event_request
payment_flows_automatic_payment_methods_payment_intent payment_intent payment_intent_next_action
payment_intent_next_action_redirect_to_url payment_intent_payment_method_options
payment_intent_payment_method_options_card payment_method payment_method_card payment_method_card_checks
payment_method_details payment_method_details_card payment_method_details_card_checks
payment_pages_checkout_session_adaptive_pricing payment_pages_checkout_session_automatic_tax
payment_pages_checkout_session_branding_settings payment_pages_checkout_session_custom_text
payment_pages_checkout_session_custom_text_position
payment_pages_checkout_session_customer_details payment_pages_checkout_session_discount
payment_pages_checkout_session_invoice_creation payment_pages_checkout_session_invoice_settings
payment_pages_checkout_session_phone_number_collection payment_pages_checkout_session_total_details
payment_pages_checkout_session_name_collection
payment_method_details_sepa_debit payment_method_details_stripe_account payment_method_sepa_debit person three_d_secure_details_charge three_d_secure_usage networks
payout price product promotion_code promotion_codes_resource_promotion promotion_codes_resource_restrictions
radar_radar_options refund refund_destination_details refund_destination_details_card transfer transfer_reversal
transfer_schedule webhook_endpoint
""".split()

# Fields in which Stripe offers dozens of payment methods: the sandbox knows two.
ONLY_FIELDS = {
    "payment_method_details": {"card", "sepa_debit", "stripe_account", "type"},
    "payment_method": {"billing_details", "card", "created", "customer", "customer_account", "id", "livemode", "metadata", "sepa_debit",
                       "object", "type", "allow_redisplay", "radar_options"},
    "payment_intent_payment_method_options": {"card"},
    "checkout_session_payment_method_options": {"card"},
    "payment_intent_next_action": {"redirect_to_url", "type", "use_stripe_sdk"},
    "refund_destination_details": {"card", "type"},
    "account_capabilities": {"card_payments", "transfers"},
    "dispute_payment_method_details": {"card", "type"},
    "dispute_enhanced_eligibility": set(),
    "dispute_enhanced_evidence": set(),
}


def parameter(name, schema, support):
    """One parameter, trimmed to what is simulated."""
    if "anyOf" in schema:
        return {"any": [parameter(name, option, support) for option in schema["anyOf"]]}
    kind = schema["type"]
    if kind == "object" and "additionalProperties" in schema and not schema.get("properties"):
        return {"type": "map"}
    if kind == "object":
        return fields(schema.get("properties", {}), schema.get("required", []), support)
    if kind == "array":
        return {"type": "array", "items": parameter(name, schema["items"], support)}
    node = {"type": kind}
    if "enum" in schema:
        node["enum"] = [value for value in schema["enum"] if value in ONLY.get(name, schema["enum"])]
    if "maxLength" in schema and "enum" not in schema:
        node["max"] = schema["maxLength"]
    return node


def fields(properties, required, support):
    taken = {name: node for name, node in properties.items() if support is ALL or name in support}
    node = {"type": "object", "props": {
        name: parameter(name, schema, support if support is ALL else support[name]) for name, schema in taken.items()}}
    if required:
        node["required"] = required
    refused = [name for name in properties if name not in taken]
    if refused:
        node["refused"] = refused
    if support is not ALL and set(support) - set(properties):
        sys.exit(f"not in Stripe's document: {set(support) - set(properties)}")
    return node


# Parameters which API versions after the document's take: 2026-09-30.endive lists a session's payment methods as a filter.
LATER = {
    "POST /v1/checkout/sessions": {
        "allowed_payment_method_types": {"type": "array", "items": {"type": "string", "enum": ["card", "sepa_debit"]}},
    },
}


def operation(document, key, support):
    node = described(document, key, support)
    later = LATER.get(key)
    if later:
        node["props"] = dict(sorted({**node["props"], **later}.items()))
    return node


def described(document, key, support):
    method, path = key.split(" ")
    found = document["paths"][path][method.lower()]
    if method == "GET":
        query = [p for p in found.get("parameters", []) if p["in"] == "query"]
        return fields({p["name"]: p["schema"] for p in query}, [p["name"] for p in query if p.get("required")], support)
    body = found.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {}).get("schema", {})
    return fields(body.get("properties", {}), body.get("required", []), support)


def shape(schema):
    """The shape of one returned field."""
    node = {}
    if "anyOf" in schema:
        options = [shape(option) for option in schema["anyOf"]]
        node = {"any": [option for option in options if option != {"opaque": True}] or [{"opaque": True}]}
        if len(node["any"]) == 1:
            node = node["any"][0]
    elif "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        node = {"ref": name} if name in SCHEMAS else {"opaque": True}
    elif schema.get("type") == "array":
        node = {"type": "array", "items": shape(schema["items"])}
    elif schema.get("type") == "object" and "properties" in schema:
        node = record("", schema)
    elif schema.get("type") == "object":
        node = {"type": "map"}
    elif "type" in schema:
        node = {"type": schema["type"]}
        if "enum" in schema:
            node["enum"] = schema["enum"]
    if schema.get("nullable"):
        node = {**node, "nullable": True}
    return node


def record(name, schema):
    kept = ONLY_FIELDS.get(name, schema.get("properties", {}).keys())
    node = {"type": "object", "props": {
        key: shape(value) if key in kept else {"opaque": True} for key, value in schema.get("properties", {}).items()
        if key in kept or name not in ONLY_FIELDS}}
    for source, target in (("required", "required"), ("x-expandableFields", "expandable")):
        values = [value for value in schema.get(source, []) if value in node["props"]]
        if values:
            node[target] = values
    return node


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    schemas = document["components"]["schemas"]
    # One line per operation and schema, so that a new version of Stripe's document gives a readable diff.
    out = ['{', f'"version": {json.dumps(document["info"]["version"])},', '"operations": {']
    rows = [f"{json.dumps(key)}: {json.dumps(operation(document, key, support))}" for key, support in OPERATIONS.items()]
    out += [",\n".join(rows), '},', '"schemas": {']
    rows = [f"{json.dumps(name)}: {json.dumps(record(name, schemas[name]))}" for name in sorted(set(SCHEMAS))]
    out += [",\n".join(rows), '}', '}']
    print("\n".join(out))


if __name__ == "__main__":
    main()
