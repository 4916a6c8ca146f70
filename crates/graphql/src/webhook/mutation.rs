//! What changes webhooks.

use async_graphql::{Context, ID, Object, Result};
use secrecy::ExposeSecret;
use vitrine_domain::webhook::{self, WithSecret};
use vitrine_model::webhook::message;

use crate::access::{Declared, Scope, Subject, Who, access, keyed, root_part};
use crate::error::{UserError, answer, payload};
use crate::loaders::load;
use crate::request::{RequestContext, parse_id};
use crate::webhook::endpoint::WebhookEndpoint;
use crate::webhook::inputs::{
    WebhookEndpointCreateInput, WebhookEndpointInput, WebhookEndpointSecretRotateInput,
    WebhookEndpointUpdateInput, WebhookMessageReplayInput, WebhookMessagesReplayInput,
};
use crate::webhook::message::WebhookMessage;

/// Declares the payload of a mutation that makes a secret.
macro_rules! secret_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(std::result::Result<(WebhookEndpoint, String), [UserError; 1]>);

        impl From<std::result::Result<WithSecret, UserError>> for $name {
            fn from(outcome: std::result::Result<WithSecret, UserError>) -> Self {
                let told = |made: WithSecret| (WebhookEndpoint(made.endpoint), made.secret.expose_secret().to_owned());
                Self(outcome.map(told).map_err(|error| [error]))
            }
        }

        impl Subject for $name {}

        $(#[$doc])*
        #[Object(guard = Declared(self))]
        impl $name {
            /// The endpoint.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn webhook_endpoint(&self) -> Option<&WebhookEndpoint> {
                self.0.as_ref().ok().map(|made| &made.0)
            }

            /// What its messages are signed with, `whsec_…`. It is told this once: keep it, and keep it secret.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn secret(&self) -> Option<&str> {
                self.0.as_ref().ok().map(|made| made.1.as_str())
            }

            /// Why nothing was changed; empty when all went well.
            #[graphql(directive = access::apply(Who::Anyone))]
            async fn user_errors(&self) -> &[UserError] {
                self.0.as_ref().err().map_or(&[], |errors| errors)
            }
        }
    };
}

secret_payload! {
    /// What came of `webhookEndpointCreate`.
    WebhookEndpointCreatePayload
}
secret_payload! {
    /// What came of `webhookEndpointSecretRotate`.
    WebhookEndpointSecretRotatePayload
}
payload! {
    /// What came of `webhookEndpointUpdate`.
    WebhookEndpointUpdatePayload {
        /// The endpoint as it is now.
        webhook_endpoint: WebhookEndpoint
    }
}
payload! {
    /// What came of `webhookEndpointDelete`.
    WebhookEndpointDeletePayload {
        /// The id of what was removed.
        deleted_id: ID
    }
}
payload! {
    /// What came of `webhookEndpointDisable`.
    WebhookEndpointDisablePayload {
        /// The endpoint as it is now.
        webhook_endpoint: WebhookEndpoint
    }
}
payload! {
    /// What came of `webhookEndpointEnable`.
    WebhookEndpointEnablePayload {
        /// The endpoint as it is now.
        webhook_endpoint: WebhookEndpoint
    }
}
payload! {
    /// What came of `webhookEndpointTest`.
    WebhookEndpointTestPayload {
        /// The test: ask for it again by its id to see how it went.
        webhook_message: WebhookMessage
    }
}
payload! {
    /// What came of `webhookMessageReplay`.
    WebhookMessageReplayPayload {
        /// The message, to be sent now.
        webhook_message: WebhookMessage
    }
}
payload! {
    /// What came of `webhookMessagesReplay`.
    WebhookMessagesReplayPayload {
        /// How many messages are sent anew.
        replayed: i32
    }
}

