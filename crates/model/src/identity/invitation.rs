//! Invitations to work for a brand.

use crate::Time;
use crate::id::{AccountId, BrandId, InvitationId};
use crate::identity::Role;
use crate::row::plain_row;
use crate::text::Email;
use sea_orm::entity::prelude::*;

/// An invitation that waits for its answer. What was accepted, or taken back, has no row any more.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    /// The brand.
    pub brand_id: BrandId,
    /// The address it was sent to; a brand has one invitation to it at most.
    pub email: Email,
    /// What may be done there by whoever accepts.
    pub role: Role,
    /// SHA-256 of the token in the last letter; unique.
    pub token_hash: Vec<u8>,
    /// How many letters were sent: each has a token of its own, and voids the one before.
    pub letters: i32,
    /// Who invites.
    pub invited_by: AccountId,
    /// Since when.
    pub created_at: Time,
    /// Until when it can be accepted.
    pub expires_at: Time,
}

plain_row!();
