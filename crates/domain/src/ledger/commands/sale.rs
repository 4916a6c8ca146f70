//! A buyer paid: the sold units are born, and each part of their price is held for its party.

use std::collections::HashMap;

use anyhow::ensure;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use vitrine_model::checkout::{charge, order, order_line};
use vitrine_model::id::{BrandId, OrderId, ShopId, UnitId};
use vitrine_model::ledger::{AccountKind, Party, Side, UnitKind, unit};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::commands::settlement;
use crate::ledger::commands::share::{Share, agree};
use crate::ledger::post::{self, Entry};
use crate::ledger::split::vat_within;
use crate::tx::Rank;

/// Units written by one statement: both databases limit how many values it may bind.
const UNITS_PER_STATEMENT: usize = 400;

/// One brand's shipping of an order, to become its pseudo-unit.
#[derive(Debug, Clone)]
pub struct Shipping {
    /// Who ships.
    pub brand_id: BrandId,
    /// What the buyer pays for it, minor units; zero makes no unit.
    pub amount: i64,
    /// VAT facts and windows, as on any line of that brand.
    pub like: order_line::Model,
}

/// The order was paid by `charge`: makes the units (one row per piece, one per brand's shipping) and posts
/// `charge:{ch}:paid`. What they bring a shop is `shared` as agreed by now. Done twice, it does nothing. The caller holds the
/// order's lock.
///
/// # Errors
/// When the database fails, or when the units do not add up to the order's total.
pub async fn charge_paid(
    tx: &Tx,
    cx: &Context,
    order: &order::Model,
    charge: &charge::Model,
    lines: &[order_line::Model],
    shipping: &[Shipping],
    shared: &HashMap<ShopId, Vec<Share>>,
) -> anyhow::Result<()> {
    let key = format!("charge:{}:paid", charge.id);
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let units = units(cx, order, lines, shipping)?;
    let sum: i64 = units.iter().map(|unit| unit.paid).sum();
    ensure!(
        sum == order.total && sum == charge.amount && order.currency == charge.currency,
        "order {}: units are worth {sum}, the order {} {}, charge {} {} {}",
        order.number,
        order.total,
        order.currency,
        charge.id,
        charge.amount,
        charge.currency,
    );
    tx.locks(Rank::Units);
    insert(tx, &units).await?;
    agree(tx, &units, shared).await?;
    let mut books = Books::open(tx, cx, order.currency, parties(&units)).await?;
    let mut entry = Entry::new(&mut books, "charge.paid", key, cx.now())
        .about("charge", &charge.id)
        .about("order", order.id);
    entry.debit(AccountKind::ClearingCharges, sum, None);
    for unit in &units {
        hold(&mut entry, unit);
    }
    entry.post(tx, cx).await?;
    settlement::recharge_if_settled(tx, cx, charge, &units).await
}

/// A charge nobody asked for: debit clearing, credit refunds payable (`charge:{ch}:unexpected`). Never split, never
/// recharged.
///
/// # Errors
/// When the database fails.
pub async fn charge_unexpected(tx: &Tx, cx: &Context, charge: &charge::Model) -> anyhow::Result<()> {
    let key = format!("charge:{}:unexpected", charge.id);
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::of_platform(charge.currency);
    let mut entry = Entry::new(&mut books, "charge.unexpected", key, cx.now())
        .about("charge", &charge.id)
        .about("order", charge.order_id);
    entry.debit(AccountKind::ClearingCharges, charge.amount, None);
    entry.credit(AccountKind::RefundsPayable, charge.amount, None);
    entry.post(tx, cx).await?;
    Ok(())
}

/// Everyone who has a part in the units.
pub(super) fn parties(units: &[unit::Model]) -> impl Iterator<Item = Party> {
    units
        .iter()
        .flat_map(|unit| [Some(Party::Brand(unit.brand_id)), unit.shopholder])
        .flatten()
}

fn hold(entry: &mut Entry<'_>, unit: &unit::Model) {
    let of = Some(unit.id);
    let brand = Party::Brand(unit.brand_id);
    entry.put_party(brand, AccountKind::Held, Side::Credit, unit.brand_part, of);
    if let Some(shopholder) = unit.shopholder {
        entry.put_party(shopholder, AccountKind::Held, Side::Credit, unit.shop_part, of);
    }
    entry.credit(AccountKind::DeferredPlatformFee, unit.platform_part, of);
}