root_part! {
    /// Mutations on webhooks.
    WebhookMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl WebhookMutation {
    /// Makes an endpoint that is told of what happens from now on. Its messages follow Standard Webhooks: the headers
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, and a JSON body of `type`, `timestamp` and `data`. What it
    /// does not accept within 15 seconds, with a status from 200 to 299, is sent again after 5 seconds, 5 and 30 minutes, 2, 5,
    /// 10, 14, 20 and 24 hours, each up to a fifth later. For a brand's owners and managers; for operators. Codes:
    /// `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `LIMIT_REACHED` (20 a brand).
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointCreateInput,
    ) -> Result<WebhookEndpointCreatePayload> {
        answer(ctx, async {
            let (by, new) = (ctx.by()?, input.parse()?);
            Ok(webhook::create_endpoint(ctx.cx(), by, new).await?)
        })
        .await
    }

    /// Changes an endpoint. Codes: `INVALID`, `NOT_FOUND`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointUpdateInput,
    ) -> Result<WebhookEndpointUpdatePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            let changed = webhook::update_endpoint(ctx.cx(), by, id, input.parse()?).await?;
            Ok(WebhookEndpoint(changed))
        })
        .await
    }

    /// Removes an endpoint with all its messages and their log. Codes: `NOT_FOUND`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_delete(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointInput,
    ) -> Result<WebhookEndpointDeletePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            let deleted = webhook::delete_endpoint(ctx.cx(), by, id).await?;
            Ok(ID::from(deleted.id.to_string()))
        })
        .await
    }

    /// Tells an endpoint nothing until it is enabled again: what is pending has failed then. Codes: `NOT_FOUND`,
    /// `WRONG_STATE`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_disable(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointInput,
    ) -> Result<WebhookEndpointDisablePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            let disabled = webhook::disable_endpoint(ctx.cx(), by, id).await?;
            Ok(WebhookEndpoint(disabled))
        })
        .await
    }

    /// Tells a disabled endpoint of what happens from now on. What it missed stays failed: `webhookMessagesReplay` sends it.
    /// Codes: `NOT_FOUND`, `WRONG_STATE`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_enable(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointInput,
    ) -> Result<WebhookEndpointEnablePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            let enabled = webhook::enable_endpoint(ctx.cx(), by, id).await?;
            Ok(WebhookEndpoint(enabled))
        })
        .await
    }

    /// Gives an endpoint a new secret. For 24 hours messages carry a signature by the one before as well, so that no
    /// message is refused while you change it. During that time it is refused, for the secret that your receiver has would
    /// sign no more; with `revokeOld` the new secret alone signs, at once and at any time. Codes: `NOT_FOUND`,
    /// `WRONG_STATE`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_secret_rotate(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointSecretRotateInput,
    ) -> Result<WebhookEndpointSecretRotatePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            Ok(webhook::rotate_secret(ctx.cx(), by, id, input.revoke_old).await?)
        })
        .await
    }

    /// Sends a message of the topic `TEST` to an endpoint, now. Within 15 minutes a brand may send 60 tests and single
    /// messages anew. Codes: `NOT_FOUND`, `WRONG_STATE`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_endpoint_test(
        &self,
        ctx: &Context<'_>,
        input: WebhookEndpointInput,
    ) -> Result<WebhookEndpointTestPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            let sent = webhook::test_endpoint(ctx.cx(), by, id).await?;
            Ok(seen(ctx, sent).await?)
        })
        .await
    }

    /// Sends a message anew that was accepted or has failed, under its own id. Within 15 minutes a brand may send
    /// 60 tests and single messages anew. Codes: `NOT_FOUND`, `WRONG_STATE`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_message_replay(
        &self,
        ctx: &Context<'_>,
        input: WebhookMessageReplayInput,
    ) -> Result<WebhookMessageReplayPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            let sent = webhook::replay_message(ctx.cx(), by, id).await?;
            Ok(seen(ctx, sent).await?)
        })
        .await
    }

    /// Sends anew what an endpoint missed since a time, the oldest first: 1000 messages at most, so ask again when there
    /// were as many, 20 times an hour for a brand. Codes: `NOT_FOUND`, `WRONG_STATE`, `TOO_MANY_ATTEMPTS`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::WebhooksWrite))]
    async fn webhook_messages_replay(
        &self,
        ctx: &Context<'_>,
        input: WebhookMessagesReplayInput,
    ) -> Result<WebhookMessagesReplayPayload> {
        answer(ctx, async {
            let (by, replay) = (ctx.by()?, input.parse()?);
            let replayed = webhook::replay_since(ctx.cx(), by, replay).await?;
            Ok(i32::try_from(replayed).unwrap_or(i32::MAX))
        })
        .await
    }
}

/// The message as its endpoint's owners see it.
async fn seen(ctx: &Context<'_>, row: message::Model) -> Result<WebhookMessage> {
    let endpoint = load(ctx, row.endpoint_id).await?;
    let brand = endpoint.and_then(|endpoint| endpoint.brand_id);
    Ok(WebhookMessage { row, brand })
}
