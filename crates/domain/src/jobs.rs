//! Background work: one durable queue in the database. A job is enqueued in the transaction that causes it, claimed
//! under a lease, tried again with growing pauses, and laid aside as dead, visibly, when it keeps failing.
//!
//! Every job may run twice: what it does must bear that.

mod attention;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{
    Expr, LockBehavior, LockType, OnConflict, Order, Query, SelectStatement, WindowStatement,
};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use vitrine_model::Time;
use vitrine_model::id::{EventId, JobId};
use vitrine_model::job::{self, JobState};

use crate::context::{Context, Tx};
use crate::failure::{BrokenOff, persistently};
use crate::points::Point;
use crate::{
    catalog, checkout, identity, inbox, intent, ledger, notify, payout, privacy, reconcile, shop, webhook,
};

pub use attention::{ByAge, RetryRefusal, Tally, dead, retry, subject, tally, troubled};

/// How long a worker may be silent before another takes over.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// How often a worker says that it still works.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// The kind of job that has the long lane to itself.
const IMPORT: &str = "import_run";
/// The kind of job that has the outward lane to itself.
const WEBHOOK: &str = "webhook_deliver";
/// Messages to the endpoints of one brand under way at once: however slowly they are answered, however many there are,
/// the others' go out.
const AT_ONCE: i64 = 4;
/// How often a job is begun before it may be laid aside.
const MAX_ATTEMPTS: i32 = 15;
/// A job that keeps failing is tried for so long at least: what it calls may be away for a day, and come back.
const PATIENCE: TimeDelta = TimeDelta::days(3);
/// The longest pause between two attempts.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// Jobs wait in lanes, so that neither a file of two gigabytes nor a receiver who does not answer stands before a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What is done in a moment.
    Quick,
    /// What may take minutes: imports.
    Long,
    /// What waits for others: messages to webhook endpoints, done side by side, only so many of one group.
    Outward,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Long, Self::Outward];
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Make a call to the payment provider, or find out what became of it.
    IntentDrive {
        /// The intent.
        intent: String,
    },
    /// Apply a webhook event.
    InboxApply {
        /// Stripe's event id.
        event: String,
    },
    /// Tell those whom an event concerns: people by letters, endpoints by messages.
    EventNotify {
        /// The event.
        event: String,
    },
    /// Send a message to a webhook endpoint.
    WebhookDeliver {
        /// The message.
        message: String,
        /// The how manieth attempt this is; any other has been made, or is somebody else's.
        attempt: i32,
        /// Whose endpoint it goes to, for only so many of one's go out at once.
        group: String,
    },
    /// Read an uploaded product file.
    ImportRun {
        /// The import.
        import: String,
    },
    /// Close an order nobody paid.
    OrderExpire {
        /// The order.
        order: String,
    },
    /// Ask for a charge's balance transaction that had not come yet.
    ChargeSettle {
        /// Stripe's charge.
        charge: String,
    },
    /// Ask what became of a refund under way.
    RefundSettle {
        /// Our refund.
        refund: String,
    },
    /// Send a payment nobody asked for back once more, of which a refund failed.
    RefundAgain {
        /// Stripe's charge.
        charge: String,
    },
    /// Try to recover by transfer reversals what a refund left a party owing.
    Recover {
        /// Our refund.
        refund: String,
    },
    /// Ask how far a dispute is.
    DisputeSettle {
        /// Our dispute.
        dispute: String,
        /// Whether to ask again later while something is still to be told.
        again: bool,
    },
    /// Try to recover by transfer reversals what a lost dispute left a party owing.
    RecoverDispute {
        /// Our dispute.
        dispute: String,
    },
    /// Release what the return window held.
    Release,
    /// Send what is available.
    PayoutRun,
    /// Seal the ledger's newest transactions into a block.
    LedgerSeal,
    /// Hold the books against what the payment provider says.
    Reconcile,
    /// Remove what has outlived its purpose: idempotency keys, sessions that ended, counts of rate limits, uploads that
    /// nobody finished, messages and letters of long ago, carts nobody came back to, and who bought what long ago.
    Sweep,
}

