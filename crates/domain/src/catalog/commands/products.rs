//! Products, variants and stock, changed by hand. Imports have a module of their own.

use anyhow::Context as _;
use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::catalog::{
    StockPolicy, brand, product, product_tag, product_text, variant, variant_price,
};
use vitrine_model::id::{ProductId, VariantId};
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::Role;
use vitrine_model::money::{BasisPoints, Money};
use vitrine_model::text::{Code, Label, Title};

use crate::catalog::commands::brands::{amount, set};
use crate::catalog::html::sanitise;
use crate::catalog::queries;
use crate::catalog::refusal::Refusal;
use crate::catalog::rules::{self, change_own_rate};
use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuse, refuse};
use crate::idempotency::{self, Input, Key};
use crate::identity::{self, By};
use crate::search;

/// Most tags of one product.
pub const MAX_TAGS: usize = 250;
/// Longest description in bytes.
pub const MAX_DESCRIPTION: usize = 512 * 1024;
/// Most pieces of one variant.
pub(in crate::catalog) const MAX_STOCK: i64 = 1_000_000_000;

/// What is to be different of a product. The inner `None` removes what can be absent.
#[derive(Debug, Clone, Default)]
pub struct ProductChange {
    /// What it is called.
    pub title: Option<Title>,
    /// Its description; whatever is not harmless markup is taken out.
    pub description_html: Option<String>,
    /// The maker.
    pub vendor: Option<Option<Label>>,
    /// The brand's kind of product.
    pub product_type: Option<Option<Label>>,
    /// All its tags.
    pub tags: Option<Vec<Label>>,
    /// Whether anyone may see and buy it.
    pub published: Option<bool>,
    /// Whether it may be recommended.
    pub promotable: Option<bool>,
    /// A rate of its own. A lower one applies after the notice, a higher one at once.
    pub commission: Option<Option<BasisPoints>>,
}

/// What is to be different of a variant. The inner `None` removes what can be absent.
#[derive(Debug, Clone, Default)]
pub struct VariantChange {
    /// List price, VAT included.
    pub price: Option<Money>,
    /// The brand's own struck-through price.
    pub compare_at: Option<Option<Money>>,
    /// Its VAT rate at home.
    pub vat: Option<Option<BasisPoints>>,
    /// The lowest price a buyer may be given.
    pub floor: Option<Option<Money>>,
    /// The brand's stock-keeping unit.
    pub sku: Option<Option<Code>>,
    /// EAN, UPC or the like.
    pub barcode: Option<Option<Code>>,
    /// What happens when no piece is left.
    pub policy: Option<StockPolicy>,
    /// Whether stock is counted.
    pub tracked: Option<bool>,
    /// Whether it is offered.
    pub active: Option<bool>,
}

/// How many pieces of a variant there are.
#[derive(Debug, Clone)]
pub struct StockCount {
    /// Of which.
    pub variant: VariantId,
    /// Pieces in the warehouse, those reserved among them.
    pub on_hand: i64,
}

