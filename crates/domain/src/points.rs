//! The points between two durable steps: where a process may die with one step done and the next not. Each is passed in
//! one place of the code, and named when it is, so that a rehearsal can end the process there. In a release nobody
//! listens.
//!
//! ```text
//! command   ─ IntentUncommitted ─ commit ─ IntentRecorded
//! intent    ─ CallMarked ─ the call ─ CallAnswered ─ OutcomeUncommitted ─ commit ─ OutcomeCommitted
//! webhook   ─ EventUncommitted ─ commit ─ EventStored ─ its job: ─ EventApplied ─ EventMarked
//! job       ─ JobClaimed ─ JobBegun ─ the work ─ JobPerformed ─ JobFinished
//! ```
//!
//! Whether the call itself took effect before a death during it cannot be told from here: to have died at `CallMarked` is
//! the one case, to have died at `CallAnswered` the other.

use std::sync::Arc;

/// A point between two durable steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// An intent is written, and nothing is committed.
    IntentUncommitted,
    /// An intent is committed, and nothing is sent.
    IntentRecorded,
    /// The intent says that it is sent, and it is not.
    CallMarked,
    /// The provider has done what was asked, and nobody here has written that down.
    CallAnswered,
    /// The outcome and what it means are written, and not committed.
    OutcomeUncommitted,
    /// The outcome is committed.
    OutcomeCommitted,
    /// A webhook's event is written, and not committed.
    EventUncommitted,
    /// The event is committed, and its sender has no answer yet.
    EventStored,
    /// What the event means is committed, and the event does not say that it is applied.
    EventApplied,
    /// The event says that it is applied.
    EventMarked,
    /// A job is leased, and not begun.
    JobClaimed,
    /// The attempt is counted, and nothing is done.
    JobBegun,
    /// The job is done, and still in the queue.
    JobPerformed,
    /// The job is out of the queue, or waits for its next time.
    JobFinished,
}

impl Point {
    /// Every point, in the order in which they are passed.
    pub const ALL: [Self; 14] = [
        Self::IntentUncommitted,
        Self::IntentRecorded,
        Self::CallMarked,
        Self::CallAnswered,
        Self::OutcomeUncommitted,
        Self::OutcomeCommitted,
        Self::EventUncommitted,
        Self::EventStored,
        Self::EventApplied,
        Self::EventMarked,
        Self::JobClaimed,
        Self::JobBegun,
        Self::JobPerformed,
        Self::JobFinished,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IntentUncommitted => "intent_uncommitted",
            Self::IntentRecorded => "intent_recorded",
            Self::CallMarked => "call_marked",
            Self::CallAnswered => "call_answered",
            Self::OutcomeUncommitted => "outcome_uncommitted",
            Self::OutcomeCommitted => "outcome_committed",
            Self::EventUncommitted => "event_uncommitted",
            Self::EventStored => "event_stored",
            Self::EventApplied => "event_applied",
            Self::EventMarked => "event_marked",
            Self::JobClaimed => "job_claimed",
            Self::JobBegun => "job_begun",
            Self::JobPerformed => "job_performed",
            Self::JobFinished => "job_finished",
        }
    }
}

/// Told of each point as it is passed, and of what is under way there: a kind of call, of event or of job.
pub type OnPoint = Arc<dyn Fn(Point, &str) + Send + Sync>;

/// Passes a point.
pub(crate) fn pass(told: Option<&OnPoint>, point: Point, what: &str) {
    if cfg!(debug_assertions)
        && let Some(told) = told
    {
        told(point, what);
    }
}
