//! Recommendations.

use crate::Time;
use crate::id::{ProductId, RecommendationId, ShopId};
use crate::money::BasisPoints;
use crate::row::plain_row;
use crate::text::Note;
use sea_orm::entity::prelude::*;

/// One product placed in one shop. A removed one stays, since orders and clicks refer to it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recommendation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RecommendationId,
    /// The shop.
    pub shop_id: ShopId,
    /// The product; at most once per shop among those not removed.
    pub product_id: ProductId,
    /// Why she recommends it.
    pub note: Option<Note>,
    /// The discount share: how much of her commission goes to the buyer.
    pub share_bp: BasisPoints,
    /// Its place in the shop, ascending.
    pub position: i32,
    /// Since when.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it was taken out.
    pub removed_at: Option<Time>,
}

plain_row!();
