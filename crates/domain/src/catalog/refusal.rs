//! Why the catalogue says no.

use vitrine_model::money::{Currency, Money};

use crate::catalog::html::Tangled;
use crate::idempotency::KeyRefusal;
use crate::identity;

/// Why a brand, product, variant, its terms or an import could not be had or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// One does not work for the brand, or may not do this there.
    Staff(identity::Refusal),
    /// Another brand has this handle.
    HandleTaken,
    /// The handle is a word nobody may be called.
    HandleReserved,
    /// The platform holds no balance in this currency; these are those it does.
    CurrencyNotHeld(Vec<Currency>),
    /// Only the operator sets the platform's fees.
    OperatorOnly,
    /// A number of days outside its limits.
    DaysOutOfRange {
        /// The input field.
        field: &'static str,
        /// The least.
        min: i32,
        /// The most.
        max: i32,
    },
    /// No such product, or none that one may change.
    ProductNotFound,
    /// No such variant, or none that one may change.
    VariantNotFound,
    /// The amount is in another currency than the brand sells in.
    OtherCurrency {
        /// The input field.
        field: &'static str,
        /// The brand's.
        expected: Currency,
    },
    /// The amount is below zero or beyond what can be charged.
    AmountOutOfRange {
        /// The input field.
        field: &'static str,
        /// The most.
        max: Money,
    },
    /// The operator has not enabled price floors.
    FloorsOff,
    /// The floor lies above the price.
    FloorAbovePrice,
    /// Another product of the brand has this handle.
    ProductHandleTaken,
    /// The parts of a new product do not fit each other.
    Misshapen(Misshapen),
    /// Something about one variant of a new product.
    OfVariant {
        /// Its place, from 0.
        variant: usize,
        /// What.
        refusal: Box<Refusal>,
    },
    /// Too many tags.
    TooManyTags(usize),
    /// The description's HTML is nested too deep, or worse.
    DescriptionTangled(Tangled),
    /// Fewer pieces than are promised to orders under way.
    StockBelowReserved {
        /// How many are.
        reserved: i64,
    },
    /// A number of pieces that cannot be.
    StockOutOfRange,
    /// The idempotency key cannot be used.
    Key(KeyRefusal),
    /// No such import.
    ImportNotFound,
    /// Imports of brands whose prices exclude tax are not possible yet.
    PricesExcludeTax,
}

/// Why the parts of a new product do not fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misshapen {
    /// There is no variant, or there are more than so many.
    VariantCount(usize),
    /// There are more images than so many.
    TooManyImages(usize),
    /// There are more than three options, or two of one name.
    OptionNames,
    /// A variant has not one value for each option, of which there are so many.
    OptionCount(usize),
    /// A variant has the same values as another before it.
    VariantTwice,
}

impl From<Misshapen> for Refusal {
    fn from(misshapen: Misshapen) -> Self {
        Self::Misshapen(misshapen)
    }
}

impl From<identity::Refusal> for Refusal {
    fn from(refusal: identity::Refusal) -> Self {
        Self::Staff(refusal)
    }
}

impl From<KeyRefusal> for Refusal {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Key(refusal)
    }
}
