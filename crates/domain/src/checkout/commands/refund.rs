//! Money on its way back to buyers: what people decide. What Stripe says of it then is in `settle.rs`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::checkout::{
    OrderState, RefundKind, RefundState, ReturnState, order, order_line, refund, refund_unit, reservation,
    return_request,
};
use vitrine_model::id::{BrandId, OrderId, RefundId, ReturnId, UnitId, VariantId};
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::Role;
use vitrine_model::ledger::{UnitKind, unit};
use vitrine_model::text::Reason;

use crate::checkout::commands::standing::{Standing, for_buyer, live, lock_paid, standing};
use crate::checkout::commands::{actor, dispute, key_scope, returns};
use crate::checkout::refusal::{RefundRefusal, Refusal};
use crate::checkout::units::{self, LineQuantity};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::idempotency::{self, Input, Key};
use crate::identity::{By, Viewer};
use crate::intent::{self, When};
use crate::ports::Call;
use crate::{catalog, ledger};

/// The reason on record when an order is called off.
const CANCELLED: &str = "the order was cancelled";

/// What is to be given back.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// Of which order.
    pub order: OrderId,
    /// Which pieces.
    pub lines: Vec<LineQuantity>,
    /// Whether shipping goes back too: that of the brands whose lines are named, or, where none are, of all the brands of
    /// the order for which she may act. A brand's goes back anyway with the last of its pieces, if none was shipped.
    pub shipping: bool,
    /// Why; the buyer reads it.
    pub reason: Reason,
    /// Whether shipped pieces go back into the stock. Those not shipped do so anyway.
    pub restock: bool,
    /// The client's idempotency key.
    pub key: String,
}

impl NewRefund {
    fn key(&self, by: By) -> Key {
        let input = LineQuantity::list(Input::new().field("order", self.order), &self.lines)
            .field("shipping", self.shipping)
            .field("reason", &self.reason)
            .field("restock", self.restock);
        Key::new(by, "orderLinesRefund", self.key.clone(), &input)
    }
}

/// Refunds pieces of an order, and shipping. Staff of a brand refund their own lines, operators any.
///
/// # Errors
/// `OrderNotFound`, `Line(NotInOrder)`, `Staff` below a manager's role, `TooManyLines`, `Line(QuantityOutOfRange)`,
/// `Line(TooFewUnits)` when more are asked for than were bought and remain, `Refund(ShippingRefunded)`, `NothingNamed`,
/// `Refund(NothingLeft)` when they cost nothing, `Refund(OrderDisputed)`, `Key`.
pub async fn refund_lines(cx: &Context, by: By, new: NewRefund) -> Result<refund::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let key = new.key(by);
    if let Some(made) = idempotency::earlier::<RefundId, _>(&tx, cx, &key).await? {
        let made = refund::Entity::find_by_id(made).one(&tx).await?;
        return Ok(made.context("the refund of an idempotency key is gone")?);
    }
    let (order, lines) = lock_paid(&tx, new.order).await?;
    let standing = standing(&tx, by, &lines, Role::Manager).await?;
    let units = named_units(&tx, &order, &lines, &standing, &new).await?;
    let decision = Decision {
        order: &order,
        units,
        reason: new.reason,
        restock: new.restock,
        requested_by: by.to_string(),
    };
    let made = decide(&tx, cx, by.actor(), decision).await?;
    idempotency::finish(&tx, &key, Attempt::Done, made.id).await?;
    tx.commit().await?;
    Ok(made)
}

/// Calls a paid order off before anything shipped: all that was not refunded yet goes back to the buyer, shipping
/// included, and the stock goes back. The buyer may, an operator, and a manager of the brand when all lines are its own.
/// `key` is the client's idempotency key, not claimed yet.
///
/// # Errors
/// `OrderNotFound`, `OrderState`, `Staff`, `Refund(ShippedAlready)`, `Refund(NothingLeft)`, `Refund(OrderDisputed)`,
/// `Key`.
pub(in crate::checkout) async fn cancel_paid(
    cx: &Context,
    by: &Viewer,
    order: OrderId,
    key: String,
) -> Result<order::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let key = cancel_key(by, order, key).or_refuse(Refusal::OrderNotFound)?;
    let earlier: Option<OrderId> = idempotency::earlier(&tx, cx, &key).await?;
    let (order, lines) = lock_paid(&tx, order).await?;
    may_cancel(&tx, cx, by, &order, &lines).await?;
    match order.state {
        // It was to be called off before it was paid, and then was paid after all.
        OrderState::Paid if earlier.is_some() => return refuse(Refusal::OrderState(order.state)),
        _ if earlier.is_some() => return Ok(order),
        _ => {}
    }
    live(&order)?;
    let units = ledger::units_of(&tx, &[order.id]).await?;
    if units.iter().any(|unit| unit.shipped_at.is_some()) {
        return refuse(Refusal::Refund(RefundRefusal::ShippedAlready));
    }
    let decision = Decision {
        order: &order,
        units: units.into_iter().filter(|unit| !units::gone_back(unit)).collect(),
        reason: CANCELLED.parse()?,
        restock: true,
        requested_by: actor(by).to_string(),
    };
    decide(&tx, cx, actor(by), decision).await?;
    let order = close(&tx, cx, order).await?;
    event::record(&tx, cx, actor(by), "order.cancelled", order.id, &[]).await?;
    idempotency::finish(&tx, &key, Attempt::Done, order.id).await?;
    tx.commit().await?;
    Ok(order)
}

