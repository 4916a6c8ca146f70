//! Reads the facts for many lines at once, and decides the credit of each.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};
use vitrine_model::catalog::{product, terms};
use vitrine_model::id::{AccountId, BrandId, ClickId, LinkId, RecommendationId, ShopId};
use vitrine_model::referral::{click, link};
use vitrine_model::shop::{self, ShopState, recommendation};
use vitrine_model::text::Email;

use crate::context::Context;
use crate::identity;
use crate::referral::rules::{ClickFacts, Credit, Destination, Facts, RecommendationFacts, credit};

/// A line whose credit is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct LineToCredit<'a> {
    /// What is bought.
    pub product: &'a product::Model,
    /// Its brand's terms in force now.
    pub terms: &'a terms::Model,
    /// The recommendation it was added from. One that no longer stands, or is of another product, is as none.
    pub recommendation: Option<RecommendationId>,
}

/// Who buys, as far as it is known: a shopholder is recognised in her own shop by either.
#[derive(Debug, Clone, Copy, Default)]
pub struct Buyer<'a> {
    /// Her account, when she is signed in.
    pub account: Option<AccountId>,
    /// The e-mail address she gave.
    pub email: Option<&'a Email>,
}

/// Decides who is credited for each line now, in the lines' order. `clicks` are the buyer's, in any order. Eight statements
/// at most, however many lines and clicks.
///
/// # Errors
/// When the database fails.
pub async fn credits(
    db: &impl ConnectionTrait,
    cx: &Context,
    buyer: Buyer<'_>,
    clicks: &[ClickId],
    lines: &[LineToCredit<'_>],
) -> Result<Vec<Credit>, DbErr> {
    let known_by_email = match buyer.email {
        Some(email) => identity::account_with_email(db, email)
            .await?
            .map(|account| account.id),
        None => None,
    };
    let clicked = clicked(db, clicks, lines).await?;
    let standing = standing(db, lines).await?;
    let now = cx.now();
    let facts = lines.iter().map(|line| Facts {
        now,
        product: line.product.id,
        brand: line.product.brand_id,
        promotable: line.product.promotable,
        attribution_days: line.terms.attribution_days,
        member_price: line.terms.member_price,
        buyers: [buyer.account, known_by_email],
        recommendation: line
            .recommendation
            .and_then(|id| standing.get(&id))
            .filter(|(row, _)| row.product_id == line.product.id)
            .map(|(row, owner)| RecommendationFacts {
                id: row.id,
                shop: row.shop_id,
                owner: *owner,
                share: row.share_bp,
            }),
        clicks: clicked.iter().map(|clicked| clicked.facts(line)).collect(),
    });
    Ok(facts.map(|facts| credit(&facts)).collect())
}

/// The lines' recommendations that stand, each with its shop's owner.
async fn standing(
    db: &impl ConnectionTrait,
    lines: &[LineToCredit<'_>],
) -> Result<HashMap<RecommendationId, (recommendation::Model, AccountId)>, DbErr> {
    let ids: Vec<_> = lines.iter().filter_map(|line| line.recommendation).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = crate::shop::standing_recommendations(db, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|(row, shop)| (row.id, (row, shop.owner_id)))
        .collect())
}

/// A click with what the lines need to know of it.
struct Clicked {
    click: click::Model,
    link: link::Model,
    shop: shop::Model,
    /// The brand of what the link's recommendation recommends.
    linked_brand: Option<BrandId>,
    /// Which of the lines' brands the shop recommended when it was clicked.
    recommended_brands: HashSet<BrandId>,
}

impl Clicked {
    fn facts(&self, line: &LineToCredit<'_>) -> ClickFacts {
        let leads_to = match (
            self.link.recommendation_id,
            self.linked_brand,
            self.link.product_id,
        ) {
            (Some(id), Some(brand), _) => Destination::Recommendation(id, brand),
            (_, _, Some(product)) => Destination::Product(product),
            _ => Destination::Shop,
        };
        ClickFacts {
            id: self.click.id,
            at: self.click.occurred_at,
            shop: self.shop.id,
            owner: self.shop.owner_id,
            shop_closed: self.shop.state == ShopState::Closed,
            leads_to,
            shop_recommended_brand: self.recommended_brands.contains(&line.product.brand_id),
        }
    }
}

/// The clicks with what their lines need to know of them, the newest first.
async fn clicked(
    db: &impl ConnectionTrait,
    clicks: &[ClickId],
    lines: &[LineToCredit<'_>],
) -> Result<Vec<Clicked>, DbErr> {
    if clicks.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = click::Entity::find()
        .filter(click::Column::Id.is_in(clicks.iter().copied()))
        .all(db)
        .await?;
    rows.sort_by_key(|row| Reverse((row.occurred_at, row.id)));
    let links = super::queries::links_by_id(db, &ids(&rows, |row| row.link_id)).await?;
    let links: HashMap<LinkId, link::Model> = links.into_iter().map(|row| (row.id, row)).collect();
    let shops = crate::shop::shops_by_id(db, &ids(&rows, |row| row.shop_id)).await?;
    let shops: HashMap<ShopId, shop::Model> = shops.into_iter().map(|row| (row.id, row)).collect();
    let linked_brands = linked_brands(db, links.values()).await?;
    let mut recommended = recommended_brands(db, &rows, lines).await?;
    let clicked = rows.into_iter().filter_map(|click| {
        let link = links.get(&click.link_id)?.clone();
        Some(Clicked {
            shop: shops.get(&click.shop_id)?.clone(),
            linked_brand: link
                .recommendation_id
                .and_then(|id| linked_brands.get(&id).copied()),
            recommended_brands: recommended.remove(&click.id).unwrap_or_default(),
            link,
            click,
        })
    });
    Ok(clicked.collect())
}

fn ids<I: Ord>(clicks: &[click::Model], id: impl Fn(&click::Model) -> I) -> Vec<I> {
    let once: BTreeSet<I> = clicks.iter().map(id).collect();
    once.into_iter().collect()
}

/// The brand of what each recommendation recommends that a link leads to.
async fn linked_brands(
    db: &impl ConnectionTrait,
    links: impl Iterator<Item = &link::Model>,
) -> Result<HashMap<RecommendationId, BrandId>, DbErr> {
    let recommendations: Vec<RecommendationId> = links.filter_map(|link| link.recommendation_id).collect();
    if recommendations.is_empty() {
        return Ok(HashMap::new());
    }
    let select = Query::select()
        .column((recommendation::Entity, recommendation::Column::Id))
        .column((product::Entity, product::Column::BrandId))
        .from(recommendation::Entity)
        .inner_join(product::Entity, recommends())
        .and_where(Expr::col((recommendation::Entity, recommendation::Column::Id)).is_in(recommendations))
        .to_owned();
    let rows = db.query_all(&select).await?.into_iter();
    rows.map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// Which of the lines' brands the shop behind each click recommended a product of when it was clicked.
async fn recommended_brands(
    db: &impl ConnectionTrait,
    clicks: &[click::Model],
    lines: &[LineToCredit<'_>],
) -> Result<HashMap<ClickId, HashSet<BrandId>>, DbErr> {
    use recommendation::Column;
    let of = |column: Column| Expr::col((recommendation::Entity, column));
    let clicked_at = || Expr::col((click::Entity, click::Column::OccurredAt));
    let brands: HashSet<BrandId> = lines.iter().map(|line| line.product.brand_id).collect();
    let then = Condition::all()
        .add(of(Column::ShopId).equals((click::Entity, click::Column::ShopId)))
        .add(of(Column::CreatedAt).lte(clicked_at()))
        .add(
            Condition::any()
                .add(of(Column::RemovedAt).is_null())
                .add(of(Column::RemovedAt).gt(clicked_at())),
        );
    let select = Query::select()
        .distinct()
        .column((click::Entity, click::Column::Id))
        .column((product::Entity, product::Column::BrandId))
        .from(click::Entity)
        .inner_join(recommendation::Entity, then)
        .inner_join(product::Entity, recommends())
        .and_where(Expr::col((click::Entity, click::Column::Id)).is_in(clicks.iter().map(|click| click.id)))
        .and_where(Expr::col((product::Entity, product::Column::BrandId)).is_in(brands))
        .to_owned();
    let mut recommended: HashMap<ClickId, HashSet<BrandId>> = HashMap::new();
    for row in db.query_all(&select).await? {
        let click: ClickId = row.try_get_by_index(0)?;
        recommended
            .entry(click)
            .or_default()
            .insert(row.try_get_by_index(1)?);
    }
    Ok(recommended)
}

/// Joins a recommendation with its product.
fn recommends() -> Expr {
    Expr::col((product::Entity, product::Column::Id))
        .equals((recommendation::Entity, recommendation::Column::ProductId))
}
