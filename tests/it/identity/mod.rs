//! Accounts, sessions, addresses, passwords, and who works for a brand.

mod account;
mod activity;
mod cookie;
mod email;
mod factor;
mod freeze;
mod invitation;
mod letters;
mod member;
mod password;
mod session;
