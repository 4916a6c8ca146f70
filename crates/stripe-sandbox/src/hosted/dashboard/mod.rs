//! The dashboard: what the sandbox holds, and buttons for what can be done to it.

mod rows;

use self::rows::{Account, Entry, Event, account, charge, dispute, entry, events, mode_name, session};
use super::render;
use crate::admin::ROUTES;
use crate::clock::{ClockMode, rfc3339};
use crate::currency::format;
use crate::resources::account::PLATFORM;
use crate::server::Shared;
use crate::state::{API_VERSION, State, text};
use crate::webhooks::Mode;
use askama::Template;
use axum::extract::State as Extract;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
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
    modes: [&'static str; 6],
    verbs: [&'static str; 5],
    event_verbs: [&'static str; 3],
    balances: Vec<Money>,
    fault_kinds: [&'static str; 9],
    faults: Vec<String>,
    accounts: Vec<Account>,
    sessions: Vec<Entry>,
    charges: Vec<Entry>,
    disputes: Vec<Entry>,
    refunds: Vec<Entry>,
    transfers: Vec<Entry>,
    payouts: Vec<Entry>,
    events: Vec<Event>,
    routes: &'static [(&'static str, &'static str)],
}

struct Money {
    currency: String,
    available: String,
    pending: String,
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
                Mode::Random,
            ]
            .map(mode_name),
            verbs: ["restrict", "enable", "reject", "deauthorize", "delete"],
            event_verbs: ["resend", "duplicate", "delay"],
            balances: balances.collect(),
            fault_kinds: FAULT_KINDS,
            faults: faults.collect(),
            accounts: accounts.take(MOST_ROWS).map(|row| account(state, row)).collect(),
            sessions: recent("checkout.session").map(session).collect(),
            charges: recent("charge").map(|row| charge(state, row)).collect(),
            disputes: recent("dispute").map(dispute).collect(),
            refunds: recent("refund").map(|row| entry(row, "reason", "")).collect(),
            transfers: recent("transfer")
                .map(|row| entry(row, "destination", "amount_reversed"))
                .collect(),
            // Connected accounts' payouts too.
            payouts: state
                .rows("payout")
                .take(MOST_ROWS)
                .map(|row| entry(row, "failure_code", ""))
                .collect(),
            events: events(state),
            routes: ROUTES,
        }
    }
}
