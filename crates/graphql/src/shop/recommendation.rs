//! Recommendations.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::Context as _;
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;
use vitrine_domain::shop::{self, Offering};
use vitrine_model::id::{AccountId, BrandId, ProductId, RecommendationId};
use vitrine_model::shop::recommendation;

use crate::access::{Declared, Subject, Who, access};
use crate::catalog::{Product, TermsNow, VariantsOf, product_seen};
use crate::error::{Trouble, settle};
use crate::loaders::{load, load_many};
use crate::money::Money;
use crate::request::{RequestContext, parse_id};
use crate::shop::split::{Shared, UnitSplit};
use crate::shop::{Shop, is_run, shop_seen};

/// What a page of recommendations offers, asked for once, by whichever field needs it first: the fields of one page may
/// well be resolved at different moments, and must not each ask anew.
#[derive(Debug, Default)]
pub(crate) struct PageOfferings {
    products: Vec<ProductId>,
    loaded: OnceCell<HashMap<ProductId, Arc<Offering>>>,
}

impl PageOfferings {
    /// Of these products.
    pub(crate) fn of(products: Vec<ProductId>) -> Arc<Self> {
        Arc::new(Self {
            products,
            loaded: OnceCell::new(),
        })
    }

    async fn get(&self, ctx: &Context<'_>, product: ProductId) -> Result<Option<Arc<Offering>>> {
        let loaded = self.loaded.get_or_try_init(|| self.load(ctx)).await?;
        Ok(loaded.get(&product).cloned())
    }

    /// Loads what the page's own fields ask for too, so that products and brands are read once for both.
    async fn load(&self, ctx: &Context<'_>) -> Result<HashMap<ProductId, Arc<Offering>>> {
        let products = load_many(ctx, self.products.iter().copied()).await?;
        let brands: HashSet<BrandId> = products.values().map(|product| product.brand_id).collect();
        let (terms, variants, brands) = futures::try_join!(
            load_many(ctx, brands.iter().copied().map(TermsNow)),
            load_many(ctx, self.products.iter().copied().map(VariantsOf)),
            load_many(ctx, brands.iter().copied()),
        )?;
        let terms = terms.into_iter().map(|(key, terms)| (key.0, terms)).collect();
        let at = ctx.cx().now();
        let offered = products.into_iter().filter_map(|(id, product)| {
            let variants = variants.get(&VariantsOf(id)).cloned().unwrap_or_default();
            let offering = Offering::of(product, &brands, &terms, variants, at)?;
            Some((id, Arc::new(offering)))
        });
        Ok(offered.collect())
    }
}

/// One product placed in one shop. It belongs to those who curate the shop.
#[derive(Debug, Clone)]
pub struct Recommendation {
    pub(crate) row: recommendation::Model,
    pub(crate) owner: AccountId,
    pub(crate) page: Arc<PageOfferings>,
}

impl Recommendation {
    /// On its own, not as part of a page.
    pub(crate) fn alone(row: recommendation::Model, owner: AccountId) -> Self {
        let page = PageOfferings::of(vec![row.product_id]);
        Self { row, owner, page }
    }

    /// As part of a page.
    pub(crate) fn on(page: &Arc<PageOfferings>, row: recommendation::Model, owner: AccountId) -> Self {
        let page = page.clone();
        Self { row, owner, page }
    }

    async fn shared(&self, ctx: &Context<'_>) -> Result<Option<Shared>> {
        let offering = self.page.get(ctx, self.row.product_id).await?;
        Ok(offering.map(|offering| Shared {
            offering,
            share: self.row.share_bp,
            shopholder: self.owner,
            shop: Some(self.row.shop_id),
        }))
    }

    async fn cheapest(&self, ctx: &Context<'_>) -> Result<Option<UnitSplit>> {
        Ok(self.shared(ctx).await?.and_then(|shared| shared.cheapest()))
    }

    async fn dearest(&self, ctx: &Context<'_>) -> Result<Option<UnitSplit>> {
        Ok(self.shared(ctx).await?.and_then(|shared| shared.dearest()))
    }
}

impl Subject for Recommendation {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_run(ctx, self.row.shop_id, self.owner).await
    }
}

