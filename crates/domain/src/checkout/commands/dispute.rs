//! What Stripe says of disputes. Every event is only a reason to look: the dispute is read as it is now, with all that it
//! moved, and the books follow it to there, whatever came before.
//!
//! ```text
//! inquiry:  NeedsResponse ──▶ UnderReview ──▶ Dropped
//!               └───────────┬──────┘
//!                           ▼
//! dispute:            NeedsResponse ──▶ UnderReview ──▶ Won | Lost      (or born Lost)
//! ```
//!
//! Decided is not closed: the books are closed on a dispute once the balance transactions that belong to the decision have
//! come, and it costs what they come to.

use anyhow::Context as _;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};
use vitrine_model::checkout::{DisputeState, charge, dispute, order};
use vitrine_model::id::{DisputeId, OrderId};
use vitrine_model::money::Money;
use vitrine_model::{Time, intent as intents};

use crate::checkout::commands::{lock_order, payment};
use crate::checkout::refusal::{RefundRefusal, Refusal};
use crate::checkout::rules::{dispute_rank, is_decided};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, refuse};
use crate::jobs::{self, Job};
use crate::ledger::{self, DisputeStage};
use crate::ports::{DisputeFacts, DisputeStatus, Outcome};

/// The shortest and the longest time after which a dispute is asked about again.
const SOONEST: TimeDelta = TimeDelta::minutes(1);
const LATEST: TimeDelta = TimeDelta::hours(12);
/// After this long no balance transaction is awaited any more: a decision that moved nothing is closed as it is.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// Something became of Stripe's dispute `id`.
///
/// # Errors
/// When Stripe or the database fails: the event is applied again.
pub(crate) async fn dispute_changed(cx: &Context, id: &str) -> anyhow::Result<()> {
    let facts = cx.payments().dispute(id).await?;
    let Some(order) = order_of(cx, &facts).await? else {
        // Nothing of it is posted: the books differ from Stripe's balance until a person has dealt with it.
        tracing::error!(
            dispute = id,
            charge = facts.charge,
            "ALARM: a dispute of a charge that is none of ours"
        );
        return Ok(());
    };
    let tx = cx.begin().await?;
    apply(&tx, cx, order, &facts).await?;
    tx.commit().await?;
    Ok(())
}

