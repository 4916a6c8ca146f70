//! `Idempotency-Key`: the same key and parameters get the first answer again, for 24 hours of the sandbox's clock.

use crate::error::StripeError;
use crate::state::Scope;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How long a key is remembered, in seconds.
const REMEMBERED: i64 = 86_400;
/// Longest key.
const LONGEST: usize = 255;

/// The answer to a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) request_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Key {
    fingerprint: String,
    first_used: i64,
    /// None while the first request is in flight.
    answer: Option<Answer>,
}

/// The keys in memory, by account and name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    by_name: BTreeMap<String, Key>,
}

impl Keys {
    /// Claims a key for a request, or returns the answer that its first use got.
    pub(crate) fn claim(
        &mut self,
        now: i64,
        scope: &Scope,
        key: &str,
        fingerprint: &str,
    ) -> Result<Option<Answer>, StripeError> {
        if key.is_empty() || key.len() > LONGEST {
            return Err(StripeError::idempotency(
                400,
                format!("Idempotency keys must have 1 to {LONGEST} characters."),
            ));
        }
        let name = name(scope, key);
        match self
            .by_name
            .get(&name)
            .filter(|known| known.first_used + REMEMBERED > now)
        {
            None => {
                let fresh = Key {
                    fingerprint: fingerprint.to_owned(),
                    first_used: now,
                    answer: None,
                };
                self.by_name.insert(name, fresh);
                Ok(None)
            }
            Some(known) if known.fingerprint != fingerprint => Err(StripeError::idempotency(
                400,
                format!(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                     Try using a key other than '{key}' if you meant to execute a different request."
                ),
            )),
            Some(Key {
                answer: Some(answer), ..
            }) => Ok(Some(answer.clone())),
            Some(_) => Err(in_use(key)),
        }
    }

    /// Keeps the answer for later uses of the key.
    pub(crate) fn settle(&mut self, scope: &Scope, key: &str, answer: &Answer) {
        if let Some(known) = self.by_name.get_mut(&name(scope, key)) {
            known.answer = Some(answer.clone());
        }
    }

    /// Forgets a key whose request never began to execute.
    pub(crate) fn release(&mut self, scope: &Scope, key: &str) {
        self.by_name.remove(&name(scope, key));
    }

    /// Forgets all keys, as Stripe may after a day; returns how many.
    pub(crate) fn forget(&mut self) -> usize {
        std::mem::take(&mut self.by_name).len()
    }

    /// Forgets one key, of whichever account; returns how many there were.
    pub(crate) fn forget_one(&mut self, key: &str) -> usize {
        let before = self.by_name.len();
        self.by_name
            .retain(|name, _| name.split_once('/').is_none_or(|(_, known)| known != key));
        before - self.by_name.len()
    }

    /// Forgets keys older than a day.
    pub(crate) fn expire(&mut self, now: i64) {
        self.by_name.retain(|_, key| key.first_used + REMEMBERED > now);
    }

    /// After a restart nothing is in flight.
    pub(crate) fn drop_in_flight(&mut self) {
        self.by_name.retain(|_, key| key.answer.is_some());
    }
}

/// 409: the first request with this key has not been answered yet.
pub(crate) fn in_use(key: &str) -> StripeError {
    StripeError::idempotency(
        409,
        format!("There is currently another in-progress request using this Idempotent Key: {key}. Please try again later."),
    )
    .code("idempotency_key_in_use")
}

fn name(scope: &Scope, key: &str) -> String {
    format!("{}/{key}", scope.as_deref().unwrap_or_default())
}
