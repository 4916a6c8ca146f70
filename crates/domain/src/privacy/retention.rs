//! What is forgotten by itself, when its time has passed.

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use vitrine_model::{inbox, mail};

use crate::context::Context;
use crate::{checkout, referral};

/// How long what Stripe sent is kept where it was not applied: a person may want to see why.
const UNAPPLIED: TimeDelta = TimeDelta::days(30);

/// Forgets who bought and where to, carts nobody came back to, whose clicks were whose, and which letters were sent.
pub(crate) async fn sweep(cx: &Context) -> anyhow::Result<()> {
    let (now, settings) = (cx.now(), cx.settings());
    checkout::sweep_contacts(cx, now - TimeDelta::days(settings.contact_days)).await?;
    checkout::sweep_carts(cx, now - TimeDelta::days(settings.cart_days)).await?;
    referral::sweep_visitors(cx).await?;
    mail::Entity::delete_many()
        .filter(mail::Column::SentAt.lt(now - TimeDelta::days(settings.mail_days)))
        .exec(cx.db())
        .await?;
    inbox::Entity::update_many()
        .col_expr(inbox::Column::Payload, Expr::value(""))
        .filter(inbox::Column::ReceivedAt.lt(now - UNAPPLIED))
        .filter(inbox::Column::Payload.ne(""))
        .exec(cx.db())
        .await?;
    Ok(())
}
