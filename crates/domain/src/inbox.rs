//! Webhook events: stored as they came until they are applied, answered at once, applied by a job. An event is only ever a reason to look: the
//! object is fetched as it is now, so repeated and reordered events come to the same.

use anyhow::Context as _;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TryInsertResult};
use vitrine_model::inbox;

use crate::context::Context;
use crate::jobs::{self, Job};
use crate::points::Point;
use crate::ports::CallError;
use crate::{checkout, payout};

/// An event whose signature was verified.
#[derive(Debug, Clone)]
pub struct Received {
    /// evt_….
    pub id: String,
    /// Stripe's event type.
    pub kind: String,
    /// The object it is about.
    pub object_id: String,
    /// The connected account it is about, if any.
    pub account: Option<String>,
    /// Whether real money is meant.
    pub livemode: bool,
    /// The raw body.
    pub payload: String,
}

/// Stores the event and enqueues its application. A repeat of the same event changes nothing.
///
/// # Errors
/// When the database fails: the sender will send again.
pub async fn receive(cx: &Context, event: Received) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    tx.stands_between(Point::EventUncommitted, Point::EventStored, &event.kind);
    let row = inbox::ActiveModel {
        id: Set(event.id.clone()),
        kind: Set(event.kind),
        object_id: Set(event.object_id),
        account: Set(event.account),
        livemode: Set(event.livemode),
        payload: Set(event.payload),
        received_at: Set(cx.now()),
        applied_at: NotSet,
    };
    let inserted = inbox::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(&tx)
        .await?;
    // A conflict is told as no row inserted.
    if let TryInsertResult::Inserted(1..) = inserted {
        jobs::enqueue(&tx, cx, &Job::InboxApply { event: event.id }, cx.now(), None).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Applies the stored event `id`. The effects are keyed by themselves, so applying twice is harmless.
///
/// # Errors
/// When the provider or the database fails: the job tries again.
pub async fn apply(cx: &Context, id: &str) -> anyhow::Result<()> {
    let event = inbox::Entity::find_by_id(id)
        .one(cx.db())
        .await?
        .with_context(|| format!("no event {id}"))?;
    if event.applied_at.is_some() {
        return Ok(());
    }
    if event.livemode == cx.payments().livemode() {
        match dispatch(cx, &event).await {
            Err(error) if is_missing(&error) => {
                tracing::error!(
                    event = id,
                    object = event.object_id,
                    "Stripe knows no such object: the event is set aside"
                );
            }
            outcome => outcome?,
        }
    } else {
        tracing::error!(
            event = id,
            "an event of the other mode, live or test, was ignored"
        );
    }
    cx.passes(Point::EventApplied, &event.kind);
    // What it says of people is not kept: whoever wants to know more asks Stripe by the id.
    inbox::Entity::update_many()
        .col_expr(inbox::Column::AppliedAt, Expr::value(cx.now()))
        .col_expr(inbox::Column::Payload, Expr::value(""))
        .filter(inbox::Column::Id.eq(id))
        .exec(cx.db())
        .await?;
    cx.passes(Point::EventMarked, &event.kind);
    Ok(())
}

/// Whether the provider says for good that there is no such object.
fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(CallError::Refused { code, .. }) if code == "resource_missing")
}

/// Types we do not subscribe to are no concern of ours. An event about a connected account never touches an order.
async fn dispatch(cx: &Context, event: &inbox::Model) -> anyhow::Result<()> {
    let object = &event.object_id;
    match (event.kind.as_str(), &event.account) {
        ("account.updated", _) => payout::account_changed(cx, object).await,
        // Its object is the platform itself: the account that left is named beside.
        ("account.application.deauthorized", Some(account)) => payout::account_changed(cx, account).await,
        (_, Some(_)) => Ok(()),
        (kind, None) if kind.starts_with("checkout.session.") => checkout::session_changed(cx, object).await,
        (kind, None) if kind.starts_with("charge.dispute.") => checkout::dispute_changed(cx, object).await,
        ("charge.succeeded" | "charge.updated", None) => checkout::charge_changed(cx, object).await,
        (kind, None) if kind.starts_with("refund.") => checkout::refund_changed(cx, object).await,
        ("transfer.created" | "transfer.updated" | "transfer.reversed", None) => {
            payout::transfer_changed(cx, object).await
        }
        _ => Ok(()),
    }
}
