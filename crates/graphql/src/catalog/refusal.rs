//! The catalogue's refusals in the clients' words.

use vitrine_domain::catalog::{Misshapen, Refusal};

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
            Refusal::ProductHandleTaken => Self::new(
                Taken,
                "handle",
                "another product of the brand has this handle: choose another, or change that one",
            ),
            Refusal::Misshapen(misshapen) => misfit(misshapen),
            Refusal::OfVariant { variant, refusal } => {
                Self::from(*refusal).beneath(&format!("variants.{variant}"))
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

fn misfit(misshapen: Misshapen) -> UserError {
    match misshapen {
        Misshapen::VariantCount(most) => UserError::new(
            UserErrorCode::Invalid,
            "variants",
            format!("name 1 to {most} variants"),
        ),
        Misshapen::TooManyImages(most) => {
            UserError::new(UserErrorCode::Invalid, "images", format!("{most} images at most"))
        }
        Misshapen::OptionNames => UserError::new(
            UserErrorCode::Invalid,
            "optionNames",
            "name three options at most, each by another name",
        ),
        Misshapen::OptionCount(options) => UserError::new(
            UserErrorCode::Invalid,
            "options",
            format!("give {options} values, one for each option"),
        ),
        Misshapen::VariantTwice => UserError::new(
            UserErrorCode::Invalid,
            "options",
            "a variant before it has the same values",
        ),
    }
}

fn list<T: std::fmt::Display>(all: &[T]) -> String {
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
