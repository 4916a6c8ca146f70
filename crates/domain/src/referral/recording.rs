//! Clicks written by the group: one transaction, and a handful of statements however many clicks they are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel,
    QueryTrait, Value,
};
use vitrine_model::Time;
use vitrine_model::id::{ClickId, LinkId, ProductId, RecommendationId, ShopId};
use vitrine_model::referral::{click, link};
use vitrine_model::shop::{self, ShopState, recommendation};

use crate::context::{Context, Tx};
use crate::event::{self, Actor, Happened};
use crate::list::in_powers_of_two;
use crate::referral::tally::count_clicks;

/// Within this time the same visitor counts once.
pub(super) const ONCE_WITHIN: TimeDelta = TimeDelta::hours(1);

/// A click to be recorded.
#[derive(Debug, Clone)]
pub(super) struct NewClick {
    pub(super) id: ClickId,
    /// The code that was followed.
    pub(super) code: String,
    /// Whether it counts if it is the visitor's first within the hour.
    pub(super) counts: bool,
    /// Stands for the visitor today.
    pub(super) visitor: Vec<u8>,
    /// Stood for her an hour before; the same, but shortly after midnight.
    pub(super) lately: Vec<u8>,
    pub(super) at: Time,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) link: LinkId,
    pub(super) shop: ShopId,
    pub(super) handle: String,
    /// The recommendation it leads to, if that stands.
    pub(super) recommendation: Option<RecommendationId>,
    /// The product it leads to, if it does.
    pub(super) product: Option<ProductId>,
}

#[derive(FromQueryResult)]
struct DestinationRow {
    id: LinkId,
    code: String,
    shop_id: ShopId,
    product_id: Option<ProductId>,
    handle: String,
    standing_id: Option<RecommendationId>,
    standing_product_id: Option<ProductId>,
}

/// Where links lead, by their codes. Those that do not exist, or whose shop cannot be seen, are missing. A recommendation
/// that was removed since is left out: the visitor lands on the shop.
pub(super) async fn destinations(
    db: &impl ConnectionTrait,
    mut codes: Vec<&str>,
) -> Result<HashMap<String, Arc<Destination>>, DbErr> {
    codes.sort_unstable();
    codes.dedup();
    let mut found = HashMap::new();
    for codes in in_powers_of_two(codes) {
        let query = Query::select()
            .columns([
                (link::Entity, link::Column::Id),
                (link::Entity, link::Column::Code),
                (link::Entity, link::Column::ShopId),
                (link::Entity, link::Column::ProductId),
            ])
            .column((shop::Entity, shop::Column::Handle))
            .expr_as(recommendation::Column::Id.into_expr(), "standing_id")
            .expr_as(
                recommendation::Column::ProductId.into_expr(),
                "standing_product_id",
            )
            .from(link::Entity)
            .inner_join(
                shop::Entity,
                Condition::all()
                    .add(
                        Expr::col((shop::Entity, shop::Column::Id))
                            .equals((link::Entity, link::Column::ShopId)),
                    )
                    .add(shop::Column::State.eq(ShopState::Published)),
            )
            .left_join(
                recommendation::Entity,
                Condition::all()
                    .add(
                        Expr::col((recommendation::Entity, recommendation::Column::Id))
                            .equals((link::Entity, link::Column::RecommendationId)),
                    )
                    .add(recommendation::Column::RemovedAt.is_null()),
            )
            .and_where(link::Column::Code.is_in(codes))
            .to_owned();
        for row in db.query_all(&query).await? {
            let row = DestinationRow::from_query_result(&row, "")?;
            let destination = Destination {
                link: row.id,
                shop: row.shop_id,
                handle: row.handle,
                recommendation: row.standing_id,
                product: row.standing_product_id.or(row.product_id),
            };
            found.insert(row.code, Arc::new(destination));
        }
    }
    Ok(found)
}

/// Writes these clicks, and counts those that are their visitors' first within the hour. Returns where their links lead;
/// those that lead nowhere leave no trace.
pub(super) async fn write(
    cx: &Context,
    clicks: &[NewClick],
) -> anyhow::Result<HashMap<String, Arc<Destination>>> {
    let tx = cx.begin().await?;
    let codes = clicks.iter().map(|click| click.code.as_str()).collect();
    let found = destinations(&tx, codes).await?;
    let led: Vec<(&NewClick, &Destination)> = clicks
        .iter()
        .filter_map(|click| Some((click, &**found.get(&click.code)?)))
        .collect();
    let mut seen = seen_lately(&tx, &led).await?;
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (click, to) in &led {
        let counts = click.counts && seen.is_first(to.link, click);
        let rows = if counts { &mut first } else { &mut others };
        rows.push(row(click, to, counts));
    }
    // In the order of the index that decides which of two first visits counts: groups written at once wait for each other
    // in one direction only.
    first.sort_by(|a, b| (a.link_id, &a.visitor_hash).cmp(&(b.link_id, &b.visitor_hash)));
    let counted = insert_first(&tx, &first).await?;
    let (counted, repeated): (Vec<_>, Vec<_>) = first.into_iter().partition(|row| counted.contains(&row.id));
    others.extend(repeated.into_iter().map(|row| click::Model {
        counted_hour: None,
        ..row
    }));
    insert_others(&tx, others).await?;
    let mut tallies: BTreeMap<LinkId, i64> = BTreeMap::new();
    for row in &counted {
        *tallies.entry(row.link_id).or_default() += 1;
    }
    count_clicks(&tx, cx, tallies).await?;
    tell(&tx, cx, &counted).await?;
    tx.commit().await?;
    Ok(found)
}

