//! What does not agree: read from the rows of those who told the books what happened, and from the provider's balance.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use vitrine_model::Time;
use vitrine_model::intent::{self as intent_row, IntentState};
use vitrine_model::money::Currency;
use vitrine_model::reconciliation::difference::DifferenceKind;

use crate::context::Context;
use crate::ledger;
use crate::reconcile::movements::OVERLAP;
use crate::reconcile::{Cash, Report};

/// How long a charge, refund, transfer or reversal may be without its movement.
const SETTLES_WITHIN: TimeDelta = TimeDelta::days(1);
/// How long a movement may be in the books before what it is about: the answer to our own call may be on its way.
const EXPLAINED_WITHIN: TimeDelta = TimeDelta::hours(1);
/// How long the outcome of a call may be unknown.
const ANSWERED_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Most unexplained movements asked about again in one run.
const MOST_UNEXPLAINED: u64 = 100;
/// Most findings of one kind.
const MOST_FOUND: u64 = 1_000;

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) kind: DifferenceKind,
    pub(super) subject: String,
    pub(super) currency: Option<Currency>,
    pub(super) amount: Option<i64>,
    pub(super) detail: Option<String>,
}

/// Everything that does not agree now.
///
/// # Errors
/// When the database fails.
pub(super) async fn all(cx: &Context, cursor: Option<Time>, report: &Report) -> anyhow::Result<Vec<Finding>> {
    let mut found: Vec<Finding> = report.cash.iter().filter_map(cash_finding).collect();
    found.extend(report.foreign.iter().map(foreign_finding));
    found.extend(suspense(cx).await?);
    found.extend(clearing(cx, cursor).await?);
    found.extend(intents(cx).await?);
    found.extend(owed(cx).await?);
    found.extend(report.failed.iter().map(|failed| Finding {
        kind: DifferenceKind::Object,
        subject: failed.subject.clone(),
        currency: None,
        amount: None,
        detail: Some(failed.error.clone()),
    }));
    Ok(found)
}

/// What the provider holds and what the books say, in every currency that either knows; and what it holds in others.
///
/// # Errors
/// When the provider or the database fails.
pub(super) async fn cash(cx: &Context) -> anyhow::Result<(Vec<Cash>, Vec<(String, i64)>)> {
    let mut both: BTreeMap<Currency, (i64, i64)> = BTreeMap::new();
    let snapshot = cx.snapshot().await?;
    for money in ledger::stripe_cash(&snapshot).await? {
        both.entry(money.currency()).or_default().0 = money.minor();
    }
    snapshot.commit().await?;
    let balances = cx.payments().balance().await?;
    for facts in balances.known {
        both.entry(facts.currency).or_default().1 = facts.available + facts.pending;
    }
    let cash = both.into_iter().map(|(currency, (books, provider))| Cash {
        currency,
        books,
        provider,
    });
    Ok((cash.collect(), balances.foreign))
}

/// No account of ours can hold it: a person must exchange it at the provider, or take it out.
fn foreign_finding((code, amount): &(String, i64)) -> Finding {
    Finding {
        kind: DifferenceKind::Cash,
        subject: code.to_ascii_uppercase(),
        currency: None,
        amount: None,
        detail: Some(format!(
            "the provider holds {amount} in the smallest unit of a currency that the books do not know"
        )),
    }
}

fn cash_finding(cash: &Cash) -> Option<Finding> {
    (cash.books != cash.provider).then(|| Finding {
        kind: DifferenceKind::Cash,
        subject: cash.currency.to_string(),
        currency: Some(cash.currency),
        amount: Some(cash.provider - cash.books),
        detail: Some(format!(
            "the books say {}, the provider {}",
            cash.books, cash.provider
        )),
    })
}

async fn suspense(cx: &Context) -> Result<Vec<Finding>, DbErr> {
    let open = ledger::suspense(cx.db()).await?;
    let found = open.into_iter().map(|(kind, money)| Finding {
        kind: DifferenceKind::Suspense,
        subject: kind,
        currency: Some(money.currency()),
        amount: Some(money.minor()),
        detail: None,
    });
    Ok(found.collect())
}

async fn intents(cx: &Context) -> Result<Vec<Finding>, DbErr> {
    let open = intent_row::Entity::find()
        .filter(intent_row::Column::State.eq(IntentState::Open))
        .filter(intent_row::Column::CreatedAt.lte(cx.now() - ANSWERED_WITHIN))
        .order_by_asc(intent_row::Column::CreatedAt)
        .limit(MOST_FOUND)
        .all(cx.db())
        .await?;
    let found = open.into_iter().map(|intent| Finding {
        kind: DifferenceKind::Intent,
        subject: intent.id.to_string(),
        currency: None,
        amount: None,
        detail: Some(format!(
            "{} for {}: {}",
            intent.kind,
            intent.subject,
            intent.error.unwrap_or_else(|| "not sent yet".to_owned())
        )),
    });
    Ok(found.collect())
}

/// Payments nobody asked for, of which a refund failed, but for what went back since.
const OWED: &str = "
select c.id as subject, c.currency as currency, f.failed as failed,
    c.amount - coalesce(r.refunded, 0) - coalesce(d.repaid, 0) as owed
from charge c
join (
    select charge_id, count(*) as failed from refund where kind = 'charge' and state = 'failed' group by charge_id
) f on f.charge_id = c.id
left join (
    select charge_id, cast(sum(amount) as bigint) as refunded from refund where state = 'succeeded' group by charge_id
) r on r.charge_id = c.id
left join (
    select charge_id, cast(sum(repaid) as bigint) as repaid from dispute group by charge_id
) d on d.charge_id = c.id
where c.kind = 'unexpected' and c.amount > coalesce(r.refunded, 0) + coalesce(d.repaid, 0)
order by c.id limit {most}";

