//! Background work: claims due jobs and does them, until told to stop.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;
use vitrine_domain::jobs::{self, Lane};

use crate::boot::Vitrine;
use crate::health;

/// Jobs claimed at once by one lane: they are done one after the other.
const BATCH: u64 = 5;
/// Messages to endpoints under way at once.
const MESSAGES: usize = 64;
/// How often it is seen to that recurring jobs are queued.
const SEE_TO: Duration = Duration::from_secs(60);
/// How often the queue is looked at when nothing woke the worker: other nodes enqueue too.
const LOOK: Duration = Duration::from_millis(500);

/// Works until `stopping`; the jobs under way are finished first. Payments never wait behind an import or behind an endpoint
/// that does not answer, nor one slow call to the outside before another.
pub(crate) async fn run(app: Vitrine, stopping: CancellationToken) {
    let lanes = [Lane::Quick, Lane::Quick, Lane::Long].map(|lane| work(&app, lane, &stopping));
    let lanes = futures::future::join_all(lanes);
    futures::future::join3(lanes, deliver(&app, &stopping), recur(&app, &stopping)).await;
}

/// Sees to it, again and again, that the jobs which come back by themselves do.
async fn recur(app: &Vitrine, stopping: &CancellationToken) {
    while !stopping.is_cancelled() {
        if let Err(error) = jobs::ensure_recurring(&app.context("worker")).await {
            tracing::error!(
                error = format!("{error:#}"),
                "the jobs that come back cannot be queued"
            );
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(SEE_TO) => {}
        }
    }
}

/// Sends messages to endpoints. Whenever one is through the next is begun: nobody's waits for another's receiver.
async fn deliver(app: &Vitrine, stopping: &CancellationToken) {
    let (cx, context) = (app.context("worker"), |name: &str| app.context(name));
    let mut under_way = FuturesUnordered::new();
    while !stopping.is_cancelled() {
        match jobs::begin_outward(&cx, room(under_way.len()), &context).await {
            Ok(begun) => {
                counted(begun.len());
                under_way.extend(begun);
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "the job queue cannot be read"),
        }
        tokio::select! {
            Some(outcome) = under_way.next() => told(outcome),
            () = idle(app, stopping) => {}
        }
    }
    while let Some(outcome) = under_way.next().await {
        told(outcome);
    }
}

fn room(under_way: usize) -> u64 {
    u64::try_from(MESSAGES.saturating_sub(under_way)).unwrap_or(0)
}

fn told(outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(
            error = format!("{error:#}"),
            "what became of a job cannot be recorded"
        );
    }
}

async fn work(app: &Vitrine, lane: Lane, stopping: &CancellationToken) {
    while !stopping.is_cancelled() {
        match batch(app, lane, &|| stopping.is_cancelled()).await {
            Ok(0) => idle(app, stopping).await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the job queue cannot be read");
                idle(app, stopping).await;
            }
        }
    }
}

/// Does everything that is due now, and what that makes due. For the demo and tests, whose clocks stand still meanwhile.
/// Returns how many jobs were begun.
///
/// # Errors
/// When the database fails.
pub async fn settle(app: &Vitrine) -> anyhow::Result<usize> {
    let mut begun = 0;
    loop {
        let mut some = 0;
        for lane in Lane::ALL {
            some += batch(app, lane, &|| false).await?;
        }
        match some {
            0 => return Ok(begun),
            some => begun += some,
        }
    }
}

async fn batch(app: &Vitrine, lane: Lane, stopping: &(dyn Fn() -> bool + Sync)) -> anyhow::Result<usize> {
    let (cx, context) = (app.context("worker"), |name: &str| app.context(name));
    let limit = match lane {
        Lane::Outward => room(0),
        Lane::Quick | Lane::Long => BATCH,
    };
    let begun = jobs::run_due(&cx, lane, limit, &context, stopping).await?;
    counted(begun);
    Ok(begun)
}

fn counted(begun: usize) {
    metrics::counter!(health::JOBS).increment(u64::try_from(begun).unwrap_or(0));
}

async fn idle(app: &Vitrine, stopping: &CancellationToken) {
    tokio::select! {
        () = stopping.cancelled() => {}
        () = app.wake.notified() => {}
        () = tokio::time::sleep(LOOK) => {}
    }
}
