//! Stripe's balance transactions: what really moved the platform's money, each applied once, in whatever order they come.

use anyhow::{Context as _, ensure};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect, TryInsertResult};
use vitrine_model::catalog::FeeBearer;
use vitrine_model::checkout::{ChargeKind, charge, dispute, order};
use vitrine_model::id::OrderId;
use vitrine_model::ledger::{AccountKind, Party, Side, balance_transaction, unit};
use vitrine_model::money::Currency;

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::post::{self, Entry, Owner};
use crate::ledger::queries::lock_units;
use crate::ledger::split::largest_remainder;
use crate::ports::BalanceTransactionFacts;
use crate::tx::Rank;

/// The kinds that are about charges; Stripe has two vocabularies, reporting categories and types
/// (<https://docs.stripe.com/reports/balance-transaction-types>).
pub(crate) const CHARGES: &[&str] = &["charge", "payment"];
/// The kinds that are about refunds, failed ones among them.
pub(crate) const REFUNDS: &[&str] = &[
    "refund",
    "payment_refund",
    "refund_failure",
    "payment_failure_refund",
];
/// The kinds that are about transfers and their reversals.
pub(crate) const TRANSFERS: &[&str] = &[
    "transfer",
    "transfer_reversal",
    "transfer_refund",
    "transfer_cancel",
    "transfer_failure",
];
/// The kinds that are about the platform's own payouts.
pub(crate) const PAYOUTS: &[&str] = &["payout", "payout_reversal", "payout_cancel", "payout_failure"];
/// The kinds that are about disputes.
const DISPUTES: &[&str] = &["dispute", "dispute_reversal"];
/// Stripe's bills.
const FEES: &[&str] = &["fee", "stripe_fee"];
/// The operator's own money.
const TOPUPS: &[&str] = &["topup", "topup_reversal"];

/// The kinds each of which an object of ours must explain: charges, refunds, transfers and their reversals.
pub fn matched_kinds() -> Vec<&'static str> {
    [CHARGES, REFUNDS, TRANSFERS].concat()
}

/// Applies one balance transaction of Stripe's, once (`txn:{id}`): moves `stripe_cash` against the clearing account of its
/// kind, books the fee, and for a charge that pays an order recharges the fee to the bearing brands' units
/// (`fee_recharge:{ch}`). An unknown kind goes to suspense, and so does a charge that settled in another currency than it
/// was made in. Returns whether it was new.
///
/// # Errors
/// When the database fails, or the same id comes with other facts.
pub async fn apply_balance_transaction(
    tx: &Tx,
    cx: &Context,
    facts: &BalanceTransactionFacts,
) -> anyhow::Result<bool> {
    ensure!(
        facts.net == facts.amount - facts.fee,
        "{}: net is not amount less fee",
        facts.id
    );
    if !insert(tx, cx, facts).await? {
        return Ok(false);
    }
    let charge = if CHARGES.contains(&&*facts.kind) {
        charge::Entity::find_by_id(facts.source.clone()).one(tx).await?
    } else {
        None
    };
    let foreign = charge
        .as_ref()
        .is_some_and(|charge| charge.currency != facts.currency)
        || dispute_currency(tx, facts)
            .await?
            .is_some_and(|currency| currency != facts.currency);
    let against = if foreign { None } else { counterpart(facts) };
    let units = match &charge {
        Some(charge) if !foreign => lock_paid(tx, charge).await?,
        _ => Vec::new(),
    };
    move_cash(tx, cx, facts, against).await?;
    if let (Some(charge), false) = (&charge, foreign) {
        recharge(tx, cx, charge, facts.fee, &units).await?;
    }
    Ok(true)
}

/// Recharges the fee of a charge whose balance transaction came before the order was paid in our books. `units` are what
/// the charge paid for, made in this transaction.
pub(super) async fn recharge_if_settled(
    tx: &Tx,
    cx: &Context,
    charge: &charge::Model,
    units: &[unit::Model],
) -> anyhow::Result<()> {
    let settled = balance_transaction::Entity::find()
        .filter(balance_transaction::Column::Source.eq(&charge.id))
        .filter(balance_transaction::Column::Kind.is_in(CHARGES.iter().copied()))
        .filter(balance_transaction::Column::Currency.eq(charge.currency))
        .one(tx)
        .await?;
    match settled {
        Some(settled) => recharge(tx, cx, charge, settled.fee, units).await,
        None => Ok(()),
    }
}

