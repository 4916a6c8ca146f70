//! Buying, as clients see it: carts, orders, parcels, returns, refunds.

mod brand_order;
mod cart;
mod cart_change;
mod cost;
mod dispute;
mod fulfillment;
mod loaders;
mod order;
mod order_change;
mod parcel_loaders;
mod refund;
mod refusal;
mod returns;
mod unit;

use async_graphql::{Context, MergedObject, Result};
use vitrine_domain::checkout;
use vitrine_model::id::{BrandId, OrderId};

use crate::access::Scope;
use crate::catalog::is_staff;
use crate::loaders::load;
use crate::request::RequestContext;

pub(crate) use brand_order::{
    BrandOrder, BrandOrderConnection, BrandOrderFilter, order_of_brand, orders_of_brand,
};
pub(crate) use cart::{Cart, cart_node, open_cart_of};
pub(crate) use dispute::{Dispute, dispute_node};
pub(crate) use fulfillment::{Fulfillment, fulfillment_node};
pub(crate) use order::{Order, OrderConnection, order_node, orders_of};
pub(crate) use refund::{Refund, refund_node};
pub(crate) use returns::{Return, return_node};

/// Query fields of this domain.
#[derive(MergedObject, Default)]
pub struct CheckoutQuery(cart::CartQuery, order::OrderQuery, dispute::DisputeQuery);

/// Mutation fields of this domain.
#[derive(MergedObject, Default)]
pub struct CheckoutMutation(
    cart_change::CartMutation,
    order_change::OrderMutation,
    fulfillment::FulfillmentMutation,
    returns::ReturnMutation,
    refund::RefundMutation,
    dispute::DisputeMutation,
);

/// Whether the one who asks bought the order.
async fn is_buyers(ctx: &Context<'_>, order: OrderId) -> Result<bool> {
    let order = load(ctx, order).await?;
    Ok(order.is_some_and(|order| checkout::is_buyer(ctx.cx(), ctx.viewer(), &order)))
}

/// Whether the one who asks bought the order, or works for this brand of it.
async fn is_partys(ctx: &Context<'_>, order: OrderId, brand: BrandId) -> Result<bool> {
    Ok(is_staff(ctx, brand, Scope::OrdersRead.into()).await? || is_buyers(ctx, order).await?)
}
