//! Everything the sandbox remembers: one store of objects, one agenda of what time will bring.
//!
//! Every operation is a function on [`State`], called under one mutex that is never held over an await.

use crate::clock::ClockMode;
use crate::error::StripeError;
use crate::faults::Fault;
use crate::idempotency::Keys;
use crate::ledger::Books;
use crate::webhooks::Webhooks;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// The API version the sandbox speaks, unless the request names another.
pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// Whose objects: the platform's (`None`), or a connected account's.
pub(crate) type Scope = Option<String>;

/// One API call: who calls, when, and with which validated parameters.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) now: i64,
    pub(crate) scope: Scope,
    /// What the path's placeholders matched, in order.
    pub(crate) path: Vec<String>,
    pub(crate) params: Map<String, Value>,
}

/// The request that events are caused by.
#[derive(Debug, Default, Clone)]
pub(crate) struct Cause {
    pub(crate) request: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// What can be set by `POST /_sandbox/settings`. All in seconds of the sandbox's clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// After how long a charge gets its balance transaction. With 0 it has one at once.
    pub(crate) balance_transaction_delay_seconds: i64,
    /// After how long a charge's money becomes available.
    pub(crate) available_delay_seconds: i64,
    /// After how long a bank debit is known to be paid, or not.
    pub(crate) async_payment_seconds: i64,
    /// After how long a pending refund settles, or one that is to fail fails.
    pub(crate) refund_settle_seconds: i64,
    /// After how long a payout arrives.
    pub(crate) payout_arrival_seconds: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            balance_transaction_delay_seconds: 0,
            available_delay_seconds: 172_800,
            async_payment_seconds: 180,
            refund_settle_seconds: 3_600,
            payout_arrival_seconds: 86_400,
        }
    }
}

/// What happens when its time comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    ExpireSession(String),
    ApplyBalanceTransaction(String),
    FundsAvailable(Scope),
    SettlePayment(String),
    SettleRefund(String),
    FailRefund(String),
    PayoutArrives(String),
}

/// A stored object, and what the sandbox knows about it besides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) scope: Scope,
    pub(crate) value: Value,
    /// Facts which Stripe's API never shows, such as how a test card will behave.
    pub(crate) hidden: Value,
    deleted: bool,
}

/// The whole sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    seed: u64,
    pub(crate) clock: ClockMode,
    pub(crate) settings: Settings,
    pub(crate) books: Books,
    pub(crate) webhooks: Webhooks,
    pub(crate) keys: Keys,
    pub(crate) faults: Vec<Fault>,
    counters: BTreeMap<String, u64>,
    tables: BTreeMap<String, Vec<Row>>,
    agenda: BTreeMap<i64, Vec<Task>>,
    #[serde(skip)]
    index: HashMap<String, (String, usize)>,
    #[serde(skip)]
    pub(crate) public_url: String,
    #[serde(skip)]
    pub(crate) cause: Cause,
}

impl State {
    /// An empty sandbox.
    pub(crate) fn new(seed: u64, clock: ClockMode) -> Self {
        Self {
            seed,
            clock,
            settings: Settings::default(),
            books: Books::default(),
            webhooks: Webhooks::default(),
            keys: Keys::default(),
            faults: Vec::new(),
            counters: BTreeMap::new(),
            tables: BTreeMap::new(),
            agenda: BTreeMap::new(),
            index: HashMap::new(),
            public_url: String::new(),
            cause: Cause::default(),
        }
    }

    /// Takes up a stored sandbox again: its time never runs backwards, and what was in flight is not any more.
    pub(crate) fn resume(&mut self, clock: ClockMode) {
        self.clock = match (self.clock, clock) {
            (ClockMode::Manual(stored), ClockMode::Manual(asked)) => ClockMode::Manual(stored.max(asked)),
            (_, asked) => asked,
        };
        for (kind, rows) in &self.tables {
            for (position, row) in rows.iter().enumerate() {
                self.index
                    .insert(text(&row.value, "id").to_owned(), (kind.clone(), position));
            }
        }
        self.keys.drop_in_flight();
        self.webhooks.rebuild_queue();
    }