impl Job {
    fn kind(&self) -> &'static str {
        match self {
            Self::IntentDrive { .. } => "intent_drive",
            Self::InboxApply { .. } => "inbox_apply",
            Self::EventNotify { .. } => "event_notify",
            Self::WebhookDeliver { .. } => WEBHOOK,
            Self::ImportRun { .. } => IMPORT,
            Self::OrderExpire { .. } => "order_expire",
            Self::ChargeSettle { .. } => "charge_settle",
            Self::RefundSettle { .. } => "refund_settle",
            Self::RefundAgain { .. } => "refund_again",
            Self::Recover { .. } => "recover",
            Self::DisputeSettle { .. } => "dispute_settle",
            Self::RecoverDispute { .. } => "recover_dispute",
            Self::Release => "release",
            Self::PayoutRun => "payout_run",
            Self::LedgerSeal => "ledger_seal",
            Self::Reconcile => "reconcile",
            Self::Sweep => "sweep",
        }
    }

    /// For whom it is done, in a lane that is shared.
    fn group(&self) -> Option<&str> {
        match self {
            Self::WebhookDeliver { group, .. } => Some(group),
            _ => None,
        }
    }
}

/// Does one job. Whatever it returns as an error is tried again. Boxed: a worker's stack need not hold the largest of all.
fn perform(cx: &Context, job: Job) -> BoxFuture<'_, anyhow::Result<()>> {
    Box::pin(performed(cx, job))
}

async fn performed(cx: &Context, job: Job) -> anyhow::Result<()> {
    match job {
        Job::IntentDrive { intent } => intent::drive(cx, intent.parse()?).await,
        Job::InboxApply { event } => inbox::apply(cx, &event).await,
        Job::EventNotify { event } => tell(cx, event.parse()?).await,
        Job::WebhookDeliver { message, attempt, .. } => webhook::deliver(cx, message.parse()?, attempt).await,
        Job::ImportRun { import } => catalog::run_import(cx, import.parse()?).await,
        Job::OrderExpire { order } => checkout::expire_order(cx, order.parse()?).await,
        Job::ChargeSettle { charge } => checkout::settle_charge(cx, &charge).await,
        Job::RefundSettle { refund } => checkout::settle_refund(cx, refund.parse()?).await,
        Job::RefundAgain { charge } => checkout::refund_again(cx, &charge).await,
        Job::Recover { refund } => payout::recover(cx, refund.parse()?).await,
        Job::DisputeSettle { dispute, again } => checkout::settle_dispute(cx, dispute.parse()?, again).await,
        Job::RecoverDispute { dispute } => payout::recover_dispute(cx, dispute.parse()?).await,
        Job::Release => ledger::release_due(cx).await,
        Job::PayoutRun => payout::run(cx).await,
        Job::LedgerSeal => ledger::seal(cx).await,
        Job::Reconcile => reconcile::perform(cx).await,
        Job::Sweep => {
            crate::idempotency::sweep(cx).await?;
            webhook::sweep(cx).await?;
            identity::sweep(cx).await?;
            shop::sweep(cx).await?;
            privacy::sweep(cx).await?;
            crate::throttle::sweep(cx).await?;
            catalog::sweep_uploads(cx).await
        }
    }
}

/// Endpoints and people: what keeps a letter from being accepted does not keep the others waiting.
async fn tell(cx: &Context, event: EventId) -> anyhow::Result<()> {
    let told = webhook::dispatch(cx, event).await;
    notify::deliver(cx, event).await?;
    told
}

/// Enqueues `job` for `run_at`. With a `unique_key`, nothing happens while a job with that key is queued.
///
/// # Errors
/// When the database fails.
pub async fn enqueue(
    tx: &Tx,
    cx: &Context,
    job: &Job,
    run_at: Time,
    unique_key: Option<&str>,
) -> Result<(), DbErr> {
    insert(tx, cx, job, run_at, unique_key, None).await
}

/// Makes sure that the jobs which come back by themselves are queued, no further away than they may be. Several nodes may do
/// so at once, and each does so again and again: a clock that was ahead for a moment must not put them off until it is right.
///
/// # Errors
/// When the database fails.
pub async fn ensure_recurring(cx: &Context) -> Result<(), DbErr> {
    let recurring = [
        (Job::Release, 15 * 60),
        (Job::PayoutRun, cx.settings().payout_every),
        (Job::LedgerSeal, 5 * 60),
        (Job::Sweep, 60 * 60),
    ];
    let tx = cx.begin().await?;
    for (job, every) in recurring {
        insert(&tx, cx, &job, cx.now(), Some(job.kind()), Some(every)).await?;
        draw_near(&tx, cx, &job, every).await?;
    }
    // On a fresh installation there is nothing to find yet.
    let every = cx.settings().reconcile_every;
    let first = cx.now() + TimeDelta::seconds(every);
    let job = Job::Reconcile;
    insert(&tx, cx, &job, first, Some(job.kind()), Some(every)).await?;
    draw_near(&tx, cx, &job, every).await?;
    tx.commit().await
}

