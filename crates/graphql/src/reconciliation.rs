//! How the books stand against the payment provider's, as operators see it.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::reconcile;
use vitrine_model::reconciliation::difference;

use crate::access::{Declared, Subject, Who, access, root_part};
use crate::connection::{TimePlace, connection, listed, page, place, unplace};
use crate::error::settle;
use crate::money::Money;
use crate::request::RequestContext;

/// What does not agree.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "difference::DifferenceKind")]
pub enum DifferenceKind {
    /// The payment provider's balance in a currency is not what the books say. Subject: the currency.
    Cash,
    /// A charge, refund, transfer or reversal whose movement never came, or a movement that none of them explains.
    /// Subject: the payment provider's id of it.
    Clearing,
    /// A movement of a kind that is not understood. Subject: that kind.
    Suspense,
    /// A call whose outcome is still unknown. Subject: the call's id.
    Intent,
    /// An object that could not be dealt with. Subject: its id.
    Object,
    /// A payment nobody asked for that should have gone back, and whose refund failed: its buyer is still owed.
    /// Subject: the payment provider's id of the charge.
    Owed,
}

/// Something on which the books and the payment provider do not agree.
#[derive(Debug, Clone)]
pub struct Difference(difference::Model);

impl Subject for Difference {}

/// Something on which the books and the payment provider do not agree.
#[Object(guard = Declared(self))]
impl Difference {
    /// Its id.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What does not agree.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn kind(&self) -> DifferenceKind {
        self.0.kind.into()
    }

    /// What it is about; see its kind.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What the payment provider says, less what the books say, or what is owed, where it is about money.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn amount(&self) -> Option<Money> {
        let (amount, currency) = (self.0.amount?, self.0.currency?);
        Some(Money::new(amount, currency))
    }

    /// What else there is to say, in plain English.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// Since when it is known.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn first_seen_at(&self) -> DateTime<Utc> {
        self.0.first_seen_at
    }

    /// When it was last seen.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.0.last_seen_at
    }
}

connection!(
    DifferenceConnection,
    DifferenceEdge,
    Difference,
    "differences, the oldest first"
);

/// How the books stand against the payment provider's.
#[derive(Debug, Clone, Copy)]
pub struct Reconciliation;

impl Subject for Reconciliation {}

/// How the books stand against the payment provider's.
#[Object(guard = Declared(self))]
impl Reconciliation {
    /// When the two were last compared to the end; `null` when they never were.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn last_run_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        settle(ctx, reconcile::last_run(ctx.cx().db()).await)
    }

    /// What did not agree then, the oldest first.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn differences(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<DifferenceConnection> {
        let page = page::<TimePlace>(first, after, last, before)?.map(place);
        let open = listed(ctx, reconcile::differences(), page).await?;
        let at = |row: &difference::Model| unplace((row.first_seen_at, row.id));
        Ok(DifferenceConnection::new(open, at, Difference))
    }
}

root_part! {
    /// Query fields about reconciliation.
    ReconciliationQuery of "Query"
}

#[Object(guard = Declared(self))]
impl ReconciliationQuery {
    /// How the books stand against the payment provider's.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn reconciliation(&self) -> Reconciliation {
        Reconciliation
    }
}
