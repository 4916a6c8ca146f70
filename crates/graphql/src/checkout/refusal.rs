//! Why a cart cannot be bought, in codes and in words; and what other refusals of checkout become.

use async_graphql::Enum;
use vitrine_domain::checkout::{MAX_QUANTITY, Problem, Refusal};

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
        let line = |place: usize, field: &str| format!("lines.{place}{field}");
        let (code, path, message) = match refusal {
            Refusal::Key(refusal) => return refusal.into(),
            Refusal::Staff(refusal) => return refusal.into(),
            Refusal::Problems(problems) => {
                return problems.first().map_or_else(
                    || Self::new(Code::CartEmpty, "cartId", "the cart is empty"),
                    of_problem,
                );
            }
            Refusal::OtherCurrency {
                line: place,
                cart,
                found,
            } => (
                Code::CurrencyMismatch,
                line(place, ".variantId"),
                format!("this is sold in {found}, the cart's other lines in {cart}: buy it separately"),
            ),
            Refusal::TotalChanged(total) => (
                Code::TotalChanged,
                "expectedTotal".to_owned(),
                format!("the cart costs {total} now: show it to the buyer and ask again"),
            ),
            Refusal::TooFewUnits { line: place, left } => (
                Code::TooFewUnits,
                line(place, ".quantity"),
                match left {
                    1 => "only one piece is left to do this with".to_owned(),
                    left => format!("only {left} pieces are left to do this with"),
                },
            ),
            Refusal::VariantNotFound(place) => (
                Code::NotFound,
                line(place, ".variantId"),
                "there is no such variant to buy".to_owned(),
            ),
            Refusal::RecommendationNotFound(place) => (
                Code::NotFound,
                line(place, ".recommendationId"),
                "there is no such recommendation of this product".to_owned(),
            ),
            Refusal::QuantityOutOfRange(place) => (
                Code::Invalid,
                line(place, ".quantity"),
                format!("1 to {MAX_QUANTITY} pieces"),
            ),
            Refusal::LineNotFound(place) => (
                Code::NotFound,
                line(place, ""),
                "the cart has no such line".to_owned(),
            ),
            Refusal::OrderLineNotFound(place) => (
                Code::NotFound,
                line(place, ".orderLineId"),
                "the order has no such line of yours".to_owned(),
            ),
            other => {
                let (code, path, message) = plain(&other);
                (code, path.to_owned(), message.to_owned())
            }
        };
        Self::new(code, &path, message)
    }
}

/// The refusals that carry nothing to tell.
fn plain(refusal: &Refusal) -> (UserErrorCode, &'static str, &'static str) {
    use UserErrorCode as Code;
    match refusal {
        Refusal::CartNotFound => (Code::NotFound, "cartId", "there is no such cart of yours"),
        Refusal::CartOrdered => (
            Code::CartOrdered,
            "cartId",
            "the cart is being paid for: pay, or cancel the order to change it",
        ),
        Refusal::CartPaid => (Code::CartPaid, "cartId", "the cart was paid for: begin a new one"),
        Refusal::TooManyLines => (Code::LimitReached, "lines", "there are too many lines"),
        Refusal::ReturnUrlNotAllowed(field) => (
            Code::ReturnUrlNotAllowed,
            field,
            "the operator does not allow this address to return to",
        ),
        Refusal::PaymentRefused => (
            Code::ProviderRefused,
            "",
            "the payment provider refused; nothing was bought, and the cart is open again",
        ),
        Refusal::OrderNotFound => (Code::NotFound, "orderId", "there is no such order of yours"),
        Refusal::OrderState => (
            Code::WrongState,
            "orderId",
            "the order is in a state in which this cannot be done",
        ),
        Refusal::SeveralBrands => (Code::Invalid, "lines", "each brand ships its own parcels"),
        Refusal::NothingNamed => (Code::Invalid, "lines", "name a line, or shipping"),
        Refusal::FulfillmentNotFound => (
            Code::NotFound,
            "fulfillmentId",
            "there is no such parcel of yours",
        ),
        Refusal::AlreadyDelivered => (
            Code::WrongState,
            "fulfillmentId",
            "the parcel was delivered at another time",
        ),
        Refusal::DeliveryTime => (
            Code::Invalid,
            "at",
            "a parcel is delivered after it was shipped, and not ahead of now",
        ),
        Refusal::ReturnNotFound => (Code::NotFound, "returnId", "there is no such return of yours"),
        Refusal::ReturnDecided => (
            Code::WrongState,
            "returnId",
            "the return was decided otherwise, or is settled",
        ),
        Refusal::NothingToRefund => (Code::WrongState, "", "there is nothing left to give back"),
        Refusal::ShippingRefunded => (
            Code::WrongState,
            "",
            "shipping was given back already, or cost nothing",
        ),
        Refusal::ShippedAlready => (
            Code::WrongState,
            "orderId",
            "something was shipped already: what comes back now is a return",
        ),
        Refusal::OrderDisputed => (
            Code::OrderDisputed,
            "orderId",
            "the buyer's bank has taken this payment back, or claims it: nothing of it can be refunded",
        ),
        Refusal::DisputeNotFound => (Code::NotFound, "disputeId", "there is no such dispute of yours"),
        Refusal::DisputeClosed => (
            Code::WrongState,
            "disputeId",
            "the dispute cannot be answered like this, or not any more",
        ),
        Refusal::NoEvidence => (
            Code::WrongState,
            "disputeId",
            "nobody has noted anything against the dispute yet: `disputeEvidenceNote`",
        ),
        Refusal::EvidenceUnderWay => (
            Code::WrongState,
            "disputeId",
            "the last note is being told to the payment provider: ask again in a moment",
        ),
        Refusal::Key(_)
        | Refusal::Staff(_)
        | Refusal::Problems(_)
        | Refusal::OtherCurrency { .. }
        | Refusal::TotalChanged(_)
        | Refusal::TooFewUnits { .. }
        | Refusal::VariantNotFound(_)
        | Refusal::RecommendationNotFound(_)
        | Refusal::QuantityOutOfRange(_)
        | Refusal::LineNotFound(_)
        | Refusal::OrderLineNotFound(_) => (Code::Invalid, "", "refused"),
    }
}
