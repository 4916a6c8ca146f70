//! A brand's part of an order, as its staff see it.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitrine_domain::checkout::{self, OrderNamed};
use vitrine_model::checkout::{OrderState, order, order_contact, order_line};
use vitrine_model::id::{BrandId, Id};
use vitrine_model::ledger::{UnitKind, unit};
use vitrine_model::money::Currency;

use crate::access::{Declared, Scope, Subject, Who, keyed};
use crate::catalog::{ProductImage, image_of, is_staff};
use crate::checkout::cost::{PostalAddress, address_of};
use crate::checkout::dispute::{Dispute, View, disputes_of};
use crate::checkout::fulfillment::{Fulfillment, fulfillments_of};
use crate::checkout::loaders::{OrderContactOf, OrderLinesOf};
use crate::checkout::order::OrderFulfillmentStatus;
use crate::checkout::refund::{Refund, refunds_of};
use crate::checkout::returns::{Return, returns_of};
use crate::checkout::unit::{OrderUnit, units_of};
use crate::connection::{Listed, connection, listed, page};
use crate::error::settle;
use crate::loaders::{load, load_many, rows};
use crate::money::Money;
use crate::request::RequestContext;

/// One brand's part of a paid order. Made only for those who work for the brand.
#[derive(Debug, Clone)]
pub struct BrandOrder {
    order: order::Model,
    brand: BrandId,
}

impl BrandOrder {
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<unit::Model>> {
        units_of(ctx, self.order.id, Some(self.brand)).await
    }

    async fn sum(&self, ctx: &Context<'_>, kind: UnitKind) -> Result<Money> {
        let units = self.units(ctx).await?;
        let paid = units
            .iter()
            .filter(|unit| unit.kind == kind)
            .map(|unit| unit.paid);
        Ok(Money::new(paid.sum(), self.order.currency))
    }

    /// Who the buyer is, while there may be something to send to her.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<order_contact::Model>> {
        if self.order.state == OrderState::Paid {
            load(ctx, OrderContactOf(self.order.id)).await
        } else {
            Ok(None)
        }
    }
}

impl Subject for BrandOrder {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_staff(ctx, self.brand, Scope::OrdersRead.into()).await
    }
}

/// One brand's part of a paid order. It belongs to those who work for the brand.
#[Object(guard = Declared(self))]
impl BrandOrder {
    /// The order's id: what `fulfillmentCreate` and `orderLinesRefund` ask for.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn order_id(&self) -> ID {
        self.order.id.to_string().into()
    }

    /// What people read out on the phone.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn number(&self) -> &str {
        &self.order.number
    }

    /// When it was paid.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn paid_at(&self) -> Option<DateTime<Utc>> {
        self.order.paid_at
    }

    /// When it was cancelled; `null` while it stands.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn cancelled_at(&self) -> Option<DateTime<Utc>> {
        self.order.closed_at
    }

    /// How far shipping is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn fulfillment_status(&self, ctx: &Context<'_>) -> Result<OrderFulfillmentStatus> {
        Ok(checkout::fulfillment_state(&self.units(ctx).await?).into())
    }

    /// The brand's lines.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "10 * child_complexity")]
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<BrandOrderLine>> {
        let lines = rows(ctx, OrderLinesOf(self.order.id)).await?;
        let own = lines.into_iter().filter(|line| line.brand_id == self.brand);
        let currency = self.order.currency;
        Ok(own.map(|line| BrandOrderLine { line, currency }).collect())
    }

    /// The brand's shipping, as a unit; `null` when it was free.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn shipping_unit(&self, ctx: &Context<'_>) -> Result<Option<OrderUnit>> {
        let units = self.units(ctx).await?;
        Ok(units
            .into_iter()
            .find(|unit| unit.kind == UnitKind::Shipping)
            .map(OrderUnit))
    }

    /// What the buyer paid for the brand's goods, VAT included.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn goods_total(&self, ctx: &Context<'_>) -> Result<Money> {
        self.sum(ctx, UnitKind::Goods).await
    }

    /// What the buyer paid for the brand's shipping, VAT included.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn shipping_total(&self, ctx: &Context<'_>) -> Result<Money> {
        self.sum(ctx, UnitKind::Shipping).await
    }

    /// Whom to deliver to; `null` once the order is cancelled.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn buyer_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let contact = self.contact(ctx).await?;
        Ok(contact
            .and_then(|contact| contact.name)
            .map(|name| name.to_string()))
    }

    /// Where to deliver to; `null` once the order is cancelled.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn delivery_address(&self, ctx: &Context<'_>) -> Result<Option<PostalAddress>> {
        let contact = self.contact(ctx).await?;
        Ok(contact.and_then(|contact| address_of!(&contact)))
    }

    /// The brand's parcels.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "5 * child_complexity")]
    async fn fulfillments(&self, ctx: &Context<'_>) -> Result<Vec<Fulfillment>> {
        fulfillments_of(ctx, self.order.id, Some(self.brand)).await
    }

    /// The returns the brand decides.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "5 * child_complexity")]
    async fn returns(&self, ctx: &Context<'_>) -> Result<Vec<Return>> {
        returns_of(ctx, self.order.id, Some(self.brand)).await
    }

    /// The brand's parts of the order's refunds.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "5 * child_complexity")]
    async fn refunds(&self, ctx: &Context<'_>) -> Result<Vec<Refund>> {
        refunds_of(ctx, self.order.id, Some(self.brand)).await
    }

    /// The order's disputes, as far as they concern the brand: what a bank claims of its pieces, and what is said against
    /// it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "5 * child_complexity")]
    async fn disputes(&self, ctx: &Context<'_>) -> Result<Vec<Dispute>> {
        disputes_of(ctx, self.order.id, View::Brand(self.brand)).await
    }
}

