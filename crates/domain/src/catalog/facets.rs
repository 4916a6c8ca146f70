//! How the products of a list divide: by brand, type, tag, price and availability, each with how many there are. A facet
//! disregards the filter on its own field, so that whoever chose one brand still sees what the others would give.
//!
//! All facets are counted with one statement. What it costs is bounded by how many products are looked at, however many
//! there are.

use sea_orm::sea_query::{
    Asterisk, CaseStatement, CommonTableExpression, Expr, Query, SelectStatement, SimpleExpr, UnionType,
    WithClause,
};
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, ExprTrait, Order, QueryFilter, QueryResult, QuerySelect, QueryTrait,
};
use vitrine_model::catalog::{product, product_tag};
use vitrine_model::id::BrandId;
use vitrine_model::money::{Currency, Money};

use crate::catalog::listing::{ProductFilter, buyable, conditions};
use crate::context::Context;
use crate::list::MAX_COUNT;

/// Most values of one facet; those with the most products.
pub const MAX_VALUES: u64 = 50;
/// Where one price range ends and the next begins, in minor units of any currency.
const STEPS: [i64; 8] = [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000];

/// What products are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facet {
    /// Who sells them.
    Brand,
    /// The brand's kind of product.
    ProductType,
    /// Each of their tags.
    Tag,
    /// The range that the lowest list price is in.
    Price,
    /// Whether a variant can be bought now.
    Availability,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Brand,
        Self::ProductType,
        Self::Tag,
        Self::Price,
        Self::Availability,
    ];
}

/// What products of one part have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FacetValue {
    /// This brand sells them.
    Brand(BrandId),
    /// They are of this type, or have this tag.
    Word(String),
    /// Their lowest list price is in this range, both ends included; without the second it is open.
    Price(Money, Option<Money>),
    /// Whether one can be bought now.
    Available(bool),
}

/// One part of the products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCount {
    /// What they have in common.
    pub value: FacetValue,
    /// How many they are.
    pub count: i64,
}

/// How the products that the filter lets through divide, by each facet wanted; the larger parts first. At most 10 000
/// products are looked at: of more, the counts tell of some.
///
/// # Errors
/// When the database fails.
pub async fn product_facets(
    cx: &Context,
    filter: &ProductFilter,
    wanted: &[Facet],
) -> Result<Vec<(Facet, Vec<FacetCount>)>, DbErr> {
    let mut with = WithClause::new();
    with.cte(table(cx, filter, "found"));
    let mut parts = Vec::new();
    for (number, facet) in wanted.iter().enumerate() {
        let from = match disregarding(filter, *facet) {
            None => "found",
            Some(wider) => {
                with.cte(table(cx, &wider, own_table(*facet)));
                own_table(*facet)
            }
        };
        parts.push(counted(number, *facet, from));
    }
    let Some(mut all) = parts.into_iter().reduce(|mut all, part| {
        all.union(UnionType::All, part);
        all
    }) else {
        return Ok(Vec::new());
    };
    all.order_by("facet", Order::Asc)
        .order_by("total", Order::Desc)
        .order_by("word", Order::Asc)
        .order_by("bucket", Order::Asc);
    let mut found: Vec<(Facet, Vec<FacetCount>)> = wanted.iter().map(|facet| (*facet, Vec::new())).collect();
    for row in cx.db().query_all(&with.query(all)).await? {
        let number = usize::try_from(row.try_get::<i32>("", "facet")?).ok();
        let Some((facet, counts)) = number.and_then(|number| found.get_mut(number)) else {
            continue;
        };
        counts.push(read(*facet, &row)?);
    }
    Ok(found)
}

/// The filter without what it says of the facet's own field; `None` when it says nothing of it.
fn disregarding(filter: &ProductFilter, facet: Facet) -> Option<ProductFilter> {
    let mut wider = filter.clone();
    let said = match facet {
        Facet::Brand => wider.brand.take().is_some(),
        Facet::ProductType => wider.product_type.take().is_some(),
        Facet::Tag => wider.tag.take().is_some(),
        Facet::Price => {
            // The currency that a price was named in stays: prices of two are not compared.
            let named = [wider.price_min.take(), wider.price_max.take()];
            let currency = named.into_iter().flatten().map(Money::currency).next();
            wider.currency = wider.currency.or(currency);
            currency.is_some()
        }
        Facet::Availability => wider.in_stock.take().is_some(),
    };
    // Unpublished products are shown to those who work for the brand that the filter names: without it, to nobody.
    if facet == Facet::Brand && wider.published != Some(true) {
        return None;
    }
    said.then_some(wider)
}

