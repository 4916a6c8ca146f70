//! Refunds: at once, pending first, or failing later.
//!
//! A refund that the platform's whole balance (available and pending) does not cover stays pending, and is tried again
//! every hour, as Stripe does when it cannot debit the platform's bank account.

use crate::currency::format;
use crate::error::StripeError;
use crate::ledger::{Movement, post};
use crate::pages;
use crate::resources::dispute;
use crate::spec;
use crate::state::{Call, Scope, State, Task, integer, merge_metadata, metadata, param, text, text_param};
use crate::webhooks::emit;
use serde_json::{Value, json};

/// Between tries of a refund for which there was no money, in seconds.
const TRY_AGAIN: i64 = 3_600;

/// What becomes of a charge's refunds, as its card or `POST /_sandbox/charges/{id}/refunds` says.
pub(crate) const PLANS: [&str; 3] = ["at_once", "pending", "failing"];

/// `POST /v1/refunds`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let charge = charge_to_refund(state, call)?;
    let charge_id = text(&charge, "id");
    dispute::check_refundable(state, charge_id)?;
    let amount = check_amount(call, &charge)?;
    let id = open(state, call, &charge, amount);
    count_refunded(state, charge_id, amount);
    begin(state, call, charge_id, &id);
    let refund = state.get(&id);
    emit(
        state,
        call.now,
        &call.scope,
        "refund.created",
        refund.clone(),
        None,
    );
    emit(
        state,
        call.now,
        &call.scope,
        "charge.refunded",
        state.get(charge_id),
        None,
    );
    dispute::charge_refunded(state, call.now, charge_id);
    Ok(refund)
}

/// What is asked for, or all that is left.
fn check_amount(call: &Call, charge: &Value) -> Result<i64, StripeError> {
    let (charge_id, currency) = (text(charge, "id"), text(charge, "currency"));
    let left = integer(charge, "amount") - integer(charge, "amount_refunded");
    if left == 0 {
        let message = format!("Charge {charge_id} has already been refunded.");
        return Err(StripeError::invalid(message).code("charge_already_refunded"));
    }
    let amount = param(call, "amount").as_i64().unwrap_or(left);
    if amount < 1 {
        return Err(
            StripeError::invalid("This value must be greater than or equal to 1.")
                .code("parameter_invalid_integer")
                .param("amount"),
        );
    }
    if amount > left {
        let (asked, left) = (format(amount, currency), format(left, currency));
        let message = format!("Refund amount ({asked}) is greater than unrefunded amount on charge ({left})");
        return Err(StripeError::invalid(message).param("amount"));
    }
    Ok(amount)
}

/// Pays the refund if there is money, and plans what becomes of it.
fn begin(state: &mut State, call: &Call, charge: &str, id: &str) {
    let plan = state
        .row(charge)
        .map(|row| text(&row.hidden, "refunds").to_owned())
        .unwrap_or_default();
    let later = call.now + state.settings.refund_settle_seconds;
    match (pay(state, call.now, &call.scope, id), plan.as_str()) {
        (false, _) => state.schedule(call.now + TRY_AGAIN, Task::SettleRefund(id.to_owned())),
        (true, "pending") => {
            state.update(id, json!({"status": "pending", "pending_reason": "processing"}));
            state.schedule(later, Task::SettleRefund(id.to_owned()));
        }
        (true, "failing") => state.schedule(later, Task::FailRefund(id.to_owned())),
        (true, _) => {}
    }
}

/// `GET /v1/refunds/{refund}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("refund", &call.scope, &call.path[0])
}

/// `GET /v1/refunds`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "refund",
        "/v1/refunds",
        &["charge", "payment_intent"],
        |_| true,
    )
}

/// `POST /v1/refunds/{refund}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let refund = state.find("refund", &call.scope, &call.path[0])?;
    let merged = merge_metadata(&refund["metadata"], call.params.get("metadata"));
    let (refund, previous) = state.update(&call.path[0], json!({"metadata": merged}));
    announce(state, call.now, &call.scope, &refund, &previous);
    Ok(refund)
}

/// A pending refund succeeds, if there is money for it by now.
pub(crate) fn settle(state: &mut State, now: i64, id: &str) {
    let Some(row) = state.row(id) else { return };
    if text(&row.value, "status") != "pending" {
        return;
    }
    let scope = row.scope.clone();
    if row.value["balance_transaction"].is_null() && !pay(state, now, &scope, id) {
        state.schedule(now + TRY_AGAIN, Task::SettleRefund(id.to_owned()));
        return;
    }
    strip(state, id, "pending_reason");
    let (refund, _) = state.update(id, json!({"status": "succeeded"}));
    announce(state, now, &scope, &refund, &json!({"status": "pending"}));
}

