//! Brands, their terms and what they charge for shipping.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, QuerySelect};
use vitrine_model::catalog::{FeeBearer, brand, shipping_rate, terms};
use vitrine_model::id::BrandId;
use vitrine_model::identity::{Role, account};
use vitrine_model::money::{BasisPoints, Currency, Money};
use vitrine_model::text::{Country, Handle, Name, WebUrl};

use crate::catalog::queries;
use crate::catalog::refusal::Refusal;
use crate::catalog::rules::{TermsChange, follow};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity::{self, By};

/// A brand to be founded.
#[derive(Debug, Clone)]
pub struct NewBrand {
    /// Its address.
    pub handle: Handle,
    /// What people call it.
    pub name: Name,
    /// Where it is established and ships from.
    pub country: Country,
    /// The one currency it sells in, for ever.
    pub currency: Currency,
    /// The VAT rate of variants that name none.
    pub default_vat: BasisPoints,
    /// Whether its prices contain VAT.
    pub prices_include_tax: bool,
}

/// What is to be different of a brand.
#[derive(Debug, Clone, Default)]
pub struct BrandChange {
    /// What people call it.
    pub name: Option<Name>,
    /// Where its picture is; the inner `None` takes it away.
    pub picture_url: Option<Option<WebUrl>>,
    /// Where it is established and ships from.
    pub country: Option<Country>,
    /// The VAT rate of variants that name none.
    pub default_vat: Option<BasisPoints>,
}

