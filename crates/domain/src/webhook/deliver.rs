//! One attempt to deliver a message, and what becomes of the message and its endpoint.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use secrecy::ExposeSecret;
use vitrine_model::Time;
use vitrine_model::id::WebhookMessageId;
use vitrine_model::webhook::{Disabled, MessageState, attempt, endpoint, message};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::ports::{Answered, Delivery, Undelivered};
use crate::secret;
use crate::webhook::dispatch::enqueue;
use crate::webhook::rules;

/// What a receiver answers who wants nothing more.
const GONE: u16 = 410;
/// How long an endpoint that kept us waiting is left alone: others want to be told, too.
const REST: TimeDelta = TimeDelta::minutes(1);
/// From when on an endpoint keeps us waiting, whatever it answers then.
const SLOW: Duration = Duration::from_secs(5);

/// Makes attempt number `number` of the message, if it is still to be made. The outcome is committed together with the job
/// for the next attempt; a crash between sending and that sends the same message once more, under the same id.
pub(crate) async fn deliver(cx: &Context, id: WebhookMessageId, number: i32) -> anyhow::Result<()> {
    let message = message::Entity::find_by_id(id).one(cx.db()).await?;
    let awaited = |row: &message::Model| row.state == MessageState::Pending && row.attempts + 1 == number;
    let Some(message) = message.filter(awaited) else {
        return Ok(());
    };
    let endpoint = endpoint::Entity::find_by_id(message.endpoint_id)
        .one(cx.db())
        .await?;
    let Some(endpoint) = endpoint else { return Ok(()) };
    let now = cx.now();
    if let Some(until) = endpoint.resting_until.filter(|until| *until > now) {
        return Ok(postpone(cx, &endpoint, &message, until).await?);
    }
    if endpoint.disabled_at.is_some() {
        return Ok(give_up(cx, &message).await?);
    }
    let outcome = cx
        .platform()
        .courier
        .deliver(signed(cx, &endpoint, &message))
        .await;
    Ok(settle(cx, &endpoint, &message, now, outcome).await?)
}

/// The message as it is sent now, signed with the endpoint's secret, and for a day after a rotation with the one before
/// as well.
fn signed(cx: &Context, endpoint: &endpoint::Model, message: &message::Model) -> Delivery {
    let (id, now) = (message.id.to_string(), cx.now());
    let seconds = now.timestamp();
    let signatures = rules::generations(endpoint, now).into_iter().map(|generation| {
        let key = secret::webhook_key(cx, endpoint.id, generation);
        rules::signature(key.expose_secret(), &id, seconds, &message.body)
    });
    Delivery {
        url: endpoint.url.clone(),
        headers: vec![
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signatures.collect::<Vec<_>>().join(" ")),
            ("webhook-id", id),
        ],
        body: message.body.clone(),
    }
}

/// The same attempt, later: the endpoint is left alone for a while.
async fn postpone(
    cx: &Context,
    endpoint: &endpoint::Model,
    message: &message::Model,
    until: Time,
) -> Result<(), DbErr> {
    let mut chance = [0; 2];
    cx.fill(&mut chance);
    let later = until + TimeDelta::milliseconds(i64::from(u16::from_ne_bytes(chance)) / 8);
    let tx = cx.begin().await?;
    message::Entity::update_many()
        .col_expr(message::Column::DueAt, Expr::value(later))
        .filter(message::Column::Id.eq(message.id))
        .filter(message::Column::State.eq(MessageState::Pending))
        .exec(&tx)
        .await?;
    enqueue(&tx, cx, endpoint, message, later).await?;
    tx.commit().await
}

/// The endpoint was disabled while the message was being written.
async fn give_up(cx: &Context, message: &message::Model) -> Result<(), DbErr> {
    let tx = cx.begin().await?;
    let mut row: message::ActiveModel = message.clone().into();
    end(&mut row, MessageState::Failed, cx.now());
    row.update(&tx).await?;
    tx.commit().await
}

fn end(row: &mut message::ActiveModel, state: MessageState, at: Time) {
    row.state = Set(state);
    row.due_at = Set(None);
    row.settled_at = Set(Some(at));
}

/// How an attempt went, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Gone,
    Failed,
}

fn verdict(outcome: &Result<Answered, Undelivered>) -> Verdict {
    match outcome {
        Ok(answer) if (200..300).contains(&answer.status) => Verdict::Accepted,
        Ok(answer) if answer.status == GONE => Verdict::Gone,
        Ok(_) | Err(_) => Verdict::Failed,
    }
}

/// Whether the endpoint kept us waiting.
fn waited(outcome: &Result<Answered, Undelivered>) -> bool {
    match outcome {
        Ok(answer) => answer.took >= SLOW,
        Err(trouble) => trouble.timed_out || trouble.took >= SLOW,
    }
}

