//! The one stream of what happened. Every command writes one event in its transaction; mail, and whatever else wants to
//! know, reads the stream. No command knows its readers.

use std::collections::BTreeMap;
use std::fmt;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DbErr, EntityTrait};
use vitrine_model::id::{AccountId, ApiKeyId, BrandId, EventId};
use vitrine_model::{event, event_reader};

use crate::activity;
use crate::context::{Context, Tx};
use crate::jobs::{self, Job};
use crate::list::in_powers_of_two;
use crate::{notify, webhook};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Someone signed in.
    Account(AccountId),
    /// A brand's own program, by its key.
    ApiKey {
        /// The key.
        id: ApiKeyId,
        /// The brand, which reads of what its keys do.
        brand: BrandId,
    },
    /// Someone holding a guest's secret.
    Guest,
    /// The operator, from the command line.
    Operator,
    /// The payment provider, by an event.
    Stripe,
    /// A job.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => fmt::Display::fmt(id, f),
            Self::ApiKey { id, .. } => fmt::Display::fmt(id, f),
            Self::Guest => f.write_str("guest"),
            Self::Operator => f.write_str("operator"),
            Self::Stripe => f.write_str("stripe"),
            Self::System => f.write_str("system"),
        }
    }
}

/// Writes one event: `kind` (such as `order.paid`) happened to `subject`. `refs` names further ids, never personal data.
///
/// # Errors
/// When the database fails.
pub async fn record(
    tx: &Tx,
    cx: &Context,
    actor: Actor,
    kind: &str,
    subject: impl fmt::Display,
    refs: &[(&str, String)],
) -> Result<(), DbErr> {
    record_as(tx, cx, cx.new_id(), actor, kind, subject, refs).await
}

/// One of many events of a kind.
#[derive(Debug)]
pub(crate) struct Happened {
    /// The event's id.
    pub(crate) id: EventId,
    /// What it happened to.
    pub(crate) subject: String,
    /// Further ids.
    pub(crate) refs: Vec<(&'static str, String)>,
}

/// Writes many events of one kind, which [`record`] would write one by one: with one statement, where nobody looks such
/// events up later and no job tells of them.
///
/// # Errors
/// When the database fails.
pub(crate) async fn record_many(
    tx: &Tx,
    cx: &Context,
    actor: Actor,
    kind: &str,
    happened: Vec<Happened>,
) -> Result<(), DbErr> {
    let is_told = notify::listens_to(kind) || webhook::listens_to(tx, kind).await?;
    if is_told || activity::is_sensitive(kind) {
        for one in happened {
            record_as(tx, cx, one.id, actor, kind, one.subject, &one.refs).await?;
        }
        return Ok(());
    }
    let row = |one: Happened| row(cx, one.id, actor, kind, one.subject, &one.refs);
    for rows in in_powers_of_two(happened.into_iter().map(row).collect()) {
        event::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn row(
    cx: &Context,
    id: EventId,
    actor: Actor,
    kind: &str,
    subject: String,
    refs: &[(&str, String)],
) -> event::ActiveModel {
    let payload: BTreeMap<&str, &str> = refs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    event::ActiveModel {
        sequence: NotSet,
        id: Set(id),
        kind: Set(kind.to_owned()),
        subject: Set(subject),
        actor: Set(actor.to_string()),
        through: Set(cx.through().map(str::to_owned)),
        payload: Set(jobs::json(&payload)),
        occurred_at: Set(cx.now()),
    }
}

/// [`record`] under an id that the caller made.
///
/// # Errors
/// When the database fails.
pub async fn record_as(
    tx: &Tx,
    cx: &Context,
    id: EventId,
    actor: Actor,
    kind: &str,
    subject: impl fmt::Display,
    refs: &[(&str, String)],
) -> Result<(), DbErr> {
    let subject = subject.to_string();
    let row = row(cx, id, actor, kind, subject.clone(), refs);
    let sequence = event::Entity::insert(row).exec(tx).await?.last_insert_id;
    let readers = activity::readers(kind, actor, &subject, refs);
    if !readers.is_empty() {
        let rows = readers.into_iter().map(|reader| event_reader::ActiveModel {
            reader: Set(reader),
            sequence: Set(sequence),
        });
        event_reader::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await?;
    }
    // One job serves all readers. Where only endpoints listen, they are looked for first: most events concern none.
    if notify::listens_to(kind) || webhook::listens_to(tx, kind).await? {
        let job = Job::EventNotify {
            event: id.to_string(),
        };
        jobs::enqueue(tx, cx, &job, cx.now(), None).await?;
    }
    Ok(())
}
