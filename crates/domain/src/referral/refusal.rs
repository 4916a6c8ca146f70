//! Why referral says no.

/// Why a referral link could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such shop of one's own, or it is closed.
    ShopNotFound,
    /// No such recommendation in the shop, or it was removed.
    RecommendationNotFound,
    /// The shop does not recommend the product.
    ProductNotFound,
    /// A shop has so many links at most.
    TooManyLinks(u64),
}
