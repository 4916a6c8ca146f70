//! The books: double entry, append only, per sold unit. Money is moved here and nowhere else.
//!
//! TODO-LEDGER: purpose, invariants, state diagram; see money.md.

pub mod split;

use sea_orm::{ConnectionTrait, DbErr};
use vitrine_model::Time;
use vitrine_model::checkout::{charge, fulfillment, order, order_line, refund};
use vitrine_model::id::{BrandId, OrderId, ReturnId, UnitId};
use vitrine_model::ledger::unit;
use vitrine_model::money::Currency;
use vitrine_model::{ledger::Party, payout::Model as Payout, payout::transfer_reversal};

use crate::context::{Context, Tx};
use crate::ports::BalanceTransactionFacts;

/// One brand's shipping of an order, to become its pseudo-unit.
#[derive(Debug, Clone)]
pub struct Shipping {
    /// Who ships.
    pub brand_id: BrandId,
    /// What the buyer pays for it, minor units; zero makes no unit.
    pub amount: i64,
    /// VAT facts and windows, as on any line of that brand.
    pub like: order_line::Model,
}

/// The order was paid by `charge`: makes the units (one row per piece, one per brand's shipping) and posts
/// `charge:{ch}:paid`. Done twice, it does nothing.
///
/// # Errors
/// When the database fails, or when the units do not add up to the order's total.
pub async fn charge_paid(
    _tx: &Tx,
    _cx: &Context,
    _order: &order::Model,
    _charge: &charge::Model,
    _lines: &[order_line::Model],
    _shipping: &[Shipping],
) -> anyhow::Result<()> {
    todo!()
}

/// A charge nobody asked for: debit clearing, credit refunds payable (`charge:{ch}:unexpected`). Never split, never recharged.
///
/// # Errors
/// When the database fails.
pub async fn charge_unexpected(_tx: &Tx, _cx: &Context, _charge: &charge::Model) -> anyhow::Result<()> {
    todo!()
}

/// Applies one balance transaction of Stripe's, once (`txn:{id}`): moves `stripe_cash` against the clearing account of its
/// kind, books the fee, and for a charge that pays an order recharges the fee to the bearing brands' units
/// (`fee_recharge:{ch}`). An unknown kind goes to suspense. Returns whether it was new.
///
/// # Errors
/// When the database fails.
pub async fn apply_balance_transaction(
    _tx: &Tx,
    _cx: &Context,
    _facts: &BalanceTransactionFacts,
) -> anyhow::Result<bool> {
    todo!()
}

/// The units went into a parcel: opens their windows from `shipped_at` + the assumed delivery. Shipping units follow their
/// brand's last goods unit.
///
/// # Errors
/// When the database fails.
pub async fn units_shipped(
    _tx: &Tx,
    _cx: &Context,
    _units: &[UnitId],
    _fulfillment: &fulfillment::Model,
) -> Result<(), DbErr> {
    todo!()
}

/// The parcel arrived at `at`: their windows count from there.
///
/// # Errors
/// When the database fails.
pub async fn units_delivered(
    _tx: &Tx,
    _cx: &Context,
    _fulfillment: &fulfillment::Model,
    _at: Time,
) -> Result<(), DbErr> {
    todo!()
}

/// A return opened (`Some`) or closed (`None`) for the units: nothing of them releases while it is open.
///
/// # Errors
/// When the database fails.
pub async fn units_returning(_tx: &Tx, _units: &[UnitId], _open: Option<ReturnId>) -> Result<(), DbErr> {
    todo!()
}

/// The refund was decided: marks the units with it and debits each part's holder (held, then available, then receivable;
/// the platform from deferred, or income after release), crediting refunds payable (`refund:{id}:decided`).
///
/// # Errors
/// When the database fails or a unit is refunded already.
pub async fn refund_decided(
    _tx: &Tx,
    _cx: &Context,
    _refund: &refund::Model,
    _units: &[UnitId],
) -> anyhow::Result<()> {
    todo!()
}

/// Stripe made the refund: refunds payable to clearing (`refund:{re}`).
///
/// # Errors
/// When the database fails.
pub async fn refund_made(_tx: &Tx, _cx: &Context, _refund: &refund::Model) -> anyhow::Result<()> {
    todo!()
}

/// The refund failed, before or after Stripe made it: reverses what was posted (`refund:{id}:failed`) and frees the units.
///
/// # Errors
/// When the database fails.
pub async fn refund_failed(_tx: &Tx, _cx: &Context, _refund: &refund::Model) -> anyhow::Result<()> {
    todo!()
}

/// Releases every part whose window has closed, in batches, one transaction each (`release:{unit}:brand|shop`).
///
/// # Errors
/// When the database fails.
pub async fn release_due(_cx: &Context) -> anyhow::Result<()> {
    todo!()
}

/// `payout:{id}:requested`: available to in transit, in the transaction that records the intent.
///
/// # Errors
/// When the database fails or available does not cover it.
pub async fn payout_requested(_tx: &Tx, _cx: &Context, _payout: &Payout) -> anyhow::Result<()> {
    todo!()
}

/// `transfer:{tr}`: in transit to clearing.
///
/// # Errors
/// When the database fails.
pub async fn payout_made(_tx: &Tx, _cx: &Context, _payout: &Payout) -> anyhow::Result<()> {
    todo!()
}

/// `payout:{id}:refused`: in transit back to available, netted.
///
/// # Errors
/// When the database fails.
pub async fn payout_refused(_tx: &Tx, _cx: &Context, _payout: &Payout) -> anyhow::Result<()> {
    todo!()
}

/// `reversal:{id}:requested`: receivable to recovering, which netting ignores.
///
/// # Errors
/// When the database fails.
pub async fn reversal_requested(
    _tx: &Tx,
    _cx: &Context,
    _reversal: &transfer_reversal::Model,
) -> anyhow::Result<()> {
    todo!()
}

/// `reversal:{trr}`: recovering against clearing.
///
/// # Errors
/// When the database fails.
pub async fn reversal_made(
    _tx: &Tx,
    _cx: &Context,
    _reversal: &transfer_reversal::Model,
) -> anyhow::Result<()> {
    todo!()
}

/// `reversal:{id}:refused`: recovering back to receivable.
///
/// # Errors
/// When the database fails.
pub async fn reversal_refused(
    _tx: &Tx,
    _cx: &Context,
    _reversal: &transfer_reversal::Model,
) -> anyhow::Result<()> {
    todo!()
}

/// What a party owes in `currency`, minor units.
///
/// # Errors
/// When the database fails.
pub async fn receivable(
    _db: &impl ConnectionTrait,
    _party: Party,
    _currency: Currency,
) -> Result<i64, DbErr> {
    todo!()
}

/// The units of an order, in their order.
///
/// # Errors
/// When the database fails.
pub async fn units_of(_db: &impl ConnectionTrait, _orders: &[OrderId]) -> Result<Vec<unit::Model>, DbErr> {
    todo!()
}

/// Seals the transactions not yet sealed into a block of the hash chain and folds the platform's balances.
///
/// # Errors
/// When the database fails.
pub async fn seal(_cx: &Context) -> anyhow::Result<()> {
    todo!()
}
