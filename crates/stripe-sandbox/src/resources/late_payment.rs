//! Payments that end otherwise than on the hosted page: still under way when their session expires, or paid after that.

use crate::cards::Card;
use crate::error::StripeError;
use crate::resources::checkout_session;
use crate::resources::payment_intent;
use crate::resources::payment_method::{self, Holder};
use crate::state::{State, integer, text};
use serde::Deserialize;
use serde_json::{Value, json};

/// How a payment under way ends.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// As its card or bank account says.
    #[default]
    Natural,
    Succeeded,
    Failed,
}

/// The buyer of an open session pressed Pay, and the bank has not answered yet; returns the session.
pub(crate) fn begin(state: &mut State, now: i64, id: &str, card: &str) -> Result<Value, StripeError> {
    let session = session(state, id, "open")?;
    start(state, now, &session, card)?;
    Ok(state.get(id))
}

/// The bank answers: a card's payment that was begun, or a bank debit. What the session hears depends on whether it still
/// lives. Returns the session.
pub(crate) fn finish(state: &mut State, now: i64, id: &str, outcome: Outcome) -> Result<Value, StripeError> {
    let session = state.get(id);
    let intent = state.get(text(&session, "payment_intent"));
    if text(&intent, "status") != "processing" {
        return Err(StripeError::invalid("No payment of this session is under way."));
    }
    payment_intent::settle_as(state, now, text(&intent, "id"), outcome);
    Ok(state.get(id))
}

/// The money of a session that has expired arrives all the same; returns the session, which stays expired.
pub(crate) fn pay_late(state: &mut State, now: i64, id: &str, card: &str) -> Result<Value, StripeError> {
    let session = session(state, id, "expired")?;
    start(state, now, &session, card)?;
    finish(state, now, id, Outcome::Natural)
}

fn session(state: &State, id: &str, status: &str) -> Result<Value, StripeError> {
    let row = state
        .row(id)
        .filter(|row| text(&row.value, "object") == "checkout.session");
    let session = &row
        .ok_or_else(|| StripeError::missing("checkout.session", id))?
        .value;
    if text(session, "status") != status {
        let message = format!("This session is {}, not {status}.", text(session, "status"));
        return Err(StripeError::invalid(message));
    }
    if integer(session, "amount_total") == 0 {
        return Err(StripeError::invalid("This session asks for no payment."));
    }
    Ok(session.clone())
}

/// Puts the session's payment intent under way.
fn start(state: &mut State, now: i64, session: &Value, card: &str) -> Result<(), StripeError> {
    let card = Card::by_number(card)
        .or_else(|| Card::by_token(card))
        .ok_or_else(|| {
            StripeError::invalid("card: neither a test card's number nor a test payment method.")
        })?;
    let scope = state
        .row(text(session, "id"))
        .map(|row| row.scope.clone())
        .unwrap_or_default();
    let intent = checkout_session::intent_of(state, now, session, &scope);
    if matches!(text(&state.get(&intent), "status"), "processing" | "succeeded") {
        return Err(StripeError::invalid(
            "A payment of this session is under way, or done.",
        ));
    }
    let method = payment_method::create(state, now, &scope, card, &Holder::default());
    payment_intent::put_under_way(state, now, &scope, &intent, &method);
    state.update(&intent, json!({"canceled_at": null, "cancellation_reason": null}));
    Ok(())
}
