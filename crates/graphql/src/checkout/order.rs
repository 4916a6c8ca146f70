//! Orders, as clients see them.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitrine_domain::checkout::{self, ByAge, FulfillmentState, PaymentStatus, ReturnStatus};
use vitrine_domain::page::Page;
use vitrine_model::checkout as rows;
use vitrine_model::checkout::{order, order_line};
use vitrine_model::id::{AccountId, Id, OrderId};
use vitrine_model::ledger::{Party, unit};
use vitrine_model::money::Currency;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::catalog::{Brand, Product, ProductImage, ProductVariant, image_of, product_seen, variant_seen};
use crate::checkout::cart::disclosure;
use crate::checkout::cost::{Cost, LineCost, PostalAddress, address_of};
use crate::checkout::dispute::{Dispute, View, disputes_of};
use crate::checkout::fulfillment::{Fulfillment, fulfillments_of};
use crate::checkout::loaders::{OrderContactOf, OrderLinesOf, OrderShippingOf, UnitsOf};
use crate::checkout::parcel_loaders::DisputesOf;
use crate::checkout::refund::{Refund, refunds_of};
use crate::checkout::returns::{Return, asked_back, returns_of};
use crate::checkout::unit::OrderUnit;
use crate::connection::{connection, listed};
use crate::error::settle;
use crate::loaders::{load, rows};
use crate::money::{CurrencyCode, Money};
use crate::referral::CreditReason;
use crate::request::{RequestContext, parse_id};
use crate::shop::{Shop, shop_seen};

/// How far an order is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::OrderState")]
pub enum OrderState {
    /// The buyer may pay.
    AwaitingPayment,
    /// It was paid.
    Paid,
    /// It was not paid in time, or called off before payment; the cart is open again.
    Expired,
    /// It was paid, then called off before anything shipped; the money goes back.
    Cancelled,
}

/// Where the money of an order is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "PaymentStatus", name = "OrderPaymentStatus")]
pub enum OrderPaymentStatus {
    /// Nobody paid yet.
    Awaiting,
    /// The buyer paid in a way whose money takes days, and may still not come: the order waits, its stock is kept.
    Pending,
    /// Nobody paid, and nobody can any more.
    Expired,
    /// It was paid.
    Paid,
    /// Some of it went back, or goes back, to the buyer.
    PartiallyRefunded,
    /// All of it went back, or goes back, to the buyer.
    Refunded,
    /// The buyer objected at her bank, which has taken the money, and may give it back.
    Disputed,
    /// The buyer's bank has taken it back, or some of it, for good.
    ChargedBack,
}

/// How much of an order was shipped.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "FulfillmentState", name = "OrderFulfillmentStatus")]
pub enum OrderFulfillmentStatus {
    /// Nothing was shipped yet.
    Unfulfilled,
    /// Some pieces were shipped, others are to be.
    PartiallyFulfilled,
    /// Everything was shipped that is not refunded.
    Fulfilled,
    /// There is nothing to ship: it is not paid, or everything was refunded before.
    NothingToShip,
}

/// What of an order comes back.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "ReturnStatus", name = "OrderReturnStatus")]
pub enum OrderReturnStatus {
    /// Nothing.
    None,
    /// A return is open.
    Open,
    /// Some of what was shipped came back and was refunded.
    PartiallyReturned,
    /// All that was shipped came back and was refunded.
    Returned,
}

/// What a buyer agreed to pay for. It belongs to the buyer: her account, or whoever holds the guest's secret.
#[derive(Debug, Clone)]
pub struct Order(pub(crate) order::Model);

impl Subject for Order {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(checkout::is_buyer(ctx.cx(), ctx.viewer(), &self.0))
    }
}

impl Order {
    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.0.currency)
    }

    async fn line_rows(&self, ctx: &Context<'_>) -> Result<Vec<order_line::Model>> {
        rows(ctx, OrderLinesOf(self.0.id)).await
    }

    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<unit::Model>> {
        rows(ctx, UnitsOf(self.0.id)).await
    }
}

/// What a buyer agreed to pay for. It belongs to the buyer: her account, or whoever holds the guest's secret.
#[Object(guard = Declared(self))]
impl Order {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people read out on the phone.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn number(&self) -> &str {
        &self.0.number
    }

