//! Money to the parties, and back from them.

use anyhow::{Context as _, ensure};
use vitrine_model::ledger::{AccountKind, Side};
use vitrine_model::payout::{Model as Payout, transfer_reversal};

use crate::context::{Context, Tx};
use crate::ledger::books::Books;
use crate::ledger::post::{self, Entry};

/// `payout:{id}:requested`: available to in transit, in the transaction that records the intent.
///
/// # Errors
/// When the database fails or available does not cover it.
pub async fn payout_requested(tx: &Tx, cx: &Context, payout: &Payout) -> anyhow::Result<()> {
    let key = format!("payout:{}:requested", payout.id);
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::open(tx, cx, payout.currency, [payout.party]).await?;
    let available = books.balance(payout.party, AccountKind::Available);
    ensure!(
        payout.amount <= available,
        "{}: {} is more than the {available} available",
        payout.id,
        payout.amount
    );
    let mut entry =
        Entry::new(&mut books, "payout.requested", key, payout.requested_at).about("payout", payout.id);
    entry.put_party(
        payout.party,
        AccountKind::Available,
        Side::Debit,
        payout.amount,
        None,
    );
    entry.put_party(
        payout.party,
        AccountKind::InTransit,
        Side::Credit,
        payout.amount,
        None,
    );
    entry.post(tx, cx).await?;
    Ok(())
}

/// `transfer:{tr}`: in transit to clearing.
///
/// # Errors
/// When the database fails, or the payout has no transfer yet.
pub async fn payout_made(tx: &Tx, cx: &Context, payout: &Payout) -> anyhow::Result<()> {
    let transfer = payout.transfer_id.as_deref();
    let transfer = transfer.with_context(|| format!("{} has no transfer", payout.id))?;
    let key = format!("transfer:{transfer}");
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::open(tx, cx, payout.currency, [payout.party]).await?;
    let mut entry = Entry::new(&mut books, "payout.made", key, cx.now()).about("payout", payout.id);
    entry.put_party(
        payout.party,
        AccountKind::InTransit,
        Side::Debit,
        payout.amount,
        None,
    );
    entry.credit(AccountKind::ClearingTransfers, payout.amount, None);
    entry.post(tx, cx).await?;
    Ok(())
}

/// `payout:{id}:refused`: in transit back to available, netted.
///
/// # Errors
/// When the database fails.
pub async fn payout_refused(tx: &Tx, cx: &Context, payout: &Payout) -> anyhow::Result<()> {
    let key = format!("payout:{}:refused", payout.id);
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::open(tx, cx, payout.currency, [payout.party]).await?;
    let mut entry = Entry::new(&mut books, "payout.refused", key, cx.now()).about("payout", payout.id);
    entry.put_party(
        payout.party,
        AccountKind::InTransit,
        Side::Debit,
        payout.amount,
        None,
    );
    entry.give(payout.party, payout.amount, None);
    entry.post(tx, cx).await?;
    Ok(())
}

/// `reversal:{id}:requested`: receivable to recovering, which netting ignores.
///
/// # Errors
/// When the database fails, or the party owes less by now: later earnings may have paid it.
pub async fn reversal_requested(
    tx: &Tx,
    cx: &Context,
    reversal: &transfer_reversal::Model,
) -> anyhow::Result<()> {
    let key = format!("reversal:{}:requested", reversal.id);
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::open(tx, cx, reversal.currency, [reversal.party]).await?;
    let owed = books.balance(reversal.party, AccountKind::Receivable);
    ensure!(
        reversal.amount <= owed,
        "{}: {} is more than the {owed} owed",
        reversal.id,
        reversal.amount
    );
    let mut entry = Entry::new(&mut books, "reversal.requested", key, reversal.created_at)
        .about("payout", reversal.payout_id)
        .about_any("dispute", reversal.dispute_id)
        .about_any("refund", reversal.refund_id)
        .about("reversal", reversal.id);
    entry.put_party(
        reversal.party,
        AccountKind::Recovering,
        Side::Debit,
        reversal.amount,
        None,
    );
    entry.put_party(
        reversal.party,
        AccountKind::Receivable,
        Side::Credit,
        reversal.amount,
        None,
    );
    entry.post(tx, cx).await?;
    Ok(())
}

/// `reversal:{trr}`: recovering against clearing.
///
/// # Errors
/// When the database fails, or the reversal was not made yet.
pub async fn reversal_made(tx: &Tx, cx: &Context, reversal: &transfer_reversal::Model) -> anyhow::Result<()> {
    let made = reversal.stripe_reversal_id.as_deref();
    let made = made.with_context(|| format!("{} was not made at Stripe", reversal.id))?;
    let key = format!("reversal:{made}");
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::open(tx, cx, reversal.currency, [reversal.party]).await?;
    let mut entry = Entry::new(&mut books, "reversal.made", key, cx.now())
        .about("payout", reversal.payout_id)
        .about_any("dispute", reversal.dispute_id)
        .about_any("refund", reversal.refund_id)
        .about("reversal", reversal.id);
    entry.debit(AccountKind::ClearingTransfers, reversal.amount, None);
    entry.put_party(
        reversal.party,
        AccountKind::Recovering,
        Side::Credit,
        reversal.amount,
        None,
    );
    entry.post(tx, cx).await?;
    Ok(())
}

/// `reversal:{id}:refused`: recovering back to receivable. What became available meanwhile pays it first, since a party
/// never owes while money of hers is available.
///
/// # Errors
/// When the database fails.
pub async fn reversal_refused(
    tx: &Tx,
    cx: &Context,
    reversal: &transfer_reversal::Model,
) -> anyhow::Result<()> {
    let key = format!("reversal:{}:refused", reversal.id);
    if post::exists(tx, &key).await? {
        return Ok(());
    }
    let mut books = Books::open(tx, cx, reversal.currency, [reversal.party]).await?;
    let mut entry = Entry::new(&mut books, "reversal.refused", key, cx.now())
        .about("payout", reversal.payout_id)
        .about_any("dispute", reversal.dispute_id)
        .about_any("refund", reversal.refund_id)
        .about("reversal", reversal.id);
    entry.put_party(
        reversal.party,
        AccountKind::Recovering,
        Side::Credit,
        reversal.amount,
        None,
    );
    entry.take(reversal.party, reversal.amount, 0, None);
    entry.post(tx, cx).await?;
    Ok(())
}
