//! The return window closed: what was held becomes available.

use std::collections::{BTreeMap, HashSet};

use anyhow::ensure;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::checkout::{ChargeKind, charge, order};
use vitrine_model::id::{BrandId, OrderId};
use vitrine_model::ledger::{AccountKind, Party, Side, UnitKind, balance_transaction, unit};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::ledger::books::Books;
use crate::ledger::commands::sale::parties;
use crate::ledger::commands::settlement::CHARGES;
use crate::ledger::commands::share::Shares;
use crate::ledger::post::{Entry, Posted};
use crate::tx::Rank;

/// How many due units are looked at to find the orders of one database transaction. All that is due of these orders is
/// released in it, however much that is.
const BATCH: u64 = 100;

/// Which part of a unit's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The brand's.
    Brand,
    /// The shopholder's and the platform's.
    Shop,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Brand => "brand",
            Self::Shop => "shop",
        }
    }

    /// The key of the release whose first unit this is.
    fn key(self, first: &unit::Model) -> String {
        format!("release:{}:{}", first.id, self.name())
    }

    /// When the part is due, and when it was released.
    fn columns(self) -> (unit::Column, unit::Column) {
        match self {
            Self::Brand => (unit::Column::BrandDueAt, unit::Column::BrandReleasedAt),
            Self::Shop => (unit::Column::ShopDueAt, unit::Column::ShopReleasedAt),
        }
    }

    /// The same of one unit.
    fn times(self, unit: &unit::Model) -> (Option<Time>, Option<Time>) {
        match self {
            Self::Brand => (unit.brand_due_at, unit.brand_released_at),
            Self::Shop => (unit.shop_due_at, unit.shop_released_at),
        }
    }
}

/// What one party got by one batch.
type Totals = BTreeMap<Party, i64>;

/// Releases every part whose window has closed: all that is due of an order in one ledger transaction, whose key names the
/// first of its units (`release:{unit}:brand|shop`). Several workers may do so at once: each skips the orders that another
/// has locked.
///
/// # Errors
/// When the database fails.
pub async fn release_due(cx: &Context) -> anyhow::Result<()> {
    for part in [Part::Brand, Part::Shop] {
        while release_batch(cx, part).await? > 0 {}
    }
    Ok(())
}

/// Returns how many orders it found.
async fn release_batch(cx: &Context, part: Part) -> anyhow::Result<usize> {
    let tx = cx.begin().await?;
    let orders = lock_orders(&tx, cx, part).await?;
    let mut by_currency: BTreeMap<Currency, Vec<Vec<unit::Model>>> = BTreeMap::new();
    for units in units_of(&tx, &orders).await?.into_values() {
        let due = due(part, units, cx.now());
        if let Some(first) = due.first() {
            by_currency.entry(first.currency).or_default().push(due);
        }
    }
    for (currency, orders) in by_currency {
        let sold = orders.iter().flatten().map(|unit| unit.order_id);
        let shares = Shares::of(&tx, sold).await?;
        let parties = orders.iter().flat_map(|units| parties(units));
        let mut books = Books::open(&tx, cx, currency, parties.chain(shares.parties())).await?;
        let mut totals = Totals::new();
        for units in &orders {
            release(&tx, cx, &mut books, part, units, &mut totals).await?;
            if part == Part::Shop {
                share(&tx, cx, &mut books, &shares, units, &mut totals).await?;
            }
        }
        tell(&tx, cx, currency, totals).await?;
    }
    tx.commit().await?;
    Ok(orders.len())
}

/// Locks orders of which something is due, those of the units due longest.
async fn lock_orders(tx: &Tx, cx: &Context, part: Part) -> Result<HashSet<OrderId>, DbErr> {
    let (due_at, released_at) = part.columns();
    let of = |column: unit::Column| Expr::col((unit::Entity, column));
    let mut select = Query::select();
    select
        .column((order::Entity, order::Column::Id))
        .from(unit::Entity)
        .inner_join(
            order::Entity,
            Expr::col((order::Entity, order::Column::Id)).equals((unit::Entity, unit::Column::OrderId)),
        )
        .and_where(of(due_at).lte(cx.now()))
        .and_where(of(released_at).is_null())
        .and_where(of(unit::Column::RefundId).is_null())
        .and_where(of(unit::Column::ReturnId).is_null())
        .and_where(of(unit::Column::DisputeId).is_null())
        .and_where(Expr::exists(settled()))
        .and_where(
            of(unit::Column::Kind)
                .eq(UnitKind::Goods)
                .or(Expr::exists(goods_waiting()).not()),
        )
        .order_by((unit::Entity, due_at), sea_orm::Order::Asc)
        .order_by((unit::Entity, unit::Column::Id), sea_orm::Order::Asc)
        .limit(BATCH)
        .lock_with_tables_behavior(LockType::NoKeyUpdate, [order::Entity], LockBehavior::SkipLocked);
    tx.locks(Rank::Order);
    let rows = tx.query_all(&select).await?;
    rows.iter().map(|row| row.try_get("", "id")).collect()
}

