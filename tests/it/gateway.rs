//! The Stripe gateway against the sandbox: every call, every fact, every fault.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vitrine_domain::ports::{
    Balances, Call, CallError, ChargeFacts, Outcome, Payments, RefundStatus, SessionFacts, SessionLine,
    SessionStatus, TransferFacts,
};
use vitrine_model::id::IntentId;
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::AccountClosure;
use vitrine_stripe_gateway::{Config, StripePayments};

use crate::support::stripe::Stripe;
use crate::support::{FRONTEND, START, STRIPE_KEY};

/// A card whose money is available at once.
const AVAILABLE_AT_ONCE: &str = "4000000000000077";

/// A sandbox and a gateway to it that waits a second for an answer.
struct Bench {
    stripe: Stripe,
    gateway: StripePayments,
}

fn gateway(url: String, key: &str) -> StripePayments {
    StripePayments::new(Config {
        base_url: url,
        timeout: Duration::from_secs(1),
        ..Config::new(key.to_owned().into())
    })
    .unwrap()
}

fn start() -> DateTime<Utc> {
    START.parse().unwrap()
}

fn with_stripe(test: impl AsyncFnOnce(&Bench)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stripe = Stripe::start(start()).await;
        let gateway = gateway(stripe.url(), STRIPE_KEY);
        let bench = Bench { stripe, gateway };
        test(&bench).await;
        bench.stripe.stop().await;
    });
}

fn intent(number: u128) -> IntentId {
    format!("intent_{number:0>26}").parse().unwrap()
}

fn session_call(order: &str) -> Call {
    let line = |name: &str, unit_amount, quantity| SessionLine {
        name: name.to_owned(),
        description: Some("Size M, 5.40 EUR off thanks to Anna".to_owned()),
        image: None,
        unit_amount,
        quantity,
    };
    Call::SessionOpen {
        order: order.to_owned(),
        order_number: "ABCDE-12345".to_owned(),
        currency: "EUR".to_owned(),
        lines: vec![line("Apron", 9460, 2), line("Shipping by Kitchenware", 490, 1)],
        methods: vec!["card".to_owned()],
        email: Some("berta@example.com".to_owned()),
        expires_at: (start() + TimeDelta::minutes(31)).timestamp(),
        success_url: format!("{FRONTEND}/thanks?session={{CHECKOUT_SESSION_ID}}"),
        cancel_url: format!("{FRONTEND}/cart"),
    }
}

fn account_call() -> Call {
    Call::AccountOpen {
        party: "acct_party".to_owned(),
        country: "DE".to_owned(),
        email: Some("anna@example.com".to_owned()),
        name: "Anna".to_owned(),
    }
}

impl Bench {
    async fn make(&self, number: u128, call: &Call) -> Result<Outcome, CallError> {
        let intent = intent(number);
        self.gateway
            .call(&format!("vitrine-{intent}"), intent, call)
            .await
    }

    async fn find(&self, number: u128, call: &Call) -> Option<Outcome> {
        let since = start() - TimeDelta::minutes(10);
        self.gateway.find(intent(number), call, since).await.unwrap()
    }

    async fn session(&self, number: u128, order: &str) -> SessionFacts {
        match self.make(number, &session_call(order)).await.unwrap() {
            Outcome::Session(session) => session,
            other => panic!("not a session: {other:?}"),
        }
    }

    /// A session paid with a card, and the charge it made.
    async fn charge(&self, number: u128, order: &str) -> ChargeFacts {
        let session = self.session(number, order).await;
        self.stripe
            .pay(session.url.as_ref().unwrap(), AVAILABLE_AT_ONCE)
            .await;
        let session = self.gateway.session(&session.id).await.unwrap();
        let charge = self
            .gateway
            .payment(&session.payment_intent.unwrap())
            .await
            .unwrap()
            .charge;
        let charge = charge.expect("the session was paid");
        // The balance transaction follows the charge.
        self.stripe.advance(TimeDelta::minutes(5)).await;
        self.gateway.charge(&charge.id).await.unwrap()
    }

    async fn account(&self, number: u128) -> String {
        let Outcome::Account(account) = self.make(number, &account_call()).await.unwrap() else {
            panic!("not an account");
        };
        let link = self
            .gateway
            .onboarding_link(&account.id, FRONTEND, FRONTEND)
            .await
            .unwrap();
        self.stripe.onboard(&link).await;
        account.id
    }

