//! Ledger, as clients see it.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Query fields of this domain.
#[derive(Default)]
pub struct LedgerQuery;

impl Subject for LedgerQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl LedgerQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn ledger_query_placeholder(&self) -> bool {
        true
    }
}