    /// A new id: the same seed and the same history of this prefix always give the same one.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        format!("{prefix}_{}", self.secret(prefix, 24))
    }

    /// Letters and digits, at most 32, unguessable without the seed.
    pub(crate) fn secret(&mut self, purpose: &str, length: usize) -> String {
        const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let counter = self.counters.entry(purpose.to_owned()).or_default();
        *counter += 1;
        let digest = Sha256::digest(format!("{}:{purpose}:{counter}", self.seed));
        let digits = digest
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        digits.take(length).collect()
    }

    /// Stores a new object under its `object` and `id`.
    pub(crate) fn insert(&mut self, scope: &Scope, value: Value) {
        self.insert_with(scope, value, Value::Null);
    }

    /// Stores a new object with facts that are never shown.
    pub(crate) fn insert_with(&mut self, scope: &Scope, value: Value, hidden: Value) {
        let (kind, id) = (text(&value, "object").to_owned(), text(&value, "id").to_owned());
        let rows = self.tables.entry(kind.clone()).or_default();
        self.index.insert(id, (kind, rows.len()));
        rows.push(Row {
            scope: scope.clone(),
            value,
            hidden,
            deleted: false,
        });
    }

    /// The object's row, whosever it is.
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        let (kind, position) = self.index.get(id)?;
        self.tables.get(kind)?.get(*position).filter(|row| !row.deleted)
    }

    /// The object's row, to change it.
    pub(crate) fn row_mut(&mut self, id: &str) -> Option<&mut Row> {
        let (kind, position) = self.index.get(id)?;
        self.tables
            .get_mut(kind)?
            .get_mut(*position)
            .filter(|row| !row.deleted)
    }

    /// The object, whosever it is; null if there is none.
    pub(crate) fn get(&self, id: &str) -> Value {
        self.row(id).map(|row| row.value.clone()).unwrap_or_default()
    }

    /// The caller's object of this kind: someone else's looks missing.
    pub(crate) fn find(&self, kind: &str, scope: &Scope, id: &str) -> Result<Value, StripeError> {
        self.row(id)
            .filter(|row| row.scope == *scope && text(&row.value, "object") == kind)
            .map(|row| row.value.clone())
            .ok_or_else(|| StripeError::missing(noun(kind), id))
    }

    /// Sets fields of an object and returns what it became, and what those fields were.
    pub(crate) fn update(&mut self, id: &str, changes: Value) -> (Value, Value) {
        let mut previous = Map::new();
        let Some(row) = self.row_mut(id) else {
            return (Value::Null, Value::Null);
        };
        if let (Value::Object(object), Value::Object(changes)) = (&mut row.value, changes) {
            for (key, value) in changes {
                let old = object.insert(key.clone(), value.clone());
                if old.as_ref() != Some(&value) {
                    previous.insert(key, old.unwrap_or_default());
                }
            }
        }
        (row.value.clone(), Value::Object(previous))
    }

    /// Marks an object as deleted: it is found no more.
    pub(crate) fn delete(&mut self, id: &str) {
        if let Some(row) = self.row_mut(id) {
            row.deleted = true;
        }
    }

    /// All objects of a kind, newest first.
    pub(crate) fn rows(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Row> + use<'_> {
        self.tables
            .get(kind)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .rev()
            .filter(|row| !row.deleted)
    }

    /// Puts something on the agenda.
    pub(crate) fn schedule(&mut self, due: i64, task: Task) {
        self.agenda.entry(due).or_default().push(task);
    }

    /// Takes the tasks of the earliest instant that has come.
    pub(crate) fn take_due(&mut self, now: i64) -> Option<(i64, Vec<Task>)> {
        let due = *self.agenda.first_key_value()?.0;
        (due <= now).then(|| self.agenda.pop_first()).flatten()
    }
}

/// A text field, or "".
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An integer field, or 0.
pub(crate) fn integer(value: &Value, key: &str) -> i64 {
    value.get(key).and_then(Value::as_i64).unwrap_or_default()
}

/// A parameter, or null.
pub(crate) fn param(call: &Call, key: &str) -> Value {
    call.params.get(key).cloned().unwrap_or_default()
}

/// A text parameter.
pub(crate) fn text_param<'c>(call: &'c Call, key: &str) -> Option<&'c str> {
    call.params.get(key).and_then(Value::as_str)
}

/// The metadata of a new object.
pub(crate) fn metadata(call: &Call) -> Value {
    merge_metadata(&Value::Null, call.params.get("metadata"))
}

/// Metadata after an update: an empty value removes its key, an empty hash removes all.
pub(crate) fn merge_metadata(old: &Value, update: Option<&Value>) -> Value {
    let mut merged = old.as_object().cloned().unwrap_or_default();
    match update {
        Some(Value::Object(update)) => {
            for (key, value) in update {
                if value.as_str() == Some("") {
                    merged.shift_remove(key);
                } else {
                    merged.insert(key.clone(), value.clone());
                }
            }
        }
        Some(_) => merged.clear(),
        None => {}
    }
    Value::Object(merged)
}

/// What Stripe calls a kind of object in its messages.
fn noun(kind: &str) -> &str {
    match kind {
        "payment_intent" => "payment_intent",
        "payment_method" => "PaymentMethod",
        "balance_transaction" => "balance transaction",
        "transfer_reversal" => "transfer reversal",
        "promotion_code" => "promotion code",
        other => other,
    }
}