    async fn transfer(&self, number: u128, destination: &str) -> (Call, TransferFacts) {
        let call = Call::TransferMake {
            destination: destination.to_owned(),
            amount: 810,
            currency: "EUR".to_owned(),
            payout: format!("po_{number}"),
        };
        match self.make(number, &call).await.unwrap() {
            Outcome::Transfer(transfer) => (call, transfer),
            other => panic!("not a transfer: {other:?}"),
        }
    }

    async fn fault(&self, kind: &str, times: u32, path: &str) {
        let fault =
            json!({ "kind": kind, "times": times, "match": { "method": "POST", "path_prefix": path } });
        self.stripe.admin("faults", fault).await;
    }

    async fn count(&self, of: &str) -> Value {
        self.stripe.books().await["counts"][of].clone()
    }
}

fn eur(minor: i64) -> Option<Money> {
    Some(Money::new(minor, Currency::Eur))
}

#[test]
fn a_session_is_opened_read_and_found_again() {
    with_stripe(async |bench| {
        let made = bench.session(1, "order_1").await;
        assert_eq!(made.order.as_deref(), Some("order_1"));
        assert_eq!(
            (made.status, made.paid, made.livemode),
            (SessionStatus::Open, false, false)
        );
        assert_eq!(made.total, eur(2 * 9460 + 490));
        assert_eq!(made.created, start());
        assert!(made.url.is_some());
        assert_eq!(bench.gateway.session(&made.id).await.unwrap(), made);
        assert_eq!(
            bench.find(1, &session_call("order_1")).await,
            Some(Outcome::Session(made))
        );
        assert_eq!(
            bench.find(2, &session_call("order_1")).await,
            None,
            "only the intent's own counts"
        );
        let known = bench.stripe.api("/v1/checkout/sessions").await;
        let known = &known["data"][0];
        assert_eq!(known["payment_method_types"], json!(["card"]));
        assert_eq!(known["allow_promotion_codes"], json!(null));
        assert_eq!(known["metadata"]["order"], "order_1");
    });
}

#[test]
fn what_was_made_is_found_beyond_the_first_page() {
    with_stripe(async |bench| {
        for number in 1..=104 {
            bench.session(number, "order_1").await;
        }
        assert!(bench.find(1, &session_call("order_1")).await.is_some());
    });
}

#[test]
fn a_session_expires_once_and_is_found_expired() {
    with_stripe(async |bench| {
        let made = bench.session(1, "order_1").await;
        let call = Call::SessionExpire {
            session: made.id.clone(),
        };
        assert_eq!(bench.find(2, &call).await, None);
        let Outcome::Session(expired) = bench.make(2, &call).await.unwrap() else {
            panic!("not a session");
        };
        assert_eq!((expired.id, expired.status), (made.id, SessionStatus::Expired));
        assert!(bench.find(2, &call).await.is_some());
        let again = bench.make(3, &call).await;
        assert!(matches!(again, Err(CallError::Refused { .. })), "{again:?}");
    });
}

#[test]
fn a_charge_is_read_with_its_balance_transaction() {
    with_stripe(async |bench| {
        let session = bench.session(1, "order_1").await;
        bench
            .stripe
            .pay(session.url.as_ref().unwrap(), AVAILABLE_AT_ONCE)
            .await;
        let session = bench.gateway.session(&session.id).await.unwrap();
        assert_eq!((session.status, session.paid), (SessionStatus::Complete, true));
        let payment_intent = session.payment_intent.unwrap();
        let first = bench
            .gateway
            .payment(&payment_intent)
            .await
            .unwrap()
            .charge
            .unwrap();
        assert!(first.paid && !first.livemode);
        assert_eq!(first.order.as_deref(), Some("order_1"));
        assert_eq!(first.amount, eur(19_410));
        assert_eq!(first.payment_intent.as_ref(), Some(&payment_intent));
        bench.stripe.advance(TimeDelta::minutes(5)).await;
        let charge = bench.gateway.charge(&first.id).await.unwrap();
        let movement = charge.balance_transaction.clone().expect("it has come by now");
        assert_eq!((movement.kind.as_str(), &movement.source), ("charge", &first.id));
        assert_eq!((movement.amount, movement.net), (19_410, 19_410 - movement.fee));
        assert!(movement.fee > 0 && movement.currency == Currency::Eur);
        assert_eq!(
            bench.gateway.payment(&payment_intent).await.unwrap().charge,
            Some(charge)
        );
        let balance = bench.gateway.balance().await.unwrap().known;
        assert_eq!(balance.len(), 1);
        assert_eq!(
            (balance[0].available, balance[0].currency),
            (movement.net, Currency::Eur)
        );
        let known = bench
            .stripe
            .api(&format!("/v1/payment_intents/{payment_intent}"))
            .await;
        assert_eq!(known["metadata"]["order"], "order_1");
    });
}

