//! Transfer reversals: money back from a connected account, as far as it still has it.

use crate::error::StripeError;
use crate::ledger::{Movement, post};
use crate::pages;
use crate::resources::account;
use crate::state::{Call, State, integer, merge_metadata, metadata, param, text};
use crate::webhooks::emit;
use serde_json::{Value, json};

/// `POST /v1/transfers/{id}/reversals`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let transfer = state.find("transfer", &call.scope, &call.path[0])?;
    let left = integer(&transfer, "amount") - integer(&transfer, "amount_reversed");
    let amount = param(call, "amount").as_i64().unwrap_or(left);
    check_amount(state, &transfer, amount, left)?;
    let id = state.new_id("trr");
    let (transfer_id, currency) = (text(&transfer, "id"), text(&transfer, "currency"));
    let movement = Movement {
        kind: "transfer_refund",
        category: "transfer_reversal",
        amount,
        fee: 0,
        currency,
        source: Some(&id),
        available_on: call.now,
        description: format!("REFUND FOR TRANSFER ({transfer_id})").into(),
    };
    let transaction = post(state, call.now, &call.scope, &movement);
    let payment_refund = take_back(state, call, &transfer, amount);
    let reversal = json!({
        "id": id, "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": transaction,
        "created": call.now,
        "currency": currency,
        "destination_payment_refund": payment_refund,
        "metadata": metadata(call),
        "source_refund": null,
        "transfer": transfer_id,
    });
    state.insert(&call.scope, reversal.clone());
    let reversed = integer(&transfer, "amount_reversed") + amount;
    let changes = json!({
        "amount_reversed": reversed,
        "reversed": reversed == integer(&transfer, "amount"),
        "reversals": pages::first(of(state, transfer_id), &format!("/v1/transfers/{transfer_id}/reversals")),
    });
    let (transfer, _) = state.update(transfer_id, changes);
    emit(state, call.now, &call.scope, "transfer.reversed", transfer, None);
    Ok(reversal)
}

/// `GET /v1/transfers/{transfer}/reversals/{id}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let reversal = state.find("transfer_reversal", &call.scope, &call.path[1])?;
    if text(&reversal, "transfer") == call.path[0] {
        return Ok(reversal);
    }
    Err(StripeError::missing("transfer reversal", &call.path[1]))
}

/// `GET /v1/transfers/{id}/reversals`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("transfer", &call.scope, &call.path[0])?;
    let url = format!("/v1/transfers/{}/reversals", call.path[0]);
    let reversals = state.rows_by("transfer_reversal", "transfer", &call.path[0]);
    pages::page(call, reversals.iter().map(|row| &row.value), &url)
}

/// `POST /v1/transfers/{transfer}/reversals/{id}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let reversal = retrieve(state, call)?;
    let merged = merge_metadata(&reversal["metadata"], call.params.get("metadata"));
    Ok(state.update(&call.path[1], json!({"metadata": merged})).0)
}

fn check_amount(state: &State, transfer: &Value, amount: i64, left: i64) -> Result<(), StripeError> {
    let (id, currency) = (text(transfer, "id"), text(transfer, "currency"));
    if left == 0 {
        return Err(
            StripeError::invalid(format!("Transfer {id} is already fully reversed."))
                .code("transfer_already_reversed"),
        );
    }
    if !(1..=left).contains(&amount) {
        let left = crate::currency::format(left, currency);
        let message =
            format!("Reversal amount must be positive, and not greater than the unreversed amount ({left}).");
        return Err(StripeError::invalid(message).param("amount"));
    }
    account::check_connected(state, text(transfer, "destination"))?;
    let destination = Some(text(transfer, "destination").to_owned());
    if state.books.funds(&destination, currency).available >= amount {
        return Ok(());
    }
    let message =
        "The connected account has an insufficient available balance for this transfer to be reversed.";
    Err(StripeError::invalid(message).code("balance_insufficient"))
}

/// Takes the money from the connected account; returns the id of the refund it sees.
fn take_back(state: &mut State, call: &Call, transfer: &Value, amount: i64) -> String {
    let scope = Some(text(transfer, "destination").to_owned());
    let payment = state.get(text(transfer, "destination_payment"));
    let id = state.new_id("pyr");
    let movement = Movement {
        kind: "payment_refund",
        category: "refund",
        amount: -amount,
        fee: 0,
        currency: text(transfer, "currency"),
        source: Some(&id),
        available_on: call.now,
        description: "REFUND FOR PAYMENT".into(),
    };
    let transaction = post(state, call.now, &scope, &movement);
    let refund = json!({
        "id": id, "object": "refund",
        "amount": amount,
        "balance_transaction": transaction,
        "charge": payment["id"],
        "created": call.now,
        "currency": transfer["currency"],
        "customer": null,
        "customer_account": null,
        "metadata": {},
        "payment_intent": null,
        "payment_method": null,
        "reason": null,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": "succeeded",
        "transfer_reversal": null,
    });
    state.insert(&scope, refund);
    let refunded = integer(&payment, "amount_refunded") + amount;
    let changes = json!({"amount_refunded": refunded, "refunded": refunded == integer(&payment, "amount")});
    state.update(text(&payment, "id"), changes);
    id
}

/// The reversals of a transfer, newest first.
fn of(state: &State, transfer: &str) -> Vec<Value> {
    let reversals = state.rows_by("transfer_reversal", "transfer", transfer);
    reversals.iter().map(|row| row.value.clone()).collect()
}
