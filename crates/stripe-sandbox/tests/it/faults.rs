//! Faults on demand.

use crate::support::Bench;
use serde_json::{Value, json};

const FORM: [(&str, &str); 4] = [
    ("amount", "500"),
    ("currency", "eur"),
    ("payment_method", "pm_card_visa"),
    ("confirm", "true"),
];

async fn fault(bench: &Bench, kind: &str) {
    let matching = json!({"method": "POST", "path_prefix": "/v1/payment_intents"});
    bench
        .admin(
            "faults",
            json!({"match": matching, "kind": kind, "status": 503, "times": 1, "seconds": 1}),
        )
        .await;
}

async fn charges(bench: &Bench) -> Value {
    bench.books().await["counts"]["charges"].clone()
}

#[tokio::test]
async fn a_failure_before_the_effect_leaves_the_key_unused() {
    let bench = Bench::start().await;
    for (kind, status) in [("fail_before", 503), ("rate_limit", 429), ("conflict", 409)] {
        fault(&bench, kind).await;
        let refused = bench
            .send("POST", "/v1/payment_intents", &FORM, &[("idempotency-key", kind)])
            .await;
        assert_eq!(refused.status, status, "{kind}");
        let before = charges(&bench).await;
        bench
            .send("POST", "/v1/payment_intents", &FORM, &[("idempotency-key", kind)])
            .await
            .ok();
        assert_eq!(charges(&bench).await, before.as_i64().unwrap() + 1, "{kind}");
    }
}

#[tokio::test]
async fn a_failure_after_the_effect_is_replayed() {
    let bench = Bench::start().await;
    fault(&bench, "fail_after").await;
    let key = [("idempotency-key", "k")];
    assert_eq!(
        bench
            .send("POST", "/v1/payment_intents", &FORM, &key)
            .await
            .status,
        503
    );
    let again = bench.send("POST", "/v1/payment_intents", &FORM, &key).await;
    assert_eq!(
        (
            again.status,
            again.headers["idempotent-replayed"].to_str().unwrap()
        ),
        (503, "true")
    );
    assert_eq!(charges(&bench).await, 1);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_by_its_key() {
    let bench = Bench::start().await;
    for (kind, already) in [
        ("drop_connection", 0),
        ("drop_connection_after", 1),
        ("timeout_before", 0),
        ("timeout", 1),
    ] {
        let before = charges(&bench).await.as_i64().unwrap();
        fault(&bench, kind).await;
        let key = [("idempotency-key", kind)];
        let lost = bench.try_send("POST", "/v1/payment_intents", &FORM, &key).await;
        assert!(lost.is_err(), "{kind}");
        assert_eq!(charges(&bench).await, before + already, "{kind}");
        bench.send("POST", "/v1/payment_intents", &FORM, &key).await.ok();
        assert_eq!(charges(&bench).await, before + 1, "{kind}");
    }
}

#[tokio::test]
async fn a_key_in_flight_is_refused() {
    let bench = Bench::start().await;
    fault(&bench, "slow").await;
    let key = [("idempotency-key", "k")];
    let send = || bench.send("POST", "/v1/payment_intents", &FORM, &key);
    let (one, other) = tokio::join!(send(), send());
    let (held, refused) = if one.status == 200 {
        (one, other)
    } else {
        (other, one)
    };
    held.ok();
    assert_eq!(refused.refusal(), (409, "idempotency_key_in_use", ""));
    assert_eq!(charges(&bench).await, 1);
}

#[tokio::test]
async fn faults_strike_only_what_they_match_and_can_be_cleared() {
    let bench = Bench::start().await;
    fault(&bench, "fail_before").await;
    bench.get("/v1/payment_intents").await;
    bench.session("2000", "eur").await;
    let cleared = bench
        .client
        .delete(bench.url("/_sandbox/faults"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(cleared, json!({"cleared": 1}).to_string());
    bench.post("/v1/payment_intents", &FORM).await.ok();
    let wrong = bench
        .client
        .post(bench.url("/_sandbox/faults"))
        .json(&json!({"kind": "explode"}));
    assert_eq!(wrong.send().await.unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn a_fault_can_wait_for_its_turn_on_one_route() {
    let bench = Bench::start().await;
    let route = "GET /v1/checkout/sessions/{session}";
    let body = json!({"match": {"route": route}, "kind": "rate_limit", "skip": 1, "times": 2});
    bench.admin("faults", body).await;
    let session = bench.session("2000", "eur").await;
    let path = format!("/v1/checkout/sessions/{}", session["id"].as_str().unwrap());
    bench.get("/v1/checkout/sessions").await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(bench.send("GET", &path, &[], &[]).await.status);
    }
    assert_eq!(seen, [200, 429, 429, 200]);
    let list = bench.page("/_sandbox/faults").await.1;
    assert_eq!(list, json!({"faults": []}).to_string());
    let wrong = bench
        .client
        .post(bench.url("/_sandbox/faults"))
        .json(&json!({"match": {"route": "GET /v1/nothing"}, "kind": "slow"}));
    assert_eq!(wrong.send().await.unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn one_key_can_be_forgotten() {
    let bench = Bench::start().await;
    for key in ["a", "b"] {
        let key = [("idempotency-key", key)];
        bench.send("POST", "/v1/payment_intents", &FORM, &key).await.ok();
    }
    let forgotten = bench.admin("idempotency/forget", json!({"key": "a"})).await;
    assert_eq!(forgotten, json!({"forgotten": 1}));
    for key in ["a", "b"] {
        let key = [("idempotency-key", key)];
        bench.send("POST", "/v1/payment_intents", &FORM, &key).await.ok();
    }
    assert_eq!(charges(&bench).await, 3);
}
