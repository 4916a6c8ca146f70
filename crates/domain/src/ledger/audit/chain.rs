//! Whether the transactions balance, and are what they were when they were written.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::ledger::{account, block, posting, seal, transaction};

use super::{CHUNK, Check, check_sql};
use crate::context::Tx;
use crate::ledger::post::{canonical_hash, canonical_line};
use crate::ledger::seal::block_hash;

const UNBALANCED: &str = "
select t.key as place, count(p.id) as n,
    cast(coalesce(sum(case when p.side = 'debit' then p.amount else -p.amount end), 0) as bigint) as off
from ledger_transaction t left join posting p on p.transaction_id = t.id
group by t.id, t.key, p.currency
having count(p.id) < 2 or sum(case when p.side = 'debit' then p.amount else -p.amount end) <> 0
order by t.id";

const OTHER_CURRENCY: &str = "
select t.key as place, p.currency as posted, a.currency as kept
from posting p join ledger_account a on a.id = p.account_id join ledger_transaction t on t.id = p.transaction_id
where p.currency <> a.currency or p.amount <= 0
order by p.id";

pub(super) async fn checks(tx: &Tx) -> anyhow::Result<Vec<Check>> {
    let balanced = check_sql(
        tx,
        (
            1,
            "in every transaction debits equal credits, over two postings or more",
        ),
        "ledger_transaction",
        UNBALANCED,
        |row| {
            let (n, off): (i64, i64) = (row.try_get("", "n")?, row.try_get("", "off")?);
            Ok((
                row.try_get("", "place")?,
                format!("{n} postings, debits less credits are {off}"),
            ))
        },
    )
    .await?;
    let currencies = check_sql(
        tx,
        (1, "every posting is above zero and in its account's currency"),
        "posting",
        OTHER_CURRENCY,
        |row| {
            let (posted, kept): (String, String) = (row.try_get("", "posted")?, row.try_get("", "kept")?);
            Ok((
                row.try_get("", "place")?,
                format!("posted in {posted} to an account in {kept}, or not above zero"),
            ))
        },
    )
    .await?;
    Ok(vec![
        balanced,
        currencies,
        unchanged(tx).await?,
        chained(tx).await?,
    ])
}

/// Every transaction still has the hash it was written with.
async fn unchanged(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = Check::new(2, "no transaction or posting was changed since it was written");
    let mut after = 0;
    loop {
        let transactions = transaction::Entity::find()
            .filter(transaction::Column::Id.gt(after))
            .order_by_asc(transaction::Column::Id)
            .limit(CHUNK)
            .all(tx)
            .await?;
        let Some(last) = transactions.last() else {
            return Ok(check);
        };
        after = last.id;
        check.examined(transactions.len());
        let mut lines = lines_of(tx, &transactions).await?;
        for transaction in transactions {
            let lines = lines.remove(&transaction.id).unwrap_or_default();
            if canonical_hash(&transaction.kind, &transaction.refs, lines) != transaction.hash {
                check.find(
                    &transaction.key,
                    "what it says is not what was hashed when it was written",
                );
            }
        }
    }
}

async fn lines_of(tx: &Tx, transactions: &[transaction::Model]) -> Result<HashMap<i64, Vec<String>>, DbErr> {
    let postings = posting::Entity::find()
        .filter(posting::Column::TransactionId.is_in(transactions.iter().map(|row| row.id)))
        .all(tx)
        .await?;
    let mut ids: Vec<i64> = postings.iter().map(|posting| posting.account_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let accounts = account::Entity::find()
        .filter(account::Column::Id.is_in(ids))
        .all(tx)
        .await?;
    let accounts: HashMap<i64, account::Model> = accounts.into_iter().map(|row| (row.id, row)).collect();
    let mut lines: HashMap<i64, Vec<String>> = HashMap::new();
    for posting in postings {
        let line = accounts.get(&posting.account_id).map(|account| {
            canonical_line(
                &account.owner,
                account.kind,
                posting.currency,
                posting.side,
                posting.amount,
                posting.unit_id,
            )
        });
        lines
            .entry(posting.transaction_id)
            .or_default()
            .push(line.unwrap_or_default());
    }
    Ok(lines)
}

/// The blocks follow one another without a gap, and each seals what it says it seals.
async fn chained(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = Check::new(2, "the chain of sealed blocks verifies");
    let mut before = (0, vec![0; 32]);
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
        if i64::try_from(sealed.len()).unwrap_or(-1) != i64::from(next.transactions)
            || block_hash(&next.previous_hash, &sealed) != next.hash
        {
            check.find(&place, "what it sealed has changed");
        }
        before = (next.id, next.hash);
    }
}

async fn sealed(tx: &Tx, block: i64) -> Result<Vec<transaction::Model>, DbErr> {
    let ids: Vec<i64> = seal::Entity::find()
        .select_only()
        .column(seal::Column::TransactionId)
        .filter(seal::Column::BlockId.eq(block))
        .order_by_asc(seal::Column::TransactionId)
        .into_tuple()
        .all(tx)
        .await?;
    transaction::Entity::find()
        .filter(transaction::Column::Id.is_in(ids))
        .order_by_asc(transaction::Column::Id)
        .all(tx)
        .await
}
