//! Referral links.

use anyhow::Context as _;
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::referral::{self, LinkCounts};
use vitrine_model::id::{AccountId, LinkId};
use vitrine_model::referral::link;

use crate::access::{Declared, Subject, Who, access};
use crate::catalog::{Product, product_seen};
use crate::error::{Trouble, settle};
use crate::loaders::load;
use crate::referral::loaders::CountsOf;
use crate::request::{RequestContext, parse_id};
use crate::shop::{Recommendation, Shop, is_run, recommendation_seen, shop_seen};

/// A shareable address that leads into a shop. It belongs to those who curate the shop.
#[derive(Debug, Clone)]
pub struct ReferralLink {
    pub(crate) row: link::Model,
    pub(crate) owner: AccountId,
}

impl ReferralLink {
    async fn counts(&self, ctx: &Context<'_>) -> Result<LinkCounts> {
        Ok(load(ctx, CountsOf(self.row.id)).await?.unwrap_or_default())
    }
}

impl Subject for ReferralLink {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_run(ctx, self.row.shop_id, self.owner).await
    }
}

/// A shareable address that leads into a shop and credits it with what its visitors buy. It belongs to those who curate the shop.
#[Object(guard = Declared(self))]
impl ReferralLink {
    /// Its id.
    #[graphql(directive = access::apply(Who::Owner))]
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The address to share.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn url(&self, ctx: &Context<'_>) -> String {
        referral::link_url(ctx.cx(), &self.row)
    }

    /// The last part of the address.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn code(&self) -> &str {
        &self.row.code
    }

    /// The shopholder's own name for it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn label(&self) -> Option<&str> {
        self.row.label.as_ref().map(|label| label.as_str())
    }

    /// The shop it credits; `null` once closed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn shop(&self, ctx: &Context<'_>) -> Result<Option<Shop>> {
        shop_seen(ctx, self.row.shop_id).await
    }

    /// The recommendation it leads to; `null` when it leads elsewhere, or the recommendation was removed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn recommendation(&self, ctx: &Context<'_>) -> Result<Option<Recommendation>> {
        match self.row.recommendation_id {
            Some(id) => recommendation_seen(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The product it leads to; `null` when it leads elsewhere, or the brand took the product down.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        match self.row.product_id {
            Some(id) => product_seen(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Since when.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// How many visits were counted: not those of bots, nor prefetches, and the same visitor once an hour.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn clicks(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.counts(ctx).await?.clicks)
    }

    /// How many lines of paid orders were credited to the shop after a visit through it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn sales(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.counts(ctx).await?.sales)
    }
}

/// The link with this id, if it is into a shop that the viewer curates.
pub(crate) async fn link_node(ctx: &Context<'_>, id: &ID) -> Result<Option<ReferralLink>> {
    let id: LinkId = parse_id(id)?;
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let Some(owner) = load(ctx, row.shop_id).await?.map(|shop| shop.owner_id) else {
        return Ok(None);
    };
    let hers = ctx.viewer().is_operator() || is_run(ctx, row.shop_id, owner).await?;
    Ok(hers.then_some(ReferralLink { row, owner }))
}

/// The link as whoever has just made it sees it.
pub(super) async fn created(ctx: &Context<'_>, row: link::Model) -> Result<ReferralLink, Trouble> {
    let shop = load(ctx, row.shop_id).await?;
    let shop = shop.with_context(|| format!("{} leads into no shop", row.id));
    let owner = settle(ctx, shop)?.owner_id;
    Ok(ReferralLink { row, owner })
}
