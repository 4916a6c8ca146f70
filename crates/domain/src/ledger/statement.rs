//! What a party may read of the books: one entry for each transaction that concerns her, with what it did to each of her
//! balances, and what she has in all after it.
//!
//! Every entry adds up: what she has in all changes by the sum of the changes of what is held, available, on its way and
//! owed. A debt is negative money. What was paid out is hers no longer, and so not among it; but it is told beside it.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
};
use uuid::Uuid;
use vitrine_model::Time;
use vitrine_model::id::{OrderId, PayoutId, RefundId, StatementEntryId};
use vitrine_model::ledger::{AccountKind, Party, account, posting};
use vitrine_model::money::Currency;

use crate::ledger::standing::{Accounts, Draft, Mark, Standing};
use crate::ledger::told::Told;
use crate::ledger::words::describe;
use crate::list::CountOf;
use crate::page::{Page, Slice};
use crate::secret;

/// The effects that move money out to a party, or back from her.
pub(super) const PAID_OUT: [&str; 2] = ["payout.made", "reversal.made"];

/// Which of a party's balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Balance {
    /// Not hers yet: return windows are open.
    Held,
    /// What the next payout may send.
    Available,
    /// On its way.
    InTransit,
    /// Frozen by a dispute.
    Disputed,
    /// What she owes; zero or below.
    Owed,
    /// What of her debt is being taken back from a payout; zero or below.
    Recovering,
    /// What payouts brought her, less what was taken back. Not among what she has in all.
    PaidOut,
}

impl Balance {
    /// The balance that an account of a party's keeps, and the sign with which it counts.
    pub(super) fn of(kind: AccountKind) -> (Self, i64) {
        match kind {
            AccountKind::Available => (Self::Available, 1),
            AccountKind::InTransit => (Self::InTransit, 1),
            AccountKind::Disputed => (Self::Disputed, 1),
            AccountKind::Receivable => (Self::Owed, -1),
            AccountKind::Recovering => (Self::Recovering, -1),
            _ => (Self::Held, 1),
        }
    }
}

/// What an entry did to one balance, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which balance.
    pub balance: Balance,
    /// By how much it changed.
    pub amount: i64,
    /// What it was then.
    pub after: i64,
}

/// What one transaction of the books did to one party's money.
#[derive(Debug, Clone)]
pub struct StatementEntry {
    /// Its place: higher is later.
    pub place: i64,
    /// Its id, the same whenever it is read.
    pub id: StatementEntryId,
    /// When it happened.
    pub occurred_at: Time,
    /// In which currency.
    pub currency: Currency,
    /// What happened, in words.
    pub description: String,
    /// By how much what she has in all changed, minor units.
    pub amount: i64,
    /// What she had in all after it, of this currency, minor units.
    pub total_after: i64,
    /// What it did to each balance, in the order of money's way.
    pub changes: Vec<Change>,
    /// The order concerned, and its number.
    pub order: Option<(OrderId, String)>,
    /// The payout concerned.
    pub payout: Option<PayoutId>,
    /// The refund concerned.
    pub refund: Option<RefundId>,
    /// Stripe's id of the transfer that paid out, or is taken back.
    pub transfer: Option<String>,
}

/// One page of a party's statement: of one currency, where one is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatementPage {
    /// Whose.
    pub party: Party,
    /// Only entries of this currency.
    pub currency: Option<Currency>,
    /// Which.
    pub page: Page<i64>,
}

