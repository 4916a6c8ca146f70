//! The catalogue's refusals in the clients' words.

use vitrine_domain::catalog::Refusal;

use crate::error::{UserError, UserErrorCode};

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{Forbidden, HandleReserved, Invalid, NotFound, Taken};
        match refusal {
            Refusal::Staff(refusal) => Self::from(refusal),
            Refusal::HandleTaken => {
                Self::new(Taken, "handle", "another brand has this handle: choose another")
            }
            Refusal::HandleReserved => Self::new(
                HandleReserved,
                "handle",
                "nobody may have this handle: choose another",
            ),
            Refusal::CurrencyNotHeld(held) => Self::new(
                Invalid,
                "currency",
                format!("this platform sells in {}", list(&held)),
            ),
            Refusal::OperatorOnly => Self::new(Forbidden, "", "only those who run the platform set this"),
            Refusal::DaysOutOfRange { field, min, max } => {
                Self::new(Invalid, field, format!("must be {min} to {max} days"))
            }
            Refusal::ProductNotFound => {
                Self::new(NotFound, "id", "there is no such product that you may change")
            }
            Refusal::VariantNotFound => Self::new(
                NotFound,
                "variantId",
                "there is no such variant that you may change",
            ),
            Refusal::OtherCurrency { field, expected } => {
                Self::new(Invalid, field, format!("the brand sells in {expected}"))
            }
            Refusal::AmountOutOfRange { field, max } => {
                Self::new(Invalid, field, format!("must be 0 to {max}"))
            }
            Refusal::FloorsOff => Self::new(Invalid, "priceFloor", "this platform knows no price floors"),
            Refusal::FloorAbovePrice => {
                Self::new(Invalid, "priceFloor", "the floor must not lie above the price")
            }
            Refusal::TooManyTags(most) => Self::new(Invalid, "tags", format!("{most} tags at most")),
            Refusal::DescriptionTangled(tangled) => {
                Self::new(Invalid, "descriptionHtml", tangled.to_string())
            }
            Refusal::StockBelowReserved { reserved } => Self::new(
                Invalid,
                "onHand",
                format!("orders under way were promised {reserved} of these: name that many at least"),
            ),
            Refusal::StockOutOfRange => Self::new(Invalid, "onHand", "must be 0 to 1000000000"),
            Refusal::Key(refusal) => Self::from(refusal),
            Refusal::ImportNotFound => Self::new(NotFound, "id", "there is no such import of yours"),
            Refusal::PricesExcludeTax => Self::new(
                Invalid,
                "brandId",
                "products of a brand whose prices exclude tax cannot be imported yet",
            ),
        }
    }
}

fn list<T: std::fmt::Display>(all: &[T]) -> String {
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
