//! Stock promised to orders not yet paid.

use crate::Time;
use crate::checkout::ReservationState;
use crate::id::{OrderId, VariantId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// Pieces of one variant held for one order. It ends exactly once.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reservation")]
pub struct Model {
    /// The order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    /// What is held.
    #[sea_orm(primary_key, auto_increment = false)]
    pub variant_id: VariantId,
    /// How many.
    pub quantity: i64,
    /// Whether the variant's stock is counted at all.
    pub counted: bool,
    /// Held, sold or given back.
    pub state: ReservationState,
    /// Since when.
    pub created_at: Time,
    /// When it was sold or given back.
    pub ended_at: Option<Time>,
}

plain_row!();
