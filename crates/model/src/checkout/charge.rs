//! Charges seen at Stripe for our orders.

use crate::Time;
use crate::checkout::ChargeKind;
use crate::id::OrderId;
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One payment a buyer made.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "charge")]
pub struct Model {
    /// Stripe's id, ch_….
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// For which order.
    pub order_id: OrderId,
    /// Stripe's payment intent.
    pub payment_intent_id: String,
    /// Minor units.
    pub amount: i64,
    /// As charged.
    pub currency: Currency,
    /// The payment awaited, or one nobody asked for.
    pub kind: ChargeKind,
    /// Once Stripe has made and we have applied it.
    pub balance_transaction_id: Option<String>,
    /// When we learned of it.
    pub created_at: Time,
}

plain_row!();
