//! What Stripe says of an order's payment.

use vitrine_model::intent;

use crate::context::{Context, Tx};
use crate::ports::Outcome;

pub(crate) async fn session_opened(
    _tx: &Tx,
    _cx: &Context,
    _intent: &intent::Model,
    _outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn session_changed(_cx: &Context, _session: &str) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn charge_changed(_cx: &Context, _charge: &str) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn settle_charge(_cx: &Context, _charge: &str) -> anyhow::Result<()> {
    todo!()
}
