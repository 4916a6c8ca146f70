//! Payouts to a bank, made by hand: automatic payouts are off in the sandbox, for everybody.

use crate::currency::Currency;
use crate::error::StripeError;
use crate::ledger::{Movement, post};
use crate::pages;
use crate::state::{Call, Scope, State, Task, integer, merge_metadata, metadata, param, text, text_param};
use crate::webhooks::emit;
use serde_json::{Value, json};

/// `POST /v1/payouts`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let currency = Currency::parse(text_param(call, "currency").unwrap_or_default(), "currency")?;
    let amount = param(call, "amount").as_i64().unwrap_or_default();
    if amount < 1 {
        return Err(StripeError::invalid("This value must be greater than or equal to 1.").param("amount"));
    }
    if state.books.funds(&call.scope, currency.code).available < amount {
        let message = "You have insufficient funds in your Stripe account for this payout.";
        return Err(StripeError::invalid(message).code("balance_insufficient"));
    }
    check_enabled(state, &call.scope)?;
    let id = state.new_id("po");
    let transaction = move_money(
        state,
        call.now,
        &call.scope,
        ("payout", "payout"),
        -amount,
        currency.code,
        &id,
    );
    let arrival = call.now + state.settings.payout_arrival_seconds;
    let payout = json!({
        "id": id, "object": "payout",
        "amount": amount,
        "application_fee": null,
        "application_fee_amount": null,
        "arrival_date": arrival,
        "automatic": false,
        "balance_transaction": transaction,
        "created": call.now,
        "currency": currency.code,
        "description": param(call, "description"),
        "destination": text_param(call, "destination").unwrap_or("ba_sandbox"),
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "livemode": false,
        "metadata": metadata(call),
        "method": text_param(call, "method").unwrap_or("standard"),
        "original_payout": null,
        "payout_method": null,
        "reconciliation_status": "not_applicable",
        "reversed_by": null,
        "source_type": text_param(call, "source_type").unwrap_or("card"),
        "statement_descriptor": param(call, "statement_descriptor"),
        "status": "pending",
        "trace_id": null,
        "type": "bank_account",
    });
    state.insert(&call.scope, payout.clone());
    state.schedule(arrival, Task::PayoutArrives(id));
    emit(
        state,
        call.now,
        &call.scope,
        "payout.created",
        payout.clone(),
        None,
    );
    Ok(payout)
}

/// `GET /v1/payouts/{payout}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("payout", &call.scope, &call.path[0])
}

/// `GET /v1/payouts`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "payout",
        "/v1/payouts",
        &["destination", "status"],
        |row| pages::in_range(row, call, "arrival_date"),
    )
}

/// `POST /v1/payouts/{payout}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let payout = state.find("payout", &call.scope, &call.path[0])?;
    let merged = merge_metadata(&payout["metadata"], call.params.get("metadata"));
    let (payout, previous) = state.update(&call.path[0], json!({"metadata": merged}));
    emit(
        state,
        call.now,
        &call.scope,
        "payout.updated",
        payout.clone(),
        Some(previous),
    );
    Ok(payout)
}

/// `POST /v1/payouts/{payout}/cancel`
pub(crate) fn cancel(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let payout = state.find("payout", &call.scope, &call.path[0])?;
    if text(&payout, "status") != "pending" {
        return Err(StripeError::invalid("Only pending payouts can be canceled."));
    }
    let (amount, currency) = (integer(&payout, "amount"), text(&payout, "currency"));
    let kinds = ("payout_cancel", "payout_reversal");
    let returned = move_money(
        state,
        call.now,
        &call.scope,
        kinds,
        amount,
        currency,
        &call.path[0],
    );
    let changes = json!({"status": "canceled", "failure_balance_transaction": returned});
    let (payout, _) = state.update(&call.path[0], changes);
    emit(
        state,
        call.now,
        &call.scope,
        "payout.canceled",
        payout.clone(),
        None,
    );
    Ok(payout)
}

/// The money reaches the bank.
pub(crate) fn arrive(state: &mut State, now: i64, id: &str) {
    let Some(row) = state.row(id) else { return };
    let scope = row.scope.clone();
    if text(&row.value, "status") == "pending" {
        let (payout, _) = state.update(id, json!({"status": "paid"}));
        emit(state, now, &scope, "payout.paid", payout, None);
    }
}

/// The bank sends the money back, before or after it seemed to arrive.
pub(crate) fn fail(state: &mut State, now: i64, id: &str, code: &str) -> Result<Value, StripeError> {
    let row = state.row(id).filter(|row| text(&row.value, "object") == "payout");
    let row = row.ok_or_else(|| StripeError::missing("payout", id))?;
    let (payout, scope) = (row.value.clone(), row.scope.clone());
    let status = text(&payout, "status");
    if !matches!(status, "pending" | "paid") {
        return Err(StripeError::invalid(format!("This payout is {status} already.")));
    }
    let (amount, currency) = (integer(&payout, "amount"), text(&payout, "currency"));
    let kinds = ("payout_failure", "payout_reversal");
    let returned = move_money(state, now, &scope, kinds, amount, currency, id);
    let (payout, _) = state.update(
        id,
        json!({
            "status": "failed",
            "failure_balance_transaction": returned,
            "failure_code": code,
            "failure_message": "The bank could not take this payout.",
        }),
    );
    emit(state, now, &scope, "payout.failed", payout.clone(), None);
    Ok(payout)
}

fn check_enabled(state: &State, scope: &Scope) -> Result<(), StripeError> {
    let Some(account) = scope else { return Ok(()) };
    if state.get(account)["payouts_enabled"] == true {
        return Ok(());
    }
    Err(
        StripeError::invalid("Cannot create payouts: payouts are not enabled for this account.")
            .code("payouts_not_allowed"),
    )
}

fn move_money(
    state: &mut State,
    now: i64,
    scope: &Scope,
    (kind, category): (&str, &str),
    amount: i64,
    currency: &str,
    source: &str,
) -> String {
    let description = "STRIPE PAYOUT".into();
    let movement = Movement {
        kind,
        category,
        amount,
        fee: 0,
        currency,
        source: Some(source),
        available_on: now,
        description,
    };
    post(state, now, scope, &movement)
}
