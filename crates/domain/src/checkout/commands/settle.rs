//! What Stripe says of refunds. Every way here, the answer to our call, an event, a look of our own, applies the same
//! facts in the same step, so they may come in any order and any number of times.
//!
//! ```text
//! refund:  Pending ── money went back ──▶ Succeeded ── came back to us ──▶ Failed
//!             └────── refused, or it came back to us ──────────────────────▶ Failed
//! ```

use anyhow::{Context as _, bail, ensure};
use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, LockType, Query};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use vitrine_model::checkout::{RefundKind, RefundState, refund, refund_unit};
use vitrine_model::id::{RefundId, UnitId, VariantId};
use vitrine_model::intent;
use vitrine_model::ledger::unit;
use vitrine_model::money::Money;

use crate::catalog::{self, Piece};
use crate::checkout::commands::{again, dispute, lock_order, returns};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::jobs::{self, Job};
use crate::ledger;
use crate::ports::{Outcome, RefundFacts, RefundStatus};

/// The shortest and the longest time after which a refund under way is asked about again.
const SOONEST: TimeDelta = TimeDelta::minutes(1);
const LATEST: TimeDelta = TimeDelta::hours(12);

/// The outcome of the call that makes a refund, within the transaction that settles its intent.
pub(crate) async fn refund_made(
    tx: &Tx,
    cx: &Context,
    intent: &intent::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let refund = lock(tx, intent.subject.parse()?).await?;
    match outcome {
        Ok(Outcome::Refund(facts)) => {
            apply(tx, cx, &refund, &facts).await?;
            look_again(tx, cx, &refund, &facts).await?;
            Ok(())
        }
        Ok(other) => bail!("a refund was asked for, and {} came", other.stripe_id()),
        // A later attempt may be refused because the first one took effect.
        Err(refusal) if refund.stripe_refund_id.is_some() => {
            tracing::error!(refund = %refund.id, refusal, "a refund made was refused afterwards");
            Ok(())
        }
        Err(refusal) => {
            tracing::error!(refund = %refund.id, order = %refund.order_id, refusal, "a refund was refused: the buyer is still owed");
            fail(tx, cx, &refund).await
        }
    }
}

/// Something became of Stripe's refund `id`.
pub(crate) async fn refund_changed(cx: &Context, id: &str) -> anyhow::Result<()> {
    let facts = cx.payments().refund(id).await?;
    let ours = ours(cx, &facts).await?;
    let Some(ours) = ours else {
        // Nothing of it is posted: the books differ from Stripe's balance until a person has dealt with it.
        tracing::error!(
            refund = id,
            charge = facts.charge,
            amount = facts.amount.map(|amount| amount.to_string()),
            "ALARM: a refund was made at Stripe that is none of ours"
        );
        return Ok(());
    };
    let tx = cx.begin().await?;
    let refund = lock(&tx, ours).await?;
    apply(&tx, cx, &refund, &facts).await?;
    tx.commit().await?;
    Ok(())
}

/// Asks what became of a refund under way, until Stripe has told all there is to tell.
pub(crate) async fn settle_refund(cx: &Context, id: RefundId) -> anyhow::Result<()> {
    let refund = refund::Entity::find_by_id(id).one(cx.db()).await?;
    let refund = refund.with_context(|| format!("no refund {id}"))?;
    let Some(stripe_id) = refund.stripe_refund_id else {
        // The intent's own job still finds out whether there is one.
        return Ok(());
    };
    let facts = cx.payments().refund(&stripe_id).await?;
    let tx = cx.begin().await?;
    let refund = lock(&tx, id).await?;
    apply(&tx, cx, &refund, &facts).await?;
    look_again(&tx, cx, &refund, &facts).await?;
    tx.commit().await?;
    Ok(())
}

/// The refund of ours that Stripe speaks of.
async fn ours(cx: &Context, facts: &RefundFacts) -> anyhow::Result<Option<RefundId>> {
    let by_stripe = refund::Entity::find()
        .filter(refund::Column::StripeRefundId.eq(&*facts.id))
        .one(cx.db())
        .await?;
    if let Some(found) = by_stripe {
        return Ok(Some(found.id));
    }
    // An event may overtake the answer to our own call.
    let Some(named) = facts.refund.as_deref().and_then(|id| id.parse::<RefundId>().ok()) else {
        return Ok(None);
    };
    let found = refund::Entity::find_by_id(named).one(cx.db()).await?;
    Ok(found.map(|refund| refund.id))
}

