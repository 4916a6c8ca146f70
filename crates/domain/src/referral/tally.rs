//! What came of links: counted as it happens, so that showing it costs the same however much it is.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use vitrine_model::id::{ClickId, LinkId};
use vitrine_model::referral::click;
use vitrine_model::referral::link_tally::{ActiveModel, Column, Entity};

use crate::context::{Context, Tx};
use crate::list::in_powers_of_two;

/// Over how many rows a link's counts are spread; a power of two, so that each is equally likely.
const SHARDS: u8 = 16;

/// Counts so many clicks on each of these links.
pub(super) async fn count_clicks(tx: &Tx, cx: &Context, clicks: BTreeMap<LinkId, i64>) -> Result<(), DbErr> {
    add(tx, cx, clicks.into_iter().map(|(link, clicks)| (link, clicks, 0))).await
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
    add(tx, cx, sales.into_iter().map(|(link, sold)| (link, 0, sold))).await
}

/// Adds clicks and sales to links, given in their order: whoever counts at the same time goes the same way.
async fn add(tx: &Tx, cx: &Context, counts: impl Iterator<Item = (LinkId, i64, i64)>) -> Result<(), DbErr> {
    let row = |(link, clicks, sales)| {
        let mut chance = [0];
        cx.fill(&mut chance);
        let [chance] = chance;
        ActiveModel {
            link_id: Set(link),
            shard: Set(i32::from(chance % SHARDS)),
            clicks: Set(clicks),
            sales: Set(sales),
        }
    };
    let sum = |column: Column| Expr::col((Entity, column)).add(Expr::col(("excluded", column)));
    let counted = OnConflict::columns([Column::LinkId, Column::Shard])
        .value(Column::Clicks, sum(Column::Clicks))
        .value(Column::Sales, sum(Column::Sales))
        .to_owned();
    for rows in in_powers_of_two(counts.map(row).collect()) {
        Entity::insert_many(rows)
            .on_conflict(counted.clone())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}
