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
}
