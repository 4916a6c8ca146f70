//! Messages, and the log of their deliveries.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::webhook;
use vitrine_model::id::BrandId;
use vitrine_model::webhook as rows;
use vitrine_model::webhook::{attempt, message};

use crate::access::{Declared, Scope, Subject, Who, keyed};
use crate::connection::{connection, listed, page};
use crate::loaders::load;
use crate::webhook::endpoint::{WebhookEndpoint, WebhookTopic};
use crate::webhook::manages;

/// What became of a message.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::MessageState")]
pub enum WebhookMessageState {
    /// It is to be sent, or to be sent again.
    Pending,
    /// It was accepted, with a status from 200 to 299.
    Delivered,
    /// It is not tried any more: ten attempts failed, or the endpoint was disabled. It can be replayed.
    Failed,
}

/// What an endpoint is told of one event. It is visible to those to whom the endpoint belongs.
#[derive(Debug, Clone)]
pub struct WebhookMessage {
    pub(crate) row: message::Model,
    /// The brand its endpoint belongs to.
    pub(crate) brand: Option<BrandId>,
}

impl Subject for WebhookMessage {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        manages(ctx, self.brand).await
    }
}

/// What an endpoint is told of one event. It is visible to those to whom the endpoint belongs.
#[Object(guard = Declared(self))]
impl WebhookMessage {
    /// Its id, the same over all attempts: the header `webhook-id`. A receiver that has seen it may ignore it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Whom it tells.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn endpoint(&self, ctx: &Context<'_>) -> Result<Option<WebhookEndpoint>> {
        Ok(load(ctx, self.row.endpoint_id).await?.map(WebhookEndpoint))
    }

    /// Of what.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn topic(&self) -> WebhookTopic {
        self.row.topic.into()
    }

    /// The event it tells of: its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn event_id(&self) -> ID {
        self.row.event_id.to_string().into()
    }

    /// The body as it is sent: a JSON object with `type`, `timestamp` and `data`. It carries ids, never personal data.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn body(&self) -> &str {
        &self.row.body
    }

    /// What became of it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn state(&self) -> WebhookMessageState {
        self.row.state.into()
    }

    /// How often it was sent.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn attempt_count(&self) -> i32 {
        self.row.attempts
    }

    /// When it is sent next; `null` when it is not.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.row.due_at
    }

    /// The log of its deliveries, the first first.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn attempts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<WebhookAttemptConnection> {
        let page = page::<i32>(first, after, last, before)?;
        let found = listed(ctx, webhook::attempts_of(self.row.id), page).await?;
        let (number, brand) = (|row: &attempt::Model| row.number, self.brand);
        let node = |row| WebhookAttempt { row, brand };
        Ok(WebhookAttemptConnection::new(found, number, node))
    }

    /// Since when it is there.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it was accepted or given up; `null` while it is pending.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn settled_at(&self) -> Option<DateTime<Utc>> {
        self.row.settled_at
    }
}

connection!(
    WebhookMessageConnection,
    WebhookMessageEdge,
    WebhookMessage,
    "messages to a webhook endpoint, the newest first"
);

/// One time that a message was sent. It is visible to those to whom the endpoint belongs.
#[derive(Debug, Clone)]
pub struct WebhookAttempt {
    row: attempt::Model,
    brand: Option<BrandId>,
}

impl Subject for WebhookAttempt {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        manages(ctx, self.brand).await
    }
}

/// One time that a message was sent. It is visible to those to whom the endpoint belongs.
#[Object(guard = Declared(self))]
impl WebhookAttempt {
    /// The how manieth of the message's, from 1.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn number(&self) -> i32 {
        self.row.number
    }

    /// The HTTP status of the answer; `null` when there was none.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn status(&self) -> Option<i32> {
        self.row.status
    }

    /// Why there was no answer, in plain English; `null` when there was one.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn error(&self) -> Option<&str> {
        self.row.error.as_deref()
    }

    /// The first KiB of the answer's body, as text.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn answer(&self) -> Option<&str> {
        self.row.answer.as_deref()
    }

    /// How long it took, in milliseconds.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn duration(&self) -> i32 {
        i32::try_from(self.row.took_ms).unwrap_or(i32::MAX)
    }

    /// When it was sent.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn sent_at(&self) -> DateTime<Utc> {
        self.row.sent_at
    }
}

connection!(
    WebhookAttemptConnection,
    WebhookAttemptEdge,
    WebhookAttempt,
    "attempts to deliver a message, the first first"
);
