//! Background jobs that need a person, as operators see them.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::jobs;
use vitrine_model::job;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::connection::{TimePlace, connection, listed, page, place, unplace};

/// A background job that failed too often and was laid aside: `vitrine jobs retry` puts it back.
#[derive(Debug, Clone)]
pub struct DeadJob(job::Model);

impl Subject for DeadJob {}

/// A background job that failed too often and was laid aside: `vitrine jobs retry` puts it back.
#[Object(guard = Declared(self))]
impl DeadJob {
    /// Its id.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it was to do: a word such as `intent_drive`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The id of what it was about; `null` for what concerns everything.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn subject(&self) -> Option<String> {
        Some(jobs::subject(&self.0)).filter(|subject| !subject.is_empty())
    }

    /// How often it was begun.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// Why it failed the last time, in plain English.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was first to be done.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection!(
    DeadJobConnection,
    DeadJobEdge,
    DeadJob,
    "background jobs that were laid aside, the oldest first"
);

root_part! {
    /// Query fields about background jobs.
    JobQuery of "Query"
}

#[Object(guard = Declared(self))]
impl JobQuery {
    /// The background jobs that were laid aside, the oldest first.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn dead_jobs(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<DeadJobConnection> {
        let page = page::<TimePlace>(first, after, last, before)?.map(place);
        let dead = listed(ctx, jobs::dead(), page).await?;
        let at = |row: &job::Model| unplace((row.created_at, row.id));
        Ok(DeadJobConnection::new(dead, at, DeadJob))
    }
}
