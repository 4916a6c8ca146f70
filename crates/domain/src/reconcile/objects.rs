//! Open objects: what the provider may have decided without our having heard of it.

use std::fmt;

use chrono::TimeDelta;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::Time;
use vitrine_model::checkout::{OrderState, RefundState, charge, dispute, order, refund};
use vitrine_model::id::IntentId;
use vitrine_model::intent::{self as intent_row, IntentState};
use vitrine_model::ledger::{AccountKind, account};
use vitrine_model::payout::payout_account;

use crate::context::Context;
use crate::failure::persistently;
use crate::reconcile::lease::Lease;
use crate::reconcile::{Report, movements, stops_all};
use crate::{checkout, intent, payout};

/// Most objects of one kind asked about in one run, the oldest first.
const MOST: u64 = 10_000;
/// How long a payout account that was never completed is asked about, unless money waits for it.
const ACCOUNT_FRESH: TimeDelta = TimeDelta::days(30);

/// Something whose fate is not known here.
#[derive(Debug, Clone)]
pub(super) enum Open {
    /// A call whose outcome is unknown.
    Intent(IntentId),
    /// The page of an order that awaits payment.
    Session(String),
    /// A charge without its balance transaction.
    Charge(String),
    /// A refund under way.
    Refund(String),
    /// A dispute that is not closed, or that nobody told of.
    Dispute(String),
    /// A payout account that cannot be paid, or has money to come.
    Account(String),
    /// What a movement is about that nothing explains.
    Movement(String),
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intent(id) => fmt::Display::fmt(id, f),
            Self::Session(id)
            | Self::Charge(id)
            | Self::Refund(id)
            | Self::Dispute(id)
            | Self::Account(id)
            | Self::Movement(id) => f.write_str(id),
        }
    }
}

/// Asks about every open object; what became of each is handed to its domain.
///
/// # Errors
/// When the database fails, or our key is not accepted. A single object's trouble goes into the report.
pub(super) async fn ask_all(cx: &Context, lease: &Lease, report: &mut Report) -> anyhow::Result<()> {
    let lists = [
        intents(cx).await?,
        sessions(cx).await?,
        charges(cx).await?,
        refunds(cx).await?,
        disputes(cx).await?,
        accounts(cx).await?,
    ];
    for open in lists.into_iter().flatten() {
        lease.renew(cx).await?;
        ask(cx, &open, report).await?;
    }
    Ok(())
}

/// Asks about one object.
///
/// # Errors
/// When our key is not accepted: nothing else could be asked either.
pub(super) async fn ask(cx: &Context, open: &Open, report: &mut Report) -> anyhow::Result<()> {
    report.asked += 1;
    if let Err(error) = persistently(|| look(cx, open)).await {
        report.fail(&open.to_string(), &error);
        if stops_all(&error) {
            return Err(error);
        }
    }
    Ok(())
}

async fn look(cx: &Context, open: &Open) -> anyhow::Result<()> {
    match open {
        Open::Intent(id) => intent::drive(cx, *id).await,
        Open::Session(id) => checkout::session_changed(cx, id).await,
        Open::Account(id) => payout::account_changed(cx, id).await,
        Open::Charge(id) | Open::Refund(id) | Open::Dispute(id) | Open::Movement(id) => changed(cx, id).await,
    }
}

/// The object `id` of the provider's may have changed: hands it to the domain it concerns, which its prefix tells.
pub(super) async fn changed(cx: &Context, id: &str) -> anyhow::Result<()> {
    match id.split_once('_').map(|(prefix, _)| prefix) {
        Some("ch" | "py") => checkout::charge_changed(cx, id).await,
        Some("re" | "pyr") => checkout::refund_changed(cx, id).await,
        Some("tr") => payout::transfer_changed(cx, id).await,
        Some("du" | "dp") => checkout::dispute_changed(cx, id).await,
        // A reversal of ours is booked with its intent's outcome; the rest has no object here.
        _ => Ok(()),
    }
}

