//! Shops and recommendations, read.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::id::{RecommendationId, ShopId};
use vitrine_model::shop::{self, ShopState, recommendation};

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
