//! Personal data of carts and orders, erased: on request, or when its time has passed.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Value,
};
use vitrine_model::Time;
use vitrine_model::checkout::{
    CartState, OrderState, RefundState, cart, cart_click, cart_contact, cart_line, dispute, dispute_note,
    order, order_contact, refund, return_request,
};
use vitrine_model::id::{AccountId, CartId, OrderId};
use vitrine_model::ledger::{UnitKind, unit};

use crate::context::{Context, Tx};
use crate::ledger;

/// Orders, or carts, dealt with in one round.
const ROUND: usize = 500;
/// What stands where somebody wrote something about an order.
const ERASED: &str = "erased";

/// Every order of the account.
///
/// # Errors
/// When the database fails.
pub(crate) async fn orders_by_account(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<order::Model>, DbErr> {
    let hers = order::Entity::find().filter(order::Column::AccountId.eq(account));
    hers.all(db).await
}

/// The order, locked until the transaction ends.
pub(crate) async fn lock(tx: &Tx, id: OrderId) -> Result<Option<order::Model>, DbErr> {
    super::lock_order(tx, id).await
}

/// Which of the orders are not over: somebody may still have to write to the buyer, send her something, or send money back.
pub(crate) async fn open_among(
    db: &impl ConnectionTrait,
    orders: &[order::Model],
) -> Result<BTreeSet<OrderId>, DbErr> {
    let awaiting = orders
        .iter()
        .filter(|order| order.state == OrderState::AwaitingPayment);
    let mut open: BTreeSet<OrderId> = awaiting.map(|order| order.id).collect();
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    for some in ids.chunks(ROUND) {
        let units = ledger::units_of(db, some).await?;
        open.extend(
            units
                .iter()
                .filter(|unit| !is_over(unit))
                .map(|unit| unit.order_id),
        );
        let refunds = refund::Entity::find()
            .filter(refund::Column::OrderId.is_in(some.iter().copied()))
            .filter(refund::Column::State.eq(RefundState::Pending));
        open.extend(refunds.all(db).await?.into_iter().map(|refund| refund.order_id));
        let disputes = dispute::Entity::find()
            .filter(dispute::Column::OrderId.is_in(some.iter().copied()))
            .filter(dispute::Column::ClosedAt.is_null());
        open.extend(disputes.all(db).await?.into_iter().map(|found| found.order_id));
    }
    Ok(open)
}

/// Whether nothing is to happen to the unit any more: it went back, or its return window has closed.
fn is_over(unit: &unit::Model) -> bool {
    let gone_back = unit.refund_id.is_some() || ledger::charged_back(unit);
    // Shipping is the brand's alone.
    let rest = unit.kind == UnitKind::Shipping || unit.shop_released_at.is_some();
    let released = unit.brand_released_at.is_some() && rest;
    gone_back || (released && unit.return_id.is_none())
}

/// Erases who bought these orders, where they went, and what was written about them. Their secrets open nothing any more.
pub(crate) async fn forget_orders(tx: &Tx, cx: &Context, orders: &[OrderId]) -> Result<(), DbErr> {
    for some in orders.chunks(ROUND) {
        let of = |column: order::Column| {
            let mut rows = Query::select();
            rows.column(column)
                .from(order::Entity)
                .and_where(order::Column::Id.is_in(some.iter().copied()));
            rows
        };
        order_contact::Entity::delete_many()
            .filter(order_contact::Column::OrderId.is_in(some.iter().copied()))
            .exec(tx)
            .await?;
        cart_contact::Entity::delete_many()
            .filter(cart_contact::Column::CartId.in_subquery(of(order::Column::CartId)))
            .exec(tx)
            .await?;
        forget_words(tx, some).await?;
        order::Entity::update_many()
            .col_expr(order::Column::SecretExpiresAt, Expr::value(cx.now()))
            .filter(order::Column::Id.is_in(some.iter().copied()))
            .filter(order::Column::SecretExpiresAt.gt(cx.now()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// What people wrote about orders may say who bought them.
async fn forget_words(tx: &Tx, orders: &[OrderId]) -> Result<(), DbErr> {
    return_request::Entity::update_many()
        .col_expr(return_request::Column::Reason, Expr::value(ERASED))
        .filter(return_request::Column::OrderId.is_in(orders.iter().copied()))
        .exec(tx)
        .await?;
    refund::Entity::update_many()
        .col_expr(refund::Column::Reason, Expr::value(ERASED))
        .filter(refund::Column::OrderId.is_in(orders.iter().copied()))
        .exec(tx)
        .await?;
    let mut disputes = Query::select();
    disputes
        .column(dispute::Column::Id)
        .from(dispute::Entity)
        .and_where(dispute::Column::OrderId.is_in(orders.iter().copied()));
    dispute_note::Entity::update_many()
        .col_expr(dispute_note::Column::Note, Expr::value(ERASED))
        .filter(dispute_note::Column::DisputeId.in_subquery(disputes))
        .exec(tx)
        .await?;
    Ok(())
}

/// Erases what the account's carts say of her.
pub(crate) async fn forget_carts_of(tx: &Tx, account: AccountId) -> Result<(), DbErr> {
    let mut hers = Query::select();
    hers.column(cart::Column::Id)
        .from(cart::Entity)
        .and_where(cart::Column::AccountId.eq(account));
    cart_contact::Entity::delete_many()
        .filter(cart_contact::Column::CartId.in_subquery(hers))
        .exec(tx)
        .await?;
    Ok(())
}

/// Erases who bought the orders begun before `before` that are over, oldest first.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sweep_contacts(cx: &Context, before: Time) -> anyhow::Result<()> {
    let mut known = Query::select();
    known
        .column(order_contact::Column::OrderId)
        .from(order_contact::Entity);
    let mut beyond: Option<(Time, OrderId)> = None;
    loop {
        let mut old = order::Entity::find()
            .filter(order::Column::CreatedAt.lt(before))
            .filter(order::Column::Id.in_subquery(known.clone()));
        if let Some((at, id)) = beyond {
            let here = Expr::tuple([
                order::Column::CreatedAt.into_expr(),
                order::Column::Id.into_expr(),
            ]);
            old = old.filter(here.gt(Expr::tuple([Expr::value(at), Expr::value(id)])));
        }
        let old = old
            .order_by_asc(order::Column::CreatedAt)
            .order_by_asc(order::Column::Id)
            .limit(Some(ROUND as u64))
            .all(cx.db())
            .await?;
        let Some(last) = old.last() else { return Ok(()) };
        beyond = Some((last.created_at, last.id));
        let open = open_among(cx.db(), &old).await?;
        let over = old.iter().map(|order| order.id).filter(|id| !open.contains(id));
        let over: Vec<OrderId> = over.collect();
        let tx = cx.begin().await?;
        forget_orders(&tx, cx, &over).await?;
        tx.commit().await?;
    }
}

/// Removes open carts that nobody changed since `before`. Those that orders came of stay, empty.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sweep_carts(cx: &Context, before: Time) -> anyhow::Result<()> {
    loop {
        let tx = cx.begin().await?;
        let old: Vec<CartId> = cart::Entity::find()
            .select_only()
            .column(cart::Column::Id)
            .filter(cart::Column::State.eq(CartState::Open))
            .filter(cart::Column::UpdatedAt.lt(before))
            .filter(worth_removing())
            .order_by_asc(cart::Column::UpdatedAt)
            .limit(Some(ROUND as u64))
            .into_tuple()
            .all(&tx)
            .await?;
        if old.is_empty() {
            return Ok(());
        }
        remove_carts(&tx, &old).await?;
        tx.commit().await?;
    }
}

/// A cart that an order came of is worth a visit only while it says something.
fn worth_removing() -> Condition {
    let mut ordered = Query::select();
    ordered.column(order::Column::CartId).from(order::Entity);
    let mut named = Query::select();
    named
        .column(cart_contact::Column::CartId)
        .from(cart_contact::Entity);
    let mut filled = Query::select();
    filled.column(cart_line::Column::CartId).from(cart_line::Entity);
    Condition::any()
        .add(cart::Column::Id.not_in_subquery(ordered))
        .add(cart::Column::Id.in_subquery(named))
        .add(cart::Column::Id.in_subquery(filled))
}

async fn remove_carts(tx: &Tx, carts: &[CartId]) -> Result<(), DbErr> {
    let ids = || carts.iter().map(|id| Value::from(*id));
    cart_contact::Entity::delete_many()
        .filter(cart_contact::Column::CartId.is_in(ids()))
        .exec(tx)
        .await?;
    cart_line::Entity::delete_many()
        .filter(cart_line::Column::CartId.is_in(ids()))
        .exec(tx)
        .await?;
    cart_click::Entity::delete_many()
        .filter(cart_click::Column::CartId.is_in(ids()))
        .exec(tx)
        .await?;
    let mut ordered = Query::select();
    ordered.column(order::Column::CartId).from(order::Entity);
    cart::Entity::delete_many()
        .filter(cart::Column::Id.is_in(ids()))
        .filter(cart::Column::Id.not_in_subquery(ordered))
        .exec(tx)
        .await?;
    Ok(())
}