    /// How far it is.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn state(&self) -> OrderState {
        self.0.state.into()
    }

    /// Where its money is.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn payment_status(&self, ctx: &Context<'_>) -> Result<OrderPaymentStatus> {
        let units = self.units(ctx).await?;
        let disputes = rows(ctx, DisputesOf(self.0.id)).await?;
        Ok(checkout::payment_status(&self.0, &units, &disputes).into())
    }

    /// How much of it was shipped.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn fulfillment_status(&self, ctx: &Context<'_>) -> Result<OrderFulfillmentStatus> {
        let units = self.units(ctx).await?;
        Ok(checkout::fulfillment_state(&units).into())
    }

    /// What of it comes back.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn return_status(&self, ctx: &Context<'_>) -> Result<OrderReturnStatus> {
        let units = self.units(ctx).await?;
        let (returns, asked) = asked_back(ctx, self.0.id).await?;
        Ok(checkout::return_status(&units, &returns, &asked).into())
    }

    /// Where the buyer pays; `null` when she has paid, when it is too late, and while the page is being opened.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn checkout_url(&self) -> Option<&str> {
        self.0.checkout_url.as_deref()
    }

    /// The currency of all its amounts.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn currency(&self) -> CurrencyCode {
        self.0.currency.into()
    }

    /// Its lines.
    #[graphql(directive = access::apply(Who::Owner), complexity = "5 * child_complexity + 1")]
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<OrderLine>> {
        let rows = self.line_rows(ctx).await?.into_iter();
        Ok(rows
            .map(|row| OrderLine {
                row,
                currency: self.0.currency,
            })
            .collect())
    }

    /// What it cost.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn cost(&self, ctx: &Context<'_>) -> Result<Cost> {
        let lines = self.line_rows(ctx).await?;
        let shipping = rows(ctx, OrderShippingOf(self.0.id)).await?;
        Ok(Cost::of_order(&self.0, &lines, &shipping))
    }

    /// What of the ordered goods' price went back, or goes back, to the buyer. A payment that was not awaited goes back
    /// besides, and is among the `refunds` only.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn refunded(&self, ctx: &Context<'_>) -> Result<Money> {
        let units = self.units(ctx).await?;
        let refunded = units
            .iter()
            .map(|unit| unit.brand_refunded + unit.shop_refunded + unit.platform_refunded);
        Ok(self.money(refunded.sum()))
    }

    /// Each piece sold, and each brand's shipping, and how far it is; none before the order is paid.
    #[graphql(directive = access::apply(Who::Owner), complexity = "10 * child_complexity + 1", name = "units")]
    async fn order_units(&self, ctx: &Context<'_>) -> Result<Vec<OrderUnit>> {
        Ok(self.units(ctx).await?.into_iter().map(OrderUnit).collect())
    }

    /// The parcels, in the order they were shipped.
    #[graphql(directive = access::apply(Who::Owner), complexity = "5 * child_complexity + 1")]
    async fn fulfillments(&self, ctx: &Context<'_>) -> Result<Vec<Fulfillment>> {
        fulfillments_of(ctx, self.0.id, None).await
    }

    /// The returns, in the order they were asked for.
    #[graphql(directive = access::apply(Who::Owner), complexity = "5 * child_complexity + 1")]
    async fn returns(&self, ctx: &Context<'_>) -> Result<Vec<Return>> {
        returns_of(ctx, self.0.id, None).await
    }

    /// The refunds, in the order they were decided.
    #[graphql(directive = access::apply(Who::Owner), complexity = "5 * child_complexity + 1")]
    async fn refunds(&self, ctx: &Context<'_>) -> Result<Vec<Refund>> {
        refunds_of(ctx, self.0.id, None).await
    }

    /// What the buyer, or whoever's card it was, disputes at the bank, in the order we learned of it.
    #[graphql(directive = access::apply(Who::Owner), complexity = "5 * child_complexity + 1")]
    async fn disputes(&self, ctx: &Context<'_>) -> Result<Vec<Dispute>> {
        disputes_of(ctx, self.0.id, View::whole(ctx)).await
    }

    /// Where the buyer is written to.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let contact = load(ctx, OrderContactOf(self.0.id)).await?;
        Ok(contact.and_then(|contact| contact.email.map(|email| email.to_string())))
    }

    /// Whom to deliver to.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let contact = load(ctx, OrderContactOf(self.0.id)).await?;
        Ok(contact.and_then(|contact| contact.name.map(|name| name.to_string())))
    }

    /// Where to deliver.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn delivery_address(&self, ctx: &Context<'_>) -> Result<Option<PostalAddress>> {
        let contact = load(ctx, OrderContactOf(self.0.id)).await?;
        Ok(contact.and_then(|contact| address_of!(&contact)))
    }

    /// The cart it came from.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn cart_id(&self) -> ID {
        self.0.cart_id.to_string().into()
    }

    /// When checkout started.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Until when it can be paid.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// When it was paid.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn paid_at(&self) -> Option<DateTime<Utc>> {
        self.0.paid_at
    }

    /// When it expired or was cancelled.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.0.closed_at
    }
}

