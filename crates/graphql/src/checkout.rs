//! Checkout, as clients see it.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Query fields of this domain.
#[derive(Default)]
pub struct CheckoutQuery;

impl Subject for CheckoutQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl CheckoutQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn checkout_query_placeholder(&self) -> bool {
        true
    }
}

/// Mutation fields of this domain.
#[derive(Default)]
pub struct CheckoutMutation;

impl Subject for CheckoutMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl CheckoutMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn checkout_mutation_placeholder(&self) -> bool {
        true
    }
}
