//! `/_sandbox`: what a test, a demo or a curious person does to the sandbox itself. JSON; from a browser's form, the same
//! fields as text, and back to the dashboard.

use crate::clock::{ClockMode, rfc3339};
use crate::delivery;
use crate::faults::Fault;
use crate::form;
use crate::resources::account::{self, Standing};
use crate::resources::{charge, refund};
use crate::server::Shared;
use crate::state::{Row, Settings, State, text};
use crate::webhooks::{self, Delivery, Mode, Target};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Duration, Utc};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

type Sandbox = Extract<Arc<Shared>>;

/// An answer of an admin route: an object, or a status and a sentence.
type Outcome = Result<Value, (StatusCode, String)>;

/// `GET /_sandbox/clock`
pub(crate) async fn clock(Extract(shared): Sandbox) -> Json<Value> {
    Json(shared.with(|state, now| clock_object(state.clock, now)))
}

/// `POST /_sandbox/clock`
pub(crate) async fn move_clock(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
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

/// `POST /_sandbox/settle`: returns when nothing that is due is left to deliver.
pub(crate) async fn settle(Extract(shared): Sandbox, headers: HeaderMap) -> Response {
    delivery::deliver_due(&shared).await;
    let tally = shared.with(|state, _| {
        let tally = std::mem::take(&mut state.webhooks.tally);
        let (pending, held) = state.webhooks.waiting();
        json!({"delivered": tally.delivered, "failed": tally.failed, "pending": pending + held, "held": held})
    });
    answer(&headers, Ok(tally))
}

/// `POST /_sandbox/webhook`
pub(crate) async fn set_webhook(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = parse::<Target>(&headers, &body).and_then(|target| {
        url::Url::parse(&target.url).map_err(|error| bad(&format!("url: {error}")))?;
        shared.change(|state, _| state.webhooks.target = Some(target.clone()));
        Ok(json!({"url": target.url}))
    });
    answer(&headers, outcome)
}

/// `GET /_sandbox/events`: oldest first, with their deliveries.
pub(crate) async fn events(Extract(shared): Sandbox) -> Json<Value> {
    Json(shared.with(|state, _| {
        let mut deliveries: HashMap<&str, Vec<&Delivery>> = HashMap::new();
        for delivery in &state.webhooks.deliveries {
            deliveries.entry(&delivery.event).or_default().push(delivery);
        }
        let events: Vec<_> = state
            .rows("event")
            .rev()
            .map(|row| with_deliveries(row, &deliveries))
            .collect();
        json!({ "mode": state.webhooks.mode, "events": events })
    }))
}

/// `POST /_sandbox/events/{id}/resend|duplicate|delay`
pub(crate) async fn event_action(
    Extract(shared): Sandbox,
    Path((id, action)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        seconds: Option<Number>,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).and_then(|asked| {
        shared.change(|state, now| {
            let row = state.row(&id).filter(|row| text(&row.value, "object") == "event");
            let row = row.ok_or_else(|| (StatusCode::NOT_FOUND, format!("no event {id}")))?;
            let listeners = webhooks::listeners(state, &row.scope.clone(), text(&row.value, "type"));
            let seconds = asked.seconds.map_or(3_600, |Number(seconds)| seconds.max(0));
            let (due, copies) = match action.as_str() {
                "resend" => (now, 1),
                "duplicate" => (now, 2),
                "delay" if state.webhooks.delay(&id, now + seconds) => (now, 0),
                "delay" => (now + seconds, 1),
                _ => return Err((StatusCode::NOT_FOUND, "resend, duplicate or delay".to_owned())),
            };
            for endpoint in &listeners {
                for _ in 0..copies {
                    state.webhooks.owe(&id, endpoint, due, Mode::Normal);
                }
            }
            Ok(json!({"id": id, "deliveries": listeners.len() * copies}))
        })
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/deliveries`
pub(crate) async fn set_mode(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        mode: Mode,
    }
    let outcome = parse::<Asked>(&headers, &body).map(|asked| {
        shared.change(|state, _| state.webhooks.mode = asked.mode);
        json!({"mode": asked.mode})
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/deliveries/release`
pub(crate) async fn release(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        order: Option<String>,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).map(|asked| {
        let reverse = asked.order.as_deref() == Some("reverse");
        json!({"released": shared.change(|state, now| state.webhooks.release(now, reverse))})
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/faults`
pub(crate) async fn add_fault(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = parse::<Fault>(&headers, &body).and_then(|fault| {
        if !(400..600).contains(&fault.status) || fault.times == 0 {
            return Err(bad("`status` must be 400 to 599, and `times` at least 1"));
        }
        shared.change(|state, _| state.faults.push(fault.clone()));
        Ok(json!(fault))
    });
    answer(&headers, outcome)
}

/// `DELETE /_sandbox/faults`
pub(crate) async fn clear_faults(Extract(shared): Sandbox, headers: HeaderMap) -> Response {
    let cleared = shared.change(|state, _| std::mem::take(&mut state.faults).len());
    answer(&headers, Ok(json!({"cleared": cleared})))
}

/// `POST /_sandbox/idempotency/forget`
pub(crate) async fn forget_keys(Extract(shared): Sandbox, headers: HeaderMap) -> Response {
    let forgotten = shared.change(|state, _| state.keys.forget());
    answer(&headers, Ok(json!({"forgotten": forgotten})))
}

/// `POST /_sandbox/accounts/{id}/restrict|enable|reject|pend`
pub(crate) async fn set_standing(
    Extract(shared): Sandbox,
    Path((id, standing)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let standing = match standing.as_str() {
        "restrict" => Ok(Standing::Restricted),
        "enable" => Ok(Standing::Enabled),
        "reject" => Ok(Standing::Rejected),
        "pend" => Ok(Standing::Pending),
        _ => Err((
            StatusCode::NOT_FOUND,
            "restrict, enable, reject or pend".to_owned(),
        )),
    };
    let outcome = standing.and_then(|standing| {
        let changed = shared.change(|state, now| account::set_standing(state, now, &id, standing));
        changed.map_err(|error| (StatusCode::NOT_FOUND, error.message().to_owned()))
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/refunds/{id}/fail`
pub(crate) async fn fail_refund(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let refund = shared.change(|state, now| {
        refund::fail(state, now, &id, "lost_or_stolen_card");
        state.get(&id)
    });
    answer(&headers, found(refund, &id))
}

/// `POST /_sandbox/charges/{id}/balance_transaction`
pub(crate) async fn apply_balance_transaction(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let charge = shared.change(|state, now| {
        charge::apply_balance_transaction(state, now, &id);
        state.get(&id)
    });
    answer(&headers, found(charge, &id))
}

/// `GET /_sandbox/settings`
pub(crate) async fn settings(Extract(shared): Sandbox) -> Json<Settings> {
    Json(shared.with(|state, _| state.settings.clone()))
}

/// `POST /_sandbox/settings`: what is not named stays as it is.
pub(crate) async fn change_settings(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = parse::<Map<String, Value>>(&headers, &body).and_then(|asked| {
        shared.change(|state, _| {
            let mut merged = json!(state.settings);
            for (key, value) in asked {
                if value.as_i64().is_none_or(|seconds| seconds < 0) {
                    return Err(bad(&format!("{key} must be a number of seconds, at least 0")));
                }
                merged[key] = value;
            }
            state.settings = serde_json::from_value(merged).map_err(|error| bad(&error.to_string()))?;
            Ok(json!(state.settings))
        })
    });
    answer(&headers, outcome)
}

/// `GET /_sandbox/books`: a second, independent book for tests.
pub(crate) async fn books(Extract(shared): Sandbox) -> Json<Value> {
    Json(shared.with(|state, now| summary(state, now)))
}

/// Everything else under `/_sandbox`.
pub(crate) async fn unknown() -> Response {
    let message = "no such admin route: they are listed on /dashboard";
    (StatusCode::NOT_FOUND, Json(json!({"error": message}))).into_response()
}

/// A number, also as a browser's form sends it.
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

fn summary(state: &State, now: i64) -> Value {
    let fields = |kind: &str, names: &[&str]| -> Vec<Value> {
        let pick = |row: &Row| {
            let mut picked = Map::new();
            for name in names {
                picked.insert((*name).to_owned(), row.value[*name].clone());
            }
            Value::Object(picked)
        };
        // The platform's objects only: its connected accounts have books of their own.
        state
            .rows(kind)
            .rev()
            .filter(|row| row.scope.is_none())
            .map(pick)
            .collect()
    };
    let count = |kind: &str| state.rows(kind).count();
    let accounts: Map<String, Value> = state
        .rows("account")
        .map(|row| text(&row.value, "id"))
        .filter(|id| *id != account::PLATFORM)
        .map(|id| (id.to_owned(), money(state, &Some(id.to_owned()))))
        .collect();
    let common = [
        "id",
        "amount",
        "currency",
        "created",
        "metadata",
        "balance_transaction",
    ];
    let with = |more: &[&'static str]| [&common[..], more].concat();
    json!({
        "now": rfc3339(now),
        "balance": money(state, &None),
        "accounts": accounts,
        "charges": fields("charge", &with(&["status", "paid", "amount_refunded", "payment_intent", "transfer_group"])),
        "refunds": fields("refund", &with(&["status", "charge", "payment_intent"])),
        "transfers": fields("transfer", &with(&["amount_reversed", "destination", "transfer_group"])),
        "reversals": fields("transfer_reversal", &with(&["transfer"])),
        "payouts": fields("payout", &with(&["status"])),
        "balance_transactions": fields(
            "balance_transaction",
            &["id", "amount", "fee", "net", "currency", "type", "source", "status", "available_on"],
        ),
        "counts": {
            "checkout_sessions": count("checkout.session"),
            "payment_intents": count("payment_intent"),
            "charges": fields("charge", &["id"]).len(),
            "refunds": fields("refund", &["id"]).len(),
            "transfers": count("transfer"),
            "reversals": count("transfer_reversal"),
            "accounts": count("account").saturating_sub(1),
            "events": count("event"),
        },
    })
}

fn money(state: &State, scope: &Option<String>) -> Value {
    let entries = state.books.all(scope).map(|(currency, funds)| {
        (
            currency.to_owned(),
            json!({"available": funds.available, "pending": funds.pending}),
        )
    });
    Value::Object(entries.collect())
}

fn with_deliveries(row: &Row, deliveries: &HashMap<&str, Vec<&Delivery>>) -> Value {
    let id = text(&row.value, "id");
    json!({
        "id": id,
        "type": row.value["type"],
        "account": row.scope,
        "created": row.value["created"],
        "object": row.value["data"]["object"]["id"],
        "deliveries": deliveries.get(id).map(Vec::as_slice).unwrap_or_default(),
    })
}

fn clock_object(mode: ClockMode, now: i64) -> Value {
    json!({"now": rfc3339(now), "unix": now, "mode": if mode == ClockMode::System { "system" } else { "manual" }})
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

fn answer<T: Serialize>(headers: &HeaderMap, outcome: Result<T, (StatusCode, String)>) -> Response {
    match outcome {
        Ok(_) if is_form(headers) => Redirect::to("/dashboard").into_response(),
        Ok(object) => Json(object).into_response(),
        Err((status, message)) => (status, Json(json!({ "error": message }))).into_response(),
    }
}
