//! Refunds, as clients see them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use vitrine_domain::checkout::{self, NewRefund};
use vitrine_domain::failure::persistently;
use vitrine_model::checkout as rows;
use vitrine_model::checkout::{refund, refund_unit};
use vitrine_model::id::{BrandId, OrderId, RefundId};

use crate::access::{Declared, Scope, Subject, Who, keyed, root_part};
use crate::catalog::is_staff;
use crate::checkout::is_buyers;
use crate::checkout::parcel_loaders::{RefundUnitsOf, RefundsOf};
use crate::checkout::unit::{OrderLineQuantityInput, OrderUnit, named, units_of};
use crate::error::{Trouble, answer, at, payload, settle};
use crate::loaders::rows;
use crate::money::Money;
use crate::request::{RequestContext, parse_id};

/// How far a refund is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::RefundState")]
pub enum RefundState {
    /// The payment provider has not confirmed it.
    Pending,
    /// The money went back.
    Succeeded,
    /// It did not, or came back: the pieces can be refunded again.
    Failed,
}

/// Money on its way back to a buyer. Made only for those who may see it; staff of a brand see the brand's part of it.
#[derive(Debug, Clone)]
pub struct Refund {
    row: refund::Model,
    /// Whose part is shown; all of it when absent.
    part: Option<BrandId>,
}

impl Refund {
    /// The units shown, as refunded.
    async fn rows(&self, ctx: &Context<'_>) -> Result<Vec<(refund_unit::Model, OrderUnit)>> {
        let given = rows(ctx, RefundUnitsOf(self.row.id)).await?;
        let units = units_of(ctx, self.row.order_id, self.part).await?;
        let both = units.into_iter().filter_map(|unit| {
            let row = given.iter().find(|row| row.unit_id == unit.id)?;
            Some((row.clone(), OrderUnit(unit)))
        });
        Ok(both.collect())
    }
}

impl Subject for Refund {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        if let Some(brand) = self.part {
            return is_staff(ctx, brand, Scope::OrdersRead.into()).await;
        }
        if is_buyers(ctx, self.row.order_id).await? {
            return Ok(true);
        }
        // The whole of it is for those who work for all whose units it gives back.
        let brands = self.rows(ctx).await?.into_iter().map(|(_, unit)| unit.0.brand_id);
        let theirs = brands.map(|brand| is_staff(ctx, brand, Scope::OrdersRead.into()));
        let theirs = try_join_all(theirs).await?;
        Ok(!theirs.is_empty() && theirs.into_iter().all(|theirs| theirs))
    }
}

/// Money on its way back to a buyer. It belongs to the buyer; staff of a brand see the brand's part of it.
#[Object(guard = Declared(self))]
impl Refund {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The order's id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn order_id(&self) -> ID {
        self.row.order_id.to_string().into()
    }

    /// How far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn state(&self) -> RefundState {
        self.row.state.into()
    }

    /// What the buyer gets back; to staff of a brand, for the brand's pieces and shipping only.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn amount(&self, ctx: &Context<'_>) -> Result<Money> {
        let minor = match self.part {
            None => self.row.amount,
            Some(_) => self.rows(ctx).await?.iter().map(|(row, _)| row.amount).sum(),
        };
        Ok(Money::new(minor, self.row.currency))
    }

    /// Why.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn reason(&self) -> &str {
        self.row.reason.as_str()
    }

    /// When it was decided.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When the payment provider confirmed it, or it failed.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn settled_at(&self) -> Option<DateTime<Utc>> {
        self.row.settled_at
    }

    /// The pieces and the shipping it gives back; none for a payment that was not awaited.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "10 * child_complexity")]
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<OrderUnit>> {
        Ok(self.rows(ctx).await?.into_iter().map(|(_, unit)| unit).collect())
    }
}

