//! What payout does.

mod onboarding;
mod recovery;
mod run;
mod transfer;

pub use onboarding::{NewOnboarding, Onboarding, onboard};
pub(crate) use onboarding::{account_changed, account_opened};
pub use recovery::recover;
pub(crate) use recovery::transfer_reversed;
pub use run::{request_run, run};
pub(crate) use transfer::{transfer_changed, transfer_made};
