//! Refunds.

use crate::Time;
use crate::checkout::{RefundKind, RefundState};
use crate::id::{IntentId, OrderId, RefundId};
use crate::money::Currency;
use crate::row::plain_row;
use crate::text::Reason;
use sea_orm::entity::prelude::*;

/// Money on its way back to a buyer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefundId,
    /// The order.
    pub order_id: OrderId,
    /// The charge it comes from.
    pub charge_id: String,
    /// Of units, or of a charge nobody asked for.
    pub kind: RefundKind,
    /// Minor units.
    pub amount: i64,
    /// The charge's.
    pub currency: Currency,
    /// Why.
    pub reason: Reason,
    /// How far it is.
    pub state: RefundState,
    /// The intent to refund.
    pub intent_id: IntentId,
    /// Stripe's id, once made.
    pub stripe_refund_id: Option<String>,
    /// Who decided: the id of an account, or of an API key, "guest" or "system".
    pub requested_by: String,
    /// When it was decided.
    pub created_at: Time,
    /// When Stripe confirmed or refused it.
    pub settled_at: Option<Time>,
}

plain_row!();
