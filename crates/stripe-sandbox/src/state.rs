//! Everything the sandbox remembers: one store of objects, one agenda of what time will bring.
//!
//! Every operation is a function on [`State`], called under one mutex that is never held over an await.

use crate::clock::ClockMode;
use crate::error::StripeError;
use crate::faults::Fault;
use crate::idempotency::Keys;
use crate::index::Index;
use crate::ledger::Books;
use crate::settings::Settings;
use crate::webhooks::Webhooks;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

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
    /// The buyer disputes a charge made with a card that is known for it.
    OpenDispute(String),
    /// The bank decides, as the evidence of the tests tells it to.
    DecideDispute(String),
    /// The time to answer is over.
    DisputeDeadline(String),
}

/// A stored object, and what the sandbox knows about it besides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) scope: Scope,
    pub(crate) value: Value,
    /// Facts which Stripe's API never shows, such as how a test card will behave.
    pub(crate) hidden: Value,
    pub(crate) deleted: bool,
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
    /// The latest instant seen: a machine's clock that is set back must not reorder what happens here.
    #[serde(default)]
    latest: i64,
    #[serde(skip)]
    index: Index,
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
            latest: 0,
            index: Index::default(),
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
                self.index.add(kind, position, &row.value);
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
        let kind = text(&value, "object").to_owned();
        let rows = self.tables.entry(kind.clone()).or_default();
        self.index.add(&kind, rows.len(), &value);
        rows.push(Row {
            scope: scope.clone(),
            value,
            hidden,
            deleted: false,
        });
    }

    /// The object's row, whosever it is.
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        let (kind, position) = self.index.place(id)?;
        self.tables.get(kind)?.get(position).filter(|row| !row.deleted)
    }

    /// The object's row, to change it.
    pub(crate) fn row_mut(&mut self, id: &str) -> Option<&mut Row> {
        let (kind, position) = self.index.place(id)?;
        self.tables
            .get_mut(kind)?
            .get_mut(position)
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
        let Some((kind, position)) = self.index.place(id) else {
            return (Value::Null, Value::Null);
        };
        let kind = kind.to_owned();
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
        let updated = row.value.clone();
        for field in previous.keys() {
            self.index.note(&kind, position, field, &updated[field]);
        }
        (updated, Value::Object(previous))
    }

    /// Marks an object as deleted: it is found no more.
    pub(crate) fn delete(&mut self, id: &str) {
        if let Some(row) = self.row_mut(id) {
            row.deleted = true;
        }
    }

    /// All objects of a kind, newest first.
    pub(crate) fn rows(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Row> + use<'_> {
        self.table(kind).iter().rev().filter(|row| !row.deleted)
    }

    /// The objects of a kind whose field holds this id, newest first, without looking at all the others.
    pub(crate) fn rows_by(&self, kind: &str, field: &'static str, id: &str) -> Vec<&Row> {
        self.positions(kind, field, id)
            .rev()
            .filter_map(|position| self.table(kind).get(position))
            .filter(|row| !row.deleted && text(&row.value, field) == id)
            .collect()
    }

    /// Every row of a kind, oldest first, the deleted ones too: what is at a position stays there.
    pub(crate) fn table(&self, kind: &str) -> &[Row] {
        self.tables.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where in the table of its kind an object is.
    pub(crate) fn position(&self, kind: &str, id: &str) -> Option<usize> {
        let (found, position) = self.index.place(id)?;
        (found == kind && self.row(id).is_some()).then_some(position)
    }

    /// Where in its table the rows are that hold this id in this field, or once did; oldest first.
    pub(crate) fn positions(
        &self,
        kind: &str,
        field: &str,
        id: &str,
    ) -> impl DoubleEndedIterator<Item = usize> + use<'_> {
        self.index.holding(kind, field, id)
    }

    /// The sandbox's time. It never runs backwards, whatever the machine's clock does.
    pub(crate) fn now(&mut self) -> i64 {
        self.latest = self.latest.max(self.clock.now());
        self.latest
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
