//! Why identity says no.

use vitrine_model::Time;

/// Why an account, session or membership could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The address opens an account already.
    EmailTaken,
    /// No such account, or another password: which of the two is not told.
    WrongCredentials,
    /// Too often, for that account or from that address.
    TooManyAttempts {
        /// When it may be tried again.
        until: Time,
    },
    /// Unknown, expired, or of a session that was ended.
    TokenInvalid,
    /// It was used before: its session has just been ended.
    TokenReused,
    /// The token from a letter is unknown, expired, or was used, or the account has another address by now.
    LetterTokenInvalid,
    /// Another password than the one there is.
    WrongPassword,
    /// Another code than the app shows, or one used before, and no recovery code.
    WrongCode,
    /// What signing in began is unknown, has expired, or another password was set since.
    ChallengeInvalid,
    /// It takes a proof, given a moment ago, of who is signed in.
    StepUpRequired,
    /// She has a second factor already.
    FactorExists,
    /// She has none.
    FactorMissing,
    /// The platform has no domain for passkeys.
    PasskeysOff,
    /// She has as many passkeys as one may have.
    TooManyPasskeys,
    /// That passkey is known already, to her or to somebody.
    PasskeyTaken,
    /// What the device has signed is not what it was asked, or by no passkey that is known.
    PasskeyWrong,
    /// No such passkey of one's own.
    PasskeyNotFound,
    /// The address is proved already.
    VerifiedAlready,
    /// It takes a proved address.
    EmailUnverified,
    /// No such session of one's own.
    SessionNotFound,
    /// No such brand.
    BrandNotFound,
    /// One does not work for the brand. Brands are public; whether what is the brand's is so too, the caller knows.
    NotStaff,
    /// One works for the brand, but may not do this.
    RoleLacking,
    /// Nobody signs in with that address.
    AccountNotFound,
    /// Nobody with that account works for the brand.
    MemberNotFound,
    /// She is the brand's only owner.
    LastOwner,
    /// She works for the brand already.
    AlreadyMember,
    /// About an identity at a provider.
    External(ExternalRefusal),
    /// About an invitation.
    Invitation(InvitationRefusal),
    /// About an API key.
    ApiKey(ApiKeyRefusal),
}

/// Why an invitation could not be had, or accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationRefusal {
    /// None that waits, of a brand of one's own.
    NotFound,
    /// It was sent to another address than one's own.
    Elsewhere,
    /// As many of the brand's wait for their answer as may.
    TooMany,
}

/// Why an API key could not be had, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyRefusal {
    /// No such API key at a brand that is hers to manage.
    NotFound,
    /// It was revoked, or has run out.
    Dead,
    /// The brand has as many live API keys as it may.
    TooMany(u64),
    /// It may do nothing.
    NoScopes,
    /// It runs out before it is made.
    ExpiresInThePast,
}

/// Why an identity at a provider signs nobody in, or could not be linked or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalRefusal {
    /// A browser may not be sent there.
    ReturnNotAllowed,
    /// No identity provider is called so.
    ProviderUnknown,
    /// The identity provider says no, or what it says is not to be believed: why.
    ProviderRefused(String),
    /// The identity provider does not answer.
    ProviderUnreachable,
    /// Signing in there was not begun so, took too long, or was ended already.
    StateInvalid,
    /// The provider does not vouch for an address, and nobody is linked to the identity.
    EmailUnverified,
    /// An account has the address, and its owner has to sign in to it to link the identity.
    LinkNeeded,
    /// The identity is linked already, or another of the same issuer is.
    Linked,
    /// No such identity of one's own.
    NotFound,
    /// Without it there is no way to sign in.
    LastWayIn,
}
