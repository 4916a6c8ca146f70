//! What the business does. This crate may not know HTTP, GraphQL, Stripe's types or the environment.
//!
//! Every domain has the same files: `mod.rs` (purpose, invariants, states), `rules.rs` (pure decisions), `commands.rs`
//! (writes, one function per thing a person can do), `queries.rs`, `refusal.rs`.
//!
//! Who may call whom; a test reads this table and holds it true, and with it that a domain writes its own rows only:
//!
//! | domain   | may call                                     |
//! |----------|----------------------------------------------|
//! | identity |                                              |
//! | catalog  | identity, ledger                             |
//! | ledger   |                                              |
//! | shop     | identity, catalog, ledger                    |
//! | referral | identity, shop, catalog                      |
//! | checkout | identity, catalog, shop, referral, ledger    |
//! | payout   | identity, catalog, ledger                    |
//! | notify   | ledger                                       |
//! | webhook  | identity                                     |
//! | privacy  | identity, shop, referral, checkout, ledger   |
//!
//! `checkout` and `payout` never call each other: they meet in the ledger. Rows may be read through `vitrine_model` by
//! anyone. The modules beside the domains (`activity`, `context`, `tx`, `event`, `jobs`, `intent`, `inbox`, `reconcile`, `idempotency`,
//! `list`, `points`, `search`, `secret`, `stream`, `template`, `throttle`) are the mechanism all share; `jobs`, `intent`, `inbox` and `reconcile` hand what comes
//! back from outside to the domain it concerns.

pub mod activity;
pub mod context;
pub mod event;
pub mod failure;
pub mod idempotency;
pub mod inbox;
pub mod intent;
pub mod jobs;
pub mod list;
pub mod page;
pub mod points;
pub mod ports;
pub mod reconcile;
pub mod search;
pub mod secret;
pub mod settings;
pub mod stream;
mod template;
pub mod throttle;
mod tx;

pub mod catalog;
pub mod checkout;
pub mod identity;
pub mod ledger;
pub mod notify;
pub mod payout;
pub mod privacy;
pub mod referral;
pub mod shop;
pub mod webhook;
