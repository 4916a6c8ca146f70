//! What a shopholder, and whoever curates a shop with her, can do with its recommendations.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, IntoIden, IntoValueTuple, Query, TableRef};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::id::{AccountId, ProductId, RecommendationId, ShopId};
use vitrine_model::money::BasisPoints;
use vitrine_model::shop::{self, recommendation};
use vitrine_model::text::Note;

use crate::catalog;
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::shop::curating::curated;
use crate::shop::refusal::Refusal;
use crate::shop::rules::{self, MAX_RECOMMENDATIONS};

/// A product to be placed in a shop.
#[derive(Debug, Clone)]
pub struct NewRecommendation {
    /// The shop.
    pub shop: ShopId,
    /// The product.
    pub product: ProductId,
    /// Why she recommends it.
    pub note: Option<Note>,
    /// How much of her commission goes to the buyer.
    pub share: BasisPoints,
    /// Its place in the shop, from 1; at the end when absent or beyond it. Those at that place and after it move down.
    pub place: Option<i32>,
}

/// What is to change about a recommendation. What is `None` stays.
#[derive(Debug, Clone)]
pub struct RecommendationChange {
    /// Which.
    pub recommendation: RecommendationId,
    /// A new note, or none any more.
    pub note: Option<Option<Note>>,
    /// A new discount share.
    pub share: Option<BasisPoints>,
}

/// Recommends a product in a shop that one owns or curates.
///
/// # Errors
/// `ShopNotFound`, `ProductNotFound`, `NotPromotable`, `AlreadyRecommended`, `TooManyRecommendations`,
/// `PlaceOutOfRange`.
pub async fn add_recommendation(
    cx: &Context,
    by: AccountId,
    new: NewRecommendation,
) -> Result<recommendation::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let shop = curated(&tx, by, new.shop).await?;
    let found = catalog::products_by_id(&tx, &[new.product]).await?;
    let product = found.into_iter().find(|product| product.published);
    let product = product.or_refuse(Refusal::ProductNotFound)?;
    if !catalog::is_promotable(&product) {
        return refuse(Refusal::NotPromotable);
    }
    let live = live_in(shop.id).count(&tx).await?;
    if live >= MAX_RECOMMENDATIONS {
        return refuse(Refusal::TooManyRecommendations(MAX_RECOMMENDATIONS));
    }
    let position = make_room(&tx, shop.id, new.place).await?;
    let now = cx.now();
    let row = recommendation::ActiveModel {
        id: Set(cx.new_id()),
        shop_id: Set(shop.id),
        product_id: Set(product.id),
        note: Set(new.note),
        share_bp: Set(new.share),
        position: Set(position),
        created_at: Set(now),
        updated_at: Set(now),
        removed_at: Set(None),
    };
    let row = row
        .insert(&tx)
        .await
        .or_refuse_duplicate(Refusal::AlreadyRecommended)?;
    let refs = [("shop", shop.id.to_string()), ("product", product.id.to_string())];
    event::record(&tx, cx, Actor::Account(by), "recommendation.added", row.id, &refs).await?;
    tx.commit().await?;
    Ok(row)
}

/// The position for a newcomer at `place`, after whatever is there has moved down.
async fn make_room(tx: &Tx, shop: ShopId, place: Option<i32>) -> Result<i32, Failure<Refusal>> {
    let positions = || {
        live_in(shop)
            .select_only()
            .column(recommendation::Column::Position)
    };
    let taken: Option<i32> = match place.map(|place| u64::try_from(place.saturating_sub(1))) {
        None => None,
        Some(Err(_)) => return refuse(Refusal::PlaceOutOfRange),
        Some(Ok(before)) => {
            let at_place = positions()
                .order_by_asc(recommendation::Column::Position)
                .order_by_asc(recommendation::Column::Id)
                .offset(before)
                .limit(1);
            at_place.into_tuple().one(tx).await?
        }
    };
    let Some(position) = taken else {
        let last = positions()
            .order_by_desc(recommendation::Column::Position)
            .limit(1);
        return Ok(last.into_tuple::<i32>().one(tx).await?.map_or(1, |last| last + 1));
    };
    recommendation::Entity::update_many()
        .col_expr(
            recommendation::Column::Position,
            Expr::col(recommendation::Column::Position).add(1),
        )
        .filter(recommendation::Column::ShopId.eq(shop))
        .filter(recommendation::Column::RemovedAt.is_null())
        .filter(recommendation::Column::Position.gte(position))
        .exec(tx)
        .await?;
    Ok(position)
}