#[test]
fn a_declined_card_leaves_no_charge() {
    with_stripe(async |bench| {
        let session = bench.session(1, "order_1").await;
        bench
            .stripe
            .pay(session.url.as_ref().unwrap(), "4000000000000002")
            .await;
        let session = bench.gateway.session(&session.id).await.unwrap();
        assert_eq!((session.status, session.paid), (SessionStatus::Open, false));
        if let Some(payment_intent) = session.payment_intent {
            assert_eq!(bench.gateway.payment(&payment_intent).await.unwrap().charge, None);
        }
    });
}

#[test]
fn a_refund_is_made_read_found_and_may_fail_later() {
    with_stripe(async |bench| {
        let charge = bench.charge(1, "order_1").await;
        let call = Call::RefundMake {
            charge: charge.id.clone(),
            amount: 9460,
            currency: "EUR".to_owned(),
            refund: "refund_1".to_owned(),
            order: "order_1".to_owned(),
        };
        let Outcome::Refund(made) = bench.make(2, &call).await.unwrap() else {
            panic!("not a refund");
        };
        assert_eq!((made.status, made.amount), (RefundStatus::Succeeded, eur(9460)));
        assert_eq!(
            (made.refund.as_deref(), made.charge.as_ref()),
            (Some("refund_1"), Some(&charge.id))
        );
        let movement = made.balance_transaction.clone().unwrap();
        assert_eq!((movement.kind.as_str(), movement.net), ("refund", -9460));
        assert_eq!(bench.gateway.refund(&made.id).await.unwrap(), made);
        assert_eq!(bench.find(2, &call).await, Some(Outcome::Refund(made.clone())));
        bench
            .stripe
            .admin(&format!("refunds/{}/fail", made.id), json!({}))
            .await;
        let failed = bench.gateway.refund(&made.id).await.unwrap();
        assert_eq!(failed.status, RefundStatus::Failed);
        assert_eq!(
            failed.failure_balance_transaction.map(|back| back.net),
            Some(9460)
        );
    });
}

#[test]
fn more_than_was_charged_is_not_refunded() {
    with_stripe(async |bench| {
        let charge = bench.charge(1, "order_1").await;
        let call = Call::RefundMake {
            charge: charge.id,
            amount: 19_411,
            currency: "EUR".to_owned(),
            refund: "refund_1".to_owned(),
            order: "order_1".to_owned(),
        };
        assert!(matches!(
            bench.make(2, &call).await,
            Err(CallError::Refused { .. })
        ));
        assert_eq!(bench.find(2, &call).await, None);
    });
}

#[test]
fn an_account_is_opened_onboarded_restricted_and_found() {
    with_stripe(async |bench| {
        let Outcome::Account(made) = bench.make(1, &account_call()).await.unwrap() else {
            panic!("not an account");
        };
        assert!(!made.details_submitted && !made.transfers_active && made.requirements_due > 0);
        let link = bench
            .gateway
            .onboarding_link(&made.id, FRONTEND, FRONTEND)
            .await
            .unwrap();
        bench.stripe.onboard(&link).await;
        let ready = bench.gateway.account(&made.id).await.unwrap();
        assert!(ready.details_submitted && ready.transfers_active);
        assert_eq!(ready.requirements_due, 0);
        assert_eq!(
            bench.find(1, &account_call()).await,
            Some(Outcome::Account(ready))
        );
        bench
            .stripe
            .admin(&format!("accounts/{}/restrict", made.id), json!({}))
            .await;
        assert!(!bench.gateway.account(&made.id).await.unwrap().transfers_active);
    });
}

