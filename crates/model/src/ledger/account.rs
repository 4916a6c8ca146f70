//! Accounts of the ledger.

use crate::Time;
use crate::ledger::AccountKind;
use crate::money::Currency;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One owner's account of one kind in one currency.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_account")]
pub struct Model {
    /// Its number; rows are locked in this order.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// A party's id, or "platform", or what the account is about (a dispute).
    pub owner: String,
    /// What it holds.
    pub kind: AccountKind,
    /// In which currency.
    pub currency: Currency,
    /// On the account's normal side, minor units. Of a platform account: as folded by the last sealed block.
    pub balance: i64,
    /// Whether the balance may go below zero.
    pub overdraft: bool,
    /// Since when.
    pub created_at: Time,
}

plain_row!();
