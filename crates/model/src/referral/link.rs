//! Referral links.

use crate::Time;
use crate::id::{LinkId, ProductId, RecommendationId, ShopId};
use crate::row::plain_row;
use crate::text::Label;
use sea_orm::entity::prelude::*;

/// A shareable address that leads to a shop, a recommendation or a product in it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_link")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LinkId,
    /// The code in /r/{code}; unique.
    pub code: String,
    /// The shop it credits.
    pub shop_id: ShopId,
    /// The recommendation it leads to, if it does.
    pub recommendation_id: Option<RecommendationId>,
    /// The product it leads to, if it does.
    pub product_id: Option<ProductId>,
    /// The shopholder's name for it: "newsletter".
    pub label: Option<Label>,
    /// Since when.
    pub created_at: Time,
}

plain_row!();
