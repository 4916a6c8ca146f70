//! Sold units, as clients see them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::checkout::{self, LineQuantity};
use vitrine_model::id::{BrandId, OrderId};
use vitrine_model::ledger::{UnitKind, unit};

use crate::access::{Declared, Scope, Subject, Who, keyed};
use crate::checkout::is_partys;
use crate::checkout::loaders::{OrderLinesOf, UnitsOf};
use crate::loaders::rows;
use crate::money::Money;
use crate::request::parse_id;

/// How far one unit is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "checkout::UnitState", name = "OrderUnitState")]
pub enum UnitState {
    /// The brand has not shipped it.
    AwaitingShipment,
    /// It is on its way.
    Shipped,
    /// It arrived.
    Delivered,
    /// A return asks for it, and is not decided or not refunded yet.
    Returning,
    /// Its price goes back, or went back, to the buyer.
    Refunded,
    /// The buyer's bank took its price back.
    ChargedBack,
}

/// One sold piece, or one brand's shipping of one order. Made only for those who may see its order.
#[derive(Debug, Clone)]
pub struct OrderUnit(pub(super) unit::Model);

impl Subject for OrderUnit {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_partys(ctx, self.0.order_id, self.0.brand_id).await
    }
}

/// One sold piece, or one brand's shipping of one order. It belongs to the buyer and to the brand's staff.
#[Object(guard = Declared(self))]
impl OrderUnit {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whether it is shipping rather than a piece of goods.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn is_shipping(&self) -> bool {
        self.0.kind == UnitKind::Shipping
    }

    /// The id of the order's line it belongs to; `null` for shipping.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn order_line_id(&self) -> Option<ID> {
        self.0.line_id.map(|id| id.to_string().into())
    }

    /// The product's title when it was sold; `null` for shipping.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn title(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let lines = rows(ctx, OrderLinesOf(self.0.order_id)).await?;
        let line = lines.into_iter().find(|line| Some(line.id) == self.0.line_id);
        Ok(line.map(|line| line.title.to_string()))
    }

    /// How far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn state(&self) -> UnitState {
        checkout::state_of(&self.0).into()
    }

    /// What the buyer paid for it, VAT included.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn price(&self) -> Money {
        Money::new(self.0.paid, self.0.currency)
    }

    /// When it was shipped.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn shipped_at(&self) -> Option<DateTime<Utc>> {
        self.0.shipped_at
    }

    /// When it arrived, once known.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn delivered_at(&self) -> Option<DateTime<Utc>> {
        self.0.delivered_at
    }
}

/// So many pieces of one line of an order.
#[derive(InputObject, Debug)]
pub struct OrderLineQuantityInput {
    /// The line.
    order_line_id: ID,
    /// How many pieces, 1 at least.
    quantity: i32,
}

/// The lines as the domain takes them.
pub(super) fn named(lines: &[OrderLineQuantityInput]) -> Result<Vec<LineQuantity>> {
    let named = lines.iter().map(|line| {
        Ok(LineQuantity {
            line: parse_id(&line.order_line_id)?,
            quantity: line.quantity,
        })
    });
    named.collect()
}

/// The order's units, of one brand or of all; none before it is paid.
pub(super) async fn units_of(
    ctx: &Context<'_>,
    order: OrderId,
    brand: Option<BrandId>,
) -> Result<Vec<unit::Model>> {
    let units = rows(ctx, UnitsOf(order)).await?;
    let kept = units
        .into_iter()
        .filter(|unit| brand.is_none_or(|brand| unit.brand_id == brand));
    Ok(kept.collect())
}
