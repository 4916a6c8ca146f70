//! Lines of carts.

use crate::Time;
use crate::id::{CartId, CartLineId, RecommendationId, VariantId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// So many pieces of one variant, from one recommendation or from none.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cart_line")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CartLineId,
    /// The cart.
    pub cart_id: CartId,
    /// What.
    pub variant_id: VariantId,
    /// Through which recommendation.
    pub recommendation_id: Option<RecommendationId>,
    /// How many, at least 1.
    pub quantity: i32,
    /// Since when.
    pub created_at: Time,
}

plain_row!();
