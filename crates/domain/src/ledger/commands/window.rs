//! The return window of each unit: it opens with the parcel, and stands still while a return is open.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::checkout::fulfillment;
use vitrine_model::id::{BrandId, ReturnId, UnitId};
use vitrine_model::ledger::{UnitKind, unit};

use crate::context::{Context, Tx};
use crate::ledger::queries::lock_units;
use crate::ledger::rules;
use crate::tx::Rank;

/// The units went into a parcel: opens their windows from `shipped_at` + the assumed delivery. Shipping units follow their
/// brand's last goods unit. The caller holds the order's lock.
///
/// # Errors
/// When the database fails.
pub async fn units_shipped(
    tx: &Tx,
    _cx: &Context,
    units: &[UnitId],
    fulfillment: &fulfillment::Model,
) -> Result<(), DbErr> {
    let mut all = lock_units(tx, fulfillment.order_id).await?;
    let units: HashSet<UnitId> = units.iter().copied().collect();
    let mut shipped = HashSet::with_capacity(units.len());
    for unit in &mut all {
        if unit.shipped_at.is_none() && units.contains(&unit.id) {
            unit.fulfillment_id = Some(fulfillment.id);
            unit.shipped_at = Some(fulfillment.shipped_at);
            unit.delivered_at = fulfillment.delivered_at;
            shipped.insert(unit.id);
        }
    }
    unit::Entity::update_many()
        .col_expr(unit::Column::FulfillmentId, Expr::value(fulfillment.id))
        .col_expr(unit::Column::ShippedAt, Expr::value(fulfillment.shipped_at))
        .col_expr(unit::Column::DeliveredAt, Expr::value(fulfillment.delivered_at))
        .filter(unit::Column::Id.is_in(shipped.iter().copied()))
        .exec(tx)
        .await?;
    open_windows(tx, &mut all, &shipped).await
}

/// The parcel arrived at `at`: their windows count from there. What was released already stays so. The caller holds the
/// order's lock.
///
/// # Errors
/// When the database fails.
pub async fn units_delivered(
    tx: &Tx,
    _cx: &Context,
    fulfillment: &fulfillment::Model,
    at: Time,
) -> Result<(), DbErr> {
    let mut all = lock_units(tx, fulfillment.order_id).await?;
    let mut delivered = HashSet::new();
    for unit in &mut all {
        if unit.fulfillment_id == Some(fulfillment.id) {
            unit.delivered_at = Some(at);
            delivered.insert(unit.id);
        }
    }
    unit::Entity::update_many()
        .col_expr(unit::Column::DeliveredAt, Expr::value(at))
        .filter(unit::Column::Id.is_in(delivered.iter().copied()))
        .exec(tx)
        .await?;
    open_windows(tx, &mut all, &delivered).await
}

/// A return opened (`Some`) or closed (`None`) for the units: nothing of them releases while it is open. The caller holds
/// the order's lock.
///
/// # Errors
/// When the database fails.
pub async fn units_returning(tx: &Tx, units: &[UnitId], open: Option<ReturnId>) -> Result<(), DbErr> {
    tx.locks(Rank::Units);
    unit::Entity::update_many()
        .col_expr(unit::Column::ReturnId, Expr::value(open))
        .filter(unit::Column::Id.is_in(units.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Sets when the shipping of the brands named may be released, after any of their goods were shipped, delivered,
/// refunded, or not refunded after all. `all` are the order's units as they are now, locked.
pub(super) async fn shipping_follows(
    tx: &Tx,
    all: &[unit::Model],
    brands: impl IntoIterator<Item = BrandId>,
) -> Result<(), DbErr> {
    let brands: BTreeSet<BrandId> = brands.into_iter().collect();
    for brand in brands {
        let ours = all.iter().filter(|unit| unit.brand_id == brand);
        let (goods, shipping): (Vec<_>, Vec<_>) = ours.partition(|unit| unit.kind == UnitKind::Goods);
        let due = rules::shipping_due(&goods);
        let shipping = shipping.iter().map(|unit| unit.id).collect();
        set_due(tx, unit::Column::BrandDueAt, due, shipping).await?;
    }
    Ok(())
}

/// Writes when the `opened` ones of the order's units may be released, and with them their brands' shipping. What was
/// released keeps the time at which it fell due.
async fn open_windows(tx: &Tx, all: &mut [unit::Model], opened: &HashSet<UnitId>) -> Result<(), DbErr> {
    for unit in all.iter_mut().filter(|unit| opened.contains(&unit.id)) {
        let (brand_due, shop_due) = rules::due(unit);
        if unit.brand_released_at.is_none() {
            unit.brand_due_at = brand_due;
        }
        if unit.shop_released_at.is_none() {
            unit.shop_due_at = shop_due;
        }
    }
    let opened = || all.iter().filter(|unit| opened.contains(&unit.id));
    write_due(tx, opened()).await?;
    let brands = opened().map(|unit| unit.brand_id);
    shipping_follows(tx, all, brands).await
}

async fn write_due(tx: &Tx, units: impl Iterator<Item = &unit::Model>) -> Result<(), DbErr> {
    let mut brand: BTreeMap<Option<Time>, Vec<UnitId>> = BTreeMap::new();
    let mut shop: BTreeMap<Option<Time>, Vec<UnitId>> = BTreeMap::new();
    for unit in units {
        brand.entry(unit.brand_due_at).or_default().push(unit.id);
        shop.entry(unit.shop_due_at).or_default().push(unit.id);
    }
    for (due, units) in brand {
        set_due(tx, unit::Column::BrandDueAt, due, units).await?;
    }
    for (due, units) in shop {
        set_due(tx, unit::Column::ShopDueAt, due, units).await?;
    }
    Ok(())
}

/// Whatever was released meanwhile is left as it is.
async fn set_due(tx: &Tx, column: unit::Column, due: Option<Time>, units: Vec<UnitId>) -> Result<(), DbErr> {
    if units.is_empty() {
        return Ok(());
    }
    let released = match column {
        unit::Column::BrandDueAt => unit::Column::BrandReleasedAt,
        _ => unit::Column::ShopReleasedAt,
    };
    unit::Entity::update_many()
        .col_expr(column, Expr::value(due))
        .filter(unit::Column::Id.is_in(units))
        .filter(released.is_null())
        .exec(tx)
        .await?;
    Ok(())
}
