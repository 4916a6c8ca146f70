//! What can be sold, read. Functions that take many ids answer for all of them with one statement.

use std::collections::HashMap;

use chrono::TimeDelta;
use sea_orm::sea_query::{Asterisk, Expr, Query, WindowStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Order, QueryFilter, QueryOrder};
use vitrine_model::Time;
use vitrine_model::catalog::{
    NoteKind, brand, import, import_note, product, product_image, product_tag, product_text, shipping_rate,
    terms, variant, variant_price,
};
use vitrine_model::id::{BrandId, ImageId, ImportId, ProductId, VariantId};
use vitrine_model::text::{Country, Handle, ProductHandle};

use crate::list::List;

/// An import's place in the list of a brand's: when it was asked for, and its id.
pub type ByRequest = (Time, ImportId);

/// How far back a struck-through price must look (Directive 98/6/EC, article 6a).
const PRICE_MEMORY: TimeDelta = TimeDelta::days(30);
/// Most changes of one variant's price looked at for that.
const MAX_PRICES: i64 = 500;

/// The brands with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn brands_by_id(db: &impl ConnectionTrait, ids: &[BrandId]) -> Result<Vec<brand::Model>, DbErr> {
    let found = brand::Entity::find().filter(brand::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The brand with this handle.
///
/// # Errors
/// When the database fails.
pub async fn brand_by_handle(
    db: &impl ConnectionTrait,
    handle: &Handle,
) -> Result<Option<brand::Model>, DbErr> {
    let found = brand::Entity::find().filter(brand::Column::Handle.eq(handle.as_str()));
    found.one(db).await
}

/// The products with these ids, in no order, published or not.
///
/// # Errors
/// When the database fails.
pub async fn products_by_id(
    db: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<Vec<product::Model>, DbErr> {
    let found = product::Entity::find().filter(product::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The brand's product with this handle, published or not.
///
/// # Errors
/// When the database fails.
pub async fn product_by_handle(
    db: &impl ConnectionTrait,
    brand: BrandId,
    handle: &ProductHandle,
) -> Result<Option<product::Model>, DbErr> {
    let found = product::Entity::find()
        .filter(product::Column::BrandId.eq(brand))
        .filter(product::Column::Handle.eq(handle.as_str()));
    found.one(db).await
}

/// The variants with these ids, in no order, active or not.
///
/// # Errors
/// When the database fails.
pub async fn variants_by_id(
    db: &impl ConnectionTrait,
    ids: &[VariantId],
) -> Result<Vec<variant::Model>, DbErr> {
    let found = variant::Entity::find().filter(variant::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The products' variants that can be bought, each product's in their order.
///
/// # Errors
/// When the database fails.
pub async fn variants_of(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<Vec<variant::Model>, DbErr> {
    variant::Entity::find()
        .filter(variant::Column::ProductId.is_in(products.iter().copied()))
        .filter(variant::Column::Active.eq(true))
        .order_by_asc(variant::Column::ProductId)
        .order_by_asc(variant::Column::Position)
        .order_by_asc(variant::Column::Id)
        .all(db)
        .await
}

/// The images with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn images_by_id(
    db: &impl ConnectionTrait,
    ids: &[ImageId],
) -> Result<Vec<product_image::Model>, DbErr> {
    let found = product_image::Entity::find().filter(product_image::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The products' images, each product's in their order.
///
/// # Errors
/// When the database fails.
pub async fn images_of(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<Vec<product_image::Model>, DbErr> {
    product_image::Entity::find()
        .filter(product_image::Column::ProductId.is_in(products.iter().copied()))
        .order_by_asc(product_image::Column::ProductId)
        .order_by_asc(product_image::Column::Position)
        .order_by_asc(product_image::Column::Id)
        .all(db)
        .await
}

/// The products' tags, in alphabetical order.
///
/// # Errors
/// When the database fails.
pub async fn tags_of(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<Vec<product_tag::Model>, DbErr> {
    product_tag::Entity::find()
        .filter(product_tag::Column::ProductId.is_in(products.iter().copied()))
        .order_by_asc(product_tag::Column::Tag)
        .all(db)
        .await
}

/// The products' long texts, in no order.
///
/// # Errors
/// When the database fails.
pub async fn texts_of(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<Vec<product_text::Model>, DbErr> {
    product_text::Entity::find()
        .filter(product_text::Column::ProductId.is_in(products.iter().copied()))
        .all(db)
        .await
}

/// The terms in force at `at` per brand: of those that applied by then, the ones decided last. Every brand has terms from
/// its first instant on; one asked about before it is missing from the answer.
///
/// # Errors
/// When the database fails.
pub async fn terms_at(
    db: &impl ConnectionTrait,
    brands: &[BrandId],
    at: Time,
) -> Result<HashMap<BrandId, terms::Model>, DbErr> {
    let latest = WindowStatement::partition_by(terms::Column::BrandId)
        .order_by(terms::Column::CreatedAt, Order::Desc)
        .order_by(terms::Column::EffectiveFrom, Order::Desc)
        .to_owned();
    let ranked = Query::select()
        .column(terms::Column::Id)
        .expr_window_as(Expr::cust("row_number()"), latest, "place")
        .from(terms::Entity)
        .and_where(terms::Column::BrandId.is_in(brands.iter().copied()))
        .and_where(terms::Column::EffectiveFrom.lte(at))
        .to_owned();
    let first = Query::select()
        .column("id")
        .from_subquery(ranked, "ranked")
        .and_where(Expr::col("place").eq(1))
        .to_owned();
    let rows = terms::Entity::find()
        .filter(terms::Column::Id.in_subquery(first))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.brand_id, row)).collect())
}

/// A brand's terms through time, those decided last first; the place is when they were decided, and from when they apply.
/// Terms that were decided anew before they applied never did, and never will: they are left out. Whatever is decided
/// keeps an announcement that stands by announcing it again, so that of several the last one tells what is to come.
pub fn terms_history(brand: BrandId) -> List<terms::Model, (Time, Time)> {
    let of_both = |column: terms::Column| {
        let (later, row) = (Expr::col(("later", column)), Expr::col((terms::Entity, column)));
        (later, row)
    };
    let (later_brand, its_brand) = of_both(terms::Column::BrandId);
    let (decided_later, decided) = of_both(terms::Column::CreatedAt);
    let (applies_later, applies) = of_both(terms::Column::EffectiveFrom);
    let overtaking = Query::select()
        .expr(Expr::val(1))
        .from_as(terms::Entity, "later")
        .and_where(later_brand.eq(its_brand))
        .and_where(decided_later.gt(decided))
        .and_where(applies_later.lte(applies))
        .to_owned();
    let history = terms::Entity::find()
        .filter(terms::Column::BrandId.eq(brand))
        .filter(Expr::exists(overtaking).not());
    let columns = [terms::Column::CreatedAt, terms::Column::EffectiveFrom];
    List::new(history, true, &columns, |place: &(Time, Time)| {
        vec![place.0.into(), place.1.into()]
    })
}

/// The terms announced per brand that are not in force at `at` but will be, unless the brand decides anew before.
///
/// # Errors
/// When the database fails.
pub async fn announced_terms(
    db: &impl ConnectionTrait,
    brands: &[BrandId],
    at: Time,
) -> Result<HashMap<BrandId, terms::Model>, DbErr> {
    let in_force = terms_at(db, brands, at).await?;
    let coming = terms::Entity::find()
        .filter(terms::Column::BrandId.is_in(brands.iter().copied()))
        .filter(terms::Column::EffectiveFrom.gt(at))
        .order_by_asc(terms::Column::CreatedAt)
        .all(db)
        .await?;
    let decided_later = |row: &terms::Model| {
        in_force
            .get(&row.brand_id)
            .is_none_or(|now| now.created_at <= row.created_at)
    };
    let coming = coming.into_iter().filter(decided_later);
    Ok(coming.map(|row| (row.brand_id, row)).collect())
}

/// What each brand charges for sending one order to `country`, VAT included, minor units of its currency. A brand that
/// does not ship there is missing from the answer.
///
/// # Errors
/// When the database fails.
pub async fn shipping_rates(
    db: &impl ConnectionTrait,
    brands: &[BrandId],
    country: &Country,
) -> Result<HashMap<BrandId, i64>, DbErr> {
    let rows = shipping_rate::Entity::find()
        .filter(shipping_rate::Column::BrandId.is_in(brands.iter().copied()))
        .filter(shipping_rate::Column::Country.eq(country.as_str()))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.brand_id, row.amount)).collect())
}

/// Where the brands ship and for how much, by country.
///
/// # Errors
/// When the database fails.
pub async fn shipping_rates_of(
    db: &impl ConnectionTrait,
    brands: &[BrandId],
) -> Result<Vec<shipping_rate::Model>, DbErr> {
    shipping_rate::Entity::find()
        .filter(shipping_rate::Column::BrandId.is_in(brands.iter().copied()))
        .order_by_asc(shipping_rate::Column::Country)
        .all(db)
        .await
}

/// The lowest list price a variant had in the thirty days before its present price began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowestPrice {
    /// The variant.
    pub variant: VariantId,
    /// Minor units of its brand's currency.
    pub price: i64,
}

/// What struck-through prices may show: per variant the lowest list price that was in force at any time in the thirty days
/// before the present price began. A variant whose price never changed is missing from the answer.
///
/// # Errors
/// When the database fails.
pub async fn lowest_prices(
    db: &impl ConnectionTrait,
    variants: &[VariantId],
    at: Time,
) -> Result<Vec<LowestPrice>, DbErr> {
    let newest = WindowStatement::partition_by(variant_price::Column::VariantId)
        .order_by(variant_price::Column::ValidFrom, Order::Desc)
        .to_owned();
    let ranked = Query::select()
        .column(Asterisk)
        .expr_window_as(Expr::cust("row_number()"), newest, "place")
        .from(variant_price::Entity)
        .and_where(variant_price::Column::VariantId.is_in(variants.iter().copied()))
        .and_where(variant_price::Column::ValidFrom.lte(at))
        .to_owned();
    let query = Query::select()
        .columns(["variant_id", "valid_from", "price"])
        .from_subquery(ranked, "ranked")
        .and_where(Expr::col("place").lte(MAX_PRICES))
        .order_by("variant_id", Order::Asc)
        .order_by("place", Order::Asc)
        .to_owned();
    let rows = db.query_all(&query).await?;
    let rows: Result<Vec<variant_price::Model>, DbErr> = rows
        .iter()
        .map(|row| sea_orm::FromQueryResult::from_query_result(row, ""))
        .collect();
    Ok(rows?
        .chunk_by(|a, b| a.variant_id == b.variant_id)
        .filter_map(lowest)
        .collect())
}

/// Over one variant's prices, the newest first.
fn lowest(prices: &[variant_price::Model]) -> Option<LowestPrice> {
    let (present, earlier) = prices.split_first()?;
    let since = present.valid_from - PRICE_MEMORY;
    let mut lowest: Option<i64> = None;
    for price in earlier {
        lowest = Some(lowest.map_or(price.price, |lowest| Ord::min(lowest, price.price)));
        // This one was in force when the thirty days began: those before it were not.
        if price.valid_from <= since {
            break;
        }
    }
    lowest.map(|price| LowestPrice {
        variant: present.variant_id,
        price,
    })
}

/// The imports with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn imports_by_id(db: &impl ConnectionTrait, ids: &[ImportId]) -> Result<Vec<import::Model>, DbErr> {
    let found = import::Entity::find().filter(import::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// A brand's imports, the newest first.
pub fn imports_of(brand: BrandId) -> List<import::Model, ByRequest> {
    let imports = import::Entity::find().filter(import::Column::BrandId.eq(brand));
    let columns = [import::Column::CreatedAt, import::Column::Id];
    List::new(imports, true, &columns, |place: &ByRequest| {
        vec![place.0.into(), place.1.into()]
    })
}

/// What an import has to say, in the order it was found; the place is a note's own.
pub fn import_notes(import: ImportId, kind: NoteKind) -> List<import_note::Model, i64> {
    let notes = import_note::Entity::find()
        .filter(import_note::Column::ImportId.eq(import))
        .filter(import_note::Column::Kind.eq(kind));
    List::new(notes, false, &[import_note::Column::Seq], |place: &i64| {
        vec![(*place).into()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(days_and_prices: &[(i64, i64)]) -> Vec<variant_price::Model> {
        let of = |(days, price): &(i64, i64)| variant_price::Model {
            variant_id: VariantId::from(uuid::Uuid::nil()),
            valid_from: Time::UNIX_EPOCH + TimeDelta::days(*days),
            price: *price,
        };
        days_and_prices.iter().rev().map(of).collect()
    }

    #[test]
    fn a_price_that_never_changed_has_no_lower_one() {
        assert_eq!(lowest(&prices(&[(0, 100)])), None);
    }

    #[test]
    fn the_lowest_price_is_looked_for_in_the_thirty_days_before_the_present_one() {
        let lowest = |history: &[(i64, i64)]| lowest(&prices(history)).unwrap().price;
        assert_eq!(lowest(&[(0, 100), (50, 80)]), 100);
        assert_eq!(lowest(&[(0, 50), (10, 100), (50, 80)]), 100);
        assert_eq!(lowest(&[(0, 50), (30, 100), (50, 80)]), 50);
        assert_eq!(lowest(&[(0, 90), (40, 70), (45, 100), (50, 80)]), 70);
    }
}
