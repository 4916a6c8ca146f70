//! The operator stops a party's payouts, and lets them go on.

use anyhow::Context as _;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::id::PayoutHoldId;
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::account;
use vitrine_model::ledger::Party;
use vitrine_model::payout::payout_hold;
use vitrine_model::text::Reason;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::idempotency::{self, Input, Key};
use crate::ledger;
use crate::payout::refusal::Refusal;

/// A stop to put or to lift.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// Whose payouts.
    pub party: Party,
    /// Why; the party reads it.
    pub reason: Reason,
    /// The client's idempotency key.
    pub key: String,
}

/// Stops a party's payouts: none is made until the hold is lifted. What is on its way already arrives. The caller has
/// seen that `by` is an operator.
///
/// # Errors
/// `PartyNotFound`, `HeldAlready`, `Key`.
pub async fn hold(
    cx: &Context,
    by: &account::Model,
    new: NewHold,
) -> Result<payout_hold::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let key = key(by, "payoutHold", &new);
    if let Some(made) = claimed(&tx, cx, &key).await? {
        return Ok(made);
    }
    if !ledger::party_exists(&tx, new.party).await? {
        return refuse(Refusal::PartyNotFound);
    }
    let row = payout_hold::ActiveModel {
        id: Set(cx.new_id()),
        party: Set(new.party),
        reason: Set(new.reason),
        held_by: Set(by.id),
        held_at: Set(cx.now()),
        release_reason: Set(None),
        released_by: Set(None),
        released_at: Set(None),
    };
    let row = row.insert(&tx).await.or_refuse_duplicate(Refusal::HeldAlready)?;
    settle(&tx, cx, by, &key, "payout.held", &row).await?;
    tx.commit().await?;
    Ok(row)
}

/// Lets a party's payouts go on with the next run. The caller has seen that `by` is an operator.
///
/// # Errors
/// `NotHeld`, `Key`.
pub async fn release_hold(
    cx: &Context,
    by: &account::Model,
    new: NewHold,
) -> Result<payout_hold::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let key = key(by, "payoutHoldRelease", &new);
    if let Some(made) = claimed(&tx, cx, &key).await? {
        return Ok(made);
    }
    let standing = payout_hold::Entity::find()
        .filter(payout_hold::Column::Party.eq(new.party))
        .filter(payout_hold::Column::ReleasedAt.is_null())
        .lock_exclusive()
        .one(&tx)
        .await?;
    let standing = standing.or_refuse(Refusal::NotHeld)?;
    let mut row: payout_hold::ActiveModel = standing.into();
    row.release_reason = Set(Some(new.reason));
    row.released_by = Set(Some(by.id));
    row.released_at = Set(Some(cx.now()));
    let row = row.update(&tx).await?;
    settle(&tx, cx, by, &key, "payout.hold_released", &row).await?;
    tx.commit().await?;
    Ok(row)
}

fn key(by: &account::Model, mutation: &'static str, new: &NewHold) -> Key {
    let input = Input::new()
        .field("party", new.party)
        .field("reason", &new.reason);
    Key::new(by.id, mutation, new.key.clone(), &input)
}

/// The hold that an earlier request with this key was about.
async fn claimed(tx: &Tx, cx: &Context, key: &Key) -> Result<Option<payout_hold::Model>, Failure<Refusal>> {
    let Some(made) = idempotency::earlier::<PayoutHoldId, _>(tx, cx, key).await? else {
        return Ok(None);
    };
    let made = payout_hold::Entity::find_by_id(made).one(tx).await?;
    Ok(Some(made.context("the hold of an idempotency key is gone")?))
}

async fn settle(
    tx: &Tx,
    cx: &Context,
    by: &account::Model,
    key: &Key,
    kind: &str,
    row: &payout_hold::Model,
) -> Result<(), DbErr> {
    let refs = [("party", row.party.to_string())];
    event::record(tx, cx, Actor::Account(by.id), kind, row.id, &refs).await?;
    idempotency::finish(tx, key, Attempt::Done, row.id).await
}
