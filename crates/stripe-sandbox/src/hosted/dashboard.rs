//! The dashboard: what the sandbox holds, and buttons for what can be done to it.

use super::render;
use crate::clock::{ClockMode, rfc3339};
use crate::currency::format;
use crate::resources::account::{PLATFORM, capability};
use crate::server::Shared;
use crate::state::{API_VERSION, Row, State, integer, text};
use crate::webhooks::{Delivery, Mode, Status};
use askama::Template;
use axum::extract::State as Extract;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Most rows in a table.
const MOST_ROWS: usize = 50;

const FAULT_KINDS: [&str; 9] = [
    "fail_before",
    "fail_after",
    "timeout",
    "timeout_before",
    "slow",
    "rate_limit",
    "conflict",
    "drop_connection",
    "drop_connection_after",
];

const ROUTES: &[(&str, &str)] = &[
    ("GET /_sandbox/clock", "the sandbox's time"),
    (
        "POST /_sandbox/clock {\"now\": \"RFC3339\"} or {\"advance_seconds\": N}",
        "moves a manual clock forwards; everything due happens",
    ),
    (
        "POST /_sandbox/settle",
        "returns when every delivery due has been attempted: {delivered, failed, pending, held}",
    ),
    ("POST /_sandbox/webhook {\"url\", \"secret\"}", "where events go"),
    (
        "GET /_sandbox/events",
        "all events with their deliveries, oldest first",
    ),
    (
        "POST /_sandbox/events/{id}/resend, /duplicate, /delay {\"seconds\": N}",
        "sends an event again, twice, or later",
    ),
    (
        "POST /_sandbox/deliveries {\"mode\": \"normal|drop|hold|duplicate|reorder\"}",
        "what becomes of new events",
    ),
    (
        "POST /_sandbox/deliveries/release {\"order\": \"reverse\"}",
        "delivers what is held; the body may be left out",
    ),
    (
        "POST /_sandbox/faults {\"match\": {\"method\", \"path_prefix\"}, \"kind\", \"status\", \"times\", \"seconds\"}",
        "fail_before, fail_after, timeout, timeout_before, slow, rate_limit, conflict, drop_connection, drop_connection_after",
    ),
    ("DELETE /_sandbox/faults", "clears them"),
    (
        "POST /_sandbox/idempotency/forget",
        "forgets all idempotency keys",
    ),
    (
        "POST /_sandbox/accounts/{id}/restrict, /enable, /reject, /pend",
        "moves a connected account",
    ),
    ("POST /_sandbox/refunds/{id}/fail", "a refund comes back"),
    (
        "POST /_sandbox/charges/{id}/balance_transaction",
        "applies a delayed balance transaction now",
    ),
    (
        "GET, POST /_sandbox/settings",
        "balance_transaction_delay_seconds, available_delay_seconds, async_payment_seconds, refund_settle_seconds, payout_arrival_seconds",
    ),
    (
        "GET /_sandbox/books",
        "balances, and all charges, refunds, transfers and reversals, for tests",
    ),
];

