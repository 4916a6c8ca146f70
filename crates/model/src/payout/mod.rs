//! Payouts, and the connected accounts they go to.

use crate::Time;
use crate::id::{IntentId, PayoutAccountId, PayoutId};
use crate::kinds::kinds;
use crate::ledger::Party;
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

pub mod payout_account;
pub mod payout_hold;
pub mod payout_run;
pub mod transfer_reversal;

kinds! {
    /// How far a payout is.
    PayoutState {
        /// The money is in transit; Stripe has not confirmed.
        Requested = "requested",
        /// The transfer was made.
        Paid = "paid",
        /// Stripe refused for good; the money is available again.
        Refused = "refused",
    }
}

kinds! {
    /// How far a transfer reversal is.
    ReversalState {
        /// Stripe has not answered.
        Requested = "requested",
        /// The money came back.
        Succeeded = "succeeded",
        /// Stripe refused; the party still owes it.
        Refused = "refused",
    }
}

kinds! {
    /// Why an account at Stripe will never receive anything any more.
    AccountClosure {
        /// Stripe refuses to serve its owner.
        Rejected = "rejected",
        /// It is not there any more, or not ours.
        Deleted = "deleted",
    }
}

/// Money moved to a party's connected account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutId,
    /// To whom.
    pub party: Party,
    /// Whither.
    pub payout_account_id: PayoutAccountId,
    /// Minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// How far it is.
    pub state: PayoutState,
    /// The intent to transfer.
    pub intent_id: IntentId,
    /// Stripe's id, tr_…, once made.
    pub transfer_id: Option<String>,
    /// What of it came back by reversals, minor units.
    pub reversed: i64,
    /// Why Stripe refused.
    pub refusal: Option<String>,
    /// When it was decided.
    pub requested_at: Time,
    /// When Stripe confirmed or refused it.
    pub settled_at: Option<Time>,
}

plain_row!();