/// So many pieces of one variant in an order, as sold.
#[derive(Debug, Clone)]
pub struct OrderLine {
    pub(super) row: order_line::Model,
    pub(super) currency: Currency,
}

impl Subject for OrderLine {}

/// So many pieces of one variant in an order, as sold. Who may read the order's lines may read each.
#[Object(guard = Declared(self))]
impl OrderLine {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The product's title then.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn title(&self) -> &str {
        self.row.title.as_str()
    }

    /// The variant's title then: its options' values.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn variant_title(&self) -> &str {
        self.row.variant_title.as_str()
    }

    /// The brand's stock-keeping unit then.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn sku(&self) -> Option<&str> {
        self.row.sku.as_ref().map(|sku| sku.as_str())
    }

    /// How many.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn quantity(&self) -> i32 {
        self.row.quantity
    }

    /// Who sells and ships it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.row.brand_id).await?.map(Brand))
    }

    /// The product as it is now; `null` when it may not be seen any more.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        product_seen(ctx, self.row.product_id).await
    }

    /// The variant's id.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn variant_id(&self) -> ID {
        self.row.variant_id.to_string().into()
    }

    /// The variant as it is now; `null` when it may not be seen any more.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn variant(&self, ctx: &Context<'_>) -> Result<Option<ProductVariant>> {
        variant_seen(ctx, self.row.variant_id).await
    }

    /// What it looks like, as the brand shows it now: the variant's image, else the product's first.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<ProductImage>> {
        image_of(ctx, self.row.product_id, self.row.variant_id).await
    }

    /// Why that shop is credited for it, or why none is.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn credit_reason(&self) -> CreditReason {
        self.row.credit.into()
    }

    /// What the buyer was told beside it: who earns on it. `null` when nobody does.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn disclosure(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match self.row.shopholder {
            Some(Party::Shopholder(shopholder)) => disclosure(ctx, shopholder).await,
            _ => Ok(None),
        }
    }

    /// The name of the shop that is credited for it, and gave the discount if there was one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(id) = self.row.shop_id else {
            return Ok(None);
        };
        Ok(load(ctx, id).await?.map(|shop| shop.name.to_string()))
    }

    /// That shop; `null` when it may not be seen any more.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop(&self, ctx: &Context<'_>) -> Result<Option<Shop>> {
        match self.row.shop_id {
            Some(id) => shop_seen(ctx, id).await,
            None => Ok(None),
        }
    }

    /// What it cost.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cost(&self) -> LineCost {
        LineCost {
            currency: self.currency,
            list_price: self.row.list_price,
            price: self.row.price,
            quantity: self.row.quantity,
            vat: checkout::order_vat(std::slice::from_ref(&self.row), &[]),
        }
    }
}

connection!(OrderConnection, OrderEdge, Order, "orders");

/// An order's place as a cursor keeps it: when checkout started, and the bits of its id.
pub(crate) type OrderPlace = (DateTime<Utc>, u128);

/// One page of the orders of `account`, newest first.
pub(crate) async fn orders_of(
    ctx: &Context<'_>,
    account: AccountId,
    page: Page<OrderPlace>,
) -> Result<OrderConnection> {
    let page: Page<ByAge> = page.map(|(at, bits)| (at, OrderId::from(Uuid::from_u128(bits))));
    let orders = listed(ctx, checkout::orders_of(account), page).await?;
    let place = |row: &order::Model| -> OrderPlace { (row.created_at, row.id.uuid().as_u128()) };
    Ok(OrderConnection::new(orders, place, Order))
}

root_part! {
    /// Queries for orders.
    OrderQuery of "Query"
}

#[Object(guard = Declared(self))]
impl OrderQuery {
    /// The order with this id, for the buyer's account and for whoever holds the guest's secret (header `Vitrine-Guest`);
    /// else `null`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Order>> {
        order_node(ctx, &id).await
    }
}

/// The order with this id, if the viewer may see it.
pub(crate) async fn order_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Order>> {
    let id: OrderId = parse_id(id)?;
    let found = settle(ctx, checkout::order(ctx.cx(), ctx.viewer(), id).await)?;
    Ok(found.map(Order))
}
