//! How long things take here, and what they cost.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What can be set by `POST /_sandbox/settings`. Times are seconds of the sandbox's clock.
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
    /// After how long a charge is disputed that was made with a card which disputes.
    pub(crate) dispute_open_seconds: i64,
    /// How long the merchant may answer a dispute before it is lost.
    pub(crate) dispute_response_seconds: i64,
    /// After how long an inquiry that came to nothing is closed.
    pub(crate) inquiry_close_seconds: i64,
    /// After how long the bank decides on evidence that tells it how to.
    pub(crate) dispute_decision_seconds: i64,
    /// Stripe's fee for a dispute, in the currency's smallest unit; null is the list price of each currency.
    pub(crate) dispute_fee: Option<i64>,
    /// Whether winning a dispute brings its fee back. It once did at Stripe; it does no more.
    pub(crate) dispute_fee_returned: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            balance_transaction_delay_seconds: 0,
            available_delay_seconds: 172_800,
            async_payment_seconds: 180,
            refund_settle_seconds: 3_600,
            payout_arrival_seconds: 86_400,
            dispute_open_seconds: 0,
            dispute_response_seconds: 1_814_400,
            inquiry_close_seconds: 10_368_000,
            dispute_decision_seconds: 0,
            dispute_fee: None,
            dispute_fee_returned: false,
        }
    }
}

impl Settings {
    /// These settings with others laid over them, or what is wrong with those.
    pub(crate) fn with(&self, asked: Map<String, Value>) -> Result<Self, String> {
        let mut merged = json!(self);
        for (key, value) in asked {
            if value.as_i64().is_some_and(|number| number < 0) {
                return Err(format!("{key} must be at least 0"));
            }
            merged[key] = value;
        }
        serde_json::from_value(merged).map_err(|error| error.to_string())
    }
}
