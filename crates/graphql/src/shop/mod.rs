//! Shops and what they recommend, as clients see them.

mod curating;
mod input;
mod list;
mod loaders;
mod object;
mod preview;
mod recommendation;
mod refusal;
mod sale;
mod split;

use async_graphql::{Context, ID, MergedObject, Object, Result};
use vitrine_domain::page::Page;
use vitrine_domain::shop::{self, ShopPlace};
use vitrine_model::id::ShopId;
use vitrine_model::shop::{Model as Row, ShopState};
use vitrine_model::text::Handle;

use crate::access::{Declared, Who, access, root_part};
use crate::connection::{connection, listed, page, whole};
use crate::error::{answer, code, payload, protocol_error, settle};
use crate::loaders::load;
use crate::request::{RequestContext, parse_id};
use crate::shop::curating::{CuratingMutation, CuratingQuery};
use crate::shop::input::{
    RecommendationAddInput, RecommendationRemoveInput, RecommendationUpdateInput,
    RecommendationsReorderInput, ShopCloseInput, ShopOpenInput, ShopPublishInput, ShopUnpublishInput,
    ShopUpdateInput,
};
use crate::shop::list::{ShopFilterInput, ShopSort};
use crate::shop::recommendation::recommended;
use crate::shop::refusal::in_shop;
use crate::shop::split::SplitPreview;

pub(crate) use curating::{ShopCurator, is_run};
pub(crate) use object::Shop;
pub(crate) use recommendation::{Recommendation, recommendation_node, recommendation_seen};

connection!(ShopConnection, ShopEdge, Shop, "shops");

payload! {
    /// What came of `shopOpen`.
    ShopOpenPayload {
        /// The new shop, a draft.
        shop: Shop
    }
}

payload! {
    /// What came of `shopUpdate`.
    ShopUpdatePayload {
        /// The shop as it is now.
        shop: Shop
    }
}

payload! {
    /// What came of `shopPublish`.
    ShopPublishPayload {
        /// The shop, published.
        shop: Shop
    }
}

payload! {
    /// What came of `shopUnpublish`.
    ShopUnpublishPayload {
        /// The shop, a draft.
        shop: Shop
    }
}

payload! {
    /// What came of `shopClose`.
    ShopClosePayload {
        /// The shop, for the last time.
        shop: Shop
    }
}

payload! {
    /// What came of `recommendationAdd`.
    RecommendationAddPayload {
        /// The new recommendation.
        recommendation: Recommendation
    }
}

payload! {
    /// What came of `recommendationUpdate`.
    RecommendationUpdatePayload {
        /// The recommendation as it is now.
        recommendation: Recommendation
    }
}

payload! {
    /// What came of `recommendationsReorder`.
    RecommendationsReorderPayload {
        /// The shop, in its new order.
        shop: Shop
    }
}

payload! {
    /// What came of `recommendationRemove`.
    RecommendationRemovePayload {
        /// The recommendation that was removed.
        recommendation: Recommendation
    }
}

/// Queries about shops.
#[derive(MergedObject, Default)]
pub struct ShopQuery(ShopsQuery, CuratingQuery);

/// Mutations on shops.
#[derive(MergedObject, Default)]
pub struct ShopMutation(ShopsMutation, CuratingMutation);

root_part! {
    /// Queries about shops and what they recommend.
    ShopsQuery of "Query"
}

#[Object(guard = Declared(self))]
impl ShopsQuery {
    /// The shop with this id or this handle; `null` when there is none that you may see. Give one of the two. Anyone sees a
    /// published shop, those who curate it a draft, nobody a closed one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shop(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its handle.")] handle: Option<String>,
    ) -> Result<Option<Shop>> {
        match (id, handle) {
            (Some(id), None) => shop_node(ctx, &id).await,
            (None, Some(handle)) => shop_called(ctx, &handle).await,
            _ => Err(protocol_error(code::BAD_USER_INPUT, "give an id or a handle")),
        }
    }

    /// The published shops, the latest published first unless sorted otherwise.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shops(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<ShopFilterInput>,
        #[graphql(
            desc = "Words to be found in handle, name or description, each whole or as a beginning; 200 characters at most."
        )]
        search: Option<String>,
        #[graphql(desc = "What comes first.", default)] order_by: ShopSort,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ShopConnection> {
        let page: Page<ShopPlace> = page(first, after, last, before)?;
        let order = order_by.of_page(&page)?;
        let filter = filter.unwrap_or_default().parse(search.as_deref())?;
        let shops = listed(ctx, shop::published_shops(ctx.cx(), &filter, order), page).await?;
        Ok(ShopConnection::new(shops, |row| ShopPlace::of(order, row), Shop))
    }

    /// What recommending these products would mean under each of these discount shares: for a slider, all at once.
    /// Nothing is written. One entry per product, in order; `null` for one you cannot recommend.
    #[graphql(
        directive = access::apply(Who::Account),
        complexity = "preview::cost(product_ids.len(), shares.len(), child_complexity)"
    )]
    async fn split_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Products; 100 at most.")] product_ids: Vec<ID>,
        #[graphql(desc = "Discount shares in basis points, 0 to 10000; 21 at most.")] shares: Vec<i32>,
    ) -> Result<Vec<Option<SplitPreview>>> {
        preview::previews(ctx, &product_ids, &shares).await
    }
}

