//! Sessions.

use crate::Time;
use crate::id::{AccountId, SessionId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One signed-in device. The token itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Who is signed in.
    pub account_id: AccountId,
    /// SHA-256 of the token; unique.
    pub token_hash: Vec<u8>,
    /// When it began.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Time,
    /// When it was ended by sign-out.
    pub revoked_at: Option<Time>,
}

plain_row!();
