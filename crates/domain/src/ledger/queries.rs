//! The books, read.

use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use vitrine_model::Time;
use vitrine_model::catalog::brand;
use vitrine_model::id::{AdjustmentId, DisputeId, OrderId, RefundId};
use vitrine_model::identity::account as person;
use vitrine_model::ledger::{
    AccountKind, Party, account, adjustment, dispute_part, posting, seal, transaction, unit,
};
use vitrine_model::money::{Currency, Money};

use crate::context::Tx;
use crate::ledger::rules::{Taken, effect};
use crate::list::List;
use crate::tx::Rank;

/// What a party owes in `currency`, minor units.
///
/// # Errors
/// When the database fails.
pub async fn receivable(db: &impl ConnectionTrait, party: Party, currency: Currency) -> Result<i64, DbErr> {
    balance(db, party, AccountKind::Receivable, currency).await
}

/// What the next payout run may send a party in `currency`, minor units.
///
/// # Errors
/// When the database fails.
pub async fn available(db: &impl ConnectionTrait, party: Party, currency: Currency) -> Result<i64, DbErr> {
    balance(db, party, AccountKind::Available, currency).await
}

async fn balance(
    db: &impl ConnectionTrait,
    party: Party,
    kind: AccountKind,
    currency: Currency,
) -> Result<i64, DbErr> {
    let balance: Option<i64> = account::Entity::find()
        .select_only()
        .column(account::Column::Balance)
        .filter(account::Column::Owner.eq(party.to_string()))
        .filter(account::Column::Kind.eq(kind))
        .filter(account::Column::Currency.eq(currency))
        .into_tuple()
        .one(db)
        .await?;
    Ok(balance.unwrap_or(0))
}

/// What our books say Stripe holds for the platform, per currency: the folded balances, and what is not sealed yet.
///
/// # Errors
/// When the database fails.
pub async fn stripe_cash(db: &impl ConnectionTrait) -> Result<Vec<Money>, DbErr> {
    let cash = platform_balances(db, AccountKind::StripeCash).await?;
    Ok(cash.into_iter().map(|(_, money)| money).collect())
}

/// What of Stripe's movements is not understood, by their kind and currency.
///
/// # Errors
/// When the database fails.
pub async fn suspense(db: &impl ConnectionTrait) -> Result<Vec<(String, Money)>, DbErr> {
    let mut open = platform_balances(db, AccountKind::Suspense).await?;
    open.retain(|(_, money)| money.minor() != 0);
    Ok(open)
}

/// The balances of the platform's accounts of a kind, with what each is about: folded, and what is not sealed yet.
async fn platform_balances(
    db: &impl ConnectionTrait,
    kind: AccountKind,
) -> Result<Vec<(String, Money)>, DbErr> {
    let accounts = account::Entity::find()
        .filter(account::Column::Kind.eq(kind))
        .order_by_asc(account::Column::Currency)
        .order_by_asc(account::Column::Owner)
        .all(db)
        .await?;
    let open = seal::Entity::find()
        .select_only()
        .column(seal::Column::TransactionId)
        .filter(seal::Column::BlockId.is_null());
    let unsealed = posting::Entity::find()
        .filter(posting::Column::AccountId.is_in(accounts.iter().map(|account| account.id)))
        .filter(posting::Column::TransactionId.in_subquery(open.into_query()))
        .all(db)
        .await?;
    let balances = accounts.into_iter().map(|account| {
        let own = unsealed.iter().filter(|posting| posting.account_id == account.id);
        let moved: i64 = own
            .map(|posting| effect(account.kind, posting.side, posting.amount))
            .sum();
        (
            account.owner,
            Money::new(account.balance + moved, account.currency),
        )
    });
    Ok(balances.collect())
}

