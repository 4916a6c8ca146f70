//! Shop, as clients see it.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Query fields of this domain.
#[derive(Default)]
pub struct ShopQuery;

impl Subject for ShopQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl ShopQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_query_placeholder(&self) -> bool {
        true
    }
}

/// Mutation fields of this domain.
#[derive(Default)]
pub struct ShopMutation;

impl Subject for ShopMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl ShopMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop_mutation_placeholder(&self) -> bool {
        true
    }
}
