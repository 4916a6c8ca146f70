//! Whether disputes are in the books as they stand: what they froze, what they took, and that they took it once.

use std::collections::BTreeMap;

use sea_orm::{DbErr, QueryResult};
use vitrine_model::id::{DisputeId, UnitId};
use vitrine_model::ledger::AccountKind;
use vitrine_model::money::Currency;

use super::accounts::Totals;
use super::{Check, check_sql, count, rows};
use crate::context::Tx;

pub(super) async fn checks(tx: &Tx, totals: &Totals) -> Result<Vec<Check>, DbErr> {
    Ok(vec![
        receivable(tx).await?,
        deferred(tx, totals).await?,
        taken(tx).await?,
        once(tx).await?,
        borne(tx).await?,
        releases(tx).await?,
    ])
}

// A dispute's balance transactions and its account are told by Stripe's id of it.
const RECEIVABLE: &str = "
select a.owner as place, coalesce(d.loss, 0) as loss, coalesce(m.taken, 0) + coalesce(x.explained, 0) as taken,
    a.balance as balance
from (
    select owner, currency, cast(coalesce((
        select sum(case when p.side = 'debit' then p.amount else -p.amount end) from posting p where p.account_id = a.id
    ), 0) as bigint) as balance
    from ledger_account a where kind = 'dispute_receivable'
) a
left join dispute d on d.stripe_id = a.owner and d.currency = a.currency
left join (
    select source, currency, cast(-sum(amount) as bigint) as taken from balance_transaction
    where kind in ('dispute', 'dispute_reversal') or (kind = 'adjustment' and source like 'd%')
    group by source, currency
) m on m.source = a.owner and m.currency = a.currency
left join (
    select source, currency, cast(sum(case when corrects is null then amount else -amount end) as bigint) as explained
    from adjustment where source is not null group by source, currency
) x on x.source = a.owner and x.currency = a.currency
where a.balance <> coalesce(m.taken, 0) + coalesce(x.explained, 0) - coalesce(d.loss, 0) or (d.closed_at is not null and a.balance <> 0)
order by a.owner";

/// What the bank holds of each dispute; nothing of those closed.
async fn receivable(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (
            5,
            "dispute_receivable is what each dispute's balance transactions took, and zero once closed",
        ),
        "ledger_account where kind = 'dispute_receivable'",
        RECEIVABLE,
        |row| {
            let of = |column: &str| row.try_get::<i64>("", column);
            let what = format!(
                "it is {}; Stripe took {}, and {} was booked as lost",
                of("balance")?,
                of("taken")?,
                of("loss")?
            );
            Ok((row.try_get("", "place")?, what))
        },
    )
    .await
}

/// What is frozen of the platform's fees is what open disputes froze.
async fn deferred(tx: &Tx, totals: &Totals) -> Result<Check, DbErr> {
    let kind = AccountKind::DeferredPlatformFeeDisputed;
    let mut check = Check::new(5, "what is frozen of platform fees is what open disputes froze");
    check.examined = count(
        tx,
        "select count(*) as n from dispute_part where part = 'platform'",
    )
    .await?;
    let sql = "
        select currency, cast(sum(frozen_held) as bigint) as frozen from dispute_part
        where part = 'platform' group by currency";
    let mut frozen = BTreeMap::new();
    for row in rows(tx, sql).await? {
        let currency: Currency = row.try_get("", "currency")?;
        frozen.insert(currency, row.try_get::<i64>("", "frozen")?);
    }
    for currency in Currency::ALL {
        check.expect(
            format!("{kind} {currency}"),
            "the balance",
            totals.get(&(kind, *currency)).copied().unwrap_or(0),
            frozen.get(currency).copied().unwrap_or(0),
        );
    }
    Ok(check)
}

const TAKEN: &str = "
select u.id as id, u.brand_lost + u.shop_lost + u.platform_lost as lost, coalesce(p.lost, 0) as parts
from unit u left join (
    select unit_id, cast(sum(lost) as bigint) as lost,
        cast(sum(case when part = 'brand' then lost else 0 end) as bigint) as brand,
        cast(sum(case when part = 'shop' then lost else 0 end) as bigint) as shop
    from dispute_part group by unit_id
) p on p.unit_id = u.id
where u.brand_lost <> coalesce(p.brand, 0) or u.shop_lost <> coalesce(p.shop, 0)
    or u.brand_lost + u.shop_lost + u.platform_lost <> coalesce(p.lost, 0)
order by u.id";

const FROZEN_CLOSED: &str = "
select d.id as id, cast(sum(p.frozen_held + p.frozen_available) as bigint) as frozen, cast(sum(p.lost) as bigint) as lost,
    d.loss as loss
from dispute d join dispute_part p on p.dispute_id = d.id
group by d.id, d.loss, d.closed_at
having (d.closed_at is not null and sum(p.frozen_held + p.frozen_available) <> 0) or sum(p.lost) > d.loss
order by d.id";

/// What units lost is what disputes took of them, no more than each cost; and nothing closed keeps anything frozen.
async fn taken(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = check_sql(
        tx,
        (
            8,
            "what units lost is what disputes took, and nothing closed keeps money frozen",
        ),
        "dispute_part",
        TAKEN,
        |row| {
            let id: UnitId = row.try_get("", "id")?;
            let (lost, parts): (i64, i64) = (row.try_get("", "lost")?, row.try_get("", "parts")?);
            Ok((
                id.to_string(),
                format!("it lost {lost}, and disputes took {parts}, or of other parts"),
            ))
        },
    )
    .await?;
    let keeps = |row: &QueryResult| {
        let id: DisputeId = row.try_get("", "id")?;
        let of = |column: &str| row.try_get::<i64>("", column);
        let what = format!(
            "it froze {}, and took {} of units for a loss of {}",
            of("frozen")?,
            of("lost")?,
            of("loss")?
        );
        Ok((id.to_string(), what))
    };
    check.find_sql(tx, FROZEN_CLOSED, keeps).await?;
    Ok(check)
}

