//! Products' tags.

use crate::id::ProductId;
use crate::row::plain_row;
use crate::text::Label;
use sea_orm::entity::prelude::*;

/// One tag of one product.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_tag")]
pub struct Model {
    /// The product.
    #[sea_orm(primary_key, auto_increment = false)]
    pub product_id: ProductId,
    /// The tag, as the brand writes it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tag: Label,
}

plain_row!();
