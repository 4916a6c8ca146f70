//! What the provider holds for the platform.

use vitrine_model::money::Currency;

/// What the provider holds for the platform in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceFacts {
    /// What can be sent now, minor units.
    pub available: i64,
    /// What will be, minor units.
    pub pending: i64,
    /// In which currency.
    pub currency: Currency,
}

/// All that the provider holds for the platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balances {
    /// In the currencies we know, but for those in which there is nothing.
    pub known: Vec<BalanceFacts>,
    /// In others: the provider's code of each, and how much there is in its smallest unit. Nothing of it can be booked.
    pub foreign: Vec<(String, i64)>,
}
