//! What can be done about links: made by a shopholder, followed by a visitor.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect, TryInsertResult,
};
use vitrine_model::Time;
use vitrine_model::id::{AccountId, ClickId, LinkId, ProductId, RecommendationId, ShopId};
use vitrine_model::referral::{click, link};
use vitrine_model::shop::{self, ShopState, recommendation};
use vitrine_model::text::Label;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::referral::landing::{Places, fill_in};
use crate::referral::refusal::Refusal;
use crate::referral::tally::count_click;
use crate::referral::token::click_token;
use crate::referral::visits::{Treatment, Visit, agent, treatment};
use crate::secret;

/// Most links of one shop.
const MAX_LINKS: u64 = 1000;
/// Characters of a code: 50 bits, which nobody guesses over HTTP.
const CODE_LENGTH: usize = 10;
/// Crockford's base32, lower case: no letter is mistaken for another or for a digit.
const CODE_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// How often another code is tried when one is taken already: once in 2⁵⁰ codes, were there a single one.
const CODE_TRIES: usize = 5;
/// Within this time the same visitor counts once.
const ONCE_WITHIN: TimeDelta = TimeDelta::hours(1);
/// What the visitors' hashes are for.
const PURPOSE: &str = "visitor";

/// A link to be made.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// The shop it credits.
    pub shop: ShopId,
    /// Where in it the link leads.
    pub target: Target,
    /// The shopholder's name for it.
    pub label: Option<Label>,
}

/// Where in a shop a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To the shop itself.
    Shop,
    /// To one of its recommendations.
    Recommendation(RecommendationId),
    /// To a product it recommends; the link outlives the recommendation.
    Product(ProductId),
}

/// Where a visitor is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The operator's address for the link's destination, complete.
    pub url: String,
    /// What the address carries as `{click}`; none for those who leave no trace.
    pub token: Option<String>,
}

