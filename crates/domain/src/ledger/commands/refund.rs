//! Refunds: each part of a unit's price goes back from whoever holds it now.

use anyhow::{Context as _, ensure};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use std::collections::{HashMap, HashSet};
use vitrine_model::checkout::{RefundKind, refund};
use vitrine_model::id::{DisputeId, RefundId, UnitId};
use vitrine_model::ledger::{AccountKind, Party, Side, account, posting, unit};

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::commands::{
    dispute::refund_freed, due_again, sale::parties, share::Shares, window::shipping_follows,
};
use crate::ledger::post::{self, Entry};
use crate::ledger::queries::lock_units;
use crate::ledger::rules::refundable;

/// The refund was decided: marks the units with it and debits each part's holder (held, then available, then receivable;
/// the platform from deferred, or income after release), crediting refunds payable (`refund:{id}:decided`). For a charge
/// nobody asked for there is nothing to decide: refunds payable was credited when it was seen. The caller holds the
/// order's lock.
///
/// # Errors
/// When the database fails, a unit is refunded already, or the units are not worth the refund's amount.
pub async fn refund_decided(
    tx: &Tx,
    cx: &Context,
    refund: &refund::Model,
    units: &[UnitId],
) -> anyhow::Result<()> {
    let key = decided_key(refund.id);
    if refund.kind == RefundKind::Charge || post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut all = lock_units(tx, refund.order_id).await?;
    let units = chosen(refund, &all, units)?;
    let shares = Shares::of(tx, [refund.order_id]).await?;
    let parties = parties(&units).chain(shares.parties());
    let mut books = Books::open(tx, cx, refund.currency, parties).await?;
    let mut entry = Entry::new(&mut books, "refund.decided", key.clone(), refund.created_at)
        .about("charge", &refund.charge_id)
        .about("order", refund.order_id)
        .about("refund", refund.id);
    for unit in &units {
        take_back(&mut entry, unit);
    }
    entry.post(tx, cx).await?;
    let rest = |part: unit::Column, lost: unit::Column| Expr::col(part).sub(Expr::col(lost));
    unit::Entity::update_many()
        .col_expr(unit::Column::RefundId, Expr::value(refund.id))
        .col_expr(
            unit::Column::BrandRefunded,
            rest(unit::Column::BrandPart, unit::Column::BrandLost),
        )
        .col_expr(
            unit::Column::ShopRefunded,
            rest(unit::Column::ShopPart, unit::Column::ShopLost),
        )
        .col_expr(
            unit::Column::PlatformRefunded,
            rest(unit::Column::PlatformPart, unit::Column::PlatformLost),
        )
        .col_expr(unit::Column::BrandHeld, Expr::value(0_i64))
        .col_expr(unit::Column::ShopHeld, Expr::value(0_i64))
        .col_expr(unit::Column::PlatformHeld, Expr::value(0_i64))
        .filter(unit::Column::Id.is_in(units.iter().map(|unit| unit.id)))
        .exec(tx)
        .await?;
    shares.follow(tx, cx, &mut books, refund.order_id, &key).await?;
    mark(&mut all, &units, Some(refund.id));
    shipping_follows(tx, &all, units.iter().map(|unit| unit.brand_id)).await?;
    Ok(())
}

/// Stripe made the refund: refunds payable to clearing (`refund:{re}`).
///
/// # Errors
/// When the database fails, or the refund has no id of Stripe's yet.
pub async fn refund_made(tx: &Tx, cx: &Context, refund: &refund::Model) -> anyhow::Result<()> {
    let key = made_key(refund)?;
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::of_platform(refund.currency);
    let mut entry = Entry::new(&mut books, "refund.made", key, cx.now())
        .about("order", refund.order_id)
        .about("refund", refund.id);
    entry.debit(AccountKind::RefundsPayable, refund.amount, None);
    entry.credit(AccountKind::ClearingRefunds, refund.amount, None);
    entry.post(tx, cx).await?;
    Ok(())
}

