//! Who curates a shop together with its owner.

use crate::Time;
use crate::id::{AccountId, ShopId};
use crate::money::BasisPoints;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One account that curates one shop that is not its own.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shop_curator")]
pub struct Model {
    /// The shop.
    #[sea_orm(primary_key, auto_increment = false)]
    pub shop_id: ShopId,
    /// The account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// What of the shop's earnings is passed on to her: of units sold while it stands. All shares of a shop together are the
    /// whole at most.
    pub share_bp: BasisPoints,
    /// Since when.
    pub created_at: Time,
}

plain_row!();
