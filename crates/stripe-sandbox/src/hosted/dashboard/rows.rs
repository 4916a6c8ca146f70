//! The rows of the dashboard's tables, as text.

use crate::clock::rfc3339;
use crate::currency::format;
use crate::resources::account::capability;
use crate::state::{Row, State, integer, text};
use crate::webhooks::{Delivery, Mode, Status};
use serde_json::Value;
use std::collections::HashMap;

/// A connected account.
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) transfers: String,
    pub(super) tone: &'static str,
    pub(super) disabled: String,
    pub(super) balance: Vec<String>,
}

/// A charge, a refund or another object with an amount.
pub(super) struct Entry {
    pub(super) at: String,
    pub(super) id: String,
    pub(super) text: String,
    pub(super) status: String,
    pub(super) tone: &'static str,
    pub(super) amount: String,
    pub(super) second: String,
    pub(super) third: String,
    /// What can be done to it: the value of a button.
    pub(super) verbs: &'static [&'static str],
}

/// An event with its deliveries.
pub(super) struct Event {
    pub(super) at: String,
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) object: String,
    pub(super) deliveries: Vec<Sent>,
}

/// A delivery.
pub(super) struct Sent {
    pub(super) status: &'static str,
    pub(super) tone: &'static str,
    pub(super) attempts: String,
}

pub(super) fn account(state: &State, row: &Row) -> Account {
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

pub(super) fn charge(state: &State, row: &Row) -> Entry {
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

pub(super) fn entry(row: &Row, text_field: &str, second: &str) -> Entry {
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
        verbs: verbs(value),
    }
}

pub(super) fn events(state: &State) -> Vec<Event> {
    let mut deliveries: HashMap<&str, Vec<Sent>> = HashMap::new();
    for delivery in &state.webhooks.deliveries {
        deliveries
            .entry(&delivery.event)
            .or_default()
            .push(sent(delivery));
    }
    let shown = state.rows("event").take(super::MOST_ROWS).map(|row| Event {
        at: short(integer(&row.value, "created")),
        id: text(&row.value, "id").to_owned(),
        kind: text(&row.value, "type").to_owned(),
        account: row.scope.clone().unwrap_or_default(),
        object: text(&row.value["data"]["object"], "id").to_owned(),
        deliveries: deliveries.remove(text(&row.value, "id")).unwrap_or_default(),
    });
    shown.collect()
}

/// What can happen to an object in the state it is in.
fn verbs(value: &Value) -> &'static [&'static str] {
    match (text(value, "object"), text(value, "status")) {
        ("charge", "succeeded") if value["disputed"] == false => &["chargeback", "inquiry", "lost"],
        ("refund", "pending") => &["succeed", "fail"],
        ("refund", "succeeded") => &["fail"],
        ("dispute", "needs_response") => &["under_review", "won", "lost"],
        ("dispute", "under_review") => &["won", "lost"],
        ("dispute", "warning_needs_response" | "warning_under_review") => &["escalated", "warning_closed"],
        ("payout", "pending" | "paid") => &["fail"],
        ("checkout.session", "expired") => &["pay_late"],
        _ => &[],
    }
}

/// A checkout session: its payment, and whether the buyer can still pay.
pub(super) fn session(row: &Row) -> Entry {
    let mut shown = entry(row, "client_reference_id", "");
    let (value, currency) = (&row.value, text(&row.value, "currency"));
    shown.amount = format(integer(value, "amount_total"), currency);
    shown.second = text(value, "payment_status").to_owned();
    shown.third = text(value, "payment_intent").to_owned();
    if integer(value, "amount_total") == 0 {
        shown.verbs = &[];
    }
    shown
}

/// A dispute, with what it has cost so far.
pub(super) fn dispute(row: &Row) -> Entry {
    let mut shown = entry(row, "reason", "");
    let moved = row.value["balance_transactions"].as_array().into_iter().flatten();
    let net: i64 = moved.map(|transaction| integer(transaction, "net")).sum();
    shown.second = format(net, text(&row.value, "currency"));
    shown.third = text(&row.value, "charge").to_owned();
    shown
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

pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Drop => "drop",
        Mode::Hold => "hold",
        Mode::Duplicate => "duplicate",
        Mode::Reorder => "reorder",
        Mode::Random => "random",
    }
}

fn tone(status: &str) -> &'static str {
    match status {
        "succeeded" | "active" | "won" | "paid" | "complete" => "good",
        "failed" | "inactive" | "lost" | "needs_response" => "bad-text",
        _ => "warn",
    }
}
