//! Stops that operators put to payouts.

use crate::Time;
use crate::id::{AccountId, PayoutHoldId};
use crate::ledger::Party;
use crate::row::plain_row;
use crate::text::Reason;
use sea_orm::entity::prelude::*;

/// While one stands, no payout of the party is made. A party has one at a time.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_hold")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutHoldId,
    /// Whose payouts.
    pub party: Party,
    /// Why; the party reads it.
    pub reason: Reason,
    /// The operator who put it.
    pub held_by: AccountId,
    /// Since when.
    pub held_at: Time,
    /// Why it was lifted.
    pub release_reason: Option<Reason>,
    /// The operator who lifted it.
    pub released_by: Option<AccountId>,
    /// When it was lifted; none while it stands.
    pub released_at: Option<Time>,
}

plain_row!();
