//! Closing orders nobody paid. Stock is free only once Stripe confirms that nobody can pay any more: a page that was
//! completed may still await its money.

use anyhow::Context as _;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::checkout::{CartState, OrderState, ReservationState, cart, order};
use vitrine_model::id::{IntentId, OrderId};
use vitrine_model::idempotency::Attempt;
use vitrine_model::intent::{self as intents, IntentKind, IntentState};

use crate::catalog;
use crate::checkout::commands::payment::{completed, end_reservations};
use crate::checkout::commands::refund::{cancel_key, cancel_paid};
use crate::checkout::commands::{actor, lock_order};
use crate::checkout::queries;
use crate::checkout::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::idempotency::{self, Claim, Key, KeyRefusal};
use crate::identity::Viewer;
use crate::intent::{self, When};
use crate::jobs::{self, Job};
use crate::ports::{Call, Outcome, SessionStatus};

/// How long until we ask again about an order whose page was completed without the money being there.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(10);
/// The longest time until then: a bank may take days.
const ASK_SELDOM: TimeDelta = TimeDelta::hours(6);
/// How long until we look at a page that Stripe would not close.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Calls an order off before anything shipped. One that awaits payment has its page closed, and the cart is open again; a
/// paid one is refunded. `key` is the client's idempotency key.
///
/// # Errors
/// `OrderNotFound`, `OrderState` when it was paid meanwhile, its payment is under way, or it is closed already, `Key`, and the refusals of a refund.
pub async fn cancel_order(
    cx: &Context,
    by: &Viewer,
    id: OrderId,
    key: String,
) -> Result<order::Model, Failure<Refusal>> {
    let Some(order) = queries::order(cx, by, id).await? else {
        // Not the buyer's: it may be a brand's whose lines they all are, and that of an order paid only.
        return cancel_paid(cx, by, id, key).await;
    };
    match order.state {
        OrderState::Paid | OrderState::Cancelled => cancel_paid(cx, by, id, key).await,
        OrderState::AwaitingPayment | OrderState::Expired => cancel_unpaid(cx, by, id, key).await,
    }
}

async fn cancel_unpaid(
    cx: &Context,
    by: &Viewer,
    id: OrderId,
    key: String,
) -> Result<order::Model, Failure<Refusal>> {
    let key = cancel_key(by, id, key).or_refuse(Refusal::OrderNotFound)?;
    let tx = cx.begin().await?;
    match idempotency::claim(&tx, cx, &key).await? {
        Err(refusal) => return refuse(refusal.into()),
        Ok(Claim::Done(_)) => return called_off(&tx, id).await,
        Ok(Claim::Resume(_)) => {
            idempotency::finish(&tx, &key, Attempt::Done, id).await?;
            tx.commit().await?;
            return called_off(cx.db(), id).await;
        }
        Ok(Claim::Begun(_)) => {
            finish_begun(&tx, &key, id).await?;
            tx.commit().await?;
            return called_off(cx.db(), id).await;
        }
        Ok(Claim::First) => {}
    }
    let order = lock_order(&tx, id).await?.or_refuse(Refusal::OrderNotFound)?;
    if order.state != OrderState::AwaitingPayment || order.payment_pending_at.is_some() {
        return refuse(Refusal::OrderState(order.state));
    }
    event::record(&tx, cx, actor(by), "order.cancel_requested", id, &[]).await?;
    idempotency::finish(&tx, &key, Attempt::InFlight, id).await?;
    tx.commit().await?;
    // Boxed: it lies deep under whoever waits for it.
    if let Err(error) = Box::pin(close_page(cx, &order, actor(by))).await {
        // Nobody knows whether the page is closed: the order's own expiry finds out.
        tracing::warn!(order = %id, error = format!("{error:#}"), "the checkout page is not closed yet");
    }
    idempotency::finish(cx.db(), &key, Attempt::Done, id).await?;
    called_off(cx.db(), id).await
}

/// Whoever began may have died: once it is known what became of the page, nobody need wait for him.
async fn finish_begun(tx: &Tx, key: &Key, id: OrderId) -> Result<(), Failure<Refusal>> {
    let found = order::Entity::find_by_id(id).one(tx).await?;
    let order = found.or_refuse(Refusal::OrderNotFound)?;
    if order.state == OrderState::AwaitingPayment && order.payment_pending_at.is_none() {
        return refuse(KeyRefusal::InProgress.into());
    }
    Ok(idempotency::finish(tx, key, Attempt::Done, id).await?)
}

/// The order as it is now, unless the buyer paid after all.
async fn called_off(db: &impl ConnectionTrait, id: OrderId) -> Result<order::Model, Failure<Refusal>> {
    let found = order::Entity::find_by_id(id).one(db).await?;
    let order = found.or_refuse(Refusal::OrderNotFound)?;
    if order.state == OrderState::Paid {
        return refuse(Refusal::OrderState(order.state));
    }
    Ok(order)
}

/// The time is up: closes the order if nobody paid it.
///
/// # Errors
/// When Stripe or the database fails: the job tries again.
pub(crate) async fn expire_order(cx: &Context, id: OrderId) -> anyhow::Result<()> {
    let order = order::Entity::find_by_id(id)
        .one(cx.db())
        .await?
        .with_context(|| format!("no order {id}"))?;
    if order.state != OrderState::AwaitingPayment {
        return Ok(());
    }
    close_page(cx, &order, Actor::System).await
}

