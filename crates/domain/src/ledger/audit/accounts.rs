//! Whether the balances are what the postings make them, and each party's add up to what happened to her.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, Statement,
};
use vitrine_model::id::BrandId;
use vitrine_model::ledger::adjustment::{self, AdjustmentKind};
use vitrine_model::ledger::{AccountKind, Party, Side, account, dispute_part, posting, unit, unit_share};
use vitrine_model::money::Currency;
use vitrine_model::payout::{self, PayoutState, ReversalState, transfer_reversal};

use super::since::Scope;
use super::{CHUNK, Check, RANGE, check_sql, count, rows};
use crate::context::Tx;
use crate::ledger::rules::{Class, rules_of};

/// Debits less credits of one account.
#[derive(Debug, FromQueryResult)]
struct Summed {
    id: i64,
    owner: String,
    kind: AccountKind,
    currency: Currency,
    balance: i64,
    debits: i64,
}

impl Summed {
    /// Debits less credits, counted on the account's normal side.
    fn normal(&self, debits: i64) -> i64 {
        if rules_of(self.kind).normal == Side::Debit {
            debits
        } else {
            -debits
        }
    }

    /// The balance that all its postings make.
    fn made(&self) -> i64 {
        self.normal(self.debits)
    }

    /// The balance its row must tell: of a platform's account, what sealed postings make.
    fn must(&self, unsealed: &HashMap<i64, i64>) -> i64 {
        match rules_of(self.kind).class {
            Class::Party => self.made(),
            Class::Platform => self.normal(self.debits - unsealed.get(&self.id).copied().unwrap_or(0)),
        }
    }

    fn place(&self) -> String {
        format!("{} {} {}", self.owner, self.kind, self.currency)
    }
}

/// The platform's balances by kind and currency, as the postings make them.
pub(super) type Totals = BTreeMap<(AccountKind, Currency), i64>;

const UNSEALED: &str = "
select p.account_id as id, cast(sum(case when p.side = 'debit' then p.amount else -p.amount end) as bigint) as debits
from ledger_seal s join posting p on p.transaction_id = s.transaction_id
where s.block_id is null group by p.account_id";

/// The checks of accounts and parties, and the platform's balances.
pub(super) async fn checks(tx: &Tx, scope: Scope) -> Result<(Vec<Check>, Totals), DbErr> {
    let mut kept = Check::new(2, "every kept balance is the sum of its account's postings");
    let mut drawn = Check::new(3, "no account is overdrawn that may not be");
    let mut totals = Totals::new();
    let unsealed = unsealed(tx).await?;
    let mut after = 0;
    loop {
        let accounts = summed(tx, after).await?;
        let Some(last) = accounts.last() else { break };
        after = last.id;
        kept.examined(accounts.len());
        drawn.examined(accounts.len());
        for account in accounts {
            let (must, now) = (account.must(&unsealed), account.made());
            kept.expect(account.place(), "the balance", account.balance, must);
            if now < 0 && !rules_of(account.kind).may_overdraw {
                drawn.find(account.place(), format!("it is overdrawn by {}", -now));
            }
            if rules_of(account.kind).class == Class::Platform {
                *totals.entry((account.kind, account.currency)).or_default() += now;
            }
        }
    }
    let checks = vec![kept, drawn, running(tx, scope).await?, parties(tx, scope).await?];
    Ok((checks, totals))
}

/// A party's postings from `{floor}` on whose balance is not the sum so far, and the platform's that tell one. What a
/// balance was before, the last posting before tells: it was held to that when it was new. An index has all that is read
/// of postings, in this order.
const RUNNING: &str = "
select t.key as place, coalesce(r.told, 0) as told, coalesce(r.must, 0) as must
from (
    select p.id, p.transaction_id, p.balance_after as told, a.base
        + cast(sum(case when (p.side = 'debit') = a.asset then p.amount else -p.amount end)
            over (partition by p.account_id order by p.transaction_id, p.id) as bigint) as must
    from (
        select id, kind like 'receivable%' as asset, {base} as base from ledger_account
        where kind like 'payable:%' or kind like 'receivable%'
    ) a join posting p on p.account_id = a.id where p.transaction_id >= {floor}
    union all
    select p.id, p.transaction_id, p.balance_after as told, null as must
    from ledger_account a join posting p on p.account_id = a.id
    where p.transaction_id >= {floor} and p.balance_after is not null
        and a.kind not like 'payable:%' and a.kind not like 'receivable%'
) r join ledger_transaction t on t.id = r.transaction_id
where r.told is null or r.must is null or r.told <> r.must
order by r.id";

const BASE: &str = "coalesce((
    select before.balance_after from posting before
    where before.account_id = ledger_account.id and before.transaction_id < {floor}
    order by before.transaction_id desc, before.id desc limit 1
), 0)";

