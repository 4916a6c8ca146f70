//! Events and their delivery.

use super::{Number, Sandbox, answer, bad, parse, parse_or_default};
use crate::chance::Chance;
use crate::delivery;
use crate::state::{Row, text};
use crate::webhooks::{self, Delivery, Mode, Target};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// `POST /_sandbox/settle`: returns when nothing that is due is left to deliver.
pub(super) async fn settle(Extract(shared): Sandbox, headers: HeaderMap) -> Response {
    delivery::deliver_due(&shared).await;
    let tally = shared.with(|state, _| {
        let tally = std::mem::take(&mut state.webhooks.tally);
        let (pending, held) = state.webhooks.waiting();
        json!({"delivered": tally.delivered, "failed": tally.failed, "pending": pending + held, "held": held})
    });
    answer(&headers, Ok(tally))
}

/// `POST /_sandbox/webhook`
pub(super) async fn set_webhook(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = parse::<Target>(&headers, &body).and_then(|target| {
        url::Url::parse(&target.url).map_err(|error| bad(&format!("url: {error}")))?;
        shared.change(|state, _| state.webhooks.target = Some(target.clone()));
        Ok(json!({"url": target.url}))
    });
    answer(&headers, outcome)
}

/// `GET /_sandbox/events`: oldest first, with their deliveries.
pub(super) async fn events(Extract(shared): Sandbox) -> Json<Value> {
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
pub(super) async fn event_action(
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
                    state.webhooks.owe(&id, endpoint, due);
                }
            }
            Ok(json!({"id": id, "deliveries": listeners.len() * copies}))
        })
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/deliveries`: what becomes of new events. `drop` gives up those that wait, too.
pub(super) async fn set_mode(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        mode: Mode,
        seed: Option<Number>,
        drop_percent: Option<Number>,
        duplicate_percent: Option<Number>,
        delay_percent: Option<Number>,
        most_delay_seconds: Option<Number>,
    }
    let outcome = parse::<Asked>(&headers, &body).map(|asked| {
        let usual = Chance::default();
        let or = |given: Option<Number>, usual: u64| {
            given.map_or(usual, |Number(given)| u64::try_from(given).unwrap_or_default())
        };
        let chance = Chance {
            seed: or(asked.seed, usual.seed),
            drop_percent: or(asked.drop_percent, usual.drop_percent),
            duplicate_percent: or(asked.duplicate_percent, usual.duplicate_percent),
            delay_percent: or(asked.delay_percent, usual.delay_percent),
            most_delay_seconds: or(asked.most_delay_seconds, usual.most_delay_seconds),
            ..usual
        };
        shared.change(|state, _| {
            state.webhooks.mode = asked.mode;
            let mut told = json!({"mode": asked.mode});
            match asked.mode {
                Mode::Drop => told["dropped"] = state.webhooks.drop_all().into(),
                Mode::Random => {
                    told["chance"] = json!(chance);
                    state.webhooks.chance = chance;
                }
                Mode::Normal | Mode::Hold | Mode::Duplicate | Mode::Reorder => {}
            }
            told
        })
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/deliveries/release`
pub(super) async fn release(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
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
