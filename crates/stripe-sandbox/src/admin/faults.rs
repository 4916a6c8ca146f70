//! Faults, and the memory of idempotency keys.

use super::{Sandbox, answer, bad, parse, parse_or_default};
use crate::faults::Fault;
use crate::routes;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

/// `POST /_sandbox/faults`
pub(super) async fn add(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = parse::<Fault>(&headers, &body).and_then(|fault| {
        if !(400..600).contains(&fault.status) || fault.times == 0 {
            return Err(bad("`status` must be 400 to 599, and `times` at least 1"));
        }
        if let Some(route) = fault
            .matching
            .route
            .as_deref()
            .filter(|route| !routes::exists(route))
        {
            return Err(bad(&format!(
                "route: this sandbox has none that is written {route}"
            )));
        }
        shared.change(|state, _| state.faults.push(fault.clone()));
        Ok(json!(fault))
    });
    answer(&headers, outcome)
}

/// `GET /_sandbox/faults`: those that still have requests to strike.
pub(super) async fn list(Extract(shared): Sandbox) -> Json<Value> {
    Json(shared.with(|state, _| json!({"faults": state.faults})))
}

/// `DELETE /_sandbox/faults`
pub(super) async fn clear(Extract(shared): Sandbox, headers: HeaderMap) -> Response {
    let cleared = shared.change(|state, _| std::mem::take(&mut state.faults).len());
    answer(&headers, Ok(json!({"cleared": cleared})))
}

/// `POST /_sandbox/idempotency/forget`: one key, or all of them.
pub(super) async fn forget_keys(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        key: Option<String>,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).map(|asked| {
        let forgotten = shared.change(|state, _| match &asked.key {
            Some(key) => state.keys.forget_one(key),
            None => state.keys.forget(),
        });
        json!({"forgotten": forgotten})
    });
    answer(&headers, outcome)
}
