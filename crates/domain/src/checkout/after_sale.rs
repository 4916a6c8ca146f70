//! What became of paid orders, read. Functions that take many ids answer for all of them with one statement.

use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::checkout::{
    dispute, dispute_note, fulfillment, order, refund, refund_unit, return_request, return_unit,
};
use vitrine_model::id::{BrandId, DisputeId, FulfillmentId, OrderId, RefundId, ReturnId};
use vitrine_model::ledger::unit;

use crate::checkout::units::FulfillmentState;
use crate::list::List;

/// An order that holds something of a brand.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Holding {
    /// The order.
    pub order_id: OrderId,
}

/// The paid orders that hold something of `brand`, newest first; with `state`, those whose part of the brand's is that far.
/// Orders never paid are not among them: they have no units.
pub fn brand_orders(brand: BrandId, state: Option<FulfillmentState>) -> List<Holding, OrderId> {
    // The index on brand and order gives the ids in their order, so a page costs what it holds.
    let mut found = unit::Entity::find()
        .select_only()
        .column(unit::Column::OrderId)
        .distinct()
        .filter(unit::Column::BrandId.eq(brand));
    if let Some(state) = state {
        found = found.filter(is_at(state));
    }
    List::new(found, true, &[unit::Column::OrderId], |place: &OrderId| {
        vec![(*place).into()]
    })
}

/// Which order is meant.
#[derive(Debug, Clone)]
pub enum OrderNamed {
    /// By its id.
    Id(OrderId),
    /// By what people read out on the phone.
    Number(String),
}

/// The paid order so named, if it holds something of the brand's.
///
/// # Errors
/// When the database fails.
pub async fn order_of_brand(
    db: &impl ConnectionTrait,
    brand: BrandId,
    named: &OrderNamed,
) -> Result<Option<order::Model>, DbErr> {
    let by = match named {
        OrderNamed::Id(id) => order::Column::Id.eq(*id),
        OrderNamed::Number(number) => order::Column::Number.eq(number),
    };
    let Some(order) = order::Entity::find().filter(by).one(db).await? else {
        return Ok(None);
    };
    let holds = unit::Entity::find()
        .filter(unit::Column::OrderId.eq(order.id))
        .filter(unit::Column::BrandId.eq(brand))
        .limit(1);
    Ok(holds.one(db).await?.map(|_| order))
}

