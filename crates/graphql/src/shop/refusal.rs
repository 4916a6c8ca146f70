//! Why shops say no, as clients read it.

use vitrine_domain::failure::Failure;
use vitrine_domain::shop::{CuratingRefusal, Refusal};

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
            Refusal::Curating(refusal) => refusal.into(),
            Refusal::PlaceOutOfRange => Self::new(Invalid, "position", "places count from 1"),
        }
    }
}

impl From<CuratingRefusal> for UserError {
    fn from(refusal: CuratingRefusal) -> Self {
        use UserErrorCode::{Forbidden, LimitReached, NotFound, Taken, TokenInvalid, TooManyAttempts};
        match refusal {
            CuratingRefusal::TooManyAttempts => Self::new(
                TooManyAttempts,
                "",
                "too many invitations were sent: try again tomorrow",
            ),
            CuratingRefusal::TooManyCurators(most) => Self::new(
                LimitReached,
                "",
                format!("{most} may curate a shop with its owner, those invited among them"),
            ),
            CuratingRefusal::SharesExceeded(left) => Self::new(
                LimitReached,
                "share",
                format!("{left} basis points of what the shop earns are left to be shared"),
            ),
            CuratingRefusal::CuratorNotFound => {
                Self::new(NotFound, "accountId", "she does not curate this shop")
            }
            CuratingRefusal::InvitationNotFound => Self::new(
                NotFound,
                "id",
                "there is no such invitation to a shop of yours that waits for its answer",
            ),
            CuratingRefusal::TokenInvalid => Self::new(
                TokenInvalid,
                "token",
                "the invitation was accepted, taken back or sent again, or is too old: ask for another",
            ),
            CuratingRefusal::InvitedElsewhere => Self::new(
                Forbidden,
                "token",
                "the invitation was sent to another address than your account's",
            ),
            CuratingRefusal::AlreadyCurator => {
                Self::new(Taken, "token", "you curate this shop already, or it is yours")
            }
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
