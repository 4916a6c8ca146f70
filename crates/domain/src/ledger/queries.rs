//! The books, read.

use sea_orm::sea_query::IntoCondition;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use vitrine_model::id::OrderId;
use vitrine_model::ledger::{AccountKind, Party, account, unit};
use vitrine_model::money::Currency;

use crate::context::Tx;

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

/// Locks the units that `condition` names, by id.
pub(super) async fn lock_units(tx: &Tx, condition: impl IntoCondition) -> Result<Vec<unit::Model>, DbErr> {
    unit::Entity::find()
        .filter(condition.into_condition())
        .order_by_asc(unit::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await
}
