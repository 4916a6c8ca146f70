//! Proofs by letter that someone reads what is sent to an address.

use crate::Time;
use crate::id::{AccountId, EmailTokenId};
use crate::identity::Purpose;
use crate::row::plain_row;
use crate::text::Email;
use sea_orm::entity::prelude::*;

/// A token sent in a letter, good once. It is never stored: it is made anew, from its id and the platform's key, when the
/// letter is written.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_token")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailTokenId,
    /// Whose account it is about; none where someone named an address that opens no account.
    pub account_id: Option<AccountId>,
    /// What it allows.
    pub purpose: Purpose,
    /// The address it is sent to, and which it proves; none where there is no account.
    pub email: Option<Email>,
    /// SHA-256 of the token; unique.
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
    /// Until when it is good.
    pub expires_at: Time,
    /// When it was used.
    pub used_at: Option<Time>,
}

plain_row!();
