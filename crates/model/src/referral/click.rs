//! Clicks.

use crate::Time;
use crate::id::{ClickId, LinkId, ShopId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One visit through a referral link.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "click")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ClickId,
    /// The link.
    pub link_id: LinkId,
    /// The link's shop.
    pub shop_id: ShopId,
    /// Keyed hash of address and agent, changing daily: no personal data. It is taken away after two days.
    pub visitor_hash: Option<Vec<u8>>,
    /// The hour, from 1970 on, in which it counts as the visitor's first; `None` for a visit that does not count. Unique per
    /// link and visitor.
    pub counted_hour: Option<i64>,
    /// When.
    pub occurred_at: Time,
}

plain_row!();