/// Writes down how the attempt went. The endpoint is locked first, so that of two outcomes at once the second sees what
/// the first made of it. Where it has another address by now, the one that was `asked` says nothing about it.
async fn settle(
    cx: &Context,
    asked: &endpoint::Model,
    sent: &message::Model,
    sent_at: Time,
    outcome: Result<Answered, Undelivered>,
) -> Result<(), DbErr> {
    let tx = cx.begin().await?;
    let endpoint = endpoint::Entity::find_by_id(sent.endpoint_id)
        .lock(LockType::NoKeyUpdate)
        .one(&tx)
        .await?;
    let message = message::Entity::find_by_id(sent.id)
        .lock(LockType::NoKeyUpdate)
        .one(&tx)
        .await?;
    // Deleted meanwhile, or sent twice at once and written down by the other.
    let (Some(endpoint), Some(message)) = (endpoint, message) else {
        return Ok(());
    };
    if message.attempts != sent.attempts {
        return Ok(());
    }
    let (here, verdict) = (endpoint.url == asked.url, verdict(&outcome));
    let rests = waited(&outcome).then(|| cx.now() + REST);
    log(&tx, cx, &message, sent_at, outcome).await?;
    let mut row: message::ActiveModel = message.into();
    row.attempts = Set(sent.attempts + 1);
    match verdict {
        Verdict::Accepted => {
            end(&mut row, MessageState::Delivered, cx.now());
            row.update(&tx).await?;
            if here {
                mark(&tx, endpoint, None, rests).await?;
            }
        }
        Verdict::Gone if here => {
            row.update(&tx).await?;
            disable(&tx, cx, endpoint, Disabled::Gone, Actor::System).await?;
        }
        Verdict::Failed if here => {
            let message = row.update(&tx).await?;
            failed(&tx, cx, endpoint, message, rests).await?;
        }
        Verdict::Gone | Verdict::Failed => {
            let message = row.update(&tx).await?;
            again(&tx, cx, &endpoint, message).await?;
        }
    }
    tx.commit().await
}

async fn log(
    tx: &Tx,
    cx: &Context,
    message: &message::Model,
    sent_at: Time,
    outcome: Result<Answered, Undelivered>,
) -> Result<(), DbErr> {
    let (status, error, answer, took) = match outcome {
        Ok(answered) => {
            let text = rules::legible(&answered.beginning);
            (Some(i32::from(answered.status)), None, Some(text), answered.took)
        }
        Err(trouble) => (None, Some(trouble.why), None, trouble.took),
    };
    let row = attempt::ActiveModel {
        id: Set(cx.new_id()),
        message_id: Set(message.id),
        number: Set(message.attempts + 1),
        status: Set(status),
        error: Set(error),
        answer: Set(answer),
        took_ms: Set(i64::try_from(took.as_millis()).unwrap_or(i64::MAX)),
        sent_at: Set(sent_at),
    };
    attempt::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The message is sent again, or has failed; an endpoint that has failed for days is disabled, and one that kept us waiting
/// `rests`.
async fn failed(
    tx: &Tx,
    cx: &Context,
    endpoint: endpoint::Model,
    message: message::Model,
    rests: Option<Time>,
) -> Result<(), DbErr> {
    let now = cx.now();
    let since = endpoint.failing_since.unwrap_or(now);
    if endpoint.disabled_at.is_none() && rules::has_failed_too_long(since, now) {
        return disable(tx, cx, endpoint, Disabled::Failing, Actor::System).await;
    }
    again(tx, cx, &endpoint, message).await?;
    mark(tx, endpoint, Some(since), rests).await
}

/// The message is sent again, or has failed.
async fn again(
    tx: &Tx,
    cx: &Context,
    endpoint: &endpoint::Model,
    message: message::Model,
) -> Result<(), DbErr> {
    // Its endpoint was disabled while it was under way.
    if message.state != MessageState::Pending {
        return Ok(());
    }
    let (mut chance, now) = ([0; 2], cx.now());
    cx.fill(&mut chance);
    let round = message.attempts - message.replayed_at_attempt;
    let pause = rules::pause(round, u16::from_ne_bytes(chance));
    let mut row: message::ActiveModel = message.clone().into();
    match pause {
        Some(pause) => {
            row.due_at = Set(Some(now + pause));
            enqueue(tx, cx, endpoint, &message, now + pause).await?;
        }
        None => end(&mut row, MessageState::Failed, now),
    }
    row.update(tx).await?;
    Ok(())
}

/// Notes since when the endpoint fails, and until when it `rests`, where that changes: a quick answer does not end the rest
/// that a slow one began.
async fn mark(
    tx: &Tx,
    endpoint: endpoint::Model,
    failing_since: Option<Time>,
    rests: Option<Time>,
) -> Result<(), DbErr> {
    let resting_until = rests.or(endpoint.resting_until);
    if (endpoint.failing_since, endpoint.resting_until) == (failing_since, resting_until) {
        return Ok(());
    }
    let mut row: endpoint::ActiveModel = endpoint.into();
    row.failing_since = Set(failing_since);
    row.resting_until = Set(resting_until);
    row.update(tx).await?;
    Ok(())
}

/// Tells the endpoint nothing more: what is pending has failed.
pub(super) async fn disable(
    tx: &Tx,
    cx: &Context,
    endpoint: endpoint::Model,
    why: Disabled,
    actor: Actor,
) -> Result<(), DbErr> {
    let (id, now) = (endpoint.id, cx.now());
    let refs = [("reason", why.to_string())];
    let mut row: endpoint::ActiveModel = endpoint.into();
    row.disabled_at = Set(Some(now));
    row.disabled = Set(Some(why));
    row.resting_until = Set(None);
    row.update(tx).await?;
    message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(MessageState::Failed))
        .col_expr(message::Column::DueAt, Expr::value(None::<Time>))
        .col_expr(message::Column::SettledAt, Expr::value(now))
        .filter(message::Column::EndpointId.eq(id))
        .filter(message::Column::State.eq(MessageState::Pending))
        .exec(tx)
        .await?;
    event::record(tx, cx, actor, "webhook_endpoint.disabled", id, &refs).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_slow_keeps_us_waiting_whatever_it_answers() {
        let answered = |status, millis| {
            let took = Duration::from_millis(millis);
            Ok(Answered {
                status,
                beginning: Vec::new(),
                took,
            })
        };
        assert_eq!(verdict(&answered(200, 14_000)), Verdict::Accepted);
        assert!(waited(&answered(200, 14_000)) && waited(&answered(500, 5_000)));
        assert!(!waited(&answered(200, 4_999)) && !waited(&answered(500, 20)));
    }
}
