//! Why identity says no, in words.

use chrono::SecondsFormat;
use vitrine_domain::identity::{self, ApiKeyRefusal, ExternalRefusal, InvitationRefusal, Refusal};
use vitrine_model::Time;

use crate::error::{UserError, UserErrorCode};

/// What is said to whom has not proved her address.
pub(crate) const UNVERIFIED: &str = "confirm your e-mail address first: a letter was sent there";

/// What is said to whom has not proved of late who she is.
const UNPROVED: &str = "prove anew who you are: call sessionStepUp, then ask again within ten minutes";
/// What is said of an address that opens an account.
const EMAIL_TAKEN: &str = "this address has an account already: sign in with it, or use another";
/// What is said of a token from a letter.
const LETTER_USED: &str = "this token was used, has expired or was never sent: ask for another letter";

/// What is said where passkeys are not set up.
const NO_PASSKEYS: &str = "this platform has no passkeys: its operator sets VITRINE_PASSKEY_DOMAIN";
/// What is said to whom has as many passkeys as one may have.
const TWENTY_PASSKEYS: &str = "you have twenty passkeys: take one away that you do not use";
/// What is said of a signature or a key that is not accepted.
const PASSKEY_WRONG: &str =
    "this opens nothing: it is not what the device was asked, or the passkey is not known here";

fn too_many(until: Time) -> UserError {
    let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    let message = format!("that was tried too often: try again after {until}");
    UserError::new(UserErrorCode::TooManyAttempts, "", message)
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{
            EmailUnverified, Forbidden, LimitReached, NotFound, StepUpRequired, Taken, TokenInvalid,
            WrongCode, WrongCredentials, WrongState,
        };
        match refusal {
            Refusal::EmailTaken => Self::new(Taken, "email", EMAIL_TAKEN),
            Refusal::WrongCredentials => {
                Self::new(WrongCredentials, "", "the address or the password is wrong")
            }
            Refusal::TooManyAttempts { until } => too_many(until),
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
            Refusal::LetterTokenInvalid => Self::new(TokenInvalid, "token", LETTER_USED),
            Refusal::WrongPassword => Self::new(WrongCredentials, "", "that is not the password you have"),
            Refusal::WrongCode => Self::new(
                WrongCode,
                "code",
                "that is not the code that the app shows now: wait for the next, or use a recovery code",
            ),
            Refusal::ChallengeInvalid => Self::new(
                TokenInvalid,
                "challenge",
                "this took too long, or was answered before: begin again",
            ),
            Refusal::StepUpRequired => Self::new(StepUpRequired, "", UNPROVED),
            Refusal::FactorExists => Self::new(WrongState, "", "you have a second factor already"),
            Refusal::FactorMissing => Self::new(WrongState, "", "you have no second factor to do this with"),
            Refusal::PasskeysOff => Self::new(WrongState, "", NO_PASSKEYS),
            Refusal::TooManyPasskeys => Self::new(LimitReached, "", TWENTY_PASSKEYS),
            Refusal::PasskeyTaken => Self::new(Taken, "credential", "this passkey is known already"),
            Refusal::PasskeyWrong => Self::new(WrongCredentials, "credential", PASSKEY_WRONG),
            Refusal::PasskeyNotFound => Self::new(NotFound, "id", "you have no such passkey"),
            Refusal::VerifiedAlready => Self::new(WrongState, "", "your address is proved already"),
            Refusal::EmailUnverified => Self::new(EmailUnverified, "", UNVERIFIED),
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
            Refusal::AlreadyMember => Self::new(
                Taken,
                "",
                "you work for this brand already: its owners change what you may do there",
            ),
            Refusal::External(refusal) => refusal.into(),
            Refusal::Invitation(refusal) => refusal.into(),
            Refusal::ApiKey(refusal) => refusal.into(),
        }
    }
}

impl From<InvitationRefusal> for UserError {
    fn from(refusal: InvitationRefusal) -> Self {
        use UserErrorCode::{Forbidden, LimitReached, NotFound};
        match refusal {
            InvitationRefusal::NotFound => Self::new(
                NotFound,
                "id",
                "no such invitation waits: it was accepted, taken back or replaced, or is too old",
            ),
            InvitationRefusal::Elsewhere => Self::new(
                Forbidden,
                "token",
                "this invitation was sent to another address: sign in with that one",
            ),
            InvitationRefusal::TooMany => Self::new(
                LimitReached,
                "brandId",
                format!(
                    "{} invitations wait for their answer: take some back first",
                    identity::MAX_INVITATIONS
                ),
            ),
        }
    }
}

impl From<ApiKeyRefusal> for UserError {
    fn from(refusal: ApiKeyRefusal) -> Self {
        use UserErrorCode::{Invalid, LimitReached, NotFound, WrongState};
        match refusal {
            ApiKeyRefusal::NotFound => Self::new(NotFound, "id", "no brand of yours has such an API key"),
            ApiKeyRefusal::Dead => Self::new(
                WrongState,
                "id",
                "this API key opens nothing any more: make another",
            ),
            ApiKeyRefusal::TooMany(most) => Self::new(
                LimitReached,
                "brandId",
                format!("a brand has {most} live API keys at most: revoke one that is not needed"),
            ),
            ApiKeyRefusal::NoScopes => Self::new(Invalid, "scopes", "name one scope at least"),
            ApiKeyRefusal::ExpiresInThePast => Self::new(Invalid, "expiresAt", "name a time to come"),
        }
    }
}

impl From<ExternalRefusal> for UserError {
    fn from(refusal: ExternalRefusal) -> Self {
        use UserErrorCode::{
            EmailUnverified, IdentityProviderFailed, LinkRequired, NotFound, ReturnUrlNotAllowed, Taken,
            TokenInvalid, WrongState,
        };
        match refusal {
            ExternalRefusal::ReturnNotAllowed => Self::new(
                ReturnUrlNotAllowed,
                "redirectUri",
                "a browser may not be sent to this address: the operator allows only some origins",
            ),
            ExternalRefusal::ProviderUnknown => {
                Self::new(NotFound, "provider", "no identity provider is called so")
            }
            ExternalRefusal::ProviderRefused(why) => Self::new(
                IdentityProviderFailed,
                "",
                format!("the identity provider says no: {why}"),
            ),
            ExternalRefusal::ProviderUnreachable => Self::new(
                IdentityProviderFailed,
                "",
                "the identity provider does not answer: try again later",
            ),
            ExternalRefusal::StateInvalid => Self::new(
                TokenInvalid,
                "state",
                "this was not begun here, took too long, or was ended already: begin again",
            ),
            ExternalRefusal::EmailUnverified => Self::new(
                EmailUnverified,
                "",
                "the identity provider does not vouch for your address: confirm it there, or open an account here",
            ),
            ExternalRefusal::LinkNeeded => Self::new(
                LinkRequired,
                "",
                "an account has this address: sign in to it, then link this identity",
            ),
            ExternalRefusal::Linked => Self::new(
                Taken,
                "",
                "this identity is linked already, or you have another one at this provider",
            ),
            ExternalRefusal::NotFound => Self::new(NotFound, "id", "you have no such identity"),
            ExternalRefusal::LastWayIn => Self::new(
                WrongState,
                "id",
                "it is your only way in: set a password first, by passwordResetRequest",
            ),
        }
    }
}
