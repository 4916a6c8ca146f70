//! Lists of products and brands, filtered, searched and sorted.

use sea_orm::sea_query::{Expr, IntoColumnRef, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};
use serde::{Deserialize, Serialize};
use vitrine_model::Time;
use vitrine_model::catalog::{StockPolicy, brand, product, product_tag, product_text, variant};
use vitrine_model::id::{BrandId, ProductId};
use vitrine_model::money::{Currency, Money};
use vitrine_model::text::{Handle, Label};

use crate::context::Context;
use crate::list::{CountOf, List};
use crate::page::{Page, Slice};
use crate::search::Search;

/// Which products.
#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    /// Only this brand's.
    pub brand: Option<BrandId>,
    /// Only of this type, as the brand writes it.
    pub product_type: Option<Label>,
    /// Only with this tag, as the brand writes it.
    pub tag: Option<Label>,
    /// Only sold in this currency.
    pub currency: Option<Currency>,
    /// Only with a variant at this price or above, in its currency.
    pub price_min: Option<Money>,
    /// Only with a variant at this price or below, in its currency.
    pub price_max: Option<Money>,
    /// Only with, or only without, a variant that can be bought now.
    pub in_stock: Option<bool>,
    /// Only published, or only unpublished ones. The caller sees to it that the viewer may see the latter.
    pub published: Option<bool>,
    /// Only those in whose texts every word occurs, or begins a word.
    pub search: Option<Search>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductOrder {
    /// The newest.
    Newest,
    /// By title.
    Title,
    /// The lowest price, currency by currency.
    PriceLowFirst,
    /// The highest of the lowest prices, currency by currency.
    PriceHighFirst,
}

/// A product's place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductPlace {
    /// By when it was made, in microseconds since 1970.
    Newest(i64, String),
    /// By title.
    Title(String, String),
    /// By currency and lowest price.
    Price(String, i64, String),
}

impl ProductPlace {
    /// The place of `row` in lists of this order.
    pub fn of(order: ProductOrder, row: &product::Model) -> Self {
        let id = row.id.to_string();
        match order {
            ProductOrder::Newest => Self::Newest(row.created_at.timestamp_micros(), id),
            ProductOrder::Title => Self::Title(row.title.to_string(), id),
            ProductOrder::PriceLowFirst | ProductOrder::PriceHighFirst => {
                Self::Price(row.currency.to_string(), row.min_price, id)
            }
        }
    }

    /// The place as values of the columns of `order`; `None` for a place in a list of another order.
    fn values(&self, order: ProductOrder) -> Option<Vec<sea_orm::Value>> {
        let id = |text: &String| text.parse::<ProductId>().ok().map(sea_orm::Value::from);
        match (self, order) {
            (Self::Newest(at, row), ProductOrder::Newest) => {
                Some(vec![Time::from_timestamp_micros(*at)?.into(), id(row)?])
            }
            (Self::Title(title, row), ProductOrder::Title) => Some(vec![title.clone().into(), id(row)?]),
            (
                Self::Price(currency, price, row),
                ProductOrder::PriceLowFirst | ProductOrder::PriceHighFirst,
            ) => Some(vec![currency.clone().into(), (*price).into(), id(row)?]),
            _ => None,
        }
    }

    /// Whether it is a place in a list of this order, and not in another.
    pub fn fits(&self, order: ProductOrder) -> bool {
        self.values(order).is_some()
    }
}

