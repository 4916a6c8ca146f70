//! Parcels, as clients see them.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::checkout::{self, NewFulfillment};
use vitrine_domain::failure::persistently;
use vitrine_model::checkout::fulfillment;
use vitrine_model::id::{BrandId, FulfillmentId, OrderId};

use crate::access::{Declared, Scope, Subject, Who, keyed, root_part, seen};
use crate::catalog::Brand;
use crate::checkout::is_partys;
use crate::checkout::parcel_loaders::FulfillmentsOf;
use crate::checkout::unit::{OrderLineQuantityInput, OrderUnit, named, units_of};
use crate::error::{Trouble, answer, at_opt, payload, settle};
use crate::instant::Instant;
use crate::loaders::{load, rows};
use crate::request::{RequestContext, parse_id};

/// Pieces of one brand on their way to the buyer. Made only for those who may see them.
#[derive(Debug, Clone)]
pub struct Fulfillment(fulfillment::Model);

impl Subject for Fulfillment {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_partys(ctx, self.0.order_id, self.0.brand_id).await
    }
}

/// Pieces of one brand on their way to the buyer. It belongs to the buyer and to the brand's staff.
#[Object(guard = Declared(self))]
impl Fulfillment {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The order's id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn order_id(&self) -> ID {
        self.0.order_id.to_string().into()
    }

    /// Who ships.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// Who carries it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn carrier(&self) -> Option<&str> {
        self.0.carrier.as_ref().map(|carrier| carrier.as_str())
    }

    /// The carrier's number.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn tracking_code(&self) -> Option<&str> {
        self.0.tracking_code.as_ref().map(|code| code.as_str())
    }

    /// When it was shipped.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn shipped_at(&self) -> DateTime<Utc> {
        self.0.shipped_at
    }

    /// When it arrived, once known.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn delivered_at(&self) -> Option<DateTime<Utc>> {
        self.0.delivered_at
    }

    /// What is in it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "10 * child_complexity")]
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<OrderUnit>> {
        let units = units_of(ctx, self.0.order_id, Some(self.0.brand_id)).await?;
        let inside = units
            .into_iter()
            .filter(|unit| unit.fulfillment_id == Some(self.0.id));
        Ok(inside.map(OrderUnit).collect())
    }
}

/// A parcel handed to a carrier.
#[derive(InputObject)]
pub struct FulfillmentCreateInput {
    /// The order.
    order_id: ID,
    /// What is in it: lines of your brand, 200 at most.
    lines: Vec<OrderLineQuantityInput>,
    /// Who carries it; 100 characters at most.
    carrier: Option<String>,
    /// The carrier's number; 100 characters at most.
    tracking_code: Option<String>,
    /// A key of your choice, 1 to 255 characters: a repeat with it answers the first parcel for 24 hours. A request that
    /// was refused leaves its key free. Without a key, the same lines under the same tracking code are taken for the same
    /// parcel as long; without either, two equal requests are two parcels, as far as pieces remain.
    idempotency_key: Option<String>,
}

impl FulfillmentCreateInput {
    fn parse(self) -> std::result::Result<NewFulfillment, Trouble> {
        Ok(NewFulfillment {
            order: parse_id(&self.order_id)?,
            lines: named(&self.lines)?,
            carrier: at_opt("carrier", self.carrier.as_deref())?,
            tracking_code: at_opt("trackingCode", self.tracking_code.as_deref())?,
            key: self.idempotency_key,
        })
    }
}

/// A parcel that arrived.
#[derive(InputObject)]
pub struct FulfillmentDeliveredInput {
    /// The parcel.
    fulfillment_id: ID,
    /// When it arrived: not before it was shipped, and not ahead of now. Now, when absent.
    at: Option<Instant>,
}

payload! {
    /// What came of `fulfillmentCreate`.
    FulfillmentCreatePayload {
        /// The parcel.
        fulfillment: Fulfillment
    }
}

payload! {
    /// What came of `fulfillmentDelivered`.
    FulfillmentDeliveredPayload {
        /// The parcel.
        fulfillment: Fulfillment
    }
}

root_part! {
    /// Mutations on parcels.
    FulfillmentMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl FulfillmentMutation {
    /// Ships pieces of a paid order: staff of a brand ship its own lines, those that are not shipped or refunded. Return
    /// windows open at delivery, or some days after shipment where delivery stays unknown. Codes: `INVALID`, `NOT_FOUND`,
    /// `FORBIDDEN`, `WRONG_STATE`, `TOO_FEW_UNITS`, `LIMIT_REACHED`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::FulfillmentWrite))]
    async fn fulfillment_create(
        &self,
        ctx: &Context<'_>,
        input: FulfillmentCreateInput,
    ) -> Result<FulfillmentCreatePayload> {
        answer(ctx, async {
            let (by, new) = (ctx.by()?, input.parse()?);
            let ship = || checkout::create_fulfillment(ctx.cx(), by, new.clone());
            Ok(Fulfillment(persistently(ship).await?))
        })
        .await
    }

    /// Records that a parcel of your brand arrived: return windows count from there. A parcel arrives once: the same time
    /// said again changes nothing, another is refused. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `WRONG_STATE`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::FulfillmentWrite))]
    async fn fulfillment_delivered(
        &self,
        ctx: &Context<'_>,
        input: FulfillmentDeliveredInput,
    ) -> Result<FulfillmentDeliveredPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.fulfillment_id)?);
            let at = input.at.map_or_else(|| ctx.cx().now(), |at| at.0);
            let mark = || checkout::mark_delivered(ctx.cx(), by, id, at);
            Ok(Fulfillment(persistently(mark).await?))
        })
        .await
    }
}

/// The order's parcels, of one brand or of all, in the order they were shipped. The caller has made sure that the viewer
/// may see them.
pub(super) async fn fulfillments_of(
    ctx: &Context<'_>,
    order: OrderId,
    brand: Option<BrandId>,
) -> Result<Vec<Fulfillment>> {
    let rows = rows(ctx, FulfillmentsOf(order)).await?;
    let kept = rows
        .into_iter()
        .filter(|row| brand.is_none_or(|brand| row.brand_id == brand));
    Ok(kept.map(Fulfillment).collect())
}

/// The parcel with this id, for its brand's staff and the order's buyer.
pub(crate) async fn fulfillment_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Fulfillment>> {
    let id: FulfillmentId = parse_id(id)?;
    match settle(ctx, checkout::fulfillment(ctx.cx().db(), id).await)? {
        Some(row) => seen(ctx, Fulfillment(row)).await,
        None => Ok(None),
    }
}
