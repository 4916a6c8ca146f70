//! The payout run now under way.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// The one row that says which payout run may make payouts: the one begun last. An older one that is still at it stops.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_run")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Tells the runs apart.
    pub token: String,
    /// When it began.
    pub started_at: Time,
}

plain_row!();
