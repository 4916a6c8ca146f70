//! What parties have, and their statements, as clients see them. They hang on `Account` and `Brand`, which say who may
//! read them.

mod adjustment;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::ledger::{self, Change, StatementPage};
use vitrine_domain::page::{Page, Slice};
use vitrine_model::ledger::Party;
use vitrine_model::money::Currency;

use crate::access::{Declared, Subject, Who, access};
use crate::connection::{Listed, connection};
use crate::loaders::{LoadError, Loaders, load, rows};
use crate::money::{CurrencyCode, Money};
use crate::request::RequestContext;

pub(crate) use adjustment::{Adjustment, adjustment_node};
pub use adjustment::{LedgerMutation, LedgerQuery};

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

    /// Frozen while buyers' banks dispute payments.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn disputed(&self) -> Money {
        Money::new(self.0.disputed, self.0.currency)
    }

    /// What payouts have brought so far, less what was taken back after refunds and lost disputes.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn paid_out(&self) -> Money {
        Money::new(self.0.paid_out, self.0.currency)
    }

    /// Owed after refunds and lost disputes of what was paid out already; later earnings pay it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn owed(&self) -> Money {
        Money::new(self.0.owed, self.0.currency)
    }

    /// What of her shops' earnings goes on to those who curate them with her, once a return window closes: among what is
    /// held, or frozen. Zero for brands.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn to_pass_on(&self) -> Money {
        Money::new(self.0.to_pass_on, self.0.currency)
    }

    /// What will come to her of shops that she curates with their owners, once return windows close and unless buyers get
    /// their money back. Not among her own balances yet. Zero for brands.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn to_be_shared(&self) -> Money {
        Money::new(self.0.to_be_shared, self.0.currency)
    }

    /// Held, available, in transit and disputed, less what is owed: the `balance` of the statement's latest entry.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn total(&self) -> Money {
        Money::new(self.0.total(), self.0.currency)
    }

    /// When something held is next due to become available; `null` when nothing that is held has shipped.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn next_release_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_release
    }
}

/// One of a party's balances.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "ledger::Balance")]
pub enum StatementBalance {
    /// Held until return windows close.
    Held,
    /// What the next payout may send.
    Available,
    /// Sent, but not confirmed yet.
    InTransit,
    /// Frozen by a dispute.
    Disputed,
    /// Owed after a refund: zero or below.
    Owed,
    /// Owed, and being taken back from a payout: zero or below.
    Recovering,
    /// What payouts have brought, less what was taken back. It has left, and so does not count to `balance` of an entry.
    PaidOut,
}

/// What an entry of a statement did to one balance.
#[derive(Debug, Clone, Copy)]
pub struct StatementChange {
    change: Change,
    currency: Currency,
}

impl Subject for StatementChange {}

/// What an entry of a statement did to one balance.
#[Object(guard = Declared(self))]
impl StatementChange {
    /// The balance it changed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn balance(&self) -> StatementBalance {
        self.change.balance.into()
    }

    /// By how much; below zero when there is less of it. Owing more is below zero.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn amount(&self) -> Money {
        Money::new(self.change.amount, self.currency)
    }

    /// What that balance was after it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn balance_after(&self) -> Money {
        Money::new(self.change.after, self.currency)
    }
}

/// What one thing that happened did to someone's money: a sale, a fee, a release, a refund, a payout.
#[derive(Debug, Clone)]
pub struct StatementEntry(ledger::StatementEntry);

impl Subject for StatementEntry {}

/// What one thing that happened did to someone's money: a sale, a fee, a release, a refund, a payout.
#[Object(guard = Declared(self))]
impl StatementEntry {
    /// Its id, the same whenever it is read.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When it happened.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.0.occurred_at
    }

    /// What happened, in plain English. Of a sale it also says when its earnings may be spent, as far as is known now.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// By how much it changed all there is: held, available, in transit and disputed, less what is owed. Zero where money only moved
    /// from one balance to another; below zero where it was paid out.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn amount(&self) -> Money {
        Money::new(self.0.amount, self.0.currency)
    }

    /// All there was after it, in this currency: held, available, in transit and disputed, less what was owed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn balance(&self) -> Money {
        Money::new(self.0.total_after, self.0.currency)
    }

    /// What it did to each balance.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "3 * child_complexity")]
    async fn changes(&self) -> Vec<StatementChange> {
        let currency = self.0.currency;
        let changes = self.0.changes.iter();
        changes
            .map(|change| StatementChange {
                change: *change,
                currency,
            })
            .collect()
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

    /// The payment provider's id of the transfer that paid out, or that was or is to be taken back.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn transfer_id(&self) -> Option<&str> {
        self.0.transfer.as_deref()
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
    StatementEntry,
    "entries of a statement, the latest first"
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

/// What `party` has, by currency; for fields of those whom it belongs to.
pub(crate) async fn earnings(ctx: &Context<'_>, party: Party) -> Result<Vec<Earnings>> {
    let earnings = rows(ctx, EarningsOf(party)).await?;
    Ok(earnings.into_iter().map(Earnings).collect())
}

/// Key: one page of a party's statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StatementOf(StatementPage);

impl Loader<StatementOf> for Loaders {
    type Value = Slice<ledger::StatementEntry>;
    type Error = LoadError;

    async fn load(&self, keys: &[StatementOf]) -> Result<HashMap<StatementOf, Self::Value>, LoadError> {
        let pages: Vec<StatementPage> = keys.iter().map(|key| key.0.clone()).collect();
        let found = ledger::statements(self.cx.db(), &pages).await;
        let found = found.map_err(Arc::new)?;
        Ok(keys.iter().cloned().zip(found).collect())
    }
}

/// A page of the statement of `party`; for fields of those whom it belongs to.
pub(crate) async fn statement(
    ctx: &Context<'_>,
    party: Party,
    currency: Option<CurrencyCode>,
    page: Page<i64>,
) -> Result<StatementConnection> {
    let currency = currency.map(Into::into);
    let wanted = StatementPage {
        party,
        currency,
        page: page.clone(),
    };
    let slice = load(ctx, StatementOf(wanted)).await?;
    let entries = Listed {
        slice: slice.unwrap_or_else(|| page.cut(Vec::new())),
        count: ledger::statement_count(ctx.cx().backend(), party, currency),
    };
    Ok(StatementConnection::new(
        entries,
        |entry| entry.place,
        StatementEntry,
    ))
}
