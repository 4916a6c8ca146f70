//! Stock, as checkout moves it: within checkout's own transaction, one conditional statement per variant in the order of
//! their ids, so that two orders never wait for each other in a circle and the last piece is sold once.
//!
//! Which reservation exists, and that it ends exactly once, is checkout's to record.

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use vitrine_model::catalog::{StockPolicy, variant};
use vitrine_model::id::{OrderId, VariantId};

use crate::context::{Context, Tx};
use crate::tx::Rank;

/// A variant and a number of pieces of it.
pub type Piece = (VariantId, i64);

/// What was reserved of one variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The variant.
    pub variant: VariantId,
    /// How many pieces.
    pub quantity: i64,
    /// Whether its stock is counted. Only counted pieces may be consumed, released or restocked.
    pub counted: bool,
}

/// There are not enough pieces of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfStock {
    /// Of which.
    pub variant: VariantId,
    /// How many there are.
    pub available: i64,
}

/// Reserves pieces for `order`. Each variant may be named several times; its pieces are added up. A variant that is not
/// tracked passes uncounted; one of the `continue` policy is counted and passes, and may go below zero. When one cannot be
/// had the caller must roll its transaction back: pieces of others may be reserved by then.
///
/// # Errors
/// The outer error when the database fails; the inner when there are too few of a variant, or it can no longer be bought.
pub async fn reserve_stock(
    tx: &Tx,
    _cx: &Context,
    order: OrderId,
    pieces: &[Piece],
) -> Result<Result<Vec<Reserved>, OutOfStock>, DbErr> {
    tx.locks(Rank::Variants);
    let mut reserved = Vec::with_capacity(pieces.len());
    for (variant, quantity) in merged(pieces) {
        let enough = Expr::col(variant::Column::OnHand)
            .sub(Expr::col(variant::Column::Reserved))
            .gte(quantity);
        let may = Condition::any()
            .add(variant::Column::Tracked.eq(false))
            .add(variant::Column::Policy.eq(StockPolicy::Continue))
            .add(enough);
        // An untracked variant is touched as well, by nothing: the row is locked and its `tracked` read as it is now.
        let counted_quantity = Expr::case(variant::Column::Tracked.eq(true), quantity).finally(0_i64);
        let rows = variant::Entity::update_many()
            .col_expr(
                variant::Column::Reserved,
                Expr::col(variant::Column::Reserved).add(counted_quantity),
            )
            .filter(variant::Column::Id.eq(variant))
            .filter(variant::Column::Active.eq(true))
            .filter(may)
            .exec_with_returning(tx)
            .await?;
        let Some(row) = rows.into_iter().next() else {
            tracing::debug!(%order, %variant, quantity, "out of stock");
            return Ok(Err(shortage(tx, variant).await?));
        };
        reserved.push(Reserved {
            variant,
            quantity,
            counted: row.tracked,
        });
    }
    Ok(Ok(reserved))
}

/// The order was paid: its counted pieces leave the warehouse.
///
/// # Errors
/// When the database fails, or when so many were not reserved.
pub async fn consume_stock(tx: &Tx, pieces: &[Piece]) -> Result<(), DbErr> {
    shift(tx, pieces, -1, -1).await
}

/// The order will not be paid: its counted pieces can be had again.
///
/// # Errors
/// When the database fails, or when so many were not reserved.
pub async fn release_stock(tx: &Tx, pieces: &[Piece]) -> Result<(), DbErr> {
    shift(tx, pieces, 0, -1).await
}

/// Counted pieces sold come back: cancelled before shipping, or returned.
///
/// # Errors
/// When the database fails.
pub async fn restock(tx: &Tx, pieces: &[Piece]) -> Result<(), DbErr> {
    shift(tx, pieces, 1, 0).await
}

/// Pieces that had come back are sold after all: they leave the warehouse again. Of a variant that may not be oversold
/// only those do that nobody else has bought or reserved since; returns how many of each did.
///
/// # Errors
/// When the database fails.
pub async fn take_again(tx: &Tx, pieces: &[Piece]) -> Result<Vec<Piece>, DbErr> {
    tx.locks(Rank::Variants);
    let mut taken = Vec::with_capacity(pieces.len());
    for (variant, quantity) in merged(pieces) {
        let row = variant::Entity::find_by_id(variant).lock(LockType::NoKeyUpdate);
        let Some(row) = row.one(tx).await? else { continue };
        let limited = row.tracked && row.policy == StockPolicy::Deny;
        let free = if limited {
            row.on_hand - row.reserved
        } else {
            quantity
        };
        taken.push((variant, free.clamp(0, quantity)));
    }
    shift(tx, &taken, -1, 0).await?;
    Ok(taken)
}

/// Moves `on_hand` and `reserved` by so many times the pieces. The column's own check keeps `reserved` from going below
/// zero.
async fn shift(tx: &Tx, pieces: &[Piece], on_hand: i64, reserved: i64) -> Result<(), DbErr> {
    tx.locks(Rank::Variants);
    for (variant, quantity) in merged(pieces) {
        variant::Entity::update_many()
            .col_expr(
                variant::Column::OnHand,
                Expr::col(variant::Column::OnHand).add(on_hand * quantity),
            )
            .col_expr(
                variant::Column::Reserved,
                Expr::col(variant::Column::Reserved).add(reserved * quantity),
            )
            .filter(variant::Column::Id.eq(variant))
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn shortage(tx: &Tx, variant: VariantId) -> Result<OutOfStock, DbErr> {
    let row = variant::Entity::find_by_id(variant).one(tx).await?;
    let available = row.and_then(|row| super::pieces_left(&row)).unwrap_or(0);
    Ok(OutOfStock { variant, available })
}

/// One entry per variant, in the order of their ids.
fn merged(pieces: &[Piece]) -> Vec<Piece> {
    let mut sums = std::collections::BTreeMap::new();
    for (variant, quantity) in pieces {
        *sums.entry(*variant).or_insert(0) += quantity;
    }
    sums.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_named_twice_is_taken_once_with_the_sum() {
        let id = |bits| VariantId::from(uuid::Uuid::from_u128(bits));
        let pieces = [(id(2), 1), (id(1), 3), (id(2), 4)];
        assert_eq!(merged(&pieces), [(id(1), 3), (id(2), 5)]);
    }
}
