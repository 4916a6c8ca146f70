//! Webhook events received, stored before they are understood.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One event from Stripe, as it came.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    /// Stripe's event id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Stripe's event type.
    pub kind: String,
    /// The id of the object it is about.
    pub object_id: String,
    /// The connected account it is about, if any.
    pub account: Option<String>,
    /// Whether real money is meant.
    pub livemode: bool,
    /// The raw body, until it was applied: it says who paid. Empty from then on.
    pub payload: String,
    /// When it came.
    pub received_at: Time,
    /// When its effect was applied, or found to be none.
    pub applied_at: Option<Time>,
}

plain_row!();
