//! Codes for whoever has lost her second factor.

use crate::Time;
use crate::id::AccountId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A recovery code that was not used yet; a used one is gone.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_code")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// A keyed hash of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
}

plain_row!();
