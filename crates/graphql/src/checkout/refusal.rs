//! Why a cart cannot be bought, in codes and in words; and what other refusals of checkout become.

use async_graphql::Enum;
use vitrine_domain::checkout::{
    DisputeRefusal, FulfillmentRefusal, LineRefusal, MAX_QUANTITY, Problem, RefundRefusal, Refusal,
    ReturnRefusal,
};
use vitrine_model::checkout::OrderState;

use crate::error::{UserError, UserErrorCode};

/// What stands between a cart and its checkout.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum CartProblemCode {
    /// There is nothing in it.
    CartEmpty,
    /// Fewer pieces are left than a line asks for.
    OutOfStock,
    /// A line can no longer be bought: take it out.
    ProductUnavailable,
    /// A line is sold in another currency than the rest.
    CurrencyMismatch,
    /// The platform does not sell in this currency.
    CurrencyNotSupported,
    /// No e-mail address: `cartBuyerUpdate`.
    EmailMissing,
    /// No name, or no complete delivery address: `cartBuyerUpdate`, `cartDeliveryAddressUpdate`.
    AddressMissing,
    /// A brand does not ship to the delivery address.
    NotShipped,
    /// Less than the smallest payment that can be made.
    TotalTooSmall,
    /// More than the largest payment that can be made.
    TotalTooLarge,
}

impl From<CartProblemCode> for UserErrorCode {
    fn from(code: CartProblemCode) -> Self {
        match code {
            CartProblemCode::CartEmpty => Self::CartEmpty,
            CartProblemCode::OutOfStock => Self::OutOfStock,
            CartProblemCode::ProductUnavailable => Self::ProductUnavailable,
            CartProblemCode::CurrencyMismatch => Self::CurrencyMismatch,
            CartProblemCode::CurrencyNotSupported => Self::CurrencyNotSupported,
            CartProblemCode::EmailMissing => Self::EmailMissing,
            CartProblemCode::AddressMissing => Self::AddressMissing,
            CartProblemCode::NotShipped => Self::NotShipped,
            CartProblemCode::TotalTooSmall => Self::TotalTooSmall,
            CartProblemCode::TotalTooLarge => Self::TotalTooLarge,
        }
    }
}

/// A problem's code, and what to tell the buyer.
pub(super) fn told(problem: &Problem) -> (CartProblemCode, String) {
    use CartProblemCode as Code;
    match problem {
        Problem::Empty => (Code::CartEmpty, "the cart is empty".to_owned()),
        Problem::OutOfStock { left: 0, .. } => (Code::OutOfStock, "this is sold out".to_owned()),
        Problem::OutOfStock { left, elsewhere, .. } => (Code::OutOfStock, too_few(*left, *elsewhere)),
        Problem::Gone { .. } => (
            Code::ProductUnavailable,
            "this can no longer be bought: take it out of the cart".to_owned(),
        ),
        Problem::OtherCurrency { .. } => (
            Code::CurrencyMismatch,
            "this is sold in another currency than the rest of the cart".to_owned(),
        ),
        Problem::NoEmail => (Code::EmailMissing, "tell your e-mail address".to_owned()),
        Problem::NoAddress => (
            Code::AddressMissing,
            "tell your name, street, town and country".to_owned(),
        ),
        Problem::NotShipped { brand, country } => {
            (Code::NotShipped, format!("{brand} does not ship to {country}"))
        }
        Problem::CurrencyNotSold(currency) => (
            Code::CurrencyNotSupported,
            format!("nothing can be paid in {currency} here"),
        ),
        Problem::TotalTooSmall { least } => (
            Code::TotalTooSmall,
            format!("the smallest payment is {least}: add something"),
        ),
        Problem::TotalTooLarge { most } => (
            Code::TotalTooLarge,
            format!("the largest payment is {most}: buy in several orders"),
        ),
    }
}

fn too_few(left: i64, elsewhere: i64) -> String {
    let only = format!("only {left} of this {} left", are(left));
    match elsewhere {
        0 => only,
        more => format!("{only}, and other lines of the cart ask for {more} of the same"),
    }
}

fn are(count: i64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// All that a refusal tells: one error, or one for each problem of a cart.
pub(super) fn user_errors(refusal: Refusal) -> Vec<UserError> {
    match refusal {
        Refusal::Problems(problems) => problems.iter().map(of_problem).collect(),
        other => vec![other.into()],
    }
}

fn of_problem(problem: &Problem) -> UserError {
    let (code, message) = told(problem);
    let message = match problem.line() {
        Some(place) => format!("line {}: {message}", place + 1),
        None => message,
    };
    UserError::new(code.into(), "cartId", message)
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode as Code;
        match refusal {
            Refusal::Key(refusal) => refusal.into(),
            Refusal::Staff(refusal) => refusal.into(),
            Refusal::Fulfillment(refusal) => refusal.into(),
            Refusal::Return(refusal) => refusal.into(),
            Refusal::Refund(refusal) => refusal.into(),
            Refusal::Dispute(refusal) => refusal.into(),
            Refusal::Line(place, refusal) => of_line(place, refusal),
            Refusal::Problems(problems) => of_problem(problems.first().unwrap_or(&Problem::Empty)),
            Refusal::CartNotFound => Self::new(Code::NotFound, "cartId", "there is no such cart of yours"),
            Refusal::CartOrdered => Self::new(
                Code::CartOrdered,
                "cartId",
                "the cart is being paid for: pay, or cancel the order to change it",
            ),
            Refusal::CartPaid => {
                Self::new(Code::CartPaid, "cartId", "the cart was paid for: begin a new one")
            }
            Refusal::TooManyLines => Self::new(Code::LimitReached, "lines", "there are too many lines"),
            Refusal::TotalChanged(total) => Self::new(
                Code::TotalChanged,
                "expectedTotal",
                format!("the cart costs {total} now: show it to the buyer and ask again"),
            ),
            Refusal::ReturnUrlNotAllowed(field) => Self::new(
                Code::ReturnUrlNotAllowed,
                field,
                "the operator does not allow this address to return to",
            ),
            Refusal::PaymentRefused => Self::new(
                Code::ProviderRefused,
                "",
                "the payment provider refused; nothing was bought, and the cart is open again",
            ),
            Refusal::OrderNotFound => Self::new(Code::NotFound, "orderId", "there is no such order of yours"),
            Refusal::OrderState(state) => Self::new(Code::WrongState, "orderId", stands(state)),
            Refusal::SeveralBrands => Self::new(Code::Invalid, "lines", "each brand ships its own parcels"),
            Refusal::NothingNamed => Self::new(Code::Invalid, "lines", "name a line, or shipping"),
        }
    }
}

