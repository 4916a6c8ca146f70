//! From an event to a message for each endpoint that wants to be told of it.

use std::collections::HashSet;

use anyhow::Context as _;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
};
use vitrine_model::event;
use vitrine_model::id::{EventId, WebhookEndpointId, WebhookMessageId};
use vitrine_model::webhook::{MessageState, Topic, endpoint, message};

use crate::context::{Context, Tx};
use crate::jobs::{self, Job};
use crate::webhook::concern::concern;
use crate::webhook::rules;

/// Whether any endpoint wants to be told of events of this kind.
///
/// # Errors
/// When the database fails.
pub(crate) async fn listens_to(db: &impl ConnectionTrait, kind: &str) -> Result<bool, DbErr> {
    match rules::topic(kind) {
        // Who tries an endpoint makes the message herself.
        None | Some(Topic::Test) => Ok(false),
        Some(topic) => is_wanted(db, topic).await,
    }
}

async fn is_wanted(db: &impl ConnectionTrait, topic: Topic) -> Result<bool, DbErr> {
    let wanted = endpoint::Entity::find()
        .select_only()
        .column(endpoint::Column::Id)
        .filter(wants(topic))
        .limit(1)
        .into_tuple::<WebhookEndpointId>()
        .one(db)
        .await?;
    Ok(wanted.is_some())
}

fn wants(topic: Topic) -> Condition {
    Condition::all().add(endpoint::Column::Topics.contains(format!(" {topic} ")))
}

/// Makes a message for each endpoint that wants to be told of the event and may be, once.
pub(crate) async fn dispatch(cx: &Context, id: EventId) -> anyhow::Result<()> {
    let event = event::Entity::find()
        .filter(event::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .with_context(|| format!("no event {id}"))?;
    let Some(topic) = rules::topic(&event.kind).filter(|topic| *topic != Topic::Test) else {
        return Ok(());
    };
    if !is_wanted(cx.db(), topic).await? {
        return Ok(());
    }
    let concern = concern(cx.db(), &event, topic).await?;
    let whose = Condition::any()
        .add(endpoint::Column::BrandId.is_null())
        .add(endpoint::Column::BrandId.is_in(concern.brands().iter().copied()));
    let tx = cx.begin().await?;
    let endpoints = endpoint::Entity::find()
        .filter(wants(topic))
        .filter(whose)
        .all(&tx)
        .await?;
    let told = message::Entity::find().filter(message::Column::EventId.eq(id));
    let told: HashSet<_> = told
        .all(&tx)
        .await?
        .into_iter()
        .map(|row| row.endpoint_id)
        .collect();
    for endpoint in endpoints.iter().filter(|endpoint| !told.contains(&endpoint.id)) {
        let data = concern.data(endpoint.brand_id);
        let body = rules::body(topic, event.occurred_at, &data);
        write(&tx, cx, endpoint, id, topic, body).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Writes a message down. To an endpoint that is disabled it is not sent, but can be replayed.
pub(super) async fn write(
    tx: &Tx,
    cx: &Context,
    endpoint: &endpoint::Model,
    event: EventId,
    topic: Topic,
    body: String,
) -> Result<message::Model, DbErr> {
    let (id, now): (WebhookMessageId, _) = (cx.new_id(), cx.now());
    let live = endpoint.disabled_at.is_none();
    let row = message::ActiveModel {
        id: Set(id),
        endpoint_id: Set(endpoint.id),
        event_id: Set(event),
        topic: Set(topic),
        body: Set(body),
        state: Set(if live {
            MessageState::Pending
        } else {
            MessageState::Failed
        }),
        attempts: Set(0),
        replayed_at_attempt: Set(0),
        due_at: Set(live.then_some(now)),
        created_at: Set(now),
        settled_at: Set((!live).then_some(now)),
    };
    let message = row.insert(tx).await?;
    if live {
        enqueue(tx, cx, endpoint, &message, now).await?;
    }
    Ok(message)
}

/// The message's next attempt is made then.
pub(super) async fn enqueue(
    tx: &Tx,
    cx: &Context,
    endpoint: &endpoint::Model,
    message: &message::Model,
    at: vitrine_model::Time,
) -> Result<(), DbErr> {
    let job = Job::WebhookDeliver {
        message: message.id.to_string(),
        attempt: message.attempts + 1,
        group: rules::whose(endpoint),
    };
    jobs::enqueue(tx, cx, &job, at, None).await
}
