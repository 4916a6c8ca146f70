//! How visitors come: referral links, clicks, and which shop a sale is credited to.
