//! Payouts that wait because someone may not be who she says.

use crate::Time;
use crate::identity::FreezeCause;
use crate::ledger::Party;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// Until when a party is paid nothing, because how its owner proves who she is, or where its money goes, has changed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_freeze")]
pub struct Model {
    /// Whose payouts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub party: Party,
    /// What has changed last.
    pub cause: FreezeCause,
    /// When it changed.
    pub frozen_at: Time,
    /// When payouts go on by themselves.
    pub ends_at: Time,
}

plain_row!();