async fn running(tx: &Tx, scope: Scope) -> Result<Check, DbErr> {
    let base = if scope.is_whole() { "0" } else { BASE };
    let floor = scope.floor.to_string();
    let wrong = RUNNING.replace("{base}", base).replace("{floor}", &floor);
    let check = check_sql(
        tx,
        (2, "every posting tells its party's balance after it"),
        &format!("posting where balance_after is not null and transaction_id >= {floor}"),
        &wrong,
        |row| {
            let (told, must): (i64, i64) = (row.try_get("", "told")?, row.try_get("", "must")?);
            Ok((
                row.try_get("", "place")?,
                format!("a balance after it is {told}, and must be {must}"),
            ))
        },
    )
    .await?;
    Ok(check.within(scope))
}

/// The next accounts, with the sum of their postings. The range is named where postings are added up, so that no chunk
/// adds up more than its own.
async fn summed(tx: &Tx, after: i64) -> Result<Vec<Summed>, DbErr> {
    let last = format!(
        "select coalesce(max(id), 0) as n from (
            select id from ledger_account where id > {after} order by id limit {RANGE}
        ) next"
    );
    let last = count(tx, &last).await?;
    let sql = format!(
        "select a.id, a.owner, a.kind, a.currency, a.balance, coalesce(p.debits, 0) as debits
        from ledger_account a left join (
            select account_id, cast(sum(case when side = 'debit' then amount else -amount end) as bigint) as debits
            from posting where account_id > {after} and account_id <= {last} group by account_id
        ) p on p.account_id = a.id
        where a.id > {after} and a.id <= {last} order by a.id"
    );
    Summed::find_by_statement(Statement::from_string(tx.get_database_backend(), sql))
        .all(tx)
        .await
}

async fn unsealed(tx: &Tx) -> Result<HashMap<i64, i64>, DbErr> {
    rows(tx, UNSEALED)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("", "id")?, row.try_get("", "debits")?)))
        .collect()
}

/// What happened to one party in one currency, told by units, payouts and reversals.
#[derive(Debug, Default, Clone, Copy)]
struct Story {
    accrued: i64,
    refunded: i64,
    recharged: i64,
    lost: i64,
    held: i64,
    frozen: i64,
    paid_out: i64,
    requested: i64,
    reversed: i64,
    recovering: i64,
    given: i64,
    written_off: i64,
    shared: i64,
}

type Stories = HashMap<(Party, Currency), Story>;

/// Every party's balances are what happened to her. Of those to whom something happened since, everything is added up.
async fn parties(tx: &Tx, scope: Scope) -> Result<Check, DbErr> {
    let name = "each party's balances are what her sales, refunds, disputes, fees and payouts make";
    let mut check = Check::new(9, name).within(scope);
    let mut after = String::new();
    loop {
        let owners = owners(tx, scope, &after).await?;
        let Some(last) = owners.last() else {
            return Ok(check);
        };
        after.clone_from(last);
        let parties: Vec<Party> = owners.iter().filter_map(|owner| owner.parse().ok()).collect();
        check.examined(parties.len());
        let balances = balances(tx, &owners).await?;
        let stories = stories(tx, &parties).await?;
        let mut of: Vec<(Party, Currency)> = balances.keys().chain(stories.keys()).copied().collect();
        of.sort_unstable();
        of.dedup();
        for of in of {
            let empty = HashMap::new();
            compare(
                &mut check,
                of,
                balances.get(&of).unwrap_or(&empty),
                stories.get(&of),
            );
        }
    }
}

/// The next owners of accounts that were posted on.
async fn owners(tx: &Tx, scope: Scope, after: &str) -> Result<Vec<String>, DbErr> {
    let mut owners = account::Entity::find()
        .select_only()
        .column(account::Column::Owner)
        .distinct()
        .filter(account::Column::Owner.gt(after))
        .order_by_asc(account::Column::Owner)
        .limit(CHUNK);
    if !scope.is_whole() {
        let posted = Query::select()
            .expr(Expr::val(1))
            .from(posting::Entity)
            .and_where(
                Expr::col((posting::Entity, posting::Column::AccountId))
                    .equals((account::Entity, account::Column::Id)),
            )
            .and_where(posting::Column::TransactionId.gte(scope.floor))
            .to_owned();
        owners = owners.filter(Expr::exists(posted));
    }
    owners.into_tuple().all(tx).await
}

