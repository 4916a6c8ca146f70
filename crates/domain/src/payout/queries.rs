//! Payout accounts and payouts, read.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, LockType, NullOrdering, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, Order,
    QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::checkout::{RefundState, dispute, refund, refund_unit};
use vitrine_model::id::PayoutId;
use vitrine_model::identity::payout_freeze;
use vitrine_model::ledger::{AccountKind, Part, Party, account as ledger_account, dispute_part, unit};
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::{
    self, PayoutState, ReversalState, payout_account, payout_hold, payout_run, transfer_reversal,
};

use crate::context::{Context, Tx};
use crate::identity;
use crate::ledger;
use crate::list::List;
use crate::payout::rules::{self, Cause};
use crate::tx::Rank;

/// Most payees of one run in one currency. The rest have their turn in the next: whoever was paid longest ago comes
/// first.
const MAX_PAYEES: u64 = 10_000;
/// Most payouts asked for money back at once.
const MAX_ASKED: u64 = 100;

/// A payout's place in the list of a party's payouts: when it was requested, and its id.
pub type ByRequest = (Time, PayoutId);

/// The payouts with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn payouts_by_id(db: &impl ConnectionTrait, ids: &[PayoutId]) -> Result<Vec<payout::Model>, DbErr> {
    let found = payout::Entity::find().filter(payout::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// A party's payouts, the newest first.
pub fn payouts_of(party: Party) -> List<payout::Model, ByRequest> {
    let payouts = payout::Entity::find().filter(payout::Column::Party.eq(party));
    let columns = [payout::Column::RequestedAt, payout::Column::Id];
    List::new(payouts, true, &columns, |place: &ByRequest| {
        vec![place.0.into(), place.1.into()]
    })
}

/// The payout accounts of these parties: for each the one that counts, which of several is the one opened last.
///
/// # Errors
/// When the database fails.
pub async fn accounts_of(
    db: &impl ConnectionTrait,
    parties: &[Party],
) -> Result<Vec<payout_account::Model>, DbErr> {
    payout_account::Entity::find()
        .filter(payout_account::Column::Party.is_in(parties.iter().copied()))
        .order_by_desc(payout_account::Column::CreatedAt)
        .order_by_desc(payout_account::Column::Id)
        .all(db)
        .await
        .map(|accounts| {
            let mut seen = BTreeSet::new();
            let newest = accounts.into_iter().filter(|account| seen.insert(account.party));
            newest.collect()
        })
}

/// The standing holds on these parties' payouts, in no order.
///
/// # Errors
/// When the database fails.
pub async fn holds_on(
    db: &impl ConnectionTrait,
    parties: &[Party],
) -> Result<Vec<payout_hold::Model>, DbErr> {
    payout_hold::Entity::find()
        .filter(payout_hold::Column::Party.is_in(parties.iter().copied()))
        .filter(payout_hold::Column::ReleasedAt.is_null())
        .all(db)
        .await
}

/// The smallest payout in `currency`.
pub fn minimum(cx: &Context, currency: Currency) -> Money {
    Money::new(rules::smallest(cx.settings().payout_minimum, currency), currency)
}

/// The accounts of the parties with at least `smallest` available in `currency` and nothing in transit, whose payouts nobody holds and that are not frozen: those that
/// could receive transfers when last asked first, and of these whoever was paid longest ago.
pub(super) async fn payees(
    cx: &Context,
    currency: Currency,
    smallest: i64,
) -> Result<Vec<payout_account::Model>, DbErr> {
    let earners = Query::select()
        .column(ledger_account::Column::Owner)
        .from(ledger_account::Entity)
        .and_where(ledger_account::Column::Kind.eq(AccountKind::Available))
        .and_where(ledger_account::Column::Currency.eq(currency))
        .and_where(ledger_account::Column::Balance.gte(smallest))
        .to_owned();
    let waiting = Query::select()
        .column(payout::Column::Party)
        .from(payout::Entity)
        .and_where(payout::Column::Currency.eq(currency))
        .and_where(payout::Column::State.eq(PayoutState::Requested))
        .to_owned();
    let last_paid = Query::select()
        .expr(Expr::col((payout::Entity, payout::Column::RequestedAt)).max())
        .from(payout::Entity)
        .and_where(
            Expr::col((payout::Entity, payout::Column::Party))
                .equals((payout_account::Entity, payout_account::Column::Party)),
        )
        .to_owned();
    let held = Query::select()
        .column(payout_hold::Column::Party)
        .from(payout_hold::Entity)
        .and_where(payout_hold::Column::ReleasedAt.is_null())
        .to_owned();
    let frozen = Query::select()
        .column(payout_freeze::Column::Party)
        .from(payout_freeze::Entity)
        .and_where(payout_freeze::Column::EndsAt.gt(cx.now()))
        .to_owned();
    payout_account::Entity::find()
        .filter(payout_account::Column::Party.not_in_subquery(held))
        .filter(payout_account::Column::Party.not_in_subquery(frozen))
        .filter(payout_account::Column::StripeAccountId.is_not_null())
        .filter(payout_account::Column::Closed.is_null())
        .filter(payout_account::Column::Party.in_subquery(earners))
        .filter(payout_account::Column::Party.not_in_subquery(waiting))
        .order_by_desc(payout_account::Column::TransfersActive)
        .order_by_with_nulls(Expr::from(last_paid), Order::Asc, NullOrdering::First)
        .order_by_asc(payout_account::Column::Id)
        .limit(MAX_PAYEES)
        .all(cx.db())
        .await
}

/// Whether the party's payouts wait at `now`, after a change of how its owner proves who she is or where its money goes.
pub(super) async fn is_frozen(tx: &Tx, party: Party, now: Time) -> Result<bool, DbErr> {
    let freezes = identity::freezes_on(tx, &[party]).await?;
    Ok(freezes.iter().any(|freeze| freeze.ends_at > now))
}

/// What of the provider's balance in `currency` is spoken for.
pub(super) async fn commitments(cx: &Context, currency: Currency) -> Result<rules::Commitments, DbErr> {
    let in_transit = payout::Entity::find()
        .select_only()
        .expr_as(total(payout::Column::Amount), "total")
        .filter(payout::Column::Currency.eq(currency))
        .filter(payout::Column::State.eq(PayoutState::Requested))
        .into_model::<Total>()
        .one(cx.db())
        .await?;
    let refunds = refund::Entity::find()
        .select_only()
        .expr_as(total(refund::Column::Amount), "total")
        .filter(refund::Column::Currency.eq(currency))
        .filter(refund::Column::State.eq(RefundState::Pending))
        .filter(refund::Column::StripeRefundId.is_null())
        .into_model::<Total>()
        .one(cx.db())
        .await?;
    Ok(rules::Commitments {
        in_transit: sum_of(in_transit),
        refunds: sum_of(refunds),
        float: cx.settings().payout_float,
    })
}

/// Whether the run with this token is the one begun last. It stays so until the end of the transaction.
pub(super) async fn is_current(tx: &Tx, token: &str) -> Result<bool, DbErr> {
    tx.locks(Rank::Payouts);
    let current = payout_run::Entity::find().lock(LockType::NoKeyUpdate);
    let current = current.one(tx).await?;
    Ok(current.is_some_and(|run| run.token == token))
}

/// The payout of the party in `currency` that is in transit, if any. Locked, so that one about to settle does so first.
pub(super) async fn in_transit(
    tx: &Tx,
    party: Party,
    currency: Currency,
) -> Result<Option<payout::Model>, DbErr> {
    payout::Entity::find()
        .filter(payout::Column::Party.eq(party))
        .filter(payout::Column::Currency.eq(currency))
        .filter(payout::Column::State.eq(PayoutState::Requested))
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await
}

/// What a party has and owes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Balances {
    /// What a payout may send, minor units.
    pub(super) available: i64,
    /// What it owes, minor units.
    pub(super) receivable: i64,
}

