//! Parcels.

use chrono::SubsecRound;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::checkout::fulfillment;
use vitrine_model::id::{BrandId, FulfillmentId, OrderId, UnitId};
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::Role;
use vitrine_model::text::Tracking;

use crate::checkout::commands::lock_order;
use crate::checkout::commands::standing::{live, lock_paid, standing};
use crate::checkout::refusal::{FulfillmentRefusal, Refusal};
use crate::checkout::units::{self, LineQuantity, Pieces};
use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuse, refuse};
use crate::idempotency::{self, Input, Key};
use crate::identity::{self, By};
use crate::ledger;

/// The mutation's name among idempotency keys.
const MUTATION: &str = "fulfillmentCreate";

/// A parcel handed to a carrier.
#[derive(Debug, Clone)]
pub struct NewFulfillment {
    /// Of which order.
    pub order: OrderId,
    /// What is in it; lines of one brand.
    pub lines: Vec<LineQuantity>,
    /// Who carries it.
    pub carrier: Option<Tracking>,
    /// The carrier's number.
    pub tracking_code: Option<Tracking>,
    /// The client's idempotency key, if it sends one.
    pub key: Option<String>,
}

impl NewFulfillment {
    /// What makes a repeat of the request one: the client's key, or else the carrier's number, since the same pieces under
    /// the same number are the same parcel. Without either two equal requests are two parcels, as far as pieces remain.
    fn key(&self, by: By) -> Option<Key> {
        let input = LineQuantity::list(Input::new().field("order", self.order), &self.lines)
            .maybe("carrier", self.carrier.as_ref())
            .maybe("tracking_code", self.tracking_code.as_ref());
        let key = match (&self.key, &self.tracking_code) {
            (Some(key), _) => key.clone(),
            (None, Some(_)) => hex::encode(input.hash()),
            (None, None) => return None,
        };
        Some(Key::new(by, MUTATION, key, &input))
    }
}

/// Ships pieces of a paid order. Staff of the brand ship their own lines.
///
/// # Errors
/// `OrderNotFound`, `OrderState` when it was called off, `Line(NotInOrder)`, `Staff` below a shipper's role,
/// `SeveralBrands`, `NothingNamed`, `TooManyLines`, `Line(QuantityOutOfRange)`, `Line(TooFewUnits)`, `Key`.
pub async fn create_fulfillment(
    cx: &Context,
    by: By,
    new: NewFulfillment,
) -> Result<fulfillment::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let key = new.key(by);
    if let Some(key) = &key
        && let Some(made) = idempotency::earlier(&tx, cx, key).await?
    {
        let made = fulfillment_row(&tx, made).await?;
        return made.or_refuse(Refusal::Fulfillment(FulfillmentRefusal::NotFound));
    }
    let (brand, units) = parcel(&tx, by, &new).await?;
    let made = fulfillment::ActiveModel {
        id: Set(cx.new_id()),
        order_id: Set(new.order),
        brand_id: Set(brand),
        carrier: Set(new.carrier),
        tracking_code: Set(new.tracking_code),
        shipped_by: Set(by.to_string()),
        shipped_at: Set(cx.now()),
        delivered_at: NotSet,
    };
    let made = made.insert(&tx).await?;
    ledger::units_shipped(&tx, cx, &units, &made).await?;
    if let Some(key) = &key {
        idempotency::finish(&tx, key, Attempt::Done, made.id).await?;
    }
    record(&tx, cx, by, "order.shipped", &made).await?;
    tx.commit().await?;
    Ok(made)
}

/// The parcel arrived at `at`: return windows count from there. Said twice, it stays as it was said first.
///
/// # Errors
/// `Fulfillment(NotFound)`, `Staff` below a shipper's role, `Fulfillment(DeliveryTime)` when `at` lies before shipment
/// or ahead of now, `Fulfillment(AlreadyDelivered)` when another time is on record.
pub async fn mark_delivered(
    cx: &Context,
    by: By,
    id: FulfillmentId,
    at: Time,
) -> Result<fulfillment::Model, Failure<Refusal>> {
    let at = at.trunc_subsecs(6);
    let tx = cx.begin().await?;
    let found = fulfillment_row(&tx, id)
        .await?
        .or_refuse(Refusal::Fulfillment(FulfillmentRefusal::NotFound))?;
    identity::staff_of(&tx, by, found.brand_id, Role::Shipper)
        .await
        .map_err(|failure| {
            failure
                .map(|refusal| Refusal::of_staff(refusal, Refusal::Fulfillment(FulfillmentRefusal::NotFound)))
        })?;
    // Read once more under the order's lock: another may have told of the delivery meanwhile.
    lock_order(&tx, found.order_id).await?;
    let found = fulfillment_row(&tx, id)
        .await?
        .or_refuse(Refusal::Fulfillment(FulfillmentRefusal::NotFound))?;
    if found.delivered_at == Some(at) {
        return Ok(found);
    }
    if found.delivered_at.is_some() {
        return refuse(Refusal::Fulfillment(FulfillmentRefusal::AlreadyDelivered));
    }
    if at < found.shipped_at || at > cx.now() {
        return refuse(Refusal::Fulfillment(FulfillmentRefusal::DeliveryTime));
    }
    fulfillment::Entity::update_many()
        .col_expr(fulfillment::Column::DeliveredAt, Expr::value(at))
        .filter(fulfillment::Column::Id.eq(id))
        .exec(&tx)
        .await?;
    ledger::units_delivered(&tx, cx, &found, at).await?;
    record(&tx, cx, by, "order.delivered", &found).await?;
    tx.commit().await?;
    Ok(fulfillment::Model {
        delivered_at: Some(at),
        ..found
    })
}

/// Whose parcel it is and which units go in, the order locked.
async fn parcel(tx: &Tx, by: By, new: &NewFulfillment) -> Result<(BrandId, Vec<UnitId>), Failure<Refusal>> {
    let (order, lines) = lock_paid(tx, new.order).await?;
    let standing = standing(tx, by, &lines, Role::Shipper).await?;
    let pieces = units::pieces(&lines, &new.lines, |brand| standing.may(brand)).map_err(Failure::Refused)?;
    let brand = one_brand(&pieces).map_err(Failure::Refused)?;
    live(&order)?;
    let all = ledger::units_of(tx, &[order.id]).await?;
    let chosen = units::choose(&all, &pieces, units::to_ship, |_| 0).map_err(Failure::Refused)?;
    Ok((brand, chosen.into_iter().map(|unit| unit.id).collect()))
}

/// The one brand whose lines they are.
pub(super) fn one_brand(pieces: &[Pieces]) -> Result<BrandId, Refusal> {
    let first = pieces.first().ok_or(Refusal::NothingNamed)?;
    if pieces.iter().all(|piece| piece.brand == first.brand) {
        Ok(first.brand)
    } else {
        Err(Refusal::SeveralBrands)
    }
}

async fn fulfillment_row(
    db: &impl ConnectionTrait,
    id: FulfillmentId,
) -> Result<Option<fulfillment::Model>, DbErr> {
    fulfillment::Entity::find_by_id(id).one(db).await
}

async fn record(tx: &Tx, cx: &Context, by: By, kind: &str, parcel: &fulfillment::Model) -> Result<(), DbErr> {
    let refs = [
        ("fulfillment", parcel.id.to_string()),
        ("brand", parcel.brand_id.to_string()),
    ];
    event::record(tx, cx, by.actor(), kind, parcel.order_id, &refs).await
}