/// Asks how far a dispute is; `again`, and again, until all is told.
///
/// # Errors
/// When Stripe or the database fails: the job tries again.
pub(crate) async fn settle_dispute(cx: &Context, id: DisputeId, again: bool) -> anyhow::Result<()> {
    let known = dispute::Entity::find_by_id(id).one(cx.db()).await?;
    let known = known.with_context(|| format!("no dispute {id}"))?;
    let facts = cx.payments().dispute(&known.stripe_id).await?;
    let tx = cx.begin().await?;
    let now = apply(&tx, cx, known.order_id, &facts).await?;
    if again && now.closed_at.is_none() {
        look_again(&tx, cx, &now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The outcome of giving in, within the transaction that settles its intent.
///
/// # Errors
/// When the database fails.
pub(crate) async fn dispute_accepted(
    tx: &Tx,
    cx: &Context,
    intent: &intents::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let dispute = lock(tx, intent.subject.parse()?).await?;
    match outcome {
        Ok(Outcome::Dispute(facts)) => {
            apply(tx, cx, dispute.order_id, &facts).await?;
            Ok(())
        }
        Ok(other) => anyhow::bail!("giving in to a dispute made {}", other.stripe_id()),
        Err(refusal) => {
            tracing::warn!(dispute = %dispute.id, refusal, "Stripe did not let us give in to a dispute");
            Ok(())
        }
    }
}

/// A refund that does not go through leaves its units to the disputes of the order: those that are open divide their claims
/// anew. The books have done so already with those that are closed.
///
/// # Errors
/// When the database fails.
pub(super) async fn look_at(tx: &Tx, cx: &Context, order: OrderId) -> Result<(), DbErr> {
    let open = dispute::Entity::find()
        .filter(dispute::Column::OrderId.eq(order))
        .filter(dispute::Column::ClosedAt.is_null())
        .all(tx)
        .await?;
    for dispute in open {
        let job = Job::DisputeSettle {
            dispute: dispute.id.to_string(),
            again: false,
        };
        jobs::enqueue(tx, cx, &job, cx.now(), None).await?;
    }
    Ok(())
}

/// These disputes of the order, closed before, took more of its parties than they had: whoever ought to know is told, and
/// what parties owe is asked back.
pub(super) async fn corrected(
    tx: &Tx,
    cx: &Context,
    order: OrderId,
    disputes: &[DisputeId],
) -> Result<(), DbErr> {
    let refs = [("order", order.to_string())];
    for dispute in disputes {
        event::record(tx, cx, Actor::System, "dispute.corrected", dispute, &refs).await?;
        recover(tx, cx, *dispute).await?;
    }
    Ok(())
}

async fn recover(tx: &Tx, cx: &Context, dispute: DisputeId) -> Result<(), DbErr> {
    let job = Job::RecoverDispute {
        dispute: dispute.to_string(),
    };
    jobs::enqueue(tx, cx, &job, cx.now(), None).await
}

/// Passes unless the buyer's bank has taken money of the order, or still claims it: Stripe refunds nothing of such a
/// payment, and what the bank took cannot be given back twice. An inquiry may be answered by a refund.
///
/// # Errors
/// `Refund(OrderDisputed)`.
pub(super) async fn undisputed(tx: &Tx, order: &order::Model) -> Result<(), Failure<Refusal>> {
    let Some(charge) = &order.charge_id else {
        return Ok(());
    };
    if claimed(tx, order.id, charge).await? {
        return refuse(Refusal::Refund(RefundRefusal::OrderDisputed));
    }
    Ok(())
}

/// Whether the buyer's bank has taken money of the charge, or still claims it.
///
/// # Errors
/// When the database fails.
pub(super) async fn claimed(tx: &Tx, order: OrderId, charge: &str) -> Result<bool, DbErr> {
    let disputes = dispute::Entity::find()
        .filter(dispute::Column::OrderId.eq(order))
        .filter(dispute::Column::ChargeId.eq(charge))
        .filter(dispute::Column::Inquiry.eq(false))
        .all(tx)
        .await?;
    Ok(disputes
        .iter()
        .any(|dispute| dispute.closed_at.is_none() || dispute.state == DisputeState::Lost))
}

/// The dispute, locked by its order.
pub(super) async fn lock(tx: &Tx, id: DisputeId) -> anyhow::Result<dispute::Model> {
    let found = dispute::Entity::find_by_id(id).one(tx).await?;
    let found = found.with_context(|| format!("no dispute {id}"))?;
    lock_order(tx, found.order_id).await?;
    let locked = dispute::Entity::find_by_id(id).one(tx).await?;
    locked.with_context(|| format!("no dispute {id}"))
}

/// Takes the dispute to where Stripe says it is, and the books with it. Boxed, so that not everyone who may come by carries
/// all of it.
///
/// # Errors
/// When the database fails.
pub(super) fn apply<'a>(
    tx: &'a Tx,
    cx: &'a Context,
    order: OrderId,
    facts: &'a DisputeFacts,
) -> BoxFuture<'a, anyhow::Result<dispute::Model>> {
    Box::pin(follow(tx, cx, order, facts))
}

async fn follow(
    tx: &Tx,
    cx: &Context,
    order: OrderId,
    facts: &DisputeFacts,
) -> anyhow::Result<dispute::Model> {
    lock_order(tx, order).await?;
    let known = dispute::Entity::find()
        .filter(dispute::Column::StripeId.eq(&facts.id))
        .one(tx)
        .await?;
    let first = known.is_none();
    let before = match known {
        Some(known) => known,
        None => insert(tx, cx, order, facts).await?,
    };
    for movement in &facts.balance_transactions {
        ledger::apply_balance_transaction(tx, cx, movement).await?;
    }
    let asked = advanced(&before, facts, cx.now());
    let reopened = before.closed_at.is_some() && asked.closed_at.is_none();
    let stage = stage(&asked, cx.now());
    // The books ask whether they were closed before this step.
    let told = ledger::dispute_follows(tx, cx, &asked, stage).await?;
    let closed_at = asked.closed_at.or(Some(cx.now()));
    let now = dispute::Model {
        loss: told.loss,
        repaid: told.repaid,
        fee: told.fee,
        steps: told.steps,
        closed_at: closed_at.filter(|_| stage == DisputeStage::Closed),
        ..asked.clone()
    };
    if now != before {
        now.clone().into_active_model().reset_all().update(tx).await?;
    }
    let was = dispute::Model {
        closed_at: asked.closed_at,
        ..before
    };
    follow_up(tx, cx, &was, &now, first || reopened).await?;
    corrected(tx, cx, order, &told.corrected).await?;
    Ok(now)
}

async fn insert(
    tx: &Tx,
    cx: &Context,
    order: OrderId,
    facts: &DisputeFacts,
) -> anyhow::Result<dispute::Model> {
    let amount = facts
        .amount
        .with_context(|| format!("{} is in a currency we do not know", facts.id))?;
    let row = dispute::ActiveModel {
        id: Set(cx.new_id()),
        order_id: Set(order),
        charge_id: Set(facts.charge.clone()),
        stripe_id: Set(facts.id.clone()),
        amount: Set(amount.minor()),
        currency: Set(amount.currency()),
        reason: Set(facts.reason.clone()),
        inquiry: Set(facts.inquiry),
        state: Set(state_of(facts.status)),
        evidence_due_at: Set(facts.evidence_due_by),
        loss: Set(0),
        repaid: Set(0),
        fee: Set(0),
        movements: Set(0),
        steps: Set(0),
        evidence_intent_id: NotSet,
        evidence_steps: Set(0),
        evidence_sent_at: NotSet,
        opened_at: Set(facts.created),
        created_at: Set(cx.now()),
        decided_at: NotSet,
        closed_at: NotSet,
    };
    Ok(row.insert(tx).await?)
}

/// The row as the facts make it. Facts that know of fewer movements, or of an earlier state, are old news: what was read
/// first may be applied last.
fn advanced(before: &dispute::Model, facts: &DisputeFacts, now: Time) -> dispute::Model {
    let movements = i32::try_from(facts.balance_transactions.len()).unwrap_or(i32::MAX);
    let state = state_of(facts.status);
    let old = movements < before.movements
        || dispute_rank(facts.inquiry, state) < dispute_rank(before.inquiry, before.state);
    if old {
        return before.clone();
    }
    let decided = is_decided(state);
    // An inquiry that came to nothing may be followed by a dispute after all: a matter of its own, which begins now, even
    // if it is decided by the time we hear of it.
    let reopened = before.closed_at.is_some() && (!decided || facts.inquiry != before.inquiry);
    dispute::Model {
        amount: facts.amount.map_or(before.amount, Money::minor),
        inquiry: facts.inquiry,
        state,
        evidence_due_at: facts.evidence_due_by,
        movements,
        decided_at: before
            .decided_at
            .filter(|_| !reopened)
            .or(Some(now))
            .filter(|_| decided),
        closed_at: before.closed_at.filter(|_| !reopened),
        created_at: if reopened { now } else { before.created_at },
        ..before.clone()
    }
}

/// How far the money is. A dispute won has brought money back, one lost has taken some; before that it is open still.
fn stage(dispute: &dispute::Model, now: Time) -> DisputeStage {
    let asks = dispute.inquiry && dispute.movements == 0;
    let told = match dispute.state {
        DisputeState::NeedsResponse | DisputeState::UnderReview => false,
        DisputeState::Lost => dispute.movements > 0,
        DisputeState::Won | DisputeState::Dropped => dispute.movements != 1,
    };
    let overdue = dispute
        .decided_at
        .is_some_and(|decided| now - decided >= PATIENCE);
    match (told || overdue || dispute.closed_at.is_some(), asks) {
        (true, _) => DisputeStage::Closed,
        (false, true) => DisputeStage::Inquiry,
        (false, false) => DisputeStage::Open,
    }
}

/// Whoever ought to know is told, what parties owe is asked back, and while anything is open Stripe is asked again.
async fn follow_up(
    tx: &Tx,
    cx: &Context,
    before: &dispute::Model,
    now: &dispute::Model,
    begun: bool,
) -> Result<(), DbErr> {
    if let Some(kind) = happened(before, now, begun) {
        let refs = [("order", now.order_id.to_string())];
        event::record(tx, cx, Actor::Stripe, kind, now.id, &refs).await?;
    }
    if now.loss > before.loss {
        recover(tx, cx, now.id).await?;
    }
    if begun && now.closed_at.is_none() {
        look_again(tx, cx, now).await?;
    }
    Ok(())
}

/// The event that the change amounts to.
fn happened(before: &dispute::Model, now: &dispute::Model, begun: bool) -> Option<&'static str> {
    if now.closed_at.is_some() && before.closed_at.is_none() {
        return Some(match now.state {
            DisputeState::Won => "dispute.won",
            DisputeState::Lost => "dispute.lost",
            _ => "dispute.dropped",
        });
    }
    if now.closed_at.is_some() {
        return (now.loss != before.loss).then_some("dispute.corrected");
    }
    match (begun || before.inquiry != now.inquiry, now.inquiry) {
        (true, true) => Some("dispute.inquiry_opened"),
        (true, false) => Some("dispute.opened"),
        (false, _) => (now.state != before.state).then_some("dispute.advanced"),
    }
}

