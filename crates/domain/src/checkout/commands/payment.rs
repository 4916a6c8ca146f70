//! What Stripe says of an order's payment. Its events are only reasons to look: the object is read as it is now, and every
//! step is taken once, under the order's lock, whatever comes twice, late or in the wrong order.

use anyhow::{Context as _, bail};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::checkout::{
    ChargeKind, OrderState, ReservationState, charge, order, order_line, reservation,
};
use vitrine_model::id::{ClickId, OrderId};
use vitrine_model::intent as intents;
use vitrine_model::money::Money;

use crate::catalog::{self, Piece};
use crate::checkout::commands::{again, expire, lock_order};
use crate::checkout::queries;
use crate::checkout::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse};
use crate::identity::Viewer;
use crate::jobs::{self, Job};
use crate::ledger::{self, Shipping};
use crate::ports::{ChargeFacts, Outcome, SessionFacts, SessionStatus};
use crate::referral;
use crate::shop;

/// How long Stripe may take to make a charge's balance transaction before we ask for it.
const SETTLE_AFTER: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// Stripe opened the page, or refused to: then the order expires, its stock is free and the cart is open again.
///
/// # Errors
/// When the database fails.
pub(crate) async fn session_opened(
    tx: &Tx,
    cx: &Context,
    intent: &intents::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let id: OrderId = intent.subject.parse()?;
    let order = lock_order(tx, id).await?.context("no such order")?;
    let facts = match outcome {
        Ok(Outcome::Session(facts)) => facts,
        Ok(other) => anyhow::bail!("opening a page made {}", other.stripe_id()),
        Err(refusal) => {
            tracing::error!(order = %id, refusal, "Stripe refused to open a checkout page");
            return expire::close(tx, cx, &order, Actor::Stripe, "order.expired").await;
        }
    };
    let open = order.state == OrderState::AwaitingPayment && facts.status == SessionStatus::Open;
    order::Entity::update_many()
        .col_expr(order::Column::SessionId, Expr::value(facts.id))
        .col_expr(
            order::Column::CheckoutUrl,
            Expr::value(facts.url.filter(|_| open)),
        )
        .filter(order::Column::Id.eq(id))
        .exec(tx)
        .await?;
    if facts.status == SessionStatus::Expired {
        return expire::close(tx, cx, &order, Actor::Stripe, "order.expired").await;
    }
    Ok(())
}

/// Something happened to a checkout page.
///
/// # Errors
/// When Stripe or the database fails: the event is applied again.
pub(crate) async fn session_changed(cx: &Context, session: &str) -> anyhow::Result<()> {
    let facts = cx.payments().session(session).await?;
    let Some(order) = order_of_session(cx, &facts).await? else {
        tracing::warn!(session, "a checkout page of no order of ours was ignored");
        return Ok(());
    };
    if facts.livemode != cx.payments().livemode() {
        tracing::error!(session, order = %order.id, "a checkout page of the other mode was ignored");
        return Ok(());
    }
    match facts.status {
        SessionStatus::Open => Ok(()),
        SessionStatus::Expired => expire::page_expired(cx, order.id, &facts.id, Actor::Stripe).await,
        SessionStatus::Complete => completed(cx, order.id, &facts).await,
    }
}

/// The browser came back from Stripe's page: takes the same step as the event about it, whichever comes first, and answers
/// the order as it is then.
///
/// # Errors
/// `OrderNotFound` unless she buys it; a fault when the database fails. While Stripe cannot be asked the order is answered
/// as it stands: an event follows, or the order's own expiry asks.
pub async fn payment_returned(
    cx: &Context,
    by: &Viewer,
    id: OrderId,
) -> Result<order::Model, Failure<Refusal>> {
    let order = queries::order(cx, by, id).await?;
    let order = order.or_refuse(Refusal::OrderNotFound)?;
    let (OrderState::AwaitingPayment, Some(session)) = (order.state, &order.session_id) else {
        return Ok(order);
    };
    if let Err(error) = session_changed(cx, session).await {
        tracing::warn!(order = %id, error = format!("{error:#}"), "Stripe could not be asked about a payment yet");
    }
    let order = queries::order(cx, by, id).await?;
    order.or_refuse(Refusal::OrderNotFound)
}

