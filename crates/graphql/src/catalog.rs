//! Catalog, as clients see it.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Query fields of this domain.
#[derive(Default)]
pub struct CatalogQuery;

impl Subject for CatalogQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl CatalogQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn catalog_query_placeholder(&self) -> bool {
        true
    }
}

/// Mutation fields of this domain.
#[derive(Default)]
pub struct CatalogMutation;

impl Subject for CatalogMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl CatalogMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn catalog_mutation_placeholder(&self) -> bool {
        true
    }
}
