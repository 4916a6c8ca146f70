//! Why nothing is erased, or recorded, as clients read it.

use vitrine_domain::identity;
use vitrine_domain::privacy::Refusal;

use crate::error::{UserError, UserErrorCode};

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{Forbidden, Invalid, NotFound, TooManyAttempts, WrongCredentials, WrongState};
        match refusal {
            Refusal::AccountNotFound => Self::new(NotFound, "accountId", "there is no such account of yours"),
            Refusal::OrderNotFound => Self::new(NotFound, "orderId", "there is no such order of yours"),
            Refusal::Unproven(identity::Refusal::TooManyAttempts { until }) => Self::new(
                TooManyAttempts,
                "password",
                format!("too many wrong passwords: try again at {}", until.to_rfc3339()),
            ),
            Refusal::Unproven(_) => Self::new(WrongCredentials, "password", "the password is wrong"),
            Refusal::IsOperator => Self::new(
                Forbidden,
                "",
                "an account that runs the platform is not erased: that has to be taken from it first",
            ),
            Refusal::OrdersOpen(count) => Self::new(
                WrongState,
                "",
                format!(
                    "{count} orders are not over: wait until they arrived and can no longer be sent back"
                ),
            ),
            Refusal::OrderOpen => Self::new(
                WrongState,
                "orderId",
                "the order is not over: wait until it arrived and can no longer be sent back",
            ),
            Refusal::MoneyOutstanding => Self::new(
                WrongState,
                "",
                "money that was earned, or is owed, is not settled: wait for the payout, or settle it with those who run the platform",
            ),
            Refusal::OnlyOwner(brand) => Self::new(
                WrongState,
                "",
                format!(
                    "the brand {brand} would be left without an owner: make somebody else an owner first"
                ),
            ),
            Refusal::NobodyNamed => Self::new(Invalid, "visitorId", "sign in, or name a visitor"),
            Refusal::NoAnswers => Self::new(Invalid, "answers", "give one answer at least"),
            Refusal::AnsweredTwice => Self::new(Invalid, "answers", "answer each question once"),
        }
    }
}
