//! Which block a transaction was sealed in.

use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A transaction's place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_seal")]
pub struct Model {
    /// The transaction.
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_id: i64,
    /// The block.
    pub block_id: i64,
    /// Its place in the block, from 1.
    pub position: i32,
}

plain_row!();