#[test]
fn a_transfer_is_made_read_found_and_reversed() {
    with_stripe(async |bench| {
        bench.charge(1, "order_1").await;
        let destination = bench.account(2).await;
        let (call, made) = bench.transfer(3, &destination).await;
        assert_eq!((made.payout.as_deref(), made.amount), (Some("po_3"), eur(810)));
        assert_eq!(made.destination.as_ref(), Some(&destination));
        let movement = made.balance_transaction.clone().unwrap();
        assert_eq!(
            (movement.kind.as_str(), &movement.source, movement.net),
            ("transfer", &made.id, -810)
        );
        assert_eq!(bench.gateway.transfer(&made.id).await.unwrap(), made);
        assert_eq!(bench.find(3, &call).await, Some(Outcome::Transfer(made.clone())));
        assert_eq!(bench.find(4, &call).await, None);

        let call = Call::TransferReverse {
            transfer: made.id.clone(),
            amount: 300,
            reversal: "rev_1".to_owned(),
        };
        let Outcome::Reversal(reversal) = bench.make(5, &call).await.unwrap() else {
            panic!("not a reversal");
        };
        assert_eq!(
            (reversal.transfer.as_str(), reversal.amount),
            (made.id.as_str(), eur(300))
        );
        assert_eq!(reversal.reversal.as_deref(), Some("rev_1"));
        assert_eq!(
            reversal.balance_transaction.as_ref().map(|back| back.net),
            Some(300)
        );
        assert_eq!(bench.find(5, &call).await, Some(Outcome::Reversal(reversal)));
        let too_much = Call::TransferReverse {
            transfer: made.id,
            amount: 511,
            reversal: "rev_2".to_owned(),
        };
        assert!(matches!(
            bench.make(6, &too_much).await,
            Err(CallError::Refused { .. })
        ));
    });
}

#[test]
fn a_transfer_that_nothing_covers_is_refused_with_stripes_code() {
    with_stripe(async |bench| {
        let destination = bench.account(1).await;
        let call = Call::TransferMake {
            destination,
            amount: 810,
            currency: "EUR".to_owned(),
            payout: "po_1".to_owned(),
        };
        let refused = bench.make(2, &call).await;
        assert!(
            matches!(&refused, Err(CallError::Refused { code, .. }) if code == "balance_insufficient"),
            "{refused:?}"
        );
    });
}

#[test]
fn a_moments_trouble_is_ridden_out_under_the_same_key() {
    with_stripe(async |bench| {
        for (number, kind) in (1..).zip([
            "fail_before",
            "rate_limit",
            "conflict",
            "drop_connection",
            "drop_connection_after",
        ]) {
            bench.fault(kind, 2, "/v1/accounts").await;
            let made = bench.make(number, &account_call()).await;
            assert!(made.is_ok(), "{kind}: {made:?}");
        }
        assert_eq!(bench.count("accounts").await, json!(5), "each was opened once");
    });
}

#[test]
fn lasting_trouble_is_unknown_never_refused() {
    with_stripe(async |bench| {
        for (number, kind) in (1..).zip(["fail_before", "rate_limit", "conflict", "drop_connection"]) {
            bench.fault(kind, 3, "/v1/accounts").await;
            let made = bench.make(number, &account_call()).await;
            assert!(matches!(made, Err(CallError::Unknown(_))), "{kind}: {made:?}");
            assert_eq!(bench.find(number, &account_call()).await, None, "{kind}");
        }
        assert_eq!(bench.count("accounts").await, json!(0));
    });
}

#[test]
fn what_took_effect_behind_a_failure_is_found() {
    with_stripe(async |bench| {
        bench.fault("fail_after", 1, "/v1/accounts").await;
        let made = bench.make(1, &account_call()).await;
        assert!(
            matches!(made, Err(CallError::Unknown(_))),
            "the key replays the failure: {made:?}"
        );
        assert!(bench.find(1, &account_call()).await.is_some());
        assert_eq!(bench.count("accounts").await, json!(1));
    });
}

#[test]
fn an_answer_that_never_comes_is_unknown_and_the_key_tells_it_later() {
    with_stripe(async |bench| {
        bench.fault("timeout", 1, "/v1/accounts").await;
        let made = bench.make(1, &account_call()).await;
        assert!(matches!(made, Err(CallError::Unknown(_))), "{made:?}");
        let again = bench.make(1, &account_call()).await.unwrap();
        assert_eq!(bench.find(1, &account_call()).await, Some(again));
        assert_eq!(bench.count("accounts").await, json!(1));
    });
}

#[test]
fn the_same_key_makes_one_object_and_other_parameters_are_unknown() {
    with_stripe(async |bench| {
        let first = bench.session(1, "order_1").await;
        assert_eq!(bench.session(1, "order_1").await, first);
        assert_eq!(bench.count("checkout_sessions").await, json!(1));
        let other = bench.make(1, &session_call("order_2")).await;
        assert!(matches!(other, Err(CallError::Unknown(_))), "{other:?}");
    });
}

