//! The process: configuration, wiring, HTTP, background work. It owns no rule of the business.
//!
//! Read [`router`] first: it shows every way in.

pub mod boot;
pub mod cli;
pub mod config;
pub mod demo;
pub mod worlds;

mod assets;
mod database;
mod graphql;
mod health;
mod import;
mod listen;
mod operate;
mod referral;
mod request;
mod router;
mod uploads;
mod webhooks;
mod worker;

pub use boot::{Running, Vitrine};
pub use worker::settle;
