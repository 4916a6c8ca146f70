//! Reconciliation: what the payment provider says of its objects and of the platform's balance, held against the books.
//! Webhooks are a convenience; with all of them lost, this alone brings the books to where they would be.
//!
//! A run, one at a time over all nodes:
//!
//! 1. asks about every object of ours that is still open, and about disputes it did not know, and hands what became of it to the domain it concerns, by the
//!    steps that webhooks take too (`objects`);
//! 2. reads every movement of the provider's balance since the last complete run, with an overlap, hands the object it is
//!    about to its domain and applies the movement, each once (`movements`);
//! 3. compares the balance with `stripe_cash`, and looks for what stays open too long; what does not agree is kept as a
//!    difference, from when it was first seen until it agrees (`differences`, `findings`).
//!
//! An object that cannot be dealt with does not stop the others: it becomes a difference. The cursor moves only when all
//! was read, and nothing has to be read again.

mod differences;
mod findings;
mod lease;
mod movements;
mod objects;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::id::DifferenceId;
use vitrine_model::money::Currency;
use vitrine_model::reconciliation::difference;
use vitrine_model::reconciliation::{self as reconciliation_row};

use crate::context::Context;
use crate::list::List;
use crate::ports::CallError;
use lease::Lease;

/// Most differences told at once.
const MAX_OPEN: u64 = 1000;

/// What a run did and found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Objects that the provider was asked about.
    pub asked: i64,
    /// Movements of the balance that were read.
    pub read: i64,
    /// Those of them that were new.
    pub applied: i64,
    /// What could not be dealt with, and why.
    pub failed: Vec<Failed>,
    /// What the provider holds and what the books say, by currency.
    pub cash: Vec<Cash>,
    /// What the provider holds in currencies that the books do not know: its code of each, and the amount in its smallest
    /// unit.
    pub foreign: Vec<(String, i64)>,
    /// Everything that does not agree now, the oldest first.
    pub differences: Vec<difference::Model>,
}

/// An object that could not be dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Ours or the provider's id of it.
    pub subject: String,
    /// Why.
    pub error: String,
    /// Whether another run must read the same again to get over it.
    passing: bool,
}

/// What the provider holds in one currency, and what the books say that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cash {
    /// In which currency.
    pub currency: Currency,
    /// By the books, minor units.
    pub books: i64,
    /// By the provider, minor units.
    pub provider: i64,
}

impl Report {
    fn fail(&mut self, subject: &str, error: &anyhow::Error) {
        if self.failed.iter().any(|failed| failed.subject == subject) {
            return;
        }
        tracing::error!(
            subject,
            error = format!("{error:#}"),
            "ALARM: could not be reconciled"
        );
        self.failed.push(Failed {
            subject: subject.to_owned(),
            error: format!("{error:#}"),
            passing: is_passing(error),
        });
    }
}

/// What came of asking for a run.
#[derive(Debug)]
pub enum Attempt {
    /// It was made.
    Made(Report),
    /// Another is under way, here or on another node.
    UnderWay,
}

/// The recurring job: a run, unless another is under way.
///
/// # Errors
/// When the provider cannot be asked at all, or the database fails.
pub(crate) async fn perform(cx: &Context) -> anyhow::Result<()> {
    if let Attempt::UnderWay = run(cx).await? {
        tracing::info!("a reconciliation is under way already");
    }
    Ok(())
}

/// Makes a run now, unless another is under way.
///
/// # Errors
/// When the provider cannot be asked at all, or the database fails. What was applied until then stays applied.
pub async fn run(cx: &Context) -> anyhow::Result<Attempt> {
    let Some((lease, cursor)) = lease::take(cx).await? else {
        return Ok(Attempt::UnderWay);
    };
    let outcome = reconcile(cx, &lease, cursor).await;
    match &outcome {
        Ok(report) => lease.finish(cx, report).await?,
        Err(_) => lease.give_back(cx).await?,
    }
    let mut report = outcome?;
    report.differences = open(cx.db()).await?;
    tracing::info!(
        asked = report.asked,
        read = report.read,
        applied = report.applied,
        failed = report.failed.len(),
        differences = report.differences.len(),
        "reconciled"
    );
    Ok(Attempt::Made(report))
}

async fn reconcile(cx: &Context, lease: &Lease, cursor: Option<Time>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    objects::ask_all(cx, lease, &mut report).await?;
    objects::find_disputes(cx, lease, cursor, &mut report).await?;
    movements::apply_since(cx, lease, cursor, &mut report).await?;
    movements::explain_again(cx, lease, &mut report).await?;
    (report.cash, report.foreign) = compare_cash(cx, lease, &mut report).await?;
    let found = findings::all(cx, cursor, &report).await?;
    differences::keep(cx, found).await?;
    Ok(report)
}

/// Holds the balance against the books. What moves between the two looks is no difference: then both look again.
async fn compare_cash(
    cx: &Context,
    lease: &Lease,
    report: &mut Report,
) -> anyhow::Result<(Vec<Cash>, Vec<(String, i64)>)> {
    let (cash, foreign) = findings::cash(cx).await?;
    if cash.iter().all(|cash| cash.books == cash.provider) {
        return Ok((cash, foreign));
    }
    movements::apply_since(cx, lease, Some(lease.began), report).await?;
    findings::cash(cx).await
}

/// Whether the same may go well later without anybody's doing: the provider or the database did not answer.
fn is_passing(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(CallError::Unknown(_) | CallError::Unauthorized(_))
        ) || cause.is::<DbErr>()
    })
}

/// An error that every further call would meet, too.
fn stops_all(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(CallError::Unauthorized(_)))
}

/// What does not agree now, the oldest first; a thousand at most.
///
/// # Errors
/// When the database fails.
pub async fn open(db: &impl ConnectionTrait) -> Result<Vec<difference::Model>, DbErr> {
    difference::Entity::find()
        .filter(difference::Column::ResolvedAt.is_null())
        .order_by_asc(difference::Column::FirstSeenAt)
        .order_by_asc(difference::Column::Id)
        .limit(MAX_OPEN)
        .all(db)
        .await
}

/// A difference's place in the list: since when, and its id.
pub type ByAge = (Time, DifferenceId);

/// What does not agree, the oldest first.
pub fn differences() -> List<difference::Model, ByAge> {
    let open = difference::Entity::find().filter(difference::Column::ResolvedAt.is_null());
    let columns = [difference::Column::FirstSeenAt, difference::Column::Id];
    List::new(open, false, &columns, |(since, id)| {
        vec![(*since).into(), (*id).into()]
    })
}

/// How many differences are open, and since when the oldest of them is.
///
/// # Errors
/// When the database fails.
pub async fn tally(db: &impl ConnectionTrait) -> Result<(u64, Option<Time>), DbErr> {
    let open = difference::Entity::find().filter(difference::Column::ResolvedAt.is_null());
    let count = open.clone().count(db).await?;
    let oldest: Option<Time> = open
        .select_only()
        .column(difference::Column::FirstSeenAt)
        .order_by_asc(difference::Column::FirstSeenAt)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok((count, oldest))
}

/// When a run last came to its end.
///
/// # Errors
/// When the database fails.
pub async fn last_run(db: &impl ConnectionTrait) -> Result<Option<Time>, DbErr> {
    let row = reconciliation_row::Entity::find_by_id(1).one(db).await?;
    Ok(row.and_then(|row| row.finished_at))
}
