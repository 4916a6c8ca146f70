//! What endpoints are told.

use crate::Time;
use crate::id::{EventId, WebhookEndpointId, WebhookMessageId};
use crate::row::plain_row;
use crate::webhook::{MessageState, Topic};
use sea_orm::entity::prelude::*;

/// What one endpoint is told of one event. Its id and body stay the same over all attempts.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_message")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookMessageId,
    /// Whom.
    pub endpoint_id: WebhookEndpointId,
    /// What happened; an endpoint is told of an event once.
    pub event_id: EventId,
    /// Of which kind.
    pub topic: Topic,
    /// A JSON object, as it is sent. It carries ids, never personal data.
    pub body: String,
    /// What became of it.
    pub state: MessageState,
    /// How often it was sent.
    pub attempts: i32,
    /// How often it had been sent when somebody asked to have it sent anew: there its schedule began again.
    pub replayed_at_attempt: i32,
    /// When it is sent next; none when it is not.
    pub due_at: Option<Time>,
    /// Since when.
    pub created_at: Time,
    /// When it was accepted, or given up.
    pub settled_at: Option<Time>,
}

plain_row!();
