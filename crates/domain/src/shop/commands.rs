//! What a shopholder can do with her shops.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
};
use vitrine_model::id::{AccountId, ShopId};
use vitrine_model::identity::account;
use vitrine_model::shop::{self, ShopState, shop_text};
use vitrine_model::text::{About, Handle, Name, WebUrl};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::identity;
use crate::search;
use crate::shop::refusal::Refusal;
use crate::shop::rules::MAX_SHOPS;

/// A shop to be opened.
#[derive(Debug, Clone)]
pub struct NewShop {
    /// Its address.
    pub handle: Handle,
    /// What it is called.
    pub name: Name,
    /// What it is about.
    pub about: Option<About>,
}

/// What is to change about a shop. What is `None` stays.
#[derive(Debug, Clone)]
pub struct ShopChange {
    /// Which.
    pub shop: ShopId,
    /// A new name.
    pub name: Option<Name>,
    /// A new description, or none any more.
    pub about: Option<Option<About>>,
    /// Another picture, or none any more.
    pub picture_url: Option<Option<WebUrl>>,
}

/// Opens a shop, as a draft.
///
/// # Errors
/// `HandleReserved`, `HandleTaken`, `TooManyShops`.
pub async fn open(cx: &Context, by: AccountId, new: NewShop) -> Result<shop::Model, Failure<Refusal>> {
    if new.handle.is_reserved() {
        return refuse(Refusal::HandleReserved);
    }
    let tx = cx.begin().await?;
    // The account's row is the lock under which her shops are counted.
    account::Entity::find_by_id(by).lock_exclusive().one(&tx).await?;
    let shops = shop::Entity::find().filter(shop::Column::OwnerId.eq(by));
    if shops.count(&tx).await? >= MAX_SHOPS {
        return refuse(Refusal::TooManyShops(MAX_SHOPS));
    }
    let now = cx.now();
    let row = shop::ActiveModel {
        id: Set(cx.new_id()),
        handle: Set(new.handle),
        owner_id: Set(by),
        name: Set(new.name),
        about: Set(new.about),
        picture_url: Set(None),
        state: Set(ShopState::Draft),
        created_at: Set(now),
        updated_at: Set(now),
        published_at: Set(None),
    };
    let row = row.insert(&tx).await.or_refuse_duplicate(Refusal::HandleTaken)?;
    let words = shop_text::ActiveModel {
        shop_id: Set(row.id),
        search_text: Set(search_text(&row)),
        ..Default::default()
    };
    shop_text::Entity::insert(words)
        .exec_without_returning(&tx)
        .await?;
    event::record(&tx, cx, Actor::Account(by), "shop.opened", row.id, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

/// Changes what a shop is called or says of itself. Its handle never changes: links lead to it.
///
/// # Errors
/// `ShopNotFound`.
pub async fn update(
    cx: &Context,
    by: AccountId,
    change: ShopChange,
) -> Result<shop::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let mut row = owned(&tx, by, change.shop).await?.into_active_model();
    if let Some(name) = change.name {
        row.name = Set(name);
    }
    if let Some(about) = change.about {
        row.about = Set(about);
    }
    if let Some(picture) = change.picture_url {
        row.picture_url = Set(picture);
    }
    row.updated_at = Set(cx.now());
    let row = row.update(&tx).await?;
    shop_text::Entity::update_many()
        .col_expr(shop_text::Column::SearchText, Expr::value(search_text(&row)))
        .filter(shop_text::Column::ShopId.eq(row.id))
        .exec(&tx)
        .await?;
    event::record(&tx, cx, Actor::Account(by), "shop.updated", row.id, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

fn search_text(shop: &shop::Model) -> String {
    let about = shop.about.as_ref().map_or("", About::as_str);
    search::text([shop.handle.as_str(), shop.name.as_str(), about])
}

/// Shows a shop to everyone. One that is published already stays as it is.
///
/// # Errors
/// `ShopNotFound`.
pub async fn publish(cx: &Context, by: &account::Model, id: ShopId) -> Result<shop::Model, Failure<Refusal>> {
    identity::check_verified(by).map_err(|failure| failure.map(|_| Refusal::EmailUnverified))?;
    turn(cx, by.id, id, ShopState::Published, "shop.published").await
}

/// Hides a shop from everyone but its owner. One that is a draft already stays as it is.
///
/// # Errors
/// `ShopNotFound`.
pub async fn unpublish(cx: &Context, by: AccountId, id: ShopId) -> Result<shop::Model, Failure<Refusal>> {
    turn(cx, by, id, ShopState::Draft, "shop.unpublished").await
}

/// Closes a shop for good. Its handle stays taken; what it earned stays earned.
///
/// # Errors
/// `ShopNotFound`.
pub async fn close(cx: &Context, by: AccountId, id: ShopId) -> Result<shop::Model, Failure<Refusal>> {
    turn(cx, by, id, ShopState::Closed, "shop.closed").await
}

async fn turn(
    cx: &Context,
    by: AccountId,
    id: ShopId,
    state: ShopState,
    kind: &str,
) -> Result<shop::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let row = owned(&tx, by, id).await?;
    if row.state == state {
        return Ok(row);
    }
    let now = cx.now();
    let mut row = row.into_active_model();
    row.state = Set(state);
    row.updated_at = Set(now);
    if state == ShopState::Published {
        row.published_at = Set(Some(now));
    }
    let row = row.update(&tx).await?;
    event::record(&tx, cx, Actor::Account(by), kind, row.id, &[]).await?;
    tx.commit().await?;
    Ok(row)
}

/// The shop of one's own, locked: whatever changes a shop or its recommendations does so one after the other.
pub(crate) async fn owned(tx: &Tx, by: AccountId, id: ShopId) -> Result<shop::Model, Failure<Refusal>> {
    shop::Entity::find_by_id(id)
        .filter(shop::Column::OwnerId.eq(by))
        .filter(shop::Column::State.ne(ShopState::Closed))
        .lock_exclusive()
        .one(tx)
        .await?
        .or_refuse(Refusal::ShopNotFound)
}
