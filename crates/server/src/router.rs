//! Every way in, and every layer a request passes, in order.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;
use vitrine_graphql::code;

use crate::boot::Vitrine;
use crate::{assets, cookies, graphql, health, limits, referral, request, uploads, webhooks};

/// Longest a request may take; uploads are streamed outside it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The routes, with those of `beside` among them. Layers wrap what stands above them: the last one sees a request first.
pub(crate) fn router(app: Vitrine, beside: Router<Vitrine>) -> Router {
    health::recorder();
    let held = || middleware::from_fn_with_state(app.clone(), limits::hold);
    Router::new()
        .route("/", get(assets::front))
        .route("/graphql", get(graphql::handle).post(graphql::handle))
        .route("/graphiql", get(assets::graphiql))
        .route("/graphiql/cast.json", get(assets::cast))
        .route("/graphiql/{file}", get(assets::file))
        .route("/r/{code}", get(referral::follow).layer(held()))
        .route("/webhooks/stripe", post(webhooks::stripe))
        .layer(middleware::from_fn_with_state(PATIENCE, in_time))
        .route("/uploads/{import}", put(uploads::receive).layer(held()))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors(&app))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(beside)
        .layer(middleware::from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

/// Browsers may call from the configured frontends, and in development from anywhere on this machine.
fn cors(app: &Vitrine) -> CorsLayer {
    let ours = app.clone();
    let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, _| {
        origin
            .to_str()
            .is_ok_and(|origin| cookies::is_ours(&ours, origin))
    });
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("vitrine-guest"),
            HeaderName::from_static(request::REQUEST_ID),
        ])
        .expose_headers([
            HeaderName::from_static(request::REQUEST_ID),
            limits::RATE_LIMIT,
            limits::RATE_LIMIT_POLICY,
            header::RETRY_AFTER,
        ])
        .max_age(Duration::from_secs(3600))
}

/// Gives up a request that takes too long: what it began is broken off, and who asked is told so.
async fn in_time(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    let id = request.headers().get(request::REQUEST_ID).cloned();
    if let Ok(response) = tokio::time::timeout(patience, next.run(request)).await {
        return response;
    }
    tracing::warn!("a request took too long");
    let id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
    let message = "the request took too long and was given up: ask for less, or try again, under the same idempotency key if it has one";
    let body = vitrine_graphql::fault_body(code::TIMEOUT, message, id);
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::GATEWAY_TIMEOUT, headers, body).into_response()
}

/// A panic is a fault of ours: logged whole, told without detail.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no message"), "a request panicked");
    let body = vitrine_graphql::error_body(code::INTERNAL, "something broke on our side");
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (StatusCode::INTERNAL_SERVER_ERROR, json, body).into_response()
}

/// Names the request, logs it, counts it. Addresses and bodies stay out of the log.
async fn observe(State(app): State<Vitrine>, mut request: Request, next: Next) -> Response {
    let id = request::name(&app, request.headers());
    let Ok(value) = HeaderValue::from_str(&id) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    request.headers_mut().insert(request::REQUEST_ID, value.clone());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str())
        .to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id, %method, route);
    let started = tokio::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(request::REQUEST_ID, value);
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    span.in_scope(|| tracing::debug!(status, ?elapsed, "answered"));
    metrics::counter!(health::REQUESTS, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!(health::REQUEST_SECONDS, "route" => route).record(elapsed);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_told_so_with_its_code_and_id() {
        let routes = Router::<()>::new()
            .route("/graphql", post(std::future::pending::<()>))
            .layer(middleware::from_fn_with_state(Duration::from_millis(1), in_time));
        let request = Request::post("/graphql").header(request::REQUEST_ID, "request-1");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/json; charset=utf-8"
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let error = &body["errors"][0];
        assert_eq!(
            error["extensions"],
            serde_json::json!({ "code": "TIMEOUT", "requestId": "request-1" })
        );
        assert!(
            error["message"].as_str().unwrap().contains("took too long"),
            "{body}"
        );
        assert!(body.get("data").is_none());
    }
}
