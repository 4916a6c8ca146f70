//! One run at a time: who holds the row may work, until it is silent for too long.

use anyhow::ensure;
use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::reconciliation;

use crate::context::Context;
use crate::reconcile::Report;

/// How long a run may be silent before another takes over.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// The right to reconcile.
pub(super) struct Lease {
    token: String,
    /// When the run began.
    pub(super) began: Time,
}

/// Takes the lease, with the cursor that the last complete run left; nothing while another run holds it.
pub(super) async fn take(cx: &Context) -> Result<Option<(Lease, Option<Time>)>, DbErr> {
    let row = reconciliation::ActiveModel {
        id: Set(1),
        cursor: NotSet,
        token: NotSet,
        leased_until: NotSet,
        finished_at: NotSet,
        applied: Set(0),
        asked: Set(0),
        failed: Set(0),
    };
    reconciliation::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(cx.db())
        .await?;
    let mut chance = [0; 16];
    cx.fill(&mut chance);
    let lease = Lease {
        token: hex::encode(chance),
        began: cx.now(),
    };
    let free = Condition::any()
        .add(reconciliation::Column::LeasedUntil.is_null())
        .add(reconciliation::Column::LeasedUntil.lte(cx.now()));
    let taken = reconciliation::Entity::update_many()
        .col_expr(reconciliation::Column::Token, Expr::value(lease.token.clone()))
        .col_expr(reconciliation::Column::LeasedUntil, Expr::value(cx.now() + LEASE))
        .filter(reconciliation::Column::Id.eq(1))
        .filter(free)
        .exec_with_returning(cx.db())
        .await?;
    Ok(taken.into_iter().next().map(|row| (lease, row.cursor)))
}

impl Lease {
    /// Says that the run still works.
    ///
    /// # Errors
    /// When another run has taken over, or the database fails.
    pub(super) async fn renew(&self, cx: &Context) -> anyhow::Result<()> {
        let kept = reconciliation::Entity::update_many()
            .col_expr(reconciliation::Column::LeasedUntil, Expr::value(cx.now() + LEASE))
            .filter(reconciliation::Column::Token.eq(&self.token))
            .exec(cx.db())
            .await?;
        ensure!(kept.rows_affected == 1, "another reconciliation has taken over");
        Ok(())
    }

    /// Ends the run. The cursor moves only when nothing has to be read again.
    pub(super) async fn finish(&self, cx: &Context, report: &Report) -> anyhow::Result<()> {
        let failed = i64::try_from(report.failed.len()).unwrap_or(i64::MAX);
        let mut end = reconciliation::Entity::update_many()
            .col_expr(reconciliation::Column::FinishedAt, Expr::value(cx.now()))
            .col_expr(reconciliation::Column::Applied, Expr::value(report.applied))
            .col_expr(reconciliation::Column::Asked, Expr::value(report.asked))
            .col_expr(reconciliation::Column::Failed, Expr::value(failed));
        if !report.failed.iter().any(|failed| failed.passing) {
            end = end.col_expr(reconciliation::Column::Cursor, Expr::value(self.began));
        }
        end.filter(reconciliation::Column::Token.eq(&self.token))
            .exec(cx.db())
            .await?;
        self.give_back(cx).await?;
        Ok(())
    }

    /// Lets others reconcile.
    pub(super) async fn give_back(&self, cx: &Context) -> Result<(), DbErr> {
        reconciliation::Entity::update_many()
            .col_expr(reconciliation::Column::Token, Expr::value(None::<String>))
            .col_expr(reconciliation::Column::LeasedUntil, Expr::value(None::<Time>))
            .filter(reconciliation::Column::Token.eq(&self.token))
            .exec(cx.db())
            .await?;
        Ok(())
    }
}