/// Where a refund took the part of `party` from, minor units.
///
/// # Errors
/// When the database fails.
pub(crate) async fn refund_taken(
    db: &impl ConnectionTrait,
    refund: RefundId,
    party: Party,
) -> Result<Taken, DbErr> {
    let accounts = account::Entity::find()
        .filter(account::Column::Owner.eq(party.to_string()))
        .all(db)
        .await?;
    let decided = transaction::Entity::find()
        .select_only()
        .column(transaction::Column::Id)
        .filter(transaction::Column::Key.eq(format!("refund:{refund}:decided")));
    let postings = posting::Entity::find()
        .filter(posting::Column::TransactionId.in_subquery(decided.into_query()))
        .filter(posting::Column::AccountId.is_in(accounts.iter().map(|account| account.id)))
        .all(db)
        .await?;
    let of = |kind: AccountKind| -> i64 {
        let accounts = accounts.iter().filter(|account| account.kind == kind);
        let own =
            accounts.flat_map(|account| postings.iter().filter(|posting| posting.account_id == account.id));
        own.map(|posting| posting.amount).sum()
    };
    Ok(Taken {
        held: of(AccountKind::Held),
        available: of(AccountKind::Available),
        receivable: of(AccountKind::Receivable),
    })
}

/// An adjustment's place in their list: when it was made, and its id.
pub type ByTime = (Time, AdjustmentId);

/// All adjustments, the newest first.
pub fn adjustments() -> List<adjustment::Model, ByTime> {
    let columns = [adjustment::Column::CreatedAt, adjustment::Column::Id];
    List::new(adjustment::Entity::find(), true, &columns, |place: &ByTime| {
        vec![place.0.into(), place.1.into()]
    })
}

/// The adjustments with these ids, in no order.
///
/// # Errors
/// When the database fails.
pub async fn adjustments_by_id(
    db: &impl ConnectionTrait,
    ids: &[AdjustmentId],
) -> Result<Vec<adjustment::Model>, DbErr> {
    let found = adjustment::Entity::find().filter(adjustment::Column::Id.is_in(ids.iter().copied()));
    found.all(db).await
}

/// The units of the orders, in each order's own order.
///
/// # Errors
/// When the database fails.
pub async fn units_of(db: &impl ConnectionTrait, orders: &[OrderId]) -> Result<Vec<unit::Model>, DbErr> {
    unit::Entity::find()
        .filter(unit::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(unit::Column::OrderId)
        .order_by_asc(unit::Column::Ordinal)
        .all(db)
        .await
}

/// What these disputes claim of units, in the units' own order.
///
/// # Errors
/// When the database fails.
pub async fn dispute_parts_of(
    db: &impl ConnectionTrait,
    disputes: &[DisputeId],
) -> Result<Vec<dispute_part::Model>, DbErr> {
    dispute_part::Entity::find()
        .filter(dispute_part::Column::DisputeId.is_in(disputes.iter().copied()))
        .order_by_asc(dispute_part::Column::UnitId)
        .all(db)
        .await
}

/// Locks all units of the order, by id, and returns them in the order's own order. All, whatever is done to which: one
/// unit's fate decides when the shipping of its brand is released, and who holds an account must not come back for units.
pub(super) async fn lock_units(tx: &Tx, order: OrderId) -> Result<Vec<unit::Model>, DbErr> {
    tx.locks(Rank::Units);
    let mut units = unit::Entity::find()
        .filter(unit::Column::OrderId.eq(order))
        .order_by_asc(unit::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    units.sort_by_key(|unit| unit.ordinal);
    Ok(units)
}

/// Whether there is anyone of that id who can earn.
///
/// # Errors
/// When the database fails.
pub async fn party_exists(db: &impl ConnectionTrait, party: Party) -> Result<bool, DbErr> {
    Ok(match party {
        Party::Brand(id) => brand::Entity::find_by_id(id).one(db).await?.is_some(),
        Party::Shopholder(id) => person::Entity::find_by_id(id).one(db).await?.is_some(),
    })
}
