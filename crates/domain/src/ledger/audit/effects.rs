//! Whether what happened outside is in the books, once: charges, refunds, payouts, Stripe's balance transactions; and
//! whether orders and stock add up.

use std::collections::BTreeMap;

use sea_orm::{DbErr, QueryResult};
use vitrine_model::id::{IntentId, PayoutId, RefundId, UnitId, VariantId};
use vitrine_model::ledger::AccountKind;
use vitrine_model::money::Currency;

use super::accounts::Totals;
use super::{Check, check_sql, count, rows};
use crate::context::Tx;
use crate::ledger::commands::settlement::{CHARGES, PAYOUTS, REFUNDS, TRANSFERS};

pub(super) async fn checks(tx: &Tx, totals: &Totals) -> Result<Vec<Check>, DbErr> {
    Ok(vec![
        orders(tx).await?,
        charges(tx).await?,
        refunds_posted(tx).await?,
        refunded(tx).await?,
        transfers(tx).await?,
        applied(tx).await?,
        settled(tx).await?,
        cash(tx, totals).await?,
        clearing(tx, totals).await?,
        payable(tx, totals).await?,
        suspense(totals),
        in_transit(tx).await?,
        intents(tx).await?,
        reserved(tx).await?,
        reservations(tx).await?,
    ])
}

const ORDERS: &str = "
select o.number as place, o.total as total, o.goods_total as goods, o.shipping_total as shipping,
    coalesce(u.paid, 0) as paid, coalesce(u.parts, 0) as parts, coalesce(u.goods, 0) as unit_goods,
    coalesce(l.goods, 0) as line_goods, coalesce(l.pieces, 0) as pieces, coalesce(u.pieces, 0) as unit_pieces
from orders o
left join (
    select order_id, cast(sum(paid) as bigint) as paid,
        cast(sum(brand_part + shop_part + platform_part) as bigint) as parts,
        cast(sum(case when kind = 'goods' then paid else 0 end) as bigint) as goods,
        cast(sum(case when kind = 'goods' then 1 else 0 end) as bigint) as pieces
    from unit group by order_id
) u on u.order_id = o.id
left join (
    select order_id, cast(sum(price * quantity) as bigint) as goods, cast(sum(quantity) as bigint) as pieces
    from order_line group by order_id
) l on l.order_id = o.id
where (o.paid_at is not null and (coalesce(u.paid, 0) <> o.total or coalesce(u.parts, 0) <> o.total
        or coalesce(u.goods, 0) <> o.goods_total or coalesce(u.pieces, 0) <> coalesce(l.pieces, 0)))
    or coalesce(l.goods, 0) <> o.goods_total
    or (o.paid_at is null and u.order_id is not null)
order by o.number";

async fn orders(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (7, "per order: units, lines and what was paid add up"),
        "orders",
        ORDERS,
        |row| {
            let of = |column: &str| row.try_get::<i64>("", column);
            let what = format!(
                "ordered for {}: {} in {} pieces, and shipping for {}; lines make {} in {} pieces; units make {}, their parts {}",
                of("total")?, of("goods")?, of("pieces")?, of("shipping")?, of("line_goods")?, of("pieces")?, of("paid")?, of("parts")?,
            );
            Ok((row.try_get("", "place")?, what))
        },
    )
    .await
}

const CHARGES_POSTED: &str = "
select c.id as place, count(t.id) as n from charge c
left join ledger_transaction t on t.key in ('charge:' || c.id || ':paid', 'charge:' || c.id || ':unexpected')
group by c.id, c.kind
having count(t.id) <> 1
    or max(t.kind) <> case when c.kind = 'expected' then 'charge.paid' else 'charge.unexpected' end
order by c.id";

async fn charges(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (6, "each charge is in the books once, as what it is"),
        "charge",
        CHARGES_POSTED,
        |row| {
            let n: i64 = row.try_get("", "n")?;
            Ok((
                row.try_get("", "place")?,
                format!("it is in the books {n} times, or as something else"),
            ))
        },
    )
    .await
}

const REFUNDS_POSTED: &str = "
select r.id as id from refund r
left join ledger_transaction t on t.key = 'refund:' || r.stripe_refund_id
where t.id is null and (r.state = 'succeeded' or (r.state = 'pending' and r.stripe_refund_id is not null))
order by r.id";

