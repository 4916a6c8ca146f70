//! What of a sold unit's earnings its shopholder passes on to those who curate the shop with her.

use crate::id::UnitId;
use crate::ledger::Party;
use crate::money::{BasisPoints, Currency};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One co-curator's share of one unit, as it was agreed when the buyer paid. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unit_share")]
pub struct Model {
    /// The unit.
    #[sea_orm(primary_key, auto_increment = false)]
    pub unit_id: UnitId,
    /// The co-curator.
    #[sea_orm(primary_key, auto_increment = false)]
    pub party: Party,
    /// Who passes it on: the unit's shopholder.
    pub shopholder: Party,
    /// The unit's.
    pub currency: Currency,
    /// Its place among the unit's shares, from 1: they are divided in this order.
    pub ordinal: i32,
    /// Of what the unit brings the shop.
    pub share_bp: BasisPoints,
    /// What it comes to, after what refunds and lost disputes took.
    pub due: i64,
    /// What of it has been passed on: all, once the shop's part was released; nothing before.
    pub passed: i64,
}

plain_row!();
