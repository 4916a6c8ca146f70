//! Whether the transactions balance, and are what they were when they were written. Each posting is read once for it.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use vitrine_model::id::UnitId;
use vitrine_model::ledger::{Side, account, block, posting, transaction};
use vitrine_model::money::Currency;

use super::since::Scope;
use super::{Check, RANGE};
use crate::context::Tx;
use crate::ledger::post::{canonical_hash, canonical_line};
use crate::ledger::seal::block_hash;

/// Accounts remembered at once.
const REMEMBERED: usize = 10_000;

/// What a posting says: transaction, account, side, amount, currency, unit.
type Said = (i64, i64, Side, i64, Currency, Option<UnitId>);

pub(super) async fn checks(tx: &Tx, scope: Scope) -> anyhow::Result<Vec<Check>> {
    let mut transactions = Transactions::new(scope);
    let mut accounts = Accounts::default();
    let mut after = scope.floor.saturating_sub(1);
    loop {
        let chunk = transaction::Entity::find()
            .filter(transaction::Column::Id.gt(after))
            .order_by_asc(transaction::Column::Id)
            .limit(RANGE)
            .all(tx)
            .await?;
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
            break;
        };
        after = last.id;
        let said = said(tx, first.id, last.id).await?;
        accounts.remember(tx, &said).await?;
        transactions.examine(chunk, said, &accounts);
    }
    let Transactions {
        balanced,
        currencies,
        unchanged,
    } = transactions;
    Ok(vec![balanced, currencies, unchanged, chained(tx, scope).await?])
}

/// The checks of single transactions.
struct Transactions {
    balanced: Check,
    currencies: Check,
    unchanged: Check,
}

impl Transactions {
    fn new(scope: Scope) -> Self {
        let check = |invariant, name| Check::new(invariant, name).within(scope);
        Self {
            balanced: check(
                1,
                "in every transaction debits equal credits, over two postings or more",
            ),
            currencies: check(1, "every posting is above zero and in its account's currency"),
            unchanged: check(2, "no transaction or posting was changed since it was written"),
        }
    }

    fn examine(&mut self, chunk: Vec<transaction::Model>, said: Vec<Said>, accounts: &Accounts) {
        self.balanced.examined(chunk.len());
        self.unchanged.examined(chunk.len());
        self.currencies.examined(said.len());
        let mut by_transaction: HashMap<i64, Vec<Said>> = HashMap::with_capacity(chunk.len());
        for said in said {
            by_transaction.entry(said.0).or_default().push(said);
        }
        for transaction in chunk {
            let said = by_transaction.remove(&transaction.id).unwrap_or_default();
            self.weigh(&transaction, &said);
            let lines = self.lines(&transaction, &said, accounts);
            if canonical_hash(&transaction.kind, &transaction.refs, lines) != transaction.hash {
                self.unchanged.find(
                    &transaction.key,
                    "what it says is not what was hashed when it was written",
                );
            }
        }
    }

    /// Debits equal credits, in each currency by itself.
    fn weigh(&mut self, transaction: &transaction::Model, said: &[Said]) {
        let mut off: Vec<(Currency, i128)> = Vec::with_capacity(1);
        for (_, _, side, amount, currency, _) in said {
            let debit = match side {
                Side::Debit => i128::from(*amount),
                Side::Credit => -i128::from(*amount),
            };
            match off.iter_mut().find(|(known, _)| known == currency) {
                Some((_, sum)) => *sum += debit,
                None => off.push((*currency, debit)),
            }
        }
        let wrong = off.iter().find(|(_, sum)| *sum != 0);
        if said.len() < 2 || wrong.is_some() {
            let off = wrong.map_or(0, |(_, sum)| *sum);
            let what = format!("{} postings, debits less credits are {off}", said.len());
            self.balanced.find(&transaction.key, what);
        }
    }

    /// The postings as they go into the hash.
    fn lines(&mut self, transaction: &transaction::Model, said: &[Said], accounts: &Accounts) -> Vec<String> {
        let mut lines = Vec::with_capacity(said.len());
        for (_, account, side, amount, currency, unit) in said {
            let Some(account) = accounts.0.get(account) else {
                lines.push(String::new());
                continue;
            };
            if *currency != account.currency || *amount <= 0 {
                let what = format!(
                    "posted in {currency} to an account in {}, or not above zero",
                    account.currency
                );
                self.currencies.find(&transaction.key, what);
            }
            lines.push(canonical_line(
                &account.owner,
                account.kind,
                *currency,
                *side,
                *amount,
                *unit,
            ));
        }
        lines
    }
}

async fn said(tx: &Tx, first: i64, last: i64) -> Result<Vec<Said>, DbErr> {
    posting::Entity::find()
        .select_only()
        .columns([
            posting::Column::TransactionId,
            posting::Column::AccountId,
            posting::Column::Side,
            posting::Column::Amount,
            posting::Column::Currency,
            posting::Column::UnitId,
        ])
        .filter(posting::Column::TransactionId.between(first, last))
        .into_tuple()
        .all(tx)
        .await
}

/// Accounts, read once for many postings.
#[derive(Default)]
struct Accounts(HashMap<i64, account::Model>);

impl Accounts {
    async fn remember(&mut self, tx: &Tx, said: &[Said]) -> Result<(), DbErr> {
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        let mut new: Vec<i64> = said.iter().map(|said| said.1).collect();
        new.sort_unstable();
        new.dedup();
        new.retain(|id| !self.0.contains_key(id));
        if new.is_empty() {
            return Ok(());
        }
        let found = account::Entity::find()
            .filter(account::Column::Id.is_in(new))
            .all(tx)
            .await?;
        self.0.extend(found.into_iter().map(|row| (row.id, row)));
        Ok(())
    }
}

/// The blocks follow one another without a gap, and each seals what it says it seals: from the first that is looked at,
/// or from the last that is vouched for.
async fn chained(tx: &Tx, scope: Scope) -> Result<Check, DbErr> {
    let mut check = Check::new(2, "the chain of sealed blocks verifies").within(scope);
    let mut before = match scope.block {
        0 | 1 => (0, vec![0; 32]),
        block => {
            let before = block::Entity::find_by_id(block - 1).one(tx).await?;
            (block - 1, before.map(|row| row.hash).unwrap_or_default())
        }
    };
    loop {
        let next = block::Entity::find()
            .filter(block::Column::Id.gt(before.0))
            .order_by_asc(block::Column::Id)
            .one(tx)
            .await?;
        let Some(next) = next else { return Ok(check) };
        check.examined(1);
        let place = format!("block {}", next.id);
        if next.id != before.0 + 1 || next.previous_hash != before.1 {
            check.find(&place, "it does not follow the block before");
        }
        let sealed = sealed(tx, next.id).await?;
        let hashed = sealed.iter().map(|(key, hash)| (key.as_str(), hash.as_slice()));
        if i64::try_from(sealed.len()).unwrap_or(-1) != i64::from(next.transactions)
            || block_hash(&next.previous_hash, hashed) != next.hash
        {
            check.find(&place, "what it sealed has changed");
        }
        before = (next.id, next.hash);
    }
}

/// Keys and hashes of a block's transactions, in order.
async fn sealed(tx: &Tx, block: i64) -> Result<Vec<(String, Vec<u8>)>, DbErr> {
    let sql = format!(
        "select t.key, t.hash from ledger_seal s join ledger_transaction t on t.id = s.transaction_id
        where s.block_id = {block} order by s.transaction_id"
    );
    tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql))
        .await?
        .iter()
        .map(|row| Ok((row.try_get("", "key")?, row.try_get("", "hash")?)))
        .collect()
}