/// Takes the locked refund to where Stripe says it is, never back.
async fn apply(tx: &Tx, cx: &Context, refund: &refund::Model, facts: &RefundFacts) -> anyhow::Result<()> {
    check(refund, facts)?;
    let failed = facts.status == RefundStatus::Failed;
    if refund.stripe_refund_id.is_none() && !failed {
        recover(tx, cx, refund).await?;
    }
    let refund = note_stripe_id(tx, refund, facts).await?;
    // One that failed before it moved money was never made, as far as the books are concerned.
    let moved = !failed || facts.balance_transaction.is_some();
    if moved && refund.state != RefundState::Failed {
        ledger::refund_made(tx, cx, &refund).await?;
    }
    if let Some(transaction) = &facts.balance_transaction {
        ledger::apply_balance_transaction(tx, cx, transaction).await?;
    }
    match (facts.status, refund.state) {
        (RefundStatus::Succeeded, RefundState::Pending) => succeed(tx, cx, &refund).await?,
        (RefundStatus::Failed, RefundState::Pending | RefundState::Succeeded) => {
            tracing::error!(refund = %refund.id, order = %refund.order_id, "a refund failed at Stripe: the buyer is still owed");
            fail(tx, cx, &refund).await?;
        }
        _ => {}
    }
    if let Some(transaction) = &facts.failure_balance_transaction {
        ledger::apply_balance_transaction(tx, cx, transaction).await?;
    }
    Ok(())
}

/// Anything else than what we asked for is not ours to book: the job fails, visibly.
fn check(refund: &refund::Model, facts: &RefundFacts) -> anyhow::Result<()> {
    let asked = Money::new(refund.amount, refund.currency);
    ensure!(
        facts.amount == Some(asked),
        "{} gives back {:?}, and {} asked for {asked}",
        facts.id,
        facts.amount,
        refund.id
    );
    ensure!(
        facts
            .charge
            .as_deref()
            .is_none_or(|charge| charge == refund.charge_id),
        "{} is of another charge than {}",
        facts.id,
        refund.id
    );
    ensure!(
        refund.stripe_refund_id.as_ref().is_none_or(|id| *id == facts.id),
        "{} was made twice at Stripe: {:?} and {}",
        refund.id,
        refund.stripe_refund_id,
        facts.id
    );
    Ok(())
}

async fn note_stripe_id(
    tx: &Tx,
    refund: &refund::Model,
    facts: &RefundFacts,
) -> Result<refund::Model, DbErr> {
    if refund.stripe_refund_id.is_none() {
        refund::Entity::update_many()
            .col_expr(refund::Column::StripeRefundId, Expr::value(facts.id.clone()))
            .filter(refund::Column::Id.eq(refund.id))
            .exec(tx)
            .await?;
    }
    Ok(refund::Model {
        stripe_refund_id: Some(facts.id.clone()),
        ..refund.clone()
    })
}

/// Stripe took the buyer's refund on, so she was served first: what parties owe for it is recovered from here on. Not only
/// once it succeeds, since a refund may be waiting for just the money that is to be recovered.
async fn recover(tx: &Tx, cx: &Context, refund: &refund::Model) -> anyhow::Result<()> {
    if refund.kind == RefundKind::Units {
        let recover = Job::Recover {
            refund: refund.id.to_string(),
        };
        jobs::enqueue(tx, cx, &recover, cx.now(), None).await?;
    }
    Ok(())
}

/// The money went back.
async fn succeed(tx: &Tx, cx: &Context, refund: &refund::Model) -> anyhow::Result<()> {
    set_state(tx, cx, refund, RefundState::Succeeded).await?;
    record(tx, cx, "order.refunded", refund).await?;
    Ok(())
}

