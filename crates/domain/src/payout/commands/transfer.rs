//! What became of a payout's transfer.

use anyhow::{Context as _, bail, ensure};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use vitrine_model::id::PayoutId;
use vitrine_model::intent;
use vitrine_model::money::Money;
use vitrine_model::payout::{self, PayoutState};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::ledger;
use crate::ports::{Outcome, TransferFacts};
use crate::tx::Rank;

/// The transfer of this intent was made, or refused for good.
pub(crate) async fn transfer_made(
    tx: &Tx,
    cx: &Context,
    intent: &intent::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let id: PayoutId = intent.subject.parse()?;
    let payout = lock(tx, id).await?;
    ensure!(
        payout.state == PayoutState::Requested,
        "{id} is settled, but its intent was open"
    );
    let kind = match outcome {
        Ok(Outcome::Transfer(facts)) => {
            paid(tx, cx, payout, &facts).await?;
            "payout.paid"
        }
        Ok(other) => bail!("{}: not a transfer: {other:?}", intent.id),
        Err(refusal) => {
            refused(tx, cx, payout, refusal).await?;
            "payout.refused"
        }
    };
    event::record(tx, cx, Actor::System, kind, id, &[]).await?;
    Ok(())
}

async fn paid(tx: &Tx, cx: &Context, payout: payout::Model, facts: &TransferFacts) -> anyhow::Result<()> {
    ensure!(
        facts.amount == Some(Money::new(payout.amount, payout.currency)),
        "{}: {} carries another amount than was asked",
        payout.id,
        facts.id
    );
    let mut row: payout::ActiveModel = payout.into();
    row.state = Set(PayoutState::Paid);
    row.transfer_id = Set(Some(facts.id.clone()));
    row.settled_at = Set(Some(cx.now()));
    let payout = row.update(tx).await?;
    ledger::payout_made(tx, cx, &payout).await?;
    if let Some(movement) = &facts.balance_transaction {
        ledger::apply_balance_transaction(tx, cx, movement).await?;
    }
    Ok(())
}

async fn refused(tx: &Tx, cx: &Context, payout: payout::Model, refusal: String) -> anyhow::Result<()> {
    tracing::warn!(payout = %payout.id, refusal, "a transfer was refused");
    let mut row: payout::ActiveModel = payout.into();
    row.state = Set(PayoutState::Refused);
    row.refusal = Set(Some(refusal));
    row.settled_at = Set(Some(cx.now()));
    let payout = row.update(tx).await?;
    ledger::payout_refused(tx, cx, &payout).await
}

/// The transfer `id` may have changed: its balance transaction may have come since it was made. A transfer whose outcome
/// is not committed yet brings its own; one that is none of ours is no concern.
///
/// # Errors
/// When the provider or the database fails: the job tries again.
pub(crate) async fn transfer_changed(cx: &Context, id: &str) -> anyhow::Result<()> {
    let payout = payout::Entity::find()
        .filter(payout::Column::TransferId.eq(id))
        .one(cx.db())
        .await?;
    let Some(payout) = payout else { return Ok(()) };
    let facts = cx.payments().transfer(id).await?;
    let Some(movement) = facts.balance_transaction else {
        return Ok(());
    };
    let tx = cx.begin().await?;
    if ledger::apply_balance_transaction(&tx, cx, &movement).await? {
        event::record(&tx, cx, Actor::Stripe, "payout.settled", payout.id, &[]).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The payout, locked.
pub(super) async fn lock(tx: &Tx, id: PayoutId) -> anyhow::Result<payout::Model> {
    tx.locks(Rank::Payouts);
    let payout = payout::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    let payout = payout.one(tx).await?;
    payout.with_context(|| format!("no payout {id}"))
}
