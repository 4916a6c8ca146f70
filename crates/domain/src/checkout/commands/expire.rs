//! Closing orders nobody paid.

use vitrine_model::checkout::order;
use vitrine_model::id::OrderId;
use vitrine_model::intent;

use crate::checkout::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::ports::Outcome;

/// Calls an order off before anything shipped. One that awaits payment has its page closed; a paid one is refunded. `key`
/// is the client's idempotency key.
///
/// # Errors
/// `OrderNotFound`, and the refusals of either way.
pub async fn cancel_order(
    _cx: &Context,
    _by: &Viewer,
    _order: OrderId,
    _key: String,
) -> Result<order::Model, Failure<Refusal>> {
    todo!()
}

pub(crate) async fn session_expired(
    _tx: &Tx,
    _cx: &Context,
    _intent: &intent::Model,
    _outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn expire_order(_cx: &Context, _order: OrderId) -> anyhow::Result<()> {
    todo!()
}
