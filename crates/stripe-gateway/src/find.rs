//! What an earlier attempt made: every page of the narrowest list is read, and only an exact match on the intent counts.

use std::collections::HashMap;

use futures::{Stream, TryStreamExt};
use stripe_checkout::checkout_session::{ListCheckoutSession, RetrieveCheckoutSession};
use stripe_connect::account::ListAccount;
use stripe_connect::transfer::ListTransfer;
use stripe_connect::transfer_reversal::ListIdTransferReversal;
use stripe_core::dispute::RetrieveDispute;
use stripe_core::refund::ListRefund;
use stripe_types::RangeQueryTs;
use vitrine_domain::ports::{Call, CallError, DisputeStatus, Outcome, SessionStatus};
use vitrine_model::Time;
use vitrine_model::id::IntentId;

use crate::client::{Client, Failed, checked_id};
use crate::{INTENT, facts};

/// Elements of one page: Stripe's largest.
const PAGE: i64 = 100;

/// The outcome of `call` as made for `intent` since `since`, if it was.
pub(crate) async fn made(
    client: &Client,
    intent: IntentId,
    call: &Call,
    since: Time,
) -> Result<Option<Outcome>, CallError> {
    let intent = intent.to_string();
    match call {
        Call::SessionOpen { .. } => session(client, &intent, since).await,
        Call::SessionExpire { session } => expired(client, session).await,
        Call::RefundMake { charge, .. } => refund(client, &intent, charge).await,
        Call::TransferMake { payout, .. } => transfer(client, &intent, payout).await,
        Call::TransferReverse { transfer, .. } => reversal(client, &intent, transfer).await,
        Call::AccountOpen { .. } => account(client, &intent, since).await,
        Call::DisputeEvidence { dispute, .. } => told(client, &intent, dispute).await,
        Call::DisputeAccept { dispute } => accepted(client, dispute).await,
    }
}

async fn session(client: &Client, intent: &str, since: Time) -> Result<Option<Outcome>, CallError> {
    let list = ListCheckoutSession::new()
        .created(RangeQueryTs::gte(since.timestamp()))
        .limit(PAGE);
    let found = first(list.paginate().stream(client), |session| {
        is_of(intent, session.metadata.as_ref())
    });
    Ok(found.await?.map(|found| Outcome::Session(facts::session(found))))
}

/// Expiring makes no object: the session itself tells.
async fn expired(client: &Client, session: &str) -> Result<Option<Outcome>, CallError> {
    let session = RetrieveCheckoutSession::new(checked_id(session)?)
        .send(client)
        .await?;
    let session = facts::session(session);
    Ok((session.status == SessionStatus::Expired).then_some(Outcome::Session(session)))
}

/// Telling evidence makes no object: the dispute carries the intent that told it last.
async fn told(client: &Client, intent: &str, dispute: &str) -> Result<Option<Outcome>, CallError> {
    let dispute = RetrieveDispute::new(checked_id(dispute)?).send(client).await?;
    let ours = is_of(intent, Some(&dispute.metadata));
    Ok(ours.then(|| Outcome::Dispute(facts::dispute(dispute))))
}

async fn accepted(client: &Client, dispute: &str) -> Result<Option<Outcome>, CallError> {
    let dispute = RetrieveDispute::new(checked_id(dispute)?).send(client).await?;
    let dispute = facts::dispute(dispute);
    Ok((dispute.status == DisputeStatus::Lost).then_some(Outcome::Dispute(dispute)))
}

async fn refund(client: &Client, intent: &str, charge: &str) -> Result<Option<Outcome>, CallError> {
    let list = ListRefund::new()
        .charge(charge)
        .limit(PAGE)
        .expand(facts::refund_expansion("data."));
    let found = first(list.paginate().stream(client), |refund| {
        is_of(intent, refund.metadata.as_ref())
    });
    Ok(found.await?.map(|found| Outcome::Refund(facts::refund(found))))
}

async fn transfer(client: &Client, intent: &str, payout: &str) -> Result<Option<Outcome>, CallError> {
    let list = ListTransfer::new()
        .transfer_group(payout)
        .limit(PAGE)
        .expand(facts::settled("data.balance_transaction"));
    let found = first(list.paginate().stream(client), |transfer| {
        is_of(intent, Some(&transfer.metadata))
    });
    Ok(found
        .await?
        .map(|found| Outcome::Transfer(facts::transfer(found))))
}

async fn reversal(client: &Client, intent: &str, transfer: &str) -> Result<Option<Outcome>, CallError> {
    let list = ListIdTransferReversal::new(checked_id(transfer)?)
        .limit(PAGE)
        .expand(facts::settled("data.balance_transaction"));
    let found = first(list.paginate().stream(client), |reversal| {
        is_of(intent, reversal.metadata.as_ref())
    });
    Ok(found
        .await?
        .map(|found| Outcome::Reversal(facts::reversal(found))))
}

async fn account(client: &Client, intent: &str, since: Time) -> Result<Option<Outcome>, CallError> {
    let list = ListAccount::new()
        .created(RangeQueryTs::gte(since.timestamp()))
        .limit(PAGE);
    let found = first(list.paginate().stream(client), |account| {
        is_of(intent, account.metadata.as_ref())
    });
    Ok(found.await?.map(|found| Outcome::Account(facts::account(&found))))
}

async fn first<T>(
    mut list: impl Stream<Item = Result<T, Failed>> + Unpin,
    wanted: impl Fn(&T) -> bool,
) -> Result<Option<T>, Failed> {
    while let Some(element) = list.try_next().await? {
        if wanted(&element) {
            return Ok(Some(element));
        }
    }
    Ok(None)
}

fn is_of(intent: &str, metadata: Option<&HashMap<String, String>>) -> bool {
    metadata
        .and_then(|metadata| metadata.get(INTENT))
        .is_some_and(|found| found == intent)
}