/// A charge was made or changed.
///
/// # Errors
/// When Stripe or the database fails: the event is applied again.
pub(crate) async fn charge_changed(cx: &Context, charge: &str) -> anyhow::Result<()> {
    let facts = cx.payments().charge(charge).await?;
    let Some(order) = order_of_charge(cx, &facts).await? else {
        tracing::warn!(charge, "a charge for no order of ours was ignored");
        return Ok(());
    };
    apply_charge(cx, order, &facts).await
}

/// Asks for a charge's balance transaction that had not come.
///
/// # Errors
/// When Stripe or the database fails, and when it has still not come: the job asks again later.
pub(crate) async fn settle_charge(cx: &Context, charge: &str) -> anyhow::Result<()> {
    let row = charge::Entity::find_by_id(charge).one(cx.db()).await?;
    if row.is_none_or(|row| row.balance_transaction_id.is_some()) {
        return Ok(());
    }
    charge_changed(cx, charge).await?;
    let row = charge::Entity::find_by_id(charge).one(cx.db()).await?;
    let settled = row.is_some_and(|row| row.balance_transaction_id.is_some());
    anyhow::ensure!(settled, "the balance transaction of {charge} has not come yet");
    Ok(())
}

/// The buyer finished the page `facts`: its charge pays the order, its money is still to come, or it failed for good.
///
/// # Errors
/// When Stripe or the database fails, and when Stripe calls the page paid but names no charge yet.
pub(super) async fn completed(cx: &Context, order: OrderId, facts: &SessionFacts) -> anyhow::Result<()> {
    let Some(payment) = &facts.payment_intent else {
        return Ok(());
    };
    let payment = cx.payments().payment(payment).await?;
    match payment.charge {
        // Boxed: it lies deep under whoever waits for it.
        Some(charge) => Box::pin(apply_charge(cx, order, &charge)).await,
        None if facts.paid => bail!("{} is paid by no charge yet", payment.id),
        None if payment.failed => failed(cx, order, &facts.id).await,
        None => pending(cx, order, &facts.id).await,
    }
}

/// The buyer has done her part, and her bank takes its time: nobody else may pay, and the stock is kept for her.
async fn pending(cx: &Context, order: OrderId, session: &str) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let order = lock_order(&tx, order).await?.context("no such order")?;
    let known = order.payment_pending_at.is_some() || order.state != OrderState::AwaitingPayment;
    if known || is_of_another(&order, session) {
        return Ok(());
    }
    order::Entity::update_many()
        .col_expr(order::Column::PaymentPendingAt, Expr::value(cx.now()))
        .col_expr(order::Column::CheckoutUrl, Expr::value(None::<String>))
        .filter(order::Column::Id.eq(order.id))
        .exec(&tx)
        .await?;
    event::record(&tx, cx, Actor::Stripe, "order.payment_pending", order.id, &[]).await?;
    tx.commit().await?;
    Ok(())
}

/// The money did not come: the order is closed like one that nobody paid, and the buyer is told.
async fn failed(cx: &Context, order: OrderId, session: &str) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let order = lock_order(&tx, order).await?.context("no such order")?;
    if is_of_another(&order, session) {
        return Ok(());
    }
    expire::close(&tx, cx, &order, Actor::Stripe, "order.payment_failed").await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the order has a page, and it is not this one.
fn is_of_another(order: &order::Model, session: &str) -> bool {
    order.session_id.as_deref().is_some_and(|ours| ours != session)
}

