//! What in the queue needs a person: how much waits and how much is late, which jobs were laid aside, and how an operator
//! puts those back.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::id::JobId;
use vitrine_model::identity::account;
use vitrine_model::job::{self, JobState};

use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::list::List;

/// A job that is due for longer than this, and that nobody works at, is overdue.
const LATE: TimeDelta = TimeDelta::minutes(1);
/// Most jobs told at once.
const MAX_TOLD: u64 = 1000;

/// How the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Jobs that wait for their time, or are being done.
    pub queued: u64,
    /// Those of them that are due for more than a minute and that nobody works at: no worker runs, or too few do.
    pub overdue: u64,
    /// Jobs that failed too often and were laid aside.
    pub dead: u64,
}

/// Why a job is not put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryRefusal {
    /// There is no such job: it was done, or never was.
    NotFound,
    /// It was not laid aside: it is tried again by itself.
    NotDead,
}

/// Counts the queue.
///
/// # Errors
/// When the database fails.
pub async fn tally(cx: &Context) -> Result<Tally, DbErr> {
    let in_state = |state| job::Entity::find().filter(job::Column::State.eq(state));
    let unheld = Condition::any()
        .add(job::Column::LeasedUntil.is_null())
        .add(job::Column::LeasedUntil.lte(cx.now()));
    let overdue = in_state(JobState::Queued)
        .filter(job::Column::RunAt.lt(cx.now() - LATE))
        .filter(unheld);
    Ok(Tally {
        queued: in_state(JobState::Queued).count(cx.db()).await?,
        overdue: overdue.count(cx.db()).await?,
        dead: in_state(JobState::Dead).count(cx.db()).await?,
    })
}

/// The jobs that were laid aside, then those that failed and will be tried again, each the oldest first; a thousand at
/// most.
///
/// # Errors
/// When the database fails.
pub async fn troubled(cx: &Context) -> Result<Vec<job::Model>, DbErr> {
    let failed = Condition::any()
        .add(job::Column::State.eq(JobState::Dead))
        .add(job::Column::LastError.is_not_null());
    job::Entity::find()
        .filter(failed)
        // "dead" stands before "queued".
        .order_by_asc(job::Column::State)
        .order_by_asc(job::Column::CreatedAt)
        .order_by_asc(job::Column::Id)
        .limit(MAX_TOLD)
        .all(cx.db())
        .await
}

/// A job's place in the list: since when it is there, and its id.
pub type ByAge = (Time, JobId);

/// The jobs that were laid aside, the oldest first.
pub fn dead() -> List<job::Model, ByAge> {
    let dead = job::Entity::find().filter(job::Column::State.eq(JobState::Dead));
    let columns = [job::Column::CreatedAt, job::Column::Id];
    List::new(dead, false, &columns, |(since, id)| {
        vec![(*since).into(), (*id).into()]
    })
}

/// What a job is about: the id it was given. Empty for one that is about everything, such as a payout run.
pub fn subject(row: &job::Model) -> String {
    let given: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&row.payload).unwrap_or_default();
    let ids = given.iter().filter(|(name, _)| *name != "job");
    let ids: Vec<_> = ids.filter_map(|(_, value)| value.as_str()).collect();
    ids.join(" ")
}

/// Puts a job that was laid aside back into the queue, due now, with all its attempts before it. The caller has seen that
/// `by` is an operator.
///
/// # Errors
/// `NotFound`, `NotDead`.
pub async fn retry(
    cx: &Context,
    by: &account::Model,
    id: JobId,
) -> Result<job::Model, Failure<RetryRefusal>> {
    let tx = cx.begin().await?;
    let found = job::Entity::find_by_id(id).lock_exclusive().one(&tx).await?;
    let row = found.or_refuse(RetryRefusal::NotFound)?;
    if row.state != JobState::Dead {
        return refuse(RetryRefusal::NotDead);
    }
    let refs = [("kind", row.kind.clone()), ("of", subject(&row))];
    let mut row: job::ActiveModel = row.into();
    row.state = Set(JobState::Queued);
    row.attempts = Set(0);
    row.run_at = Set(cx.now());
    row.leased_until = Set(None);
    // One that ends the process each time is known by never telling an error: that it is laid aside again as soon.
    row.last_error = Set(None);
    let row = row.update(&tx).await?;
    event::record(&tx, cx, Actor::Account(by.id), "job.retried", id, &refs).await?;
    tx.commit().await?;
    Ok(row)
}
