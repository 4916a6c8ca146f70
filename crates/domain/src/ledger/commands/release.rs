//! The return window closed: what was held becomes available.

use std::collections::BTreeMap;

use anyhow::ensure;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::Time;
use vitrine_model::checkout::{ChargeKind, charge};
use vitrine_model::ledger::{AccountKind, Party, Side, UnitKind, balance_transaction, unit};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::ledger::books::Books;
use crate::ledger::commands::sale::parties;
use crate::ledger::commands::settlement::CHARGES;
use crate::ledger::post::{Entry, Posted};
use crate::tx::Rank;

/// Units released in one database transaction.
const BATCH: u64 = 100;

/// Which part of a unit's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The brand's.
    Brand,
    /// The shopholder's and the platform's.
    Shop,
}

/// What one party got by one batch.
type Totals = BTreeMap<Party, i64>;

/// Releases every part whose window has closed, in batches, one transaction each (`release:{unit}:brand|shop`). Several
/// workers may do so at once: each skips the units another has locked.
///
/// # Errors
/// When the database fails.
pub async fn release_due(cx: &Context) -> anyhow::Result<()> {
    for part in [Part::Brand, Part::Shop] {
        while release_batch(cx, part).await? > 0 {}
    }
    Ok(())
}

async fn release_batch(cx: &Context, part: Part) -> anyhow::Result<usize> {
    let tx = cx.begin().await?;
    let units = due(&tx, cx, part).await?;
    let mut by_currency: BTreeMap<Currency, Vec<unit::Model>> = BTreeMap::new();
    let released = units.len();
    for unit in units {
        by_currency.entry(unit.currency).or_default().push(unit);
    }
    for (currency, units) in by_currency {
        let mut books = Books::open(&tx, cx, currency, parties(&units)).await?;
        let mut totals = Totals::new();
        for unit in &units {
            release(&tx, cx, &mut books, part, unit, &mut totals).await?;
        }
        tell(&tx, cx, currency, totals).await?;
    }
    tx.commit().await?;
    Ok(released)
}

/// The units whose part is due, the oldest first: shipped, window closed, no return or dispute open, no refund under way or done, the
/// charge's balance transaction applied; a brand's shipping with the last of its goods.
async fn due(tx: &Tx, cx: &Context, part: Part) -> Result<Vec<unit::Model>, DbErr> {
    let (due_at, released_at) = columns(part);
    tx.locks(Rank::Units);
    unit::Entity::find()
        .filter(due_at.lte(cx.now()))
        .filter(released_at.is_null())
        .filter(unit::Column::RefundId.is_null())
        .filter(unit::Column::ReturnId.is_null())
        .filter(unit::Column::DisputeId.is_null())
        .filter(Expr::exists(settled()))
        .filter(
            Condition::any()
                .add(unit::Column::Kind.eq(UnitKind::Goods))
                .add(Expr::exists(goods_waiting()).not()),
        )
        .order_by_asc(due_at)
        .order_by_asc(unit::Column::Id)
        .limit(BATCH)
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
        .all(tx)
        .await
}

fn columns(part: Part) -> (unit::Column, unit::Column) {
    match part {
        Part::Brand => (unit::Column::BrandDueAt, unit::Column::BrandReleasedAt),
        Part::Shop => (unit::Column::ShopDueAt, unit::Column::ShopReleasedAt),
    }
}

/// Whether the balance transaction of the charge that paid for the unit was applied.
fn settled() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(charge::Entity)
        .inner_join(
            balance_transaction::Entity,
            Expr::col((balance_transaction::Entity, balance_transaction::Column::Source))
                .equals((charge::Entity, charge::Column::Id)),
        )
        .and_where(
            Expr::col((charge::Entity, charge::Column::OrderId))
                .equals((unit::Entity, unit::Column::OrderId)),
        )
        .and_where(Expr::col((charge::Entity, charge::Column::Kind)).eq(ChargeKind::Expected))
        .and_where(
            Expr::col((balance_transaction::Entity, balance_transaction::Column::Kind))
                .is_in(CHARGES.iter().copied()),
        )
        .and_where(
            Expr::col((balance_transaction::Entity, balance_transaction::Column::Currency))
                .equals((unit::Entity, unit::Column::Currency)),
        )
        .to_owned()
}

/// Whether goods of the shipping unit's brand and order still wait for their release.
fn goods_waiting() -> SelectStatement {
    const GOODS: &str = "goods";
    let goods = |column: unit::Column| Expr::col((GOODS, column));
    Query::select()
        .expr(Expr::value(1))
        .from_as(unit::Entity, GOODS)
        .and_where(goods(unit::Column::OrderId).equals((unit::Entity, unit::Column::OrderId)))
        .and_where(goods(unit::Column::BrandId).equals((unit::Entity, unit::Column::BrandId)))
        .and_where(goods(unit::Column::Kind).eq(UnitKind::Goods))
        .and_where(goods(unit::Column::BrandReleasedAt).is_null())
        .and_where(goods(unit::Column::RefundId).is_null())
        .to_owned()
}

async fn release(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    part: Part,
    unit: &unit::Model,
    totals: &mut Totals,
) -> anyhow::Result<()> {
    let (name, party, held) = match part {
        Part::Brand => ("brand", Some(Party::Brand(unit.brand_id)), unit.brand_held),
        Part::Shop => ("shop", unit.shopholder, unit.shop_held),
    };
    let key = format!("release:{}:{name}", unit.id);
    let mut entry = Entry::new(books, "release", key, cx.now())
        .about("order", unit.order_id)
        .about("part", name)
        .about("unit", unit.id);
    if let Some(party) = party.filter(|_| held > 0) {
        entry.put_party(party, AccountKind::Held, Side::Debit, held, Some(unit.id));
        entry.give(party, held, Some(unit.id));
        *totals.entry(party).or_default() += held;
    }
    if part == Part::Shop {
        entry.debit(
            AccountKind::DeferredPlatformFee,
            unit.platform_held,
            Some(unit.id),
        );
        entry.credit(AccountKind::IncomePlatformFee, unit.platform_held, Some(unit.id));
    }
    if !entry.is_empty() {
        let posted = entry.post(tx, cx).await?;
        ensure!(
            posted == Posted::New,
            "{} was released already, but its row does not say so",
            unit.id
        );
    }
    mark(tx, part, unit, cx.now()).await?;
    Ok(())
}

async fn mark(tx: &Tx, part: Part, unit: &unit::Model, now: Time) -> Result<(), DbErr> {
    let update = unit::Entity::update_many().filter(unit::Column::Id.eq(unit.id));
    let update = match part {
        Part::Brand => update
            .col_expr(unit::Column::BrandHeld, Expr::value(0_i64))
            .col_expr(unit::Column::BrandReleasedAt, Expr::value(now)),
        Part::Shop => update
            .col_expr(unit::Column::ShopHeld, Expr::value(0_i64))
            .col_expr(unit::Column::PlatformHeld, Expr::value(0_i64))
            .col_expr(unit::Column::ShopReleasedAt, Expr::value(now)),
    };
    update.exec(tx).await?;
    Ok(())
}

/// One event per party and batch: a party with a thousand sales wants to be told once.
async fn tell(tx: &Tx, cx: &Context, currency: Currency, totals: Totals) -> Result<(), DbErr> {
    for (party, amount) in totals {
        let refs = [("amount", amount.to_string()), ("currency", currency.to_string())];
        event::record(tx, cx, Actor::System, "earnings.released", party, &refs).await?;
    }
    Ok(())
}