fn row(click: &NewClick, to: &Destination, counts: bool) -> click::Model {
    click::Model {
        id: click.id,
        link_id: to.link,
        shop_id: to.shop,
        visitor_hash: Some(click.visitor.clone()),
        counted_hour: counts.then(|| hour(click.at)),
        occurred_at: click.at,
    }
}

/// Who was counted on which link, and when last.
struct Seen(HashMap<(LinkId, Vec<u8>), Time>);

impl Seen {
    /// Whether the visitor was not counted on the link within the hour; from now on she is.
    fn is_first(&mut self, link: LinkId, click: &NewClick) -> bool {
        let seen = |visitor: &Vec<u8>| {
            let last = self.0.get(&(link, visitor.clone()));
            last.is_some_and(|last| *last > click.at - ONCE_WITHIN)
        };
        if seen(&click.visitor) || seen(&click.lately) {
            return false;
        }
        self.0.insert((link, click.visitor.clone()), click.at);
        true
    }
}

/// Which of the visitors were counted on their links within the hour.
async fn seen_lately(db: &impl ConnectionTrait, led: &[(&NewClick, &Destination)]) -> Result<Seen, DbErr> {
    let mut seen = HashMap::new();
    let counting = led.iter().filter(|(click, _)| click.counts);
    let asked: HashSet<(LinkId, &[u8])> = counting
        .clone()
        .flat_map(|(click, to)| [(to.link, &*click.visitor), (to.link, &*click.lately)])
        .collect();
    let Some(since) = counting.map(|(click, _)| click.at - ONCE_WITHIN).min() else {
        return Ok(Seen(seen));
    };
    for asked in in_powers_of_two(asked.into_iter().collect()) {
        let pairs = asked
            .into_iter()
            .map(|(link, visitor)| (Value::from(link), Value::from(visitor.to_vec())));
        let query = Query::select()
            .columns([
                (click::Entity, click::Column::LinkId),
                (click::Entity, click::Column::VisitorHash),
                (click::Entity, click::Column::OccurredAt),
            ])
            .from_values(pairs, "asked")
            .inner_join(
                click::Entity,
                Condition::all()
                    .add(Expr::col((click::Entity, click::Column::LinkId)).equals(("asked", "column1")))
                    .add(Expr::col((click::Entity, click::Column::VisitorHash)).equals(("asked", "column2"))),
            )
            .and_where(click::Column::CountedHour.gte(hour(since)))
            .and_where(click::Column::OccurredAt.gt(since))
            .to_owned();
        for row in db.query_all(&query).await? {
            let who = (row.try_get("", "link_id")?, row.try_get("", "visitor_hash")?);
            let at: Time = row.try_get("", "occurred_at")?;
            let last = seen.entry(who).or_insert(at);
            *last = Ord::max(at, *last);
        }
    }
    Ok(Seen(seen))
}

/// Inserts clicks that count. Of two first visits written at once, on two nodes, the constraint lets one count: that one
/// is among those returned.
async fn insert_first(tx: &Tx, rows: &[click::Model]) -> Result<HashSet<ClickId>, DbErr> {
    let once = [
        click::Column::LinkId,
        click::Column::VisitorHash,
        click::Column::CountedHour,
    ];
    let mut inserted = HashSet::new();
    for rows in in_powers_of_two(rows.to_vec()) {
        let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
        let insert = click::Entity::insert_many(rows).on_conflict_do_nothing_on(once);
        let mut insert = insert.into_query();
        insert.returning_col(click::Column::Id);
        for row in tx.query_all(&insert).await? {
            inserted.insert(row.try_get("", "id")?);
        }
    }
    Ok(inserted)
}

async fn insert_others(tx: &Tx, rows: Vec<click::Model>) -> Result<(), DbErr> {
    for rows in in_powers_of_two(rows) {
        let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
        click::Entity::insert_many(rows)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Tells those who watch a shop of each visitor who counts. Nobody is told of the others.
async fn tell(tx: &Tx, cx: &Context, counted: &[click::Model]) -> Result<(), DbErr> {
    let happened = counted.iter().map(|row| Happened {
        id: cx.new_id(),
        subject: row.id.to_string(),
        refs: vec![
            ("link", row.link_id.to_string()),
            ("shop", row.shop_id.to_string()),
        ],
    });
    event::record_many(tx, cx, Actor::Guest, "click.recorded", happened.collect()).await
}

fn hour(at: Time) -> i64 {
    at.timestamp().div_euclid(3600)
}
