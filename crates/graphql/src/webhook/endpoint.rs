//! Endpoints.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::page::Page;
use vitrine_domain::webhook;
use vitrine_model::id::{BrandId, WebhookEndpointId};
use vitrine_model::webhook as rows;
use vitrine_model::webhook::{endpoint, message};

use crate::access::{Declared, Scope, Subject, Who, keyed};
use crate::catalog::Brand;
use crate::connection::{TimePlace, connection, listed, page, place, unplace};
use crate::loaders::load;
use crate::webhook::manages;
use crate::webhook::message::{WebhookMessage, WebhookMessageConnection, WebhookMessageState};

/// What an endpoint may be told of. The body of a message has it as `type`, and in `data` the ids named here, beside
/// `brandId` for a brand's endpoint and `brandIds` for the platform's own.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::Topic")]
pub enum WebhookTopic {
    /// `order.paid`: an order was paid. `orderId`.
    OrderPaid,
    /// `order.cancelled`: a paid order was called off before it was shipped. `orderId`.
    OrderCancelled,
    /// `order.shipped`: a parcel is on its way. `orderId`, `fulfillmentId`.
    OrderShipped,
    /// `order.delivered`: a parcel arrived. `orderId`, `fulfillmentId`.
    OrderDelivered,
    /// `return.requested`: a buyer wants to send something back. `orderId`, `returnId`.
    ReturnRequested,
    /// `return.approved`: the brand said yes. `orderId`, `returnId`.
    ReturnApproved,
    /// `return.declined`: the brand said no. `orderId`, `returnId`.
    ReturnDeclined,
    /// `refund.requested`: money is to go back to a buyer. `orderId`, `refundId`.
    RefundRequested,
    /// `refund.succeeded`: money went back to a buyer. `orderId`, `refundId`.
    RefundSucceeded,
    /// `refund.failed`: money did not go back to a buyer. `orderId`, `refundId`.
    RefundFailed,
    /// `dispute.opened`: a buyer's bank asks about a payment, or has taken it back. `orderId`, `disputeId`.
    DisputeOpened,
    /// `dispute.closed`: a dispute, or an inquiry, has ended; more than once when the bank corrects itself. `orderId`,
    /// `disputeId`.
    DisputeClosed,
    /// `payout.paid`: a payout was sent. `payoutId`, `partyId`.
    PayoutPaid,
    /// `payout.refused`: a payout was refused. `payoutId`, `partyId`.
    PayoutRefused,
    /// `payout.reversed`: a payout was taken back, in part or whole. `payoutId`, `partyId`.
    PayoutReversed,
    /// `payout_account.restricted`: a payout account can receive nothing any more. `payoutAccountId`, `partyId`.
    PayoutAccountRestricted,
    /// `earnings.released`: earnings may be paid out. `partyId`.
    EarningsReleased,
    /// `import.done`: a product file was read. `productImportId`.
    ImportDone,
    /// `import.failed`: a product file could not be read. `productImportId`.
    ImportFailed,
    /// `product.updated`: a product was changed by hand. `productId`.
    ProductUpdated,
    /// `variant.updated`: a variant was changed by hand. `productId`, `variantId`.
    VariantUpdated,
    /// `variant.stock_set`: a variant's pieces were counted. `productId`, `variantId`.
    StockSet,
    /// `webhook.test`: somebody tries the endpoint. It is told of this anyway: no endpoint asks for it.
    /// `webhookEndpointId`.
    Test,
}

/// Why an endpoint is told nothing.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::Disabled")]
pub enum WebhookDisabledReason {
    /// Somebody wanted it so.
    Manual,
    /// It answered with status 410: it wants nothing more.
    Gone,
    /// It accepted nothing for five days.
    Failing,
}

/// An address that is told of what happens, by Standard Webhooks (<https://www.standardwebhooks.com>). It belongs to the owners
/// and managers of its brand; one without a brand to the operators.
#[derive(Debug, Clone)]
pub struct WebhookEndpoint(pub(crate) endpoint::Model);

impl Subject for WebhookEndpoint {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        manages(ctx, self.0.brand_id).await
    }
}

/// An address that is told of what happens, by Standard Webhooks (<https://www.standardwebhooks.com>). It belongs to the owners
/// and managers of its brand; one without a brand to the operators.
#[Object(guard = Declared(self))]
impl WebhookEndpoint {
    /// Its id.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose it is; `null` for the platform's own, which are told of everything.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        match self.0.brand_id {
            Some(brand) => Ok(load::<BrandId>(ctx, brand).await?.map(Brand)),
            None => Ok(None),
        }
    }

    /// Where messages go.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn url(&self) -> &str {
        self.0.url.as_str()
    }

    /// What people call it.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn description(&self) -> Option<&str> {
        self.0.description.as_ref().map(|text| text.as_str())
    }

    /// What it is told of.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn topics(&self) -> Vec<WebhookTopic> {
        let topics = webhook::topics(&self.0).into_iter();
        topics.map(WebhookTopic::from).collect()
    }

    /// Since when it is told nothing; `null` while it is told. What happens meanwhile is written down as failed messages.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn disabled_at(&self) -> Option<DateTime<Utc>> {
        self.0.disabled_at
    }

    /// Why it is told nothing; `null` while it is told.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn disabled_reason(&self) -> Option<WebhookDisabledReason> {
        self.0.disabled.map(WebhookDisabledReason::from)
    }

    /// Since when every attempt failed; `null` when the last one did not. After five days it is disabled.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.0.failing_since
    }

    /// When its secret took over from the one before; `null` while it has its first. For 24 hours from then messages are
    /// signed with both.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn secret_rotated_at(&self) -> Option<DateTime<Utc>> {
        self.0.rotated_at
    }

    /// Its messages, the newest first. They are kept for 30 days, or as the operator has set.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] state: Option<WebhookMessageState>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<WebhookMessageConnection> {
        let page = page::<TimePlace>(first, after, last, before)?.map(place);
        let brand = self.0.brand_id;
        let found = listed(ctx, webhook::messages_of(self.0.id, state.map(Into::into)), page).await?;
        let at = |row: &message::Model| unplace((row.created_at, row.id));
        let node = |row| WebhookMessage { row, brand };
        Ok(WebhookMessageConnection::new(found, at, node))
    }

    /// When it was made.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::WebhooksWrite))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection!(
    WebhookEndpointConnection,
    WebhookEndpointEdge,
    WebhookEndpoint,
    "webhook endpoints, the oldest first"
);

/// A brand's endpoints, or the platform's own.
pub(crate) async fn endpoints(
    ctx: &Context<'_>,
    brand: Option<BrandId>,
    page: Page<u128>,
) -> Result<WebhookEndpointConnection> {
    let page = page.map(|place| WebhookEndpointId::from(uuid::Uuid::from_u128(place)));
    let found = listed(ctx, webhook::endpoints_of(brand), page).await?;
    let at = |row: &endpoint::Model| vitrine_model::id::Id::uuid(row.id).as_u128();
    Ok(WebhookEndpointConnection::new(found, at, WebhookEndpoint))
}
