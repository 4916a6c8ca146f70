//! Payout, as clients see it.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Query fields of this domain.
#[derive(Default)]
pub struct PayoutQuery;

impl Subject for PayoutQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl PayoutQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn payout_query_placeholder(&self) -> bool {
        true
    }
}

/// Mutation fields of this domain.
#[derive(Default)]
pub struct PayoutMutation;

impl Subject for PayoutMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl PayoutMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn payout_mutation_placeholder(&self) -> bool {
        true
    }
}
