//! Which units a refund gives back.

use crate::id::{RefundId, UnitId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One unit of one refund.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund_unit")]
pub struct Model {
    /// The refund.
    #[sea_orm(primary_key, auto_increment = false)]
    pub refund_id: RefundId,
    /// The unit; in one live refund at most.
    #[sea_orm(primary_key, auto_increment = false)]
    pub unit_id: UnitId,
    /// The unit's price, minor units.
    pub amount: i64,
    /// Whether its piece went back into the stock with this refund, and stayed there: when the refund fails, a piece that
    /// was never shipped is the buyer's again, unless somebody else has bought it. It goes back once at most.
    pub restocked: bool,
}

plain_row!();
