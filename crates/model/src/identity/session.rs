//! Sessions.

use crate::Time;
use crate::id::{AccountId, SessionId};
use crate::identity::{Ending, Transport};
use crate::row::plain_row;
use crate::text::Label;
use sea_orm::entity::prelude::*;

/// One signed-in device: a family of tokens, of which one of each kind opens something at a time. The tokens themselves
/// are never stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Who is signed in.
    pub account_id: AccountId,
    /// How its tokens travel.
    pub transport: Transport,
    /// What she calls the device.
    pub device_name: Option<Label>,
    /// What the device calls itself.
    pub user_agent: Option<String>,
    /// SHA-256 of what all refresh tokens of the family have in common; unique.
    pub family_hash: Vec<u8>,
    /// SHA-256 of the refresh token that is good now.
    pub refresh_hash: Vec<u8>,
    /// Until when that one is good.
    pub refresh_expires_at: Time,
    /// SHA-256 of the access token that is good now; unique.
    pub access_hash: Vec<u8>,
    /// Until when that one is good.
    pub access_expires_at: Time,
    /// When it began.
    pub created_at: Time,
    /// When its tokens were last made anew.
    pub used_at: Time,
    /// When she last proved who she is, by signing in or anew.
    pub proved_at: Time,
    /// When it ends however much it is used.
    pub ends_at: Time,
    /// When it was ended.
    pub revoked_at: Option<Time>,
    /// Why it was ended.
    pub revoked_for: Option<Ending>,
}

plain_row!();
