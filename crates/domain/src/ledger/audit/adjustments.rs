//! Whether what operators decided is in the books, and nothing else under their name.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect};
use vitrine_model::id::AdjustmentId;
use vitrine_model::ledger::{Side, adjustment, posting, transaction};

use super::{CHUNK, Check, count};
use crate::context::Tx;
use crate::ledger::commands::adjust::adjustment_key;

/// What stands explained as moved by hand, and is explained by a row of ours as well.
const EXPLAINED_TWICE: &str = "
select a.source as place from adjustment a
where a.source in (
    select id from charge union all select stripe_refund_id from refund
    union all select transfer_id from payout union all select stripe_reversal_id from transfer_reversal
    union all select stripe_id from dispute)
group by a.source having sum(case when a.corrects is null then a.amount else -a.amount end) <> 0
order by a.source";

/// What is due again of what was written off, as it was posted and as it is on record.
const DUE_AGAIN: &str = "
select place, cast(sum(posted) as bigint) as posted, cast(sum(kept) as bigint) as kept
from (
    select t.key as place, p.amount as posted, 0 as kept
    from ledger_transaction t join posting p on p.transaction_id = t.id and p.side = 'credit'
    where t.kind = 'debt.due_again'
    union all
    select cause || ':due_again', 0, amount from debt_return
) due
group by place having sum(posted) <> sum(kept) order by place";

/// Every adjustment is one transaction of its amount, and no transaction claims to be an adjustment that is not there.
pub(super) async fn check(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = Check::new(
        6,
        "each decision of an operator is in the books once, for its amount",
    );
    let mut after: Option<AdjustmentId> = None;
    loop {
        let mut chunk = adjustment::Entity::find();
        if let Some(after) = after {
            chunk = chunk.filter(adjustment::Column::Id.gt(after));
        }
        let chunk = chunk
            .order_by_asc(adjustment::Column::Id)
            .limit(CHUNK)
            .all(tx)
            .await?;
        let Some(last) = chunk.last() else { break };
        after = Some(last.id);
        check.examined(chunk.len());
        let posted = posted(tx, &chunk).await?;
        for row in chunk {
            let amount = posted.get(&adjustment_key(row.id)).copied().unwrap_or(0);
            check.expect(row.id, "what was posted", amount, row.amount.abs());
        }
    }
    let claimed = count(
        tx,
        "select count(*) as n from ledger_transaction where key like 'adjustment:%'",
    )
    .await?;
    if claimed != check.examined {
        let what = format!(
            "{claimed} transactions say that they are adjustments, of which there are {}",
            check.examined
        );
        check.find("adjustment", what);
    }
    let twice = |row: &QueryResult| {
        let what = "an operator explained it as moved by hand, and it is ours: take the explanation back";
        Ok((row.try_get("", "place")?, what.to_owned()))
    };
    check.find_sql(tx, EXPLAINED_TWICE, twice).await?;
    let due_again = |row: &QueryResult| {
        let of = |column: &str| row.try_get::<i64>("", column);
        let what = format!(
            "{} was posted, of {} that is due again",
            of("posted")?,
            of("kept")?
        );
        Ok((row.try_get("", "place")?, what))
    };
    check.find_sql(tx, DUE_AGAIN, due_again).await?;
    Ok(check)
}

/// The sum of the debits of each adjustment's transaction, by key.
async fn posted(tx: &Tx, adjustments: &[adjustment::Model]) -> Result<HashMap<String, i64>, DbErr> {
    let keys: HashMap<i64, String> = transaction::Entity::find()
        .select_only()
        .columns([transaction::Column::Id, transaction::Column::Key])
        .filter(transaction::Column::Key.is_in(adjustments.iter().map(|row| adjustment_key(row.id))))
        .into_tuple::<(i64, String)>()
        .all(tx)
        .await?
        .into_iter()
        .collect();
    let debits: Vec<(i64, i64)> = posting::Entity::find()
        .select_only()
        .columns([posting::Column::TransactionId, posting::Column::Amount])
        .filter(posting::Column::TransactionId.is_in(keys.keys().copied()))
        .filter(posting::Column::Side.eq(Side::Debit))
        .into_tuple()
        .all(tx)
        .await?;
    let mut posted: HashMap<String, i64> = HashMap::new();
    for (transaction, amount) in debits {
        if let Some(key) = keys.get(&transaction) {
            *posted.entry(key.clone()).or_default() += amount;
        }
    }
    Ok(posted)
}
