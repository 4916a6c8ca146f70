//! What a shopholder said, erased with her account.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::id::{Id, ShopId};
use vitrine_model::identity::account;
use vitrine_model::shop::{self, ShopState, recommendation, shop_text};
use vitrine_model::text::{About, WebUrl};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::shop::curating;

/// What an erased shop is called.
const NAME: &str = "Closed shop";

/// Closes the account's shops and takes away what she called them and said in them: handles, names, descriptions, pictures, notes; and
/// who curated them with her, and what she curated with others. Returns the shops.
pub(crate) async fn erase_of(tx: &Tx, cx: &Context, owner: &account::Model) -> Result<Vec<ShopId>, DbErr> {
    curating::forget_curator(tx, owner).await?;
    let shops = shop::Entity::find()
        .filter(shop::Column::OwnerId.eq(owner.id))
        .all(tx)
        .await?;
    for found in &shops {
        erase(tx, cx, found).await?;
    }
    Ok(shops.into_iter().map(|shop| shop.id).collect())
}

async fn erase(tx: &Tx, cx: &Context, found: &shop::Model) -> Result<(), DbErr> {
    curating::forget_curators_of(tx, found.id).await?;
    // Unique, and no word of hers: links that name it lead nowhere.
    let handle = format!("erased-{}", found.id.uuid().simple());
    shop::Entity::update_many()
        .col_expr(shop::Column::Handle, Expr::value(handle))
        .col_expr(shop::Column::Name, Expr::value(NAME))
        .col_expr(shop::Column::About, Expr::value(None::<About>))
        .col_expr(shop::Column::PictureUrl, Expr::value(None::<WebUrl>))
        .col_expr(shop::Column::State, Expr::value(ShopState::Closed))
        .col_expr(shop::Column::UpdatedAt, Expr::value(cx.now()))
        .filter(shop::Column::Id.eq(found.id))
        .exec(tx)
        .await?;
    shop_text::Entity::update_many()
        .col_expr(shop_text::Column::SearchText, Expr::value(""))
        .filter(shop_text::Column::ShopId.eq(found.id))
        .exec(tx)
        .await?;
    recommendation::Entity::update_many()
        .col_expr(recommendation::Column::Note, Expr::value(None::<String>))
        .filter(recommendation::Column::ShopId.eq(found.id))
        .exec(tx)
        .await?;
    if found.state != ShopState::Closed {
        event::record(tx, cx, Actor::System, "shop.closed", found.id, &[]).await?;
    }
    Ok(())
}