async fn refunds_posted(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (6, "each refund that Stripe made is in the books"),
        "refund",
        REFUNDS_POSTED,
        |row| {
            let id: RefundId = row.try_get("", "id")?;
            Ok((
                id.to_string(),
                "Stripe made it, and it is not in the books".to_owned(),
            ))
        },
    )
    .await
}

const REFUNDED: &str = "
select c.id as place, c.amount as amount, cast(sum(r.amount) as bigint) as refunded
from charge c join refund r on r.charge_id = c.id and r.state <> 'failed'
group by c.id, c.amount having sum(r.amount) > c.amount
order by c.id";

async fn refunded(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (8, "no charge is refunded beyond what was paid"),
        "charge",
        REFUNDED,
        |row| {
            let (amount, refunded): (i64, i64) = (row.try_get("", "amount")?, row.try_get("", "refunded")?);
            Ok((
                row.try_get("", "place")?,
                format!("{refunded} of {amount} is refunded"),
            ))
        },
    )
    .await
}

const TRANSFERS_POSTED: &str = "
select p.id as id from payout p left join ledger_transaction t on t.key = 'transfer:' || p.transfer_id
where p.state = 'paid' and t.id is null
order by p.id";

async fn transfers(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (6, "each payout that Stripe made is in the books"),
        "payout",
        TRANSFERS_POSTED,
        |row| {
            let id: PayoutId = row.try_get("", "id")?;
            Ok((
                id.to_string(),
                "Stripe made it, and it is not in the books".to_owned(),
            ))
        },
    )
    .await
}

const APPLIED: &str = "
select b.id as place from balance_transaction b left join ledger_transaction t on t.key = 'txn:' || b.id
where t.id is null and (b.amount <> 0 or b.fee <> 0)
order by b.id";

async fn applied(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = check_sql(
        tx,
        (
            4,
            "each balance transaction of Stripe's is in the books, and nothing else moves cash",
        ),
        "balance_transaction",
        APPLIED,
        |row| Ok((row.try_get("", "place")?, "it is not in the books".to_owned())),
    )
    .await?;
    let foreign = "
        select t.key as place from posting p join ledger_account a on a.id = p.account_id
        join ledger_transaction t on t.id = p.transaction_id
        where a.kind = 'stripe_cash' and t.kind <> 'balance_transaction' order by t.id";
    let moves = |row: &QueryResult| {
        let what = "it moves cash without a balance transaction";
        Ok((row.try_get("", "place")?, what.to_owned()))
    };
    check.find_sql(tx, foreign, moves).await?;
    Ok(check)
}

const MISMATCHED: &str = "
select c.id as place, c.amount as amount, b.amount as moved from charge c
join balance_transaction b on b.source = c.id and b.kind in ('charge', 'payment')
where b.amount <> c.amount or b.currency <> c.currency
order by c.id";

const RELEASED_UNSETTLED: &str = "
select u.id as id from unit u
where (u.brand_released_at is not null or u.shop_released_at is not null) and not exists (
    select 1 from charge c join balance_transaction b on b.source = c.id and b.kind in ('charge', 'payment')
    where c.order_id = u.order_id and c.kind = 'expected')
order by u.id";

async fn settled(tx: &Tx) -> Result<Check, DbErr> {
    let mut check = check_sql(
        tx,
        (
            10,
            "each charge settled for its amount, before anything of it was released",
        ),
        "charge",
        MISMATCHED,
        |row| {
            let (amount, moved): (i64, i64) = (row.try_get("", "amount")?, row.try_get("", "moved")?);
            Ok((
                row.try_get("", "place")?,
                format!("it is of {amount}, and Stripe moved {moved}, or another currency"),
            ))
        },
    )
    .await?;
    let early = |row: &QueryResult| {
        let unit: UnitId = row.try_get("", "id")?;
        let what = "it was released before its charge's balance transaction was applied";
        Ok((unit.to_string(), what.to_owned()))
    };
    check.find_sql(tx, RELEASED_UNSETTLED, early).await?;
    Ok(check)
}

/// Sums by currency that a query selects as `currency` and `amount`.
async fn by_currency(tx: &Tx, sql: &str) -> Result<BTreeMap<Currency, i64>, DbErr> {
    let pair = |row: &QueryResult| Ok((row.try_get("", "currency")?, row.try_get("", "amount")?));
    rows(tx, sql).await?.iter().map(pair).collect()
}

