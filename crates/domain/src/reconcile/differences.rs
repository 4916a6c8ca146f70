//! Differences: kept from when they are first seen until they are gone, so that their age tells how bad they are.

use std::collections::HashMap;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use vitrine_model::id::DifferenceId;
use vitrine_model::money::Currency;
use vitrine_model::reconciliation::difference::{self, DifferenceKind};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::reconcile::findings::Finding;

/// What tells differences apart.
type Key = (DifferenceKind, String, Option<Currency>);

/// Makes the open differences those found now: new ones are an alarm, those not found any more are resolved.
///
/// # Errors
/// When the database fails.
pub(super) async fn keep(cx: &Context, found: Vec<Finding>) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let open = difference::Entity::find()
        .filter(difference::Column::ResolvedAt.is_null())
        .all(&tx)
        .await?;
    let mut open: HashMap<Key, difference::Model> = open
        .into_iter()
        .map(|row| ((row.kind, row.subject.clone(), row.currency), row))
        .collect();
    let found: HashMap<Key, Finding> = found
        .into_iter()
        .map(|finding| {
            let key = (finding.kind, finding.subject.clone(), finding.currency);
            (key, finding)
        })
        .collect();
    let mut found: Vec<(Key, Finding)> = found.into_iter().collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    for (key, finding) in found {
        match open.remove(&key) {
            Some(row) => see_again(&tx, cx, row, finding).await?,
            None => see_first(&tx, cx, finding).await?,
        }
    }
    for row in open.into_values() {
        tracing::info!(kind = %row.kind, subject = row.subject, "a difference is gone");
        let mut row: difference::ActiveModel = row.into();
        row.resolved_at = Set(Some(cx.now()));
        row.update(&tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn see_first(tx: &Tx, cx: &Context, finding: Finding) -> anyhow::Result<()> {
    tracing::error!(
        kind = %finding.kind,
        subject = finding.subject,
        amount = finding.amount,
        currency = finding.currency.map(|currency| currency.to_string()),
        detail = finding.detail,
        "ALARM: the books and the payment provider do not agree"
    );
    let id: DifferenceId = cx.new_id();
    let refs = [
        ("kind", finding.kind.to_string()),
        ("subject", finding.subject.clone()),
    ];
    let row = difference::ActiveModel {
        id: Set(id),
        kind: Set(finding.kind),
        subject: Set(finding.subject),
        currency: Set(finding.currency),
        amount: Set(finding.amount),
        detail: Set(finding.detail),
        first_seen_at: Set(cx.now()),
        last_seen_at: Set(cx.now()),
        resolved_at: NotSet,
    };
    difference::Entity::insert(row).exec_without_returning(tx).await?;
    event::record(tx, cx, Actor::System, "difference.found", id, &refs).await?;
    Ok(())
}

async fn see_again(tx: &Tx, cx: &Context, row: difference::Model, finding: Finding) -> anyhow::Result<()> {
    let mut row: difference::ActiveModel = row.into();
    row.amount = Set(finding.amount);
    row.detail = Set(finding.detail);
    row.last_seen_at = Set(cx.now());
    row.update(tx).await?;
    Ok(())
}