/// The party's balances in `currency`, locked until the end of the transaction.
pub(super) async fn lock_balances(tx: &Tx, party: Party, currency: Currency) -> Result<Balances, DbErr> {
    tx.locks(Rank::Accounts);
    let rows = ledger_account::Entity::find()
        .filter(ledger_account::Column::Owner.eq(party.to_string()))
        .filter(ledger_account::Column::Currency.eq(currency))
        .order_by_asc(ledger_account::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    let balance = |kind| {
        rows.iter()
            .find(|row| row.kind == kind)
            .map_or(0, |row| row.balance)
    };
    Ok(Balances {
        available: balance(AccountKind::Available),
        receivable: balance(AccountKind::Receivable),
    })
}

/// The parties whose money a refund took back, in the order of their ids.
pub(super) async fn parties_of(
    db: &impl ConnectionTrait,
    refund: &refund::Model,
) -> Result<Vec<Party>, DbErr> {
    let refunded = Query::select()
        .column(refund_unit::Column::UnitId)
        .from(refund_unit::Entity)
        .and_where(refund_unit::Column::RefundId.eq(refund.id))
        .to_owned();
    let units = unit::Entity::find()
        .filter(unit::Column::Id.in_subquery(refunded))
        .all(db)
        .await?;
    let parties = units
        .iter()
        .flat_map(|unit| [Some(Party::Brand(unit.brand_id)), unit.shopholder]);
    let mut parties: Vec<Party> = parties.flatten().collect();
    parties.extend(ledger::sharers_of(db, refund.order_id).await?);
    parties.sort_unstable();
    parties.dedup();
    Ok(parties)
}

/// The parties whose money a dispute took, in the order of their ids.
pub(super) async fn losers_of(
    db: &impl ConnectionTrait,
    dispute: &dispute::Model,
) -> Result<Vec<Party>, DbErr> {
    let parts = dispute_part::Entity::find()
        .filter(dispute_part::Column::DisputeId.eq(dispute.id))
        .filter(dispute_part::Column::Lost.gt(0))
        .all(db)
        .await?;
    let mut parties: Vec<Party> = parts.iter().filter_map(|part| part.party).collect();
    if parts.iter().any(|part| part.part == Part::Shop) {
        parties.extend(ledger::sharers_of(db, dispute.order_id).await?);
    }
    parties.sort_unstable();
    parties.dedup();
    Ok(parties)
}

/// Whether a reversal was asked for this cause.
fn asked_for(cause: Cause) -> Expr {
    match cause {
        Cause::Refund(id) => transfer_reversal::Column::RefundId.eq(id),
        Cause::Dispute(id) => transfer_reversal::Column::DisputeId.eq(id),
    }
}

/// When anything was first asked back for this cause.
pub(super) async fn first_asked(tx: &Tx, cause: Cause) -> Result<Option<Time>, DbErr> {
    transfer_reversal::Entity::find()
        .select_only()
        .column(transfer_reversal::Column::CreatedAt)
        .filter(asked_for(cause))
        .order_by_asc(transfer_reversal::Column::CreatedAt)
        .into_tuple()
        .one(tx)
        .await
}

/// The party's payouts that may still be reversed, the newest first, locked; with what is left of each. Those asked for
/// the same cause already are left out, unless they refused before `again`.
pub(super) async fn reversible(
    tx: &Tx,
    party: Party,
    cause: Cause,
    currency: Currency,
    again: Time,
) -> Result<Vec<(payout::Model, i64)>, DbErr> {
    tx.locks(Rank::Payouts);
    let asked = Query::select()
        .column(transfer_reversal::Column::PayoutId)
        .from(transfer_reversal::Entity)
        .and_where(asked_for(cause))
        .cond_where(
            Condition::any()
                .add(transfer_reversal::Column::State.ne(ReversalState::Refused))
                .add(transfer_reversal::Column::SettledAt.gt(again)),
        )
        .to_owned();
    let payouts = payout::Entity::find()
        .filter(payout::Column::Party.eq(party))
        .filter(payout::Column::Currency.eq(currency))
        .filter(payout::Column::State.eq(PayoutState::Paid))
        .filter(Expr::col(payout::Column::Reversed).lt(Expr::col(payout::Column::Amount)))
        .filter(payout::Column::Id.not_in_subquery(asked))
        .order_by_desc(payout::Column::RequestedAt)
        .order_by_desc(payout::Column::Id)
        .limit(MAX_ASKED)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    let under_way = transfer_reversal::Entity::find()
        .filter(transfer_reversal::Column::PayoutId.is_in(payouts.iter().map(|payout| payout.id)))
        .filter(transfer_reversal::Column::State.eq(ReversalState::Requested))
        .all(tx)
        .await?;
    let pending = |id: PayoutId| -> i64 {
        let of_it = under_way.iter().filter(|reversal| reversal.payout_id == id);
        of_it.map(|reversal| reversal.amount).sum()
    };
    let left = |payout: payout::Model| {
        let left = payout.amount - payout.reversed - pending(payout.id);
        (payout, left)
    };
    Ok(payouts
        .into_iter()
        .map(left)
        .filter(|(_, left)| *left > 0)
        .collect())
}

#[derive(FromQueryResult)]
struct Total {
    total: Option<i64>,
}

/// PostgreSQL sums bigints to a numeric.
fn total(column: impl ColumnTrait) -> Expr {
    column.sum().cast_as("bigint")
}

fn sum_of(total: Option<Total>) -> i64 {
    total.and_then(|total| total.total).unwrap_or(0)
}