/// A refund comes back: the bank did not take it. The money returns, and the charge counts as less refunded.
pub(crate) fn fail(state: &mut State, now: i64, id: &str, reason: &str) {
    let Some(row) = state.row(id) else { return };
    let (before, scope) = (row.value.clone(), row.scope.clone());
    if !matches!(text(&before, "status"), "pending" | "succeeded") {
        return;
    }
    let amount = integer(&before, "amount");
    let mut changes = json!({"status": "failed", "failure_reason": reason});
    if !before["balance_transaction"].is_null() {
        let movement = Movement {
            kind: "refund_failure",
            category: "refund_failure",
            amount,
            fee: 0,
            currency: text(&before, "currency"),
            source: Some(id),
            available_on: now,
            description: "REFUND FAILURE".into(),
        };
        changes["failure_balance_transaction"] = post(state, now, &scope, &movement).into();
    }
    strip(state, id, "pending_reason");
    let (refund, _) = state.update(id, changes);
    count_refunded(state, text(&before, "charge"), -amount);
    let previous = json!({"status": before["status"]});
    announce(state, now, &scope, &refund, &previous);
    emit(state, now, &scope, "refund.failed", refund, None);
}

/// Takes the money from the balance; returns whether there was enough.
fn pay(state: &mut State, now: i64, scope: &Scope, id: &str) -> bool {
    let refund = state.get(id);
    let (amount, currency) = (integer(&refund, "amount"), text(&refund, "currency"));
    let funds = state.books.funds(scope, currency);
    if funds.available + funds.pending < amount {
        state.update(
            id,
            json!({"status": "pending", "pending_reason": "insufficient_funds"}),
        );
        return false;
    }
    let movement = Movement {
        kind: "refund",
        category: "refund",
        amount: -amount,
        fee: 0,
        currency,
        source: Some(id),
        available_on: now,
        description: "REFUND FOR CHARGE".into(),
    };
    let transaction = post(state, now, scope, &movement);
    state.update(id, json!({"balance_transaction": transaction}));
    true
}

fn open(state: &mut State, call: &Call, charge: &Value, amount: i64) -> String {
    let id = state.new_id("re");
    let card = json!({
        "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund",
    });
    let refund = json!({
        "id": id, "object": "refund",
        "amount": amount,
        "balance_transaction": null,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "customer": null,
        "customer_account": null,
        "destination_details": {"card": card, "type": "card"},
        "metadata": metadata(call),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": param(call, "reason"),
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": "succeeded",
        "transfer_reversal": null,
    });
    state.insert(&call.scope, refund);
    id
}

fn charge_to_refund(state: &State, call: &Call) -> Result<Value, StripeError> {
    let charge = match (text_param(call, "charge"), text_param(call, "payment_intent")) {
        (Some(charge), None) => state
            .find("charge", &call.scope, charge)
            .map_err(|error| error.in_body("charge"))?,
        (None, Some(intent)) => {
            let intent = state
                .find("payment_intent", &call.scope, intent)
                .map_err(|error| error.in_body("payment_intent"))?;
            state.get(text(&intent, "latest_charge"))
        }
        (None, None) => return Err(spec::missing("charge")),
        (Some(_), Some(_)) => {
            return Err(StripeError::invalid(
                "You may only specify one of these parameters: charge, payment_intent.",
            ));
        }
    };
    if text(&charge, "status") == "succeeded" {
        return Ok(charge);
    }
    Err(StripeError::invalid("There is no successful charge to refund.").code("charge_not_refundable"))
}

fn count_refunded(state: &mut State, charge: &str, amount: i64) {
    let before = state.get(charge);
    let refunded = integer(&before, "amount_refunded") + amount;
    state.update(
        charge,
        json!({"amount_refunded": refunded, "refunded": refunded == integer(&before, "amount")}),
    );
}

/// A change of a refund is told under both of its names.
fn announce(state: &mut State, now: i64, scope: &Scope, refund: &Value, previous: &Value) {
    for kind in ["refund.updated", "charge.refund.updated"] {
        emit(state, now, scope, kind, refund.clone(), Some(previous.clone()));
    }
}

fn strip(state: &mut State, id: &str, field: &str) {
    if let Some(object) = state.row_mut(id).and_then(|row| row.value.as_object_mut()) {
        object.shift_remove(field);
    }
}
