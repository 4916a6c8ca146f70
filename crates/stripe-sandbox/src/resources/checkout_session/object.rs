//! The session object when it is new.

use crate::state::{Call, metadata, param, text};
use serde_json::{Value, json};

/// A new session, before its lines are added up.
pub(super) fn blank(call: &Call, id: &str, currency: &str, expires_at: i64) -> Value {
    let given = |key: &str, default: Value| call.params.get(key).cloned().unwrap_or(default);
    let mut session = json!({
        "id": id, "object": "checkout.session",
        "adaptive_pricing": {"enabled": param(call, "adaptive_pricing")["enabled"] == true},
        "after_expiration": null,
        "allow_promotion_codes": param(call, "allow_promotion_codes"),
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
        "billing_address_collection": param(call, "billing_address_collection"),
        "branding_settings": branding(call),
        "cancel_url": param(call, "cancel_url"),
        "client_reference_id": param(call, "client_reference_id"),
        "client_secret": null,
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "created": call.now,
        "currency": currency,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": custom_text(call),
        "customer": null,
        "customer_account": null,
        "customer_creation": given("customer_creation", json!("if_required")),
        "customer_details": null,
        "customer_email": param(call, "customer_email"),
        "discounts": [],
        "expires_at": expires_at,
    });
    let rest = json!({
        "integration_identifier": null,
        "invoice": null,
        "invoice_creation": no_invoices(),
        "livemode": false,
        "locale": param(call, "locale"),
        "metadata": metadata(call),
        "mode": "payment",
        "origin_context": param(call, "origin_context"),
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": null,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": given(
            "allowed_payment_method_types",
            given("payment_method_types", json!(["card"])),
        ),
        "payment_status": "unpaid",
        "permissions": null,
        "phone_number_collection": {"enabled": false},
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": "open",
        "submit_type": param(call, "submit_type"),
        "subscription": null,
        "success_url": param(call, "success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": null,
        "wallet_options": null,
    });
    if let (Some(session), Value::Object(rest)) = (session.as_object_mut(), rest) {
        session.extend(rest);
    }
    session
}

fn no_invoices() -> Value {
    json!({"enabled": false, "invoice_data": {
        "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": null,
        "metadata": {}, "rendering_options": null,
    }})
}

fn branding(call: &Call) -> Value {
    let given = param(call, "branding_settings");
    let or = |key: &str, default: &str| match text(&given, key) {
        "" => default.to_owned(),
        chosen => chosen.to_owned(),
    };
    json!({
        "background_color": or("background_color", "#ffffff"),
        "border_style": or("border_style", "rounded"),
        "button_color": or("button_color", "#3d4ed8"),
        "display_name": or("display_name", "Stripe sandbox"),
        "font_family": or("font_family", "default"),
        "icon": null,
        "logo": null,
    })
}

fn custom_text(call: &Call) -> Value {
    let given = param(call, "custom_text");
    let position = |key: &str| {
        given
            .get(key)
            .filter(|position| position.is_object())
            .cloned()
            .unwrap_or_default()
    };
    json!({
        "after_submit": position("after_submit"),
        "shipping_address": position("shipping_address"),
        "submit": position("submit"),
        "terms_of_service_acceptance": position("terms_of_service_acceptance"),
    })
}
