//! Why buying says no.

use vitrine_model::checkout::OrderState;
use vitrine_model::money::{Currency, Money};
use vitrine_model::text::Country;

use crate::idempotency::KeyRefusal;
use crate::identity;

/// What stands between a cart and its checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing in the cart.
    Empty,
    /// Fewer pieces are left than the line at this place asks for.
    OutOfStock {
        /// The line's place in the cart, from 0.
        line: usize,
        /// How many are left.
        left: i64,
        /// How many the cart's other lines ask for of the same variant.
        elsewhere: i64,
    },
    /// The line at this place can no longer be bought.
    Gone {
        /// The line's place in the cart, from 0.
        line: usize,
    },
    /// The line at this place is sold in another currency than the cart.
    OtherCurrency {
        /// The line's place in the cart, from 0.
        line: usize,
    },
    /// No e-mail address.
    NoEmail,
    /// No delivery address.
    NoAddress,
    /// A brand does not ship to the delivery address.
    NotShipped {
        /// The brand's name.
        brand: String,
        /// Whither.
        country: Country,
    },
    /// The platform does not sell in the cart's currency.
    CurrencyNotSold(Currency),
    /// Stripe takes no charge that small.
    TotalTooSmall {
        /// The smallest.
        least: Money,
    },
    /// Stripe takes no charge that large.
    TotalTooLarge {
        /// The largest.
        most: Money,
    },
}

impl Problem {
    /// The line's place in the cart, from 0, if it is about one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::OutOfStock { line, .. } | Self::Gone { line } | Self::OtherCurrency { line } => Some(*line),
            _ => None,
        }
    }
}

/// Why a cart, order, parcel, return or refund could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such cart that she may see.
    CartNotFound,
    /// The cart is being paid for.
    CartOrdered,
    /// The cart was paid for.
    CartPaid,
    /// A cart has at most so many lines.
    TooManyLines,
    /// The line at this place of the input, from 0, cannot be had.
    Line(usize, LineRefusal),
    /// The cart costs something else by now; nothing was changed.
    TotalChanged(Money),
    /// Something stands in the way of checkout; nothing was changed.
    Problems(Vec<Problem>),
    /// The named return address is not among those allowed.
    ReturnUrlNotAllowed(&'static str),
    /// The idempotency key cannot be used.
    Key(KeyRefusal),
    /// The payment provider refused for good.
    PaymentRefused,
    /// No such order that she may see.
    OrderNotFound,
    /// The order is in this state, in which this cannot be done. One that awaits payment has its payment under way.
    OrderState(OrderState),
    /// She works for the brand, but may not do this.
    Staff(identity::Refusal),
    /// The lines are of several brands, and each brand ships its own parcels.
    SeveralBrands,
    /// No line is named, nor shipping.
    NothingNamed,
    /// What was asked of a parcel.
    Fulfillment(FulfillmentRefusal),
    /// What was asked of a return.
    Return(ReturnRefusal),
    /// The buyer does not get her money back.
    Refund(RefundRefusal),
    /// What was asked of a dispute.
    Dispute(DisputeRefusal),
}

/// Why a line of the input cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineRefusal {
    /// It names no variant that can be bought.
    VariantNotFound,
    /// It names no recommendation of that product.
    RecommendationNotFound,
    /// It is sold in another currency than the cart.
    OtherCurrency {
        /// The cart's.
        cart: Currency,
        /// The line's.
        found: Currency,
    },
    /// It asks for too many pieces or too few.
    QuantityOutOfRange,
    /// It names no line of the cart.
    NotInCart,
    /// It names no line of the order that she may act on.
    NotInOrder,
    /// It asks for more units than are left.
    TooFewUnits {
        /// How many are left.
        left: usize,
    },
}

/// Why a parcel cannot be had, or said to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FulfillmentRefusal {
    /// No such parcel that she may see.
    NotFound,
    /// The parcel was delivered at another time.
    AlreadyDelivered,
    /// A delivery before shipment, or ahead of now.
    DeliveryTime,
}

/// Why a return cannot be had, or decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnRefusal {
    /// No such return that she may see.
    NotFound,
    /// The return was decided otherwise, or is settled.
    Decided,
}

/// Why a buyer does not get her money back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundRefusal {
    /// There is nothing left to give back, or it cost nothing.
    NothingLeft,
    /// Shipping was given back already, or nothing was paid for it.
    ShippingRefunded,
    /// Something was shipped: what comes back now is a return.
    ShippedAlready,
    /// The buyer's bank has taken money of the order, or claims it.
    OrderDisputed,
}

/// Why a dispute cannot be had, or answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeRefusal {
    /// No such dispute that she may see.
    NotFound,
    /// The dispute cannot be answered any more.
    Closed,
    /// Nobody noted anything against the dispute.
    NoEvidence,
    /// What was noted is being told to the payment provider.
    EvidenceUnderWay,
}

impl Refusal {
    /// Identity's no in checkout's words: a stranger is told that there is no such thing.
    pub(super) fn of_staff(refusal: identity::Refusal, missing: Self) -> Self {
        if refusal == identity::Refusal::RoleLacking {
            Self::Staff(refusal)
        } else {
            missing
        }
    }
}

impl From<KeyRefusal> for Refusal {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Key(refusal)
    }
}
