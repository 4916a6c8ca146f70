//! Stripe's balance transactions, each applied once.

use crate::Time;
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One movement of the platform's balance at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "balance_transaction")]
pub struct Model {
    /// Stripe's id, txn_….
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Stripe's reporting category.
    pub kind: String,
    /// The object it is about: a charge, refund, transfer.
    pub source: String,
    /// Gross, minor units; negative when money leaves.
    pub amount: i64,
    /// Stripe's fee, minor units.
    pub fee: i64,
    /// Amount less fee.
    pub net: i64,
    /// The balance it moved.
    pub currency: Currency,
    /// When it becomes available.
    pub available_on: Time,
    /// When Stripe made it.
    pub created_at: Time,
    /// When it was posted.
    pub applied_at: Time,
}

plain_row!();