/// In which state an order is, in which something cannot be done.
fn stands(state: OrderState) -> &'static str {
    match state {
        OrderState::AwaitingPayment => {
            "the order awaits its payment, which is under way: try again once it has come, or failed"
        }
        OrderState::Paid => "the order is paid",
        OrderState::Expired => "the order is closed: it was called off, or not paid in time",
        OrderState::Cancelled => "the order is cancelled, and what was paid for it goes back",
    }
}

/// The refusal of the input's line at `place`, from 0.
fn of_line(place: usize, refusal: LineRefusal) -> UserError {
    use UserErrorCode as Code;
    let (code, field, message) = match refusal {
        LineRefusal::VariantNotFound => (
            Code::NotFound,
            ".variantId",
            "there is no such variant to buy".to_owned(),
        ),
        LineRefusal::RecommendationNotFound => (
            Code::NotFound,
            ".recommendationId",
            "there is no such recommendation of this product".to_owned(),
        ),
        LineRefusal::OtherCurrency { cart, found } => (
            Code::CurrencyMismatch,
            ".variantId",
            format!("this is sold in {found}, the cart's other lines in {cart}: buy it separately"),
        ),
        LineRefusal::QuantityOutOfRange => {
            (Code::Invalid, ".quantity", format!("1 to {MAX_QUANTITY} pieces"))
        }
        LineRefusal::NotInCart => (Code::NotFound, "", "the cart has no such line".to_owned()),
        LineRefusal::NotInOrder => (
            Code::NotFound,
            ".orderLineId",
            "the order has no such line of yours".to_owned(),
        ),
        LineRefusal::TooFewUnits { left: 1 } => (
            Code::TooFewUnits,
            ".quantity",
            "only one piece is left to do this with".to_owned(),
        ),
        LineRefusal::TooFewUnits { left } => (
            Code::TooFewUnits,
            ".quantity",
            format!("only {left} pieces are left to do this with"),
        ),
    };
    UserError::new(code, &format!("lines.{place}{field}"), message)
}

impl From<FulfillmentRefusal> for UserError {
    fn from(refusal: FulfillmentRefusal) -> Self {
        use UserErrorCode::{Invalid, NotFound, WrongState};
        let (code, path, message) = match refusal {
            FulfillmentRefusal::NotFound => (NotFound, "fulfillmentId", "there is no such parcel of yours"),
            FulfillmentRefusal::AlreadyDelivered => (
                WrongState,
                "fulfillmentId",
                "the parcel was delivered at another time",
            ),
            FulfillmentRefusal::DeliveryTime => (
                Invalid,
                "at",
                "a parcel is delivered after it was shipped, and not ahead of now",
            ),
        };
        Self::new(code, path, message)
    }
}

impl From<ReturnRefusal> for UserError {
    fn from(refusal: ReturnRefusal) -> Self {
        use UserErrorCode::{NotFound, WrongState};
        let (code, message) = match refusal {
            ReturnRefusal::NotFound => (NotFound, "there is no such return of yours"),
            ReturnRefusal::Decided => (WrongState, "the return was decided otherwise, or is settled"),
        };
        Self::new(code, "returnId", message)
    }
}

impl From<RefundRefusal> for UserError {
    fn from(refusal: RefundRefusal) -> Self {
        use UserErrorCode::{OrderDisputed, WrongState};
        let (code, path, message) = match refusal {
            RefundRefusal::NothingLeft => (WrongState, "", "there is nothing left to give back"),
            RefundRefusal::ShippingRefunded => {
                (WrongState, "", "shipping was given back already, or cost nothing")
            }
            RefundRefusal::ShippedAlready => (
                WrongState,
                "orderId",
                "something was shipped already: what comes back now is a return",
            ),
            RefundRefusal::OrderDisputed => (
                OrderDisputed,
                "orderId",
                "the buyer's bank has taken this payment back, or claims it: nothing of it can be refunded",
            ),
        };
        Self::new(code, path, message)
    }
}

impl From<DisputeRefusal> for UserError {
    fn from(refusal: DisputeRefusal) -> Self {
        use UserErrorCode::{NotFound, WrongState};
        let (code, message) = match refusal {
            DisputeRefusal::NotFound => (NotFound, "there is no such dispute of yours"),
            DisputeRefusal::Closed => (
                WrongState,
                "the dispute cannot be answered like this, or not any more",
            ),
            DisputeRefusal::NoEvidence => (
                WrongState,
                "nobody has noted anything against the dispute yet: `disputeEvidenceNote`",
            ),
            DisputeRefusal::EvidenceUnderWay => (
                WrongState,
                "the last note is being told to the payment provider: ask again in a moment",
            ),
        };
        Self::new(code, "disputeId", message)
    }
}