async fn insert(tx: &Tx, cx: &Context, facts: &BalanceTransactionFacts) -> anyhow::Result<bool> {
    let row = balance_transaction::ActiveModel {
        id: Set(facts.id.clone()),
        kind: Set(facts.kind.clone()),
        source: Set(facts.source.clone()),
        amount: Set(facts.amount),
        fee: Set(facts.fee),
        net: Set(facts.net),
        currency: Set(facts.currency),
        available_on: Set(facts.available_on),
        created_at: Set(facts.created),
        applied_at: Set(cx.now()),
    };
    let inserted = balance_transaction::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec(tx)
        .await?;
    if let TryInsertResult::Inserted(_) = inserted {
        return Ok(true);
    }
    let first = balance_transaction::Entity::find_by_id(facts.id.clone())
        .one(tx)
        .await?
        .with_context(|| format!("{} vanished", facts.id))?;
    let same = (first.amount, first.fee, first.currency) == (facts.amount, facts.fee, facts.currency);
    if !same {
        tracing::error!(id = facts.id, "a balance transaction came again with other facts");
    }
    ensure!(
        same,
        "{} came again with other facts; nothing was changed",
        facts.id
    );
    Ok(false)
}

/// Whether a balance transaction of this kind and source is about a dispute: Stripe's reporting categories say so, its
/// types call it an adjustment.
pub(crate) fn of_disputes(kind: &str, source: &str) -> bool {
    DISPUTES.contains(&kind)
        || (kind == "adjustment" && (source.starts_with("du_") || source.starts_with("dp_")))
}

/// The same, as a condition on rows of `balance_transaction`.
pub(crate) const ABOUT_DISPUTES: &str = "(kind in ('dispute', 'dispute_reversal') \
    or (kind = 'adjustment' and substr(source, 1, 3) in ('du_', 'dp_')))";

/// The currency of the dispute that the balance transaction is about, if we know it.
async fn dispute_currency(tx: &Tx, facts: &BalanceTransactionFacts) -> Result<Option<Currency>, DbErr> {
    if !of_disputes(&facts.kind, &facts.source) {
        return Ok(None);
    }
    dispute::Entity::find()
        .select_only()
        .column(dispute::Column::Currency)
        .filter(dispute::Column::StripeId.eq(&facts.source))
        .into_tuple()
        .one(tx)
        .await
}

/// The account on the other side of `stripe_cash`; none for what is not understood.
fn counterpart(facts: &BalanceTransactionFacts) -> Option<(Owner, AccountKind)> {
    if of_disputes(&facts.kind, &facts.source) {
        return Some((Owner::About(facts.source.clone()), AccountKind::DisputeReceivable));
    }
    let own = [
        (FEES, AccountKind::ExpenseStripeFees),
        (TOPUPS, AccountKind::EquityFloat),
        // No fact of ours stands against it: what Stripe says it sent is what the bank account has.
        (PAYOUTS, AccountKind::Bank),
    ];
    let own = own.into_iter().find(|(kinds, _)| kinds.contains(&&*facts.kind));
    let account = own.map(|(_, account)| account);
    account
        .or_else(|| clearing_account(&facts.kind))
        .map(|account| (Owner::Platform, account))
}

/// Where what Stripe moves meets what told the books of it.
pub(super) fn clearing_account(kind: &str) -> Option<AccountKind> {
    let accounts = [
        (CHARGES, AccountKind::ClearingCharges),
        (REFUNDS, AccountKind::ClearingRefunds),
        (TRANSFERS, AccountKind::ClearingTransfers),
    ];
    let known = accounts.into_iter().find(|(kinds, _)| kinds.contains(&kind));
    known.map(|(_, account)| account)
}

