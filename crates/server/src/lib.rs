//! The process: configuration, wiring, HTTP, background work. It owns no rule of the business.
//!
//! Read [`router`] first: it shows every way in.

pub mod boot;
pub mod cli;
pub mod config;
pub mod demo;
pub mod worlds;

mod assets;
mod cookies;
mod database;
mod graphql;
mod health;
mod import;
mod limits;
mod listen;
mod operate;
pub mod outgoing;
mod proxies;
mod reconcile;
mod referral;
#[cfg(debug_assertions)]
pub mod rehearsal;
mod request;
mod router;
mod sockets;
mod uploads;
mod webhooks;
mod worker;

/// Bytes of stack of each thread that runs futures. Where nothing is optimised, the deepest ones, from a resolver through a
/// command into the payment provider's answer and back, come near the two megabytes that threads usually have.
pub const STACK: usize = 8 << 20;

pub use boot::{Running, Vitrine};
pub use worker::settle;
