//! Disputes: buyers' objections at their banks.

use crate::Time;
use crate::checkout::DisputeState;
use crate::id::{DisputeId, IntentId, OrderId};
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A payment that a buyer's bank disputes, or asks about.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dispute")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DisputeId,
    /// The order.
    pub order_id: OrderId,
    /// The charge disputed.
    pub charge_id: String,
    /// Stripe's id, du_…; unique.
    pub stripe_id: String,
    /// What is disputed, minor units; it need not be the charge's amount.
    pub amount: i64,
    /// The charge's.
    pub currency: Currency,
    /// Why, in Stripe's words: `fraudulent`, `product_not_received`….
    pub reason: String,
    /// Whether the bank only asks: no money moved yet.
    pub inquiry: bool,
    /// How far it is at Stripe.
    pub state: DisputeState,
    /// Until when it can be answered; none when it cannot.
    pub evidence_due_at: Option<Time>,
    /// What it cost in all as far as the books are: the net of its balance transactions once closed, zero before. Minor
    /// units.
    pub loss: i64,
    /// What of the loss is no loss: of a payment nobody asked for, what the platform owed the buyer anyway, and need not
    /// send back any more. Minor units.
    pub repaid: i64,
    /// Stripe's fee for it, net of what came back; minor units.
    pub fee: i64,
    /// How many of its balance transactions were applied: what knows of fewer is old news.
    pub movements: i32,
    /// How many ledger transactions it made: the next one's key is numbered by it.
    pub steps: i32,
    /// The intent that tells Stripe the evidence, while it is under way.
    pub evidence_intent_id: Option<IntentId>,
    /// How many such intents there were.
    pub evidence_steps: i32,
    /// When Stripe was last told.
    pub evidence_sent_at: Option<Time>,
    /// When it began, at Stripe.
    pub opened_at: Time,
    /// When we learned of it.
    pub created_at: Time,
    /// When we learned of the bank's decision.
    pub decided_at: Option<Time>,
    /// When the books were closed on it: from here on nothing is frozen.
    pub closed_at: Option<Time>,
}

plain_row!();
