//! Blocks of the hash chain.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A run of transactions sealed together.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_block")]
pub struct Model {
    /// Its number, from 1 without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The hash of the block before; 32 zero bytes for the first.
    pub previous_hash: Vec<u8>,
    /// SHA-256 over the previous hash and its transactions' keys and hashes in order.
    pub hash: Vec<u8>,
    /// How many it seals.
    pub transactions: i32,
    /// When.
    pub sealed_at: Time,
}

plain_row!();
