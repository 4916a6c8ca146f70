//! What is asked of webhooks.

use async_graphql::{ID, InputObject, MaybeUndefined};
use vitrine_domain::webhook::{EndpointChange, NewEndpoint, Replay};
use vitrine_model::webhook::Topic;

use crate::error::{Trouble, at, at_change, at_opt};
use crate::instant::Instant;
use crate::request::parse_id;
use crate::webhook::endpoint::WebhookTopic;

/// An endpoint to be made.
#[derive(InputObject)]
pub struct WebhookEndpointCreateInput {
    /// Whose it is, which decides what it is told of. Left out for one of the platform's own, which operators make.
    brand_id: Option<ID>,
    /// Where messages go: an address that starts with `https://` and leads to the open internet.
    url: String,
    /// What it is told of: one topic at least.
    topics: Vec<WebhookTopic>,
    /// What you call it; 255 characters at most.
    description: Option<String>,
}

impl WebhookEndpointCreateInput {
    pub(super) fn parse(self) -> Result<NewEndpoint, Trouble> {
        Ok(NewEndpoint {
            brand: self.brand_id.as_ref().map(parse_id).transpose()?,
            url: at("url", self.url.parse())?,
            description: at_opt("description", self.description.as_deref())?,
            topics: self.topics.into_iter().map(Topic::from).collect(),
        })
    }
}

/// What is to be different about an endpoint; what is left out stays.
#[derive(InputObject)]
pub struct WebhookEndpointUpdateInput {
    /// The endpoint.
    pub(super) id: ID,
    /// Where messages go from now on, those under way too.
    url: Option<String>,
    /// What it is told of from now on: one topic at least.
    topics: Option<Vec<WebhookTopic>>,
    /// What you call it; 255 characters at most. `null` takes it away.
    description: MaybeUndefined<String>,
}

impl WebhookEndpointUpdateInput {
    pub(super) fn parse(self) -> Result<EndpointChange, Trouble> {
        let topics = self.topics;
        Ok(EndpointChange {
            url: at_opt("url", self.url.as_deref())?,
            description: at_change("description", &self.description)?,
            topics: topics.map(|topics| topics.into_iter().map(Topic::from).collect()),
        })
    }
}

/// One of your endpoints.
#[derive(InputObject)]
pub struct WebhookEndpointInput {
    /// The endpoint.
    pub(super) id: ID,
}

/// The endpoint that is to have another secret.
#[derive(InputObject)]
pub struct WebhookEndpointSecretRotateInput {
    /// The endpoint.
    pub(super) id: ID,
    /// For a secret that leaked: from now on the new one alone signs, and receivers refuse messages until they have it. By
    /// default the one before signs as well for 24 hours.
    #[graphql(default)]
    pub(super) revoke_old: bool,
}

/// One of your endpoints' messages.
#[derive(InputObject)]
pub struct WebhookMessageReplayInput {
    /// The message.
    pub(super) id: ID,
}

/// Which of an endpoint's messages are to be sent anew.
#[derive(InputObject)]
pub struct WebhookMessagesReplayInput {
    /// The endpoint.
    endpoint_id: ID,
    /// Those written at this time or later.
    since: Instant,
    /// Also those that were accepted; by default only those that failed.
    #[graphql(default)]
    include_delivered: bool,
}

impl WebhookMessagesReplayInput {
    pub(super) fn parse(&self) -> Result<Replay, Trouble> {
        Ok(Replay {
            endpoint: parse_id(&self.endpoint_id)?,
            since: self.since.0,
            delivered: self.include_delivered,
        })
    }
}