/// Changes a product.
///
/// # Errors
/// `ProductNotFound`, `Staff(RoleLacking)` unless a manager asks, `TooManyTags`,
/// `DescriptionTangled`.
pub async fn update_product(
    cx: &Context,
    by: By,
    id: ProductId,
    change: ProductChange,
) -> Result<product::Model, Failure<Refusal>> {
    if change.tags.as_ref().is_some_and(|tags| tags.len() > MAX_TAGS) {
        return refuse(Refusal::TooManyTags(MAX_TAGS));
    }
    let description = match change.description_html {
        Some(html) => Some(sanitised(html).await?),
        None => None,
    };
    let tx = cx.begin().await?;
    let old = locked_product(&tx, by, id).await?;
    let mut row = old.clone().into_active_model();
    if let Some(wanted) = change.commission {
        set_rate(&tx, cx, &old, &mut row, wanted).await?;
    }
    set(&mut row.title, change.title);
    set(&mut row.vendor, change.vendor);
    set(&mut row.product_type, change.product_type);
    set(&mut row.published, change.published);
    set(&mut row.promotable, change.promotable);
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    if let Some(tags) = change.tags {
        put_tags(&tx, id, tags).await?;
    }
    refresh_text(&tx, &row, description).await?;
    event::record(&tx, cx, by.actor(), "product.updated", id, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

/// Changes a variant. Another price is written into the history of its prices.
///
/// # Errors
/// `VariantNotFound`, `Staff(RoleLacking)` unless a manager asks, `OtherCurrency`, `AmountOutOfRange`, `FloorsOff`,
/// `FloorAbovePrice`.
pub async fn update_variant(
    cx: &Context,
    by: By,
    id: VariantId,
    change: VariantChange,
) -> Result<variant::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let (brand, old) = locked_variant(&tx, by, id).await?;
    let row = changed(cx, &brand, &old, change)?.update(&tx).await?;
    if row.price != old.price {
        record_price(&tx, id, row.price, cx.now()).await?;
    }
    let product = refresh_prices(&tx, row.product_id, cx.now()).await?;
    if row.sku != old.sku {
        refresh_text(&tx, &product, None).await?;
    }
    let refs = [("product", row.product_id.to_string())];
    event::record(&tx, cx, by.actor(), "variant.updated", id, &refs).await?;
    tx.commit().await?;
    Ok(row)
}

/// Sets how many pieces of a variant there are, and has them counted from now on. The same key answers the first outcome
/// again.
///
/// # Errors
/// `VariantNotFound`, `Staff(RoleLacking)` unless a manager asks, `StockOutOfRange`, `StockBelowReserved` under the `deny`
/// policy, `Key`.
pub async fn set_stock(
    cx: &Context,
    by: By,
    key: &str,
    count: StockCount,
) -> Result<variant::Model, Failure<Refusal>> {
    let input = Input::new()
        .field("variant", count.variant)
        .field("on_hand", count.on_hand);
    let key = Key::new(by, "variantStockSet", key.to_owned(), &input);
    let tx = cx.begin().await?;
    if let Some(id) = idempotency::earlier::<VariantId, _>(&tx, cx, &key).await? {
        let row = variant::Entity::find_by_id(id).one(&tx).await?;
        return row.or_refuse(Refusal::VariantNotFound);
    }
    let (_, old) = locked_variant(&tx, by, count.variant).await?;
    if !(0..=MAX_STOCK).contains(&count.on_hand) {
        return refuse(Refusal::StockOutOfRange);
    }
    if old.policy == StockPolicy::Deny && count.on_hand < old.reserved {
        return refuse(Refusal::StockBelowReserved {
            reserved: old.reserved,
        });
    }
    let mut row = old.into_active_model();
    row.on_hand = Set(count.on_hand);
    row.tracked = Set(true);
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    let refs = [("on_hand", count.on_hand.to_string())];
    event::record(&tx, cx, by.actor(), "variant.stock_set", row.id, &refs).await?;
    idempotency::finish(&tx, &key, Attempt::Done, row.id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Writes a list price into the variant's history. Two within one tick of the clock leave the later.
pub(in crate::catalog) async fn record_price(
    tx: &Tx,
    variant: VariantId,
    price: i64,
    now: Time,
) -> Result<(), DbErr> {
    let row = variant_price::ActiveModel {
        variant_id: Set(variant),
        valid_from: Set(now),
        price: Set(price),
    };
    let later = OnConflict::columns([variant_price::Column::VariantId, variant_price::Column::ValidFrom])
        .update_column(variant_price::Column::Price)
        .to_owned();
    variant_price::Entity::insert(row)
        .on_conflict(later)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Rewrites what searching looks through and, if given, the description, which is harmless already.
pub(in crate::catalog) async fn refresh_text(
    tx: &Tx,
    product: &product::Model,
    description: Option<String>,
) -> Result<(), Failure<Refusal>> {
    let text = product_text::Entity::find()
        .filter(product_text::Column::ProductId.eq(product.id))
        .one(tx)
        .await?;
    let text = text.with_context(|| format!("{} has no text", product.id))?;
    let tags = queries::tags_of(tx, &[product.id]).await?;
    let skus: Vec<Option<Code>> = variant::Entity::find()
        .select_only()
        .column(variant::Column::Sku)
        .filter(variant::Column::ProductId.eq(product.id))
        .filter(variant::Column::Active.eq(true))
        .order_by_asc(variant::Column::Position)
        .into_tuple()
        .all(tx)
        .await?;
    let description = description.unwrap_or_else(|| text.description_html.clone());
    let plain = rules::plain(&description);
    let labels = [&product.vendor, &product.product_type].into_iter().flatten();
    let texts = std::iter::once(product.title.as_str())
        .chain(labels.map(Label::as_str))
        .chain(tags.iter().map(|row| row.tag.as_str()))
        .chain(skus.iter().flatten().map(Code::as_str))
        .chain(std::iter::once(&*plain));
    let search_text = search::text(texts);
    if search_text == text.search_text && description == text.description_html {
        return Ok(());
    }
    let mut row = text.into_active_model();
    row.search_text = Set(search_text);
    row.description_html = Set(description);
    row.update(tx).await?;
    Ok(())
}

/// Takes everything out of `html` that is not harmless markup: off the async threads, and before any lock is taken, since
/// parsing takes its time.
pub(in crate::catalog) async fn sanitised(html: String) -> Result<String, Failure<Refusal>> {
    let parsed = tokio::task::spawn_blocking(move || sanitise(&html)).await;
    let parsed = parsed.context("a description was not read to its end")?;
    parsed.map_err(|tangled| Failure::Refused(Refusal::DescriptionTangled(tangled)))
}

/// Keeps a product's lowest and highest price, over the variants offered, as they are now.
pub(in crate::catalog) async fn refresh_prices(
    tx: &Tx,
    id: ProductId,
    now: Time,
) -> Result<product::Model, Failure<Refusal>> {
    let range: Option<(Option<i64>, Option<i64>)> = variant::Entity::find()
        .select_only()
        .column_as(variant::Column::Price.min(), "lowest")
        .column_as(variant::Column::Price.max(), "highest")
        .filter(variant::Column::ProductId.eq(id))
        .filter(variant::Column::Active.eq(true))
        .into_tuple()
        .one(tx)
        .await?;
    let product = product::Entity::find_by_id(id).one(tx).await?;
    let mut row = product.or_refuse(Refusal::ProductNotFound)?.into_active_model();
    // A product none of whose variants is offered keeps the prices it had last.
    if let Some((Some(lowest), Some(highest))) = range {
        row.min_price = Set(lowest);
        row.max_price = Set(highest);
    }
    row.updated_at = Set(now);
    Ok(row.update(tx).await?)
}

/// Makes the product's tags exactly these.
pub(in crate::catalog) async fn put_tags(
    tx: &Tx,
    product: ProductId,
    mut tags: Vec<Label>,
) -> Result<(), DbErr> {
    tags.sort();
    tags.dedup();
    product_tag::Entity::delete_many()
        .filter(product_tag::Column::ProductId.eq(product))
        .exec(tx)
        .await?;
    if tags.is_empty() {
        return Ok(());
    }
    let rows = tags.into_iter().map(|tag| product_tag::ActiveModel {
        product_id: Set(product),
        tag: Set(tag),
    });
    product_tag::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

async fn set_rate(
    tx: &Tx,
    cx: &Context,
    old: &product::Model,
    row: &mut product::ActiveModel,
    wanted: Option<BasisPoints>,
) -> Result<(), Failure<Refusal>> {
    let now = cx.now();
    let terms = queries::terms_at(tx, &[old.brand_id], now).await?;
    let terms = terms.get(&old.brand_id).context("a brand without terms")?;
    let notice = TimeDelta::days(cx.settings().notice_days);
    let rate = change_own_rate(old, terms, wanted, now, notice);
    row.commission_bp = Set(rate.now);
    row.next_commission_bp = Set(rate.next);
    row.next_commission_from = Set(rate.next_from);
    Ok(())
}

/// The variant as it is to be.
fn changed(
    cx: &Context,
    brand: &brand::Model,
    old: &variant::Model,
    change: VariantChange,
) -> Result<variant::ActiveModel, Failure<Refusal>> {
    let in_brands = |field, money: Option<Option<Money>>| match money {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(money)) => amount(field, money, brand.currency).map(|amount| Some(Some(amount))),
    };
    let price = match change.price {
        Some(price) => Some(amount("price", price, brand.currency)?),
        None => None,
    };
    let floor = in_brands("priceFloor", change.floor)?;
    if matches!(floor, Some(Some(_))) && !cx.settings().price_floors {
        return refuse(Refusal::FloorsOff);
    }
    let floor_then = floor.unwrap_or(old.floor);
    if floor_then.is_some_and(|floor| floor > price.unwrap_or(old.price)) {
        return refuse(Refusal::FloorAbovePrice);
    }
    let mut row = old.clone().into_active_model();
    set(&mut row.price, price);
    set(&mut row.floor, floor);
    set(
        &mut row.compare_at,
        in_brands("compareAtPrice", change.compare_at)?,
    );
    set(&mut row.vat_bp, change.vat);
    set(&mut row.sku, change.sku);
    set(&mut row.barcode, change.barcode);
    set(&mut row.policy, change.policy);
    set(&mut row.tracked, change.tracked);
    set(&mut row.active, change.active);
    row.updated_at = Set(cx.now());
    Ok(row)
}

async fn locked_product(tx: &Tx, by: By, id: ProductId) -> Result<product::Model, Failure<Refusal>> {
    let row = product::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let row = row.or_refuse(Refusal::ProductNotFound)?;
    let staff = identity::staff_of(tx, by, row.brand_id, Role::Manager).await;
    staff.map_err(|failure| failure.map(|refusal| told(refusal, row.published, Refusal::ProductNotFound)))?;
    Ok(row)
}

async fn locked_variant(
    tx: &Tx,
    by: By,
    id: VariantId,
) -> Result<(brand::Model, variant::Model), Failure<Refusal>> {
    let row = variant::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let row = row.or_refuse(Refusal::VariantNotFound)?;
    let product = product::Entity::find_by_id(row.product_id).one(tx).await?;
    let public = row.active && product.is_some_and(|product| product.published);
    let staff = identity::staff_of(tx, by, row.brand_id, Role::Manager).await;
    staff.map_err(|failure| failure.map(|refusal| told(refusal, public, Refusal::VariantNotFound)))?;
    let brand = brand::Entity::find_by_id(row.brand_id).one(tx).await?;
    Ok((brand.context("a variant without a brand")?, row))
}

/// What is another brand's and not `public` is indistinguishable from what is missing.
fn told(refusal: identity::Refusal, public: bool, missing: Refusal) -> Refusal {
    match refusal {
        identity::Refusal::NotStaff if !public => missing,
        identity::Refusal::BrandNotFound => missing,
        other => Refusal::Staff(other),
    }
}
