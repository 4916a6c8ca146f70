//! Outgoing webhooks, as clients see them.

mod endpoint;
mod inputs;
mod message;
mod mutation;
mod query;
mod refusal;

use async_graphql::{Context, ID, Result};
use vitrine_domain::{identity, webhook};
use vitrine_model::id::{BrandId, WebhookEndpointId, WebhookMessageId};
use vitrine_model::identity::{Role, Scope};
use vitrine_model::webhook as rows;

use crate::catalog::role_at;
use crate::loaders::{load, loader};
use crate::request::{RequestContext, parse_id};

pub(crate) use endpoint::{WebhookEndpoint, WebhookEndpointConnection, endpoints};
pub(crate) use message::WebhookMessage;
pub use mutation::WebhookMutation;
pub use query::WebhookQuery;

loader!(WebhookEndpointId => rows::endpoint::Model, webhook::endpoints_by_id);
loader!(WebhookMessageId => rows::message::Model, webhook::messages_by_id);

/// Whether the viewer manages the brand, or runs the platform: the platform's own endpoints are its operators' alone. An
/// address may hold a secret of its receiver's, so not everybody who works for a brand sees it; an API key of the brand's
/// does with the scope.
pub(crate) async fn manages(ctx: &Context<'_>, brand: Option<BrandId>) -> Result<bool> {
    let viewer = ctx.viewer();
    let Some(brand) = brand else {
        return Ok(viewer.is_operator());
    };
    if let Some(key) = &viewer.key {
        return Ok(identity::allows_at(key, brand, Scope::WebhooksWrite));
    }
    let role = role_at(ctx, brand).await?;
    Ok(viewer.is_operator() || role.is_some_and(|role| role <= Role::Manager))
}

/// The endpoint with this id, if the viewer may see it.
pub(crate) async fn endpoint_node(ctx: &Context<'_>, id: &ID) -> Result<Option<WebhookEndpoint>> {
    let id: WebhookEndpointId = parse_id(id)?;
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    Ok(manages(ctx, row.brand_id).await?.then_some(WebhookEndpoint(row)))
}

/// The message with this id, if the viewer may see its endpoint.
pub(crate) async fn message_node(ctx: &Context<'_>, id: &ID) -> Result<Option<WebhookMessage>> {
    let id: WebhookMessageId = parse_id(id)?;
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let endpoint = load(ctx, row.endpoint_id).await?;
    let Some(brand) = endpoint.map(|endpoint| endpoint.brand_id) else {
        return Ok(None);
    };
    Ok(manages(ctx, brand)
        .await?
        .then_some(WebhookMessage { row, brand }))
}
