//! Password hashes, apart from the accounts so that no query of a person carries one.

use crate::Time;
use crate::id::AccountId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// The Argon2id hash of an account's password.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credential")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// In PHC string form.
    pub password_hash: String,
    /// When it was set.
    pub updated_at: Time,
}

plain_row!();
