//! What clients see. The only crate that knows async-graphql; it may not know HTTP, Stripe or the environment.
//!
//! One file per domain, each with its objects (newtypes round rows), inputs and resolvers. A resolver parses, makes one
//! domain call and settles. What any field may be read by is declared on it and enforced in [`access`].

mod access;
mod batches;
mod connection;
mod cookies;
mod error;
mod execute;
mod guard;
mod loaders;
mod money;
mod node;
mod request;
mod variables;
mod whole_number;

mod catalog;
mod checkout;
mod identity;
mod jobs;
mod ledger;
mod payout;
mod privacy;
mod reconciliation;
mod referral;
mod shop;
mod webhook;

use async_graphql::{EmptySubscription, MergedObject, Schema};

pub use cookies::CookieChange;
pub use error::{UserError, code, protocol_error};
pub use execute::{Answer, Operation, error_body, execute, fault_body, request_error};

/// The root of all queries.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    identity::IdentityQuery,
    catalog::CatalogQuery,
    catalog::ImportQuery,
    shop::ShopQuery,
    checkout::CheckoutQuery,
    ledger::LedgerQuery,
    payout::PayoutQuery,
    reconciliation::ReconciliationQuery,
    jobs::JobQuery,
    webhook::WebhookQuery,
    privacy::PrivacyQuery,
);

/// The root of all mutations.
#[derive(MergedObject, Default)]
pub struct Mutation(
    identity::IdentityMutation,
    catalog::CatalogMutation,
    catalog::ImportMutation,
    shop::ShopMutation,
    referral::ReferralMutation,
    checkout::CheckoutMutation,
    ledger::LedgerMutation,
    payout::PayoutMutation,
    webhook::WebhookMutation,
    privacy::PrivacyMutation,
);

/// Vitrine's schema.
pub type VitrineSchema = Schema<Query, Mutation, EmptySubscription>;

/// Documents kept for clients that name them by their hash.
const PERSISTED_DOCUMENTS: usize = 500;

/// How much one request may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Levels of nesting.
    pub depth: usize,
    /// Summed cost of fields, a list's cost being its page size times its element's.
    pub complexity: usize,
    /// Aliases.
    pub aliases: usize,
    /// Directives on one field.
    pub directives: usize,
    /// Whether the schema may be asked about.
    pub introspection: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 15,
            complexity: 20_000,
            aliases: 50,
            directives: 10,
            introspection: true,
        }
    }
}

/// Builds the schema.
pub fn schema(limits: Limits) -> VitrineSchema {
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .directive(access::Described)
        .extension(
            async_graphql::extensions::apollo_persisted_queries::ApolloPersistedQueries::new(
                async_graphql::extensions::apollo_persisted_queries::LruCacheStorage::new(
                    PERSISTED_DOCUMENTS,
                ),
            ),
        )
        .extension(execute::Watch)
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_aliases(limits.aliases)
        .limit_directives(limits.directives);
    let builder = if limits.introspection {
        builder
    } else {
        builder.disable_introspection().disable_suggestions()
    };
    builder.finish()
}

/// The contract: the whole schema in the schema definition language, as committed in `schema.graphql`.
pub fn sdl() -> String {
    schema(Limits::default()).sdl()
}