fn compare(
    check: &mut Check,
    (party, currency): (Party, Currency),
    balances: &HashMap<AccountKind, i64>,
    story: Option<&Story>,
) {
    use AccountKind::{Available, Disputed, Held, InTransit, Receivable, Recovering};
    let place = format!("{party} {currency}");
    let of = |kind| balances.get(&kind).copied().unwrap_or(0);
    let story = story.copied().unwrap_or_default();
    check.expect(&place, "what is held", of(Held), story.held);
    check.expect(&place, "what disputes freeze", of(Disputed), story.frozen);
    check.expect(&place, "what is in transit", of(InTransit), story.requested);
    check.expect(
        &place,
        "what is being recovered",
        of(Recovering),
        story.recovering,
    );
    if of(Available) > 0 && of(Receivable) > 0 {
        check.find(&place, "money is available while some is owed");
    }
    let worth = of(Held) + of(Available) + of(InTransit) + of(Disputed) + story.paid_out
        - story.reversed
        - of(Receivable)
        - of(Recovering);
    let must = story.accrued - story.refunded - story.recharged - story.lost
        + story.given
        + story.written_off
        + story.shared;
    check.expect(&place, "what she has and had, less what she owes,", worth, must);
}

async fn balances(
    tx: &Tx,
    owners: &[String],
) -> Result<HashMap<(Party, Currency), HashMap<AccountKind, i64>>, DbErr> {
    let accounts = account::Entity::find()
        .filter(account::Column::Owner.is_in(owners))
        .all(tx)
        .await?;
    let mut balances: HashMap<_, HashMap<AccountKind, i64>> = HashMap::new();
    for account in accounts {
        if let Ok(party) = account.owner.parse::<Party>() {
            balances
                .entry((party, account.currency))
                .or_default()
                .insert(account.kind, account.balance);
        }
    }
    Ok(balances)
}

async fn stories(tx: &Tx, parties: &[Party]) -> Result<Stories, DbErr> {
    let mut stories = Stories::new();
    let brands: Vec<BrandId> = parties
        .iter()
        .filter_map(|party| match party {
            Party::Brand(brand) => Some(*brand),
            Party::Shopholder(_) => None,
        })
        .collect();
    let of_brand = of_units(
        unit::Column::BrandId,
        [
            "brand_part",
            "brand_refunded",
            "recharged",
            "brand_lost",
            "brand_held",
        ],
    )
    .and_where(unit::Column::BrandId.is_in(brands))
    .to_owned();
    for row in tx.query_all(&of_brand).await? {
        let brand: BrandId = row.try_get("", "brand_id")?;
        add_units(&mut stories, Party::Brand(brand), &row)?;
    }
    let of_shopholder = of_units(
        unit::Column::Shopholder,
        ["shop_part", "shop_refunded", "0", "shop_lost", "shop_held"],
    )
    .and_where(unit::Column::Shopholder.is_in(parties.iter().copied()))
    .to_owned();
    for row in tx.query_all(&of_shopholder).await? {
        add_units(&mut stories, row.try_get("", "shopholder")?, &row)?;
    }
    add_shares(tx, parties, &mut stories).await?;
    add_disputes(tx, parties, &mut stories).await?;
    add_payouts(tx, parties, &mut stories).await?;
    add_adjustments(tx, parties, &mut stories).await?;
    Ok(stories)
}

/// What shares of others' shops brought, less what was passed on of one's own.
async fn add_shares(tx: &Tx, parties: &[Party], stories: &mut Stories) -> Result<(), DbErr> {
    for (side, sign) in [
        (unit_share::Column::Party, 1),
        (unit_share::Column::Shopholder, -1),
    ] {
        let passed: Vec<(Party, Currency, i64)> = unit_share::Entity::find()
            .select_only()
            .columns([side, unit_share::Column::Currency])
            .column_as(Expr::cust("cast(sum(passed) as bigint)"), "passed")
            .filter(side.is_in(parties.iter().copied()))
            .group_by(side)
            .group_by(unit_share::Column::Currency)
            .into_tuple()
            .all(tx)
            .await?;
        for (party, currency, passed) in passed {
            stories.entry((party, currency)).or_default().shared += sign * passed;
        }
    }
    Ok(())
}

async fn add_disputes(tx: &Tx, parties: &[Party], stories: &mut Stories) -> Result<(), DbErr> {
    let frozen: Vec<(Party, Currency, i64)> = dispute_part::Entity::find()
        .select_only()
        .columns([dispute_part::Column::Party, dispute_part::Column::Currency])
        .column_as(
            Expr::cust("cast(sum(frozen_held + frozen_available) as bigint)"),
            "frozen",
        )
        .filter(dispute_part::Column::Party.is_in(parties.iter().copied()))
        .group_by(dispute_part::Column::Party)
        .group_by(dispute_part::Column::Currency)
        .into_tuple()
        .all(tx)
        .await?;
    for (party, currency, frozen) in frozen {
        stories.entry((party, currency)).or_default().frozen += frozen;
    }
    Ok(())
}

