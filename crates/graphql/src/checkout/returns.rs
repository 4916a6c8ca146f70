//! Returns, as clients see them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use vitrine_domain::checkout::{self, Approval, NewReturn};
use vitrine_domain::failure::persistently;
use vitrine_model::checkout as rows;
use vitrine_model::checkout::{return_request, return_unit};
use vitrine_model::id::{BrandId, OrderId, ReturnId};

use crate::access::{Declared, Scope, Subject, Who, access, keyed, root_part, seen};
use crate::catalog::Brand;
use crate::checkout::is_partys;
use crate::checkout::parcel_loaders::{ReturnUnitsOf, ReturnsOf};
use crate::checkout::unit::{OrderLineQuantityInput, OrderUnit, named, units_of};
use crate::error::{Trouble, answer, at, payload, settle};
use crate::loaders::{load, rows};
use crate::request::{RequestContext, parse_id};

/// How far a return is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::ReturnState")]
pub enum ReturnState {
    /// The brand has to decide.
    Requested,
    /// The buyer may send it back; the refund follows.
    Approved,
    /// The brand refused it, or what was to come back never came.
    Declined,
    /// The money went back.
    Refunded,
}

/// A buyer's wish to send pieces of one brand back. Made only for those who may see it.
#[derive(Debug, Clone)]
pub struct Return(return_request::Model);

impl Subject for Return {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_partys(ctx, self.0.order_id, self.0.brand_id).await
    }
}

/// A buyer's wish to send pieces of one brand back. It belongs to the buyer and to the brand's staff.
#[Object(guard = Declared(self))]
impl Return {
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

    /// The brand that decides.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// How far it is.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn state(&self) -> ReturnState {
        self.0.state.into()
    }

    /// Why, in the buyer's words.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn reason(&self) -> &str {
        self.0.reason.as_str()
    }

    /// When it was asked for.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the brand approved or declined.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead))]
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.0.decided_at
    }

    /// What it asks to send back.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::OrdersRead), complexity = "10 * child_complexity")]
    async fn units(&self, ctx: &Context<'_>) -> Result<Vec<OrderUnit>> {
        let asked = rows(ctx, ReturnUnitsOf(self.0.id)).await?;
        let units = units_of(ctx, self.0.order_id, Some(self.0.brand_id)).await?;
        let inside = units
            .into_iter()
            .filter(|unit| asked.iter().any(|row| row.unit_id == unit.id));
        Ok(inside.map(OrderUnit).collect())
    }
}

/// What a buyer wants to send back.
#[derive(InputObject)]
pub struct ReturnRequestInput {
    /// The order.
    order_id: ID,
    /// Shipped pieces; 200 lines at most.
    lines: Vec<OrderLineQuantityInput>,
    /// Why; the brand reads it. 500 characters at most.
    reason: String,
}

impl ReturnRequestInput {
    fn parse(&self) -> std::result::Result<NewReturn, Trouble> {
        Ok(NewReturn {
            order: parse_id(&self.order_id)?,
            lines: named(&self.lines)?,
            reason: at("reason", self.reason.parse())?,
        })
    }
}

/// A brand's yes to a return.
#[derive(InputObject)]
pub struct ReturnApproveInput {
    /// The return.
    return_id: ID,
    /// Whether the buyer gets her money at once. Otherwise `orderLinesRefund`, or this mutation again, gives it once the
    /// pieces are back.
    #[graphql(default = false)]
    refund: bool,
    /// With `refund`: whether your shipping is refunded too.
    #[graphql(default = false)]
    shipping: bool,
    /// With `refund`: whether the pieces go back into the stock.
    #[graphql(default = false)]
    restock: bool,
}

impl ReturnApproveInput {
    fn parse(&self) -> Result<Approval> {
        Ok(Approval {
            id: parse_id(&self.return_id)?,
            refund: self.refund,
            shipping: self.shipping,
            restock: self.restock,
        })
    }
}

/// A brand's no to a return.
#[derive(InputObject)]
pub struct ReturnDeclineInput {
    /// The return.
    return_id: ID,
}

