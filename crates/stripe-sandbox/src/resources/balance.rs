//! The balance and its transactions, of the platform or of the account named by `Stripe-Account`.

use crate::error::StripeError;
use crate::ledger;
use crate::pages;
use crate::state::{Call, State};
use serde_json::Value;

/// `GET /v1/balance`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    Ok(ledger::balance(state, &call.scope))
}

/// `GET /v1/balance_transactions/{id}`
pub(crate) fn retrieve_transaction(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("balance_transaction", &call.scope, &call.path[0])
}

/// `GET /v1/balance_transactions`
pub(crate) fn list_transactions(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let payout = call.params.get("payout").cloned();
    let url = "/v1/balance_transactions";
    // Payouts here are made by hand: as at Stripe, such a payout has no other transactions than its own.
    pages::list(
        state,
        call,
        "balance_transaction",
        url,
        &["currency", "source", "type"],
        |row| {
            payout
                .as_ref()
                .is_none_or(|payout| row.value["source"] == *payout)
        },
    )
}
