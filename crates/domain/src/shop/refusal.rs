//! Why shops say no.

/// Why a shop or a recommendation could not be had or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such shop of one's own, or it is closed.
    ShopNotFound,
    /// A shop is published by who has proved her address.
    EmailUnverified,
    /// Another shop has this handle, or had it.
    HandleTaken,
    /// The handle is a word nobody may be called.
    HandleReserved,
    /// One account has so many shops at most, those closed among them.
    TooManyShops(u64),
    /// No such product, or none that can be seen.
    ProductNotFound,
    /// Its brand does not want the product to be recommended.
    NotPromotable,
    /// The shop recommends the product already.
    AlreadyRecommended,
    /// A shop recommends so many products at most.
    TooManyRecommendations(u64),
    /// No such recommendation in a shop of one's own, or it was removed.
    RecommendationNotFound,
    /// The new order names a recommendation twice, or none at all.
    OrderMalformed,
    /// Places count from 1.
    PlaceOutOfRange,
    /// About curating a shop together.
    Curating(CuratingRefusal),
}

/// Why a shop could not be curated together as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CuratingRefusal {
    /// Too many letters were sent by her, for the shop, or to that address.
    TooManyAttempts,
    /// So many people curate a shop with its owner at most, those invited among them.
    TooManyCurators(u64),
    /// Only so many basis points are left to be shared.
    SharesExceeded(i32),
    /// Nobody of that id curates the shop with its owner.
    CuratorNotFound,
    /// No such invitation to a shop of one's own, or it waits no more.
    InvitationNotFound,
    /// The token opens nothing, or not any more.
    TokenInvalid,
    /// The invitation was sent to another address.
    InvitedElsewhere,
    /// She curates the shop already, or it is hers.
    AlreadyCurator,
}