payload! {
    /// What came of `returnRequest`.
    ReturnRequestPayload {
        /// One return for each brand concerned.
        returns: Vec<Return>
    }
}

payload! {
    /// What came of `returnApprove`.
    ReturnApprovePayload {
        /// The return.
        r#return: Return
    }
}

payload! {
    /// What came of `returnDecline`.
    ReturnDeclinePayload {
        /// The return.
        r#return: Return
    }
}

root_part! {
    /// Mutations on returns.
    ReturnMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl ReturnMutation {
    /// Asks to send shipped pieces of your order back; guests send `Vitrine-Guest` along. Until the brand has decided,
    /// nothing of them is paid out. It moves neither money nor stock, and takes no idempotency key: a repeat asks for other
    /// pieces of the same lines, if any are left. Codes: `INVALID`, `NOT_FOUND`, `WRONG_STATE`, `TOO_FEW_UNITS`,
    /// `LIMIT_REACHED`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn return_request(
        &self,
        ctx: &Context<'_>,
        input: ReturnRequestInput,
    ) -> Result<ReturnRequestPayload> {
        answer(ctx, async {
            let new = input.parse()?;
            let request = || checkout::request_return(ctx.cx(), ctx.viewer(), new.clone());
            let opened = persistently(request).await?;
            Ok(opened.into_iter().map(Return).collect::<Vec<_>>())
        })
        .await
    }

    /// Lets the buyer send it back; with `refund`, gives her the money at once. Managers of the brand may. Said again it
    /// changes nothing, but may add the refund: a return is refunded once, so this takes no idempotency key. Codes:
    /// `NOT_FOUND`, `FORBIDDEN`, `WRONG_STATE`, `ORDER_DISPUTED`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::RefundsWrite))]
    async fn return_approve(
        &self,
        ctx: &Context<'_>,
        input: ReturnApproveInput,
    ) -> Result<ReturnApprovePayload> {
        answer(ctx, async {
            let (by, approval) = (ctx.by()?, input.parse()?);
            let approve = || checkout::approve_return(ctx.cx(), by, approval);
            Ok(Return(persistently(approve).await?))
        })
        .await
    }

    /// Says no to a return, or closes an approved one whose pieces never came. Managers of the brand may. Codes:
    /// `NOT_FOUND`, `FORBIDDEN`, `WRONG_STATE`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::RefundsWrite))]
    async fn return_decline(
        &self,
        ctx: &Context<'_>,
        input: ReturnDeclineInput,
    ) -> Result<ReturnDeclinePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.return_id)?);
            let decline = || checkout::decline_return(ctx.cx(), by, id);
            Ok(Return(persistently(decline).await?))
        })
        .await
    }
}

/// The order's returns, of one brand or of all, in the order they were asked for. The caller has made sure that the
/// viewer may see them.
pub(super) async fn returns_of(
    ctx: &Context<'_>,
    order: OrderId,
    brand: Option<BrandId>,
) -> Result<Vec<Return>> {
    let rows = rows(ctx, ReturnsOf(order)).await?;
    let kept = rows
        .into_iter()
        .filter(|row| brand.is_none_or(|brand| row.brand_id == brand));
    Ok(kept.map(Return).collect())
}

/// The order's returns, and the units they ask for.
pub(super) async fn asked_back(
    ctx: &Context<'_>,
    order: OrderId,
) -> Result<(Vec<return_request::Model>, Vec<return_unit::Model>)> {
    let returns = rows(ctx, ReturnsOf(order)).await?;
    let units = returns.iter().map(|row| load(ctx, ReturnUnitsOf(row.id)));
    let units = try_join_all(units).await?.into_iter().flatten().flatten();
    Ok((returns, units.collect()))
}

/// The return with this id, for its brand's staff and the order's buyer.
pub(crate) async fn return_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Return>> {
    let id: ReturnId = parse_id(id)?;
    match settle(ctx, checkout::return_request(ctx.cx().db(), id).await)? {
        Some(row) => seen(ctx, Return(row)).await,
        None => Ok(None),
    }
}
