//! What parties have, and their statements, as clients see them. They hang on `Account` and `Brand`, which say who may
//! read them.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::ledger::{self, Line};
use vitrine_domain::page::{Page, Slice};
use vitrine_model::ledger::{AccountKind, Party};

use crate::access::{Declared, Subject, Who, access};
use crate::connection::{Listed, connection, page};
use crate::loaders::{LoadError, Loaders, load};
use crate::money::{CurrencyCode, Money};
use crate::request::RequestContext;

/// What someone has earned in one currency, and where it is.
#[derive(Debug, Clone)]
pub struct Earnings(ledger::Earnings);

impl Subject for Earnings {}

/// What someone has earned in one currency, and where it is.
#[Object(guard = Declared(self))]
impl Earnings {
    /// The currency of all its amounts.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn currency(&self) -> CurrencyCode {
        self.0.currency.into()
    }

    /// Earned, but held until return windows close.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn held(&self) -> Money {
        Money::new(self.0.held, self.0.currency)
    }

    /// What the next payout may send.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn available(&self) -> Money {
        Money::new(self.0.available, self.0.currency)
    }

    /// Sent, but not confirmed yet.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn in_transit(&self) -> Money {
        Money::new(self.0.in_transit, self.0.currency)
    }

    /// What payouts have brought so far, less what was taken back after refunds.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn paid_out(&self) -> Money {
        Money::new(self.0.paid_out, self.0.currency)
    }

    /// Owed after refunds of what was paid out already; later earnings pay it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn owed(&self) -> Money {
        Money::new(self.0.owed, self.0.currency)
    }

    /// When something held is next due to become available; `null` when nothing that is held has shipped.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn next_release_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_release
    }
}

/// Which balance a line of a statement changed.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum StatementBalance {
    /// Held until return windows close.
    Held,
    /// What the next payout may send.
    Available,
    /// Sent, but not confirmed yet.
    InTransit,
    /// Frozen by a dispute.
    Disputed,
    /// Owed after a refund.
    Owed,
    /// Owed, and being taken back from a payout.
    Recovering,
}

/// One change of one balance. A sale's release is two lines: less is held, more is available.
#[derive(Debug, Clone)]
pub struct StatementLine(Line);

impl Subject for StatementLine {}

/// One change of one balance. A sale's release is two lines: less is held, more is available.
#[Object(guard = Declared(self))]
impl StatementLine {
    /// When it happened.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.0.occurred_at
    }

    /// What happened, in plain English.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The balance it changed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn balance(&self) -> StatementBalance {
        match self.0.balance {
            AccountKind::Available => StatementBalance::Available,
            AccountKind::InTransit => StatementBalance::InTransit,
            AccountKind::Disputed => StatementBalance::Disputed,
            AccountKind::Receivable => StatementBalance::Owed,
            AccountKind::Recovering => StatementBalance::Recovering,
            _ => StatementBalance::Held,
        }
    }

    /// By how much that balance changed; negative when there is less of it. More `OWED` is no good news.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn amount(&self) -> Money {
        Money(self.0.amount)
    }

    /// The number of the order concerned, as people read it out.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_number(&self) -> Option<&str> {
        self.0.order.as_ref().map(|(_, number)| number.as_str())
    }

    /// The id of the order concerned.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn order_id(&self) -> Option<ID> {
        self.0.order.as_ref().map(|(id, _)| id.to_string().into())
    }

    /// The id of the payout concerned.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn payout_id(&self) -> Option<ID> {
        self.0.payout.map(|id| id.to_string().into())
    }

    /// The id of the refund concerned.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn refund_id(&self) -> Option<ID> {
        self.0.refund.map(|id| id.to_string().into())
    }
}

connection!(
    StatementConnection,
    StatementEdge,
    StatementLine,
    "lines of a statement, the latest first"
);

/// Key: what a party has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EarningsOf(Party);

impl Loader<EarningsOf> for Loaders {
    type Value = Vec<ledger::Earnings>;
    type Error = LoadError;

    async fn load(&self, keys: &[EarningsOf]) -> Result<HashMap<EarningsOf, Self::Value>, LoadError> {
        let parties: Vec<Party> = keys.iter().map(|key| key.0).collect();
        let found = ledger::earnings_of(self.cx.db(), &parties)
            .await
            .map_err(|error| Arc::new(error.into()))?;
        Ok(found
            .into_iter()
            .map(|(party, earnings)| (EarningsOf(party), earnings))
            .collect())
    }
}

/// Key: one page of a party's statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StatementOf(Party, Page<i64>);

impl Loader<StatementOf> for Loaders {
    type Value = Slice<Line>;
    type Error = LoadError;

    async fn load(&self, keys: &[StatementOf]) -> Result<HashMap<StatementOf, Slice<Line>>, LoadError> {
        let pages: Vec<_> = keys.iter().map(|key| (key.0, key.1.clone())).collect();
        let found = ledger::statements(self.cx.db(), &pages).await;
        let found = found.map_err(|error| Arc::new(error.into()))?;
        Ok(keys.iter().cloned().zip(found).collect())
    }
}

/// What `party` has, by currency; for fields of those whom it belongs to.
pub(crate) async fn earnings(ctx: &Context<'_>, party: Party) -> Result<Vec<Earnings>> {
    let earnings = load(ctx, EarningsOf(party)).await?.unwrap_or_default();
    Ok(earnings.into_iter().map(Earnings).collect())
}

/// A page of the statement of `party`; for fields of those whom it belongs to.
pub(crate) async fn statement(
    ctx: &Context<'_>,
    party: Party,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<StatementConnection> {
    let page = page(first, after, last, before)?;
    let slice = load(ctx, StatementOf(party, page.clone())).await?;
    let lines = Listed {
        slice: slice.unwrap_or_else(|| page.cut(Vec::new())),
        count: ledger::statement_count(ctx.cx().backend(), party),
    };
    Ok(StatementConnection::new(lines, |line| line.place, StatementLine))
}
