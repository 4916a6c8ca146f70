//! What parties' balances were at some transaction, read for many parties at once from what each posting tells.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, ExprTrait, FromQueryResult,
    QueryFilter, QuerySelect,
};
use vitrine_model::ledger::{AccountKind, Party, Side, account, posting, transaction};
use vitrine_model::money::Currency;

use crate::ledger::rules::rules_of;
use crate::ledger::statement::{Balance, Change, PAID_OUT, StatementPage};
use crate::list::{List, PageOf};
use crate::page::{Page, Slice};

/// Sums read with one statement at most: SQLite takes five hundred.
const AT_ONCE: usize = 100;

/// What a transaction did to one party, as far as its postings tell.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) currency: Currency,
    pub(super) changes: Vec<Change>,
}

/// A party's books in one currency once transaction `at` was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) party: Party,
    pub(super) currency: Currency,
    pub(super) at: i64,
}

/// What a party has in all, and was paid out in all, minor units.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    pub(super) total: i64,
    pub(super) paid_out: i64,
}

/// Parties' accounts.
pub(super) struct Accounts(Vec<(Party, account::Model)>);

/// A transaction that some account was part of.
#[derive(Debug, Clone, FromQueryResult)]
struct Touching {
    transaction_id: i64,
}

/// What one transaction did to one account.
#[derive(Debug, FromQueryResult)]
struct Moved {
    transaction_id: i64,
    account_id: i64,
    debits: i64,
    last: i64,
}

impl Accounts {
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        parties: impl Iterator<Item = Party>,
    ) -> Result<Self, DbErr> {
        let owners: BTreeSet<String> = parties.map(|party| party.to_string()).collect();
        let found = account::Entity::find()
            .filter(account::Column::Owner.is_in(owners))
            .all(db)
            .await?;
        let owned = found.into_iter();
        Ok(Self(
            owned
                .filter_map(|account| Some((account.owner.parse().ok()?, account)))
                .collect(),
        ))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.0.iter().map(|(_, account)| account.id)
    }

    fn hers(&self, party: Party, currency: Option<Currency>) -> impl Iterator<Item = &account::Model> {
        let of_party = self.0.iter().filter(move |(owner, _)| *owner == party);
        of_party
            .map(|(_, account)| account)
            .filter(move |account| currency.is_none_or(|currency| account.currency == currency))
    }

    /// The transactions of each page. A party has a handful of accounts; each is read by its own index as far as the page
    /// reaches.
    pub(super) async fn slices(
        &self,
        db: &DatabaseConnection,
        pages: &[StatementPage],
    ) -> Result<Vec<Slice<i64>>, DbErr> {
        let backend = db.get_database_backend();
        let of = |page: &StatementPage| -> Vec<PageOf<Touching>> {
            let accounts = self.hers(page.party, page.currency);
            accounts
                .map(|account| touching(account.id).page(backend, &page.page))
                .collect()
        };
        let wanted: Vec<PageOf<Touching>> = pages.iter().flat_map(of).collect();
        let found = PageOf::read(db, &wanted).await?;
        Ok(pages
            .iter()
            .map(|page| {
                let own = of(page);
                merge(&page.page, own.iter().filter_map(|list| found.get(list)))
            })
            .collect())
    }

    /// What each of the transactions did to each party's balances.
    pub(super) async fn drafts(
        &self,
        db: &impl ConnectionTrait,
        transactions: &[i64],
    ) -> anyhow::Result<HashMap<(Party, i64), Draft>> {
        let debits = Expr::cust("cast(sum(case when side = 'debit' then amount else -amount end) as bigint)");
        let moved = posting::Entity::find()
            .select_only()
            .columns([posting::Column::TransactionId, posting::Column::AccountId])
            .column_as(debits, "debits")
            .column_as(posting::Column::Id.max(), "last")
            .filter(posting::Column::TransactionId.is_in(transactions.iter().copied()))
            .filter(posting::Column::AccountId.is_in(self.ids()))
            .group_by(posting::Column::TransactionId)
            .group_by(posting::Column::AccountId)
            .into_model::<Moved>()
            .all(db)
            .await?;
        let after = balances_after(db, &moved).await?;
        let accounts: HashMap<i64, &(Party, account::Model)> =
            self.0.iter().map(|owned| (owned.1.id, owned)).collect();
        let mut drafts: HashMap<(Party, i64), Draft> = HashMap::new();
        for moved in moved {
            let (party, account) = accounts.get(&moved.account_id).context("another's account")?;
            let (balance, sign) = Balance::of(account.kind);
            let change = match rules_of(account.kind).normal {
                Side::Debit => moved.debits,
                Side::Credit => -moved.debits,
            };
            let after = after.get(&moved.last).copied().flatten();
            let after = after.context("a posting that does not tell its balance")?;
            let draft = drafts
                .entry((*party, moved.transaction_id))
                .or_insert_with(|| Draft {
                    currency: account.currency,
                    changes: Vec::new(),
                });
            draft.changes.push(Change {
                balance,
                amount: sign * change,
                after: sign * after,
            });
        }
        Ok(drafts)
    }

    /// How the parties stood at each mark.
    pub(super) async fn standing(
        &self,
        db: &DatabaseConnection,
        marks: &[Mark],
    ) -> anyhow::Result<HashMap<Mark, Standing>> {
        let backend = db.get_database_backend();
        let last = |account: &account::Model, mark: &Mark| {
            let page = Page {
                beyond: Some((mark.at, i64::MAX)),
                ..Page::first(1)
            };
            postings_of(account.id).page(backend, &page)
        };
        let wanted: Vec<PageOf<posting::Model>> = marks
            .iter()
            .flat_map(|mark| {
                let accounts = self.hers(mark.party, Some(mark.currency));
                accounts.map(|account| last(account, mark)).collect::<Vec<_>>()
            })
            .collect();
        let found = PageOf::read(db, &wanted).await?;
        let paid_out = self.paid_out(db, marks).await?;
        let mut standing = HashMap::new();
        for (mark, paid_out) in marks.iter().zip(paid_out) {
            let mut total = 0;
            for account in self.hers(mark.party, Some(mark.currency)) {
                let posting = found
                    .get(&last(account, mark))
                    .and_then(|slice| slice.rows.first());
                let after = posting.and_then(|posting| posting.balance_after).unwrap_or(0);
                total += Balance::of(account.kind).1 * after;
            }
            standing.insert(*mark, Standing { total, paid_out });
        }
        Ok(standing)
    }

    /// What payouts had brought each, less what was taken back: there is no account for what has left.
    async fn paid_out(&self, db: &impl ConnectionTrait, marks: &[Mark]) -> Result<Vec<i64>, DbErr> {
        let mut paid_out = vec![0; marks.len()];
        for (chunk, marks) in marks.chunks(AT_ONCE).enumerate() {
            let sums = marks.iter().enumerate().map(|(which, mark)| {
                let ways = [AccountKind::InTransit, AccountKind::Recovering];
                let accounts = self.hers(mark.party, Some(mark.currency));
                let crossed = accounts.filter(|account| ways.contains(&account.kind));
                sum_paid_out(which, crossed.map(|account| account.id), mark.at)
            });
            let Some(together) = sums.reduce(|mut together, sum| {
                together.union(UnionType::All, sum);
                together
            }) else {
                continue;
            };
            for row in db.query_all(&together).await? {
                let which = usize::try_from(row.try_get::<i32>("", "which_mark")?).unwrap_or(usize::MAX);
                if let Some(sum) = paid_out.get_mut(which.saturating_add(chunk * AT_ONCE)) {
                    *sum = row.try_get("", "paid_out")?;
                }
            }
        }
        Ok(paid_out)
    }
}