/// One of a brand's own lines of an order. Made only for those who work for the brand.
#[derive(Debug, Clone)]
pub struct BrandOrderLine {
    line: order_line::Model,
    currency: Currency,
}

impl BrandOrderLine {
    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

impl Subject for BrandOrderLine {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_staff(ctx, self.line.brand_id, Scope::OrdersRead.into()).await
    }
}

/// One of a brand's own lines of an order, under the terms it was sold. It belongs to those who work for the brand.
#[Object(guard = Declared(self))]
impl BrandOrderLine {
    /// Its id: what `fulfillmentCreate` and `orderLinesRefund` name.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn id(&self) -> ID {
        self.line.id.to_string().into()
    }

    /// The product's id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn product_id(&self) -> ID {
        self.line.product_id.to_string().into()
    }

    /// The variant's id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn variant_id(&self) -> ID {
        self.line.variant_id.to_string().into()
    }

    /// The product's title then.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn title(&self) -> &str {
        self.line.title.as_str()
    }

    /// What it looks like, as the brand shows it now: the variant's image, else the product's first.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<ProductImage>> {
        image_of(ctx, self.line.product_id, self.line.variant_id).await
    }

    /// The variant's title then.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn variant_title(&self) -> &str {
        self.line.variant_title.as_str()
    }

    /// The variant's stock-keeping unit then.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn sku(&self) -> Option<&str> {
        self.line.sku.as_ref().map(|sku| sku.as_str())
    }

    /// How many pieces.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn quantity(&self) -> i32 {
        self.line.quantity
    }

    /// What the buyer paid for one, VAT included.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn price(&self) -> Money {
        self.money(self.line.price)
    }

    /// The list price of one, VAT included.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn list_price(&self) -> Money {
        self.money(self.line.list_price)
    }

    /// The commission the brand pays for one.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn commission(&self) -> Money {
        self.money(self.line.commission)
    }

    /// What the brand gets for one, before the payment provider's fee.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn earnings(&self) -> Money {
        self.money(self.line.brand_part)
    }

    /// Each piece, and how far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "10 * child_complexity")]
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<OrderUnit>> {
        let units = units_of(ctx, self.line.order_id, Some(self.line.brand_id)).await?;
        let own = units
            .into_iter()
            .filter(|unit| unit.line_id == Some(self.line.id));
        Ok(own.map(OrderUnit).collect())
    }
}

connection!(
    BrandOrderConnection,
    BrandOrderEdge,
    BrandOrder,
    "a brand's orders"
);

/// Which of a brand's orders.
#[derive(InputObject)]
pub struct BrandOrderFilter {
    /// Those whose shipping, as far as it is the brand's, is that far.
    fulfillment_status: Option<OrderFulfillmentStatus>,
}

/// One page of a brand's orders, newest first. The caller has made sure that the viewer works for it.
pub(crate) async fn orders_of_brand(
    ctx: &Context<'_>,
    brand: BrandId,
    filter: Option<BrandOrderFilter>,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<BrandOrderConnection> {
    let state = filter.and_then(|filter| filter.fulfillment_status);
    let page = page::<u128>(first, after, last, before)?.map(|id| Uuid::from_u128(id).into());
    let Listed { slice, count } =
        listed(ctx, checkout::brand_orders(brand, state.map(Into::into)), page).await?;
    let mut orders = load_many(ctx, slice.rows.iter().map(|row| row.order_id)).await?;
    let slice = slice.filter_map(|row| orders.remove(&row.order_id));
    let place = |row: &order::Model| row.id.uuid().as_u128();
    Ok(BrandOrderConnection::new(
        Listed { slice, count },
        place,
        |order| BrandOrder { order, brand },
    ))
}

/// The brand's part of the order so named; `None` when the order holds nothing of it. The caller has seen who asks.
pub(crate) async fn order_of_brand(
    ctx: &Context<'_>,
    brand: BrandId,
    named: OrderNamed,
) -> Result<Option<BrandOrder>> {
    let found = checkout::order_of_brand(ctx.cx().db(), brand, &named).await;
    Ok(settle(ctx, found)?.map(|order| BrandOrder { order, brand }))
}
