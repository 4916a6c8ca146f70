//! What people may ask about their data: to have a copy of it, to have it erased, and to say what may be done with it.
//!
//! Invariants:
//! - Personal data stands in few places: accounts with what they sign in with, contacts of carts and orders, what a
//!   shopholder wrote into her shops, and free text about orders. Books, events, jobs, calls and webhooks carry opaque ids.
//!   What Stripe's calls and events need of it is taken out as soon as they are settled.
//! - Erasing takes all of it away and leaves the ids: the books stay whole, and lead to nobody.
//! - Nothing is erased while money is owed or an order is open: both need a person.
//! - Consent is a list of answers, each with the words that were read. None is ever changed; the last one counts.
//!
//! A domain erases its own rows; this one decides when, and calls them in one transaction.

mod commands;
mod consent;
mod export;
mod refusal;
mod retention;

pub use commands::{erase_account, erase_contact};
pub use consent::{Answer, Answers, Asked, consents, record_consent};
pub use export::export;
pub use refusal::Refusal;
pub(crate) use retention::sweep;
