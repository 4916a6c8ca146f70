//! What links and clicks say of people, forgotten.

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::id::ShopId;
use vitrine_model::referral::{click, link};
use vitrine_model::text::Label;

use crate::context::{Context, Tx};

/// How long a visitor can be told from another: twice as long as her hash lasts, more than is asked about.
const VISITORS: TimeDelta = TimeDelta::days(2);

/// Takes away what a shopholder called her links.
pub(crate) async fn forget_labels(tx: &Tx, shop: ShopId) -> Result<(), DbErr> {
    link::Entity::update_many()
        .col_expr(link::Column::Label, Expr::value(None::<Label>))
        .filter(link::Column::ShopId.eq(shop))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes the visitors' hashes from clicks of days that are over: nobody can find out any more which were the same
/// visitor's, not even with the platform's key.
pub(crate) async fn sweep_visitors(cx: &Context) -> Result<(), DbErr> {
    click::Entity::update_many()
        .col_expr(click::Column::VisitorHash, Expr::value(None::<Vec<u8>>))
        .filter(click::Column::VisitorHash.is_not_null())
        .filter(click::Column::OccurredAt.lt(cx.now() - VISITORS))
        .exec(cx.db())
        .await?;
    Ok(())
}
