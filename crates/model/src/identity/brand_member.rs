//! Who works for a brand.

use crate::Time;
use crate::id::{AccountId, BrandId};
use crate::identity::Role;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One account's role at one brand.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "brand_member")]
pub struct Model {
    /// The brand.
    #[sea_orm(primary_key, auto_increment = false)]
    pub brand_id: BrandId,
    /// The member.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// What she may do there.
    pub role: Role,
    /// Since when.
    pub created_at: Time,
}

plain_row!();