fn compare(
    check: &mut Check,
    totals: &Totals,
    kind: AccountKind,
    what: &str,
    parts: &[(i64, &BTreeMap<Currency, i64>)],
) {
    for currency in Currency::ALL {
        let kept = totals.get(&(kind, *currency)).copied().unwrap_or(0);
        let must = parts
            .iter()
            .map(|(sign, sums)| sign * sums.get(currency).copied().unwrap_or(0))
            .sum();
        check.expect(format!("{kind} {currency}"), what, kept, must);
    }
}

async fn cash(tx: &Tx, totals: &Totals) -> Result<Check, DbErr> {
    let mut check = Check::new(4, "stripe_cash is the sum of the balance transactions applied");
    check.examined = count(tx, "select count(*) as n from balance_transaction").await?;
    let net = by_currency(
        tx,
        "select currency, cast(sum(net) as bigint) as amount from balance_transaction group by currency",
    )
    .await?;
    compare(
        &mut check,
        totals,
        AccountKind::StripeCash,
        "the balance",
        &[(1, &net)],
    );
    Ok(check)
}

/// What Stripe moved of the kinds, by currency, but for what went to suspense.
async fn moved(tx: &Tx, kinds: &[&str]) -> Result<BTreeMap<Currency, i64>, DbErr> {
    let kinds = listed(kinds);
    let sql = format!(
        "select b.currency as currency, cast(sum(b.amount) as bigint) as amount from balance_transaction b
        left join charge c on c.id = b.source
        where b.kind in ({kinds}) and (c.id is null or c.currency = b.currency) group by b.currency"
    );
    by_currency(tx, &sql).await
}

/// What operators explained of what was moved by hand, of the kinds, by currency.
async fn explained(tx: &Tx, kinds: &[&str]) -> Result<BTreeMap<Currency, i64>, DbErr> {
    let sql = format!(
        "select currency, cast(sum(case when corrects is null then amount else -amount end) as bigint) as amount
        from adjustment where source in (select source from balance_transaction where kind in ({}))
        group by currency",
        listed(kinds)
    );
    by_currency(tx, &sql).await
}

fn listed(kinds: &[&str]) -> String {
    kinds
        .iter()
        .map(|kind| format!("'{kind}'"))
        .collect::<Vec<_>>()
        .join(", ")
}

async fn clearing(tx: &Tx, totals: &Totals) -> Result<Check, DbErr> {
    let mut check = Check::new(
        5,
        "each clearing account is the sum of its open items, and the bank of the payouts",
    );
    check.examined = 4;
    let sum = |from: &str| {
        format!("select currency, cast(sum(amount) as bigint) as amount from {from} group by currency")
    };
    let charged = by_currency(tx, &sum("charge")).await?;
    let made = "refund where stripe_refund_id is not null and state <> 'failed'";
    let refunded = by_currency(tx, &sum(made)).await?;
    let paid = by_currency(tx, &sum("payout where state = 'paid'")).await?;
    let reversed = by_currency(tx, &sum("transfer_reversal where state = 'succeeded'")).await?;
    let what = "what is open";
    let charges = moved(tx, CHARGES).await?;
    let refunds = moved(tx, REFUNDS).await?;
    let transfers = moved(tx, TRANSFERS).await?;
    let payouts = moved(tx, PAYOUTS).await?;
    let of_charges = explained(tx, CHARGES).await?;
    let of_refunds = explained(tx, REFUNDS).await?;
    let of_transfers = explained(tx, TRANSFERS).await?;
    let open = [(1, &charged), (-1, &charges), (1, &of_charges)];
    compare(&mut check, totals, AccountKind::ClearingCharges, what, &open);
    let open = [(-1, &refunded), (-1, &refunds), (1, &of_refunds)];
    compare(&mut check, totals, AccountKind::ClearingRefunds, what, &open);
    let open = [(-1, &paid), (1, &reversed), (-1, &transfers), (1, &of_transfers)];
    compare(&mut check, totals, AccountKind::ClearingTransfers, what, &open);
    compare(
        &mut check,
        totals,
        AccountKind::Bank,
        "what payouts brought there",
        &[(-1, &payouts)],
    );
    Ok(check)
}

