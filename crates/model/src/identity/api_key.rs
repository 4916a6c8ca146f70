//! Keys by which a brand's own programs ask.

use crate::Time;
use crate::id::{AccountId, ApiKeyId, BrandId};
use crate::row::plain_row;
use crate::text::Label;
use sea_orm::entity::prelude::*;

/// A brand's key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    /// Whose.
    pub brand_id: BrandId,
    /// What people call it.
    pub label: Label,
    /// What it may do: the words of [`super::Scope`], sorted, between single spaces.
    pub scopes: String,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// The secret's last four characters, by which people tell keys apart.
    pub hint: String,
    /// Who made it.
    pub created_by: AccountId,
    /// When.
    pub created_at: Time,
    /// From when it opens nothing; never by itself if absent.
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Time>,
    /// From when it opens nothing because somebody wanted it so.
    pub revoked_at: Option<Time>,
}

plain_row!();