/// Has a job that comes back every so many seconds done now if it waits for longer than that, and longer than for a failure.
async fn draw_near(tx: &Tx, cx: &Context, job: &Job, every: i64) -> Result<(), DbErr> {
    let farthest = cx.now() + TimeDelta::seconds(every).max(LONGEST_PAUSE);
    let drawn = job::Entity::update_many()
        .col_expr(job::Column::RunAt, Expr::value(cx.now()))
        .col_expr(job::Column::EverySeconds, Expr::value(every))
        .filter(job::Column::UniqueKey.eq(job.kind()))
        .filter(job::Column::RunAt.gt(farthest))
        .exec(tx)
        .await?;
    if drawn.rows_affected > 0 {
        tracing::warn!(
            kind = job.kind(),
            "a job was put off too far: was the clock ahead, or is it to come back sooner now?"
        );
    }
    Ok(())
}

/// Claims up to `limit` due jobs of one lane and does them: one after the other, or on the outward lane all at once.
/// Returns how many were begun.
///
/// `context` makes a context per job, so that each has its own name and its own stream of chance. Once `stopping` says
/// so no further job is begun: those still claimed are left for others.
///
/// # Errors
/// When the database fails; a job's own failure is recorded with the job.
pub async fn run_due(
    cx: &Context,
    lane: Lane,
    limit: u64,
    context: &(dyn Fn(&str) -> Context + Sync),
    stopping: &(dyn Fn() -> bool + Sync),
) -> anyhow::Result<usize> {
    if lane == Lane::Outward {
        // What one of them fails at breaks none of the others off: their messages may have been sent.
        let outcomes = futures::future::join_all(begin_outward(cx, limit, context).await?).await;
        let begun = outcomes.len();
        outcomes.into_iter().collect::<anyhow::Result<()>>()?;
        return Ok(begun);
    }
    let claimed = claim(cx, lane, limit).await?;
    for (place, row) in claimed.iter().enumerate() {
        if stopping() {
            give_back(cx, &claimed[place..]).await?;
            return Ok(place);
        }
        run_one(context, row, &claimed[place..]).await?;
    }
    Ok(claimed.len())
}

/// Claims up to `limit` due jobs of the outward lane, no more of one group than may be under way at once, those that are
/// counted in. Each is done by the future returned for it.
///
/// # Errors
/// When the database fails; a job's own failure is recorded with the job.
pub async fn begin_outward<'a>(
    cx: &Context,
    limit: u64,
    context: &'a (dyn Fn(&str) -> Context + Sync),
) -> Result<Vec<BoxFuture<'a, anyhow::Result<()>>>, DbErr> {
    let claimed = claim(cx, Lane::Outward, limit).await?;
    let work = claimed
        .into_iter()
        .map(|row| async move { run_one(context, &row, std::slice::from_ref(&row)).await }.boxed());
    Ok(work.collect())
}

/// Does one claimed job; the lease is kept on all that are `held` meanwhile.
async fn run_one(
    context: &(dyn Fn(&str) -> Context + Sync),
    row: &job::Model,
    held: &[job::Model],
) -> anyhow::Result<()> {
    let job_cx = context(&row.id.to_string());
    let Some(row) = &begin(&job_cx, row).await? else {
        return Ok(());
    };
    let outcome = match serde_json::from_str::<Job>(&row.payload) {
        Ok(job) => {
            let work = persistently(|| perform(&job_cx, job.clone()));
            under_lease(&job_cx, held, work).await
        }
        Err(error) => Err(error.into()),
    };
    job_cx.passes(Point::JobPerformed, &row.kind);
    match outcome {
        Ok(()) => finish(&job_cx, row).await?,
        Err(error) => fail(&job_cx, row, &error).await?,
    }
    job_cx.passes(Point::JobFinished, &row.kind);
    Ok(())
}

/// Counts the attempt before anything is done: a job that ends the process each time comes back with its lease run out and
/// its attempts used up, and is laid aside like any other that keeps failing. It is counted here and not with the lease,
/// for the jobs leased together with such a one are not to blame. `None` for one that was laid aside.
async fn begin(cx: &Context, row: &job::Model) -> Result<Option<job::Model>, DbErr> {
    if is_spent(row, row.last_error.is_some(), cx.now()) {
        let why = "each time it was begun, the process ended before it did";
        tracing::error!(job = %row.id, kind = row.kind, attempts = row.attempts, error = why, "job is dead");
        reschedule(
            cx,
            row,
            cx.now(),
            row.attempts,
            JobState::Dead,
            Some(why.to_owned()),
        )
        .await?;
        return Ok(None);
    }
    job::Entity::update_many()
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
        .filter(job::Column::Id.eq(row.id))
        .exec(cx.db())
        .await?;
    cx.passes(Point::JobBegun, &row.kind);
    Ok(Some(job::Model {
        attempts: row.attempts + 1,
        ..row.clone()
    }))
}

