//! Buying, as clients see it: carts, orders, parcels, returns, refunds.

mod cart;
mod fulfillment;
mod order;
mod refund;

use async_graphql::MergedObject;
use vitrine_domain::checkout::Refusal;
use vitrine_domain::idempotency::KeyRefusal;

use crate::error::{UserError, UserErrorCode};

/// Query fields of this domain.
#[derive(MergedObject, Default)]
pub struct CheckoutQuery(order::OrderQuery);

/// Mutation fields of this domain.
#[derive(MergedObject, Default)]
pub struct CheckoutMutation(
    order::OrderMutation,
    fulfillment::FulfillmentMutation,
    refund::RefundMutation,
);

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{IdempotencyInProgress, IdempotencyKeyReused, Invalid, NotFound};
        match refusal {
            Refusal::CartNotFound => Self::new(NotFound, "cartId", "there is no such cart of yours"),
            Refusal::OrderNotFound => Self::new(NotFound, "orderId", "there is no such order of yours"),
            Refusal::Key(KeyRefusal::Reused) => Self::new(
                IdempotencyKeyReused,
                "idempotencyKey",
                "this key came with other input before: use a new one",
            ),
            Refusal::Key(KeyRefusal::InProgress) => Self::new(
                IdempotencyInProgress,
                "idempotencyKey",
                "the first request with this key is under way: ask again soon",
            ),
            Refusal::Key(KeyRefusal::Malformed) => {
                Self::new(Invalid, "idempotencyKey", "a key has 1 to 255 characters")
            }
            _ => Self::new(Invalid, "", "refused"),
        }
    }
}
