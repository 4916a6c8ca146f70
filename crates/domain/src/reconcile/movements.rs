//! Movements of the provider's balance: read page by page, each handed to whom it concerns and applied once.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::Time;
use vitrine_model::ledger::balance_transaction;

use crate::context::Context;
use crate::failure::persistently;
use crate::ledger;
use crate::ports::BalanceTransactionFacts;
use crate::reconcile::lease::Lease;
use crate::reconcile::{Report, findings, is_passing, objects, stops_all};

/// How far before the cursor is read again: the provider's clock is not ours, and it may show a movement some time after
/// the instant it gives for it.
pub(super) const OVERLAP: TimeDelta = TimeDelta::days(3);

/// Applies every movement made since the cursor, less the overlap, that is not in the books; without a cursor, all there
/// ever were.
///
/// # Errors
/// When the list cannot be read, or the database fails. A single movement's trouble goes into the report.
pub(super) async fn apply_since(
    cx: &Context,
    lease: &Lease,
    cursor: Option<Time>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let since = since(cursor);
    let mut after: Option<String> = None;
    loop {
        lease.renew(cx).await?;
        let page = cx.payments().movements(since, after.as_deref()).await?;
        report.read += i64::try_from(page.rows.len()).unwrap_or(0);
        let known = known(cx, &page.rows).await?;
        let new = page.rows.iter().filter(|movement| !known.contains(&movement.id));
        // The list is given newest first.
        for movement in new.collect::<Vec<_>>().into_iter().rev() {
            apply(cx, movement, report).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// From when on lists are read: some time before the cursor, or from the beginning.
pub(super) fn since(cursor: Option<Time>) -> Time {
    cursor.map_or(DateTime::UNIX_EPOCH, |cursor| cursor - OVERLAP)
}

/// Which of these are in the books.
async fn known(cx: &Context, page: &[BalanceTransactionFacts]) -> Result<HashSet<String>, DbErr> {
    let known: Vec<String> = balance_transaction::Entity::find()
        .select_only()
        .column(balance_transaction::Column::Id)
        .filter(balance_transaction::Column::Id.is_in(page.iter().map(|movement| &movement.id)))
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(known.into_iter().collect())
}

/// First what the movement is about, so that the business fact is booked, then the movement itself. Money has moved even
/// where nobody can say why; only when the reason may still be told in a moment, both wait for the next run.
async fn apply(cx: &Context, movement: &BalanceTransactionFacts, report: &mut Report) -> anyhow::Result<()> {
    if let Err(error) = persistently(|| objects::changed(cx, &movement.source)).await {
        report.fail(&movement.source, &error);
        if stops_all(&error) {
            return Err(error);
        }
        if is_passing(&error) {
            return Ok(());
        }
    }
    match persistently(|| book(cx, movement)).await {
        Ok(()) => report.applied += 1,
        Err(error) => report.fail(&movement.id, &error),
    }
    Ok(())
}

async fn book(cx: &Context, movement: &BalanceTransactionFacts) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    ledger::apply_balance_transaction(&tx, cx, movement).await?;
    tx.commit().await?;
    Ok(())
}

/// Asks once more about what movements in the books were about that nothing explains yet.
///
/// # Errors
/// When the database fails, or our key is not accepted.
pub(super) async fn explain_again(cx: &Context, lease: &Lease, report: &mut Report) -> anyhow::Result<()> {
    for source in findings::unexplained(cx).await? {
        lease.renew(cx).await?;
        objects::ask(cx, &objects::Open::Movement(source), report).await?;
    }
    Ok(())
}
