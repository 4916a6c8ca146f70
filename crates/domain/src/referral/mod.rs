//! How visitors come, and who is credited for a sale: referral links, clicks, click tokens, credits.
//!
//! Invariants: a link leads to a stored destination of its own shop only; a code is unique; the same visitor counts once
//! an hour per link; a click token cannot be made by anyone else and expires; a line is credited to one shop at most, and
//! the reason is kept with it.
//!
//! ```text
//! visit by GET ──▶ click (counted, or not: repeated within the hour, prefetched) ──▶ redirect with a click token
//! visit by HEAD, by a bot ──▶ redirect without a token; nothing is recorded
//! click token ──▶ cart ──▶ checkoutStart decides the credit of each line and freezes it
//! ```

mod credits;
mod rules;
mod token;

pub use credits::{LineToCredit, credits};
pub use rules::{Credit, Credited};
pub use token::{TokenRefusal, read_click_token};