#[test]
fn a_key_stripe_does_not_accept_is_told_as_such() {
    with_stripe(async |bench| {
        let stranger = gateway(bench.stripe.url(), "sk_test_somebody_else");
        let refused = stranger.balance().await;
        assert!(matches!(refused, Err(CallError::Unauthorized(_))), "{refused:?}");
        assert!(!stranger.livemode());
    });
}

#[test]
fn an_object_stripe_does_not_have_is_refused() {
    with_stripe(async |bench| {
        for id in ["cs_test_unknown", "../balance"] {
            let refused = bench.gateway.session(id).await;
            assert!(
                matches!(&refused, Err(CallError::Refused { code, .. }) if code == "resource_missing"),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn nobody_at_the_other_end_is_unknown() {
    with_stripe(async |bench| {
        let gateway = gateway("http://127.0.0.1:9".to_owned(), STRIPE_KEY);
        assert!(matches!(gateway.balance().await, Err(CallError::Unknown(_))));
        assert_eq!(bench.gateway.balance().await.unwrap(), Balances::default());
    });
}

#[test]
fn lists_are_read_page_by_page_the_newest_first() {
    with_stripe(async |bench| {
        for number in 1..=104 {
            bench.session(number, &format!("order_{number}")).await;
        }
        let since = start() - TimeDelta::minutes(1);
        let first = bench.gateway.sessions(since, None).await.unwrap();
        assert_eq!(first.rows.len(), 100);
        let second = bench
            .gateway
            .sessions(since, first.next.as_deref())
            .await
            .unwrap();
        assert_eq!((second.rows.len(), second.next), (4, None));
        let orders: Vec<_> = first
            .rows
            .iter()
            .chain(&second.rows)
            .map(|row| row.order.clone().unwrap())
            .collect();
        let expected: Vec<_> = (1..=104).rev().map(|number| format!("order_{number}")).collect();
        assert_eq!(orders, expected);
        let later = bench
            .gateway
            .sessions(start() + TimeDelta::minutes(1), None)
            .await
            .unwrap();
        assert_eq!((later.rows.len(), later.next), (0, None));
    });
}

#[test]
fn every_movement_of_the_balance_is_listed_with_what_it_is_about() {
    with_stripe(async |bench| {
        let charge = bench.charge(1, "order_1").await;
        let account = bench.account(2).await;
        let (_, transfer) = bench.transfer(3, &account).await;
        let call = Call::RefundMake {
            charge: charge.id.clone(),
            amount: 1000,
            currency: "EUR".to_owned(),
            refund: "refund_1".to_owned(),
            order: "order_1".to_owned(),
        };
        let Outcome::Refund(refund) = bench.make(4, &call).await.unwrap() else {
            panic!("not a refund");
        };
        let movements = bench.gateway.movements(start(), None).await.unwrap();
        let seen: Vec<_> = movements
            .rows
            .iter()
            .map(|row| (row.kind.as_str(), row.source.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("refund", &*refund.id),
                ("transfer", &*transfer.id),
                ("charge", &*charge.id)
            ]
        );
        assert_eq!(movements.next, None);
        let held: i64 = movements.rows.iter().map(|row| row.net).sum();
        let balance = bench.gateway.balance().await.unwrap().known;
        assert_eq!(balance[0].available + balance[0].pending, held);
        let refunds = bench.gateway.refunds(start(), None).await.unwrap();
        assert_eq!(refunds.rows[0].id, refund.id);
        assert!(refunds.rows[0].balance_transaction.is_some());
        let transfers = bench.gateway.transfers(start(), None).await.unwrap();
        assert_eq!(
            transfers.rows,
            [bench.gateway.transfer(&transfer.id).await.unwrap()]
        );
    });
}

#[test]
fn an_account_that_was_rejected_or_is_gone_is_told_as_such() {
    with_stripe(async |bench| {
        let account = bench.account(1).await;
        assert_eq!(bench.gateway.account(&account).await.unwrap().closed, None);
        bench
            .stripe
            .admin(&format!("accounts/{account}/reject"), json!({}))
            .await;
        let rejected = bench.gateway.account(&account).await.unwrap();
        assert_eq!(
            (rejected.closed, rejected.transfers_active),
            (Some(AccountClosure::Rejected), false)
        );
        let gone = bench.gateway.account("acct_1nobodys").await.unwrap();
        assert_eq!(gone.closed, Some(AccountClosure::Deleted));
    });
}
