//! How far the books were held against the payment provider's.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

pub mod difference;

/// The one row that says since when movements of the provider's balance are to be read, and who is reading them.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// When the last run began that read and applied everything; none before the first.
    pub cursor: Option<Time>,
    /// Tells runs apart; that of the run under way.
    pub token: Option<String>,
    /// Until when the run under way may be silent.
    pub leased_until: Option<Time>,
    /// When a run last came to its end.
    pub finished_at: Option<Time>,
    /// Balance transactions that the last run applied.
    pub applied: i64,
    /// Objects that the last run asked the provider about.
    pub asked: i64,
    /// Objects that the last run could not deal with.
    pub failed: i64,
}

plain_row!();