async fn look_again(tx: &Tx, cx: &Context, dispute: &dispute::Model) -> Result<(), DbErr> {
    let job = Job::DisputeSettle {
        dispute: dispute.id.to_string(),
        again: true,
    };
    let age = cx.now() - dispute.created_at;
    jobs::enqueue(tx, cx, &job, cx.now() + age.clamp(SOONEST, LATEST), None).await
}

/// The order whose charge is disputed. The event about the charge itself may still be on its way.
async fn order_of(cx: &Context, facts: &DisputeFacts) -> anyhow::Result<Option<OrderId>> {
    if facts.livemode != cx.payments().livemode() {
        return Ok(None);
    }
    let charge = |id: &str| charge::Entity::find_by_id(id.to_owned());
    let known = charge(&facts.charge).one(cx.db()).await?;
    if let Some(known) = known {
        return Ok(Some(known.order_id));
    }
    payment::charge_changed(cx, &facts.charge).await?;
    let known = charge(&facts.charge).one(cx.db()).await?;
    Ok(known.map(|charge| charge.order_id))
}

fn state_of(status: DisputeStatus) -> DisputeState {
    match status {
        DisputeStatus::NeedsResponse => DisputeState::NeedsResponse,
        DisputeStatus::UnderReview => DisputeState::UnderReview,
        DisputeStatus::Won => DisputeState::Won,
        DisputeStatus::Lost => DisputeState::Lost,
        DisputeStatus::Dropped => DisputeState::Dropped,
    }
}
