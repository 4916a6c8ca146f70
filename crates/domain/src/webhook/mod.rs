//! Outgoing webhooks: brands, and the platform's own apps, are told of what happens, by messages to addresses they name, as
//! Standard Webhooks describes them (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! Invariants:
//! - A message carries ids only. Who wants to know more asks the API, under her own access.
//! - A brand is told only of what concerns it: an order that holds something of it, its own payouts, its own products.
//! - An endpoint has one message per event; its id and its body stay the same over all attempts, so that a receiver who is
//!   told twice can notice. It is told at least once, in no certain order.
//! - An address may lead anywhere, so only the courier goes there ([`crate::ports::Courier`]), outside of every
//!   transaction and in a lane of its own: nothing else waits for it.
//! - A secret is made of the platform's key, the endpoint's id and its generation, whenever it is needed, and kept nowhere.
//!   With another platform key all endpoints have other secrets: they must be rotated, or told anew.
//!
//! ```text
//!            dispatch                    2xx
//!  event ──────────────▶ pending ─────────────────▶ delivered
//!                         │   ▲ ▲                       │
//!          tenth failure, │   │ └───────────────────────┤ replay
//!       endpoint disabled ▼   │        replay           │
//!                        failed ────────────────────────┘
//! ```
//!
//! An endpoint that answers 410, or that fails for five days, is disabled: what is pending has failed then, what comes is
//! written down as failed at once, and both can be replayed once it is enabled again.

mod commands;
mod concern;
mod deliver;
mod dispatch;
mod queries;
mod refusal;
mod rules;

pub use commands::{
    EndpointChange, NewEndpoint, Replay, WithSecret, create_endpoint, delete_endpoint, disable_endpoint,
    enable_endpoint, replay_message, replay_since, rotate_secret, test_endpoint, update_endpoint,
};
pub(crate) use deliver::deliver;
pub(crate) use dispatch::{dispatch, listens_to};
pub use queries::{
    ByAge, MAX_ENDPOINTS, attempts_of, endpoints_by_id, endpoints_of, messages_by_id, messages_of,
};
pub use refusal::Refusal;
pub use rules::topics;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use vitrine_model::webhook::{MessageState, message};

use crate::context::Context;

/// Forgets messages that came to an end, with their attempts, when the operator's time for them has passed.
pub(crate) async fn sweep(cx: &Context) -> anyhow::Result<()> {
    let before = cx.now() - chrono::TimeDelta::days(cx.settings().webhook_days);
    message::Entity::delete_many()
        .filter(message::Column::CreatedAt.lt(before))
        .filter(message::Column::State.ne(MessageState::Pending))
        .exec(cx.db())
        .await?;
    Ok(())
}