/// The key of calling an order off, be it paid or not; `None` for a stranger.
pub(super) fn cancel_key(by: &Viewer, order: OrderId, key: String) -> Option<Key> {
    let input = Input::new().field("order", order);
    Some(Key::new(key_scope(by)?, "orderCancel", key, &input))
}

/// A refund about to be made.
pub(super) struct Decision<'a> {
    /// The order, locked.
    pub(super) order: &'a order::Model,
    /// What goes back: units of the order in no live refund.
    pub(super) units: Vec<unit::Model>,
    /// Why.
    pub(super) reason: Reason,
    /// Whether shipped pieces go back into the stock.
    pub(super) restock: bool,
    /// Who decided: an account's or an API key's id, "guest".
    pub(super) requested_by: String,
}

/// Makes the refund: its rows, its postings, the intent to make it at Stripe, the stock, the returns it settles, the event.
///
/// # Errors
/// `Refund(OrderDisputed)`, `Refund(NothingLeft)`.
pub(super) async fn decide(
    tx: &Tx,
    cx: &Context,
    actor: Actor,
    decision: Decision<'_>,
) -> Result<refund::Model, Failure<Refusal>> {
    let Decision { order, units, .. } = &decision;
    dispute::undisputed(tx, order).await?;
    let amount = units
        .iter()
        .try_fold(0_i64, |sum, unit| sum.checked_add(ledger::refundable(unit)));
    let amount = amount
        .filter(|amount| *amount > 0)
        .or_refuse(Refusal::Refund(RefundRefusal::NothingLeft))?;
    let restocked = to_restock(tx, &decision).await?;
    let made = insert(tx, cx, &decision, amount).await?;
    let rows = units.iter().map(|unit| refund_unit::ActiveModel {
        refund_id: Set(made.id),
        unit_id: Set(unit.id),
        amount: Set(ledger::refundable(unit)),
        restocked: Set(restocked.contains_key(&unit.id)),
    });
    refund_unit::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    returns::close_refunded(tx, units).await?;
    let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
    ledger::refund_decided(tx, cx, &made, &ids).await?;
    let pieces: Vec<(VariantId, i64)> = restocked.into_values().map(|variant| (variant, 1)).collect();
    catalog::restock(tx, &pieces).await?;
    let refs = [("refund", made.id.to_string())];
    event::record(tx, cx, actor, "order.refund_requested", order.id, &refs).await?;
    Ok(made)
}

async fn insert(
    tx: &Tx,
    cx: &Context,
    decision: &Decision<'_>,
    amount: i64,
) -> anyhow::Result<refund::Model> {
    let order = decision.order;
    let charge = order.charge_id.clone().context("a paid order without a charge")?;
    let id: RefundId = cx.new_id();
    let call = Call::RefundMake {
        charge: charge.clone(),
        amount,
        currency: order.currency.to_string(),
        refund: id.to_string(),
        order: order.id.to_string(),
    };
    let intent = intent::record(tx, cx, id, &call, When::Soon).await?;
    let row = refund::ActiveModel {
        id: Set(id),
        order_id: Set(order.id),
        charge_id: Set(charge),
        kind: Set(RefundKind::Units),
        amount: Set(amount),
        currency: Set(order.currency),
        reason: Set(decision.reason.clone()),
        state: Set(RefundState::Pending),
        intent_id: Set(intent),
        stripe_refund_id: NotSet,
        requested_by: Set(decision.requested_by.clone()),
        created_at: Set(cx.now()),
        settled_at: NotSet,
    };
    Ok(row.insert(tx).await?)
}

