//! What was written off of a party's debt, and is due again since what had caused the debt came to nothing.

use crate::Time;
use crate::id::AdjustmentId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// So much of what an operator let a party off is due again. Rows are only ever inserted.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "debt_return")]
pub struct Model {
    /// What let the party off.
    #[sea_orm(primary_key, auto_increment = false)]
    pub adjustment_id: AdjustmentId,
    /// The ledger's key of what undid the cause; it is posted under `{cause}:due_again`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub cause: String,
    /// How much, minor units of the adjustment's currency; above zero.
    pub amount: i64,
    /// When.
    pub created_at: Time,
}

plain_row!();
