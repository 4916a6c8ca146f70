//! Shops and what they recommend.
//!
//! Invariants: a handle is taken once and for ever; a product stands once in a shop; only the shop's owner changes it; a
//! closed shop is seen by nobody and never opens again.
//!
//! ```text
//! shop:            draft ◀──▶ published        either ──▶ closed
//! recommendation:  live ──▶ removed            it stands while live in a published shop
//! ```

mod queries;

pub use queries::standing_recommendations;
