//! Invitations to curate a shop together.

use crate::Time;
use crate::id::{ShopId, ShopInvitationId};
use crate::money::BasisPoints;
use crate::row::plain_row;
use crate::text::Email;
use sea_orm::entity::prelude::*;

/// An invitation that waits for its answer. What was accepted, or taken back, has no row any more.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shop_invitation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShopInvitationId,
    /// The shop.
    pub shop_id: ShopId,
    /// The address it was sent to; a shop has one invitation to it at most.
    pub email: Email,
    /// The share of the shop's earnings for whoever accepts.
    pub share_bp: BasisPoints,
    /// SHA-256 of the token in its letter; unique.
    pub token_hash: Vec<u8>,
    /// Since when.
    pub created_at: Time,
    /// Until when it can be accepted.
    pub expires_at: Time,
}

plain_row!();
