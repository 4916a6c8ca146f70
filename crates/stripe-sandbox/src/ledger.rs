//! Balances and balance transactions: the one place where the sandbox's money moves.

use crate::state::{Scope, State, Task, integer, text};
use crate::webhooks::emit;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One account's money in one currency.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Funds {
    pub(crate) available: i64,
    pub(crate) pending: i64,
}

/// Everyone's balances, and what is still pending. The platform's account is "".
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Books {
    funds: BTreeMap<String, BTreeMap<String, Funds>>,
    maturing: BTreeMap<i64, BTreeMap<String, Vec<String>>>,
}

impl Books {
    /// The money of an account in a currency.
    pub(crate) fn funds(&self, scope: &Scope, currency: &str) -> Funds {
        self.all(scope)
            .find(|(code, _)| *code == currency)
            .map(|(_, funds)| funds)
            .unwrap_or_default()
    }

    /// Every account that ever had money, the platform excepted.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &str> + use<'_> {
        self.funds.keys().map(String::as_str).filter(|id| !id.is_empty())
    }

    /// All money of an account, by currency.
    pub(crate) fn all(&self, scope: &Scope) -> impl Iterator<Item = (&str, Funds)> + use<'_> {
        let account = self.funds.get(account(scope));
        account
            .into_iter()
            .flatten()
            .map(|(code, funds)| (code.as_str(), *funds))
    }

    fn entry(&mut self, scope: &Scope, currency: &str) -> &mut Funds {
        self.funds
            .entry(account(scope).to_owned())
            .or_default()
            .entry(currency.to_owned())
            .or_default()
    }
}

/// A movement of money, before it has happened.
#[derive(Debug)]
pub(crate) struct Movement<'m> {
    /// `charge`, `transfer`, `refund`…
    pub(crate) kind: &'m str,
    pub(crate) category: &'m str,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: &'m str,
    /// The object that causes it, if one does.
    pub(crate) source: Option<&'m str>,
    pub(crate) available_on: i64,
    pub(crate) description: Value,
}

/// Moves the money and returns the id of its balance transaction.
pub(crate) fn post(state: &mut State, now: i64, scope: &Scope, movement: &Movement<'_>) -> String {
    let id = state.new_id("txn");
    let net = movement.amount - movement.fee;
    let pending = movement.available_on > now;
    let fee_details = if movement.fee == 0 {
        json!([])
    } else {
        json!([{
            "amount": movement.fee, "application": null, "currency": movement.currency,
            "description": fee_name(movement.category), "type": "stripe_fee",
        }])
    };
    let transaction = json!({
        "id": id, "object": "balance_transaction",
        "amount": movement.amount,
        "available_on": movement.available_on.max(now),
        "balance_type": "payments",
        "created": now,
        "currency": movement.currency,
        "description": movement.description,
        "exchange_rate": null,
        "fee": movement.fee,
        "fee_details": fee_details,
        "net": net,
        "reporting_category": movement.category,
        "source": movement.source,
        "status": if pending { "pending" } else { "available" },
        "type": movement.kind,
    });
    state.insert(scope, transaction);
    let funds = state.books.entry(scope, movement.currency);
    if pending {
        funds.pending += net;
        mature(state, movement.available_on, scope, &id);
    } else {
        funds.available += net;
    }
    id
}

/// What matures at this instant becomes available; the account hears of it once.
pub(crate) fn make_available(state: &mut State, due: i64, scope: &Scope) {
    let Some(accounts) = state.books.maturing.get_mut(&due) else {
        return;
    };
    let matured = accounts.remove(account(scope)).unwrap_or_default();
    if accounts.is_empty() {
        state.books.maturing.remove(&due);
    }
    for id in &matured {
        let (transaction, _) = state.update(id, json!({"status": "available"}));
        let net = integer(&transaction, "net");
        let funds = state.books.entry(scope, text(&transaction, "currency"));
        funds.pending -= net;
        funds.available += net;
    }
    if !matured.is_empty() {
        let balance = balance(state, scope);
        emit(state, due, scope, "balance.available", balance, None);
    }
}

/// Stripe's balance object.
pub(crate) fn balance(state: &State, scope: &Scope) -> Value {
    let side = |amount: fn(Funds) -> i64| -> Value {
        let mut entries: Vec<_> = state
            .books
            .all(scope)
            .map(|(currency, funds)| {
                json!({"amount": amount(funds), "currency": currency, "source_types": {"card": amount(funds)}})
            })
            .collect();
        if entries.is_empty() {
            entries.push(json!({"amount": 0, "currency": "eur", "source_types": {"card": 0}}));
        }
        entries.into()
    };
    json!({
        "object": "balance",
        "available": side(|funds| funds.available),
        "livemode": false,
        "pending": side(|funds| funds.pending),
    })
}

fn mature(state: &mut State, due: i64, scope: &Scope, transaction: &str) {
    let waiting = state
        .books
        .maturing
        .entry(due)
        .or_default()
        .entry(account(scope).to_owned())
        .or_default();
    waiting.push(transaction.to_owned());
    if waiting.len() == 1 {
        state.schedule(due, Task::FundsAvailable(scope.clone()));
    }
}

fn fee_name(category: &str) -> &'static str {
    if category.starts_with("dispute") {
        "Dispute fee"
    } else {
        "Stripe processing fees"
    }
}

fn account(scope: &Scope) -> &str {
    scope.as_deref().unwrap_or_default()
}