fn units(
    cx: &Context,
    order: &order::Model,
    lines: &[order_line::Model],
    shipping: &[Shipping],
) -> anyhow::Result<Vec<unit::Model>> {
    let mut lines: Vec<&order_line::Model> = lines.iter().collect();
    lines.sort_by_key(|line| line.position);
    let goods = lines.into_iter().flat_map(|line| {
        let pieces = usize::try_from(line.quantity).unwrap_or(0);
        std::iter::repeat_n(line, pieces).map(|line| piece(cx, order, line))
    });
    let parcels = shipping
        .iter()
        .filter(|shipping| shipping.amount > 0)
        .map(|shipping| parcel(cx, order, shipping));
    let mut units: Vec<unit::Model> = goods.chain(parcels).collect();
    for (ordinal, unit) in (1..).zip(&mut units) {
        unit.ordinal = ordinal;
        ensure!(
            unit.shop_part == 0 || unit.shopholder.is_some(),
            "order {}: a part for nobody",
            order.number
        );
    }
    Ok(units)
}

/// One piece of a line.
fn piece(cx: &Context, order: &order::Model, line: &order_line::Model) -> unit::Model {
    let unit = unit::Model {
        line_id: Some(line.id),
        variant_id: Some(line.variant_id),
        shop_id: line.shop_id,
        shopholder: line.shopholder,
        kind: UnitKind::Goods,
        paid: line.price,
        brand_part: line.brand_part,
        shop_part: line.shop_part,
        platform_part: line.platform_part,
        discount: line.discount,
        ..blank(cx.new_id(), order.id, order.currency, line)
    };
    with_held(cx, unit)
}

/// One brand's shipping: all of it is the brand's, and nobody is credited.
fn parcel(cx: &Context, order: &order::Model, shipping: &Shipping) -> unit::Model {
    let unit = unit::Model {
        brand_id: shipping.brand_id,
        paid: shipping.amount,
        brand_part: shipping.amount,
        ..blank(cx.new_id(), order.id, order.currency, &shipping.like)
    };
    with_held(cx, unit)
}

/// The unit with all its parts still held, and the VAT within what was paid.
fn with_held(cx: &Context, unit: unit::Model) -> unit::Model {
    let vat = vat_within(unit.paid, unit.vat_bp);
    unit::Model {
        brand_held: unit.brand_part,
        shop_held: unit.shop_part,
        platform_held: unit.platform_part,
        taxable: unit.paid - vat,
        vat,
        created_at: cx.now(),
        ..unit
    }
}

/// A shipping unit worth nothing, with the VAT facts and windows of `like`.
fn blank(id: UnitId, order_id: OrderId, currency: Currency, like: &order_line::Model) -> unit::Model {
    unit::Model {
        id,
        order_id,
        line_id: None,
        brand_id: like.brand_id,
        variant_id: None,
        shop_id: None,
        shopholder: None,
        kind: UnitKind::Shipping,
        ordinal: 0,
        currency,
        paid: 0,
        brand_part: 0,
        shop_part: 0,
        platform_part: 0,
        discount: 0,
        recharged: 0,
        brand_held: 0,
        shop_held: 0,
        platform_held: 0,
        brand_lost: 0,
        shop_lost: 0,
        platform_lost: 0,
        brand_refunded: 0,
        shop_refunded: 0,
        platform_refunded: 0,
        taxable: 0,
        vat: 0,
        vat_bp: like.vat_bp,
        vat_country: like.vat_country.clone(),
        vat_seller: like.vat_seller,
        fee_bearer: like.fee_bearer,
        brand_window_days: like.brand_window_days,
        shop_window_days: like.shop_window_days,
        unknown_delivery_days: like.unknown_delivery_days,
        fulfillment_id: None,
        shipped_at: None,
        delivered_at: None,
        brand_due_at: None,
        shop_due_at: None,
        brand_released_at: None,
        shop_released_at: None,
        return_id: None,
        dispute_id: None,
        refund_id: None,
        created_at: vitrine_model::Time::UNIX_EPOCH,
    }
}

async fn insert(tx: &Tx, units: &[unit::Model]) -> anyhow::Result<()> {
    for some in units.chunks(UNITS_PER_STATEMENT) {
        // `reset_all` marks every column as to be written.
        let rows = some
            .iter()
            .map(|unit| unit.clone().into_active_model().reset_all());
        unit::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