fn of_units(party: unit::Column, [part, refunded, recharged, lost, held]: [&str; 5]) -> SelectStatement {
    let sum = |what: &str| Expr::cust(format!("cast(coalesce(sum({what}), 0) as bigint)"));
    Query::select()
        .column(party)
        .column(unit::Column::Currency)
        .expr_as(sum(part), "accrued")
        .expr_as(sum(refunded), "refunded")
        .expr_as(sum(recharged), "recharged")
        .expr_as(sum(lost), "lost")
        .expr_as(sum(held), "held")
        .from(unit::Entity)
        .group_by_col(party)
        .group_by_col(unit::Column::Currency)
        .to_owned()
}

fn add_units(stories: &mut Stories, party: Party, row: &QueryResult) -> Result<(), DbErr> {
    let story = stories.entry((party, row.try_get("", "currency")?)).or_default();
    story.accrued += row.try_get::<i64>("", "accrued")?;
    story.refunded += row.try_get::<i64>("", "refunded")?;
    story.recharged += row.try_get::<i64>("", "recharged")?;
    story.lost += row.try_get::<i64>("", "lost")?;
    story.held += row.try_get::<i64>("", "held")?;
    Ok(())
}

async fn add_payouts(tx: &Tx, parties: &[Party], stories: &mut Stories) -> Result<(), DbErr> {
    let sum = || Expr::cust("cast(coalesce(sum(amount), 0) as bigint)");
    let payouts: Vec<(Party, Currency, PayoutState, i64)> = payout::Entity::find()
        .select_only()
        .columns([
            payout::Column::Party,
            payout::Column::Currency,
            payout::Column::State,
        ])
        .column_as(sum(), "amount")
        .filter(payout::Column::Party.is_in(parties.iter().copied()))
        .group_by(payout::Column::Party)
        .group_by(payout::Column::Currency)
        .group_by(payout::Column::State)
        .into_tuple()
        .all(tx)
        .await?;
    for (party, currency, state, amount) in payouts {
        let story = stories.entry((party, currency)).or_default();
        match state {
            PayoutState::Paid => story.paid_out += amount,
            PayoutState::Requested => story.requested += amount,
            PayoutState::Refused => {}
        }
    }
    let reversals: Vec<(Party, Currency, ReversalState, i64)> = transfer_reversal::Entity::find()
        .select_only()
        .columns([
            transfer_reversal::Column::Party,
            transfer_reversal::Column::Currency,
            transfer_reversal::Column::State,
        ])
        .column_as(sum(), "amount")
        .filter(transfer_reversal::Column::Party.is_in(parties.iter().copied()))
        .group_by(transfer_reversal::Column::Party)
        .group_by(transfer_reversal::Column::Currency)
        .group_by(transfer_reversal::Column::State)
        .into_tuple()
        .all(tx)
        .await?;
    for (party, currency, state, amount) in reversals {
        let story = stories.entry((party, currency)).or_default();
        match state {
            ReversalState::Succeeded => story.reversed += amount,
            ReversalState::Requested => story.recovering += amount,
            ReversalState::Refused => {}
        }
    }
    Ok(())
}

/// What operators gave, and let go; less what of it was taken back, or is due again.
async fn add_adjustments(tx: &Tx, parties: &[Party], stories: &mut Stories) -> Result<(), DbErr> {
    let corrected =
        "not exists (select 1 from adjustment taken_back where taken_back.corrects = adjustment.id)";
    let stands = "cast(sum(adjustment.amount - coalesce((
        select sum(due.amount) from debt_return due where due.adjustment_id = adjustment.id
    ), 0)) as bigint)";
    let standing: Vec<(Party, Currency, AdjustmentKind, i64)> = adjustment::Entity::find()
        .select_only()
        .columns([
            adjustment::Column::Party,
            adjustment::Column::Currency,
            adjustment::Column::Kind,
        ])
        .column_as(Expr::cust(stands), "amount")
        .filter(adjustment::Column::Party.is_in(parties.iter().copied()))
        .filter(Expr::cust(corrected))
        .group_by(adjustment::Column::Party)
        .group_by(adjustment::Column::Currency)
        .group_by(adjustment::Column::Kind)
        .into_tuple()
        .all(tx)
        .await?;
    for (party, currency, kind, amount) in standing {
        let story = stories.entry((party, currency)).or_default();
        match kind {
            AdjustmentKind::Goodwill => story.given += amount,
            AdjustmentKind::WriteOff => story.written_off += amount,
            AdjustmentKind::Explanation | AdjustmentKind::Correction => {}
        }
    }
    Ok(())
}
