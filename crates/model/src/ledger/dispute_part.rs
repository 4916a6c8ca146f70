//! What disputes claim of sold units.

use crate::id::{DisputeId, UnitId};
use crate::ledger::{Part, Party};
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// What one dispute does to one part of one unit's price. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dispute_part")]
pub struct Model {
    /// The dispute.
    #[sea_orm(primary_key, auto_increment = false)]
    pub dispute_id: DisputeId,
    /// The unit.
    #[sea_orm(primary_key, auto_increment = false)]
    pub unit_id: UnitId,
    /// Which part of its price.
    #[sea_orm(primary_key, auto_increment = false)]
    pub part: Part,
    /// Whose it is; nobody's for the platform's.
    pub party: Option<Party>,
    /// The unit's.
    pub currency: Currency,
    /// What of the part the dispute claims.
    pub claimed: i64,
    /// What is frozen of what was held for the unit.
    pub frozen_held: i64,
    /// What is frozen of what was available to the party.
    pub frozen_available: i64,
    /// What was taken for good.
    pub lost: i64,
    /// How much of that had been held for the unit.
    pub lost_held: i64,
    /// The unit's share of Stripe's fee for the dispute, charged on to the brand.
    pub fee: i64,
}

plain_row!();
