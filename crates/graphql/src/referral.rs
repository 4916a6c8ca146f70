//! Referral, as clients see it.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Query fields of this domain.
#[derive(Default)]
pub struct ReferralQuery;

impl Subject for ReferralQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
}

#[Object(guard = Declared(self))]
impl ReferralQuery {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn referral_query_placeholder(&self) -> bool {
        true
    }
}

/// Mutation fields of this domain.
#[derive(Default)]
pub struct ReferralMutation;

impl Subject for ReferralMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl ReferralMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn referral_mutation_placeholder(&self) -> bool {
        true
    }
}
