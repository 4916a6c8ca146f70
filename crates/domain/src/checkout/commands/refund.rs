//! Money on its way back to buyers.

use vitrine_model::checkout::order;
use vitrine_model::id::{OrderId, RefundId};
use vitrine_model::intent;

use crate::checkout::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::ports::Outcome;

/// Calls a paid order off before anything shipped: all units are refunded and the stock goes back. `cancel_order` has
/// made sure that `by` may read the order; `key` is the client's idempotency key, not claimed yet.
///
/// # Errors
/// The refusals of a refund.
pub(in crate::checkout) async fn cancel_paid(
    _cx: &Context,
    _by: &Viewer,
    _order: OrderId,
    _key: String,
) -> Result<order::Model, Failure<Refusal>> {
    todo!()
}

pub(crate) async fn refund_made(
    _tx: &Tx,
    _cx: &Context,
    _intent: &intent::Model,
    _outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn refund_changed(_cx: &Context, _refund: &str) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn settle_refund(_cx: &Context, _refund: RefundId) -> anyhow::Result<()> {
    todo!()
}
