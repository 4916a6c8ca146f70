//! What can be done about links: made by a shopholder, followed by a visitor.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, TryInsertResult};
use vitrine_model::Time;
use vitrine_model::id::{AccountId, ProductId, RecommendationId, ShopId};
use vitrine_model::referral::link;
use vitrine_model::shop::recommendation;
use vitrine_model::text::Label;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::referral::clicks::{Clicks, Unrecorded};
use crate::referral::landing::{Places, fill_in};
use crate::referral::recording::{NewClick, ONCE_WITHIN, destinations};
use crate::referral::refusal::Refusal;
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
/// `Busy` when too many wait already, else a fault: then no click was recorded.
pub async fn record_click(
    cx: &Context,
    clicks: &Clicks,
    code: &str,
    visit: &Visit,
) -> Result<Option<Landing>, Unrecorded> {
    let well_formed = code.len() == CODE_LENGTH && code.bytes().all(|byte| CODE_ALPHABET.contains(&byte));
    if !well_formed {
        return Ok(None);
    }
    let (destination, click) = match treatment(visit) {
        Treatment::Ignore => {
            let found = destinations(cx.db(), vec![code]).await;
            (found.map_err(Unrecorded::fault)?.remove(code), None)
        }
        treatment => {
            let click = new_click(cx, code, visit, treatment == Treatment::Count);
            let id = click.id;
            (clicks.record(click).await?, Some(id))
        }
    };
    let Some(destination) = destination else {
        return Ok(None);
    };
    let token = click.map(|click| click_token(cx, click));
    let places = Places {
        shop: &destination.handle,
        recommendation: &destination
            .recommendation
            .map(|id| id.to_string())
            .unwrap_or_default(),
        product: &destination.product.map(|id| id.to_string()).unwrap_or_default(),
        click: token.as_deref().unwrap_or_default(),
    };
    let url = fill_in(&cx.settings().landing_url, &places);
    Ok(Some(Landing { url, token }))
}

fn new_click(cx: &Context, code: &str, visit: &Visit, counts: bool) -> NewClick {
    let at = cx.now();
    NewClick {
        id: cx.new_id(),
        code: code.to_owned(),
        counts,
        visitor: visitor_hash(cx, visit, at),
        lately: visitor_hash(cx, visit, at - ONCE_WITHIN),
        at,
    }
}

/// Stands for address and agent during one UTC day. Without the platform's key nobody can tell whose it is, nor, after
/// that day, that two of them are the same visitor's.
fn visitor_hash(cx: &Context, visit: &Visit, at: Time) -> Vec<u8> {
    let message = format!("{}\n{}\n{}", at.date_naive(), visit.address, agent(visit));
    secret::keyed_hash(cx, PURPOSE, message.as_bytes())
}
