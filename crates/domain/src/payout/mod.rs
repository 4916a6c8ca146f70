//! Money out: payout accounts, payout runs, transfers and their reversals.

use vitrine_model::id::RefundId;
use vitrine_model::intent;

use crate::context::{Context, Tx};
use crate::ports::Outcome;

pub(crate) async fn transfer_made(
    _tx: &Tx,
    _cx: &Context,
    _intent: &intent::Model,
    _outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn transfer_reversed(
    _tx: &Tx,
    _cx: &Context,
    _intent: &intent::Model,
    _outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn account_opened(
    _tx: &Tx,
    _cx: &Context,
    _intent: &intent::Model,
    _outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn account_changed(_cx: &Context, _account: &str) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn transfer_changed(_cx: &Context, _transfer: &str) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn recover(_cx: &Context, _refund: RefundId) -> anyhow::Result<()> {
    todo!()
}
pub(crate) async fn run(_cx: &Context) -> anyhow::Result<()> {
    todo!()
}
