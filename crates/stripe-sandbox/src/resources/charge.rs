//! Charges, and the balance transactions that may follow them late.

use crate::cards::{Card, Disputes, Refunds};
use crate::currency::Currency;
use crate::error::StripeError;
use crate::ledger::{Movement, post};
use crate::pages;
use crate::state::{Call, Scope, State, Task, integer, merge_metadata, text, text_param};
use crate::webhooks::emit;
use serde_json::{Value, json};

/// `GET /v1/charges/{charge}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("charge", &call.scope, &call.path[0])
}

/// `GET /v1/charges`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "charge",
        "/v1/charges",
        &["payment_intent", "transfer_group"],
        |_| true,
    )
}

/// `POST /v1/charges/{charge}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let charge = state.find("charge", &call.scope, &call.path[0])?;
    if text_param(call, "transfer_group").is_some() && !charge["transfer_group"].is_null() {
        let message = "You cannot change the transfer_group of a charge that already has one.";
        return Err(StripeError::invalid(message).param("transfer_group"));
    }
    let mut changes = call.params.clone();
    changes.shift_remove("expand");
    changes.insert(
        "metadata".into(),
        merge_metadata(&charge["metadata"], call.params.get("metadata")),
    );
    let (charge, previous) = state.update(&call.path[0], Value::Object(changes));
    emit(
        state,
        call.now,
        &call.scope,
        "charge.updated",
        charge.clone(),
        Some(previous),
    );
    Ok(charge)
}

/// A charge for a payment intent, pending until [`conclude`] says how it went; returns it.
pub(crate) fn create(
    state: &mut State,
    now: i64,
    scope: &Scope,
    intent: &Value,
    method: &str,
    card: &Card,
) -> Value {
    let id = state.new_id("ch");
    let amount = integer(intent, "amount");
    let charge = json!({
        "id": id, "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": state.get(method)["billing_details"],
        "calculated_statement_descriptor": "STRIPE SANDBOX",
        "captured": true,
        "created": now,
        "currency": intent["currency"],
        "customer": null,
        "description": intent["description"],
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "fraud_details": {},
        "livemode": false,
        "metadata": intent["metadata"],
        "on_behalf_of": null,
        "outcome": outcome(None),
        "paid": false,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": details(card, amount),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source_transfer": null,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": null,
        "transfer_group": intent["transfer_group"],
    });
    state.insert_with(scope, charge.clone(), nature(card));
    charge
}

/// How a charge made with this card behaves later.
fn nature(card: &Card) -> Value {
    let refunds = match card.refunds {
        Refunds::AtOnce => "at_once",
        Refunds::Pending => "pending",
        Refunds::Failing => "failing",
    };
    let (dispute, reason) = match card.disputes {
        Disputes::Never => (None, None),
        Disputes::Chargeback(reason) => (Some("chargeback"), Some(reason)),
        Disputes::Inquiry(reason) => (Some("inquiry"), Some(reason)),
    };
    json!({
        "bypass_pending": card.bypass_pending, "refunds": refunds, "dispute": dispute, "dispute_reason": reason,
    })
}

/// A bank debit is under way: it will be known in days whether it succeeds.
pub(crate) fn announce_pending(state: &mut State, now: i64, scope: &Scope, charge: &Value) {
    emit(state, now, scope, "charge.pending", charge.clone(), None);
}

/// A pending charge succeeds, or is refused; returns what it became.
pub(crate) fn conclude(
    state: &mut State,
    now: i64,
    scope: &Scope,
    id: &str,
    refusal: Option<&StripeError>,
) -> Value {
    let Some(refusal) = refusal else {
        state.update(id, json!({"paid": true, "status": "succeeded"}));
        return settle(state, now, scope, id);
    };
    let failure = refusal.object();
    let changes = json!({
        "amount_captured": 0,
        "captured": false,
        "failure_code": failure["code"],
        "failure_message": failure["message"],
        "outcome": outcome(Some(&failure)),
        "status": "failed",
    });
    let (charge, _) = state.update(id, changes);
    emit(state, now, scope, "charge.failed", charge.clone(), None);
    charge
}

/// The money arrives: now, or after the delay that is set. Does nothing when it is there already.
pub(crate) fn apply_balance_transaction(state: &mut State, now: i64, id: &str) {
    let Some(row) = state.row(id) else { return };
    if !row.value["balance_transaction"].is_null() || text(&row.value, "status") != "succeeded" {
        return;
    }
    let scope = row.scope.clone();
    attach_balance_transaction(state, now, &scope, id);
    let previous = json!({"balance_transaction": null});
    emit(
        state,
        now,
        &scope,
        "charge.updated",
        state.get(id),
        Some(previous),
    );
}

fn settle(state: &mut State, now: i64, scope: &Scope, id: &str) -> Value {
    let delay = state.settings.balance_transaction_delay_seconds;
    if delay == 0 {
        attach_balance_transaction(state, now, scope, id);
    } else {
        state.schedule(now + delay, Task::ApplyBalanceTransaction(id.to_owned()));
    }
    if state.row(id).is_some_and(|row| row.hidden["dispute"].is_string()) {
        let due = now + state.settings.dispute_open_seconds;
        state.schedule(due, Task::OpenDispute(id.to_owned()));
    }
    let charge = state.get(id);
    emit(state, now, scope, "charge.succeeded", charge.clone(), None);
    charge
}

fn attach_balance_transaction(state: &mut State, now: i64, scope: &Scope, id: &str) {
    let Some(row) = state.row(id) else { return };
    let (charge, bypass) = (row.value.clone(), row.hidden["bypass_pending"] == true);
    let (amount, currency) = (integer(&charge, "amount"), text(&charge, "currency"));
    let delay = if bypass {
        0
    } else {
        state.settings.available_delay_seconds
    };
    let movement = Movement {
        kind: "charge",
        category: "charge",
        amount,
        fee: Currency::find(currency).map_or(0, |currency| currency.fee(amount)),
        currency,
        source: Some(id),
        available_on: (integer(&charge, "created") + delay).max(now),
        description: charge["description"].clone(),
    };
    let transaction = post(state, now, scope, &movement);
    state.update(id, json!({"balance_transaction": transaction}));
}

fn outcome(failure: Option<&Value>) -> Value {
    let Some(failure) = failure else {
        return json!({
            "advice_code": null, "network_advice_code": null, "network_decline_code": null,
            "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 20,
            "seller_message": "Payment complete.", "type": "authorized",
        });
    };
    let reason = if failure["decline_code"].is_null() {
        &failure["code"]
    } else {
        &failure["decline_code"]
    };
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": "05",
        "network_status": "declined_by_network", "reason": reason, "risk_level": "normal", "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
    })
}

fn details(card: &Card, amount: i64) -> Value {
    if card.delayed {
        return json!({"sepa_debit": card.sepa_debit(), "type": "sepa_debit"});
    }
    json!({"card": card_details(card, amount), "type": "card"})
}

fn card_details(card: &Card, amount: i64) -> Value {
    json!({
        "amount_authorized": amount,
        "authorization_code": null,
        "brand": card.brand,
        "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
        "country": card.country,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": format!("card{}", card.last4()),
        "funding": card.funding(),
        "installments": null,
        "last4": card.last4(),
        "mandate": null,
        "network": card.brand,
        "network_token": null,
        "network_transaction_id": null,
        "regulated_status": "unregulated",
        "three_d_secure": null,
        "wallet": null,
    })
}
