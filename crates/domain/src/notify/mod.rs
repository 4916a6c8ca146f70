//! Mail to those whom an event concerns: a reader of the event stream like any other. No command knows of it.
//!
//! Invariants: an event carries ids only, so addresses and names are read when the mail is written; nothing of a mail is
//! kept but that it was handed over. A job may run twice: each message has an id made of its event and its recipient's
//! part in it, is written down as soon as it was handed over, and is not sent when it stands there already. Only a crash
//! between the two can repeat one, under the same Message-ID, by which mail systems know it. One address that fails does
//! not keep the others waiting: the job comes back for it alone.

mod curating;
mod disputes;
mod facts;
mod invitation;
mod letters;
mod names;
mod post;
mod security;
mod trouble;

use sea_orm::ActiveValue::Set;
use sea_orm::{DbErr, EntityTrait};
use vitrine_model::id::EventId;
use vitrine_model::mail;

use crate::context::Context;
use crate::ports::Mail;
use post::Draft;

/// Whether anyone is written to about events of this kind.
pub(crate) fn listens_to(kind: &str) -> bool {
    post::writer(kind).is_some()
}

/// Writes to everyone whom the event concerns, once.
pub(crate) async fn deliver(cx: &Context, event: EventId) -> anyhow::Result<()> {
    let drafts = post::drafts(cx, event).await?;
    let mut failed = 0_usize;
    let of = drafts.len();
    for draft in drafts {
        if let Err(error) = send(cx, event, draft).await {
            tracing::warn!(%event, error = format!("{error:#}"), "a mail was not accepted");
            failed += 1;
        }
    }
    anyhow::ensure!(
        failed == 0,
        "{failed} of {of} mails about {event} were not accepted"
    );
    Ok(())
}

async fn send(cx: &Context, event: EventId, draft: Draft) -> anyhow::Result<()> {
    let message_id = format!("{event}.{}", draft.recipient);
    if mail::Entity::find_by_id(message_id.clone())
        .one(cx.db())
        .await?
        .is_some()
    {
        return Ok(());
    }
    let message = Mail {
        to: draft.to.to_string(),
        subject: draft.letter.subject,
        text: draft.letter.text,
        message_id: message_id.clone(),
        date: cx.now(),
    };
    cx.platform().mailer.send(message).await?;
    note(cx, event, message_id).await?;
    Ok(())
}

async fn note(cx: &Context, event: EventId, message_id: String) -> Result<(), DbErr> {
    let row = mail::ActiveModel {
        id: Set(message_id),
        event_id: Set(event),
        sent_at: Set(cx.now()),
    };
    mail::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(cx.db())
        .await?;
    Ok(())
}