/// From a party's few postings to their transactions, never the other way about.
fn sum_paid_out(which: usize, accounts: impl Iterator<Item = i64>, at: i64) -> SelectStatement {
    let posted = |column: posting::Column| Expr::col((posting::Entity, column));
    let made = |column: transaction::Column| Expr::col((transaction::Entity, column));
    let debits =
        Expr::cust("cast(coalesce(sum(case when side = 'debit' then amount else -amount end), 0) as bigint)");
    Query::select()
        .expr_as(Expr::cust(which.to_string()), Alias::new("which_mark"))
        .expr_as(debits, Alias::new("paid_out"))
        .from(posting::Entity)
        .inner_join(
            transaction::Entity,
            made(transaction::Column::Id).equals((posting::Entity, posting::Column::TransactionId)),
        )
        .and_where(posted(posting::Column::AccountId).is_in(accounts))
        .and_where(posted(posting::Column::TransactionId).lte(at))
        .and_where(made(transaction::Column::Kind).is_in(PAID_OUT))
        .to_owned()
}

fn touching(account: i64) -> List<Touching, i64> {
    let transactions = posting::Entity::find()
        .select_only()
        .column(posting::Column::TransactionId)
        .distinct()
        .filter(posting::Column::AccountId.eq(account));
    List::new(
        transactions,
        true,
        &[posting::Column::TransactionId],
        |place: &i64| vec![(*place).into()],
    )
}

fn postings_of(account: i64) -> List<posting::Model, (i64, i64)> {
    let postings = posting::Entity::find().filter(posting::Column::AccountId.eq(account));
    List::new(
        postings,
        true,
        &[posting::Column::TransactionId, posting::Column::Id],
        |place: &(i64, i64)| vec![place.0.into(), place.1.into()],
    )
}

/// The page of all accounts together, made of the same page of each.
fn merge<'a>(page: &Page<i64>, slices: impl Iterator<Item = &'a Slice<Touching>>) -> Slice<i64> {
    let mut more = false;
    let mut ids = BTreeSet::new();
    for slice in slices {
        more |= if page.backward {
            slice.has_previous
        } else {
            slice.has_next
        };
        ids.extend(slice.rows.iter().map(|row| row.transaction_id));
    }
    let mut ids: Vec<i64> = ids.into_iter().collect();
    if !page.backward {
        ids.reverse();
    }
    let mut cut = page.cut(ids);
    if page.backward {
        cut.has_previous |= more;
    } else {
        cut.has_next |= more;
    }
    cut
}

async fn balances_after(
    db: &impl ConnectionTrait,
    moved: &[Moved],
) -> Result<HashMap<i64, Option<i64>>, DbErr> {
    let found: Vec<(i64, Option<i64>)> = posting::Entity::find()
        .select_only()
        .columns([posting::Column::Id, posting::Column::BalanceAfter])
        .filter(posting::Column::Id.is_in(moved.iter().map(|moved| moved.last)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}