/// Changes a recommendation's note or discount share. Carts see the new price at once; orders keep theirs.
///
/// # Errors
/// `RecommendationNotFound`.
pub async fn update_recommendation(
    cx: &Context,
    by: AccountId,
    change: RecommendationChange,
) -> Result<recommendation::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = own_recommendation(&tx, by, change.recommendation).await?;
    let mut row = row.into_active_model();
    if let Some(note) = change.note {
        row.note = Set(note);
    }
    if let Some(share) = change.share {
        row.share_bp = Set(share);
    }
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    let refs = [("shop", row.shop_id.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "recommendation.updated",
        row.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Takes a product out of a shop. The row stays, for the orders and clicks that refer to it.
///
/// # Errors
/// `RecommendationNotFound`.
pub async fn remove_recommendation(
    cx: &Context,
    by: AccountId,
    id: RecommendationId,
) -> Result<recommendation::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let mut row = own_recommendation(&tx, by, id).await?.into_active_model();
    row.removed_at = Set(Some(cx.now()));
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    let refs = [("shop", row.shop_id.to_string())];
    event::record(
        &tx,
        cx,
        Actor::Account(by),
        "recommendation.removed",
        row.id,
        &refs,
    )
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Puts recommendations in a new order: those named take, among themselves, the places they had; the others stay.
///
/// # Errors
/// `ShopNotFound`, `RecommendationNotFound`, `OrderMalformed`.
pub async fn reorder(
    cx: &Context,
    by: AccountId,
    shop: ShopId,
    order: &[RecommendationId],
) -> Result<shop::Model, Failure<Refusal>> {
    let distinct: std::collections::HashSet<_> = order.iter().collect();
    if order.is_empty() || distinct.len() != order.len() {
        return refuse(Refusal::OrderMalformed);
    }
    let tx = cx.begin().await?;
    let shop = curated(&tx, by, shop).await?;
    let places: Vec<(RecommendationId, i32)> = live_in(shop.id)
        .select_only()
        .column(recommendation::Column::Id)
        .column(recommendation::Column::Position)
        .into_tuple()
        .all(&tx)
        .await?;
    let moved = rules::rearrange(&places, order).or_refuse(Refusal::RecommendationNotFound)?;
    move_all(&tx, &moved).await?;
    event::record(&tx, cx, Actor::Account(by), "shop.rearranged", shop.id, &[]).await?;
    tx.commit().await?;
    Ok(shop)
}

/// Sets all positions in one statement, by joining the table with the list of new ones: linear in their number. Both
/// databases call the columns of such a list `column1` and `column2`.
async fn move_all(tx: &Tx, moved: &[(RecommendationId, i32)]) -> Result<(), DbErr> {
    let moved = moved.iter().map(|place| (*place).into_value_tuple()).collect();
    let update = Query::update()
        .table(recommendation::Entity)
        .value(recommendation::Column::Position, Expr::col(("moved", "column2")))
        .from(TableRef::ValuesList(moved, "moved".into_iden()))
        .and_where(
            Expr::col((recommendation::Entity, recommendation::Column::Id))
                .eq(Expr::col(("moved", "column1"))),
        )
        .to_owned();
    tx.execute(&update).await?;
    Ok(())
}

fn live_in(shop: ShopId) -> sea_orm::Select<recommendation::Entity> {
    recommendation::Entity::find()
        .filter(recommendation::Column::ShopId.eq(shop))
        .filter(recommendation::Column::RemovedAt.is_null())
}

/// A live recommendation in a shop that one owns or curates, under the shop's lock.
async fn own_recommendation(
    tx: &Tx,
    by: AccountId,
    id: RecommendationId,
) -> Result<recommendation::Model, Failure<Refusal>> {
    let row = recommendation::Entity::find_by_id(id).one(tx).await?;
    let row = row.or_refuse(Refusal::RecommendationNotFound)?;
    let not_hers = |_| Refusal::RecommendationNotFound;
    curated(tx, by, row.shop_id)
        .await
        .map_err(|failure| failure.map(not_hers))?;
    // Read again now that the shop is locked: it may have been removed meanwhile.
    recommendation::Entity::find_by_id(id)
        .filter(recommendation::Column::RemovedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .or_refuse(Refusal::RecommendationNotFound)
}