async fn move_cash(
    tx: &Tx,
    cx: &Context,
    facts: &BalanceTransactionFacts,
    against: Option<(Owner, AccountKind)>,
) -> anyhow::Result<()> {
    let (owner, account) = match against {
        Some(account) => account,
        None => {
            tracing::error!(
                id = facts.id,
                kind = facts.kind,
                "a balance transaction went to suspense"
            );
            (Owner::About(facts.kind.clone()), AccountKind::Suspense)
        }
    };
    let mut books = Books::of_platform(facts.currency);
    let mut entry = Entry::new(
        &mut books,
        "balance_transaction",
        format!("txn:{}", facts.id),
        facts.created,
    )
    .about("source", &facts.source)
    .about("txn", &facts.id);
    put(&mut entry, Owner::Platform, AccountKind::StripeCash, facts.net)?;
    let fees = match account {
        AccountKind::DisputeReceivable => AccountKind::ExpenseDisputeFees,
        _ => AccountKind::ExpenseStripeFees,
    };
    put(&mut entry, Owner::Platform, fees, facts.fee)?;
    put(
        &mut entry,
        owner,
        account,
        facts.amount.checked_neg().context("amount out of range")?,
    )?;
    if !entry.is_empty() {
        entry.post(tx, cx).await?;
    }
    Ok(())
}

/// Puts a signed amount: what is above zero on the left.
fn put(entry: &mut Entry<'_>, owner: Owner, kind: AccountKind, amount: i64) -> anyhow::Result<()> {
    let side = if amount >= 0 { Side::Debit } else { Side::Credit };
    let amount = amount.checked_abs().context("amount out of range")?;
    entry.put(owner, kind, side, amount, None);
    Ok(())
}

/// Charges Stripe's fee on to the brands that bear it, divided over their units by what the buyer paid for each. What is
/// not held any more, since the unit was released or refunded already, comes from the brand's available money, and what
/// that does not cover she owes: Stripe keeps its fee on a refund, and so the brand bears it all the same.
async fn recharge(
    tx: &Tx,
    cx: &Context,
    charge: &charge::Model,
    fee: i64,
    units: &[unit::Model],
) -> anyhow::Result<()> {
    let key = format!("fee_recharge:{}", charge.id);
    if charge.kind != ChargeKind::Expected || fee <= 0 || post::exists(tx, &key).await? {
        return Ok(());
    }
    let bears = |unit: &&unit::Model| unit.fee_bearer == FeeBearer::Brand;
    let units: Vec<&unit::Model> = units.iter().filter(bears).collect();
    let weights: Vec<i64> = units.iter().map(|unit| unit.paid).collect();
    let shares = largest_remainder(fee, &weights);
    let brands = units.iter().map(|unit| Party::Brand(unit.brand_id));
    let mut books = Books::open(tx, cx, charge.currency, brands).await?;
    let mut entry = Entry::new(&mut books, "fee.recharged", key, cx.now())
        .about("charge", &charge.id)
        .about("order", charge.order_id);
    let mut changed = Vec::new();
    for (unit, share) in units.iter().zip(shares).filter(|(_, share)| *share > 0) {
        let party = Party::Brand(unit.brand_id);
        let from_held = entry.take(party, share, unit.brand_held, Some(unit.id));
        entry.credit(AccountKind::IncomeRecoveredFees, share, Some(unit.id));
        changed.push((unit, share, from_held));
    }
    if entry.is_empty() {
        return Ok(());
    }
    entry.post(tx, cx).await?;
    for (unit, share, from_held) in changed {
        write_recharged(tx, unit, share, from_held).await?;
    }
    Ok(())
}

async fn write_recharged(tx: &Tx, unit: &unit::Model, share: i64, from_held: i64) -> Result<(), DbErr> {
    unit::Entity::update_many()
        .col_expr(
            unit::Column::Recharged,
            Expr::col(unit::Column::Recharged).add(share),
        )
        .col_expr(
            unit::Column::BrandHeld,
            Expr::col(unit::Column::BrandHeld).sub(from_held),
        )
        .filter(unit::Column::Id.eq(unit.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The units that an awaited charge paid for, with their order locked; none before the order is paid in our books.
async fn lock_paid(tx: &Tx, charge: &charge::Model) -> Result<Vec<unit::Model>, DbErr> {
    if charge.kind != ChargeKind::Expected {
        return Ok(Vec::new());
    }
    tx.locks(Rank::Order);
    order::Entity::find_by_id(charge.order_id)
        .select_only()
        .column(order::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<OrderId>()
        .one(tx)
        .await?;
    lock_units(tx, charge.order_id).await
}
