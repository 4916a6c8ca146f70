//! Money asked back after a refund or a lost dispute: what a party owes is taken from the transfers it received last, if the
//! provider can.
//!
//! ```text
//! owed ── asked back ──▶ recovering ── made ──▶ settled
//!  ▲ │                       │
//!  │ └ the party's next earnings pay it
//!  └──────── refused ────────┘  asked back again a week later, for a month
//! ```

use anyhow::{Context as _, bail, ensure};
use chrono::TimeDelta;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, EntityTrait};
use vitrine_model::checkout::{dispute, refund};
use vitrine_model::id::{DisputeId, RefundId, ReversalId};
use vitrine_model::intent as intent_row;
use vitrine_model::ledger::Party;
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::{self, ReversalState, transfer_reversal};

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::intent::{self, When};
use crate::jobs::{self, Job};
use crate::ledger;
use crate::payout::commands::transfer::lock;
use crate::payout::rules::Cause;
use crate::payout::{queries, rules};
use crate::ports::{Call, Outcome, ReversalFacts};

/// How long until a payout that refused is asked once more: by then its account may have money again.
const ASK_AGAIN: TimeDelta = TimeDelta::days(7);
/// How long payouts are asked after the first time. What is still owed then only earnings pay.
const GIVE_UP: TimeDelta = TimeDelta::days(30);

/// Asks back what the refund left parties owing. Done twice, it asks once: a payout that was asked for this refund is
/// asked again only some time after it refused.
///
/// # Errors
/// When the database fails.
pub async fn recover(cx: &Context, refund: RefundId) -> anyhow::Result<()> {
    let refund = refund::Entity::find_by_id(refund)
        .one(cx.db())
        .await?
        .with_context(|| format!("no refund {refund}"))?;
    let parties = queries::parties_of(cx.db(), &refund).await?;
    recover_for(cx, Cause::Refund(refund.id), refund.currency, parties).await
}

/// Asks back what the dispute left parties owing. Done twice, it asks once, as with a refund.
///
/// # Errors
/// When the database fails.
pub async fn recover_dispute(cx: &Context, dispute: DisputeId) -> anyhow::Result<()> {
    let dispute = dispute::Entity::find_by_id(dispute)
        .one(cx.db())
        .await?
        .with_context(|| format!("no dispute {dispute}"))?;
    let parties = queries::losers_of(cx.db(), &dispute).await?;
    recover_for(cx, Cause::Dispute(dispute.id), dispute.currency, parties).await
}

async fn recover_for(
    cx: &Context,
    cause: Cause,
    currency: Currency,
    parties: Vec<Party>,
) -> anyhow::Result<()> {
    for party in parties {
        if ledger::receivable(cx.db(), party, currency).await? > 0 {
            recover_from(cx, cause, currency, party).await?;
        }
    }
    Ok(())
}

