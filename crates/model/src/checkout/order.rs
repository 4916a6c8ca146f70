//! Orders.

use crate::Time;
use crate::checkout::OrderState;
use crate::id::{AccountId, CartId, IntentId, OrderId};
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// What a buyer agreed to pay for. It never changes but in its states.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    /// What people read out on the phone; unique.
    pub number: String,
    /// The cart it came from; unique among orders not expired.
    pub cart_id: CartId,
    /// The buyer, when she was signed in.
    pub account_id: Option<AccountId>,
    /// SHA-256 of the guest's secret, the cart's.
    pub secret_hash: Vec<u8>,
    /// Until when the secret opens it.
    pub secret_expires_at: Time,
    /// Of all its amounts.
    pub currency: Currency,
    /// What the goods cost the buyer, minor units.
    pub goods_total: i64,
    /// What shipping costs the buyer, minor units.
    pub shipping_total: i64,
    /// What the buyer pays, minor units.
    pub total: i64,
    /// How far payment is.
    pub state: OrderState,
    /// The intent to open the checkout session.
    pub intent_id: IntentId,
    /// Stripe's checkout session, once open.
    pub session_id: Option<String>,
    /// Where the buyer pays, while awaited.
    pub checkout_url: Option<String>,
    /// The charge that paid it.
    pub charge_id: Option<String>,
    /// When the session expires.
    pub expires_at: Time,
    /// When checkout started.
    pub created_at: Time,
    /// When the buyer finished a payment whose money takes its time.
    pub payment_pending_at: Option<Time>,
    /// When it was paid.
    pub paid_at: Option<Time>,
    /// When it expired or was cancelled.
    pub closed_at: Option<Time>,
}

plain_row!();