/// Locks the units of these orders.
async fn units_of(tx: &Tx, orders: &HashSet<OrderId>) -> Result<BTreeMap<OrderId, Vec<unit::Model>>, DbErr> {
    let mut found: BTreeMap<OrderId, Vec<unit::Model>> = BTreeMap::new();
    if orders.is_empty() {
        return Ok(found);
    }
    tx.locks(Rank::Units);
    let units = unit::Entity::find()
        .filter(unit::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(unit::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    for unit in units {
        found.entry(unit.order_id).or_default().push(unit);
    }
    Ok(found)
}

/// Which of an order's units are due: shipped, window closed, no return or dispute open, no refund under way or done. A
/// brand's shipping comes with the last of its goods.
fn due(part: Part, units: Vec<unit::Model>, now: Time) -> Vec<unit::Model> {
    let ready = |unit: &unit::Model| {
        let (due_at, released_at) = part.times(unit);
        due_at.is_some_and(|due| due <= now)
            && released_at.is_none()
            && unit.refund_id.is_none()
            && unit.return_id.is_none()
            && unit.dispute_id.is_none()
    };
    let waits = |unit: &&unit::Model| {
        unit.kind == UnitKind::Goods
            && unit.brand_released_at.is_none()
            && unit.refund_id.is_none()
            && !(part == Part::Brand && ready(unit))
    };
    let waiting: HashSet<BrandId> = units.iter().filter(waits).map(|unit| unit.brand_id).collect();
    let mut units = units;
    units.retain(|unit| ready(unit) && (unit.kind == UnitKind::Goods || !waiting.contains(&unit.brand_id)));
    units
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

/// Releases what is due of one order.
async fn release(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    part: Part,
    units: &[unit::Model],
    totals: &mut Totals,
) -> anyhow::Result<()> {
    let Some(first) = units.first() else { return Ok(()) };
    let key = part.key(first);
    let mut entry = Entry::new(books, "release", key, cx.now())
        .about("order", first.order_id)
        .about("part", part.name());
    for unit in units {
        let (party, held) = match part {
            Part::Brand => (Some(Party::Brand(unit.brand_id)), unit.brand_held),
            Part::Shop => (unit.shopholder, unit.shop_held),
        };
        let of = Some(unit.id);
        if let Some(party) = party.filter(|_| held > 0) {
            entry.put_party(party, AccountKind::Held, Side::Debit, held, of);
            entry.give(party, held, of);
            *totals.entry(party).or_default() += held;
        }
        if part == Part::Shop {
            entry.debit(AccountKind::DeferredPlatformFee, unit.platform_held, of);
            entry.credit(AccountKind::IncomePlatformFee, unit.platform_held, of);
        }
    }
    if !entry.is_empty() {
        let posted = entry.post(tx, cx).await?;
        ensure!(
            posted == Posted::New,
            "{} was released already, but its row does not say so",
            first.id
        );
    }
    mark(tx, part, units, cx.now()).await
}

/// Passes on what was released of one order to those who curate the shops it came by.
async fn share(
    tx: &Tx,
    cx: &Context,
    books: &mut Books,
    shares: &Shares,
    units: &[unit::Model],
    totals: &mut Totals,
) -> anyhow::Result<()> {
    let Some(first) = units.first() else { return Ok(()) };
    let cause = Part::Shop.key(first);
    for (party, amount) in shares.follow(tx, cx, books, first.order_id, &cause).await? {
        *totals.entry(party).or_default() += amount;
    }
    Ok(())
}

/// Writes that the units were released: each at most once, whatever the books' keys say.
async fn mark(tx: &Tx, part: Part, units: &[unit::Model], now: Time) -> anyhow::Result<()> {
    let (_, released_at) = part.columns();
    let update = unit::Entity::update_many()
        .filter(unit::Column::Id.is_in(units.iter().map(|unit| unit.id)))
        .filter(released_at.is_null())
        .col_expr(released_at, Expr::value(now));
    let update = match part {
        Part::Brand => update.col_expr(unit::Column::BrandHeld, Expr::value(0_i64)),
        Part::Shop => update
            .col_expr(unit::Column::ShopHeld, Expr::value(0_i64))
            .col_expr(unit::Column::PlatformHeld, Expr::value(0_i64)),
    };
    let marked = update.exec(tx).await?.rows_affected;
    ensure!(
        marked == u64::try_from(units.len())?,
        "of {} units to be released {marked} were not released yet",
        units.len()
    );
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