/// What is to be given back.
#[derive(InputObject)]
pub struct OrderLinesRefundInput {
    /// The order.
    order_id: ID,
    /// Pieces: of your brand, unless you run the platform; 200 lines at most. Those that an approved return sends back
    /// go first, then those not shipped, then those whose money is still held, then the rest.
    lines: Vec<OrderLineQuantityInput>,
    /// Whether shipping is refunded too: that of the brands whose lines are named, or, where none are, of all your brands
    /// in the order. Once per brand. A brand's shipping is refunded anyway with the last of its pieces, if none was shipped.
    #[graphql(default = false)]
    shipping: bool,
    /// Why; the buyer reads it. 500 characters at most.
    reason: String,
    /// Whether shipped pieces go back into the stock; those not shipped do anyway.
    #[graphql(default = false)]
    restock: bool,
    /// A key of your choice, 1 to 255 characters, the same for every repeat of this request, which answers the first
    /// refund. It is remembered for 24 hours once the request was carried out; one that was refused leaves its key free.
    idempotency_key: String,
}

impl OrderLinesRefundInput {
    fn parse(self) -> std::result::Result<NewRefund, Trouble> {
        Ok(NewRefund {
            order: parse_id(&self.order_id)?,
            lines: named(&self.lines)?,
            shipping: self.shipping,
            reason: at("reason", self.reason.parse())?,
            restock: self.restock,
            key: self.idempotency_key,
        })
    }
}

payload! {
    /// What came of `orderLinesRefund`.
    OrderLinesRefundPayload {
        /// The refund, under way.
        refund: Refund
    }
}

root_part! {
    /// Mutations on refunds.
    RefundMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl RefundMutation {
    /// Refunds pieces of an order, and shipping; each part of the price is taken back from whoever got it. Managers of a
    /// brand may for its own lines, operators for any. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `TOO_FEW_UNITS`,
    /// `WRONG_STATE`, `ORDER_DISPUTED`, `LIMIT_REACHED`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::RefundsWrite))]
    async fn order_lines_refund(
        &self,
        ctx: &Context<'_>,
        input: OrderLinesRefundInput,
    ) -> Result<OrderLinesRefundPayload> {
        answer(ctx, async {
            let (by, new) = (ctx.by()?, input.parse()?);
            let row = persistently(|| checkout::refund_lines(ctx.cx(), by, new.clone())).await?;
            Ok(Refund { row, part: None })
        })
        .await
    }
}

/// The order's refunds, or a brand's parts of them, in the order they were decided. The caller has made sure that the
/// viewer may see them.
pub(super) async fn refunds_of(
    ctx: &Context<'_>,
    order: OrderId,
    part: Option<BrandId>,
) -> Result<Vec<Refund>> {
    let rows = rows(ctx, RefundsOf(order)).await?;
    // All at once, so that their units are loaded in one batch.
    let shown = rows.into_iter().map(|row| async move {
        let refund = Refund { row, part };
        let concerned = part.is_none() || !refund.rows(ctx).await?.is_empty();
        Ok::<_, async_graphql::Error>(concerned.then_some(refund))
    });
    Ok(try_join_all(shown).await?.into_iter().flatten().collect())
}

/// The refund with this id, for the order's buyer; for staff of a brand, the brand's part of it.
pub(crate) async fn refund_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Refund>> {
    let id: RefundId = parse_id(id)?;
    let Some(row) = settle(ctx, checkout::refund(ctx.cx().db(), id).await)? else {
        return Ok(None);
    };
    if settle(ctx, checkout::order(ctx.cx(), ctx.viewer(), row.order_id).await)?.is_some() {
        return Ok(Some(Refund { row, part: None }));
    }
    let whole = Refund { row, part: None };
    for (_, unit) in whole.rows(ctx).await? {
        if is_staff(ctx, unit.0.brand_id, Scope::OrdersRead.into()).await? {
            let part = Some(unit.0.brand_id);
            return Ok(Some(Refund { part, ..whole }));
        }
    }
    Ok(None)
}
