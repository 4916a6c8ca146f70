//! Messages sent anew, and tests.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Map;
use vitrine_model::Time;
use vitrine_model::id::{EventId, WebhookEndpointId, WebhookMessageId};
use vitrine_model::webhook::{MessageState, Topic, endpoint, message};

use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::{Allowance, By};
use crate::webhook::commands::endpoints::owned;
use crate::webhook::dispatch::{enqueue, write};
use crate::webhook::refusal::Refusal;
use crate::webhook::rules;

/// Most messages sent anew at once.
const MAX_REPLAYED: u64 = 1_000;
/// Tests, and messages sent anew one by one, of one brand: a person does so by hand.
const BY_HAND: Allowance = Allowance::for_one("webhook-message", 60, TimeDelta::minutes(15));
/// Replays of one brand: enough for its endpoints after an outage, or for one that missed twenty thousand messages.
const REPLAYS: Allowance = Allowance::for_one("webhook-replay", 20, TimeDelta::hours(1));

/// Which messages of an endpoint are to be sent anew.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    /// Whose.
    pub endpoint: WebhookEndpointId,
    /// Those written at this time or later.
    pub since: Time,
    /// Also those that were accepted.
    pub delivered: bool,
}

/// Sends a test to an endpoint, now.
///
/// # Errors
/// `EndpointNotFound`, `Disabled`, `Staff(TooManyAttempts)`.
pub async fn test_endpoint(
    cx: &Context,
    by: By,
    id: WebhookEndpointId,
) -> Result<message::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let endpoint = live(&tx, by, id).await?;
    spend(&tx, cx, &BY_HAND, &endpoint).await?;
    let event: EventId = cx.new_id();
    let (actor, kind) = (by.actor(), "webhook_endpoint.tested");
    event::record_as(&tx, cx, event, actor, kind, id, &[]).await?;
    let mut data = Map::new();
    data.insert("webhookEndpointId".to_owned(), id.to_string().into());
    let body = rules::body(Topic::Test, cx.now(), &data);
    let message = write(&tx, cx, &endpoint, event, Topic::Test, body).await?;
    tx.commit().await?;
    Ok(message)
}

/// Sends a message anew, under its own id, with a schedule that begins again.
///
/// # Errors
/// `MessageNotFound`, `UnderWay`, `Disabled`, `Staff(TooManyAttempts)`.
pub async fn replay_message(
    cx: &Context,
    by: By,
    id: WebhookMessageId,
) -> Result<message::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let found = message::Entity::find_by_id(id).one(&tx).await?;
    let found = found.or_refuse(Refusal::MessageNotFound)?;
    // The endpoint first: outcomes are written down in this order, too.
    let endpoint = live(&tx, by, found.endpoint_id)
        .await
        .map_err(|failure| failure.map(to_message))?;
    let found = message::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    let found = found.one(&tx).await?.or_refuse(Refusal::MessageNotFound)?;
    if found.state == MessageState::Pending {
        return refuse(Refusal::UnderWay);
    }
    spend(&tx, cx, &BY_HAND, &endpoint).await?;
    let message = anew(&tx, cx, &endpoint, found).await?;
    event::record(&tx, cx, by.actor(), "webhook_message.replayed", id, &[]).await?;
    tx.commit().await?;
    Ok(message)
}

fn to_message(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::EndpointNotFound => Refusal::MessageNotFound,
        other => other,
    }
}

/// Sends anew what an endpoint missed since a time, the oldest first: a thousand messages at most. How many.
///
/// # Errors
/// `EndpointNotFound`, `Disabled`, `Staff(TooManyAttempts)`.
pub async fn replay_since(cx: &Context, by: By, replay: Replay) -> Result<usize, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let endpoint = live(&tx, by, replay.endpoint).await?;
    spend(&tx, cx, &REPLAYS, &endpoint).await?;
    let states: &[MessageState] = if replay.delivered {
        &[MessageState::Failed, MessageState::Delivered]
    } else {
        &[MessageState::Failed]
    };
    let missed = message::Entity::find()
        .filter(message::Column::EndpointId.eq(replay.endpoint))
        .filter(message::Column::State.is_in(states.iter().copied()))
        .filter(message::Column::CreatedAt.gte(replay.since))
        .order_by_asc(message::Column::CreatedAt)
        .order_by_asc(message::Column::Id)
        .limit(MAX_REPLAYED)
        .lock(LockType::NoKeyUpdate)
        .all(&tx)
        .await?;
    let replayed = missed.len();
    for message in missed {
        anew(&tx, cx, &endpoint, message).await?;
    }
    let refs = [("replayed", replayed.to_string())];
    let kind = "webhook_endpoint.replayed";
    event::record(&tx, cx, by.actor(), kind, replay.endpoint, &refs).await?;
    tx.commit().await?;
    Ok(replayed)
}

/// Counts what one asks for by what all of the brand ask for together.
async fn spend(
    tx: &Tx,
    cx: &Context,
    allowance: &Allowance,
    endpoint: &endpoint::Model,
) -> Result<(), Failure<Refusal>> {
    let spent = allowance.spend_within(tx, cx, &rules::whose(endpoint)).await;
    spent.map_err(|failure| failure.map(Refusal::from))
}

async fn anew(
    tx: &Tx,
    cx: &Context,
    endpoint: &endpoint::Model,
    message: message::Model,
) -> Result<message::Model, DbErr> {
    let (attempts, now) = (message.attempts, cx.now());
    let mut row: message::ActiveModel = message.into();
    row.state = Set(MessageState::Pending);
    row.replayed_at_attempt = Set(attempts);
    row.due_at = Set(Some(now));
    row.settled_at = Set(None);
    let message = row.update(tx).await?;
    enqueue(tx, cx, endpoint, &message, now).await?;
    Ok(message)
}

/// One's own endpoint, locked, if it is told anything.
async fn live(tx: &Tx, by: By, id: WebhookEndpointId) -> Result<endpoint::Model, Failure<Refusal>> {
    let endpoint = owned(tx, by, id).await?;
    if endpoint.disabled_at.is_some() {
        return refuse(Refusal::Disabled);
    }
    Ok(endpoint)
}