/// One product placed in one shop, at the price its shopholder's discount makes. It belongs to those who curate the shop.
#[Object(guard = Declared(self))]
impl Recommendation {
    /// Its id: name it when adding to a cart, so that the line has its price and credits its shop.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The shop; `null` when you may not see it any more.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop(&self, ctx: &Context<'_>) -> Result<Option<Shop>> {
        shop_seen(ctx, self.row.shop_id).await
    }

    /// The product; `null` when its brand took it down.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        product_seen(ctx, self.row.product_id).await
    }

    /// Why she recommends it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn note(&self) -> Option<&str> {
        self.row.note.as_ref().map(|note| note.as_str())
    }

    /// What a buyer must be told beside it: that the shopholder earns on the sale.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn disclosure(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let owner = load(ctx, self.owner).await?;
        Ok(owner.map(|owner| shop::disclosure(&owner.name)))
    }

    /// Whether buyers are offered it now: its brand sells the product and lets it be recommended.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn is_offered(&self, ctx: &Context<'_>) -> Result<bool> {
        let shared = self.shared(ctx).await?;
        Ok(shared.is_some_and(|shared| vitrine_domain::catalog::is_promotable(&shared.offering.product)))
    }

    /// What the cheapest variant costs the buyer here, VAT included; `null` when none can be bought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price_from(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.cheapest(ctx).await?.map(|split| split.price_shown()))
    }

    /// What the dearest variant costs the buyer here, VAT included; `null` when none can be bought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price_to(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.dearest(ctx).await?.map(|split| split.price_shown()))
    }

    /// What the shopholder earns on one unit of the cheapest variant; `null` when none can be bought.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn earnings_from(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.cheapest(ctx).await?.map(|split| split.earned()))
    }

    /// What the shopholder earns on one unit of the dearest variant; `null` when none can be bought.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn earnings_to(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        Ok(self.dearest(ctx).await?.map(|split| split.earned()))
    }

    /// The split of one unit of a variant, the cheapest when none is named; `null` when it cannot be bought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn split(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A variant of the product.")] variant_id: Option<ID>,
    ) -> Result<Option<UnitSplit>> {
        match (self.shared(ctx).await?, variant_id) {
            (None, _) => Ok(None),
            (Some(shared), None) => Ok(shared.cheapest()),
            (Some(shared), Some(variant)) => shared.of(&variant),
        }
    }

    /// The split of one unit of every variant that can be bought, in the brand's order.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "10 * child_complexity")]
    async fn splits(&self, ctx: &Context<'_>) -> Result<Vec<UnitSplit>> {
        let splits = self
            .shared(ctx)
            .await?
            .map(|shared| shared.all())
            .unwrap_or_default();
        ctx.spend(splits.len())?;
        Ok(splits)
    }

    /// How much of the shopholder's commission goes to the buyer, in basis points.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn discount_share(&self) -> i32 {
        self.row.share_bp.get()
    }

    /// Sorts it within its shop, ascending; numbers may be left out.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn position(&self) -> i32 {
        self.row.position
    }

    /// Since when.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When its note or share last changed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// When it was taken out of the shop; `null` while it is there.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn removed_at(&self) -> Option<DateTime<Utc>> {
        self.row.removed_at
    }
}

/// The recommendation with this id, if the viewer may see it.
pub(crate) async fn recommendation_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Recommendation>> {
    let id: RecommendationId = parse_id(id)?;
    recommendation_seen(ctx, id).await
}

/// The recommendation `id`, if the viewer may see it: it is in a shop she may see, and offered to buyers or her own.
pub(crate) async fn recommendation_seen(
    ctx: &Context<'_>,
    id: RecommendationId,
) -> Result<Option<Recommendation>> {
    let row = load(ctx, id).await?.filter(|row| row.removed_at.is_none());
    let Some(row) = row else { return Ok(None) };
    let Some(Shop(shop)) = shop_seen(ctx, row.shop_id).await? else {
        return Ok(None);
    };
    let hers = is_run(ctx, shop.id, shop.owner_id).await?;
    let product = load(ctx, row.product_id).await?;
    let offered = product.is_some_and(|product| vitrine_domain::catalog::is_promotable(&product));
    Ok((hers || offered).then(|| Recommendation::alone(row, shop.owner_id)))
}

/// The recommendation as whoever has just changed it sees it.
pub(super) async fn recommended(
    ctx: &Context<'_>,
    row: recommendation::Model,
) -> Result<Recommendation, Trouble> {
    let shop = load(ctx, row.shop_id).await?;
    let shop = shop.with_context(|| format!("{} is in no shop", row.id));
    Ok(Recommendation::alone(row, settle(ctx, shop)?.owner_id))
}
