//! The history of list prices, for the lowest price of the last thirty days.

use crate::Time;
use crate::id::VariantId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A list price and since when it applied.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "variant_price")]
pub struct Model {
    /// The variant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub variant_id: VariantId,
    /// Since when.
    #[sea_orm(primary_key, auto_increment = false)]
    pub valid_from: Time,
    /// List price, minor units.
    pub price: i64,
}

plain_row!();
