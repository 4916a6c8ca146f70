//! Why identity says no, in words.

use vitrine_domain::identity::Refusal;

use crate::error::{UserError, UserErrorCode};

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{Forbidden, NotFound, Taken, WrongCredentials, WrongState};
        match refusal {
            Refusal::EmailTaken => Self::new(
                Taken,
                "email",
                "this address has an account already: sign in with it, or use another",
            ),
            Refusal::WrongCredentials => {
                Self::new(WrongCredentials, "", "the address or the password is wrong")
            }
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
