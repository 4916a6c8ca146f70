//! Calls to the payment provider: the intent is committed first, then the call is made, then its outcome is committed.
//! A crash between any two of these loses nothing and doubles nothing, since the provider knows the call by its key.
//!
//! ```text
//! Open ── call took effect ──▶ Succeeded
//!   │ └── refused for good ──▶ Refused
//!   └──── unknown ──▶ stays Open: the same key again; after three tries, or 23 hours, looked up first
//! ```

use anyhow::Context as _;
use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use vitrine_model::Time;
use vitrine_model::id::IntentId;
use vitrine_model::intent::{self, IntentKind, IntentState};

use crate::context::{Context, Tx};
use crate::jobs::{self, Job};
use crate::points::Point;
use crate::ports::{Call, CallError, Outcome};
use crate::{checkout, payout, secret};

/// After so many tries an object may exist without our knowing: look before sending again.
const TRIES_BEFORE_LOOKING: i32 = 3;
/// Stripe keeps idempotency keys for 24 hours at least (<https://docs.stripe.com/api/idempotent_requests>).
const KEY_LIFE: TimeDelta = TimeDelta::hours(23);
/// The job that makes the call leaves the command that wants its answer at once this long to make it itself.
const HEAD_START: TimeDelta = TimeDelta::seconds(60);

/// When the call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// By a job, as soon as the transaction is committed.
    Soon,
    /// By the command itself after its commit, with [`drive`]; a job stands by in case it cannot.
    Inline,
}

/// Writes down that `call` is to be made for `subject`. One live intent of a kind per subject: the database sees to it.
///
/// # Errors
/// When the database fails; a unique violation when such an intent lives already.
pub async fn record(
    tx: &Tx,
    cx: &Context,
    subject: impl ToString,
    call: &Call,
    when: When,
) -> Result<IntentId, DbErr> {
    let id: IntentId = cx.new_id();
    let params = jobs::json(call);
    let row = intent::ActiveModel {
        id: Set(id),
        kind: Set(kind(call)),
        subject: Set(subject.to_string()),
        params_hash: Set(secret::sha256(params.as_bytes())),
        params: Set(params),
        state: Set(IntentState::Open),
        stripe_id: NotSet,
        attempts: Set(0),
        first_sent_at: NotSet,
        error: NotSet,
        created_at: Set(cx.now()),
        settled_at: NotSet,
    };
    intent::Entity::insert(row).exec_without_returning(tx).await?;
    let run_at = if when == When::Inline {
        cx.now() + HEAD_START
    } else {
        cx.now()
    };
    jobs::enqueue(
        tx,
        cx,
        &Job::IntentDrive {
            intent: id.to_string(),
        },
        run_at,
        None,
    )
    .await?;
    tx.stands_between(
        Point::IntentUncommitted,
        Point::IntentRecorded,
        kind(call).as_str(),
    );
    Ok(id)
}

/// The intent `id`.
///
/// # Errors
/// When the database fails or has none such.
pub async fn load(cx: &Context, id: IntentId) -> anyhow::Result<intent::Model> {
    intent::Entity::find_by_id(id)
        .one(cx.db())
        .await?
        .with_context(|| format!("no intent {id}"))
}

/// Whether it is known what became of intent `id`.
///
/// # Errors
/// When the database fails or has none such.
pub async fn is_settled(tx: &Tx, id: IntentId) -> anyhow::Result<bool> {
    let found = intent::Entity::find_by_id(id).one(tx).await?;
    let intent = found.with_context(|| format!("no intent {id}"))?;
    Ok(intent.state != IntentState::Open)
}

/// Makes the call of intent `id`, or finds out what became of it, and commits the outcome. Does nothing for one that is
/// settled.
///
/// # Errors
/// When the outcome is still unknown, or the database fails. The intent stays open then, and a job tries again.
pub async fn drive(cx: &Context, id: IntentId) -> anyhow::Result<()> {
    let intent = load(cx, id).await?;
    if intent.state != IntentState::Open {
        return Ok(());
    }
    anyhow::ensure!(
        intent.params_hash == secret::sha256(intent.params.as_bytes()),
        "the frozen parameters of {id} were changed"
    );
    let call: Call = serde_json::from_str(&intent.params)?;
    mark_sent(cx, &intent).await?;
    cx.passes(Point::CallMarked, kind(&call).as_str());
    let answer = send(cx, &intent, &call).await;
    cx.passes(Point::CallAnswered, kind(&call).as_str());
    match answer {
        Ok(outcome) => settle(cx, id, &call, Ok(outcome)).await,
        Err(CallError::Refused { code, message }) => {
            settle(cx, id, &call, Err(format!("{code}: {message}"))).await
        }
        Err(error) => {
            note_error(cx, id, &error).await?;
            Err(error.into())
        }
    }
}

