//! Which events are told, when a message is sent again, and how it is signed: decided from values alone.

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use vitrine_model::Time;
use vitrine_model::webhook::{Topic, endpoint};

/// The pauses after the first, the second, … failure; after one more the message has failed.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];
/// How long an endpoint may fail before it is disabled.
const PATIENCE: TimeDelta = TimeDelta::days(5);
/// How long messages carry the signature of the secret before, too.
pub(super) const BOTH_SECRETS: TimeDelta = TimeDelta::hours(24);

/// The one table of events that endpoints are told of.
pub(super) fn topic(kind: &str) -> Option<Topic> {
    Some(match kind {
        "order.paid" => Topic::OrderPaid,
        "order.cancelled" => Topic::OrderCancelled,
        "order.shipped" => Topic::OrderShipped,
        "order.delivered" => Topic::OrderDelivered,
        "order.refund_requested" => Topic::RefundRequested,
        "order.refunded" => Topic::RefundSucceeded,
        "order.refund_failed" => Topic::RefundFailed,
        "return.requested" => Topic::ReturnRequested,
        "return.approved" => Topic::ReturnApproved,
        "return.declined" => Topic::ReturnDeclined,
        "dispute.inquiry_opened" | "dispute.opened" => Topic::DisputeOpened,
        "dispute.won" | "dispute.lost" | "dispute.dropped" | "dispute.corrected" => Topic::DisputeClosed,
        "payout.paid" => Topic::PayoutPaid,
        "payout.refused" => Topic::PayoutRefused,
        "payout.reversed" => Topic::PayoutReversed,
        "payout_account.restricted" => Topic::PayoutAccountRestricted,
        "earnings.released" => Topic::EarningsReleased,
        "import.done" => Topic::ImportDone,
        "import.failed" => Topic::ImportFailed,
        "product.updated" => Topic::ProductUpdated,
        "variant.updated" => Topic::VariantUpdated,
        "variant.stock_set" => Topic::StockSet,
        "webhook_endpoint.tested" => Topic::Test,
        _ => return None,
    })
}

/// Topics as they are kept: each word between spaces, so that one can be looked for.
pub(super) fn kept(topics: &[Topic]) -> String {
    let mut words: Vec<&str> = topics.iter().map(|topic| topic.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    format!(" {} ", words.join(" "))
}

/// The topics an endpoint wants, in the order declared. A word that is none any more is left out.
pub fn topics(endpoint: &endpoint::Model) -> Vec<Topic> {
    let mut topics: Vec<Topic> = endpoint
        .topics
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    topics.sort_unstable();
    topics
}

/// When a message is sent again after its attempt number `attempts` failed; `None` when it has failed. `chance` adds up to
/// a fifth, so that what failed together does not come back together.
pub(super) fn pause(attempts: i32, chance: u16) -> Option<TimeDelta> {
    let failed = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause = PAUSES.get(failed)?;
    let jitter = pause.num_milliseconds() / 5 * i64::from(chance) / i64::from(u16::MAX);
    Some(*pause + TimeDelta::milliseconds(jitter))
}

/// Whether an endpoint that has failed since then is to be disabled.
pub(super) fn has_failed_too_long(since: Time, now: Time) -> bool {
    now - since >= PATIENCE
}

/// Whose an endpoint is, where what one has is counted: the brand's, or its own if it is the platform's.
pub(super) fn whose(endpoint: &endpoint::Model) -> String {
    let brand = endpoint.brand_id.map(|brand| brand.to_string());
    brand.unwrap_or_else(|| endpoint.id.to_string())
}

/// The generations whose secrets sign a message that is sent now, the current one first.
pub(super) fn generations(endpoint: &endpoint::Model, now: Time) -> Vec<i32> {
    let both = endpoint.both_until.is_some_and(|until| now < until);
    let before = both.then_some(endpoint.generation - 1);
    std::iter::once(endpoint.generation).chain(before).collect()
}

/// The body of a message, as Standard Webhooks has it: `type`, `timestamp`, `data`.
pub(super) fn body(topic: Topic, at: Time, data: &Map<String, Value>) -> String {
    let timestamp = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    json!({ "type": topic.as_str(), "timestamp": timestamp, "data": data }).to_string()
}

/// One signature of version 1: HMAC-SHA-256 over id, time and body, joined by dots.
pub(super) fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    // HMAC takes keys of every length, so this cannot fail.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).unwrap_or_else(|_| unreachable!());
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The beginning of an answer as it can be kept: text without the characters that databases and terminals stumble over.
pub(super) fn legible(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let legible = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(legible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_ten_times_over_three_days() {
        let pauses: Vec<TimeDelta> = (1..).map_while(|attempts| pause(attempts, 0)).collect();
        assert_eq!(pauses, PAUSES);
        let sum: TimeDelta = pauses.iter().sum();
        assert_eq!(
            sum,
            TimeDelta::seconds(5) + TimeDelta::minutes(35) + TimeDelta::hours(75)
        );
        assert_eq!(pause(10, u16::MAX), None);
        assert_eq!(pause(0, 0), None, "what was never sent has not failed");
    }

    #[test]
    fn chance_adds_a_fifth_at_most() {
        assert_eq!(pause(2, u16::MAX), Some(TimeDelta::minutes(6)));
        assert_eq!(pause(1, u16::MAX), Some(TimeDelta::seconds(6)));
    }

    #[test]
    fn the_signature_of_the_standards_own_example() {
        // From the examples of the specification and of its libraries.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let made = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn topics_are_kept_so_that_each_can_be_looked_for() {
        assert_eq!(
            kept(&[Topic::OrderShipped, Topic::OrderPaid, Topic::OrderShipped]),
            " order.paid order.shipped "
        );
    }

    #[test]
    fn every_topic_comes_of_some_event() {
        let kinds = [
            "order.paid",
            "order.cancelled",
            "order.shipped",
            "order.delivered",
            "order.refund_requested",
            "order.refunded",
            "order.refund_failed",
            "return.requested",
            "return.approved",
            "return.declined",
            "dispute.opened",
            "dispute.won",
            "payout.paid",
            "payout.refused",
            "payout.reversed",
            "payout_account.restricted",
            "earnings.released",
            "import.done",
            "import.failed",
            "product.updated",
            "variant.updated",
            "variant.stock_set",
            "webhook_endpoint.tested",
        ];
        let told: Vec<Topic> = kinds.iter().filter_map(|kind| topic(kind)).collect();
        for wanted in Topic::ALL {
            assert!(told.contains(wanted), "{wanted}");
        }
    }

    #[test]
    fn answers_are_kept_as_text_whatever_they_are() {
        assert_eq!(legible(b"ok\0\x1b[31m\xff\n"), "ok\u{fffd}\u{fffd}[31m\u{fffd}\n");
    }
}
