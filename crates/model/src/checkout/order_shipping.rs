//! What shipping costs, per order and brand.

use crate::id::{BrandId, OrderId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One brand's shipping of one order, as agreed when checkout started.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_shipping")]
pub struct Model {
    /// The order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    /// Who ships.
    #[sea_orm(primary_key, auto_increment = false)]
    pub brand_id: BrandId,
    /// VAT included, minor units of the order's currency; 0 is free.
    pub amount: i64,
}

plain_row!();
