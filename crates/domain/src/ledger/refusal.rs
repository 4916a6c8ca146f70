//! Why the books say no to an operator.

use vitrine_model::money::Money;

use crate::idempotency::KeyRefusal;

/// Why an adjustment was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody of that id earns here.
    PartyNotFound,
    /// The amount is not above zero.
    NothingGiven,
    /// The platform holds no balance in that currency, from which it could be paid.
    CurrencyNotHeld,
    /// The party owes less than was to be written off.
    MoreThanOwed {
        /// What it owes.
        owed: Money,
    },
    /// Nothing of that kind and currency is in suspense.
    NothingSuspended,
    /// No open difference names this object: everything that Stripe moved for it is explained, or may still be.
    NothingUnexplained,
    /// There is no such adjustment.
    AdjustmentNotFound,
    /// It was taken back before, or takes one back itself.
    NotCorrectable,
    /// The idempotency key cannot be used.
    Key(KeyRefusal),
}

impl From<KeyRefusal> for Refusal {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Key(refusal)
    }
}