/// Does the work, and meanwhile keeps the lease on it and on the jobs that wait behind it.
async fn under_lease(
    cx: &Context,
    held: &[job::Model],
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    // A job that panics has failed like any other; the worker goes on.
    let mut work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
    loop {
        tokio::select! {
            outcome = &mut work => return outcome.unwrap_or_else(|_| anyhow::bail!("the job panicked")),
            () = tokio::time::sleep(HEARTBEAT) => {
                job::Entity::update_many()
                    .col_expr(job::Column::LeasedUntil, Expr::value(cx.now() + LEASE))
                    .filter(job::Column::Id.is_in(held.iter().map(|row| row.id)))
                    .exec(cx.db())
                    .await?;
            }
        }
    }
}

/// When the next job falls due; `None` when nothing is queued.
///
/// # Errors
/// When the database fails.
pub async fn next_due(cx: &Context) -> Result<Option<Time>, DbErr> {
    use sea_orm::{QueryOrder, QuerySelect};
    job::Entity::find()
        .select_only()
        .column(job::Column::RunAt)
        .filter(job::Column::State.eq(JobState::Queued))
        .order_by_asc(job::Column::RunAt)
        .limit(1)
        .into_tuple()
        .one(cx.db())
        .await
}

/// `value` as JSON text, for a column.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    // Our own types hold nothing that JSON cannot: no maps with other keys than text, no failing serialisers.
    serde_json::to_string(value).unwrap_or_else(|_| unreachable!())
}

