//! Parcels.

use crate::Time;
use crate::id::{BrandId, FulfillmentId, OrderId};
use crate::row::plain_row;
use crate::text::Tracking;
use sea_orm::entity::prelude::*;

/// Units of one brand on their way to the buyer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "fulfillment")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FulfillmentId,
    /// The order.
    pub order_id: OrderId,
    /// Who ships.
    pub brand_id: BrandId,
    /// By whom.
    pub carrier: Option<Tracking>,
    /// The carrier's number.
    pub tracking_code: Option<Tracking>,
    /// Who said so: the id of an account, or of an API key.
    pub shipped_by: String,
    /// When.
    pub shipped_at: Time,
    /// When it arrived, once known.
    pub delivered_at: Option<Time>,
}

plain_row!();
