//! Accounts, sessions, addresses, passwords, and who works for a brand.

mod account;
mod activity;
pub(crate) mod api_keys;
mod cookie;
mod email;
mod external;
mod factor;
mod freeze;
mod invitation;
pub(crate) mod letters;
mod member;
mod owners;
mod passkey;
mod password;
mod prepared;
mod session;
