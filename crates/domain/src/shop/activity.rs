//! What happens in a shop, as its owner watches it: visitors come, buyers pay, and get their money back.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::checkout::refund_unit;
use vitrine_model::id::{ClickId, EventId, RefundId, ShopId};
use vitrine_model::ledger::unit;
use vitrine_model::money::Money;
use vitrine_model::referral::click;

use crate::stream::Happening;

/// What happened in a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityKind {
    /// A visitor followed one of its links, and was counted.
    Click,
    /// An order was paid.
    Sale,
    /// A buyer got money back.
    Refund,
}

/// One thing that happened in a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub kind: ActivityKind,
    /// When.
    pub at: Time,
    /// How many units were sold or refunded; 0 for a click.
    pub quantity: i32,
    /// What buyers paid or got back for them; none for a click.
    pub amount: Option<Money>,
    /// What the shop's owner earns by it, or gives back of what she had earned; none for a click.
    pub earnings: Option<Money>,
}

/// What `happening` means to `shop`; nothing when it means nothing.
///
/// # Errors
/// When the database fails.
pub async fn activity(
    db: &impl ConnectionTrait,
    shop: ShopId,
    happening: &Happening,
) -> Result<Option<Activity>, DbErr> {
    match happening.event.kind.as_str() {
        "click.recorded" => visited(db, shop, happening).await,
        "order.paid" => sold(db, shop, happening).await,
        "order.refunded" => refunded(db, shop, happening).await,
        _ => Ok(None),
    }
}

async fn visited(
    db: &impl ConnectionTrait,
    shop: ShopId,
    happening: &Happening,
) -> Result<Option<Activity>, DbErr> {
    let Ok(id) = happening.event.subject.parse::<ClickId>() else {
        return Ok(None);
    };
    let found = click::Entity::find_by_id(id)
        .filter(click::Column::ShopId.eq(shop))
        .filter(click::Column::CountedHour.is_not_null());
    let counted = found.one(db).await?;
    Ok(counted.map(|_| told(happening, ActivityKind::Click, &[])))
}

async fn sold(
    db: &impl ConnectionTrait,
    shop: ShopId,
    happening: &Happening,
) -> Result<Option<Activity>, DbErr> {
    let Some(order) = happening.order() else {
        return Ok(None);
    };
    let units = unit::Entity::find()
        .filter(unit::Column::OrderId.eq(order))
        .filter(unit::Column::ShopId.eq(shop))
        .all(db)
        .await?;
    let parts: Vec<_> = units
        .iter()
        .map(|unit| (unit, unit.paid, unit.shop_part))
        .collect();
    Ok((!parts.is_empty()).then(|| told(happening, ActivityKind::Sale, &parts)))
}

async fn refunded(
    db: &impl ConnectionTrait,
    shop: ShopId,
    happening: &Happening,
) -> Result<Option<Activity>, DbErr> {
    let refund = happening
        .named("refund")
        .and_then(|id| id.parse::<RefundId>().ok());
    let Some(refund) = refund else { return Ok(None) };
    let rows = refund_unit::Entity::find()
        .filter(refund_unit::Column::RefundId.eq(refund))
        .all(db)
        .await?;
    let units = unit::Entity::find()
        .filter(unit::Column::Id.is_in(rows.iter().map(|row| row.unit_id)))
        .filter(unit::Column::ShopId.eq(shop))
        .all(db)
        .await?;
    let amount = |unit: &unit::Model| {
        let of = rows.iter().find(|row| row.unit_id == unit.id);
        of.map_or(0, |row| row.amount)
    };
    let parts: Vec<_> = units
        .iter()
        .map(|unit| (unit, amount(unit), unit.shop_refunded))
        .collect();
    Ok((!parts.is_empty()).then(|| told(happening, ActivityKind::Refund, &parts)))
}

/// Each unit with what was paid for it and what of that is the shop's; all in the order's currency.
fn told(happening: &Happening, kind: ActivityKind, parts: &[(&unit::Model, i64, i64)]) -> Activity {
    let currency = parts.first().map(|(unit, ..)| unit.currency);
    let sum = |part: fn(&(&unit::Model, i64, i64)) -> i64| {
        let minor = parts.iter().map(part).sum();
        currency.map(|currency| Money::new(minor, currency))
    };
    Activity {
        id: happening.event.id,
        kind,
        at: happening.event.occurred_at,
        quantity: i32::try_from(parts.len()).unwrap_or(i32::MAX),
        amount: sum(|(_, paid, _)| *paid),
        earnings: sum(|(.., earned)| *earned),
    }
}
