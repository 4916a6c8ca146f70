//! Stripe's lists, page by page, the newest first: for whoever looks for what no event told.

use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_connect::transfer::ListTransfer;
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_core::dispute::ListDispute;
use stripe_core::refund::ListRefund;
use stripe_types::{List, RangeQueryTs};
use vitrine_domain::ports::{
    BalanceTransactionFacts, CallError, DisputeFacts, Listed, RefundFacts, SessionFacts, TransferFacts,
};
use vitrine_model::Time;

use crate::client::Client;
use crate::facts;

/// Elements of one page: Stripe's largest.
const PAGE: i64 = 100;

pub(crate) async fn movements(
    client: &Client,
    since: Time,
    after: Option<&str>,
) -> Result<Listed<BalanceTransactionFacts>, CallError> {
    let mut list = ListBalanceTransaction::new().created(made(since)).limit(PAGE);
    if let Some(after) = after {
        list = list.starting_after(after);
    }
    let page = list.send(client).await?;
    let next = next(&page, page.data.last().map(|last| last.id.to_string()));
    let rows = page.data.into_iter().filter_map(facts::movement).collect();
    Ok(Listed { rows, next })
}

pub(crate) async fn sessions(
    client: &Client,
    since: Time,
    after: Option<&str>,
) -> Result<Listed<SessionFacts>, CallError> {
    let mut list = ListCheckoutSession::new().created(made(since)).limit(PAGE);
    if let Some(after) = after {
        list = list.starting_after(after);
    }
    let page = list.send(client).await?;
    let next = next(&page, page.data.last().map(|last| last.id.to_string()));
    let rows = page.data.into_iter().map(facts::session).collect();
    Ok(Listed { rows, next })
}

pub(crate) async fn refunds(
    client: &Client,
    since: Time,
    after: Option<&str>,
) -> Result<Listed<RefundFacts>, CallError> {
    let mut list = ListRefund::new()
        .created(made(since))
        .limit(PAGE)
        .expand(facts::refund_expansion("data."));
    if let Some(after) = after {
        list = list.starting_after(after);
    }
    let page = list.send(client).await?;
    let next = next(&page, page.data.last().map(|last| last.id.to_string()));
    let rows = page.data.into_iter().map(facts::refund).collect();
    Ok(Listed { rows, next })
}

pub(crate) async fn transfers(
    client: &Client,
    since: Time,
    after: Option<&str>,
) -> Result<Listed<TransferFacts>, CallError> {
    let mut list = ListTransfer::new()
        .created(made(since))
        .limit(PAGE)
        .expand(facts::settled("data.balance_transaction"));
    if let Some(after) = after {
        list = list.starting_after(after);
    }
    let page = list.send(client).await?;
    let next = next(&page, page.data.last().map(|last| last.id.to_string()));
    let rows = page.data.into_iter().map(facts::transfer).collect();
    Ok(Listed { rows, next })
}

pub(crate) async fn disputes(
    client: &Client,
    since: Time,
    after: Option<&str>,
) -> Result<Listed<DisputeFacts>, CallError> {
    let mut list = ListDispute::new().created(made(since)).limit(PAGE);
    if let Some(after) = after {
        list = list.starting_after(after);
    }
    let page = list.send(client).await?;
    let next = next(&page, page.data.last().map(|last| last.id.to_string()));
    let rows = page.data.into_iter().map(facts::dispute).collect();
    Ok(Listed { rows, next })
}

fn made(since: Time) -> RangeQueryTs {
    RangeQueryTs::gte(since.timestamp())
}

/// Where the next page begins, if Stripe says that there is one.
fn next<T>(page: &List<T>, last: Option<String>) -> Option<String> {
    last.filter(|_| page.has_more)
}
