//! The return window of each unit: it opens with the parcel, and stands still while a return is open.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::checkout::fulfillment;
use vitrine_model::id::{BrandId, OrderId, ReturnId, UnitId};
use vitrine_model::ledger::{UnitKind, unit};

use crate::context::{Context, Tx};
use crate::ledger::queries::lock_units;
use crate::ledger::rules;

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
    let shipped = Condition::all()
        .add(unit::Column::Id.is_in(units.iter().copied()))
        .add(unit::Column::ShippedAt.is_null());
    let units = lock_units(tx, shipped).await?;
    let units: Vec<unit::Model> = units
        .into_iter()
        .map(|unit| unit::Model {
            fulfillment_id: Some(fulfillment.id),
            shipped_at: Some(fulfillment.shipped_at),
            delivered_at: fulfillment.delivered_at,
            ..unit
        })
        .collect();
    unit::Entity::update_many()
        .col_expr(unit::Column::FulfillmentId, Expr::value(fulfillment.id))
        .col_expr(unit::Column::ShippedAt, Expr::value(fulfillment.shipped_at))
        .col_expr(unit::Column::DeliveredAt, Expr::value(fulfillment.delivered_at))
        .filter(unit::Column::Id.is_in(units.iter().map(|unit| unit.id)))
        .exec(tx)
        .await?;
    write_due(tx, &units).await?;
    shipping_follows(tx, &units).await
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
    let units = lock_units(tx, unit::Column::FulfillmentId.eq(fulfillment.id)).await?;
    let units: Vec<unit::Model> = units
        .into_iter()
        .map(|unit| unit::Model {
            delivered_at: Some(at),
            ..unit
        })
        .collect();
    unit::Entity::update_many()
        .col_expr(unit::Column::DeliveredAt, Expr::value(at))
        .filter(unit::Column::Id.is_in(units.iter().map(|unit| unit.id)))
        .exec(tx)
        .await?;
    write_due(tx, &units).await?;
    shipping_follows(tx, &units).await
}

/// A return opened (`Some`) or closed (`None`) for the units: nothing of them releases while it is open.
///
/// # Errors
/// When the database fails.
pub async fn units_returning(tx: &Tx, units: &[UnitId], open: Option<ReturnId>) -> Result<(), DbErr> {
    unit::Entity::update_many()
        .col_expr(unit::Column::ReturnId, Expr::value(open))
        .filter(unit::Column::Id.is_in(units.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Sets when the shipping of the units' brands may be released, after any of their goods were shipped, delivered,
/// refunded, or not refunded after all.
pub(super) async fn shipping_follows(tx: &Tx, changed: &[unit::Model]) -> Result<(), DbErr> {
    let of: BTreeSet<(OrderId, BrandId)> = changed
        .iter()
        .map(|unit| (unit.order_id, unit.brand_id))
        .collect();
    for (order, brand) in of {
        let ours = Condition::all()
            .add(unit::Column::OrderId.eq(order))
            .add(unit::Column::BrandId.eq(brand));
        let units = lock_units(tx, ours).await?;
        let (goods, shipping): (Vec<_>, Vec<_>) =
            units.into_iter().partition(|unit| unit.kind == UnitKind::Goods);
        let shipping = shipping.iter().map(|unit| unit.id).collect();
        set_due(
            tx,
            unit::Column::BrandDueAt,
            rules::shipping_due(&goods),
            shipping,
        )
        .await?;
    }
    Ok(())
}

async fn write_due(tx: &Tx, units: &[unit::Model]) -> Result<(), DbErr> {
    let mut brand: BTreeMap<Option<Time>, Vec<UnitId>> = BTreeMap::new();
    let mut shop: BTreeMap<Option<Time>, Vec<UnitId>> = BTreeMap::new();
    for unit in units {
        let (brand_due, shop_due) = rules::due(unit);
        brand.entry(brand_due).or_default().push(unit.id);
        shop.entry(shop_due).or_default().push(unit.id);
    }
    for (due, units) in brand {
        set_due(tx, unit::Column::BrandDueAt, due, units).await?;
    }
    for (due, units) in shop {
        set_due(tx, unit::Column::ShopDueAt, due, units).await?;
    }
    Ok(())
}

/// What was released keeps the time at which it fell due.
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