/// The refund failed, before or after Stripe made it: reverses what was posted (`refund:{id}:failed`) and frees the units.
/// What had been held is held again; what had been taken of available money, or was owed, is given back, netted. What the
/// order's closed disputes could not take meanwhile they take now: returns those that did. The caller holds the order's
/// lock.
///
/// # Errors
/// When the database fails.
pub async fn refund_failed(tx: &Tx, cx: &Context, refund: &refund::Model) -> anyhow::Result<Vec<DisputeId>> {
    let key = format!("refund:{}:failed", refund.id);
    if post::exists(tx, &key).await? {
        return Ok(Vec::new());
    }
    let mut all = lock_units(tx, refund.order_id).await?;
    let units: Vec<unit::Model> = all
        .iter()
        .filter(|unit| unit.refund_id == Some(refund.id))
        .cloned()
        .collect();
    let shares = Shares::of(tx, [refund.order_id]).await?;
    // Of all, since disputes concern all.
    let parties = parties(&all).chain(shares.parties());
    let mut books = Books::open(tx, cx, refund.currency, parties).await?;
    let before = books.spendable();
    let mut entry = Entry::new(&mut books, "refund.failed", key.clone(), cx.now())
        .about("order", refund.order_id)
        .about("refund", refund.id);
    let made = match &refund.stripe_refund_id {
        Some(_) => post::exists(tx, &made_key(refund)?).await?,
        None => false,
    };
    if made {
        entry.debit(AccountKind::ClearingRefunds, refund.amount, None);
        entry.credit(AccountKind::RefundsPayable, refund.amount, None);
    }
    let held = give_back(tx, &mut entry, refund).await?;
    if !entry.is_empty() {
        entry.post(tx, cx).await?;
    }
    for unit in &units {
        free(tx, unit.id, held.get(&unit.id).copied().unwrap_or_default()).await?;
    }
    let disputes = refund_freed(tx, cx, &mut books, refund.order_id).await?;
    shares.follow(tx, cx, &mut books, refund.order_id, &key).await?;
    let cause = due_again::Cause {
        key: &key,
        order: refund.order_id,
        since: refund.created_at,
    };
    due_again::take(tx, cx, &mut books, &before, cause).await?;
    mark(&mut all, &units, None);
    shipping_follows(tx, &all, units.iter().map(|unit| unit.brand_id)).await?;
    Ok(disputes)
}

fn decided_key(refund: RefundId) -> String {
    format!("refund:{refund}:decided")
}

fn made_key(refund: &refund::Model) -> anyhow::Result<String> {
    let made = refund.stripe_refund_id.as_deref();
    let made = made.with_context(|| format!("{} was not made at Stripe", refund.id))?;
    Ok(format!("refund:{made}"))
}

/// The units asked for, of all of the order's.
fn chosen(refund: &refund::Model, all: &[unit::Model], ids: &[UnitId]) -> anyhow::Result<Vec<unit::Model>> {
    let asked: HashSet<UnitId> = ids.iter().copied().collect();
    let units: Vec<unit::Model> = all
        .iter()
        .filter(|unit| asked.contains(&unit.id) && unit.refund_id.is_none())
        .cloned()
        .collect();
    ensure!(
        units.len() == ids.len(),
        "{}: units of another order, or refunded already",
        refund.id
    );
    let worth: i64 = units.iter().map(refundable).sum();
    ensure!(
        worth == refund.amount && units.iter().all(|unit| unit.currency == refund.currency),
        "{}: the units are worth {worth}, not {} {}",
        refund.id,
        refund.amount,
        refund.currency
    );
    Ok(units)
}

/// Notes in `all` what was written of the `changed` units: which refund they are in.
fn mark(all: &mut [unit::Model], changed: &[unit::Model], refund: Option<RefundId>) {
    let changed: HashSet<UnitId> = changed.iter().map(|unit| unit.id).collect();
    for unit in all.iter_mut().filter(|unit| changed.contains(&unit.id)) {
        unit.refund_id = refund;
    }
}

