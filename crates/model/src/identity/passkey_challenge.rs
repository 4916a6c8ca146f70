//! What passkeys are asked to sign.

use crate::Time;
use crate::id::AccountId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// A question put to a device, to be answered once and soon. Whoever answers brings the token along.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkey_challenge")]
pub struct Model {
    /// SHA-256 of the token.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    /// Whose new passkey it asks for; none when it asks who is there.
    pub account_id: Option<AccountId>,
    /// What the answer is checked against: JSON of the crate webauthn-rs.
    pub state: String,
    /// Until when it can be answered.
    pub expires_at: Time,
}

plain_row!();