/// A page of products.
///
/// # Errors
/// When the database fails.
pub async fn products(
    cx: &Context,
    filter: &ProductFilter,
    order: ProductOrder,
    page: &Page<ProductPlace>,
) -> Result<Slice<product::Model>, DbErr> {
    let columns: &[product::Column] = match order {
        ProductOrder::Newest => &[product::Column::CreatedAt, product::Column::Id],
        ProductOrder::Title => &[product::Column::Title, product::Column::Id],
        ProductOrder::PriceLowFirst | ProductOrder::PriceHighFirst => &[
            product::Column::Currency,
            product::Column::MinPrice,
            product::Column::Id,
        ],
    };
    let falling = matches!(order, ProductOrder::Newest | ProductOrder::PriceHighFirst);
    let falling = falling != page.backward;
    let mut query = product::Entity::find().filter(conditions(cx, filter));
    if let Some(values) = page.beyond.as_ref().and_then(|place| place.values(order)) {
        let row = Expr::tuple(columns.iter().map(|column| Expr::col((product::Entity, *column))));
        let place = Expr::tuple(values.into_iter().map(Expr::value));
        query = query.filter(if falling { row.lt(place) } else { row.gt(place) });
    }
    let direction = if falling {
        sea_orm::Order::Desc
    } else {
        sea_orm::Order::Asc
    };
    for column in columns {
        query = query.order_by(*column, direction.clone());
    }
    let rows = query.limit(page.limit()).all(cx.db()).await?;
    Ok(page.cut(rows))
}

/// How many products, as far as they are counted.
pub fn product_count(cx: &Context, filter: &ProductFilter) -> CountOf {
    let found = product::Entity::find()
        .select_only()
        .column(product::Column::Id)
        .filter(conditions(cx, filter));
    CountOf::new(cx.backend(), found.into_query())
}

/// All brands, by handle.
pub fn brands() -> List<brand::Model, Handle> {
    let all = brand::Entity::find();
    List::new(all, false, &[brand::Column::Handle], |place: &Handle| {
        vec![place.clone().into()]
    })
}

/// What the filter asks of a product.
pub(super) fn conditions(cx: &Context, filter: &ProductFilter) -> Condition {
    let currency = filter.currency;
    let priced = [filter.price_min, filter.price_max];
    let currencies = priced.into_iter().flatten().map(Money::currency).chain(currency);
    let mut all = Condition::all()
        .add_option(filter.brand.map(|brand| product::Column::BrandId.eq(brand)))
        .add_option(
            filter
                .product_type
                .as_ref()
                .map(|kind| product::Column::ProductType.eq(kind.as_str())),
        )
        .add_option(
            filter
                .tag
                .as_ref()
                .map(|tag| product::Column::Id.in_subquery(tagged(tag))),
        )
        .add_option(
            filter
                .price_min
                .map(|least| product::Column::MaxPrice.gte(least.minor())),
        )
        .add_option(
            filter
                .price_max
                .map(|most| product::Column::MinPrice.lte(most.minor())),
        )
        .add_option(
            filter
                .published
                .map(|published| product::Column::Published.eq(published)),
        )
        .add_option(filter.in_stock.map(|wanted| {
            let some = Expr::exists(buyable((product::Entity, product::Column::Id)));
            if wanted { some } else { some.not() }
        }));
    for currency in currencies {
        all = all.add(product::Column::Currency.eq(currency));
    }
    if let Some(search) = &filter.search {
        all = all.add(found(cx.backend(), search));
    }
    all
}

fn tagged(tag: &Label) -> SelectStatement {
    product_tag::Entity::find()
        .select_only()
        .column(product_tag::Column::ProductId)
        .filter(product_tag::Column::Tag.eq(tag.as_str()))
        .into_query()
}

/// The variants of the product whose id is in that column, as far as they can be bought now.
pub(super) fn buyable(product: impl IntoColumnRef) -> SelectStatement {
    let unlimited = Condition::any()
        .add(variant::Column::Tracked.eq(false))
        .add(variant::Column::Policy.eq(StockPolicy::Continue))
        .add(Expr::col(variant::Column::OnHand).gt(Expr::col(variant::Column::Reserved)));
    Query::select()
        .expr(Expr::val(1))
        .from(variant::Entity)
        .and_where(Expr::col((variant::Entity, variant::Column::ProductId)).equals(product))
        .and_where(variant::Column::Active.eq(true))
        .cond_where(unlimited)
        .to_owned()
}

/// The products in whose texts all the words occur.
fn found(backend: DbBackend, search: &Search) -> Expr {
    let texts = product_text::Entity::find()
        .select_only()
        .column(product_text::Column::ProductId)
        .filter(search.matches(backend, "product"));
    product::Column::Id.in_subquery(texts.into_query())
}
