//! Which block a transaction was sealed in.

use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A transaction's place in the chain. The row is written with the transaction and names the block later, so that what
/// is not sealed yet is found by an index, whatever order transactions were committed in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_seal")]
pub struct Model {
    /// The transaction. Within a block this is the order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_id: i64,
    /// The block; none until it is sealed.
    pub block_id: Option<i64>,
}

plain_row!();
