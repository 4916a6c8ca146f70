//! Postings. Rows are only ever inserted.

use crate::id::UnitId;
use crate::ledger::Side;
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One side of a transaction on one account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posting")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The transaction.
    pub transaction_id: i64,
    /// The account.
    pub account_id: i64,
    /// Debit or credit.
    pub side: Side,
    /// Above zero, minor units.
    pub amount: i64,
    /// The account's.
    pub currency: Currency,
    /// The unit it concerns, where it is one.
    pub unit_id: Option<UnitId>,
    /// Of a party's account: its balance on its normal side once this was posted, minor units. None of the platform's,
    /// whose balances are folded later.
    pub balance_after: Option<i64>,
}

plain_row!();
