//! Sending things back.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::checkout::{ReturnState, order, return_request, return_unit};
use vitrine_model::id::{BrandId, OrderId, ReturnId, UnitId};
use vitrine_model::identity::Role;
use vitrine_model::ledger::{UnitKind, unit};
use vitrine_model::text::Reason;

use crate::checkout::commands::refund::{Decision, decide};
use crate::checkout::commands::standing::{for_buyer, live, lock_paid};
use crate::checkout::commands::{actor, lock_order};
use crate::checkout::refusal::{RefundRefusal, Refusal, ReturnRefusal};
use crate::checkout::units::{self, LineQuantity};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::{self, By, Viewer};
use crate::ledger;

/// What a buyer wants to send back.
#[derive(Debug, Clone)]
pub struct NewReturn {
    /// Of which order.
    pub order: OrderId,
    /// What; shipped pieces only.
    pub lines: Vec<LineQuantity>,
    /// Why.
    pub reason: Reason,
}

/// A brand's yes to a return.
#[derive(Debug, Clone, Copy)]
pub struct Approval {
    /// Which return.
    pub id: ReturnId,
    /// Whether the money goes back at once.
    pub refund: bool,
    /// Whether the brand's shipping goes back with it.
    pub shipping: bool,
    /// Whether the pieces go back into the stock with the refund.
    pub restock: bool,
}

/// Asks to send shipped pieces back: one return for each brand concerned. Nothing of them releases until the brand has
/// decided, or refunded.
///
/// # Errors
/// `OrderNotFound` unless the buyer asks, or an operator in her stead; `OrderState`, `NothingNamed`,
/// `Line(NotInOrder)`, `TooManyLines`, `Line(QuantityOutOfRange)`, `Line(TooFewUnits)`.
pub async fn request_return(
    cx: &Context,
    by: &Viewer,
    new: NewReturn,
) -> Result<Vec<return_request::Model>, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (order, lines) = lock_paid(&tx, new.order).await?;
    if !for_buyer(cx, by, &order) {
        return refuse(Refusal::OrderNotFound);
    }
    live(&order)?;
    let pieces = units::pieces(&lines, &new.lines, |_| Ok(true)).map_err(Failure::Refused)?;
    if pieces.is_empty() {
        return refuse(Refusal::NothingNamed);
    }
    let all = ledger::units_of(&tx, &[order.id]).await?;
    let chosen = units::choose(&all, &pieces, units::returnable, |_| 0).map_err(Failure::Refused)?;
    let mut by_brand: BTreeMap<BrandId, Vec<UnitId>> = BTreeMap::new();
    for unit in chosen {
        by_brand.entry(unit.brand_id).or_default().push(unit.id);
    }
    let mut opened = Vec::with_capacity(by_brand.len());
    for (brand, units) in by_brand {
        let made = open(&tx, cx, &order, brand, &new.reason, &units).await?;
        record(&tx, cx, actor(by), "return.requested", &made).await?;
        opened.push(made);
    }
    tx.commit().await?;
    Ok(opened)
}

/// Lets the buyer send it back; with `refund`, gives her the money at once. Said again, it changes nothing more, but may
/// add the refund.
///
/// # Errors
/// `Return(NotFound)`, `Staff` below a manager's role, `Return(Decided)` for a declined one, `Refund(NothingLeft)`,
/// `Refund(ShippingRefunded)`, `Refund(OrderDisputed)`.
pub async fn approve_return(
    cx: &Context,
    by: By,
    approval: Approval,
) -> Result<return_request::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (order, found) = lock_return(&tx, by, approval.id).await?;
    match found.state {
        ReturnState::Declined => return refuse(Refusal::Return(ReturnRefusal::Decided)),
        ReturnState::Refunded => return Ok(found),
        ReturnState::Approved if !approval.refund => return Ok(found),
        ReturnState::Approved => {}
        ReturnState::Requested => {
            set_state(&tx, cx, &found, ReturnState::Approved).await?;
            record(&tx, cx, by.actor(), "return.approved", &found).await?;
        }
    }
    if approval.refund {
        refund(&tx, cx, by, &order, &found, approval).await?;
    }
    let decided = return_row(&tx, found.id)
        .await?
        .or_refuse(Refusal::Return(ReturnRefusal::NotFound))?;
    tx.commit().await?;
    Ok(decided)
}

