//! The clock, and how long things take by it.

use super::{Sandbox, answer, bad, parse};
use crate::clock::{ClockMode, rfc3339};
use crate::settings::Settings;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::response::Response;
use chrono::{DateTime, Duration, Utc};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `GET /_sandbox/clock`
pub(super) async fn show(Extract(shared): Sandbox) -> Json<Value> {
    Json(shared.with(|state, now| clock_object(state.clock, now)))
}

/// `POST /_sandbox/clock`
pub(super) async fn advance(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        now: Option<DateTime<Utc>>,
        advance_seconds: Option<i64>,
    }
    let outcome = parse::<Asked>(&headers, &body).and_then(|asked| {
        shared.change(|state, _| {
            let ClockMode::Manual(current) = state.clock else {
                return Err(bad("this sandbox runs on the machine's clock"));
            };
            let target = match (asked.now, asked.advance_seconds) {
                (Some(target), None) => Some(target),
                (None, Some(seconds)) => {
                    Duration::try_seconds(seconds).and_then(|step| current.checked_add_signed(step))
                }
                _ => None,
            };
            let target = target.ok_or_else(|| bad("give either `now` (RFC 3339) or `advance_seconds`"))?;
            if target < current {
                return Err(bad("time never runs backwards"));
            }
            state.clock = ClockMode::Manual(target);
            state.keys.expire(target.timestamp());
            crate::time::pass(state, target.timestamp());
            Ok(clock_object(state.clock, target.timestamp()))
        })
    });
    answer(&headers, outcome)
}

/// `GET /_sandbox/settings`
pub(super) async fn settings(Extract(shared): Sandbox) -> Json<Settings> {
    Json(shared.with(|state, _| state.settings.clone()))
}

/// `POST /_sandbox/settings`: what is not named stays as it is.
pub(super) async fn change_settings(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = parse::<Map<String, Value>>(&headers, &body).and_then(|asked| {
        shared.change(|state, _| {
            state.settings = state.settings.with(asked).map_err(|error| bad(&error))?;
            Ok(json!(state.settings))
        })
    });
    answer(&headers, outcome)
}

fn clock_object(mode: ClockMode, now: i64) -> Value {
    json!({"now": rfc3339(now), "unix": now, "mode": if mode == ClockMode::System { "system" } else { "manual" }})
}
