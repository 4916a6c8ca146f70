//! Transfers taken back after a refund, or after a dispute lost.

use crate::Time;
use crate::id::{DisputeId, IntentId, PayoutId, RefundId, ReversalId};
use crate::ledger::Party;
use crate::money::Currency;
use crate::payout::ReversalState;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// An attempt to take money back from a connected account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transfer_reversal")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReversalId,
    /// The payout whose transfer is reversed.
    pub payout_id: PayoutId,
    /// From whom.
    pub party: Party,
    /// The refund that made it necessary; none when a dispute did.
    pub refund_id: Option<RefundId>,
    /// The dispute that made it necessary.
    pub dispute_id: Option<DisputeId>,
    /// Minor units.
    pub amount: i64,
    /// The payout's.
    pub currency: Currency,
    /// How far it is.
    pub state: ReversalState,
    /// The intent to reverse.
    pub intent_id: IntentId,
    /// Stripe's id, trr_…, once made.
    pub stripe_reversal_id: Option<String>,
    /// When it was decided.
    pub created_at: Time,
    /// When Stripe confirmed or refused it.
    pub settled_at: Option<Time>,
}

plain_row!();
