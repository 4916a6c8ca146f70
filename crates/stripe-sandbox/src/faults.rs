//! Faults on demand: what the next matching requests suffer.

use serde::{Deserialize, Serialize};

/// How long a request is held by [`Kind::Timeout`] when the fault names no time: longer than any client waits.
const FOREVER_SECONDS: u64 = 600;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Answers the status without doing anything; the idempotency key stays unused.
    FailBefore,
    /// Does what was asked, then answers the status; the idempotency key replays that failure.
    FailAfter,
    /// Does what was asked and never answers; the idempotency key replays the true answer.
    Timeout,
    /// Never answers and does nothing.
    TimeoutBefore,
    /// 429 without effect.
    RateLimit,
    /// 409 without effect, as if the key's first request were in flight.
    Conflict,
    /// Waits `seconds` of real time before doing what was asked: the idempotency key is in flight meanwhile.
    Slow,
    /// Closes the connection without effect.
    DropConnection,
    /// Does what was asked, then closes the connection.
    DropConnectionAfter,
}

/// Which requests suffer it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Match {
    method: Option<String>,
    path_prefix: Option<String>,
    /// A route as Stripe's document writes it, such as `POST /v1/transfers/{id}/reversals`.
    pub(crate) route: Option<String>,
}

/// A fault to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(rename = "match", default)]
    pub(crate) matching: Match,
    pub(crate) kind: Kind,
    #[serde(default = "internal_error")]
    pub(crate) status: u16,
    /// How many requests still suffer it.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// How many requests that match are let through before.
    #[serde(default)]
    skip: u32,
    /// Real seconds, of `timeout`, `timeout_before` and `slow`.
    seconds: Option<u64>,
}

impl Fault {
    /// For how long the request is held.
    pub(crate) fn pause(&self) -> std::time::Duration {
        let default = if self.kind == Kind::Slow {
            1
        } else {
            FOREVER_SECONDS
        };
        std::time::Duration::from_secs(self.seconds.unwrap_or(default).min(FOREVER_SECONDS))
    }

    /// What it matches, for people.
    pub(crate) fn describe(&self) -> String {
        let Match {
            method,
            path_prefix,
            route,
        } = &self.matching;
        let method = method.as_deref().unwrap_or("any");
        match route {
            Some(route) => route.clone(),
            None => format!("{method} {}…", path_prefix.as_deref().unwrap_or("/")),
        }
    }

    fn matches(&self, method: &str, path: &str, route: &str) -> bool {
        let Match {
            method: wanted,
            path_prefix,
            route: exactly,
        } = &self.matching;
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path_prefix
                .as_ref()
                .is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && exactly.as_ref().is_none_or(|exactly| exactly == route)
    }
}

/// Uses up one turn of the first fault that matches and has let enough requests through.
pub(crate) fn strike(faults: &mut Vec<Fault>, method: &str, path: &str, route: &str) -> Option<Fault> {
    let mut struck = None;
    for (position, fault) in faults.iter_mut().enumerate() {
        if !fault.matches(method, path, route) {
            continue;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            continue;
        }
        fault.times = fault.times.saturating_sub(1);
        struck = Some((position, fault.clone()));
        break;
    }
    let (position, struck) = struck?;
    if struck.times == 0 {
        faults.remove(position);
    }
    Some(struck)
}

fn internal_error() -> u16 {
    500
}

fn once() -> u32 {
    1
}
