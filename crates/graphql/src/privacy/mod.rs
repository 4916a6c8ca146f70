//! What people may ask about their data, as clients see it.

mod consent;
mod mutation;
mod refusal;

pub use consent::PrivacyQuery;
pub use mutation::PrivacyMutation;
