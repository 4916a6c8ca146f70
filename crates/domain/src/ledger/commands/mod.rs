//! What enters the books, one file per chapter.

pub(super) mod adjust;
mod dispute;
mod dispute_postings;
mod due_again;
mod owed;
mod refund;
mod release;
mod sale;
pub(super) mod settlement;
mod share;
mod transfer;
mod window;

pub use adjust::{Decision, NewAdjustment, Target, adjust};
pub use dispute::{DisputeBooks, DisputeStage, dispute_follows};
pub use owed::owed_of;
pub use refund::{refund_decided, refund_failed, refund_made};
pub use release::release_due;
pub use sale::{Shipping, charge_paid, charge_unexpected};
pub(crate) use settlement::ABOUT_DISPUTES;
pub use settlement::{apply_balance_transaction, matched_kinds};
pub use share::Share;
pub(crate) use share::sharers_of;
pub use transfer::{
    payout_made, payout_refused, payout_requested, reversal_made, reversal_refused, reversal_requested,
};
pub use window::{units_delivered, units_returning, units_shipped};