async fn insert(
    tx: &Tx,
    cx: &Context,
    job: &Job,
    run_at: Time,
    unique_key: Option<&str>,
    every_seconds: Option<i64>,
) -> Result<(), DbErr> {
    let row = job::ActiveModel {
        id: Set(cx.new_id::<JobId>()),
        kind: Set(job.kind().to_owned()),
        payload: Set(json(job)),
        unique_key: Set(unique_key.map(str::to_owned)),
        group_key: Set(job.group().map(str::to_owned)),
        every_seconds: Set(every_seconds),
        run_at: Set(run_at),
        attempts: Set(0),
        state: Set(JobState::Queued),
        leased_until: NotSet,
        last_error: NotSet,
        created_at: Set(cx.now()),
    };
    let once = OnConflict::column(job::Column::UniqueKey).do_nothing().to_owned();
    job::Entity::insert(row)
        .on_conflict(once)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// One statement serves both databases: the lock clause vanishes on SQLite, which has one writer at a time anyway.
async fn claim(cx: &Context, lane: Lane, limit: u64) -> Result<Vec<job::Model>, DbErr> {
    let now = cx.now();
    let free = Condition::any()
        .add(job::Column::LeasedUntil.is_null())
        .add(job::Column::LeasedUntil.lte(now));
    let due = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .cond_where(job::Column::State.eq(JobState::Queued))
        .cond_where(job::Column::RunAt.lte(now))
        .cond_where(free)
        .cond_where(match lane {
            Lane::Quick => job::Column::Kind.is_not_in([IMPORT, WEBHOOK]),
            Lane::Long => job::Column::Kind.eq(IMPORT),
            Lane::Outward => job::Column::Id.in_subquery(in_turn(now)),
        })
        .order_by(job::Column::RunAt, Order::Asc)
        .order_by(job::Column::Id, Order::Asc)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let mut claimed = job::Entity::update_many()
        .col_expr(job::Column::LeasedUntil, Expr::value(now + LEASE))
        .filter(job::Column::Id.in_subquery(due))
        .exec_with_returning(cx.db())
        .await?;
    claimed.sort_by_key(|row| (row.run_at, row.id));
    for row in &claimed {
        cx.passes(Point::JobClaimed, &row.kind);
    }
    Ok(claimed)
}

/// The messages whose turn it is: the first of each group, counted from those that are under way.
fn in_turn(now: Time) -> SelectStatement {
    let waits = Expr::case(job::Column::LeasedUntil.gt(now), 0).finally(1);
    let order = WindowStatement::partition_by(job::Column::GroupKey)
        .order_by_expr(waits.into(), Order::Asc)
        .order_by(job::Column::RunAt, Order::Asc)
        .order_by(job::Column::Id, Order::Asc)
        .to_owned();
    let ranked = Query::select()
        .column(job::Column::Id)
        .expr_window_as(Expr::cust("row_number()"), order, "place")
        .from(job::Entity)
        .cond_where(job::Column::State.eq(JobState::Queued))
        .cond_where(job::Column::RunAt.lte(now))
        .cond_where(job::Column::Kind.eq(WEBHOOK))
        .to_owned();
    Query::select()
        .column("id")
        .from_subquery(ranked, "ranked")
        .cond_where(Expr::col("place").lte(AT_ONCE))
        .to_owned()
}

/// As if they had never been claimed.
async fn give_back(cx: &Context, rows: &[job::Model]) -> Result<(), DbErr> {
    job::Entity::update_many()
        .col_expr(job::Column::LeasedUntil, Expr::value(None::<Time>))
        .filter(job::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(cx.db())
        .await?;
    Ok(())
}

async fn finish(cx: &Context, row: &job::Model) -> Result<(), DbErr> {
    let Some(every) = row.every_seconds else {
        job::Entity::delete_by_id(row.id).exec(cx.db()).await?;
        return Ok(());
    };
    reschedule(
        cx,
        row,
        cx.now() + TimeDelta::seconds(every),
        0,
        JobState::Queued,
        None,
    )
    .await
}

/// Whether the job was begun too often to be begun again: at once if it never came to tell an error, for then it ends the
/// process each time.
fn is_spent(row: &job::Model, told: bool, now: Time) -> bool {
    let begun = row.attempts >= MAX_ATTEMPTS && row.every_seconds.is_none();
    begun && (!told || now - row.created_at >= PATIENCE)
}

async fn fail(cx: &Context, row: &job::Model, error: &anyhow::Error) -> Result<(), DbErr> {
    // Nobody is to blame for what others' work broke off: such an attempt does not count.
    let attempts = row.attempts - i32::from(error.is_broken_off());
    let dead = is_spent(row, true, cx.now());
    if dead {
        tracing::error!(job = %row.id, kind = row.kind, attempts = row.attempts, error = format!("{error:#}"), "job is dead");
    } else {
        tracing::warn!(job = %row.id, kind = row.kind, attempts = row.attempts, error = format!("{error:#}"), "job failed");
    }
    let state = if dead { JobState::Dead } else { JobState::Queued };
    let again = cx.now() + pause(attempts);
    reschedule(cx, row, again, attempts, state, Some(format!("{error:#}"))).await
}

/// 2, 4, 8… seconds, up to an hour.
fn pause(attempts: i32) -> TimeDelta {
    let seconds = 1_i64 << attempts.clamp(1, 20);
    TimeDelta::seconds(seconds).min(LONGEST_PAUSE)
}

async fn reschedule(
    cx: &Context,
    row: &job::Model,
    run_at: Time,
    attempts: i32,
    state: JobState,
    error: Option<String>,
) -> Result<(), DbErr> {
    job::Entity::update_many()
        .col_expr(job::Column::RunAt, Expr::value(run_at))
        .col_expr(job::Column::Attempts, Expr::value(attempts))
        .col_expr(job::Column::State, Expr::value(state))
        .col_expr(job::Column::LeasedUntil, Expr::value(None::<Time>))
        .col_expr(job::Column::LastError, Expr::value(error))
        .filter(job::Column::Id.eq(row.id))
        .exec(cx.db())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        assert_eq!(pause(1), TimeDelta::seconds(2));
        assert_eq!(pause(5), TimeDelta::seconds(32));
        assert_eq!(pause(15), LONGEST_PAUSE);
    }

    #[test]
    fn a_job_is_laid_aside_after_days_of_errors_or_at_once_when_it_never_tells_any() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let row = |attempts: i32, age: TimeDelta| job::Model {
            id: "job_00000000000000000000000000".parse().unwrap(),
            kind: "intent_drive".to_owned(),
            payload: "{}".to_owned(),
            unique_key: None,
            group_key: None,
            every_seconds: None,
            run_at: now,
            attempts,
            state: JobState::Queued,
            leased_until: None,
            last_error: None,
            created_at: now - age,
        };
        assert!(!is_spent(&row(14, PATIENCE), true, now));
        assert!(!is_spent(&row(15, PATIENCE - TimeDelta::seconds(1)), true, now));
        assert!(is_spent(&row(15, PATIENCE), true, now));
        assert!(is_spent(&row(15, TimeDelta::zero()), false, now));
        let comes_back = job::Model {
            every_seconds: Some(60),
            ..row(99, PATIENCE)
        };
        assert!(!is_spent(&comes_back, true, now));
    }
}
