//! Payments nobody asked for whose refund failed. Nobody decided that they go back, so nobody would decide it again: they
//! are sent back again some days later, a few times. Until they have arrived they are a difference that operators see.

use anyhow::Context as _;
use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};
use vitrine_model::checkout::{RefundKind, RefundState, charge, refund};
use vitrine_model::id::RefundId;

use crate::checkout::commands::{dispute, lock_order};
use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::intent::{self, When};
use crate::jobs::{self, Job};
use crate::ledger;
use crate::ports::Call;

/// How long until it is tried again: what kept the money from arriving may be over by then.
const AGAIN_AFTER: TimeDelta = TimeDelta::days(3);
/// How often it is tried in all.
const MOST: u64 = 5;

/// Sends so much of the charge back.
///
/// # Errors
/// When the database fails.
pub(super) async fn send_back(
    tx: &Tx,
    cx: &Context,
    charge: &charge::Model,
    amount: i64,
) -> anyhow::Result<RefundId> {
    let id: RefundId = cx.new_id();
    let call = Call::RefundMake {
        charge: charge.id.clone(),
        amount,
        currency: charge.currency.to_string(),
        refund: id.to_string(),
        order: charge.order_id.to_string(),
    };
    let intent = intent::record(tx, cx, id, &call, When::Soon).await?;
    let row = refund::ActiveModel {
        id: Set(id),
        order_id: Set(charge.order_id),
        charge_id: Set(charge.id.clone()),
        kind: Set(RefundKind::Charge),
        amount: Set(amount),
        currency: Set(charge.currency),
        reason: Set("A payment that was not awaited".parse()?),
        state: Set(RefundState::Pending),
        intent_id: Set(intent),
        stripe_refund_id: Set(None),
        requested_by: Set(Actor::System.to_string()),
        created_at: Set(cx.now()),
        settled_at: Set(None),
    };
    refund::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

/// The refund of such a charge failed.
///
/// # Errors
/// When the database fails.
pub(super) async fn later(tx: &Tx, cx: &Context, charge: &str) -> Result<(), DbErr> {
    let job = Job::RefundAgain {
        charge: charge.to_owned(),
    };
    jobs::enqueue(tx, cx, &job, cx.now() + AGAIN_AFTER, None).await
}

/// Sends back what of the charge its buyer is still owed, unless it was tried often enough. While her bank claims it,
/// Stripe refunds nothing: then it is looked at again.
///
/// # Errors
/// When the database fails.
pub(crate) async fn refund_again(cx: &Context, charge: &str) -> anyhow::Result<()> {
    let charge = charge::Entity::find_by_id(charge.to_owned())
        .one(cx.db())
        .await?
        .with_context(|| format!("no charge {charge}"))?;
    let tx = cx.begin().await?;
    lock_order(&tx, charge.order_id).await?;
    let owed = ledger::owed_of(&tx, &charge).await?;
    let tried = refund::Entity::find()
        .filter(refund::Column::ChargeId.eq(&charge.id))
        .count(&tx)
        .await?;
    if owed == 0 || tried >= MOST {
        return Ok(());
    }
    if dispute::claimed(&tx, charge.order_id, &charge.id).await? {
        later(&tx, cx, &charge.id).await?;
    } else {
        let id = send_back(&tx, cx, &charge, owed).await?;
        let refs = [("charge", charge.id.clone()), ("refund", id.to_string())];
        event::record(
            &tx,
            cx,
            Actor::System,
            "charge.refunded_again",
            charge.order_id,
            &refs,
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}
