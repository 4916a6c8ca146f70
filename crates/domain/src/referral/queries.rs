//! Links and what came of them, read.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use vitrine_model::Time;
use vitrine_model::id::{LinkId, ShopId};
use vitrine_model::referral::{click, link, link_tally};

use crate::context::Context;
use crate::list::List;
use crate::referral::token::read_click_token;

/// A link's place in the list of a shop's links: when it was made, and its id.
pub type ByCreation = (Time, LinkId);

/// What came of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Counted clicks.
    pub clicks: i64,
    /// Paid order lines credited to its shop after a click on it.
    pub sales: i64,
}

/// The links with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn links_by_id(db: &impl ConnectionTrait, ids: &[LinkId]) -> Result<Vec<link::Model>, DbErr> {
    let found = link::Entity::find().filter(link::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The click that `token` was made for; `None` for a token that is forged or too old.
///
/// # Errors
/// When the database fails.
pub async fn click_of(
    db: &impl ConnectionTrait,
    cx: &Context,
    token: &str,
) -> Result<Option<click::Model>, DbErr> {
    match read_click_token(cx, token) {
        Ok(id) => click::Entity::find_by_id(id).one(db).await,
        Err(_) => Ok(None),
    }
}

/// The address people share.
pub fn link_url(cx: &Context, link: &link::Model) -> String {
    format!("{}/r/{}", cx.settings().public_url, link.code)
}

/// A shop's links, the newest first.
pub fn links_of(shop: ShopId) -> List<link::Model, ByCreation> {
    let links = link::Entity::find().filter(link::Column::ShopId.eq(shop));
    let columns = [link::Column::CreatedAt, link::Column::Id];
    List::new(links, true, &columns, |place: &ByCreation| {
        vec![place.0.into(), place.1.into()]
    })
}

/// What came of each of these links; one statement, however many, and however much came of them. Links nobody followed are
/// missing.
///
/// # Errors
/// When the database fails.
pub async fn link_counts(
    db: &impl ConnectionTrait,
    links: &[LinkId],
) -> Result<HashMap<LinkId, LinkCounts>, DbErr> {
    let counted: Vec<(LinkId, i64, i64)> = link_tally::Entity::find()
        .select_only()
        .column(link_tally::Column::LinkId)
        .column_as(link_tally::Column::Clicks.sum().cast_as("bigint"), "clicks")
        .column_as(link_tally::Column::Sales.sum().cast_as("bigint"), "sales")
        .filter(link_tally::Column::LinkId.is_in(links.iter().copied()))
        .group_by(link_tally::Column::LinkId)
        .into_tuple()
        .all(db)
        .await?;
    let counts = counted
        .into_iter()
        .map(|(link, clicks, sales)| (link, LinkCounts { clicks, sales }));
    Ok(counts.collect())
}
