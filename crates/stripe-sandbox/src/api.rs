//! `/v1`: every request goes the same way: authenticate, find the route, strike faults, claim the idempotency key, run the
//! operation, expand the answer.

use crate::error::StripeError;
use crate::faults::{self, Fault, Kind};
use crate::idempotency::Answer;
use crate::resources::account;
use crate::routes::{self, Route};
use crate::server::Shared;
use crate::state::{API_VERSION, Call, Cause, Scope, State};
use crate::{expand, form, spec};
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// A request that is authenticated and has a route.
struct Request {
    id: String,
    method: String,
    path: String,
    route: &'static Route,
    captures: Vec<String>,
    raw: Map<String, Value>,
    scope: Scope,
    key: Option<String>,
}

/// What goes over the wire.
struct Sent {
    answer: Answer,
    replayed: bool,
    key: Option<String>,
}

/// Answers one API request.
pub(crate) async fn handle(
    Extract(shared): Extract<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let worker = Arc::clone(&shared);
    let version = header_text(&headers, "stripe-version").unwrap_or_else(|| API_VERSION.to_owned());
    // A client that hangs up must not cut an operation, nor the settling of its key, in two.
    let work = shared
        .tasks
        .spawn(async move { answer(&worker, &method, &uri, &headers, &body).await });
    match work.await {
        Ok(Some(sent)) => respond(sent, &version),
        // The connection ends without an answer: unwinding the connection's own task does just that, quietly.
        Ok(None) => {
            std::panic::resume_unwind(Box::new("the sandbox dropped this connection, as it was told to"))
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Sent> {
    let id = shared.with(|state, _| state.new_id("req"));
    let key = header_text(headers, "idempotency-key").filter(|_| method == Method::POST);
    let refuse = |error: StripeError| {
        Some(Sent {
            answer: refusal(&error, &id),
            replayed: false,
            key: key.clone(),
        })
    };
    let request = match read(shared, &id, method, uri, headers, body, key.clone()) {
        Ok(request) => request,
        Err(error) => return refuse(error),
    };
    let fault = shared.with(|state, _| {
        faults::strike(
            &mut state.faults,
            &request.method,
            &request.path,
            request.route.name,
        )
    });
    let Some(fault) = fault else {
        return Some(execute(shared, &request, None));
    };
    match fault.kind {
        Kind::FailBefore => refuse(StripeError::api(fault.status)),
        Kind::FailAfter => Some(execute(shared, &request, Some(&fault))),
        Kind::RateLimit => refuse(StripeError::rate_limit()),
        Kind::Conflict => refuse(crate::idempotency::in_use(key.as_deref().unwrap_or_default())),
        Kind::Slow => slowly(shared, &request, &fault).await,
        Kind::DropConnection => None,
        Kind::DropConnectionAfter => {
            execute(shared, &request, None);
            None
        }
        Kind::Timeout => {
            execute(shared, &request, None);
            hold(shared, &fault).await;
            None
        }
        Kind::TimeoutBefore => {
            hold(shared, &fault).await;
            None
        }
    }
}

/// Authenticates the request and finds its route.
fn read(
    shared: &Shared,
    id: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    key: Option<String>,
) -> Result<Request, StripeError> {
    authenticate(headers, &shared.secret_key)?;
    let (method, path) = (method.as_str(), uri.path());
    let (route, captures) = routes::find(method, path).ok_or_else(|| {
        StripeError::invalid(format!(
            "Unrecognized request URL ({method}: {path}). This sandbox simulates a part of Stripe: see its dashboard."
        ))
        .status(404)
    })?;
    let scope = header_text(headers, "stripe-account");
    if let Some(account) = &scope {
        shared.with(|state, _| account::check_connected(state, account))?;
    }
    let mut raw = form::decode(uri.query().unwrap_or_default().as_bytes())?;
    if method == "POST" {
        raw.extend(form::decode(body)?);
    }
    let (id, method, path) = (id.to_owned(), method.to_owned(), path.to_owned());
    Ok(Request {
        id,
        method,
        path,
        route,
        captures,
        raw,
        scope,
        key,
    })
}

/// Runs the request in one go: nothing comes between the claim of its key and the keeping of its answer.
fn execute(shared: &Shared, request: &Request, fail_after: Option<&Fault>) -> Sent {
    let step = |state: &mut State, now: i64| match claim(state, now, request) {
        Ok(None) => perform(state, now, request, fail_after),
        Ok(Some(answer)) => Sent {
            answer,
            replayed: true,
            key: request.key.clone(),
        },
        Err(error) => Sent {
            answer: refusal(&error, &request.id),
            replayed: false,
            key: request.key.clone(),
        },
    };
    if request.method == "GET" {
        shared.with(step)
    } else {
        shared.change(step)
    }
}

/// Claims the key, waits, then runs: whoever comes meanwhile with the same key gets 409.
async fn slowly(shared: &Shared, request: &Request, fault: &Fault) -> Option<Sent> {
    match shared.change(|state, now| claim(state, now, request)) {
        Ok(None) => {}
        Ok(Some(answer)) => {
            return Some(Sent {
                answer,
                replayed: true,
                key: request.key.clone(),
            });
        }
        Err(error) => {
            return Some(Sent {
                answer: refusal(&error, &request.id),
                replayed: false,
                key: request.key.clone(),
            });
        }
    }
    hold(shared, fault).await;
    Some(shared.change(|state, now| perform(state, now, request, None)))
}

async fn hold(shared: &Shared, fault: &Fault) {
    tokio::select! {
        () = shared.stopping.cancelled() => {}
        () = tokio::time::sleep(fault.pause()) => {}
    }
}

fn claim(state: &mut State, now: i64, request: &Request) -> Result<Option<Answer>, StripeError> {
    match &request.key {
        Some(key) => state.keys.claim(now, &request.scope, key, &fingerprint(request)),
        None => Ok(None),
    }
}

fn perform(state: &mut State, now: i64, request: &Request, fail_after: Option<&Fault>) -> Sent {
    let mut began = false;
    let mut answer = match run(state, now, request, &mut began) {
        Ok(body) => Answer {
            status: 200,
            body,
            request_id: request.id.clone(),
        },
        Err(error) => refusal(&error, &request.id),
    };
    if let Some(fault) = fail_after {
        answer = refusal(&StripeError::api(fault.status), &request.id);
    }
    // As at Stripe, a request that was refused before it began to execute leaves its key unused.
    match &request.key {
        Some(key) if began || fail_after.is_some() => state.keys.settle(&request.scope, key, &answer),
        Some(key) => state.keys.release(&request.scope, key),
        None => {}
    }
    Sent {
        answer,
        replayed: false,
        key: request.key.clone(),
    }
}

fn run(state: &mut State, now: i64, request: &Request, began: &mut bool) -> Result<Value, StripeError> {
    let params = spec::validate(request.route.name, &request.raw)?;
    let paths = params.get("expand").cloned().unwrap_or_default();
    expand::check(&paths)?;
    let call = Call {
        now,
        scope: request.scope.clone(),
        path: request.captures.clone(),
        params,
    };
    *began = true;
    state.cause = Cause {
        request: Some(request.id.clone()),
        idempotency_key: request.key.clone(),
    };
    let outcome = (request.route.operation)(state, &call);
    state.cause = Cause::default();
    let mut body = outcome?;
    let plain = body.clone();
    match expand::expand(state, &mut body, &paths) {
        Ok(()) => Ok(body),
        Err(error) if request.method == "GET" => Err(error),
        // What was asked for is done: the answer must not say otherwise.
        Err(_) => Ok(plain),
    }
}

/// `Bearer sk_test_…`, or `Basic` with the key as the user's name.
fn authenticate(headers: &HeaderMap, secret_key: &str) -> Result<(), StripeError> {
    let given = header_text(headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
    let key = match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("basic") => {
            let decoded = base64::engine::general_purpose::STANDARD
                .decode(token.trim())
                .unwrap_or_default();
            let decoded = String::from_utf8(decoded).unwrap_or_default();
            decoded.split(':').next().unwrap_or_default().to_owned()
        }
        _ => {
            return Err(StripeError::unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                 Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            ));
        }
    };
    if bool::from(key.as_bytes().ct_eq(secret_key.as_bytes())) {
        return Ok(());
    }
    let shown: String = key.chars().take(8).collect();
    Err(StripeError::unauthorized(format!(
        "Invalid API Key provided: {shown}***"
    )))
}

/// What must be the same when a key is used again.
fn fingerprint(request: &Request) -> String {
    let parameters = Value::Object(request.raw.clone());
    hex::encode(Sha256::digest(format!(
        "{} {} {parameters}",
        request.method, request.path
    )))
}

fn refusal(error: &StripeError, request_id: &str) -> Answer {
    Answer {
        status: error.status,
        body: error.body(),
        request_id: request_id.to_owned(),
    }
}

fn respond(sent: Sent, version: &str) -> Response {
    let Sent {
        answer,
        replayed,
        key,
    } = sent;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec_pretty(&answer.body).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    put(headers, "request-id", &answer.request_id);
    put(headers, "stripe-version", version);
    if let Some(key) = &key {
        put(headers, "idempotency-key", key);
    }
    if replayed {
        put(headers, "idempotent-replayed", "true");
        put(headers, "original-request", &answer.request_id);
    }
    if matches!(answer.status, 409 | 429) {
        put(headers, "stripe-should-retry", "true");
    }
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
