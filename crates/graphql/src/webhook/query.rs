//! Query fields about webhooks.

use async_graphql::{Context, Object, Result};

use crate::access::{Declared, Who, access, root_part};
use crate::connection::page;
use crate::webhook::endpoint::{WebhookEndpointConnection, endpoints};

root_part! {
    /// Query fields about webhooks.
    WebhookQuery of "Query"
}

#[Object(guard = Declared(self))]
impl WebhookQuery {
    /// The platform's own webhook endpoints, the oldest first. A brand's are at `Brand.webhookEndpoints`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<WebhookEndpointConnection> {
        endpoints(ctx, None, page(first, after, last, before)?).await
    }
}
