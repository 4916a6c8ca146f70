//! How visitors come: referral links and the clicks on them.

pub mod click;
pub mod link;
pub mod link_tally;