fn take_back(entry: &mut Entry<'_>, unit: &unit::Model) {
    let of = Some(unit.id);
    let brand = unit.brand_part - unit.brand_lost;
    entry.take(Party::Brand(unit.brand_id), brand, unit.brand_held, of);
    if let Some(shopholder) = unit.shopholder {
        entry.take(shopholder, unit.shop_part - unit.shop_lost, unit.shop_held, of);
    }
    entry.debit(AccountKind::DeferredPlatformFee, unit.platform_held, of);
    entry.debit(
        AccountKind::IncomePlatformFee,
        unit.platform_part - unit.platform_lost - unit.platform_held,
        of,
    );
    entry.credit(AccountKind::RefundsPayable, refundable(unit), of);
}

/// What of a unit's parts is held again.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    brand: i64,
    shop: i64,
    platform: i64,
}

/// Reverses the decision, posting by posting, as it stands in the books.
async fn give_back(
    tx: &Tx,
    entry: &mut Entry<'_>,
    refund: &refund::Model,
) -> anyhow::Result<HashMap<UnitId, Held>> {
    let mut held: HashMap<UnitId, Held> = HashMap::new();
    let Some(decided) = post::find(tx, &decided_key(refund.id)).await? else {
        return Ok(held);
    };
    for (posting, account) in postings(tx, decided.id).await? {
        let party = account.owner.parse::<Party>().ok();
        let of = posting.unit_id;
        let kept = of.map(|unit| held.entry(unit).or_default());
        match (account.kind, party) {
            (AccountKind::Held, Some(party)) => {
                entry.put_party(party, AccountKind::Held, Side::Credit, posting.amount, of);
                match (party, kept) {
                    (Party::Brand(_), Some(kept)) => kept.brand += posting.amount,
                    (Party::Shopholder(_), Some(kept)) => kept.shop += posting.amount,
                    (_, None) => {}
                }
            }
            (_, Some(party)) => entry.give(party, posting.amount, of),
            (AccountKind::RefundsPayable, None) => {
                entry.debit(AccountKind::RefundsPayable, posting.amount, of);
            }
            (kind, None) => {
                entry.credit(kind, posting.amount, of);
                if let (AccountKind::DeferredPlatformFee, Some(kept)) = (kind, kept) {
                    kept.platform += posting.amount;
                }
            }
        }
    }
    Ok(held)
}

async fn postings(tx: &Tx, transaction: i64) -> Result<Vec<(posting::Model, account::Model)>, DbErr> {
    let postings = posting::Entity::find()
        .filter(posting::Column::TransactionId.eq(transaction))
        .all(tx)
        .await?;
    let accounts = account::Entity::find()
        .filter(account::Column::Id.is_in(postings.iter().map(|posting| posting.account_id)))
        .all(tx)
        .await?;
    let accounts: HashMap<i64, account::Model> = accounts.into_iter().map(|row| (row.id, row)).collect();
    let mut pairs: Vec<_> = postings
        .into_iter()
        .filter_map(|posting| {
            let account = accounts.get(&posting.account_id)?.clone();
            Some((posting, account))
        })
        .collect();
    pairs.sort_by_key(|(posting, _)| posting.id);
    Ok(pairs)
}

async fn free(tx: &Tx, unit: UnitId, held: Held) -> Result<(), DbErr> {
    let plus = |column: unit::Column, amount: i64| Expr::col(column).add(amount);
    unit::Entity::update_many()
        .col_expr(unit::Column::RefundId, Expr::value(None::<RefundId>))
        .col_expr(unit::Column::BrandRefunded, Expr::value(0_i64))
        .col_expr(unit::Column::ShopRefunded, Expr::value(0_i64))
        .col_expr(unit::Column::PlatformRefunded, Expr::value(0_i64))
        .col_expr(unit::Column::BrandHeld, plus(unit::Column::BrandHeld, held.brand))
        .col_expr(unit::Column::ShopHeld, plus(unit::Column::ShopHeld, held.shop))
        .col_expr(
            unit::Column::PlatformHeld,
            plus(unit::Column::PlatformHeld, held.platform),
        )
        .filter(unit::Column::Id.eq(unit))
        .exec(tx)
        .await?;
    Ok(())
}
