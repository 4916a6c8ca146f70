//! What came of links: counted as it happens, so that showing it costs the same however much it is.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use vitrine_model::id::{ClickId, LinkId};
use vitrine_model::referral::click;
use vitrine_model::referral::link_tally::{ActiveModel, Column, Entity};

use crate::context::{Context, Tx};

/// Over how many rows a link's counts are spread; a power of two, so that each is equally likely.
const SHARDS: u8 = 16;

/// Counts one click on `link`.
pub(super) async fn count_click(tx: &Tx, cx: &Context, link: LinkId) -> Result<(), DbErr> {
    add(tx, cx, link, 1, 0).await
}

/// Counts paid order lines, each by the click it is credited after.
///
/// # Errors
/// When the database fails.
pub(crate) async fn count_sales(tx: &Tx, cx: &Context, clicks: &[ClickId]) -> Result<(), DbErr> {
    if clicks.is_empty() {
        return Ok(());
    }
    let rows = click::Entity::find()
        .filter(click::Column::Id.is_in(clicks.iter().copied()))
        .all(tx)
        .await?;
    // In the order of the links: two orders paid at once wait for each other, and for nothing else.
    let mut sales: BTreeMap<LinkId, i64> = BTreeMap::new();
    for row in clicks
        .iter()
        .filter_map(|id| rows.iter().find(|row| row.id == *id))
    {
        *sales.entry(row.link_id).or_default() += 1;
    }
    for (link, sold) in sales {
        add(tx, cx, link, 0, sold).await?;
    }
    Ok(())
}

async fn add(tx: &Tx, cx: &Context, link: LinkId, clicks: i64, sales: i64) -> Result<(), DbErr> {
    let mut chance = [0];
    cx.fill(&mut chance);
    let [chance] = chance;
    let row = ActiveModel {
        link_id: Set(link),
        shard: Set(i32::from(chance % SHARDS)),
        clicks: Set(clicks),
        sales: Set(sales),
    };
    let counted = OnConflict::columns([Column::LinkId, Column::Shard])
        .value(Column::Clicks, Expr::col((Entity, Column::Clicks)).add(clicks))
        .value(Column::Sales, Expr::col((Entity, Column::Sales)).add(sales))
        .to_owned();
    Entity::insert(row)
        .on_conflict(counted)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