/// The outcome of the call that closes a page.
///
/// # Errors
/// When the database fails.
pub(crate) async fn session_expired(
    tx: &Tx,
    cx: &Context,
    intent: &intents::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let id: OrderId = intent.subject.parse()?;
    let order = lock_order(tx, id).await?.context("no such order")?;
    match outcome {
        Ok(Outcome::Session(facts)) if facts.status == SessionStatus::Expired => {
            close(tx, cx, &order, Actor::System, "order.expired").await
        }
        Ok(_) => Ok(ask_again(tx, cx, id, cx.now() + ASK_AGAIN).await?),
        Err(refusal) => {
            // Stripe closes open pages only: this one was completed, or expired, in the meantime.
            tracing::info!(order = %id, refusal, "the page could not be closed; looking again");
            Ok(ask_again(tx, cx, id, cx.now() + LOOK_AGAIN).await?)
        }
    }
}

/// Stripe says that page `session` can no longer be paid.
///
/// # Errors
/// When the database fails.
pub(super) async fn page_expired(
    cx: &Context,
    id: OrderId,
    session: &str,
    actor: Actor,
) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let order = lock_order(&tx, id).await?.context("no such order")?;
    if order.session_id.as_deref().is_some_and(|ours| ours != session) {
        tracing::warn!(order = %id, session, "a page that is not the order's expired");
        return Ok(());
    }
    close(&tx, cx, &order, actor, "order.expired").await?;
    tx.commit().await?;
    Ok(())
}

/// Closes a locked order that will not be paid: its stock is free, its cart is open again. Does nothing for one that no
/// longer awaits payment. `kind` is the event's that says why.
///
/// # Errors
/// When the database fails.
pub(super) async fn close(
    tx: &Tx,
    cx: &Context,
    order: &order::Model,
    actor: Actor,
    kind: &str,
) -> anyhow::Result<()> {
    if order.state != OrderState::AwaitingPayment {
        return Ok(());
    }
    order::Entity::update_many()
        .col_expr(order::Column::State, Expr::value(OrderState::Expired))
        .col_expr(order::Column::ClosedAt, Expr::value(cx.now()))
        .col_expr(order::Column::CheckoutUrl, Expr::value(None::<String>))
        .filter(order::Column::Id.eq(order.id))
        .exec(tx)
        .await?;
    cart::Entity::update_many()
        .col_expr(cart::Column::State, Expr::value(CartState::Open))
        .col_expr(cart::Column::UpdatedAt, Expr::value(cx.now()))
        .filter(cart::Column::Id.eq(order.cart_id))
        .exec(tx)
        .await?;
    let freed = end_reservations(tx, cx, order.id, ReservationState::Released).await?;
    catalog::release_stock(tx, &freed).await?;
    let refs = [("cart", order.cart_id.to_string())];
    event::record(tx, cx, actor, kind, order.id, &refs).await?;
    Ok(())
}

/// Sees to it that nobody can pay the order any more, or that it is paid.
async fn close_page(cx: &Context, order: &order::Model, actor: Actor) -> anyhow::Result<()> {
    let Some(session) = known_session(cx, order).await? else {
        return Ok(());
    };
    let facts = cx.payments().session(&session).await?;
    match facts.status {
        SessionStatus::Expired => page_expired(cx, order.id, &session, actor).await,
        SessionStatus::Open => {
            let intent = expiry_intent(cx, order.id, session).await?;
            intent::drive(cx, intent).await
        }
        SessionStatus::Complete => {
            completed(cx, order.id, &facts).await?;
            ask_while_awaited(cx, order.id).await
        }
    }
}

/// Asks again later about an order that was not decided: the buyer's bank takes its time.
async fn ask_while_awaited(cx: &Context, id: OrderId) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let order = lock_order(&tx, id).await?.context("no such order")?;
    if order.state == OrderState::AwaitingPayment {
        let age = cx.now() - order.created_at;
        ask_again(&tx, cx, id, cx.now() + age.clamp(ASK_AGAIN, ASK_SELDOM)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The order's page, once it is known whether there is one; `None` when Stripe refused to open it, which closed the order.
async fn known_session(cx: &Context, order: &order::Model) -> anyhow::Result<Option<String>> {
    if let Some(session) = &order.session_id {
        return Ok(Some(session.clone()));
    }
    intent::drive(cx, order.intent_id).await?;
    let order = order::Entity::find_by_id(order.id).one(cx.db()).await?;
    Ok(order.and_then(|order| order.session_id))
}

/// The one intent to close the order's page that lives.
async fn expiry_intent(cx: &Context, order: OrderId, session: String) -> anyhow::Result<IntentId> {
    let tx = cx.begin().await?;
    // Only one may live: whoever has the order's lock decides.
    lock_order(&tx, order).await?;
    let live = intents::Entity::find()
        .filter(intents::Column::Kind.eq(IntentKind::SessionExpire))
        .filter(intents::Column::Subject.eq(order.to_string()))
        .filter(intents::Column::State.ne(IntentState::Refused))
        .one(&tx)
        .await?;
    if let Some(live) = live {
        return Ok(live.id);
    }
    let call = Call::SessionExpire { session };
    let id = intent::record(&tx, cx, order, &call, When::Inline).await?;
    tx.commit().await?;
    Ok(id)
}

async fn ask_again(tx: &Tx, cx: &Context, order: OrderId, at: Time) -> Result<(), DbErr> {
    let job = Job::OrderExpire {
        order: order.to_string(),
    };
    jobs::enqueue(tx, cx, &job, at, None).await
}