/// The money did not go back, or came back to us: the postings are reversed, the units and their returns are open again.
async fn fail(tx: &Tx, cx: &Context, refund: &refund::Model) -> anyhow::Result<()> {
    if refund.state == RefundState::Failed {
        return Ok(());
    }
    set_state(tx, cx, refund, RefundState::Failed).await?;
    let units = refund_unit::Entity::find()
        .filter(refund_unit::Column::RefundId.eq(refund.id))
        .all(tx)
        .await?;
    let units: Vec<UnitId> = units.into_iter().map(|row| row.unit_id).collect();
    returns::reopen(tx, &units).await?;
    let corrected = ledger::refund_failed(tx, cx, refund).await?;
    promise_again(tx, refund.id).await?;
    dispute::corrected(tx, cx, refund.order_id, &corrected).await?;
    dispute::look_at(tx, cx, refund.order_id).await?;
    if refund.kind == RefundKind::Charge {
        again::later(tx, cx, &refund.charge_id).await?;
    }
    record(tx, cx, "order.refund_failed", refund).await?;
    Ok(())
}

/// Pieces that were never shipped and went back into the stock with the failed refund are the buyer's again. Those that
/// somebody else has bought meanwhile stay on record as put back, so that another refund does not put them back twice.
async fn promise_again(tx: &Tx, refund: RefundId) -> Result<(), DbErr> {
    let restocked = Query::select()
        .column(refund_unit::Column::UnitId)
        .from(refund_unit::Entity)
        .and_where(refund_unit::Column::RefundId.eq(refund))
        .and_where(refund_unit::Column::Restocked.eq(true))
        .to_owned();
    let units = unit::Entity::find()
        .filter(unit::Column::Id.in_subquery(restocked))
        .filter(unit::Column::ShippedAt.is_null())
        .order_by_asc(unit::Column::Ordinal)
        .all(tx)
        .await?;
    let pieces: Vec<Piece> = units
        .iter()
        .filter_map(|unit| Some((unit.variant_id?, 1)))
        .collect();
    let mut left: HashMap<VariantId, i64> = catalog::take_again(tx, &pieces).await?.into_iter().collect();
    let taken = units.iter().filter(|unit| {
        let left = unit.variant_id.and_then(|variant| left.get_mut(&variant));
        left.is_some_and(|left| {
            *left -= 1;
            *left >= 0
        })
    });
    refund_unit::Entity::update_many()
        .col_expr(refund_unit::Column::Restocked, Expr::value(false))
        .filter(refund_unit::Column::RefundId.eq(refund))
        .filter(refund_unit::Column::UnitId.is_in(taken.map(|unit| unit.id)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Asks again later while something is still to be told: soon at first, then ever more rarely.
async fn look_again(tx: &Tx, cx: &Context, refund: &refund::Model, facts: &RefundFacts) -> Result<(), DbErr> {
    let told = match facts.status {
        RefundStatus::Pending => false,
        RefundStatus::Succeeded => facts.balance_transaction.is_some(),
        RefundStatus::Failed => {
            facts.balance_transaction.is_none() || facts.failure_balance_transaction.is_some()
        }
    };
    if told {
        return Ok(());
    }
    let age = cx.now() - refund.created_at;
    let job = Job::RefundSettle {
        refund: refund.id.to_string(),
    };
    jobs::enqueue(tx, cx, &job, cx.now() + age.clamp(SOONEST, LATEST), None).await
}

/// The refund, locked after its order.
async fn lock(tx: &Tx, id: RefundId) -> anyhow::Result<refund::Model> {
    let found = refund::Entity::find_by_id(id).one(tx).await?;
    let found = found.with_context(|| format!("no refund {id}"))?;
    lock_order(tx, found.order_id).await?;
    let locked = refund::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    let locked = locked.one(tx).await?;
    locked.with_context(|| format!("no refund {id}"))
}

async fn set_state(tx: &Tx, cx: &Context, refund: &refund::Model, state: RefundState) -> Result<(), DbErr> {
    refund::Entity::update_many()
        .col_expr(refund::Column::State, Expr::value(state))
        .col_expr(refund::Column::SettledAt, Expr::value(cx.now()))
        .filter(refund::Column::Id.eq(refund.id))
        .exec(tx)
        .await?;
    Ok(())
}

async fn record(tx: &Tx, cx: &Context, kind: &str, refund: &refund::Model) -> Result<(), DbErr> {
    let refs = [("refund", refund.id.to_string())];
    event::record(tx, cx, Actor::Stripe, kind, refund.order_id, &refs).await
}
