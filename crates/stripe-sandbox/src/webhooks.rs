//! Events, and which of them are owed to whom and when. Sending them is [`crate::delivery`]'s work.

use crate::chance::Chance;
use crate::state::{API_VERSION, Scope, State, text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Waits between attempts, in seconds: about three days in all, then Stripe gives up.
const RETRY_DELAYS: [i64; 11] = [
    60, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 36_000, 36_000, 36_000, 36_000,
];
/// The endpoint set by configuration or `POST /_sandbox/webhook`.
pub(crate) const TARGET: &str = "target";

/// Where events go, and the secret that signs them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// What becomes of new events.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    #[default]
    Normal,
    /// Never delivered.
    Drop,
    /// Kept back until `POST /_sandbox/deliveries/release`.
    Hold,
    /// Delivered twice.
    Duplicate,
    /// Among those due at once, the newest first.
    Reorder,
    /// Dropped, doubled, late and out of order, as [`Chance`] has it.
    Random,
}

/// How far a delivery got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pending,
    Held,
    Delivered,
    /// Given up after the last retry.
    Failed,
    Dropped,
}

/// One try.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) at: i64,
    /// The endpoint's HTTP status, if it answered.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

/// One event owed to one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) event: String,
    pub(crate) endpoint: String,
    pub(crate) due: i64,
    /// Among deliveries due at the same second, the smallest goes first.
    order: i64,
    pub(crate) status: Status,
    pub(crate) attempts: Vec<Attempt>,
}

/// What happened since somebody last asked.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
}

/// All deliveries.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Webhooks {
    pub(crate) target: Option<Target>,
    pub(crate) mode: Mode,
    /// What happens to events in the mode `random`.
    #[serde(default)]
    pub(crate) chance: Chance,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) tally: Tally,
    #[serde(skip)]
    queue: BTreeSet<(i64, i64, usize)>,
}

impl Webhooks {
    /// Owes a new event to an endpoint, as the mode says.
    pub(crate) fn owe_new(&mut self, event: &str, endpoint: &str, now: i64) {
        let sequence = self.sequence();
        match self.mode {
            Mode::Normal => self.owe(event, endpoint, now),
            Mode::Duplicate => {
                self.owe(event, endpoint, now);
                self.owe(event, endpoint, now);
            }
            Mode::Drop => self.push(event, endpoint, (now, sequence), Status::Dropped),
            Mode::Hold => self.push(event, endpoint, (now, sequence), Status::Held),
            Mode::Reorder => self.push(event, endpoint, (now, -sequence), Status::Pending),
            Mode::Random => self.owe_by_chance(event, endpoint, now),
        }
    }

    /// Owes an event to an endpoint, whatever the mode.
    pub(crate) fn owe(&mut self, event: &str, endpoint: &str, due: i64) {
        let sequence = self.sequence();
        self.push(event, endpoint, (due, sequence), Status::Pending);
    }

    /// Gives up everything that waits to be delivered; returns how many there were.
    pub(crate) fn drop_all(&mut self) -> usize {
        self.queue.clear();
        let waiting = self
            .deliveries
            .iter_mut()
            .filter(|delivery| matches!(delivery.status, Status::Pending | Status::Held));
        waiting.map(|delivery| delivery.status = Status::Dropped).count()
    }

    fn owe_by_chance(&mut self, event: &str, endpoint: &str, now: i64) {
        if self.chance.drops() {
            let sequence = self.sequence();
            return self.push(event, endpoint, (now, sequence), Status::Dropped);
        }
        for _ in 0..if self.chance.doubles() { 2 } else { 1 } {
            let place = (now + self.chance.delay(), self.chance.order());
            self.push(event, endpoint, place, Status::Pending);
        }
    }

    fn sequence(&self) -> i64 {
        i64::try_from(self.deliveries.len()).unwrap_or(i64::MAX)
    }

    fn push(&mut self, event: &str, endpoint: &str, (due, order): (i64, i64), status: Status) {
        let position = self.deliveries.len();
        let (event, endpoint) = (event.to_owned(), endpoint.to_owned());
        self.deliveries.push(Delivery {
            event,
            endpoint,
            due,
            order,
            status,
            attempts: Vec::new(),
        });
        if status == Status::Pending {
            self.queue.insert((due, order, position));
        }
    }

    /// The next delivery whose time has come.
    pub(crate) fn next_due(&self, now: i64) -> Option<(usize, Delivery)> {
        let (_, _, position) = *self.queue.first().filter(|(due, _, _)| *due <= now)?;
        Some((position, self.deliveries[position].clone()))
    }

