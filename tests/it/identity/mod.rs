//! Accounts, sessions, and who works for a brand.

mod account;
mod activity;
mod cookie;
mod member;
mod session;
