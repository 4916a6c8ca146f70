//! Transactions of the ledger. Rows are only ever inserted.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One effect on the books, with its business identity.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transaction")]
pub struct Model {
    /// Its number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The business identity of its effect; unique.
    pub key: String,
    /// SHA-256 over kind, references and postings.
    pub hash: Vec<u8>,
    /// What kind of effect.
    pub kind: String,
    /// What it concerns: a JSON object of ids, keys sorted.
    pub refs: String,
    /// Who or what caused it: an account, an event, a job.
    pub source: String,
    /// Business time.
    pub occurred_at: Time,
    /// When it was written.
    pub recorded_at: Time,
}

plain_row!();
