//! The clicks that brought a buyer: her cart remembers them, and each line is credited by the last that is valid for it.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::checkout::cart_click;
use vitrine_model::id::{CartId, ClickId};

use crate::checkout::commands::cart::{CartChanged, Warning, changed, lock_open};
use crate::checkout::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::referral;

/// Most clicks a cart remembers; beyond, the oldest is forgotten.
const MAX_CLICKS: u64 = 50;

/// Tells an open cart of a click that brought its buyer (back). The order in which it hears of clicks does not matter, nor
/// whether it hears of one twice: what counts is when the link was clicked.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`.
pub async fn add_click(
    cx: &Context,
    by: &Viewer,
    id: CartId,
    token: &str,
) -> Result<CartChanged, Failure<Refusal>> {
    let tx = cx.begin().await?;
    lock_open(&tx, cx, by, id).await?;
    let warnings = remember_click(&tx, cx, id, Some(token)).await?;
    let changed = changed(&tx, cx, by, id, warnings).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Lets a locked cart remember the click that `token` was made for.
pub(super) async fn remember_click(
    tx: &Tx,
    cx: &Context,
    cart: CartId,
    token: Option<&str>,
) -> Result<Vec<Warning>, DbErr> {
    let Some(token) = token else { return Ok(Vec::new()) };
    let Some(click) = referral::click_of(tx, cx, token).await? else {
        return Ok(vec![Warning::ClickIgnored]);
    };
    let row = cart_click::ActiveModel {
        cart_id: Set(cart),
        click_id: Set(click.id),
        clicked_at: Set(click.occurred_at),
    };
    cart_click::Entity::insert(row)
        .on_conflict_do_nothing_on([cart_click::Column::CartId, cart_click::Column::ClickId])
        .exec_without_returning(tx)
        .await?;
    forget_oldest(tx, cart).await?;
    Ok(Vec::new())
}

async fn forget_oldest(tx: &Tx, cart: CartId) -> Result<(), DbErr> {
    let too_many: Vec<ClickId> = cart_click::Entity::find()
        .select_only()
        .column(cart_click::Column::ClickId)
        .filter(cart_click::Column::CartId.eq(cart))
        .order_by_desc(cart_click::Column::ClickedAt)
        .order_by_desc(cart_click::Column::ClickId)
        .offset(MAX_CLICKS)
        .limit(MAX_CLICKS)
        .into_tuple()
        .all(tx)
        .await?;
    if too_many.is_empty() {
        return Ok(());
    }
    cart_click::Entity::delete_many()
        .filter(cart_click::Column::CartId.eq(cart))
        .filter(cart_click::Column::ClickId.is_in(too_many))
        .exec(tx)
        .await?;
    Ok(())
}
