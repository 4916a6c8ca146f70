//! The books: double entry, append only, per sold unit. Money is moved here and nowhere else.
//!
//! Purpose: every effect on money is one transaction with a unique key, so that done twice it is done once. A sold unit is
//! a row that keeps each part of its price and what of it is still held, so that a refund gives back exactly that unit's
//! parts. `checkout` and `payout` tell what happened; only this module decides what it means for whose account.
//!
//! Rows are locked in one order everywhere: the order's row, its units, the parties' accounts, variants; `tx.rs` says
//! why, and holds it in tests. Functions that need the order's lock say so: their caller has taken it.
//!
//! Invariants (the audit checks them all): in every transaction debits equal credits; a party's balances run along under
//! a lock and never fall below zero; a party never owes while money of hers is available; what is held is the sum of
//! what remains held of the units; `stripe_cash` is moved by Stripe's balance transactions alone.
//!
//! ```text
//! a bank's claim:  held or available ──dispute──▶ disputed ──lost──▶ gone (what was paid out: receivable)
//!                                                    └─────won──▶ where it came from
//!
//! a unit's part:   held ──release──▶ available ──request──▶ in transit ──transfer──▶ paid out
//!                   │                 │    ▲ └──── refused for good ◀──┘               │
//!                   └─────refund──────┴────┼─────────── refund after payout ───────────┘
//!                                          │                      ▼
//!                                   earnings net it ◀──────── receivable ──▶ recovering ──▶ taken back
//!
//! a co-curator's:  nothing ──release──▶ available          and back, from wherever it is, by refunds and lost disputes
//! ```

mod audit;
mod books;
mod commands;
mod dispute;
mod earnings;
mod explain;
mod post;
mod queries;
mod refusal;
mod rules;
#[cfg(test)]
pub(crate) mod samples;
mod seal;
mod share;
pub mod split;
mod standing;
mod statement;
mod told;
mod words;

pub use audit::{Check, Finding, NotSince, Report, Since, audit, audit_since};
pub(crate) use commands::{ABOUT_DISPUTES, sharers_of};
pub use commands::{
    Decision, DisputeBooks, DisputeStage, NewAdjustment, Share, Shipping, Target, adjust,
    apply_balance_transaction, charge_paid, charge_unexpected, dispute_follows, matched_kinds, owed_of,
    payout_made, payout_refused, payout_requested, refund_decided, refund_failed, refund_made, release_due,
    reversal_made, reversal_refused, reversal_requested, units_delivered, units_returning, units_shipped,
};
pub use earnings::{Earnings, earnings_of};
pub use explain::{Explanation, explain};
pub(crate) use queries::refund_taken;
pub use queries::{
    adjustments, adjustments_by_id, available, dispute_parts_of, party_exists, receivable, stripe_cash,
    suspense, units_of,
};
pub use refusal::Refusal;
pub use rules::{charged_back, refundable};
pub use seal::seal;
pub use statement::{Balance, Change, StatementEntry, StatementPage, statement_count, statements};
