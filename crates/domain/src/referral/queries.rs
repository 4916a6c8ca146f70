//! Links and what came of them, read.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::checkout::{order, order_line};
use vitrine_model::id::{LinkId, ShopId};
use vitrine_model::referral::{click, link};

use crate::context::Context;
use crate::page::{Page, Slice, keyset};
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
///
/// # Errors
/// When the database fails.
pub async fn links_of(
    db: &impl ConnectionTrait,
    shop: ShopId,
    page: &Page<ByCreation>,
) -> Result<Slice<link::Model>, DbErr> {
    let links = link::Entity::find().filter(link::Column::ShopId.eq(shop));
    let columns = [link::Column::CreatedAt, link::Column::Id];
    let select = keyset(links, page, true, columns, |place| {
        [place.0.into(), place.1.into()]
    });
    Ok(page.cut(select.all(db).await?))
}

/// What came of each of these links; two statements, however many. Links nobody followed are missing.
///
/// # Errors
/// When the database fails.
pub async fn link_counts(
    db: &impl ConnectionTrait,
    links: &[LinkId],
) -> Result<HashMap<LinkId, LinkCounts>, DbErr> {
    let clicks = Query::select()
        .column((click::Entity, click::Column::LinkId))
        .expr(Expr::col((click::Entity, click::Column::Id)).count())
        .from(click::Entity)
        .and_where(click::Column::LinkId.is_in(links.iter().copied()))
        .and_where(click::Column::CountedHour.is_not_null())
        .group_by_col((click::Entity, click::Column::LinkId))
        .to_owned();
    let sales = Query::select()
        .column((click::Entity, click::Column::LinkId))
        .expr(Expr::col((order_line::Entity, order_line::Column::Id)).count())
        .from(click::Entity)
        .inner_join(
            order_line::Entity,
            Expr::col((order_line::Entity, order_line::Column::ClickId))
                .equals((click::Entity, click::Column::Id)),
        )
        .inner_join(
            order::Entity,
            Expr::col((order::Entity, order::Column::Id))
                .equals((order_line::Entity, order_line::Column::OrderId)),
        )
        .and_where(click::Column::LinkId.is_in(links.iter().copied()))
        .and_where(order::Column::PaidAt.is_not_null())
        .group_by_col((click::Entity, click::Column::LinkId))
        .to_owned();
    let mut counts: HashMap<LinkId, LinkCounts> = HashMap::new();
    for row in db.query_all(&clicks).await? {
        counts.entry(row.try_get_by_index(0)?).or_default().clicks = row.try_get_by_index(1)?;
    }
    for row in db.query_all(&sales).await? {
        counts.entry(row.try_get_by_index(0)?).or_default().sales = row.try_get_by_index(1)?;
    }
    Ok(counts)
}
