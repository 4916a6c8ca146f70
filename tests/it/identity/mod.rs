//! Accounts, sessions, and who works for a brand.

mod account;
mod member;
mod session;
