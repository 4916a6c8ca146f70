//! Keys that devices and password managers keep, and sign in with.

use crate::Time;
use crate::id::{AccountId, PasskeyId};
use crate::row::plain_row;
use crate::text::Label;
use sea_orm::entity::prelude::*;

/// A passkey of an account's. Only its public half is known here.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkey")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasskeyId,
    /// Whose it is.
    pub account_id: AccountId,
    /// What the device calls it.
    pub credential_id: Vec<u8>,
    /// Its public key, its counter, and what else the check of a signature needs: JSON of the crate webauthn-rs.
    pub credential: String,
    /// What she calls it.
    pub name: Label,
    /// When it was made.
    pub created_at: Time,
    /// When it last signed in.
    pub used_at: Option<Time>,
}

plain_row!();
