//! Why shops say no, as clients read it.

use vitrine_domain::failure::Failure;
use vitrine_domain::shop::Refusal;

use crate::error::{Trouble, UserError, UserErrorCode};
use crate::identity::UNVERIFIED;

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{
            EmailUnverified, HandleReserved, Invalid, LimitReached, NotFound, NotPromotable, Taken,
        };
        match refusal {
            Refusal::ShopNotFound => Self::new(NotFound, "id", "you have no such shop"),
            Refusal::EmailUnverified => Self::new(EmailUnverified, "", UNVERIFIED),
            Refusal::HandleTaken => {
                Self::new(Taken, "handle", "another shop has this handle: choose another")
            }
            Refusal::HandleReserved => Self::new(
                HandleReserved,
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
            Refusal::RecommendationNotFound => Self::new(
                NotFound,
                "id",
                "there is no such recommendation in a shop of yours",
            ),
            Refusal::OrderMalformed => Self::new(
                Invalid,
                "recommendationIds",
                "name each recommendation once, and one at least",
            ),
            Refusal::PlaceOutOfRange => Self::new(Invalid, "position", "places count from 1"),
        }
    }
}

/// The refusals of a mutation whose input names the shop by `shopId`, and recommendations in it by `recommendationIds`.
pub(super) fn in_shop(failure: Failure<Refusal>) -> Trouble {
    let field = match failure {
        Failure::Refused(Refusal::ShopNotFound) => "shopId",
        Failure::Refused(Refusal::RecommendationNotFound) => "recommendationIds",
        other => return other.into(),
    };
    let trouble: Trouble = failure.into();
    match trouble {
        Trouble::User(error) => UserError::new(error.code, field, error.message).into(),
        other => other,
    }
}