async fn recover_from(cx: &Context, cause: Cause, currency: Currency, party: Party) -> anyhow::Result<()> {
    let tx = cx.begin().await?;
    let payouts = queries::reversible(&tx, party, cause, currency, cx.now() - ASK_AGAIN).await?;
    let owed = queries::lock_balances(&tx, party, currency).await?.receivable;
    let left: Vec<i64> = payouts.iter().map(|(_, left)| *left).collect();
    let shares = rules::shares(owed, &left);
    let mut asked = 0;
    for ((payout, _), share) in payouts.iter().zip(shares) {
        if share > 0 {
            ask_back(&tx, cx, cause, payout, share).await?;
            asked += share;
        }
    }
    if asked > 0 {
        let refs = [("party", party.to_string())];
        event::record(&tx, cx, Actor::System, "payout.reversal_requested", cause, &refs).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn ask_back(
    tx: &Tx,
    cx: &Context,
    cause: Cause,
    payout: &payout::Model,
    amount: i64,
) -> anyhow::Result<()> {
    let id: ReversalId = cx.new_id();
    let transfer = payout.transfer_id.clone();
    let call = Call::TransferReverse {
        transfer: transfer.with_context(|| format!("{} is paid without a transfer", payout.id))?,
        amount,
        reversal: id.to_string(),
    };
    let reversal = transfer_reversal::ActiveModel {
        id: Set(id),
        payout_id: Set(payout.id),
        party: Set(payout.party),
        refund_id: Set(cause.refund()),
        dispute_id: Set(cause.dispute()),
        amount: Set(amount),
        currency: Set(payout.currency),
        state: Set(ReversalState::Requested),
        intent_id: Set(intent::record(tx, cx, id, &call, When::Soon).await?),
        stripe_reversal_id: NotSet,
        created_at: Set(cx.now()),
        settled_at: NotSet,
    };
    let reversal = reversal.insert(tx).await?;
    ledger::reversal_requested(tx, cx, &reversal).await
}

/// The reversal of this intent was made, or refused for good.
pub(crate) async fn transfer_reversed(
    tx: &Tx,
    cx: &Context,
    intent: &intent_row::Model,
    outcome: Result<Outcome, String>,
) -> anyhow::Result<()> {
    let id: ReversalId = intent.subject.parse()?;
    let reversal = transfer_reversal::Entity::find_by_id(id).one(tx).await?;
    let reversal = reversal.with_context(|| format!("no reversal {id}"))?;
    let payout = lock(tx, reversal.payout_id).await?;
    ensure!(
        reversal.state == ReversalState::Requested,
        "{id} is settled, but its intent was open"
    );
    let refs = [("reversal", id.to_string())];
    let kind = match outcome {
        Ok(Outcome::Reversal(facts)) => {
            reversed(tx, cx, payout, &reversal, &facts).await?;
            "payout.reversed"
        }
        Ok(other) => bail!("{}: not a reversal: {other:?}", intent.id),
        Err(refusal) => {
            tracing::warn!(reversal = %id, refusal, "a transfer reversal was refused");
            let reversal = settle(tx, cx, &reversal, ReversalState::Refused, None).await?;
            ledger::reversal_refused(tx, cx, &reversal).await?;
            ask_again(tx, cx, &reversal).await?;
            "payout.reversal_refused"
        }
    };
    event::record(tx, cx, Actor::System, kind, reversal.payout_id, &refs).await?;
    Ok(())
}

/// What was refused is owed again. Earnings may pay it meanwhile: then there is nothing left to ask for.
async fn ask_again(tx: &Tx, cx: &Context, reversal: &transfer_reversal::Model) -> anyhow::Result<()> {
    let (cause, job) = match (reversal.refund_id, reversal.dispute_id) {
        (Some(id), _) => {
            let refund = id.to_string();
            (Cause::Refund(id), Job::Recover { refund })
        }
        (None, Some(id)) => {
            let dispute = id.to_string();
            (Cause::Dispute(id), Job::RecoverDispute { dispute })
        }
        (None, None) => bail!("{} was asked for nothing", reversal.id),
    };
    let first = queries::first_asked(tx, cause).await?;
    let next = cx.now() + ASK_AGAIN;
    if first.is_some_and(|first| next - first <= GIVE_UP) {
        // A job for each that refused: one for them all would come before the last may be asked again, and by then another
        // may have nothing left to refuse.
        jobs::enqueue(tx, cx, &job, next, None).await?;
    }
    Ok(())
}

async fn reversed(
    tx: &Tx,
    cx: &Context,
    payout: payout::Model,
    reversal: &transfer_reversal::Model,
    facts: &ReversalFacts,
) -> anyhow::Result<()> {
    ensure!(
        facts.amount == Some(Money::new(reversal.amount, reversal.currency)),
        "{}: {} carries another amount than was asked",
        reversal.id,
        facts.id
    );
    let reversed = payout.reversed + reversal.amount;
    let mut row: payout::ActiveModel = payout.into();
    row.reversed = Set(reversed);
    row.update(tx).await?;
    let made = Some(facts.id.clone());
    let reversal = settle(tx, cx, reversal, ReversalState::Succeeded, made).await?;
    ledger::reversal_made(tx, cx, &reversal).await?;
    if let Some(movement) = &facts.balance_transaction {
        ledger::apply_balance_transaction(tx, cx, movement).await?;
    }
    Ok(())
}

async fn settle(
    tx: &Tx,
    cx: &Context,
    reversal: &transfer_reversal::Model,
    state: ReversalState,
    made: Option<String>,
) -> anyhow::Result<transfer_reversal::Model> {
    let mut row: transfer_reversal::ActiveModel = reversal.clone().into();
    row.state = Set(state);
    row.stripe_reversal_id = Set(made);
    row.settled_at = Set(Some(cx.now()));
    Ok(row.update(tx).await?)
}
