//! Buying, as clients see it: carts, orders, parcels, returns, refunds.

mod cart;
mod cart_change;
mod cost;
mod fulfillment;
mod loaders;
mod order;
mod order_change;
mod refund;
mod refusal;

use async_graphql::MergedObject;

pub(crate) use cart::{Cart, cart_node};
pub(crate) use order::{Order, OrderConnection, order_node, orders_of};

/// Query fields of this domain.
#[derive(MergedObject, Default)]
pub struct CheckoutQuery(cart::CartQuery, order::OrderQuery);

/// Mutation fields of this domain.
#[derive(MergedObject, Default)]
pub struct CheckoutMutation(
    cart_change::CartMutation,
    order_change::OrderMutation,
    fulfillment::FulfillmentMutation,
    refund::RefundMutation,
);
