//! Refunds, as clients see them.

use async_graphql::Object;

use crate::access::{Declared, Subject, Who, access};

/// Mutations on this.
#[derive(Default)]
pub struct RefundMutation;

impl Subject for RefundMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl RefundMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn refund_mutation_placeholder(&self) -> bool {
        true
    }
}
