//! What this database is for.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// The one row that says whether real money is meant here.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "installation")]
pub struct Model {
    /// Always 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Whether the first start was with a live key.
    pub livemode: bool,
    /// When that was.
    pub created_at: Time,
}

plain_row!();
