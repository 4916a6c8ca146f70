//! Refetching by id: Relay's object identification, under the viewer's policy.

use async_graphql::{Context, ID, Interface, Object, Result};

use crate::access::{Declared, Who, access, root_part};
use crate::catalog::{self, Brand, Product, ProductImport, ProductVariant};
use crate::checkout::{self, Cart, Dispute, Fulfillment, Order, Refund, Return};
use crate::error::{code, protocol_error};
use crate::identity::{self, Account, ApiKey};
use crate::ledger::{self, Adjustment};
use crate::payout::{self, Payout};
use crate::referral::{self, ReferralLink};
use crate::shop::{self, Recommendation, Shop};
use crate::webhook::{self, WebhookEndpoint, WebhookMessage};

/// Most objects asked for at once.
const MAX_NODES: usize = 50;

/// Anything with an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The globally unique id."))]
pub enum Node {
    /// A person.
    Account(Account),
    /// A brand.
    Brand(Brand),
    /// A product.
    Product(Product),
    /// A variant of a product.
    ProductVariant(ProductVariant),
    /// An import of a product file.
    ProductImport(ProductImport),
    /// A shop.
    Shop(Shop),
    /// A product placed in a shop.
    Recommendation(Recommendation),
    /// A referral link.
    ReferralLink(ReferralLink),
    /// Money moved to a payout account.
    Payout(Payout),
    /// What an operator decided about money.
    Adjustment(Adjustment),
    /// What a buyer means to buy.
    Cart(Cart),
    /// What a buyer agreed to pay for.
    Order(Order),
    /// Pieces on their way to a buyer.
    Fulfillment(Fulfillment),
    /// A buyer's wish to send something back.
    Return(Return),
    /// Money on its way back to a buyer.
    Refund(Refund),
    /// A payment that a buyer's bank disputes.
    Dispute(Dispute),
    /// An address that is told of what happens.
    WebhookEndpoint(WebhookEndpoint),
    /// What such an address is told of one event.
    WebhookMessage(WebhookMessage),
    /// A key by which a brand's own program asks.
    ApiKey(ApiKey),
}

root_part! {
    /// Queries for anything by id.
    NodeQuery of "Query"
}

#[Object(guard = Declared(self))]
impl NodeQuery {
    /// The object with this id; `null` when there is none, or none that you may see.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Node>> {
        fetch(ctx, &id).await
    }

    /// The objects with these ids, in their order; 50 at most.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_NODES {
            return Err(protocol_error(
                code::BAD_USER_INPUT,
                format!("ask for {MAX_NODES} nodes at most"),
            ));
        }
        futures::future::try_join_all(ids.iter().map(|id| fetch(ctx, id))).await
    }
}

/// The prefix tells the kind; each domain fetches its own under the viewer's policy.
async fn fetch(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let (prefix, _) = vitrine_model::id::split(id)
        .ok_or_else(|| protocol_error(code::BAD_USER_INPUT, "this is not one of our ids"))?;
    Ok(match prefix {
        "acct" => identity::account_node(ctx, id).await?.map(Node::Account),
        "brand" => catalog::brand_node(ctx, id).await?.map(Node::Brand),
        "prod" => catalog::product_node(ctx, id).await?.map(Node::Product),
        "import" => catalog::import_node(ctx, id).await?.map(Node::ProductImport),
        "var" => catalog::variant_node(ctx, id).await?.map(Node::ProductVariant),
        "shop" => shop::shop_node(ctx, id).await?.map(Node::Shop),
        "rec" => shop::recommendation_node(ctx, id)
            .await?
            .map(Node::Recommendation),
        "link" => referral::link_node(ctx, id).await?.map(Node::ReferralLink),
        "po" => payout::payout_node(ctx, id).await?.map(Node::Payout),
        "adj" => ledger::adjustment_node(ctx, id).await?.map(Node::Adjustment),
        "cart" => checkout::cart_node(ctx, id).await?.map(Node::Cart),
        "order" => checkout::order_node(ctx, id).await?.map(Node::Order),
        "ful" => checkout::fulfillment_node(ctx, id).await?.map(Node::Fulfillment),
        "ret" => checkout::return_node(ctx, id).await?.map(Node::Return),
        "dispute" => checkout::dispute_node(ctx, id).await?.map(Node::Dispute),
        "whe" => webhook::endpoint_node(ctx, id).await?.map(Node::WebhookEndpoint),
        "msg" => webhook::message_node(ctx, id).await?.map(Node::WebhookMessage),
        "key" => identity::api_key_node(ctx, id).await?.map(Node::ApiKey),
        "refund" => checkout::refund_node(ctx, id).await?.map(Node::Refund),
        _ => None,
    })
}
