//! Tests of the whole product, through its front door: each boots the server, on SQLite and on PostgreSQL, beside a
//! Stripe sandbox of its own, with a clock moved by hand and chance that repeats itself, and speaks GraphQL to it over
//! HTTP.
//!
//! Write one like this; `support` shows what `App` can do:
//!
//! ```ignore
//! on_both! {
//!     /// Tests read as sentences.
//!     async fn a_taken_handle_is_refused(app) {
//!         let anna = app.someone("anna").await;
//!         let answer = anna.ask("mutation { shopOpen(input: { … }) { userErrors { code field } } }", json!({})).await;
//!         assert_eq!(answer["shopOpen"]["userErrors"][0]["code"], "TAKEN");
//!     }
//! }
//! ```
//!
//! After every test all jobs are run until none is due, none may be dead, and the audit must be green.

#![allow(missing_docs, reason = "tests are described by their names")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod support;

mod access;
mod ambiguity;
mod catalog;
mod checkout;
mod connections;
mod contract;
mod curating;
mod dispute;
mod dispute_again;
mod fulfillment;
mod gateway;
mod idempotency;
mod identity;
mod import;
mod interleavings;
mod invariants;
mod journeys;
mod ledger;
mod listing;
mod lists;
mod model;
mod notify;
mod operator;
mod outgoing;
mod payout;
mod plans;
mod privacy;
mod process;
mod reconcile;
mod referral;
mod refund;
mod shop;
mod subscriptions;
mod transport;
mod webhook_endpoints;
mod webhooks;
