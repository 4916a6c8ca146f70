//! Debts that were written off, and whose cause came to nothing since: a refund failed, or a bank gave back what it had taken.
//!
//! Had the money never been taken from the party, it would have paid what she was let off afterwards. So she gets it back
//! less that, and what she was let off is due to the platform again: nobody is paid twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use vitrine_model::Time;
use vitrine_model::id::{AdjustmentId, OrderId};
use vitrine_model::ledger::adjustment::{self, AdjustmentKind};
use vitrine_model::ledger::{AccountKind, Party, debt_return};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::post::Entry;

/// What caused debts and has come to nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause<'a> {
    /// The ledger's key of what undid it.
    pub(super) key: &'a str,
    /// The order it is about.
    pub(super) order: OrderId,
    /// Since when it had taken money.
    pub(super) since: Time,
}

/// Takes from each party that has more to spend, or owes less, than `before` what it was let off since the cause, as far
/// as that goes (`{key}:due_again`).
///
/// # Errors
/// When the database fails.
pub(super) async fn take(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    before: &BTreeMap<Party, i64>,
    cause: Cause<'_>,
) -> anyhow::Result<()> {
    let mut gained: BTreeMap<Party, i64> = books.spendable();
    for (party, had) in before {
        *gained.entry(*party).or_default() -= had;
    }
    gained.retain(|_, gained| *gained > 0);
    let standing = standing(tx, gained.keys().copied(), books.currency(), cause.since).await?;
    let key = format!("{}:due_again", cause.key);
    let mut entry = Entry::new(books, "debt.due_again", key, cx.now()).about("order", cause.order);
    let mut rows = Vec::new();
    for (row, party, stands) in standing {
        let left = gained.entry(party).or_default();
        let amount = stands.min(*left);
        if amount > 0 {
            *left -= amount;
            entry.take(party, amount, 0, None);
            entry.credit(AccountKind::ExpenseBadDebt, amount, None);
            let row = debt_return::Model {
                adjustment_id: row,
                cause: cause.key.to_owned(),
                amount,
                created_at: cx.now(),
            };
            rows.push(row.into_active_model().reset_all());
        }
    }
    if !rows.is_empty() {
        entry.post(tx, cx).await?;
        debt_return::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// How much of what it let a party off is due again already. The party's accounts are locked by this, so that it stays so.
///
/// # Errors
/// When the database fails.
pub(super) async fn so_far(tx: &Tx, cx: &Context, of: &adjustment::Model) -> Result<i64, DbErr> {
    Books::open(tx, cx, of.currency, of.party).await?;
    Ok(returned(tx, [of.id]).await?.values().sum())
}

/// What the parties were let off since then and did not come to owe again, the oldest first.
async fn standing(
    tx: &Tx,
    parties: impl Iterator<Item = Party>,
    currency: Currency,
    since: Time,
) -> Result<Vec<(AdjustmentId, Party, i64)>, DbErr> {
    let let_off = adjustment::Entity::find()
        .filter(adjustment::Column::Kind.eq(AdjustmentKind::WriteOff))
        .filter(adjustment::Column::Party.is_in(parties))
        .filter(adjustment::Column::Currency.eq(currency))
        .filter(adjustment::Column::CreatedAt.gte(since))
        .order_by_asc(adjustment::Column::CreatedAt)
        .order_by_asc(adjustment::Column::Id)
        .all(tx)
        .await?;
    let ids = || let_off.iter().map(|row| row.id);
    let corrected: HashSet<AdjustmentId> = adjustment::Entity::find()
        .filter(adjustment::Column::Corrects.is_in(ids()))
        .all(tx)
        .await?
        .into_iter()
        .filter_map(|row| row.corrects)
        .collect();
    let returned = returned(tx, ids()).await?;
    let standing = let_off.iter().filter(|row| !corrected.contains(&row.id));
    let standing = standing.filter_map(|row| {
        let stands = row.amount - returned.get(&row.id).copied().unwrap_or(0);
        Some((row.id, row.party?, stands))
    });
    Ok(standing.collect())
}

/// What is due again of each of these.
async fn returned(
    tx: &Tx,
    of: impl IntoIterator<Item = AdjustmentId>,
) -> Result<HashMap<AdjustmentId, i64>, DbErr> {
    let rows = debt_return::Entity::find()
        .filter(debt_return::Column::AdjustmentId.is_in(of))
        .all(tx)
        .await?;
    let mut returned = HashMap::new();
    for row in rows {
        *returned.entry(row.adjustment_id).or_default() += row.amount;
    }
    Ok(returned)
}
