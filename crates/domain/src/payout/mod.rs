//! Money out: payout accounts, payout runs, transfers and their reversals.
//!
//! Purpose: what is available to a party goes to its connected account at the payment provider, and what a refund after
//! that leaves it owing is asked back from there. The ledger says how much; this module says when and whither.
//!
//! Invariants: a party has one payout account that is not deleted; one payout per party and currency is in transit at a time; what a run
//! sends in a currency is covered by what the provider has available, less the refunds still to be made and the
//! operator's float; of runs that overlap only the one begun last makes payouts; nothing is sent to an account that may
//! not receive transfers now, nor to a party whose payouts the operator holds or that are frozen after a change of how its owner signs in or where its money goes; a transfer is never reversed by more than it carried; money in transit is never touched.
//!
//! ```text
//! payout:    requested ── transfer made ──▶ paid ── reversals add up in `reversed`
//!                └─────── refused for good ─▶ refused, the money is available again
//! reversal:  requested ── made ──▶ succeeded
//!                └─────── refused ─▶ refused, the party still owes it
//! account:   opening ──▶ onboarding ──▶ active ◀──▶ restricted
//!               each may become rejected, for good, or deleted: then another can be opened
//! ```

mod commands;
mod queries;
mod refusal;
mod rules;

pub use commands::{
    NewHold, NewOnboarding, Onboarding, hold, onboard, recover, recover_dispute, release_hold, request_run,
    run,
};
pub(crate) use commands::{
    account_changed, account_opened, transfer_changed, transfer_made, transfer_reversed,
};
pub use queries::{ByRequest, accounts_of, holds_on, minimum, payouts_by_id, payouts_of};
pub use refusal::Refusal;
pub use rules::{Standing, standing};
