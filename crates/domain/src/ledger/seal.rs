//! The hash chain: a job seals new transactions into blocks, each carrying the hash of the one before, and folds the
//! platform's balances in the same database transaction.
//!
//! A transaction's seal row is written with it, without a block; an index over just those rows finds what is unsealed,
//! whatever order PostgreSQL committed them in, and in time that depends on the backlog alone. A transaction that
//! depends on another was begun after the other was committed, so it has the higher number: taking the backlog in order
//! of numbers never seals an effect before its cause.
//!
//! Two nodes may seal at once: the number of the next block is unique, and so is its predecessor's hash; the second loses
//! and has nothing left to do.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryInsertResult};
use vitrine_model::ledger::{Side, account, block, posting, seal as seal_row, transaction};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::ledger::post::move_balance;
use crate::ledger::rules::{Class, effect, rules_of};
use crate::secret;

/// Transactions in one block at most.
pub(crate) const BLOCK: u64 = 500;

/// Seals the transactions not yet sealed into blocks of the hash chain and folds the platform's balances.
///
/// # Errors
/// When the database fails.
pub async fn seal(cx: &Context) -> anyhow::Result<()> {
    while seal_block(cx).await? {}
    Ok(())
}

/// Seals one block; whether there may be more to seal.
async fn seal_block(cx: &Context) -> anyhow::Result<bool> {
    let tx = cx.begin().await?;
    let last = block::Entity::find()
        .order_by_desc(block::Column::Id)
        .one(&tx)
        .await?;
    let open = unsealed(&tx).await?;
    if open.is_empty() {
        return Ok(false);
    }
    let (number, previous_hash) = last.map_or((1, vec![0; 32]), |last| (last.id + 1, last.hash));
    let row = block::ActiveModel {
        id: Set(number),
        hash: Set(block_hash(
            &previous_hash,
            open.iter().map(|row| (row.key.as_str(), row.hash.as_slice())),
        )),
        previous_hash: Set(previous_hash),
        transactions: Set(i32::try_from(open.len())?),
        sealed_at: Set(cx.now()),
    };
    let inserted = block::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec(&tx)
        .await?;
    let TryInsertResult::Inserted(_) = inserted else {
        return Ok(false);
    };
    let ids: Vec<i64> = open.iter().map(|transaction| transaction.id).collect();
    let sealed = seal_row::Entity::update_many()
        .col_expr(seal_row::Column::BlockId, Expr::value(number))
        .filter(seal_row::Column::TransactionId.is_in(ids.iter().copied()))
        .filter(seal_row::Column::BlockId.is_null())
        .exec(&tx)
        .await?;
    anyhow::ensure!(
        sealed.rows_affected == u64::try_from(ids.len())?,
        "another node sealed some of block {number}"
    );
    fold(&tx, ids).await?;
    tx.commit().await?;
    Ok(true)
}

async fn unsealed(tx: &Tx) -> Result<Vec<transaction::Model>, DbErr> {
    let ids: Vec<i64> = seal_row::Entity::find()
        .select_only()
        .column(seal_row::Column::TransactionId)
        .filter(seal_row::Column::BlockId.is_null())
        .order_by_asc(seal_row::Column::TransactionId)
        .limit(BLOCK)
        .into_tuple()
        .all(tx)
        .await?;
    transaction::Entity::find()
        .filter(transaction::Column::Id.is_in(ids))
        .order_by_asc(transaction::Column::Id)
        .all(tx)
        .await
}

/// SHA-256 over the previous hash and the transactions' keys and hashes, in order of their numbers.
pub(crate) fn block_hash<'t>(
    previous: &[u8],
    transactions: impl Iterator<Item = (&'t str, &'t [u8])>,
) -> Vec<u8> {
    let mut bytes = previous.to_vec();
    for (key, hash) in transactions {
        bytes.extend(u64::try_from(key.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(key.as_bytes());
        bytes.extend(hash);
    }
    secret::sha256(&bytes)
}

/// Adds the block's postings to the platform's balances, once each of its transactions is seen to balance. What was written
/// past the product stays outside the chain until somebody has looked at it.
async fn fold(tx: &Tx, transactions: Vec<i64>) -> anyhow::Result<()> {
    let postings = posting::Entity::find()
        .filter(posting::Column::TransactionId.is_in(transactions))
        .all(tx)
        .await?;
    let accounts: Vec<account::Model> = account::Entity::find()
        .filter(account::Column::Id.is_in(postings.iter().map(|posting| posting.account_id)))
        .all(tx)
        .await?;
    let platform: BTreeMap<i64, account::Model> = accounts
        .into_iter()
        .filter(|account| rules_of(account.kind).class == Class::Platform)
        .map(|account| (account.id, account))
        .collect();
    let mut moved: BTreeMap<i64, i64> = BTreeMap::new();
    let mut open: BTreeMap<(i64, Currency), i64> = BTreeMap::new();
    for posting in postings {
        *open
            .entry((posting.transaction_id, posting.currency))
            .or_default() += match posting.side {
            Side::Debit => posting.amount,
            Side::Credit => -posting.amount,
        };
        if let Some(account) = platform.get(&posting.account_id) {
            *moved.entry(account.id).or_default() += effect(account.kind, posting.side, posting.amount);
        }
    }
    if let Some(((transaction, currency), by)) = open.into_iter().find(|(_, by)| *by != 0) {
        anyhow::bail!(
            "transaction {transaction} is out of balance by {by} {currency}: its block is not sealed"
        );
    }
    for (account, change) in moved {
        move_balance(tx, account, change).await?;
    }
    Ok(())
}
