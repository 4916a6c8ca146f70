//! Shops.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitrine_domain::{referral, shop};
use vitrine_model::id::Id;
use vitrine_model::shop as rows;

use crate::access::{Declared, Subject, Who, access};
pub(crate) use crate::connection::{TimePlace, place, unplace};
use crate::connection::{connection, listed, page, whole};
use crate::identity::Account;
use crate::loaders::load;
use crate::referral::{ReferralLink, ReferralLinkConnection};
use crate::request::RequestContext;
use crate::shop::curating::{ShopCurator, ShopInvitation, is_run};
use crate::shop::recommendation::{PageOfferings, Recommendation};
use crate::shop::sale::{Sale, sales};

connection!(
    RecommendationConnection,
    RecommendationEdge,
    Recommendation,
    "recommendations"
);
connection!(SaleConnection, SaleEdge, Sale, "sales");

/// Whether a shop can be seen.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::ShopState")]
pub enum ShopState {
    /// Only by those who curate it.
    Draft,
    /// By anyone.
    Published,
    /// By nobody, for good; the handle stays taken.
    Closed,
}

/// A shopholder's curated page. It belongs to the shopholder and to those who curate it with her.
#[derive(Debug, Clone)]
pub struct Shop(pub(crate) rows::Model);

impl Subject for Shop {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_run(ctx, self.0.id, self.0.owner_id).await
    }
}

/// A shopholder's curated page of products. It belongs to the shopholder and to those who curate it with her.
#[Object(guard = Declared(self))]
impl Shop {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its address; unique, and never another shop's.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn handle(&self) -> &str {
        self.0.handle.as_str()
    }

    /// What it is called.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What it is about.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn about(&self) -> Option<&str> {
        self.0.about.as_ref().map(|about| about.as_str())
    }

    /// Where its picture is, if it has one. The shopholder's own server shows it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn picture_url(&self) -> Option<&str> {
        self.0.picture_url.as_ref().map(|url| url.as_str())
    }

    /// The shopholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        Ok(load(ctx, self.0.owner_id).await?.map(Account))
    }

    /// Whether it can be seen.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn state(&self) -> ShopState {
        self.0.state.into()
    }

    /// When it was last published.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn published_at(&self) -> Option<DateTime<Utc>> {
        self.0.published_at
    }

    /// When it was opened.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its name, description or state last changed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// What it recommends, in its order. Those who curate it also see what buyers are not offered now: see `isOffered`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn recommendations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<RecommendationConnection> {
        let page = page::<(i32, u128)>(first, after, last, before)?;
        let page = page.map(|(position, id)| (position, Uuid::from_u128(id).into()));
        let hers = self.is_owned(ctx).await?;
        let found = listed(ctx, shop::recommendations_of(self.0.id, hers), page).await?;
        let owner = self.0.owner_id;
        let page = PageOfferings::of(found.slice.rows.iter().map(|row| row.product_id).collect());
        let place = |row: &rows::recommendation::Model| (row.position, row.id.uuid().as_u128());
        let node = |row| Recommendation::on(&page, row, owner);
        Ok(RecommendationConnection::new(found, place, node))
    }

    /// Those who curate it with its owner, the first to join first; ten at most.
    #[graphql(directive = access::apply(Who::Owner), complexity = "10 * child_complexity")]
    async fn curators(&self, ctx: &Context<'_>) -> Result<Vec<ShopCurator>> {
        let curators = whole(ctx, shop::curators_of(self.0.id), shop::MAX_CURATORS).await?;
        Ok(curators.into_iter().map(|row| ShopCurator { row }).collect())
    }

    /// Invitations to curate it that wait for their answer, the newest first; ten at most. Only its owner is told; those who
    /// curate it with her see none.
    #[graphql(directive = access::apply(Who::Owner), complexity = "10 * child_complexity")]
    async fn invitations(&self, ctx: &Context<'_>) -> Result<Vec<ShopInvitation>> {
        if ctx.viewer().account_id() != Some(self.0.owner_id) && !ctx.viewer().is_operator() {
            return Ok(Vec::new());
        }
        let sent = shop::curator_invitations_of(self.0.id, ctx.cx().now());
        let sent = whole(ctx, sent, shop::MAX_CURATORS).await?;
        Ok(sent.into_iter().map(ShopInvitation).collect())
    }

    /// The links that lead into it, the newest first.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn referral_links(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ReferralLinkConnection> {
        let page = page::<TimePlace>(first, after, last, before)?.map(place);
        let links = listed(ctx, referral::links_of(self.0.id), page).await?;
        let owner = self.0.owner_id;
        Ok(ReferralLinkConnection::new(
            links,
            |row| unplace((row.created_at, row.id)),
            |row| ReferralLink { row, owner },
        ))
    }

    /// What was sold through it and paid, the newest first, with the reason of each credit.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn sales(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<SaleConnection> {
        let page = page::<(u128, i32)>(first, after, last, before)?;
        let page = page.map(|(order, position)| (Uuid::from_u128(order).into(), position));
        let sales = sales(ctx, listed(ctx, shop::sales_of(self.0.id), page).await?).await?;
        let (shop, owner) = (self.0.id, self.0.owner_id);
        let place = |sale: &shop::Sale| (sale.line.order_id.uuid().as_u128(), sale.line.position);
        Ok(SaleConnection::new(sales, place, |sale| Sale {
            sale,
            shop,
            owner,
        }))
    }
}