/// Says no to a return, or closes an approved one whose pieces never came: what it held back may release.
///
/// # Errors
/// `Return(NotFound)`, `Staff` below a manager's role, `Return(Decided)` when it was refunded.
pub async fn decline_return(
    cx: &Context,
    by: By,
    id: ReturnId,
) -> Result<return_request::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (_, found) = lock_return(&tx, by, id).await?;
    match found.state {
        ReturnState::Refunded => return refuse(Refusal::Return(ReturnRefusal::Decided)),
        ReturnState::Declined => return Ok(found),
        ReturnState::Requested | ReturnState::Approved => {}
    }
    let open: Vec<UnitId> = open_units(&tx, &found)
        .await?
        .into_iter()
        .map(|unit| unit.id)
        .collect();
    ledger::units_returning(&tx, &open, None).await?;
    set_state(&tx, cx, &found, ReturnState::Declined).await?;
    record(&tx, cx, by.actor(), "return.declined", &found).await?;
    let decided = return_row(&tx, id)
        .await?
        .or_refuse(Refusal::Return(ReturnRefusal::NotFound))?;
    tx.commit().await?;
    Ok(decided)
}

/// Closes the returns of units that are being refunded. One whose last unit goes is settled.
pub(super) async fn close_refunded(tx: &Tx, units: &[unit::Model]) -> Result<(), DbErr> {
    let asked: Vec<&unit::Model> = units.iter().filter(|unit| unit.return_id.is_some()).collect();
    let ids: Vec<UnitId> = asked.iter().map(|unit| unit.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    ledger::units_returning(tx, &ids, None).await?;
    let mut returns: Vec<ReturnId> = asked.iter().filter_map(|unit| unit.return_id).collect();
    returns.sort_unstable();
    returns.dedup();
    for id in returns {
        let left = unit::Entity::find()
            .filter(unit::Column::ReturnId.eq(id))
            .one(tx)
            .await?;
        if left.is_none() {
            move_state(tx, id, ReturnState::Refunded).await?;
        }
    }
    Ok(())
}

/// The refund of these units failed: the returns that asked for them are open again.
pub(super) async fn reopen(tx: &Tx, units: &[UnitId]) -> Result<(), DbErr> {
    let asked = return_unit::Entity::find()
        .filter(return_unit::Column::UnitId.is_in(units.iter().copied()))
        .all(tx)
        .await?;
    let mut by_return: BTreeMap<ReturnId, Vec<UnitId>> = BTreeMap::new();
    for row in asked {
        by_return.entry(row.return_id).or_default().push(row.unit_id);
    }
    for (id, units) in by_return {
        // A declined return asks for nothing; a later one may have asked for the same unit.
        let Some(found) = return_row(tx, id)
            .await?
            .filter(|row| row.state != ReturnState::Declined)
        else {
            continue;
        };
        ledger::units_returning(tx, &units, Some(id)).await?;
        if found.state == ReturnState::Refunded {
            move_state(tx, id, ReturnState::Approved).await?;
        }
    }
    Ok(())
}

async fn refund(
    tx: &Tx,
    cx: &Context,
    by: By,
    order: &order::Model,
    found: &return_request::Model,
    approval: Approval,
) -> Result<(), Failure<Refusal>> {
    let mut units = open_units(tx, found).await?;
    if approval.shipping {
        let all = ledger::units_of(tx, &[order.id]).await?;
        let shipping = all.into_iter().find(|unit| {
            unit.kind == UnitKind::Shipping && unit.brand_id == found.brand_id && !units::gone_back(unit)
        });
        units.push(shipping.or_refuse(Refusal::Refund(RefundRefusal::ShippingRefunded))?);
    }
    let decision = Decision {
        order,
        units,
        reason: found.reason.clone(),
        restock: approval.restock,
        requested_by: by.to_string(),
    };
    decide(tx, cx, by.actor(), decision).await?;
    Ok(())
}

async fn open(
    tx: &Tx,
    cx: &Context,
    order: &order::Model,
    brand: BrandId,
    reason: &Reason,
    units: &[UnitId],
) -> Result<return_request::Model, DbErr> {
    let made = return_request::ActiveModel {
        id: Set(cx.new_id()),
        order_id: Set(order.id),
        brand_id: Set(brand),
        reason: Set(reason.clone()),
        state: Set(ReturnState::Requested),
        created_at: Set(cx.now()),
        decided_at: NotSet,
    };
    let made = made.insert(tx).await?;
    let rows = units.iter().map(|unit| return_unit::ActiveModel {
        return_id: Set(made.id),
        unit_id: Set(*unit),
    });
    return_unit::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    ledger::units_returning(tx, units, Some(made.id)).await?;
    Ok(made)
}

/// The return and its order, locked, for a manager of its brand.
async fn lock_return(
    tx: &Tx,
    by: By,
    id: ReturnId,
) -> Result<(order::Model, return_request::Model), Failure<Refusal>> {
    let found = return_row(tx, id)
        .await?
        .or_refuse(Refusal::Return(ReturnRefusal::NotFound))?;
    identity::staff_of(tx, by, found.brand_id, Role::Manager)
        .await
        .map_err(|failure| {
            failure.map(|refusal| Refusal::of_staff(refusal, Refusal::Return(ReturnRefusal::NotFound)))
        })?;
    // Read once more under the order's lock: another may have decided meanwhile.
    let order = lock_order(tx, found.order_id)
        .await?
        .or_refuse(Refusal::Return(ReturnRefusal::NotFound))?;
    let found = return_row(tx, id)
        .await?
        .or_refuse(Refusal::Return(ReturnRefusal::NotFound))?;
    Ok((order, found))
}

async fn return_row(db: &impl ConnectionTrait, id: ReturnId) -> Result<Option<return_request::Model>, DbErr> {
    return_request::Entity::find_by_id(id).one(db).await
}

/// The units the return still asks for.
async fn open_units(tx: &Tx, found: &return_request::Model) -> Result<Vec<unit::Model>, DbErr> {
    let all = ledger::units_of(tx, &[found.order_id]).await?;
    let open = all.into_iter().filter(|unit| unit.return_id == Some(found.id));
    Ok(open.collect())
}

async fn set_state(
    tx: &Tx,
    cx: &Context,
    found: &return_request::Model,
    state: ReturnState,
) -> Result<(), DbErr> {
    return_request::Entity::update_many()
        .col_expr(return_request::Column::State, Expr::value(state))
        .col_expr(return_request::Column::DecidedAt, Expr::value(cx.now()))
        .filter(return_request::Column::Id.eq(found.id))
        .exec(tx)
        .await?;
    Ok(())
}

async fn move_state(tx: &Tx, id: ReturnId, state: ReturnState) -> Result<(), DbErr> {
    return_request::Entity::update_many()
        .col_expr(return_request::Column::State, Expr::value(state))
        .filter(return_request::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

async fn record(
    tx: &Tx,
    cx: &Context,
    actor: Actor,
    kind: &str,
    found: &return_request::Model,
) -> Result<(), DbErr> {
    let refs = [
        ("order", found.order_id.to_string()),
        ("brand", found.brand_id.to_string()),
    ];
    event::record(tx, cx, actor, kind, found.id, &refs).await
}