/// The parcels of these orders, in the order they were shipped.
///
/// # Errors
/// When the database fails.
pub async fn fulfillments_of(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<fulfillment::Model>, DbErr> {
    fulfillment::Entity::find()
        .filter(fulfillment::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(fulfillment::Column::Id)
        .all(db)
        .await
}

/// The parcel with this id.
///
/// # Errors
/// When the database fails.
pub async fn fulfillment(
    db: &impl ConnectionTrait,
    id: FulfillmentId,
) -> Result<Option<fulfillment::Model>, DbErr> {
    fulfillment::Entity::find_by_id(id).one(db).await
}

/// The returns of these orders, in the order they were asked for.
///
/// # Errors
/// When the database fails.
pub async fn returns_of(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<return_request::Model>, DbErr> {
    return_request::Entity::find()
        .filter(return_request::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(return_request::Column::Id)
        .all(db)
        .await
}

/// The return with this id.
///
/// # Errors
/// When the database fails.
pub async fn return_request(
    db: &impl ConnectionTrait,
    id: ReturnId,
) -> Result<Option<return_request::Model>, DbErr> {
    return_request::Entity::find_by_id(id).one(db).await
}

/// Which units these returns ask to send back.
///
/// # Errors
/// When the database fails.
pub async fn return_units_of(
    db: &impl ConnectionTrait,
    returns: &[ReturnId],
) -> Result<Vec<return_unit::Model>, DbErr> {
    return_unit::Entity::find()
        .filter(return_unit::Column::ReturnId.is_in(returns.iter().copied()))
        .all(db)
        .await
}

/// The refunds of these orders, in the order they were decided.
///
/// # Errors
/// When the database fails.
pub async fn refunds_of(db: &impl ConnectionTrait, orders: &[OrderId]) -> Result<Vec<refund::Model>, DbErr> {
    refund::Entity::find()
        .filter(refund::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(refund::Column::Id)
        .all(db)
        .await
}

/// The refund with this id.
///
/// # Errors
/// When the database fails.
pub async fn refund(db: &impl ConnectionTrait, id: RefundId) -> Result<Option<refund::Model>, DbErr> {
    refund::Entity::find_by_id(id).one(db).await
}

/// Which units these refunds give back, and what each cost.
///
/// # Errors
/// When the database fails.
pub async fn refund_units_of(
    db: &impl ConnectionTrait,
    refunds: &[RefundId],
) -> Result<Vec<refund_unit::Model>, DbErr> {
    refund_unit::Entity::find()
        .filter(refund_unit::Column::RefundId.is_in(refunds.iter().copied()))
        .all(db)
        .await
}

/// The disputes of these orders, in the order we learned of them.
///
/// # Errors
/// When the database fails.
pub async fn disputes_of(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<dispute::Model>, DbErr> {
    dispute::Entity::find()
        .filter(dispute::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(dispute::Column::Id)
        .all(db)
        .await
}

/// A dispute's place in the list of all: when we learned of it, and its id.
pub type DisputePlace = (Time, DisputeId);

/// All disputes, the newest first; with `open`, those still open, or those closed.
pub fn all_disputes(open: Option<bool>) -> List<dispute::Model, DisputePlace> {
    let found = match open {
        None => dispute::Entity::find(),
        Some(true) => dispute::Entity::find().filter(dispute::Column::ClosedAt.is_null()),
        Some(false) => dispute::Entity::find().filter(dispute::Column::ClosedAt.is_not_null()),
    };
    let columns = [dispute::Column::CreatedAt, dispute::Column::Id];
    List::new(found, true, &columns, |place: &DisputePlace| {
        vec![place.0.into(), place.1.into()]
    })
}

/// The dispute with this id.
///
/// # Errors
/// When the database fails.
pub async fn dispute(db: &impl ConnectionTrait, id: DisputeId) -> Result<Option<dispute::Model>, DbErr> {
    dispute::Entity::find_by_id(id).one(db).await
}

/// What the sides of these disputes have to say.
///
/// # Errors
/// When the database fails.
pub async fn dispute_notes_of(
    db: &impl ConnectionTrait,
    disputes: &[DisputeId],
) -> Result<Vec<dispute_note::Model>, DbErr> {
    dispute_note::Entity::find()
        .filter(dispute_note::Column::DisputeId.is_in(disputes.iter().copied()))
        .order_by_asc(dispute_note::Column::Side)
        .all(db)
        .await
}

/// The rule of `units::fulfillment_state`, in SQL.
fn is_at(state: FulfillmentState) -> Condition {
    let to_ship = Expr::exists(goods_of_the_same(false));
    let shipped = Expr::exists(goods_of_the_same(true));
    match state {
        FulfillmentState::Unfulfilled => Condition::all().add(still_to_ship()).add(shipped.not()),
        FulfillmentState::PartiallyFulfilled => Condition::all().add(still_to_ship()).add(shipped),
        FulfillmentState::Fulfilled => Condition::all().add(to_ship.not()).add(shipped),
        FulfillmentState::NothingToShip => Condition::all().add(to_ship.not()).add(shipped.not()),
    }
}

/// The unit itself is to be shipped: written as the partial index `unit_to_ship` is, so that it serves.
fn still_to_ship() -> Condition {
    Condition::all()
        .add(Expr::cust("unit.kind = 'goods'"))
        .add(unit::Column::ShippedAt.is_null())
        .add(unit::Column::RefundId.is_null())
        .add(Expr::cust(
            "(unit.paid = 0 or unit.brand_lost + unit.shop_lost + unit.platform_lost < unit.paid)",
        ))
}

/// Goods of the same brand and order that were shipped, or that are still to be.
fn goods_of_the_same(shipped: bool) -> SelectStatement {
    let other = || Alias::new("other");
    let mine = |column: unit::Column| Expr::col((unit::Entity, column));
    let same = |column: unit::Column| Expr::col((other(), column)).eq(mine(column));
    let mut select = Query::select();
    select
        .expr(Expr::val(1))
        .from_as(unit::Entity, other())
        .and_where(same(unit::Column::BrandId))
        .and_where(same(unit::Column::OrderId))
        .and_where(Expr::cust("other.kind = 'goods'"));
    let at = Expr::col((other(), unit::Column::ShippedAt));
    if shipped {
        select.and_where(at.is_not_null());
    } else {
        select
            .and_where(at.is_null())
            .and_where(Expr::col((other(), unit::Column::RefundId)).is_null())
            .and_where(Expr::cust(
                "(other.paid = 0 or other.brand_lost + other.shop_lost + other.platform_lost < other.paid)",
            ));
    }
    select.to_owned()
}
