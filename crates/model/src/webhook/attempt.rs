//! The log of deliveries.

use crate::Time;
use crate::id::{WebhookAttemptId, WebhookMessageId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One time that a message was sent.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempt")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookAttemptId,
    /// The message.
    pub message_id: WebhookMessageId,
    /// The how manieth of the message's, from 1.
    pub number: i32,
    /// The status of the answer, if there was one.
    pub status: Option<i32>,
    /// Why there was none, in plain English.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// When it was sent.
    pub sent_at: Time,
}

plain_row!();
