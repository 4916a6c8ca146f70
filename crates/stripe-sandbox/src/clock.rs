//! The sandbox's one clock.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where the sandbox's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockMode {
    /// The machine's clock. Time cannot be moved.
    System,
    /// Time stands still at this instant until `POST /_sandbox/clock` moves it, forwards only.
    Manual(DateTime<Utc>),
}

impl ClockMode {
    /// Seconds since 1970, Stripe's measure of time.
    pub(crate) fn now(self) -> i64 {
        match self {
            Self::System => system_now().timestamp(),
            Self::Manual(at) => at.timestamp(),
        }
    }
}

/// RFC 3339 with a `Z`, for people.
pub(crate) fn rfc3339(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the sandbox reads the machine's clock"
)]
fn system_now() -> DateTime<Utc> {
    Utc::now()
}
