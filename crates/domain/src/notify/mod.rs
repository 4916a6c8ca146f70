//! Mail to those whom an event concerns: a reader of the event stream like any other.

use vitrine_model::id::EventId;

use crate::context::Context;

/// Whether anyone is written to about events of this kind.
pub(crate) fn listens_to(_kind: &str) -> bool {
    false
}

pub(crate) async fn deliver(_cx: &Context, _event: EventId) -> anyhow::Result<()> {
    todo!()
}