root_part! {
    /// Mutations on shops and what they recommend.
    ShopsMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl ShopsMutation {
    /// Opens a shop, as a draft that only you see, and who curates it with you. Codes: `INVALID`, `TAKEN`, `HANDLE_RESERVED`,
    /// `LIMIT_REACHED` (20 shops an account, those closed among them).
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_open(&self, ctx: &Context<'_>, input: ShopOpenInput) -> Result<ShopOpenPayload> {
        answer(ctx, async {
            let (by, new) = (ctx.account()?, input.parse()?);
            Ok(Shop(shop::open(ctx.cx(), by.id, new).await?))
        })
        .await
    }

    /// Changes a shop's name or description. Its handle never changes. Codes: `INVALID`, `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_update(&self, ctx: &Context<'_>, input: ShopUpdateInput) -> Result<ShopUpdatePayload> {
        answer(ctx, async {
            let (by, change) = (ctx.account()?, input.parse()?);
            Ok(Shop(shop::update(ctx.cx(), by.id, change).await?))
        })
        .await
    }

    /// Shows a shop to everyone. It takes an e-mail address that you have proved. Codes: `NOT_FOUND`, `EMAIL_UNVERIFIED`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_publish(&self, ctx: &Context<'_>, input: ShopPublishInput) -> Result<ShopPublishPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            Ok(Shop(shop::publish(ctx.cx(), by, id).await?))
        })
        .await
    }

    /// Hides a shop from everyone but you; its links lead nowhere meanwhile. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_unpublish(
        &self,
        ctx: &Context<'_>,
        input: ShopUnpublishInput,
    ) -> Result<ShopUnpublishPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            Ok(Shop(shop::unpublish(ctx.cx(), by.id, id).await?))
        })
        .await
    }

    /// Closes a shop for good. Its handle stays taken; what it earned stays yours. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shop_close(&self, ctx: &Context<'_>, input: ShopCloseInput) -> Result<ShopClosePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            Ok(Shop(shop::close(ctx.cx(), by.id, id).await?))
        })
        .await
    }

    /// Recommends a product in a shop that you own or curate. Codes: `INVALID`, `NOT_FOUND`, `NOT_PROMOTABLE`, `TAKEN` (the shop
    /// recommends it already), `LIMIT_REACHED` (1000 a shop).
    #[graphql(directive = access::apply(Who::Account))]
    async fn recommendation_add(
        &self,
        ctx: &Context<'_>,
        input: RecommendationAddInput,
    ) -> Result<RecommendationAddPayload> {
        answer(ctx, async {
            let (by, new) = (ctx.account()?, input.parse()?);
            let added = shop::add_recommendation(ctx.cx(), by.id, new).await;
            recommended(ctx, added.map_err(in_shop)?).await
        })
        .await
    }

    /// Changes a recommendation's note or discount share. Carts see the new price at once; orders keep theirs. Codes:
    /// `INVALID`, `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn recommendation_update(
        &self,
        ctx: &Context<'_>,
        input: RecommendationUpdateInput,
    ) -> Result<RecommendationUpdatePayload> {
        answer(ctx, async {
            let (by, change) = (ctx.account()?, input.parse()?);
            let row = shop::update_recommendation(ctx.cx(), by.id, change).await?;
            recommended(ctx, row).await
        })
        .await
    }

    /// Puts recommendations in a new order. Codes: `INVALID`, `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn recommendations_reorder(
        &self,
        ctx: &Context<'_>,
        input: RecommendationsReorderInput,
    ) -> Result<RecommendationsReorderPayload> {
        answer(ctx, async {
            let (by, (shop, order)) = (ctx.account()?, input.parse()?);
            let reordered = shop::reorder(ctx.cx(), by.id, shop, &order).await;
            Ok(Shop(reordered.map_err(in_shop)?))
        })
        .await
    }

    /// Takes a product out of a shop. Links to it lead to the shop from then on. Codes: `NOT_FOUND`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn recommendation_remove(
        &self,
        ctx: &Context<'_>,
        input: RecommendationRemoveInput,
    ) -> Result<RecommendationRemovePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.id)?);
            let row = shop::remove_recommendation(ctx.cx(), by.id, id).await?;
            recommended(ctx, row).await
        })
        .await
    }
}

/// The shop with this id, if the viewer may see it.
pub(crate) async fn shop_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Shop>> {
    let id: ShopId = parse_id(id)?;
    shop_seen(ctx, id).await
}

/// The shop `id`, if the viewer may see it.
pub(crate) async fn shop_seen(ctx: &Context<'_>, id: ShopId) -> Result<Option<Shop>> {
    match load(ctx, id).await? {
        Some(row) => seen(ctx, row).await,
        None => Ok(None),
    }
}

/// The shop, if the viewer may see it: anyone a published one, those who curate it a draft, nobody a closed one.
async fn seen(ctx: &Context<'_>, row: Row) -> Result<Option<Shop>> {
    let visible = match row.state {
        ShopState::Published => true,
        ShopState::Draft => is_run(ctx, row.id, row.owner_id).await?,
        ShopState::Closed => false,
    };
    Ok(visible.then_some(Shop(row)))
}

/// The shop with this handle, if the viewer may see it: a malformed one belongs to nobody.
async fn shop_called(ctx: &Context<'_>, handle: &str) -> Result<Option<Shop>> {
    let Ok(handle) = handle.parse::<Handle>() else {
        return Ok(None);
    };
    let found = settle(ctx, shop::shop_by_handle(ctx.cx().db(), &handle).await)?;
    match found {
        Some(row) => seen(ctx, row).await,
        None => Ok(None),
    }
}

/// The shops of the viewer's own that are not closed, the oldest first.
pub(crate) async fn shops_of(ctx: &Context<'_>, owner: vitrine_model::id::AccountId) -> Result<Vec<Shop>> {
    let rows = whole(ctx, shop::owned_shops(owner), shop::MAX_SHOPS).await?;
    Ok(rows.into_iter().map(Shop).collect())
}
