//! A second, independent book for tests.

use super::Sandbox;
use crate::clock::rfc3339;
use crate::resources::account;
use crate::state::{Row, State, text};
use axum::Json;
use axum::extract::State as Extract;
use serde_json::{Map, Value, json};

/// `GET /_sandbox/books`: a second, independent book for tests.
pub(super) async fn show(Extract(shared): Sandbox) -> Json<Value> {
    Json(shared.with(|state, now| summary(state, now)))
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
    // An account that has left keeps its money: the books must still add up.
    let accounts: Map<String, Value> = state
        .rows("account")
        .map(|row| text(&row.value, "id"))
        .filter(|id| *id != account::PLATFORM)
        .chain(state.books.accounts())
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
        "refunds": fields(
            "refund",
            &with(&["status", "charge", "payment_intent", "failure_reason", "failure_balance_transaction"]),
        ),
        "disputes": fields(
            "dispute",
            &["id", "amount", "currency", "created", "metadata", "status", "charge", "payment_intent", "reason"],
        ),
        "transfers": fields("transfer", &with(&["amount_reversed", "destination", "transfer_group"])),
        "reversals": fields("transfer_reversal", &with(&["transfer"])),
        "payouts": fields("payout", &with(&["status"])),
        "balance_transactions": fields(
            "balance_transaction",
            &[
                "id", "amount", "fee", "net", "currency", "type", "reporting_category", "source", "status", "created",
                "available_on",
            ],
        ),
        "counts": {
            "checkout_sessions": count("checkout.session"),
            "payment_intents": count("payment_intent"),
            "charges": fields("charge", &["id"]).len(),
            "refunds": fields("refund", &["id"]).len(),
            "disputes": count("dispute"),
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
