//! What clients see. The only crate that knows async-graphql; it may not know HTTP, Stripe or the environment.
//!
//! One file per domain, each with its objects (newtypes round rows), inputs and resolvers. A resolver parses, makes one
//! domain call and settles. What any field may be read by is declared on it and enforced in [`access`].

mod access;
mod activity;
mod batches;
mod coercion;
mod connection;
mod cookies;
mod documents;
mod error;
mod execute;
mod guard;
mod instant;
mod loaders;
mod money;
mod node;
mod parsed;
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
mod subscribe;
mod subscription;
mod webhook;

use std::sync::Arc;

use async_graphql::{MergedObject, Schema};

pub use cookies::CookieChange;
pub use documents::Documents;
pub use error::{UserError, code, protocol_error};
pub use execute::{Answer, Caller, Operation, REFRESH, error_body, execute, fault_body, request_error};
pub use subscribe::{Opened, Subscription, is_subscription, subscribe};
pub use subscription::SubscriptionRoot;

/// The root of all queries.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    identity::IdentityQuery,
    identity::InvitationQuery,
    identity::ExternalQuery,
    catalog::CatalogQuery,
    catalog::ImportQuery,
    shop::ShopQuery,
    checkout::CheckoutQuery,
    ledger::LedgerQuery,
    payout::PayoutQuery,
    reconciliation::ReconciliationQuery,
    jobs::JobQuery,
    activity::ActivityQuery,
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
pub type VitrineSchema = Schema<Query, Mutation, SubscriptionRoot>;

/// The schema, with the documents it executes and how much each may ask for.
#[derive(Clone)]
pub struct Api {
    schema: VitrineSchema,
    documents: Arc<Documents>,
    parsed: Arc<parsed::Parsed>,
    limits: Limits,
}

impl Api {
    /// Builds the schema.
    pub fn new(limits: Limits, documents: Documents) -> Self {
        Self {
            schema: schema(limits),
            documents: Arc::new(documents),
            parsed: Arc::default(),
            limits,
        }
    }
}

/// How much one request may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Levels of nesting.
    pub depth: usize,
    /// Summed cost of fields, a list's cost being its page size times its element's.
    pub complexity: usize,
    /// Fields of an answer, and rows of its lists whose length nobody can tell before they are read: the complexity counts
    /// these as if they were short.
    pub fields: usize,
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
            fields: 100_000,
            aliases: 50,
            directives: 10,
            introspection: true,
        }
    }
}

fn schema(limits: Limits) -> VitrineSchema {
    let builder = Schema::build(Query::default(), Mutation::default(), SubscriptionRoot)
        .directive(access::Described)
        .override_input_type_description::<instant::Instant>(instant::DESCRIPTION)
        .data(access::Declarations::default())
        .extension(execute::Watch)
        .limit_depth(limits.depth)
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
