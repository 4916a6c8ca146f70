//! Carts.

use crate::Time;
use crate::checkout::CartState;
use crate::id::{AccountId, CartId};
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// What a buyer means to buy.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cart")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CartId,
    /// SHA-256 of the guest's secret.
    pub secret_hash: Vec<u8>,
    /// Until when the secret opens it.
    pub secret_expires_at: Time,
    /// The buyer, when she was signed in.
    pub account_id: Option<AccountId>,
    /// Set by the first line; the only one allowed.
    pub currency: Option<Currency>,
    /// Open, or turned into an order.
    pub state: CartState,
    /// Since when.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

plain_row!();
