//! What payout does.

mod hold;
mod onboarding;
mod recovery;
mod run;
mod transfer;

pub use hold::{NewHold, hold, release_hold};
pub use onboarding::{NewOnboarding, Onboarding, onboard};
pub(crate) use onboarding::{account_changed, account_opened};
pub(crate) use recovery::transfer_reversed;
pub use recovery::{recover, recover_dispute};
pub use run::{request_run, run};
pub(crate) use transfer::{transfer_changed, transfer_made};