/// `GET /dashboard`
pub(super) async fn show(Extract(shared): Extract<Arc<Shared>>) -> Response {
    shared.with(|state, now| render(StatusCode::OK, &Page::of(state, now)))
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Page {
    url: String,
    version: &'static str,
    now: String,
    clock: &'static str,
    target: Option<String>,
    mode: String,
    modes: [&'static str; 5],
    verbs: [&'static str; 3],
    event_verbs: [&'static str; 3],
    balances: Vec<Money>,
    fault_kinds: [&'static str; 9],
    faults: Vec<String>,
    accounts: Vec<Account>,
    charges: Vec<Entry>,
    refunds: Vec<Entry>,
    transfers: Vec<Entry>,
    events: Vec<Event>,
    routes: &'static [(&'static str, &'static str)],
}

struct Money {
    currency: String,
    available: String,
    pending: String,
}

struct Account {
    id: String,
    name: String,
    transfers: String,
    tone: &'static str,
    disabled: String,
    balance: Vec<String>,
}

struct Entry {
    at: String,
    id: String,
    text: String,
    status: String,
    tone: &'static str,
    amount: String,
    second: String,
    third: String,
}

struct Event {
    at: String,
    id: String,
    kind: String,
    account: String,
    object: String,
    deliveries: Vec<Sent>,
}

struct Sent {
    status: &'static str,
    tone: &'static str,
    attempts: String,
}

impl Page {
    fn of(state: &State, now: i64) -> Self {
        let balances = state.books.all(&None).map(|(currency, funds)| Money {
            currency: currency.to_uppercase(),
            available: format(funds.available, currency),
            pending: format(funds.pending, currency),
        });
        let accounts = state
            .rows("account")
            .filter(|row| text(&row.value, "id") != PLATFORM);
        let recent = |kind: &'static str| state.rows(kind).filter(|row| row.scope.is_none()).take(MOST_ROWS);
        let faults = state.faults.iter().map(|fault| {
            format!(
                "{}: {} × {}",
                fault.describe(),
                json!(fault.kind).as_str().unwrap_or_default(),
                fault.times
            )
        });
        Self {
            url: state.public_url.clone(),
            version: API_VERSION,
            now: rfc3339(now),
            clock: if state.clock == ClockMode::System {
                "the machine's"
            } else {
                "moved by hand"
            },
            target: state.webhooks.target.as_ref().map(|target| target.url.clone()),
            mode: mode_name(state.webhooks.mode).to_owned(),
            modes: [
                Mode::Normal,
                Mode::Drop,
                Mode::Hold,
                Mode::Duplicate,
                Mode::Reorder,
            ]
            .map(mode_name),
            verbs: ["restrict", "enable", "reject"],
            event_verbs: ["resend", "duplicate", "delay"],
            balances: balances.collect(),
            fault_kinds: FAULT_KINDS,
            faults: faults.collect(),
            accounts: accounts.take(MOST_ROWS).map(|row| account(state, row)).collect(),
            charges: recent("charge").map(|row| charge(state, row)).collect(),
            refunds: recent("refund").map(|row| entry(row, "reason", "")).collect(),
            transfers: recent("transfer")
                .map(|row| entry(row, "destination", "amount_reversed"))
                .collect(),
            events: events(state),
            routes: ROUTES,
        }
    }
}

fn account(state: &State, row: &Row) -> Account {
    let id = text(&row.value, "id").to_owned();
    let transfers = capability(&row.value, "transfers").to_owned();
    let balance = state.books.all(&Some(id.clone())).map(|(currency, funds)| {
        let pending = if funds.pending == 0 {
            String::new()
        } else {
            format!(" + {} pending", format(funds.pending, currency))
        };
        format!("{}{pending}", format(funds.available, currency))
    });
    Account {
        name: row.value["business_profile"]["name"]
            .as_str()
            .or(row.value["email"].as_str())
            .unwrap_or("–")
            .to_owned(),
        tone: tone(&transfers),
        disabled: row.value["requirements"]["disabled_reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        balance: balance.collect(),
        transfers,
        id,
    }
}

fn charge(state: &State, row: &Row) -> Entry {
    let transaction = state.get(text(&row.value, "balance_transaction"));
    let fee = integer(&transaction, "fee");
    let mut charge = entry(row, "description", "amount_refunded");
    if charge.text.is_empty() {
        charge.text = text(&row.value["billing_details"], "email").to_owned();
    }
    charge.third = if transaction.is_null() {
        "–".to_owned()
    } else {
        format(fee, text(&row.value, "currency"))
    };
    charge
}

fn entry(row: &Row, text_field: &str, second: &str) -> Entry {
    let value = &row.value;
    let currency = text(value, "currency");
    let status = text(value, "status").to_owned();
    let second = integer(value, second);
    Entry {
        at: short(integer(value, "created")),
        id: text(value, "id").to_owned(),
        text: text(value, text_field).to_owned(),
        tone: tone(&status),
        status,
        amount: format(integer(value, "amount"), currency),
        second: if second == 0 {
            "–".to_owned()
        } else {
            format(second, currency)
        },
        third: String::new(),
    }
}

fn events(state: &State) -> Vec<Event> {
    let mut deliveries: HashMap<&str, Vec<Sent>> = HashMap::new();
    for delivery in &state.webhooks.deliveries {
        deliveries
            .entry(&delivery.event)
            .or_default()
            .push(sent(delivery));
    }
    let shown = state.rows("event").take(MOST_ROWS).map(|row| Event {
        at: short(integer(&row.value, "created")),
        id: text(&row.value, "id").to_owned(),
        kind: text(&row.value, "type").to_owned(),
        account: row.scope.clone().unwrap_or_default(),
        object: text(&row.value["data"]["object"], "id").to_owned(),
        deliveries: deliveries.remove(text(&row.value, "id")).unwrap_or_default(),
    });
    shown.collect()
}

fn sent(delivery: &Delivery) -> Sent {
    let (status, tone) = match delivery.status {
        Status::Pending => ("pending", "warn"),
        Status::Held => ("held", "warn"),
        Status::Delivered => ("delivered", "good"),
        Status::Failed => ("failed", "bad-text"),
        Status::Dropped => ("dropped", "bad-text"),
    };
    let attempts = delivery.attempts.iter().map(|attempt| match attempt.status {
        Some(status) => format!("{} → {status}", clock_time(attempt.at)),
        None => format!("{} → no answer", clock_time(attempt.at)),
    });
    let mut attempts: Vec<_> = attempts.collect();
    if delivery.status == Status::Pending {
        attempts.push(format!("next {}", short(delivery.due)));
    }
    Sent {
        status,
        tone,
        attempts: attempts.join(", "),
    }
}

/// `2026-11-22 08:30:00`
fn short(at: i64) -> String {
    rfc3339(at).replace('T', " ").replace('Z', "")
}

/// `08:30:00`
fn clock_time(at: i64) -> String {
    short(at).split_off("2026-11-22 ".len())
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Drop => "drop",
        Mode::Hold => "hold",
        Mode::Duplicate => "duplicate",
        Mode::Reorder => "reorder",
    }
}

fn tone(status: &str) -> &'static str {
    match status {
        "succeeded" | "active" => "good",
        "failed" | "inactive" => "bad-text",
        _ => "warn",
    }
}
