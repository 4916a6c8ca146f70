//! Parcels and returns, as clients see them.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Mutations on this.
#[derive(Default)]
pub struct FulfillmentMutation;

impl Subject for FulfillmentMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl FulfillmentMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn fulfillment_mutation_placeholder(&self) -> bool {
        true
    }
}
