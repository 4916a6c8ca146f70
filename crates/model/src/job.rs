//! The queue of background work.

use crate::Time;
use crate::id::JobId;
use crate::kinds::kinds;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

kinds! {
    /// What becomes of a job.
    JobState {
        /// It waits for its time, or is being done under a lease.
        Queued = "queued",
        /// It failed too often and needs a person.
        Dead = "dead",
    }
}

/// One piece of work, deleted when done.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// What to do.
    pub kind: String,
    /// With what: a JSON object.
    pub payload: String,
    /// At most one job with this key is queued.
    pub unique_key: Option<String>,
    /// For whom it is done, where jobs of one lane are for many: of one group only so many are done at once.
    pub group_key: Option<String>,
    /// A job that comes back: how long after each run.
    pub every_seconds: Option<i64>,
    /// Not before.
    pub run_at: Time,
    /// How often it was begun.
    pub attempts: i32,
    /// Queued or dead.
    pub state: JobState,
    /// Until when a worker has it.
    pub leased_until: Option<Time>,
    /// Why it last failed.
    pub last_error: Option<String>,
    /// Since when.
    pub created_at: Time,
}

plain_row!();
