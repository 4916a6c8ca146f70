//! Products' long texts, in a table of their own so that lists stay light.

use crate::id::ProductId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// Description and search text of one product.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_text")]
pub struct Model {
    /// Row number, which the search index refers to.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Whose texts; unique.
    pub product_id: ProductId,
    /// Sanitised HTML.
    pub description_html: String,
    /// What searching looks through: title, vendor, type, tags, SKUs, plain description.
    pub search_text: String,
}

plain_row!();