/// Pages of parties' statements, in the order asked for; a statement begins with the latest entry. The number of database
/// statements grows neither with the pages nor with what was sold.
///
/// # Errors
/// When the database fails.
pub async fn statements(
    db: &DatabaseConnection,
    pages: &[StatementPage],
) -> anyhow::Result<Vec<Slice<StatementEntry>>> {
    let accounts = Accounts::of(db, pages.iter().map(|page| page.party)).await?;
    let slices = accounts.slices(db, pages).await?;
    let mut ids: Vec<i64> = slices
        .iter()
        .flat_map(|slice| slice.rows.iter().copied())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let told = Told::of(db, &ids, accounts.ids()).await?;
    let drafts = accounts.drafts(db, &ids).await?;
    let wanted: Vec<Mark> = pages
        .iter()
        .zip(&slices)
        .flat_map(|(page, slice)| marks(page.party, slice, &drafts))
        .collect();
    let standing = accounts.standing(db, &wanted).await?;
    let mut statements = Vec::with_capacity(pages.len());
    for (page, slice) in pages.iter().zip(slices) {
        let mut running: BTreeMap<Currency, Standing> = marks(page.party, &slice, &drafts)
            .map(|mark| (mark.currency, standing.get(&mark).copied().unwrap_or_default()))
            .collect();
        let mut rows = Vec::with_capacity(slice.rows.len());
        for id in slice.rows {
            let draft = drafts.get(&(page.party, id)).cloned();
            let draft = draft.context("a transaction without postings")?;
            rows.push(entry(page.party, &told, id, draft, &mut running)?);
        }
        statements.push(Slice {
            rows,
            has_next: slice.has_next,
            has_previous: slice.has_previous,
        });
    }
    Ok(statements)
}

/// How many entries a party's statement has, as far as they are counted.
pub fn statement_count(backend: DbBackend, party: Party, currency: Option<Currency>) -> CountOf {
    let mut hers = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(account::Column::Owner.eq(party.to_string()));
    if let Some(currency) = currency {
        hers = hers.filter(account::Column::Currency.eq(currency));
    }
    let transactions = posting::Entity::find()
        .select_only()
        .column(posting::Column::TransactionId)
        .distinct()
        .filter(posting::Column::AccountId.in_subquery(hers.into_query()));
    CountOf::new(backend, transactions.into_query())
}

/// The latest transaction of each currency on the page: from there its balances run back.
fn marks(
    party: Party,
    slice: &Slice<i64>,
    drafts: &HashMap<(Party, i64), Draft>,
) -> impl Iterator<Item = Mark> {
    let mut latest: BTreeMap<Currency, i64> = BTreeMap::new();
    for id in &slice.rows {
        if let Some(draft) = drafts.get(&(party, *id)) {
            // The list begins with the latest.
            latest.entry(draft.currency).or_insert(*id);
        }
    }
    latest
        .into_iter()
        .map(move |(currency, at)| Mark { party, currency, at })
}

/// The entry, its running balances taken from `running`, which then stands before it: entries come the latest first.
fn entry(
    party: Party,
    told: &Told,
    id: i64,
    mut draft: Draft,
    running: &mut BTreeMap<Currency, Standing>,
) -> anyhow::Result<StatementEntry> {
    let transaction = told.transaction(id)?;
    let running = running.entry(draft.currency).or_default();
    let amount = draft.changes.iter().map(|change| change.amount).sum();
    if PAID_OUT.contains(&transaction.kind.as_str()) {
        let crossed = |change: &&Change| matches!(change.balance, Balance::InTransit | Balance::Recovering);
        let paid_out: i64 = draft
            .changes
            .iter()
            .filter(crossed)
            .map(|change| -change.amount)
            .sum();
        draft.changes.push(Change {
            balance: Balance::PaidOut,
            amount: paid_out,
            after: running.paid_out,
        });
        running.paid_out -= paid_out;
    }
    draft.changes.sort_by_key(|change| change.balance);
    let total_after = running.total;
    running.total -= amount;
    let subject = told.subject(party, transaction);
    Ok(StatementEntry {
        place: id,
        id: entry_id(party, &transaction.key),
        occurred_at: transaction.occurred_at,
        currency: draft.currency,
        description: describe(&transaction.kind, &draft.changes, &subject),
        amount,
        total_after,
        changes: draft.changes,
        order: subject.order.map(|(id, number)| (id, number.to_owned())),
        payout: subject.payout,
        refund: subject.refund,
        transfer: subject.transfer.map(str::to_owned),
    })
}

/// Two parties read different entries of one transaction, so the id is made of both.
fn entry_id(party: Party, key: &str) -> StatementEntryId {
    let hash = secret::sha256(format!("{party}\n{key}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(bytes).into()
}