const BEYOND: &str = "
select c.id as place, c.amount as amount, coalesce(r.refunded, 0) as refunded, coalesce(p.lost, 0) as lost
from charge c
left join (
    select charge_id, cast(sum(amount) as bigint) as refunded from refund where state <> 'failed' group by charge_id
) r on r.charge_id = c.id
left join (
    select d.charge_id as charge_id, cast(sum(p.lost) as bigint) as lost
    from dispute_part p join dispute d on d.id = p.dispute_id group by d.charge_id
) p on p.charge_id = c.id
left join (
    select charge_id, cast(sum(repaid) as bigint) as repaid from dispute group by charge_id
) b on b.charge_id = c.id
where coalesce(r.refunded, 0) + coalesce(p.lost, 0) + coalesce(b.repaid, 0) > c.amount
order by c.id";

async fn once(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (
            8,
            "no charge gives back more than was paid, by refunds and lost disputes together",
        ),
        "charge",
        BEYOND,
        |row| {
            let of = |column: &str| row.try_get::<i64>("", column);
            let what = format!(
                "of {}, {} is refunded and parties were charged {} for disputes",
                of("amount")?,
                of("refunded")?,
                of("lost")?
            );
            Ok((row.try_get("", "place")?, what))
        },
    )
    .await
}

// What other disputes claim that are open is theirs.
const UNBORNE: &str = "
select d.id as id, d.loss as loss, coalesce(p.lost, 0) as lost, u.remains - coalesce(o.claimed, 0) as remains
from dispute d
join charge c on c.id = d.charge_id and c.kind = 'expected'
join (
    select order_id, cast(sum(brand_part + shop_part + platform_part - brand_lost - shop_lost - platform_lost) as bigint)
        as remains
    from unit where refund_id is null and order_id in (select order_id from dispute where closed_at is not null)
    group by order_id
) u on u.order_id = d.order_id
left join (
    select dispute_id, cast(sum(lost) as bigint) as lost from dispute_part group by dispute_id
) p on p.dispute_id = d.id
left join (
    select other.order_id as order_id, cast(sum(part.claimed) as bigint) as claimed
    from dispute other join dispute_part part on part.dispute_id = other.id join unit on unit.id = part.unit_id
    where other.closed_at is null and unit.refund_id is null group by other.order_id
) o on o.order_id = d.order_id
where d.closed_at is not null and coalesce(p.lost, 0) < d.loss and u.remains > coalesce(o.claimed, 0)
order by d.id";

// Of payments nobody asked for, what no refund brings back is owed to the buyer until her bank has given it to her.
const UNBORNE_OWED: &str = "
select d.id as id, d.loss as loss, d.repaid as lost,
    c.amount - coalesce(r.refunded, 0) - coalesce(b.repaid, 0) as remains
from dispute d
join charge c on c.id = d.charge_id and c.kind = 'unexpected'
left join (
    select charge_id, cast(sum(amount) as bigint) as refunded from refund where state <> 'failed' group by charge_id
) r on r.charge_id = c.id
left join (
    select charge_id, cast(sum(repaid) as bigint) as repaid from dispute group by charge_id
) b on b.charge_id = c.id
where d.closed_at is not null and d.repaid < d.loss
    and c.amount > coalesce(r.refunded, 0) + coalesce(b.repaid, 0)
order by d.id";

/// The platform bears of a dispute only what exceeds what the parties' parts could bear, and what it owes the buyer anyway.
async fn borne(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = check_sql(
        tx,
        (
            8,
            "bad debt of disputes is only what exceeds what is left of the units they concern",
        ),
        "dispute",
        UNBORNE,
        |row| {
            let id: DisputeId = row.try_get("", "id")?;
            let of = |column: &str| row.try_get::<i64>("", column);
            let what = format!(
                "a closed dispute's loss of {} is borne by the units' parts for {} only, although {} of them is neither lost nor refunded",
                of("loss")?,
                of("lost")?,
                of("remains")?
            );
            Ok((id.to_string(), what))
        },
    )
    .await?;
    let beside = |row: &QueryResult| {
        let id: DisputeId = row.try_get("", "id")?;
        let of = |column: &str| row.try_get::<i64>("", column);
        let what = format!(
            "a closed dispute's loss of {} settles what its buyer is owed for {} only, although she is owed {} more",
            of("loss")?,
            of("lost")?,
            of("remains")?
        );
        Ok((id.to_string(), what))
    };
    check.find_sql(tx, UNBORNE_OWED, beside).await?;
    Ok(check)
}

const RELEASED: &str = "
select u.id as id from unit u join dispute d on d.order_id = u.order_id
join charge c on c.id = d.charge_id and c.kind = 'expected'
where (u.brand_released_at > d.created_at and (d.closed_at is null or u.brand_released_at < d.closed_at))
    or (u.shop_released_at > d.created_at and (d.closed_at is null or u.shop_released_at < d.closed_at))
order by u.id";

async fn releases(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (10, "nothing was released while its payment was disputed"),
        "dispute",
        RELEASED,
        |row| {
            let id: UnitId = row.try_get("", "id")?;
            Ok((
                id.to_string(),
                "it was released while a dispute was open".to_owned(),
            ))
        },
    )
    .await
}
