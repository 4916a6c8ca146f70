//! Why payout says no.

use crate::idempotency::KeyRefusal;

/// Why there is no onboarding link, or no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Only who has proved her address is paid.
    EmailUnverified,
    /// No such brand.
    BrandNotFound,
    /// One does not work for the brand.
    NotStaff,
    /// One works for the brand, but only its owner may do this.
    RoleLacking,
    /// A first account of one's own needs a country.
    CountryMissing,
    /// The browser may not be sent back there.
    ReturnUrlNotAllowed,
    /// The browser may not be sent there for a new link.
    RefreshUrlNotAllowed,
    /// The payment provider has closed the account for good.
    AccountRejected,
    /// The payment provider refused, in its own words.
    Provider(String),
    /// Nobody of that id earns here.
    PartyNotFound,
    /// The party's payouts are held already.
    HeldAlready,
    /// The party's payouts are not held.
    NotHeld,
    /// The idempotency key cannot be used.
    Key(KeyRefusal),
}

impl From<KeyRefusal> for Refusal {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Key(refusal)
    }
}