/// What is owed to buyers: charges nobody asked for, and refunds decided, that Stripe has not made;
/// less what buyers have back from their banks.
async fn payable(tx: &Tx, totals: &Totals) -> Result<Check, DbErr> {
    let mut check = Check::new(5, "refunds_payable is what buyers are still owed");
    check.examined = count(tx, "select count(*) as n from refund").await?;
    let sum = |from: &str| {
        format!("select currency, cast(sum(amount) as bigint) as amount from {from} group by currency")
    };
    let unexpected = by_currency(tx, &sum("charge where kind = 'unexpected'")).await?;
    let decided = by_currency(tx, &sum("refund where kind = 'units' and state <> 'failed'")).await?;
    let made = "refund where stripe_refund_id is not null and state <> 'failed'";
    let made = by_currency(tx, &sum(made)).await?;
    let repaid = "select currency, cast(sum(repaid) as bigint) as amount from dispute group by currency";
    let repaid = by_currency(tx, repaid).await?;
    let owed = [(1, &unexpected), (1, &decided), (-1, &made), (-1, &repaid)];
    compare(
        &mut check,
        totals,
        AccountKind::RefundsPayable,
        "what is owed",
        &owed,
    );
    Ok(check)
}

fn suspense(totals: &Totals) -> Check {
    let mut check = Check::new(5, "nothing is in suspense");
    check.examined = 1;
    compare(
        &mut check,
        totals,
        AccountKind::Suspense,
        "what is not understood",
        &[],
    );
    check
}

const IN_TRANSIT: &str = "
select p.id as id from payout p left join intent i on i.id = p.intent_id
where p.state = 'requested' and (i.id is null or i.state <> 'open')
order by p.id";

async fn in_transit(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (11, "nothing is in transit without an open intent"),
        "payout where state = 'requested'",
        IN_TRANSIT,
        |row| {
            let id: PayoutId = row.try_get("", "id")?;
            Ok((
                id.to_string(),
                "it is in transit, and nobody is sending it".to_owned(),
            ))
        },
    )
    .await
}

const TWICE: &str = "
select i.id as id, i.stripe_id as stripe_id from intent i
join (
    select kind, stripe_id from intent where stripe_id is not null and kind <> 'dispute_evidence'
    group by kind, stripe_id having count(*) > 1
) twice on twice.kind = i.kind and twice.stripe_id = i.stripe_id
order by i.id";

async fn intents(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (11, "each object at Stripe was made by one intent"),
        "intent",
        TWICE,
        |row| {
            let id: IntentId = row.try_get("", "id")?;
            let stripe_id: String = row.try_get("", "stripe_id")?;
            Ok((
                id.to_string(),
                format!("another intent of its kind made {stripe_id} too"),
            ))
        },
    )
    .await
}

const RESERVED: &str = "
select v.id as id, v.reserved as reserved, v.held as held
from (
    select id, reserved, cast(coalesce((
        select sum(r.quantity) from reservation r
        where r.variant_id = variant.id and r.state = 'held' and r.counted = true
    ), 0) as bigint) as held
    from variant
) v where v.reserved <> v.held
order by v.id";

async fn reserved(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (
            12,
            "each variant's reserved stock is the sum of its live reservations",
        ),
        "variant",
        RESERVED,
        |row| {
            let id: VariantId = row.try_get("", "id")?;
            let (reserved, held): (i64, i64) = (row.try_get("", "reserved")?, row.try_get("", "held")?);
            Ok((
                id.to_string(),
                format!("{reserved} are reserved, for orders of {held}"),
            ))
        },
    )
    .await
}

const RESERVATIONS: &str = "
select o.number as place, r.state as state, o.state as order_state from reservation r join orders o on o.id = r.order_id
where (r.state = 'held' and o.state <> 'awaiting_payment')
    or (r.state = 'sold' and o.paid_at is null)
    or (r.state = 'released' and o.state <> 'expired')
order by o.number";

async fn reservations(tx: &Tx) -> Result<Check, DbErr> {
    check_sql(
        tx,
        (12, "each reservation ended as its order did"),
        "reservation",
        RESERVATIONS,
        |row| {
            let (state, order): (String, String) =
                (row.try_get("", "state")?, row.try_get("", "order_state")?);
            Ok((
                row.try_get("", "place")?,
                format!("a reservation is {state}, and the order is {order}"),
            ))
        },
    )
    .await
}