async fn send(cx: &Context, intent: &intent::Model, call: &Call) -> Result<Outcome, CallError> {
    let stale = intent
        .first_sent_at
        .is_some_and(|sent| cx.now() - sent > KEY_LIFE);
    if stale || intent.attempts >= TRIES_BEFORE_LOOKING {
        // A clock a little ahead of the provider's must not hide what was just made.
        let since = intent.created_at - TimeDelta::minutes(10);
        if let Some(outcome) = cx.payments().find(intent.id, call, since).await? {
            return Ok(outcome);
        }
    }
    cx.payments()
        .call(&format!("vitrine-{}", intent.id), intent.id, call)
        .await
}

/// Commits the outcome together with what it means, once: whoever locks the open intent first.
async fn settle(
    cx: &Context,
    id: IntentId,
    call: &Call,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let Some(intent) = lock_open(&tx, id).await? else {
        return Ok(());
    };
    let (state, stripe_id, error) = match &outcome {
        Ok(outcome) => (IntentState::Succeeded, Some(outcome.stripe_id().to_owned()), None),
        Err(refusal) => (IntentState::Refused, None, Some(refusal.clone())),
    };
    intent::Entity::update_many()
        .col_expr(intent::Column::State, Expr::value(state))
        .col_expr(intent::Column::StripeId, Expr::value(stripe_id))
        .col_expr(intent::Column::Error, Expr::value(error))
        .col_expr(intent::Column::SettledAt, Expr::value(cx.now()))
        .col_expr(intent::Column::Params, Expr::value(jobs::json(&anonymous(call))))
        .filter(intent::Column::Id.eq(id))
        .exec(&tx)
        .await?;
    apply(&tx, cx, &intent, call, outcome).await?;
    tx.stands_between(
        Point::OutcomeUncommitted,
        Point::OutcomeCommitted,
        kind(call).as_str(),
    );
    tx.commit().await?;
    Ok(())
}

/// The call without what it says of people: once it is settled nobody needs that any more. The hash still tells what
/// was sent.
fn anonymous(call: &Call) -> Call {
    let mut call = call.clone();
    match &mut call {
        Call::SessionOpen { email, .. } => *email = None,
        Call::AccountOpen { email, name, .. } => {
            *email = None;
            name.clear();
        }
        Call::DisputeEvidence { text, .. } => text.clear(),
        Call::SessionExpire { .. }
        | Call::RefundMake { .. }
        | Call::TransferMake { .. }
        | Call::TransferReverse { .. }
        | Call::DisputeAccept { .. } => {}
    }
    call
}

/// What an outcome means is for the domain to say that wanted the call.
async fn apply(
    tx: &Tx,
    cx: &Context,
    intent: &intent::Model,
    call: &Call,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    match call {
        Call::SessionOpen { .. } => checkout::session_opened(tx, cx, intent, outcome).await,
        Call::SessionExpire { .. } => checkout::session_expired(tx, cx, intent, outcome).await,
        Call::RefundMake { .. } => checkout::refund_made(tx, cx, intent, outcome).await,
        Call::TransferMake { .. } => payout::transfer_made(tx, cx, intent, outcome).await,
        Call::TransferReverse { .. } => payout::transfer_reversed(tx, cx, intent, outcome).await,
        Call::AccountOpen { .. } => payout::account_opened(tx, cx, intent, outcome).await,
        Call::DisputeEvidence { .. } => checkout::evidence_told(tx, cx, intent, outcome).await,
        Call::DisputeAccept { .. } => checkout::dispute_accepted(tx, cx, intent, outcome).await,
    }
}

async fn lock_open(tx: &Tx, id: IntentId) -> Result<Option<intent::Model>, DbErr> {
    intent::Entity::find_by_id(id)
        .filter(intent::Column::State.eq(IntentState::Open))
        .lock_exclusive()
        .one(tx)
        .await
}

async fn mark_sent(cx: &Context, intent: &intent::Model) -> Result<(), DbErr> {
    let first: Time = intent.first_sent_at.unwrap_or_else(|| cx.now());
    intent::Entity::update_many()
        .col_expr(
            intent::Column::Attempts,
            Expr::col(intent::Column::Attempts).add(1),
        )
        .col_expr(intent::Column::FirstSentAt, Expr::value(first))
        .filter(intent::Column::Id.eq(intent.id))
        .exec(cx.db())
        .await?;
    Ok(())
}

async fn note_error(cx: &Context, id: IntentId, error: &CallError) -> Result<(), DbErr> {
    intent::Entity::update_many()
        .col_expr(intent::Column::Error, Expr::value(error.to_string()))
        .filter(intent::Column::Id.eq(id))
        .exec(cx.db())
        .await?;
    Ok(())
}

fn kind(call: &Call) -> IntentKind {
    match call {
        Call::SessionOpen { .. } => IntentKind::SessionOpen,
        Call::SessionExpire { .. } => IntentKind::SessionExpire,
        Call::RefundMake { .. } => IntentKind::RefundMake,
        Call::TransferMake { .. } => IntentKind::TransferMake,
        Call::TransferReverse { .. } => IntentKind::TransferReverse,
        Call::AccountOpen { .. } => IntentKind::AccountOpen,
        Call::DisputeEvidence { .. } => IntentKind::DisputeEvidence,
        Call::DisputeAccept { .. } => IntentKind::DisputeAccept,
    }
}
