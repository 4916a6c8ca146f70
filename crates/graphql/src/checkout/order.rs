//! Orders, as clients see them.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_model::checkout::order;

use crate::access::{Declared, Subject, Who, access};
use crate::request::RequestContext;

/// What a buyer agreed to pay for. It belongs to the buyer: her account, or whoever holds the guest's secret.
#[derive(Debug, Clone)]
pub struct Order(pub(crate) order::Model);

impl Subject for Order {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        let viewer = ctx.viewer();
        let buyer = viewer.account_id().is_some() && viewer.account_id() == self.0.account_id;
        let guest =
            viewer.guest.as_ref() == Some(&self.0.secret_hash) && self.0.secret_expires_at > ctx.cx().now();
        Ok(buyer || guest)
    }
}

/// What a buyer agreed to pay for. It belongs to the buyer: her account, or whoever holds the guest's secret.
#[Object(guard = Declared(self))]
impl Order {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What people read out on the phone.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn number(&self) -> &str {
        &self.0.number
    }

    /// When checkout started.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Queries for orders.
#[derive(Default)]
pub struct OrderQuery;

impl Subject for OrderQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl OrderQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_query_placeholder(&self) -> Option<Order> {
        None
    }
}

/// Mutations on orders.
#[derive(Default)]
pub struct OrderMutation;

impl Subject for OrderMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl OrderMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_mutation_placeholder(&self) -> bool {
        true
    }
}