/// Which units' pieces go back into the stock: those never shipped, and the shipped if asked; of variants whose stock was
/// counted when they were sold; none twice, even when an earlier refund of the unit failed.
async fn to_restock(tx: &Tx, decision: &Decision<'_>) -> Result<BTreeMap<UnitId, VariantId>, DbErr> {
    let reserved = reservation::Entity::find()
        .filter(reservation::Column::OrderId.eq(decision.order.id))
        .filter(reservation::Column::Counted.eq(true))
        .all(tx)
        .await?;
    let counted: BTreeSet<VariantId> = reserved.into_iter().map(|row| row.variant_id).collect();
    let earlier = refund_unit::Entity::find()
        .filter(refund_unit::Column::UnitId.is_in(decision.units.iter().map(|unit| unit.id)))
        .filter(refund_unit::Column::Restocked.eq(true))
        .all(tx)
        .await?;
    let earlier: BTreeSet<UnitId> = earlier.into_iter().map(|row| row.unit_id).collect();
    let back = decision
        .units
        .iter()
        .filter(|unit| (decision.restock || unit.shipped_at.is_none()) && !earlier.contains(&unit.id));
    Ok(back
        .filter_map(|unit| Some((unit.id, unit.variant_id?)))
        .filter(|(_, variant)| counted.contains(variant))
        .collect())
}

/// The units that the input names.
async fn named_units(
    tx: &Tx,
    order: &order::Model,
    lines: &[order_line::Model],
    standing: &Standing,
    new: &NewRefund,
) -> Result<Vec<unit::Model>, Failure<Refusal>> {
    let pieces = units::pieces(lines, &new.lines, |brand| standing.may(brand)).map_err(Failure::Refused)?;
    if pieces.is_empty() && !new.shipping {
        return refuse(Refusal::NothingNamed);
    }
    let all = ledger::units_of(tx, &[order.id]).await?;
    let approved = approved_returns(tx, order.id).await?;
    let free = |unit: &unit::Model| !units::gone_back(unit);
    let mut chosen = units::choose(&all, &pieces, free, |unit| units::refund_rank(unit, &approved))
        .map_err(Failure::Refused)?;
    if new.shipping {
        let named: BTreeSet<BrandId> = pieces.iter().map(|piece| piece.brand).collect();
        chosen.extend(shipping_units(&all, &named, standing).map_err(Failure::Refused)?);
    }
    let idle = units::idle_shipping(&all, &chosen);
    chosen.extend(idle);
    Ok(chosen)
}

/// The shipping not refunded yet, of the `named` brands or, where none are, of all those for which she may act.
fn shipping_units(
    all: &[unit::Model],
    named: &BTreeSet<BrandId>,
    standing: &Standing,
) -> Result<Vec<unit::Model>, Refusal> {
    let shipping = all
        .iter()
        .filter(|unit| unit.kind == UnitKind::Shipping && !units::gone_back(unit));
    let mut chosen = Vec::new();
    for unit in shipping {
        let concerned = if named.is_empty() {
            standing.may(unit.brand_id)?
        } else {
            named.contains(&unit.brand_id)
        };
        if concerned {
            chosen.push(unit.clone());
        }
    }
    if chosen.is_empty() {
        return Err(Refusal::Refund(RefundRefusal::ShippingRefunded));
    }
    Ok(chosen)
}

async fn approved_returns(tx: &Tx, order: OrderId) -> Result<BTreeSet<ReturnId>, DbErr> {
    let approved = return_request::Entity::find()
        .filter(return_request::Column::OrderId.eq(order))
        .filter(return_request::Column::State.eq(ReturnState::Approved))
        .all(tx)
        .await?;
    Ok(approved.into_iter().map(|row| row.id).collect())
}

async fn may_cancel(
    tx: &Tx,
    cx: &Context,
    by: &Viewer,
    order: &order::Model,
    lines: &[order_line::Model],
) -> Result<(), Failure<Refusal>> {
    if for_buyer(cx, by, order) {
        return Ok(());
    }
    let account = by.account.as_ref().or_refuse(Refusal::OrderNotFound)?;
    let standing = standing(tx, account, lines, Role::Manager).await?;
    for line in lines {
        if !standing.may(line.brand_id).map_err(Failure::Refused)? {
            return refuse(Refusal::OrderNotFound);
        }
    }
    Ok(())
}

async fn close(tx: &Tx, cx: &Context, order: order::Model) -> Result<order::Model, DbErr> {
    let now = cx.now();
    order::Entity::update_many()
        .col_expr(order::Column::State, Expr::value(OrderState::Cancelled))
        .col_expr(order::Column::ClosedAt, Expr::value(now))
        .filter(order::Column::Id.eq(order.id))
        .exec(tx)
        .await?;
    Ok(order::Model {
        state: OrderState::Cancelled,
        closed_at: Some(now),
        ..order
    })
}
