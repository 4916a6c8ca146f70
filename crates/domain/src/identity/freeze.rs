//! Payouts wait for some days after a change that a thief would make: whoever is robbed has time to notice, and letters
//! to notice by.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::id::AccountId;
use vitrine_model::identity::{FreezeCause, Role, brand_member, payout_freeze};
use vitrine_model::ledger::Party;

use crate::context::{Context, Tx};

/// Freezes the payouts to `account` and to the brands she owns: she may say where their money goes.
pub(super) async fn freeze_owned(
    tx: &Tx,
    cx: &Context,
    account: AccountId,
    cause: FreezeCause,
) -> Result<(), DbErr> {
    let owned = brand_member::Entity::find()
        .filter(brand_member::Column::AccountId.eq(account))
        .filter(brand_member::Column::Role.eq(Role::Owner))
        .all(tx)
        .await?;
    let brands = owned.into_iter().map(|member| Party::Brand(member.brand_id));
    for party in brands.chain([Party::Shopholder(account)]) {
        freeze(tx, cx, party, cause).await?;
    }
    Ok(())
}

/// Freezes the payouts to `party` for as many days as the operator has set. A freeze that stands already is made longer.
pub(crate) async fn freeze(tx: &Tx, cx: &Context, party: Party, cause: FreezeCause) -> Result<(), DbErr> {
    let days = cx.settings().payout_freeze_days;
    if days == 0 {
        return Ok(());
    }
    let row = payout_freeze::ActiveModel {
        party: Set(party),
        cause: Set(cause),
        frozen_at: Set(cx.now()),
        ends_at: Set(cx.now() + TimeDelta::days(days)),
    };
    let longer = OnConflict::column(payout_freeze::Column::Party)
        .update_columns([
            payout_freeze::Column::Cause,
            payout_freeze::Column::FrozenAt,
            payout_freeze::Column::EndsAt,
        ])
        .to_owned();
    payout_freeze::Entity::insert(row)
        .on_conflict(longer)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The freezes of these parties' payouts, in no order, those that are over among them.
///
/// # Errors
/// When the database fails.
pub async fn freezes_on(
    db: &impl ConnectionTrait,
    parties: &[Party],
) -> Result<Vec<payout_freeze::Model>, DbErr> {
    payout_freeze::Entity::find()
        .filter(payout_freeze::Column::Party.is_in(parties.iter().copied()))
        .all(db)
        .await
}

/// Forgets freezes that are over.
pub(super) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    payout_freeze::Entity::delete_many()
        .filter(payout_freeze::Column::EndsAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}
