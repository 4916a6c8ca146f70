//! Reads the facts for many lines at once, and decides the credit of each.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
};
use vitrine_model::catalog::{product, terms};
use vitrine_model::id::{AccountId, BrandId, ClickId, RecommendationId, ShopId};
use vitrine_model::referral::{click, link};
use vitrine_model::shop::{self, ShopState, recommendation};

use crate::context::Context;
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

/// Decides who is credited for each line now, in the lines' order. `buyer` is the account signed in, `click` the one the
/// cart carries. Six statements at most, however many lines.
///
/// # Errors
/// When the database fails.
pub async fn credits(
    db: &impl ConnectionTrait,
    cx: &Context,
    buyer: Option<AccountId>,
    click: Option<ClickId>,
    lines: &[LineToCredit<'_>],
) -> Result<Vec<Credit>, DbErr> {
    let clicked = match click {
        Some(click) => clicked(db, click, lines).await?,
        None => None,
    };
    let standing = standing(db, lines).await?;
    let now = cx.now();
    let facts = lines.iter().map(|line| Facts {
        now,
        product: line.product.id,
        brand: line.product.brand_id,
        promotable: line.product.promotable,
        attribution_days: line.terms.attribution_days,
        member_price: line.terms.member_price,
        buyer,
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
        click: clicked.as_ref().map(|clicked| clicked.facts(line)),
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

async fn clicked(
    db: &impl ConnectionTrait,
    click: ClickId,
    lines: &[LineToCredit<'_>],
) -> Result<Option<Clicked>, DbErr> {
    let found = click::Entity::find_by_id(click).one(db).await?;
    let Some(click) = found else { return Ok(None) };
    let link = link::Entity::find_by_id(click.link_id).one(db).await?;
    let shop = shop::Entity::find_by_id(click.shop_id).one(db).await?;
    let (Some(link), Some(shop)) = (link, shop) else {
        return Ok(None);
    };
    let linked_brand = match link.recommendation_id {
        Some(id) => brand_of(db, id).await?,
        None => None,
    };
    let recommended_brands = match (link.recommendation_id, link.product_id) {
        (None, None) => recommended_brands(db, shop.id, &click, lines).await?,
        _ => HashSet::new(),
    };
    Ok(Some(Clicked {
        click,
        link,
        shop,
        linked_brand,
        recommended_brands,
    }))
}

async fn brand_of(db: &impl ConnectionTrait, id: RecommendationId) -> Result<Option<BrandId>, DbErr> {
    let product = recommendation::Entity::find()
        .select_only()
        .column(recommendation::Column::ProductId)
        .filter(recommendation::Column::Id.eq(id))
        .into_query();
    product::Entity::find()
        .select_only()
        .column(product::Column::BrandId)
        .filter(product::Column::Id.in_subquery(product))
        .into_tuple()
        .one(db)
        .await
}

/// Which of the lines' brands `shop` recommended a product of at the time of `click`.
async fn recommended_brands(
    db: &impl ConnectionTrait,
    shop: ShopId,
    click: &click::Model,
    lines: &[LineToCredit<'_>],
) -> Result<HashSet<BrandId>, DbErr> {
    let not_yet_removed = Condition::any()
        .add(recommendation::Column::RemovedAt.is_null())
        .add(recommendation::Column::RemovedAt.gt(click.occurred_at));
    let recommended = recommendation::Entity::find()
        .select_only()
        .column(recommendation::Column::ProductId)
        .filter(recommendation::Column::ShopId.eq(shop))
        .filter(recommendation::Column::CreatedAt.lte(click.occurred_at))
        .filter(not_yet_removed)
        .into_query();
    let brands: HashSet<BrandId> = lines.iter().map(|line| line.product.brand_id).collect();
    let found: Vec<BrandId> = product::Entity::find()
        .select_only()
        .column(product::Column::BrandId)
        .distinct()
        .filter(product::Column::BrandId.is_in(brands))
        .filter(product::Column::Id.in_subquery(recommended))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}
