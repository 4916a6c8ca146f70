//! The admin routes, for people: shown on the dashboard, explained in `README.md`.

/// Each route with its body, and what it does.
pub(crate) const ROUTES: &[(&str, &str)] = &[
    ("GET /_sandbox/clock", "the sandbox's time"),
    (
        "POST /_sandbox/clock {\"now\": \"RFC3339\"} or {\"advance_seconds\": N}",
        "moves a manual clock forwards; everything due happens, each at its own time",
    ),
    (
        "GET, POST /_sandbox/settings",
        "how long things take, and what a dispute costs; what is not named stays as it is",
    ),
    (
        "POST /_sandbox/settle",
        "returns when every delivery due has been attempted: {delivered, failed, pending, held}",
    ),
    ("POST /_sandbox/webhook {\"url\", \"secret\"}", "where events go"),
    (
        "GET /_sandbox/events",
        "all events with their deliveries, oldest first",
    ),
    (
        "POST /_sandbox/events/{id}/resend, /duplicate, /delay {\"seconds\": N}",
        "sends an event again, twice, or later, whatever the mode",
    ),
    (
        "POST /_sandbox/deliveries {\"mode\": \"normal|drop|hold|duplicate|reorder|random\"}",
        "what becomes of new events; drop also gives up all that wait; random takes seed, drop_percent, duplicate_percent, \
         delay_percent, most_delay_seconds",
    ),
    (
        "POST /_sandbox/deliveries/release {\"order\": \"reverse\"}",
        "delivers what is held; the body may be left out",
    ),
    (
        "POST /_sandbox/faults {\"match\": {\"method\", \"path_prefix\", \"route\"}, \"kind\", \"status\", \"skip\", \"times\", \
         \"seconds\"}",
        "after skip matching requests, the next times ones suffer: fail_before, fail_after, timeout, timeout_before, slow, \
         rate_limit, conflict, drop_connection, drop_connection_after",
    ),
    (
        "GET, DELETE /_sandbox/faults",
        "those still to strike; clears them",
    ),
    (
        "POST /_sandbox/idempotency/forget {\"key\"}",
        "forgets one idempotency key, or all of them without a body",
    ),
    (
        "POST /_sandbox/accounts/{id}/restrict, /enable, /reject, /pend",
        "moves a connected account",
    ),
    (
        "POST /_sandbox/accounts/{id}/deauthorize, /delete",
        "the account is the platform's no more, with account.application.deauthorized or without a word",
    ),
    (
        "POST /_sandbox/sessions/{id}/begin_payment {\"card\"}",
        "the buyer of an open session has pressed Pay, and the bank has not answered; the session can expire meanwhile",
    ),
    (
        "POST /_sandbox/sessions/{id}/finish_payment {\"outcome\": \"natural|succeeded|failed\"}",
        "the bank answers: a payment begun before, or a bank debit",
    ),
    (
        "POST /_sandbox/sessions/{id}/pay_late {\"card\"}",
        "the payment intent of an expired session succeeds all the same",
    ),
    (
        "POST /_sandbox/charges/{id}/dispute {\"kind\": \"chargeback|inquiry|lost\", \"amount\", \"reason\", \"fee\", \
         \"beyond_refunds\"}",
        "opens a dispute of a charge, or of a payment intent; the body may be left out",
    ),
    (
        "POST /_sandbox/disputes/{id}/decide {\"outcome\": \"under_review|won|lost|escalated|warning_closed\", \"reinstated\", \
         \"fee_returned\"}",
        "the bank decides; a lost dispute may bring a part back",
    ),
    (
        "POST /_sandbox/refunds/{id}/fail {\"reason\"}, /succeed",
        "a refund comes back, or a pending one succeeds now",
    ),
    (
        "POST /_sandbox/charges/{id}/refunds {\"plan\": \"at_once|pending|failing\"}",
        "what becomes of a charge's refunds from now on",
    ),
    (
        "POST /_sandbox/charges/{id}/balance_transaction",
        "applies a delayed balance transaction now",
    ),
    (
        "POST /_sandbox/payouts/{id}/fail {\"code\"}",
        "the bank sends a payout back",
    ),
    (
        "POST /_sandbox/balance_transactions {\"type\", \"amount\", \"currency\", \"fee\", \"reporting_category\", \
         \"description\", \"source\", \"account\", \"available_in_seconds\"}",
        "money moves for whatever reason: stripe_fee, adjustment, topup, advance…",
    ),
    (
        "GET /_sandbox/books",
        "balances, and all charges, refunds, disputes, transfers, reversals, payouts and balance transactions, for tests",
    ),
];

#[cfg(test)]
mod tests {
    use super::ROUTES;

    #[test]
    fn every_admin_route_is_explained() {
        let readme = include_str!("../../README.md");
        for (route, _) in ROUTES {
            let path = route
                .split_whitespace()
                .find(|word| word.starts_with('/'))
                .unwrap();
            let path = path.trim_end_matches(',');
            assert!(readme.contains(path), "{path}");
        }
    }
}
