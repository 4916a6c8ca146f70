//! Rate limits as clients read them: the header fields of <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vitrine_domain::identity::{By, Viewer};
use vitrine_domain::throttle::{Exceeded, Meter, Standing, WINDOW};

use crate::boot::Vitrine;
use crate::request;

/// Points that following a link costs, or handing a file in: half of what the smallest query costs, for many people may
/// share one address.
const VISIT: u32 = 50;

/// What is left of each limit, and when there is more.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The limits that hold.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// From now on counts for whoever asks too, and takes from her what any request costs.
///
/// # Errors
/// When she has not that much left.
pub(crate) async fn count(meter: &mut Meter, viewer: &Viewer) -> Result<(), Exceeded> {
    match viewer.by() {
        Some(By::Account { id, .. }) => meter.of_account(id).await,
        Some(By::ApiKey { id, .. }) => meter.of_api_key(id).await,
        None => Ok(()),
    }
}

/// Writes how the client stands into its answer; nothing where nothing is limited.
pub(crate) fn tell(meter: &Meter, headers: &mut HeaderMap) {
    let standings = meter.standings();
    let policy = |standing: &Standing| {
        let Standing { policy, limit, .. } = standing;
        format!("\"{policy}\";q={limit};qu=\"points\";w={WINDOW}")
    };
    let left = |standing: &Standing| {
        let Standing {
            policy,
            remaining,
            resets_in,
            ..
        } = standing;
        format!("\"{policy}\";r={remaining};t={resets_in}")
    };
    insert(headers, RATE_LIMIT_POLICY, standings.iter().map(policy).collect());
    insert(headers, RATE_LIMIT, standings.iter().map(left).collect());
}

/// Holds whoever asks for something that is no query to the limit of her address.
pub(crate) async fn hold(
    State(app): State<Vitrine>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let cx = request::context(&app, request.headers());
    let address = request::address(&app, request.headers(), peer);
    let meter = Meter::new(app.throttle.clone(), cx, address);
    let mut response = match meter.take(VISIT).await {
        Ok(()) => next.run(request).await,
        Err(exceeded) => too_many(exceeded),
    };
    tell(&meter, response.headers_mut());
    response
}

fn too_many(exceeded: Exceeded) -> Response {
    let after = [(header::RETRY_AFTER, exceeded.retry_after)];
    (StatusCode::TOO_MANY_REQUESTS, after, format!("{exceeded}\n")).into_response()
}

fn insert(headers: &mut HeaderMap, name: HeaderName, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    // Names of our own and digits: always a header's value.
    if let Ok(value) = HeaderValue::from_str(&items.join(", ")) {
        headers.insert(name, value);
    }
}
