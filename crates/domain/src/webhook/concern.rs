//! Whom an event concerns, and which ids a message about it carries.

use std::collections::BTreeMap;

use anyhow::Context as _;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Map, Value};
use vitrine_model::catalog::{import, product, variant};
use vitrine_model::checkout::{order_line, refund_unit};
use vitrine_model::event;
use vitrine_model::id::{
    BrandId, ImportId, OrderId, PayoutAccountId, PayoutId, ProductId, RefundId, VariantId,
};
use vitrine_model::ledger::{Party, unit};
use vitrine_model::payout::{self, payout_account};
use vitrine_model::webhook::Topic;

/// Whom an event concerns, and what they are told of it.
#[derive(Debug, Default)]
pub(super) struct Concern {
    /// The brands; the platform's own endpoints are told of everything.
    brands: Vec<BrandId>,
    data: Map<String, Value>,
}

impl Concern {
    /// The brands that may be told.
    pub(super) fn brands(&self) -> &[BrandId] {
        &self.brands
    }

    /// What a brand is told, or the platform.
    pub(super) fn data(&self, brand: Option<BrandId>) -> Map<String, Value> {
        let mut data = self.data.clone();
        match brand {
            Some(brand) => data.insert("brandId".to_owned(), brand.to_string().into()),
            None => {
                let brands: Vec<String> = self.brands.iter().map(ToString::to_string).collect();
                data.insert("brandIds".to_owned(), brands.into())
            }
        };
        data
    }

    fn with(mut self, name: &str, id: impl ToString) -> Self {
        self.data.insert(name.to_owned(), id.to_string().into());
        self
    }

    fn of(mut self, brands: impl IntoIterator<Item = BrandId>) -> Self {
        self.brands.extend(brands);
        self.brands.sort_unstable();
        self.brands.dedup();
        self
    }

    fn of_party(self, party: Party) -> Self {
        let brand = match party {
            Party::Brand(brand) => Some(brand),
            Party::Shopholder(_) => None,
        };
        self.with("partyId", party).of(brand)
    }
}

/// Whom the event concerns.
///
/// # Errors
/// When what it is about cannot be found.
pub(super) async fn concern(
    db: &impl ConnectionTrait,
    event: &event::Model,
    topic: Topic,
) -> anyhow::Result<Concern> {
    let subject = event.subject.as_str();
    let refs: BTreeMap<String, String> = serde_json::from_str(&event.payload)?;
    match topic {
        Topic::OrderPaid
        | Topic::OrderCancelled
        | Topic::OrderShipped
        | Topic::OrderDelivered
        | Topic::RefundRequested
        | Topic::RefundSucceeded
        | Topic::RefundFailed => of_order(db, subject.parse()?, &refs).await,
        Topic::ReturnRequested | Topic::ReturnApproved | Topic::ReturnDeclined => {
            of_order(db, named(&refs, "order")?.parse()?, &refs)
                .await
                .map(|concern| concern.with("returnId", subject))
        }
        Topic::DisputeOpened | Topic::DisputeClosed => of_order(db, named(&refs, "order")?.parse()?, &refs)
            .await
            .map(|concern| concern.with("disputeId", subject)),
        Topic::PayoutPaid | Topic::PayoutRefused | Topic::PayoutReversed => {
            of_payout(db, subject.parse()?).await
        }
        Topic::PayoutAccountRestricted => of_payout_account(db, subject.parse()?).await,
        Topic::EarningsReleased => Ok(Concern::default().of_party(subject.parse()?)),
        Topic::ImportDone | Topic::ImportFailed => of_import(db, subject.parse()?).await,
        Topic::ProductUpdated => of_product(db, subject.parse()?).await,
        Topic::VariantUpdated | Topic::StockSet => of_variant(db, subject.parse()?).await,
        // Who tries an endpoint makes the message herself.
        Topic::Test => Ok(Concern::default()),
    }
}

fn named<'a>(refs: &'a BTreeMap<String, String>, name: &str) -> anyhow::Result<&'a str> {
    let id = refs
        .get(name)
        .with_context(|| format!("the event names no {name}"))?;
    Ok(id)
}

/// What happened to an order concerns the brand that it happened to; without such, all that sell something in it.
async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
    refs: &BTreeMap<String, String>,
) -> anyhow::Result<Concern> {
    let mut concern = Concern::default().with("orderId", order);
    if let Some(parcel) = refs.get("fulfillment") {
        concern = concern.with("fulfillmentId", parcel);
    }
    if let Some(refund) = refs.get("refund") {
        let brands = refunded(db, refund.parse()?).await?;
        return Ok(concern.with("refundId", refund).of(brands));
    }
    if let Some(brand) = refs.get("brand") {
        return Ok(concern.of([brand.parse()?]));
    }
    let brands: Vec<BrandId> = order_line::Entity::find()
        .select_only()
        .column(order_line::Column::BrandId)
        .filter(order_line::Column::OrderId.eq(order))
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    Ok(concern.of(brands))
}

/// The brands whose units a refund gives back: none when it gives back a charge that bought nothing.
async fn refunded(db: &impl ConnectionTrait, refund: RefundId) -> Result<Vec<BrandId>, DbErr> {
    let units = refund_unit::Entity::find()
        .filter(refund_unit::Column::RefundId.eq(refund))
        .all(db)
        .await?;
    unit::Entity::find()
        .select_only()
        .column(unit::Column::BrandId)
        .filter(unit::Column::Id.is_in(units.into_iter().map(|row| row.unit_id)))
        .distinct()
        .into_tuple()
        .all(db)
        .await
}

async fn of_payout(db: &impl ConnectionTrait, id: PayoutId) -> anyhow::Result<Concern> {
    let payout = payout::Entity::find_by_id(id).one(db).await?;
    let payout = payout.with_context(|| format!("no payout {id}"))?;
    Ok(Concern::default().with("payoutId", id).of_party(payout.party))
}

async fn of_payout_account(db: &impl ConnectionTrait, id: PayoutAccountId) -> anyhow::Result<Concern> {
    let account = payout_account::Entity::find_by_id(id).one(db).await?;
    let account = account.with_context(|| format!("no payout account {id}"))?;
    Ok(Concern::default()
        .with("payoutAccountId", id)
        .of_party(account.party))
}

async fn of_import(db: &impl ConnectionTrait, id: ImportId) -> anyhow::Result<Concern> {
    let import = import::Entity::find_by_id(id).one(db).await?;
    let import = import.with_context(|| format!("no import {id}"))?;
    Ok(Concern::default()
        .with("productImportId", id)
        .of([import.brand_id]))
}

async fn of_product(db: &impl ConnectionTrait, id: ProductId) -> anyhow::Result<Concern> {
    let product = product::Entity::find_by_id(id).one(db).await?;
    let product = product.with_context(|| format!("no product {id}"))?;
    Ok(Concern::default().with("productId", id).of([product.brand_id]))
}

async fn of_variant(db: &impl ConnectionTrait, id: VariantId) -> anyhow::Result<Concern> {
    let variant = variant::Entity::find_by_id(id).one(db).await?;
    let variant = variant.with_context(|| format!("no variant {id}"))?;
    let concern = Concern::default()
        .with("productId", variant.product_id)
        .with("variantId", id);
    Ok(concern.of([variant.brand_id]))
}
