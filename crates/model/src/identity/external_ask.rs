//! Signing in at a provider, begun and not ended.

use crate::Time;
use crate::row::plain_row;
use crate::text::WebUrl;
use sea_orm::entity::prelude::*;

/// What was asked of a provider, until its answer is brought back, once. Nothing in it opens anything.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "external_ask")]
pub struct Model {
    /// SHA-256 of the state, which comes back with the answer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: Vec<u8>,
    /// SHA-256 of the key that the client keeps: whoever brings the answer must have it.
    pub key_hash: Vec<u8>,
    /// What the operator calls the provider.
    pub provider: String,
    /// Where the provider sends the browser.
    pub redirect_uri: WebUrl,
    /// Until when the answer may be brought.
    pub expires_at: Time,
}

plain_row!();