/// The table of the products that a facet divides, where the list's own filter is too narrow for it.
fn own_table(facet: Facet) -> &'static str {
    match facet {
        Facet::Brand => "of_all_brands",
        Facet::ProductType => "of_all_types",
        Facet::Tag => "of_all_tags",
        Facet::Price => "of_all_prices",
        Facet::Availability => "in_stock_or_not",
    }
}

fn table(cx: &Context, filter: &ProductFilter, name: &'static str) -> CommonTableExpression {
    let found = product::Entity::find()
        .select_only()
        .columns([
            product::Column::Id,
            product::Column::BrandId,
            product::Column::ProductType,
            product::Column::Currency,
            product::Column::MinPrice,
        ])
        .filter(conditions(cx, filter))
        .limit(MAX_COUNT);
    CommonTableExpression::new()
        .query(found.into_query())
        .table_name(name)
        .to_owned()
}

/// The parts of one facet: its number in the answer, what they have in common, how many they are.
fn counted(number: usize, facet: Facet, from: &'static str) -> SelectStatement {
    let none = |kind: &str| -> SimpleExpr { Expr::cust(format!("cast(null as {kind})")) };
    let (mut brand, mut word, mut bucket) = (none("uuid"), none("text"), none("integer"));
    let mut counted = Query::select();
    counted.from(from);
    match facet {
        Facet::Brand => brand = Expr::col((from, product::Column::BrandId)),
        Facet::ProductType => {
            word = Expr::col((from, product::Column::ProductType));
            counted.and_where(word.clone().is_not_null());
        }
        Facet::Tag => {
            word = Expr::col((product_tag::Entity, product_tag::Column::Tag));
            let of = Expr::col((product_tag::Entity, product_tag::Column::ProductId));
            counted.inner_join(product_tag::Entity, of.equals((from, product::Column::Id)));
        }
        Facet::Price => {
            word = Expr::col((from, product::Column::Currency));
            bucket = range(from);
        }
        Facet::Availability => {
            let some = Expr::exists(buyable((from, product::Column::Id)));
            bucket = CaseStatement::new()
                .case(some, Expr::cust("1"))
                .finally(Expr::cust("0"))
                .into();
        }
    }
    counted
        .expr_as(Expr::cust(number.to_string()), "facet")
        .expr_as(brand, "brand")
        .expr_as(word, "word")
        .expr_as(bucket, "bucket")
        .expr_as(Expr::cust("count(*)"), "total")
        .group_by_columns(["brand", "word", "bucket"])
        .order_by("total", Order::Desc)
        .limit(MAX_VALUES);
    Query::select()
        .column(Asterisk)
        .from_subquery(counted, "part")
        .to_owned()
}

/// The number of the range that a product's lowest list price is in.
fn range(from: &'static str) -> SimpleExpr {
    let price = || Expr::col((from, product::Column::MinPrice));
    let (mut ranges, mut last) = (CaseStatement::new(), 0);
    for step in STEPS {
        ranges = ranges.case(price().lt(step), Expr::cust(last.to_string()));
        last += 1;
    }
    ranges.finally(Expr::cust(last.to_string())).into()
}

fn read(facet: Facet, row: &QueryResult) -> Result<FacetCount, DbErr> {
    let value = match facet {
        Facet::Brand => FacetValue::Brand(row.try_get("", "brand")?),
        Facet::ProductType | Facet::Tag => FacetValue::Word(row.try_get("", "word")?),
        Facet::Price => {
            let currency: Currency = row.try_get("", "word")?;
            let number = usize::try_from(row.try_get::<i32>("", "bucket")?).unwrap_or(0);
            let begins = number.checked_sub(1).and_then(|before| STEPS.get(before));
            let ends = STEPS.get(number).map(|next| Money::new(next - 1, currency));
            FacetValue::Price(Money::new(begins.copied().unwrap_or(0), currency), ends)
        }
        Facet::Availability => FacetValue::Available(row.try_get::<i32>("", "bucket")? == 1),
    };
    Ok(FacetCount {
        value,
        count: row.try_get("", "total")?,
    })
}
