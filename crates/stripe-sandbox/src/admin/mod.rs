//! `/_sandbox`: what a test, a demo or a curious person does to the sandbox itself. JSON; from a browser's form, the same
//! fields as text, and back to the dashboard.

mod books;
mod clock;
mod deliveries;
mod faults;
mod money;
mod people;
mod table;

pub(crate) use table::ROUTES;

use crate::error::StripeError;
use crate::form;
use crate::server::Shared;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

type Sandbox = Extract<Arc<Shared>>;

/// An answer of an admin route: an object, or a status and a sentence.
type Outcome = Result<Value, (StatusCode, String)>;

/// The admin routes.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/clock", get(clock::show).post(clock::advance))
        .route(
            "/_sandbox/settings",
            get(clock::settings).post(clock::change_settings),
        )
        .route("/_sandbox/settle", post(deliveries::settle))
        .route("/_sandbox/webhook", post(deliveries::set_webhook))
        .route("/_sandbox/events", get(deliveries::events))
        .route("/_sandbox/events/{id}/{action}", post(deliveries::event_action))
        .route("/_sandbox/deliveries", post(deliveries::set_mode))
        .route("/_sandbox/deliveries/release", post(deliveries::release))
        .route(
            "/_sandbox/faults",
            get(faults::list).post(faults::add).delete(faults::clear),
        )
        .route("/_sandbox/faults/clear", post(faults::clear))
        .route("/_sandbox/idempotency/forget", post(faults::forget_keys))
        .route("/_sandbox/accounts/{id}/{verb}", post(people::change_account))
        .route("/_sandbox/sessions/{id}/{verb}", post(people::change_session))
        .route("/_sandbox/charges/{id}/dispute", post(money::open_dispute))
        .route("/_sandbox/charges/{id}/refunds", post(money::plan_refunds))
        .route(
            "/_sandbox/charges/{id}/balance_transaction",
            post(money::apply_balance_transaction),
        )
        .route("/_sandbox/disputes/{id}/decide", post(money::decide_dispute))
        .route("/_sandbox/refunds/{id}/{verb}", post(money::change_refund))
        .route("/_sandbox/payouts/{id}/fail", post(money::fail_payout))
        .route("/_sandbox/balance_transactions", post(money::add_transaction))
        .route("/_sandbox/books", get(books::show))
        .route("/_sandbox/{*rest}", get(unknown).post(unknown).delete(unknown))
}

/// Everything else under `/_sandbox`.
async fn unknown() -> Response {
    let message = "no such admin route: they are listed on /dashboard";
    (StatusCode::NOT_FOUND, Json(json!({"error": message}))).into_response()
}

/// A whole number, also as a browser's form sends it.
#[derive(Debug, Clone, Copy)]
struct Number(i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a whole number"))
    }
}

/// An answer to which Stripe's own rules apply: their refusals, with their status and words.
fn told(outcome: Result<Value, StripeError>) -> Outcome {
    outcome.map_err(|error| {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, error.message().to_owned())
    })
}

fn found(object: Value, id: &str) -> Outcome {
    if object.is_null() {
        Err((StatusCode::NOT_FOUND, format!("no such object: {id}")))
    } else {
        Ok(object)
    }
}

fn bad(message: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, message.to_owned())
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, (StatusCode, String)> {
    let read = if is_form(headers) {
        let fields = form::decode(body).map_err(|error| bad(error.message()))?;
        serde_json::from_value(Value::Object(fields))
    } else {
        serde_json::from_slice(body)
    };
    read.map_err(|error| bad(&error.to_string()))
}

/// A body may be left out.
fn parse_or_default<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, (StatusCode, String)> {
    if body.is_empty() {
        Ok(T::default())
    } else {
        parse(headers, body)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// A switch, also as a browser's form sends it.
#[derive(Debug, Clone, Copy)]
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(flag) => Ok(Self(flag)),
            Value::String(text) if text == "true" || text == "false" => Ok(Self(text == "true")),
            _ => Err(serde::de::Error::custom("neither true nor false")),
        }
    }
}

fn no_verb(verbs: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("it must end in {verbs}"))
}

fn answer<T: Serialize>(headers: &HeaderMap, outcome: Result<T, (StatusCode, String)>) -> Response {
    match outcome {
        Ok(_) if is_form(headers) => Redirect::to("/dashboard").into_response(),
        Ok(object) => Json(object).into_response(),
        Err((status, message)) => (status, Json(json!({ "error": message }))).into_response(),
    }
}
