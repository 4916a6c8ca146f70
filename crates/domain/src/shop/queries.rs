//! Shops and recommendations, read.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use vitrine_model::catalog::product;
use vitrine_model::id::{AccountId, RecommendationId, ShopId};
use vitrine_model::shop::{self, ShopState, recommendation};
use vitrine_model::text::Handle;

use crate::list::List;

/// A recommendation's place in its shop: its position, and its id.
pub type ByPosition = (i32, RecommendationId);

/// The shops with these ids, in no order, whatever their state.
///
/// # Errors
/// When the database fails.
pub async fn shops_by_id(db: &impl ConnectionTrait, ids: &[ShopId]) -> Result<Vec<shop::Model>, DbErr> {
    let found = shop::Entity::find().filter(shop::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The shop with this handle, whatever its state.
///
/// # Errors
/// When the database fails.
pub async fn shop_by_handle(
    db: &impl ConnectionTrait,
    handle: &Handle,
) -> Result<Option<shop::Model>, DbErr> {
    let found = shop::Entity::find().filter(shop::Column::Handle.eq(handle.as_str()));
    found.one(db).await
}

/// The shops of an account, those closed left out, the oldest first.
pub fn owned_shops(owner: AccountId) -> List<shop::Model, ShopId> {
    let hers = shop::Entity::find()
        .filter(shop::Column::OwnerId.eq(owner))
        .filter(shop::Column::State.ne(ShopState::Closed));
    List::new(hers, false, &[shop::Column::Id], |place: &ShopId| {
        vec![(*place).into()]
    })
}

/// The recommendations with these ids, in no order, removed or not.
///
/// # Errors
/// When the database fails.
pub async fn recommendations_by_id(
    db: &impl ConnectionTrait,
    ids: &[RecommendationId],
) -> Result<Vec<recommendation::Model>, DbErr> {
    let found = recommendation::Entity::find().filter(recommendation::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// What a shop recommends, in its order. `all` shows its owner also what buyers are not offered: products that their brand
/// took down or does not want recommended any more.
pub fn recommendations_of(shop: ShopId, all: bool) -> List<recommendation::Model, ByPosition> {
    let live = recommendation::Entity::find()
        .filter(recommendation::Column::ShopId.eq(shop))
        .filter(recommendation::Column::RemovedAt.is_null());
    let live = if all { live } else { live.filter(is_offered()) };
    let columns = [recommendation::Column::Position, recommendation::Column::Id];
    List::new(live, false, &columns, |place: &ByPosition| {
        vec![place.0.into(), place.1.into()]
    })
}

/// As [`crate::catalog::is_promotable`] decides over one product.
pub(super) fn is_offered() -> Expr {
    let product = Query::select()
        .expr(Expr::val(1))
        .from(product::Entity)
        .and_where(Expr::col((product::Entity, product::Column::Id)).eq(Expr::col((
            recommendation::Entity,
            recommendation::Column::ProductId,
        ))))
        .and_where(product::Column::Published.eq(true))
        .and_where(product::Column::Promotable.eq(true))
        .to_owned();
    Expr::exists(product)
}

/// Those of the recommendations that stand, each with its shop: not removed, and the shop published. In no order.
/// Whether the product can be had is for the catalogue to say.
///
/// # Errors
/// When the database fails.
pub async fn standing_recommendations(
    db: &impl ConnectionTrait,
    ids: &[RecommendationId],
) -> Result<Vec<(recommendation::Model, shop::Model)>, DbErr> {
    let live = recommendation::Entity::find()
        .filter(recommendation::Column::Id.is_in(ids.iter().copied()))
        .filter(recommendation::Column::RemovedAt.is_null())
        .all(db)
        .await?;
    let shops: HashMap<ShopId, shop::Model> = shop::Entity::find()
        .filter(shop::Column::Id.is_in(live.iter().map(|row| row.shop_id)))
        .filter(shop::Column::State.eq(ShopState::Published))
        .all(db)
        .await?
        .into_iter()
        .map(|shop| (shop.id, shop))
        .collect();
    let with_shop = live
        .into_iter()
        .filter_map(|row| Some((shops.get(&row.shop_id)?.clone(), row)));
    Ok(with_shop.map(|(shop, row)| (row, shop)).collect())
}
