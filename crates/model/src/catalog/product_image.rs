//! Products' images, by address.

use crate::id::{ImageId, ProductId};
use crate::row::plain_row;
use crate::text::{Title, WebUrl};
use sea_orm::entity::prelude::*;

/// One image of one product.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_image")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ImageId,
    /// What it shows.
    pub product_id: ProductId,
    /// Its place, from 1.
    pub position: i32,
    /// Where it is.
    pub url: WebUrl,
    /// What it shows, in words.
    pub alt: Option<Title>,
}

plain_row!();