/// Makes a link into a shop that one owns or curates.
///
/// # Errors
/// `ShopNotFound`, `RecommendationNotFound`, `ProductNotFound`, `TooManyLinks`.
pub async fn create_link(cx: &Context, by: AccountId, new: NewLink) -> Result<link::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let shop = crate::shop::curated(&tx, by, new.shop).await;
    let shop = shop.map_err(|failure| failure.map(|_| Refusal::ShopNotFound))?;
    recommended(&tx, shop.id, new.target).await?;
    let links = link::Entity::find().filter(link::Column::ShopId.eq(shop.id));
    if links.count(&tx).await? >= MAX_LINKS {
        return refuse(Refusal::TooManyLinks(MAX_LINKS));
    }
    let (recommendation_id, product_id) = match new.target {
        Target::Shop => (None, None),
        Target::Recommendation(id) => (Some(id), None),
        Target::Product(id) => (None, Some(id)),
    };
    let row = link::Model {
        id: cx.new_id(),
        code: String::new(),
        shop_id: shop.id,
        recommendation_id,
        product_id,
        label: new.label,
        created_at: cx.now(),
    };
    let row = insert_with_code(&tx, cx, row).await?;
    let refs = [("shop", shop.id.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "referral_link.created",
        row.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Passes when the shop recommends now what the link is to lead to.
async fn recommended(tx: &Tx, shop: ShopId, target: Target) -> Result<(), Failure<Refusal>> {
    let live = recommendation::Entity::find()
        .filter(recommendation::Column::ShopId.eq(shop))
        .filter(recommendation::Column::RemovedAt.is_null());
    let (live, refusal) = match target {
        Target::Shop => return Ok(()),
        Target::Recommendation(id) => (
            live.filter(recommendation::Column::Id.eq(id)),
            Refusal::RecommendationNotFound,
        ),
        Target::Product(id) => (
            live.filter(recommendation::Column::ProductId.eq(id)),
            Refusal::ProductNotFound,
        ),
    };
    live.one(tx).await?.or_refuse(refusal)?;
    Ok(())
}

/// The constraint decides whether a code is taken; a conflict that does nothing leaves the transaction whole.
async fn insert_with_code(tx: &Tx, cx: &Context, mut row: link::Model) -> anyhow::Result<link::Model> {
    for _ in 0..CODE_TRIES {
        row.code = new_code(cx);
        let inserted = link::Entity::insert(row.clone().into_active_model())
            .on_conflict_do_nothing_on([link::Column::Code])
            .exec_without_returning(tx)
            .await?;
        // A conflict is told as no row inserted.
        if let TryInsertResult::Inserted(1..) = inserted {
            return Ok(row);
        }
    }
    anyhow::bail!("no free code found in {CODE_TRIES} tries")
}

fn new_code(cx: &Context) -> String {
    let mut bytes = [0; CODE_LENGTH];
    cx.fill(&mut bytes);
    // 256 is a multiple of 32: every letter is equally likely.
    let letter = |byte: &u8| char::from(CODE_ALPHABET[usize::from(byte % 32)]);
    bytes.iter().map(letter).collect()
}

/// Where the link with this code leads, after the visit was recorded; `None` when there is no such link or its shop cannot
/// be seen. Every recorded visit has a click of its own, counted or not, so that whoever comes back within the hour is
/// still credited to whom she came through last.
///
/// # Errors
/// When the database fails.
pub async fn record_click(cx: &Context, code: &str, visit: &Visit) -> Result<Option<Landing>, DbErr> {
    let Some((link, shop)) = destination(cx, code).await? else {
        return Ok(None);
    };
    let click = match treatment(visit) {
        Treatment::Ignore => None,
        treatment => Some(record(cx, &link, visit, treatment).await?),
    };
    let token = click.map(|click| click_token(cx, click));
    let (recommendation, product) = standing_target(cx, &link).await?;
    let places = Places {
        shop: shop.handle.as_str(),
        recommendation: &recommendation.map(|id| id.to_string()).unwrap_or_default(),
        product: &product.map(|id| id.to_string()).unwrap_or_default(),
        click: token.as_deref().unwrap_or_default(),
    };
    let url = fill_in(&cx.settings().landing_url, &places);
    Ok(Some(Landing { url, token }))
}

async fn destination(cx: &Context, code: &str) -> Result<Option<(link::Model, shop::Model)>, DbErr> {
    let well_formed = code.len() == CODE_LENGTH && code.bytes().all(|byte| CODE_ALPHABET.contains(&byte));
    if !well_formed {
        return Ok(None);
    }
    let link = link::Entity::find()
        .filter(link::Column::Code.eq(code))
        .one(cx.db())
        .await?;
    let Some(link) = link else { return Ok(None) };
    let shop = shop::Entity::find_by_id(link.shop_id)
        .filter(shop::Column::State.eq(ShopState::Published))
        .one(cx.db())
        .await?;
    Ok(shop.map(|shop| (link, shop)))
}

/// What the link leads to in its shop. A recommendation that was removed since is left out: the visitor lands on the shop.
async fn standing_target(
    cx: &Context,
    link: &link::Model,
) -> Result<(Option<RecommendationId>, Option<ProductId>), DbErr> {
    let Some(id) = link.recommendation_id else {
        return Ok((None, link.product_id));
    };
    let row = recommendation::Entity::find_by_id(id).one(cx.db()).await?;
    let row = row.filter(|row| row.removed_at.is_none());
    Ok((row.as_ref().map(|row| row.id), row.map(|row| row.product_id)))
}

async fn record(
    cx: &Context,
    link: &link::Model,
    visit: &Visit,
    treatment: Treatment,
) -> Result<ClickId, DbErr> {
    let now = cx.now();
    let visitor = visitor_hash(cx, visit, now);
    let tx = cx.begin().await?;
    let first = treatment == Treatment::Count && !seen_lately(&tx, cx, link.id, visit, now).await?;
    let row = click::ActiveModel {
        id: Set(cx.new_id()),
        link_id: Set(link.id),
        shop_id: Set(link.shop_id),
        visitor_hash: Set(Some(visitor)),
        counted_hour: Set(first.then(|| hour(now))),
        occurred_at: Set(now),
    };
    let (id, counted) = insert(&tx, row).await?;
    if counted {
        count_click(&tx, cx, link.id).await?;
    }
    let refs = [("link", link.id.to_string()), ("shop", link.shop_id.to_string())];
    event::record(&tx, cx, Actor::Guest, "click.recorded", id, &refs).await?;
    tx.commit().await?;
    Ok(id)
}

/// Whether the click counts is told beside its id: of two first visits at once the constraint lets one count.
async fn insert(tx: &Tx, mut row: click::ActiveModel) -> Result<(ClickId, bool), DbErr> {
    let id = *row.id.as_ref();
    let first = row.counted_hour.as_ref().is_some();
    let once = [
        click::Column::LinkId,
        click::Column::VisitorHash,
        click::Column::CountedHour,
    ];
    let inserted = click::Entity::insert(row.clone())
        .on_conflict_do_nothing_on(once)
        .exec_without_returning(tx)
        .await?;
    // A conflict is told as no row inserted.
    if matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok((id, first));
    }
    row.counted_hour = Set(None);
    click::Entity::insert(row).exec_without_returning(tx).await?;
    Ok((id, false))
}

/// Whether the same visitor was counted within the hour. Her hash changes at midnight, so shortly after it yesterday's is
/// looked for too.
async fn seen_lately(
    db: &impl ConnectionTrait,
    cx: &Context,
    link: LinkId,
    visit: &Visit,
    now: Time,
) -> Result<bool, DbErr> {
    let hashes = [
        visitor_hash(cx, visit, now),
        visitor_hash(cx, visit, now - ONCE_WITHIN),
    ];
    let seen: Option<ClickId> = click::Entity::find()
        .select_only()
        .column(click::Column::Id)
        .filter(click::Column::LinkId.eq(link))
        .filter(click::Column::VisitorHash.is_in(hashes))
        .filter(click::Column::CountedHour.is_not_null())
        .filter(click::Column::OccurredAt.gt(now - ONCE_WITHIN))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(seen.is_some())
}

/// Stands for address and agent during one UTC day. Without the platform's key nobody can tell whose it is, nor, after
/// that day, that two of them are the same visitor's.
fn visitor_hash(cx: &Context, visit: &Visit, at: Time) -> Vec<u8> {
    let message = format!("{}\n{}\n{}", at.date_naive(), visit.address, agent(visit));
    secret::keyed_hash(cx, PURPOSE, message.as_bytes())
}

fn hour(at: Time) -> i64 {
    at.timestamp().div_euclid(3600)
}