#[derive(Debug, FromQueryResult)]
struct Owed {
    subject: String,
    currency: Currency,
    failed: i64,
    owed: i64,
}

/// What buyers wait for, although nobody but us knows of it.
async fn owed(cx: &Context) -> Result<Vec<Finding>, DbErr> {
    let sql = OWED.replace("{most}", &MOST_FOUND.to_string());
    let query = Statement::from_string(cx.backend(), sql);
    let owed = Owed::find_by_statement(query).all(cx.db()).await?;
    let found = owed.into_iter().map(|owed| Finding {
        kind: DifferenceKind::Owed,
        subject: owed.subject,
        currency: Some(owed.currency),
        amount: Some(owed.owed),
        detail: Some(format!(
            "a payment nobody asked for did not go back yet: {} refunds of it failed",
            owed.failed
        )),
    });
    Ok(found.collect())
}

/// An object of the provider's: what it should have moved by our rows, and what it did.
#[derive(Debug, FromQueryResult)]
struct Item {
    subject: String,
    currency: Currency,
    expected: i64,
    moved: i64,
    facts: i64,
    since: Time,
}

/// Our rows and the movements, by the provider's ids. A failed refund's money came back. What was moved by hand is expected
/// once an operator has explained it. Of disputes, only those of charges made by hand move what nothing here explains.
const ITEMS: &str = "
with touched (subject) as ({touched})
select subject, currency, cast(sum(expected) as bigint) as expected, cast(sum(moved) as bigint) as moved,
    cast(sum(facts) as bigint) as facts, max(since) as since
from (
    select id as subject, currency, amount as expected, 0 as moved, 1 as facts, created_at as since
    from charge where id in (select subject from touched)
    union all
    select stripe_refund_id, currency, case when state = 'failed' then 0 else -amount end, 0, 1,
        coalesce(settled_at, created_at)
    from refund where stripe_refund_id in (select subject from touched)
    union all
    select transfer_id, currency, -amount, 0, 1, coalesce(settled_at, requested_at)
    from payout where transfer_id in (select subject from touched)
    union all
    select stripe_reversal_id, currency, amount, 0, 1, coalesce(settled_at, created_at)
    from transfer_reversal where stripe_reversal_id in (select subject from touched)
    union all
    select source, currency, case when corrects is null then amount else -amount end, 0, 0, created_at
    from adjustment where source in (select subject from touched)
    union all
    select source, currency, 0, amount, 0, created_at
    from balance_transaction where kind in ({kinds}) and source in (select subject from touched)
    union all
    select source, currency, 0, amount, 0, created_at
    from balance_transaction where {of_disputes} and source in (select subject from touched)
        and not exists (select 1 from dispute where stripe_id = source)
) item
group by subject, currency having sum(expected) <> sum(moved)
order by subject, currency limit {most}";

/// Whatever was touched since `$1`, and what was open before: all else agreed when it was last looked at.
const TOUCHED: &str = "
select id from charge where created_at >= $1
union select stripe_refund_id from refund
    where stripe_refund_id is not null and (created_at >= $1 or settled_at >= $1)
union select transfer_id from payout where transfer_id is not null and settled_at >= $1
union select stripe_reversal_id from transfer_reversal where stripe_reversal_id is not null and settled_at >= $1
union select source from balance_transaction where applied_at >= $1
union select source from adjustment where source is not null and created_at >= $1
union select subject from difference where kind = 'clearing' and resolved_at is null";

/// Objects whose movement never came, came with another amount, or that nothing here explains.
async fn clearing(cx: &Context, cursor: Option<Time>) -> Result<Vec<Finding>, DbErr> {
    // What agreed not yet then, because it was young, was touched since.
    let since = cursor.map_or(Time::UNIX_EPOCH, |cursor| cursor - OVERLAP - SETTLES_WITHIN);
    let kinds = ledger::matched_kinds()
        .iter()
        .map(|kind| format!("'{kind}'"))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = ITEMS
        .replace("{touched}", TOUCHED)
        .replace("{kinds}", &kinds)
        .replace("{of_disputes}", ledger::ABOUT_DISPUTES)
        .replace("{most}", &MOST_FOUND.to_string());
    let query = Statement::from_sql_and_values(cx.backend(), sql, [since.into()]);
    let items = Item::find_by_statement(query).all(cx.db()).await?;
    let now = cx.now();
    let overdue = |item: &Item| {
        let patience = if item.facts > 0 {
            SETTLES_WITHIN
        } else {
            EXPLAINED_WITHIN
        };
        now - item.since >= patience
    };
    let found = items.into_iter().filter(overdue).map(|item| Finding {
        kind: DifferenceKind::Clearing,
        detail: Some(match (item.facts, item.moved) {
            (0, _) => "the provider moved this, and nothing here explains it".to_owned(),
            (_, 0) => format!("{} should have moved, and nothing did", item.expected),
            (_, moved) => format!("{} should have moved, and {moved} did", item.expected),
        }),
        subject: item.subject,
        currency: Some(item.currency),
        amount: Some(item.moved - item.expected),
    });
    Ok(found.collect())
}

/// What movements in the books are about that nothing explained when it was last looked at.
pub(super) async fn unexplained(cx: &Context) -> Result<Vec<String>, DbErr> {
    let sql = format!(
        "select distinct d.subject as subject from difference d
        join balance_transaction b on b.source = d.subject
        where d.kind = 'clearing' and d.resolved_at is null order by d.subject limit {MOST_UNEXPLAINED}"
    );
    let rows = cx
        .db()
        .query_all_raw(Statement::from_string(cx.backend(), sql))
        .await?;
    rows.iter().map(|row| row.try_get("", "subject")).collect()
}
