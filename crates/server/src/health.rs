//! Whether the process lives, whether it can serve, and what it has counted.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vitrine_domain::jobs;

use crate::boot::Vitrine;
use crate::config::Config;

/// Requests served, by route and status.
pub(crate) const REQUESTS: &str = "vitrine_http_requests_total";
/// How long they took.
pub(crate) const REQUEST_SECONDS: &str = "vitrine_http_request_seconds";
/// Jobs begun.
pub(crate) const JOBS: &str = "vitrine_jobs_begun_total";
/// Jobs that wait, or are being done.
const JOBS_QUEUED: &str = "vitrine_jobs_queued";
/// Those due for more than a minute that nobody works at.
const JOBS_OVERDUE: &str = "vitrine_jobs_overdue";
/// Jobs laid aside.
const JOBS_DEAD: &str = "vitrine_jobs_dead";
/// What does not agree with the payment provider.
const DIFFERENCES: &str = "vitrine_reconciliation_differences";
/// For how long the oldest of it has not.
const OLDEST_DIFFERENCE: &str = "vitrine_reconciliation_oldest_difference_seconds";

/// Upper bounds of the histogram's buckets, in seconds; the last is the longest that a request may take.
const BUCKETS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// How often what was measured is summed up: until then every measurement takes memory.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// `GET /healthz`: the process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers too.
pub(crate) async fn ready(State(app): State<Vitrine>) -> (StatusCode, &'static str) {
    let error = match tokio::time::timeout(PATIENCE, app.platform.db.ping()).await {
        Ok(Ok(())) => return (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "the database takes too long".to_owned(),
    };
    tracing::warn!(error, "not ready");
    (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
}

/// The route of the metrics.
pub(crate) fn metrics_route<S: Clone + Send + Sync + 'static>(app: &Vitrine) -> Router<S> {
    recorder();
    let app = app.clone();
    Router::new().route("/metrics", get(move || metrics(app.clone())))
}

/// Where the metrics are served, if they have an address of their own.
///
/// # Errors
/// When nothing can listen there.
pub(crate) async fn metrics_listener(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = config.metrics_listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).with_context(|| {
        format!("cannot listen on {address}: let VITRINE_METRICS_LISTEN name an address of this machine whose port is free")
    })
}

/// `GET /metrics`, in Prometheus' text format.
async fn metrics(app: Vitrine) -> ([(HeaderName, &'static str); 1], String) {
    if let Err(error) = measure_differences(&app).await {
        tracing::warn!(error = format!("{error:#}"), "the differences cannot be counted");
    }
    if let Err(error) = measure_jobs(&app).await {
        tracing::warn!(error = format!("{error:#}"), "the jobs cannot be counted");
    }
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

/// Differences stand in the database, whichever node found them: they are counted when somebody asks.
async fn measure_differences(app: &Vitrine) -> anyhow::Result<()> {
    let cx = app.context("metrics");
    let counted = tokio::time::timeout(PATIENCE, vitrine_domain::reconcile::tally(cx.db())).await?;
    let (count, oldest) = counted?;
    let seconds = oldest.map_or(0, |oldest| (cx.now() - oldest).num_seconds().max(0));
    gauge!(DIFFERENCES).set(number(count));
    gauge!(OLDEST_DIFFERENCE).set(f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)));
    Ok(())
}

/// So is the queue.
async fn measure_jobs(app: &Vitrine) -> anyhow::Result<()> {
    let cx = app.context("metrics");
    let counted = tokio::time::timeout(PATIENCE, jobs::tally(&cx)).await??;
    gauge!(JOBS_QUEUED).set(number(counted.queued));
    gauge!(JOBS_OVERDUE).set(number(counted.overdue));
    gauge!(JOBS_DEAD).set(number(counted.dead));
    Ok(())
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Sums up what was measured, again and again, whether or not anybody asks for it.
pub(crate) async fn upkeep(stopping: CancellationToken) {
    let Some(recorder) = recorder() else { return };
    while stopping
        .run_until_cancelled(tokio::time::sleep(UPKEEP))
        .await
        .is_some()
    {
        recorder.run_upkeep();
    }
}

/// Installs the recorder once a process, however many servers it runs.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?;
    let handle = builder.install_recorder().ok()?;
    describe_counter!(REQUESTS, "Requests served, by route and status.");
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "How long requests took, by route."
    );
    describe_counter!(JOBS, "Background jobs begun.");
    describe_gauge!(
        JOBS_QUEUED,
        "Background jobs that wait for their time, or are being done."
    );
    describe_gauge!(
        JOBS_OVERDUE,
        "Of these, due for more than a minute with nobody working at them."
    );
    describe_gauge!(
        JOBS_DEAD,
        "Background jobs that failed too often and need a person: `vitrine jobs`."
    );
    describe_gauge!(DIFFERENCES, "What does not agree between the books and Stripe.");
    describe_gauge!(
        OLDEST_DIFFERENCE,
        Unit::Seconds,
        "For how long the oldest of it has not agreed."
    );
    Some(handle)
}
