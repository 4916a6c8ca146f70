//! Mail handed over.

use crate::Time;
use crate::id::EventId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One message that was accepted for delivery. Neither address nor text is kept.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail")]
pub struct Model {
    /// Its Message-ID, made of the event and the recipient's part in it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The event it is about.
    pub event_id: EventId,
    /// When it was handed over.
    pub sent_at: Time,
}

plain_row!();
