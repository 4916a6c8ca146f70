//! Why identity says no, in words.

use chrono::SecondsFormat;
use vitrine_domain::identity::Refusal;

use crate::error::{UserError, UserErrorCode};

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{
            Forbidden, NotFound, Taken, TokenInvalid, TooManyAttempts, WrongCredentials, WrongState,
        };
        match refusal {
            Refusal::EmailTaken => Self::new(
                Taken,
                "email",
                "this address has an account already: sign in with it, or use another",
            ),
            Refusal::WrongCredentials => {
                Self::new(WrongCredentials, "", "the address or the password is wrong")
            }
            Refusal::TooManyAttempts { until } => Self::new(
                TooManyAttempts,
                "",
                format!(
                    "that was tried too often: try again after {}",
                    until.to_rfc3339_opts(SecondsFormat::Secs, true)
                ),
            ),
            Refusal::TokenInvalid => Self::new(
                TokenInvalid,
                "refreshToken",
                "this token opens nothing, any more or at all: sign in anew",
            ),
            Refusal::TokenReused => Self::new(
                TokenInvalid,
                "refreshToken",
                "this token was used before, so somebody else may have it: its session is ended, sign in anew",
            ),
            Refusal::SessionNotFound => Self::new(NotFound, "id", "you have no such session"),
            Refusal::BrandNotFound => Self::new(NotFound, "brandId", "there is no such brand"),
            Refusal::NotStaff => Self::new(Forbidden, "", "you do not work for this brand"),
            Refusal::RoleLacking => Self::new(Forbidden, "", "your role at this brand does not allow this"),
            Refusal::AccountNotFound => {
                Self::new(NotFound, "email", "nobody has an account with this address")
            }
            Refusal::MemberNotFound => Self::new(NotFound, "accountId", "she does not work for this brand"),
            Refusal::LastOwner => Self::new(
                WrongState,
                "accountId",
                "a brand keeps one owner at least: add another first",
            ),
            Refusal::AlreadyMember => Self::new(Taken, "email", "she works for this brand already"),
        }
    }
}
