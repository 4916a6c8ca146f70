//! What came of links, counted as it happens.

use crate::id::LinkId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One part of a link's counts; what came of the link is the sum of its parts. It is spread over several rows so that the
/// visitors of a link that everybody follows do not queue for one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_tally")]
pub struct Model {
    /// The link.
    #[sea_orm(primary_key, auto_increment = false)]
    pub link_id: LinkId,
    /// Which part.
    #[sea_orm(primary_key, auto_increment = false)]
    pub shard: i32,
    /// Counted clicks.
    pub clicks: i64,
    /// Paid order lines credited to the link's shop after a click on it.
    pub sales: i64,
}

plain_row!();