async fn order_of_session(cx: &Context, facts: &SessionFacts) -> Result<Option<order::Model>, DbErr> {
    let by_session = order::Entity::find()
        .filter(order::Column::SessionId.eq(&facts.id))
        .one(cx.db())
        .await?;
    if by_session.is_some() {
        return Ok(by_session);
    }
    // The event can overtake the answer that tells us the session's id.
    match facts.order.as_deref().and_then(|id| id.parse::<OrderId>().ok()) {
        Some(id) => order::Entity::find_by_id(id).one(cx.db()).await,
        None => Ok(None),
    }
}

async fn order_of_charge(cx: &Context, facts: &ChargeFacts) -> Result<Option<OrderId>, DbErr> {
    if let Some(known) = charge::Entity::find_by_id(&facts.id).one(cx.db()).await? {
        return Ok(Some(known.order_id));
    }
    let Some(id) = facts.order.as_deref().and_then(|id| id.parse::<OrderId>().ok()) else {
        return Ok(None);
    };
    let found = order::Entity::find_by_id(id).one(cx.db()).await?;
    Ok(found.map(|order| order.id))
}

/// Takes every step that a charge's facts call for and that was not taken yet.
async fn apply_charge(cx: &Context, order: OrderId, facts: &ChargeFacts) -> anyhow::Result<()> {
    if facts.livemode != cx.payments().livemode() {
        tracing::error!(charge = facts.id, %order, "a charge of the other mode was ignored");
        return Ok(());
    }
    if !facts.paid {
        return Ok(());
    }
    let Some(amount) = facts.amount else {
        // It can be neither booked nor refunded in our books; a person must give it back at Stripe.
        tracing::error!(charge = facts.id, %order, "a charge in a currency we do not know");
        return Ok(());
    };
    let tx = cx.begin().await?;
    let order = lock_order(&tx, order).await?.context("no such order")?;
    if let Some(known) = charge::Entity::find_by_id(&facts.id).one(&tx).await? {
        apply_balance(&tx, cx, &known, facts).await?;
    } else {
        let charge = write_down(&tx, cx, &order, facts, amount).await?;
        // Before the order is paid: afterwards its units and its stock are locked, and the fee would want the order.
        apply_balance(&tx, cx, &charge, facts).await?;
        match charge.kind {
            ChargeKind::Expected => pay(&tx, cx, &order, &charge).await?,
            ChargeKind::Unexpected => give_back(&tx, cx, &order, &charge).await?,
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Writes a charge down: whether it is the one that pays the order, or one that goes back.
async fn write_down(
    tx: &Tx,
    cx: &Context,
    order: &order::Model,
    facts: &ChargeFacts,
    amount: Money,
) -> anyhow::Result<charge::Model> {
    let awaited = order.state == OrderState::AwaitingPayment;
    let exact = amount == Money::new(order.total, order.currency);
    let kind = if awaited && exact {
        ChargeKind::Expected
    } else {
        ChargeKind::Unexpected
    };
    let row = charge::ActiveModel {
        id: Set(facts.id.clone()),
        order_id: Set(order.id),
        payment_intent_id: Set(facts.payment_intent.clone().unwrap_or_default()),
        amount: Set(amount.minor()),
        currency: Set(amount.currency()),
        kind: Set(kind),
        balance_transaction_id: Set(None),
        created_at: Set(cx.now()),
    };
    let charge = charge::Entity::insert(row).exec_with_returning(tx).await?;
    if facts.balance_transaction.is_none() {
        let job = Job::ChargeSettle {
            charge: charge.id.clone(),
        };
        jobs::enqueue(tx, cx, &job, cx.now() + SETTLE_AFTER, None).await?;
    }
    Ok(charge)
}

async fn apply_balance(
    tx: &Tx,
    cx: &Context,
    charge: &charge::Model,
    facts: &ChargeFacts,
) -> anyhow::Result<()> {
    let Some(balance) = &facts.balance_transaction else {
        return Ok(());
    };
    if charge.balance_transaction_id.is_some() {
        return Ok(());
    }
    ledger::apply_balance_transaction(tx, cx, balance).await?;
    charge::Entity::update_many()
        .col_expr(
            charge::Column::BalanceTransactionId,
            Expr::value(balance.id.clone()),
        )
        .filter(charge::Column::Id.eq(&charge.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The order is paid: its split is posted, its stock is sold.
async fn pay(tx: &Tx, cx: &Context, order: &order::Model, charge: &charge::Model) -> anyhow::Result<()> {
    let lines = queries::lines_of(tx, &[order.id]).await?;
    let shipping = shipping(tx, order, &lines).await?;
    let shops = lines.iter().filter_map(|line| line.shop_id);
    let shared = shop::shares_of(tx, shops, order.account_id).await?;
    ledger::charge_paid(tx, cx, order, charge, &lines, &shipping, &shared).await?;
    let clicks: Vec<ClickId> = lines.iter().filter_map(|line| line.click_id).collect();
    referral::count_sales(tx, cx, &clicks).await?;
    let sold = end_reservations(tx, cx, order.id, ReservationState::Sold).await?;
    catalog::consume_stock(tx, &sold).await?;
    order::Entity::update_many()
        .col_expr(order::Column::State, Expr::value(OrderState::Paid))
        .col_expr(order::Column::ChargeId, Expr::value(charge.id.clone()))
        .col_expr(order::Column::PaidAt, Expr::value(cx.now()))
        .col_expr(order::Column::CheckoutUrl, Expr::value(None::<String>))
        .filter(order::Column::Id.eq(order.id))
        .exec(tx)
        .await?;
    let refs = [("charge", charge.id.clone())];
    event::record(tx, cx, Actor::Stripe, "order.paid", order.id, &refs).await?;
    Ok(())
}

async fn shipping(
    tx: &Tx,
    order: &order::Model,
    lines: &[order_line::Model],
) -> anyhow::Result<Vec<Shipping>> {
    let rows = queries::shipping_of(tx, &[order.id]).await?;
    let with_line = rows.into_iter().map(|row| {
        let like = lines.iter().find(|line| line.brand_id == row.brand_id);
        let like = like.context("shipping of a brand without lines")?;
        Ok(Shipping {
            brand_id: row.brand_id,
            amount: row.amount,
            like: like.clone(),
        })
    });
    with_line.collect()
}

/// A second payment, a late one, or one of another amount: all of it goes back, once.
async fn give_back(
    tx: &Tx,
    cx: &Context,
    order: &order::Model,
    charge: &charge::Model,
) -> anyhow::Result<()> {
    tracing::warn!(charge = charge.id, order = %order.id, "a charge nobody asked for is refunded");
    ledger::charge_unexpected(tx, cx, charge).await?;
    let id = again::send_back(tx, cx, charge, charge.amount).await?;
    let refs = [("charge", charge.id.clone()), ("refund", id.to_string())];
    event::record(tx, cx, Actor::Stripe, "charge.unexpected", order.id, &refs).await?;
    Ok(())
}

/// Ends what the order still held, and returns the pieces that are counted.
pub(super) async fn end_reservations(
    tx: &Tx,
    cx: &Context,
    order: OrderId,
    state: ReservationState,
) -> Result<Vec<Piece>, DbErr> {
    let ended = reservation::Entity::update_many()
        .col_expr(reservation::Column::State, Expr::value(state))
        .col_expr(reservation::Column::EndedAt, Expr::value(cx.now()))
        .filter(reservation::Column::OrderId.eq(order))
        .filter(reservation::Column::State.eq(ReservationState::Held))
        .exec_with_returning(tx)
        .await?;
    let counted = ended.into_iter().filter(|row| row.counted);
    Ok(counted.map(|row| (row.variant_id, row.quantity)).collect())
}