/// Founds a brand, with the platform's default terms; `by` becomes its owner.
///
/// # Errors
/// `HandleReserved`, `HandleTaken`, `CurrencyNotHeld`.
pub async fn create_brand(
    cx: &Context,
    by: &account::Model,
    new: NewBrand,
) -> Result<brand::Model, Failure<Refusal>> {
    if new.handle.is_reserved() {
        return refuse(Refusal::HandleReserved);
    }
    let held = &cx.settings().currencies;
    if !held.contains(&new.currency) {
        return refuse(Refusal::CurrencyNotHeld(held.clone()));
    }
    let tx = cx.begin().await?;
    let now = cx.now();
    let row = brand::Model {
        id: cx.new_id(),
        handle: new.handle,
        name: new.name,
        picture_url: None,
        country: new.country,
        currency: new.currency,
        default_vat_bp: new.default_vat,
        prices_include_tax: new.prices_include_tax,
        fee_bearer: FeeBearer::Brand,
        created_at: now,
        updated_at: now,
    };
    brand::Entity::insert(row.clone().into_active_model())
        .exec_without_returning(&tx)
        .await
        .or_refuse_duplicate(Refusal::HandleTaken)?;
    let terms = first_terms(cx, row.id).into_active_model();
    terms::Entity::insert(terms).exec_without_returning(&tx).await?;
    identity::found_brand(&tx, cx, row.id, by.id).await?;
    event::record(&tx, cx, Actor::Account(by.id), "brand.created", row.id, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

/// Changes what a brand is called, where it is, and its default VAT rate.
///
/// # Errors
/// Those of [`identity::staff_of`] for a manager.
pub async fn update_brand(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    change: BrandChange,
) -> Result<brand::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let mut row = managed(&tx, by, brand, Role::Manager).await?.into_active_model();
    set(&mut row.name, change.name);
    set(&mut row.picture_url, change.picture_url);
    set(&mut row.country, change.country);
    set(&mut row.default_vat_bp, change.default_vat);
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    event::record(&tx, cx, Actor::Account(by.id), "brand.updated", brand, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

/// Changes a brand's terms: a lower commission applies after the notice, everything else at once. Returns the terms in
/// force now.
///
/// # Errors
/// Those of [`identity::staff_of`] for a manager, `DaysOutOfRange`, `OperatorOnly` for the platform's fees.
pub async fn change_terms(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    change: TermsChange,
) -> Result<terms::Model, Failure<Refusal>> {
    change.check(by.operator).map_err(Failure::Refused)?;
    let tx = cx.begin().await?;
    managed(&tx, by, brand, Role::Manager).await?;
    let now = cx.now();
    let in_force = queries::terms_at(&tx, &[brand], now).await?.remove(&brand);
    let in_force = in_force.ok_or_else(|| anyhow::anyhow!("{brand} has no terms"))?;
    let announced = queries::announced_terms(&tx, &[brand], now).await?.remove(&brand);
    let notice = TimeDelta::days(cx.settings().notice_days);
    let mut rows = follow(&in_force, announced.as_ref(), &change, now, notice);
    for row in &mut rows {
        row.id = cx.new_id();
    }
    let decided = rows.iter().map(|row| row.clone().into_active_model());
    terms::Entity::insert_many(decided)
        .exec_without_returning(&tx)
        .await?;
    let refs = rows.iter().map(|row| ("terms", row.id.to_string()));
    let refs: Vec<_> = refs.take(1).collect();
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "brand.terms_changed",
        brand,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(rows.swap_remove(0))
}

/// Decides who bears the payment provider's fee on a brand's sales. Charges already made keep their bearer.
///
/// # Errors
/// `OperatorOnly`; `Staff(BrandNotFound)`.
pub async fn set_fee_bearer(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    bearer: FeeBearer,
) -> Result<brand::Model, Failure<Refusal>> {
    if !by.operator {
        return refuse(Refusal::OperatorOnly);
    }
    let tx = cx.begin().await?;
    let mut row = managed(&tx, by, brand, Role::Owner).await?.into_active_model();
    row.fee_bearer = Set(bearer);
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    let refs = [("bearer", bearer.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "brand.fee_bearer_set",
        brand,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Sets what a brand charges for sending one order to `country`, VAT included; `None` when it does not ship there any
/// more.
///
/// # Errors
/// Those of [`identity::staff_of`] for a manager, `OtherCurrency`, `AmountOutOfRange`.
pub async fn set_shipping_rate(
    cx: &Context,
    by: &account::Model,
    brand: BrandId,
    country: Country,
    price: Option<Money>,
) -> Result<brand::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = managed(&tx, by, brand, Role::Manager).await?;
    match price {
        Some(price) => {
            let amount = amount("price", price, row.currency)?;
            put_rate(&tx, cx, brand, &country, amount).await?;
        }
        None => {
            shipping_rate::Entity::delete_by_id((brand, country.clone()))
                .exec(&tx)
                .await?;
        }
    }
    let refs = [("country", country.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "brand.shipping_rate_set",
        brand,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

async fn put_rate(
    tx: &Tx,
    cx: &Context,
    brand: BrandId,
    country: &Country,
    amount: i64,
) -> Result<(), DbErr> {
    let rate = shipping_rate::ActiveModel {
        brand_id: Set(brand),
        country: Set(country.clone()),
        amount: Set(amount),
        updated_at: Set(cx.now()),
    };
    let newer = OnConflict::columns([shipping_rate::Column::BrandId, shipping_rate::Column::Country])
        .update_columns([shipping_rate::Column::Amount, shipping_rate::Column::UpdatedAt])
        .to_owned();
    shipping_rate::Entity::insert(rate)
        .on_conflict(newer)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The brand, locked, if `by` may do there what takes `needed`.
pub(super) async fn managed(
    tx: &Tx,
    by: impl Into<By>,
    brand: BrandId,
    needed: Role,
) -> Result<brand::Model, Failure<Refusal>> {
    identity::staff_of(tx, by, brand, needed)
        .await
        .map_err(|failure| failure.map(Refusal::from))?;
    let row = brand::Entity::find_by_id(brand).lock_exclusive().one(tx).await?;
    // An operator passes the first test for any id.
    row.or_refuse(Refusal::Staff(identity::Refusal::BrandNotFound))
}

/// The amount in minor units, if it is in the brand's currency and within what can be charged.
pub(super) fn amount(field: &'static str, money: Money, expected: Currency) -> Result<i64, Failure<Refusal>> {
    if money.currency() != expected {
        return refuse(Refusal::OtherCurrency { field, expected });
    }
    let max = expected.rules().max_charge;
    if (0..=max).contains(&money.minor()) {
        return Ok(money.minor());
    }
    refuse(Refusal::AmountOutOfRange {
        field,
        max: Money::new(max, expected),
    })
}

/// Sets a column when a value is given.
pub(super) fn set<T: Into<sea_orm::Value>>(column: &mut sea_orm::ActiveValue<T>, value: Option<T>) {
    if let Some(value) = value {
        *column = Set(value);
    }
}

fn first_terms(cx: &Context, brand: BrandId) -> terms::Model {
    let default = &cx.settings().default_terms;
    terms::Model {
        id: cx.new_id(),
        brand_id: brand,
        commission_bp: default.commission,
        platform_fee_bp: default.platform_fee,
        organic_fee_bp: default.organic_fee,
        attribution_days: default.attribution_days,
        brand_window_days: default.brand_window_days,
        shop_window_days: default.shop_window_days,
        unknown_delivery_days: default.unknown_delivery_days,
        member_price: false,
        effective_from: cx.now(),
        created_at: cx.now(),
    }
}
