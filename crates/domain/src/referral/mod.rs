//! How visitors come, and who is credited for a sale: referral links, clicks, click tokens, credits.
//!
//! Invariants: a link leads to a stored destination of its own shop only; a code is unique; the same visitor counts once
//! an hour per link; a click token cannot be made by anyone else and expires; a line is credited to one shop at most, that
//! of the last click valid for it, and the reason is kept with it.
//!
//! ```text
//! visit by GET ──▶ click (counted, or not: repeated within the hour, prefetched) ──▶ redirect with a click token
//! visit by HEAD, by a bot ──▶ redirect without a token; nothing is recorded
//! click tokens ──▶ cart ──▶ checkoutStart decides the credit of each line and freezes it
//! ```

mod clicks;
mod commands;
mod credits;
mod forget;
mod landing;
mod queries;
mod recording;
mod refusal;
mod rules;
mod tally;
mod token;
mod visits;

pub use clicks::{Clicks, Unrecorded};
pub use commands::{Landing, NewLink, Target, create_link, record_click};
pub use credits::{Buyer, LineToCredit, credits};
pub(crate) use forget::{forget_labels, sweep_visitors};
pub use queries::{ByCreation, LinkCounts, click_of, link_counts, link_url, links_by_id, links_of};
pub use refusal::Refusal;
pub use rules::{Credit, Credited};
pub(crate) use tally::count_sales;
pub use token::{TokenRefusal, read_click_token};
pub use visits::Visit;
