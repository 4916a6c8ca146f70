//! Why shops say no, as clients read it.

use vitrine_domain::shop::Refusal;

use crate::error::{UserError, UserErrorCode};

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{Invalid, LimitReached, NotFound, NotPromotable, Taken};
        match refusal {
            Refusal::ShopNotFound => Self::new(NotFound, "", "you have no such shop"),
            Refusal::HandleTaken => {
                Self::new(Taken, "handle", "another shop has this handle: choose another")
            }
            Refusal::HandleReserved => Self::new(
                Taken,
                "handle",
                "nobody may be called that: choose another handle",
            ),
            Refusal::TooManyShops(most) => Self::new(
                LimitReached,
                "",
                format!("an account may open {most} shops, those closed among them"),
            ),
            Refusal::ProductNotFound => Self::new(NotFound, "productId", "there is no such product"),
            Refusal::NotPromotable => Self::new(
                NotPromotable,
                "productId",
                "its brand does not want this product to be recommended",
            ),
            Refusal::AlreadyRecommended => {
                Self::new(Taken, "productId", "the shop recommends this product already")
            }
            Refusal::TooManyRecommendations(most) => Self::new(
                LimitReached,
                "shopId",
                format!("a shop recommends {most} products at most: remove some first"),
            ),
            Refusal::RecommendationNotFound => {
                Self::new(NotFound, "", "there is no such recommendation in a shop of yours")
            }
            Refusal::OrderMalformed => Self::new(
                Invalid,
                "recommendationIds",
                "name each recommendation once, and one at least",
            ),
            Refusal::PlaceOutOfRange => Self::new(Invalid, "position", "places count from 1"),
        }
    }
}
