//! Calls to the payment provider, written down before they are made.

use crate::Time;
use crate::id::IntentId;
use crate::kinds::kinds;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

kinds! {
    /// Which call.
    IntentKind {
        /// Open a checkout session.
        SessionOpen = "session_open",
        /// Expire a checkout session.
        SessionExpire = "session_expire",
        /// Refund a charge.
        RefundMake = "refund_make",
        /// Transfer to a connected account.
        TransferMake = "transfer_make",
        /// Reverse a transfer.
        TransferReverse = "transfer_reverse",
        /// Open a connected account.
        AccountOpen = "account_open",
        /// Tell the evidence against a dispute.
        DisputeEvidence = "dispute_evidence",
        /// Give in to a dispute.
        DisputeAccept = "dispute_accept",
    }
}

kinds! {
    /// What is known of the call.
    IntentState {
        /// Not made, or its answer is unknown.
        Open = "open",
        /// It took effect.
        Succeeded = "succeeded",
        /// It was refused for good.
        Refused = "refused",
    }
}

/// One call, its parameters frozen.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "intent")]
pub struct Model {
    /// Its id; the idempotency key sent is made from it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IntentId,
    /// Which call.
    pub kind: IntentKind,
    /// The row it is for; one live intent of a kind per subject.
    pub subject: String,
    /// With what, frozen: a JSON object. Once the outcome is known, without what it said of people.
    pub params: String,
    /// SHA-256 of them.
    pub params_hash: Vec<u8>,
    /// What is known.
    pub state: IntentState,
    /// The object it made.
    pub stripe_id: Option<String>,
    /// How often it was sent.
    pub attempts: i32,
    /// When it was first sent: the provider forgets keys after a day.
    pub first_sent_at: Option<Time>,
    /// The last refusal or failure, for people.
    pub error: Option<String>,
    /// When it was decided.
    pub created_at: Time,
    /// When its outcome was known.
    pub settled_at: Option<Time>,
}

plain_row!();
