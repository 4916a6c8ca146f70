//! Returns.

use crate::Time;
use crate::checkout::ReturnState;
use crate::id::{BrandId, OrderId, ReturnId};
use crate::row::plain_row;
use crate::text::Reason;
use sea_orm::entity::prelude::*;

/// A buyer's wish to send units of one brand back.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "return_request")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReturnId,
    /// The order.
    pub order_id: OrderId,
    /// Whose units.
    pub brand_id: BrandId,
    /// Why.
    pub reason: Reason,
    /// How far it is.
    pub state: ReturnState,
    /// When it was asked for.
    pub created_at: Time,
    /// When the brand approved or declined.
    pub decided_at: Option<Time>,
}

plain_row!();