    /// How many will be tried, now or later, and how many are held.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let held = self
            .deliveries
            .iter()
            .filter(|delivery| delivery.status == Status::Held)
            .count();
        (self.queue.len(), held)
    }

    /// Notes how an attempt went, and plans the next one.
    pub(crate) fn record(&mut self, position: usize, attempt: Attempt) {
        let delivery = &mut self.deliveries[position];
        self.queue.remove(&(delivery.due, delivery.order, position));
        let accepted = attempt.status.is_some_and(|status| (200..300).contains(&status));
        let retry = RETRY_DELAYS.get(delivery.attempts.len());
        match (accepted, retry) {
            (true, _) => delivery.status = Status::Delivered,
            (false, None) => delivery.status = Status::Failed,
            (false, Some(delay)) => {
                delivery.due = attempt.at + delay;
                self.queue.insert((delivery.due, delivery.order, position));
            }
        }
        if accepted {
            self.tally.delivered += 1;
        } else {
            self.tally.failed += 1;
        }
        delivery.attempts.push(attempt);
    }

    /// Gives up a delivery whose endpoint or event is gone.
    pub(crate) fn abandon(&mut self, position: usize) {
        let delivery = &mut self.deliveries[position];
        self.queue.remove(&(delivery.due, delivery.order, position));
        delivery.status = Status::Dropped;
    }

    /// Puts off what is pending of an event; returns whether there was any.
    pub(crate) fn delay(&mut self, event: &str, due: i64) -> bool {
        let mut any = false;
        for (position, delivery) in self
            .deliveries
            .iter_mut()
            .enumerate()
            .filter(|(_, delivery)| delivery.event == event)
        {
            if !matches!(delivery.status, Status::Pending | Status::Held) {
                continue;
            }
            self.queue.remove(&(delivery.due, delivery.order, position));
            (delivery.due, delivery.status) = (due, Status::Pending);
            self.queue.insert((due, delivery.order, position));
            any = true;
        }
        any
    }

    /// Lets go of everything held, oldest or newest first; returns how many.
    pub(crate) fn release(&mut self, now: i64, reverse: bool) -> usize {
        let mut released = 0;
        for (position, delivery) in self.deliveries.iter_mut().enumerate() {
            if delivery.status == Status::Held {
                let sequence = i64::try_from(position).unwrap_or(i64::MAX);
                delivery.order = if reverse { -sequence } else { sequence };
                (delivery.due, delivery.status) = (now, Status::Pending);
                self.queue.insert((delivery.due, delivery.order, position));
                released += 1;
            }
        }
        released
    }

    /// After loading: the queue is not stored.
    pub(crate) fn rebuild_queue(&mut self) {
        let pending = self
            .deliveries
            .iter()
            .enumerate()
            .filter(|(_, delivery)| delivery.status == Status::Pending);
        self.queue = pending
            .map(|(position, delivery)| (delivery.due, delivery.order, position))
            .collect();
    }
}

/// Makes an event of what happened to an object, and owes it to every endpoint that listens.
pub(crate) fn emit(
    state: &mut State,
    now: i64,
    scope: &Scope,
    kind: &str,
    object: Value,
    previous: Option<Value>,
) {
    let id = state.new_id("evt");
    let listeners = listeners(state, scope, kind);
    let mut data = json!({ "object": object });
    if let (Some(previous), Some(data)) = (previous, data.as_object_mut()) {
        data.insert("previous_attributes".into(), previous);
    }
    let mut event = json!({"id": id, "object": "event"});
    if let (Some(account), Some(event)) = (scope, event.as_object_mut()) {
        event.insert("account".into(), json!(account));
    }
    let rest = json!({
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": false,
        "pending_webhooks": listeners.len(),
        "request": {"id": state.cause.request, "idempotency_key": state.cause.idempotency_key},
        "type": kind,
    });
    if let (Some(event), Value::Object(rest)) = (event.as_object_mut(), rest) {
        event.extend(rest);
    }
    state.insert(scope, event);
    for endpoint in listeners {
        state.webhooks.owe_new(&id, &endpoint, now);
    }
}

/// The endpoint's address and secret, if it still exists.
pub(crate) fn endpoint(state: &State, id: &str) -> Option<Target> {
    if id == TARGET {
        return state.webhooks.target.clone();
    }
    let row = state.row(id)?;
    Some(Target {
        url: text(&row.value, "url").to_owned(),
        secret: text(&row.hidden, "secret").to_owned(),
    })
}

/// The endpoints that want an event: an endpoint made for Connect hears of connected accounts only, others of the
/// platform only. The configured target stands for one of each kind and hears everything.
pub(crate) fn listeners(state: &State, scope: &Scope, kind: &str) -> Vec<String> {
    let target = state.webhooks.target.as_ref().map(|_| TARGET.to_owned());
    let wants = |value: &Value| {
        let events = value.get("enabled_events").and_then(Value::as_array);
        events.is_some_and(|events| events.iter().any(|event| event == "*" || event == kind))
    };
    let registered = state.rows("webhook_endpoint").filter(|row| {
        let connect = row
            .hidden
            .get("connect")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        text(&row.value, "status") == "enabled" && connect == scope.is_some() && wants(&row.value)
    });
    target
        .into_iter()
        .chain(registered.map(|row| text(&row.value, "id").to_owned()))
        .collect()
}
