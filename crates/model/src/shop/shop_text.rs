//! What searching for shops looks through.

use crate::id::ShopId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// Search text of one shop.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shop_text")]
pub struct Model {
    /// Row number, which the search index refers to.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Whose text; unique.
    pub shop_id: ShopId,
    /// Its handle, name and description, as words.
    pub search_text: String,
}

plain_row!();
