//! How much somebody asked for within a minute, counted over all nodes.

use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// What one account, key or address took within one window of time.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rate_window")]
pub struct Model {
    /// Whose: a keyed hash, which tells nobody an address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: Vec<u8>,
    /// When the window began, in seconds since 1970.
    #[sea_orm(primary_key, auto_increment = false)]
    pub began: i64,
    /// Points taken by all nodes together. What was taken beyond the limit is counted, and not granted.
    pub taken: i64,
}

plain_row!();
