//! The one stream of what happened.

use crate::Time;
use crate::id::EventId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// Something a command did. It carries ids, never personal data.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Its place in the stream.
    #[sea_orm(primary_key)]
    pub sequence: i64,
    /// Its id; unique.
    pub id: EventId,
    /// What happened: "order.paid".
    pub kind: String,
    /// What it happened to: an id.
    pub subject: String,
    /// Who did it: an account's or an API key's id, "guest", "operator", "stripe" or "system".
    pub actor: String,
    /// What they did it through: the id of a session; none for what nobody signed in did.
    pub through: Option<String>,
    /// Further ids: a JSON object.
    pub payload: String,
    /// When.
    pub occurred_at: Time,
}

plain_row!();
