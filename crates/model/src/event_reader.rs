//! Who may look up an event later.

use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// An event of the stream that concerns an account, a brand or the platform.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_reader")]
pub struct Model {
    /// Whom: an account's or a brand's id, or "platform".
    #[sea_orm(primary_key, auto_increment = false)]
    pub reader: String,
    /// The event's place in the stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
}

plain_row!();
