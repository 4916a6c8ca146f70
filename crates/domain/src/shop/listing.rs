//! Lists of published shops, filtered, searched and sorted.

use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use serde::{Deserialize, Serialize};
use vitrine_model::Time;
use vitrine_model::catalog::product;
use vitrine_model::id::{BrandId, ProductId, ShopId};
use vitrine_model::shop::{self, ShopState, recommendation, shop_text};

use crate::context::Context;
use crate::list::List;
use crate::search::Search;
use crate::shop::queries::is_offered;

/// Which shops.
#[derive(Debug, Clone, Default)]
pub struct ShopFilter {
    /// Only those that recommend this product, and may.
    pub product: Option<ProductId>,
    /// Only those that recommend a product of this brand, and may.
    pub brand: Option<BrandId>,
    /// Only those in whose handle, name and description every word occurs, or begins a word.
    pub search: Option<Search>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShopOrder {
    /// The latest published.
    Newest,
    /// By name.
    Name,
}

/// A shop's place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShopPlace {
    /// By when it was published, in microseconds since 1970.
    Newest(i64, String),
    /// By name.
    Name(String, String),
}

impl ShopPlace {
    /// The place of `row` in lists of this order. A published shop was published at some time.
    pub fn of(order: ShopOrder, row: &shop::Model) -> Self {
        let id = row.id.to_string();
        let published_at = row.published_at.unwrap_or(row.created_at);
        match order {
            ShopOrder::Newest => Self::Newest(published_at.timestamp_micros(), id),
            ShopOrder::Name => Self::Name(row.name.to_string(), id),
        }
    }

    /// Whether it is a place in a list of this order, and not in another.
    pub fn fits(&self, order: ShopOrder) -> bool {
        let own = match self {
            Self::Newest(..) => ShopOrder::Newest,
            Self::Name(..) => ShopOrder::Name,
        };
        own == order && self.values().is_some()
    }

    /// `None` for what is no place at all.
    fn values(&self) -> Option<Vec<sea_orm::Value>> {
        let id = |text: &String| text.parse::<ShopId>().ok().map(sea_orm::Value::from);
        Some(match self {
            Self::Newest(at, row) => vec![Time::from_timestamp_micros(*at)?.into(), id(row)?],
            Self::Name(name, row) => vec![name.clone().into(), id(row)?],
        })
    }
}

/// The published shops in this order. Pages of it begin at places that fit the order.
pub fn published_shops(cx: &Context, filter: &ShopFilter, order: ShopOrder) -> List<shop::Model, ShopPlace> {
    let (column, falling) = match order {
        ShopOrder::Newest => (shop::Column::PublishedAt, true),
        ShopOrder::Name => (shop::Column::Name, false),
    };
    let published = shop::Entity::find()
        .filter(shop::Column::State.eq(ShopState::Published))
        .filter(conditions(cx, filter));
    List::new(
        published,
        falling,
        &[column, shop::Column::Id],
        |place: &ShopPlace| place.values().unwrap_or_default(),
    )
}

fn conditions(cx: &Context, filter: &ShopFilter) -> Condition {
    let recommending = |which: Condition| shop::Column::Id.in_subquery(recommending(which));
    let of_product = |product: ProductId| Condition::all().add(recommendation::Column::ProductId.eq(product));
    let of_brand = |brand: BrandId| {
        let products = product::Entity::find()
            .select_only()
            .column(product::Column::Id)
            .filter(product::Column::BrandId.eq(brand))
            .into_query();
        Condition::all().add(recommendation::Column::ProductId.in_subquery(products))
    };
    let found = |search: &Search| found(cx.backend(), search);
    Condition::all()
        .add_option(filter.product.map(of_product).map(recommending))
        .add_option(filter.brand.map(of_brand).map(recommending))
        .add_option(filter.search.as_ref().map(found))
}

/// The shops with a live recommendation that is offered to buyers.
fn recommending(which: Condition) -> SelectStatement {
    recommendation::Entity::find()
        .select_only()
        .column(recommendation::Column::ShopId)
        .filter(which)
        .filter(recommendation::Column::RemovedAt.is_null())
        .filter(is_offered())
        .into_query()
}

/// The shops in whose texts all the words occur.
fn found(backend: DbBackend, search: &Search) -> Expr {
    let texts = shop_text::Entity::find()
        .select_only()
        .column(shop_text::Column::ShopId)
        .filter(search.matches(backend, "shop"));
    shop::Column::Id.in_subquery(texts.into_query())
}
