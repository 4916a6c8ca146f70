//! The sandbox over real HTTP. Every answer is held against Stripe's OpenAPI document as it comes in: see `schema`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod checkout;
mod connect;
mod deliveries;
mod disputes;
mod faults;
mod late;
mod lists;
mod money;
mod payments;
mod protocol;
mod schema;
mod support;
mod webhooks;
