//! The clicks that brought a buyer, as her cart remembers them.

use crate::Time;
use crate::id::{CartId, ClickId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One click that a cart remembers. Which of them is credited is decided line by line.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cart_click")]
pub struct Model {
    /// The cart.
    #[sea_orm(primary_key, auto_increment = false)]
    pub cart_id: CartId,
    /// The click.
    #[sea_orm(primary_key, auto_increment = false)]
    pub click_id: ClickId,
    /// When the link was clicked, however late the cart was told: the oldest clicks are forgotten first.
    pub clicked_at: Time,
}

plain_row!();