async fn intents(cx: &Context) -> Result<Vec<Open>, DbErr> {
    let ids: Vec<IntentId> = intent_row::Entity::find()
        .select_only()
        .column(intent_row::Column::Id)
        .filter(intent_row::Column::State.eq(IntentState::Open))
        .order_by_asc(intent_row::Column::Id)
        .limit(MOST)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(ids.into_iter().map(Open::Intent).collect())
}

async fn sessions(cx: &Context) -> Result<Vec<Open>, DbErr> {
    let ids: Vec<String> = order::Entity::find()
        .select_only()
        .column(order::Column::SessionId)
        .filter(order::Column::State.eq(OrderState::AwaitingPayment))
        .filter(order::Column::SessionId.is_not_null())
        .order_by_asc(order::Column::ExpiresAt)
        .limit(MOST)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(ids.into_iter().map(Open::Session).collect())
}

async fn charges(cx: &Context) -> Result<Vec<Open>, DbErr> {
    let ids: Vec<String> = charge::Entity::find()
        .select_only()
        .column(charge::Column::Id)
        .filter(charge::Column::BalanceTransactionId.is_null())
        .order_by_asc(charge::Column::CreatedAt)
        .limit(MOST)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(ids.into_iter().map(Open::Charge).collect())
}

async fn refunds(cx: &Context) -> Result<Vec<Open>, DbErr> {
    let ids: Vec<String> = refund::Entity::find()
        .select_only()
        .column(refund::Column::StripeRefundId)
        .filter(refund::Column::State.eq(RefundState::Pending))
        .filter(refund::Column::StripeRefundId.is_not_null())
        .order_by_asc(refund::Column::CreatedAt)
        .limit(MOST)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(ids.into_iter().map(Open::Refund).collect())
}

async fn disputes(cx: &Context) -> Result<Vec<Open>, DbErr> {
    let ids: Vec<String> = dispute::Entity::find()
        .select_only()
        .column(dispute::Column::StripeId)
        .filter(dispute::Column::ClosedAt.is_null())
        .order_by_asc(dispute::Column::CreatedAt)
        .limit(MOST)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(ids.into_iter().map(Open::Dispute).collect())
}

/// Hands on the disputes begun since the cursor, less the overlap, that are not known here: inquiries move no money, so no
/// movement would tell of them.
///
/// # Errors
/// When the list cannot be read, the database fails, or our key is not accepted.
pub(super) async fn find_disputes(
    cx: &Context,
    lease: &Lease,
    cursor: Option<Time>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let since = movements::since(cursor);
    let mut after: Option<String> = None;
    loop {
        lease.renew(cx).await?;
        let page = cx.payments().disputes(since, after.as_deref()).await?;
        let ids: Vec<String> = page.rows.into_iter().map(|facts| facts.id).collect();
        let known: Vec<String> = dispute::Entity::find()
            .select_only()
            .column(dispute::Column::StripeId)
            .filter(dispute::Column::StripeId.is_in(&ids))
            .into_tuple()
            .all(cx.db())
            .await?;
        for id in ids.into_iter().filter(|id| !known.contains(id)) {
            ask(cx, &Open::Dispute(id), report).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Those that money waits for, and those opened lately that do not work yet.
async fn accounts(cx: &Context) -> Result<Vec<Open>, DbErr> {
    let earners = Query::select()
        .column(account::Column::Owner)
        .from(account::Entity)
        .and_where(account::Column::Kind.is_in([AccountKind::Available, AccountKind::InTransit]))
        .and_where(account::Column::Balance.gt(0))
        .to_owned();
    let fresh = Condition::all()
        .add(payout_account::Column::TransfersActive.eq(false))
        .add(payout_account::Column::CreatedAt.gte(cx.now() - ACCOUNT_FRESH));
    let ids: Vec<String> = payout_account::Entity::find()
        .select_only()
        .column(payout_account::Column::StripeAccountId)
        .filter(payout_account::Column::StripeAccountId.is_not_null())
        .filter(
            Condition::any()
                .add(payout_account::Column::Party.in_subquery(earners))
                .add(fresh),
        )
        .order_by_asc(payout_account::Column::UpdatedAt)
        .limit(MOST)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(ids.into_iter().map(Open::Account).collect())
}
