//! Payments that end otherwise than their session: under way while it expires, paid after that, paid twice.

use crate::support::{Bench, session_form};
use serde_json::{Value, json};

async fn session(bench: &Bench, session: &Value) -> Value {
    let id = session["id"].as_str().unwrap();
    let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent.latest_charge");
    bench.get(&path).await
}

async fn act(bench: &Bench, session: &Value, verb: &str, body: Value) -> Value {
    let id = session["id"].as_str().unwrap();
    bench.admin(&format!("sessions/{id}/{verb}"), body).await
}

async fn refused(bench: &Bench, session: &Value, verb: &str) -> u16 {
    let path = format!("/_sandbox/sessions/{}/{verb}", session["id"].as_str().unwrap());
    let request = bench.client.post(bench.url(&path)).json(&json!({}));
    request.send().await.unwrap().status().as_u16()
}

async fn expire(bench: &Bench, session: &Value) {
    let path = format!("/v1/checkout/sessions/{}/expire", session["id"].as_str().unwrap());
    bench.post(&path, &[]).await.ok();
}

#[tokio::test]
async fn a_payment_under_way_outlives_its_session() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let made = bench.session("2000", "eur").await;
    act(&bench, &made, "begin_payment", json!({})).await;
    assert_eq!(
        session(&bench, &made).await["payment_intent"]["status"],
        "processing"
    );
    // The buyer presses Pay once more.
    assert_eq!(bench.pay(&made, "4242424242424242").await.0, 402);
    bench.advance(86_400).await;
    bench.settle().await;
    assert_eq!(
        endpoint.types(),
        [
            "payment_intent.created",
            "payment_intent.processing",
            "checkout.session.expired"
        ]
    );
    act(&bench, &made, "finish_payment", json!({})).await;
    let paid = session(&bench, &made).await;
    assert_eq!(
        (&paid["status"], &paid["payment_status"]),
        (&json!("expired"), &json!("unpaid"))
    );
    assert_eq!(
        (
            &paid["payment_intent"]["status"],
            &paid["payment_intent"]["latest_charge"]["paid"]
        ),
        (&json!("succeeded"), &json!(true))
    );
    assert_eq!(paid["payment_intent"]["metadata"]["order"], "1");
    bench.settle().await;
    assert_eq!(endpoint.types(), ["charge.succeeded", "payment_intent.succeeded"]);
}

#[tokio::test]
async fn a_payment_under_way_completes_a_session_that_still_lives() {
    let bench = Bench::start().await;
    let made = bench.session("2000", "eur").await;
    act(
        &bench,
        &made,
        "begin_payment",
        json!({"card": "4000000000000002"}),
    )
    .await;
    act(&bench, &made, "finish_payment", json!({})).await;
    let declined = session(&bench, &made).await;
    assert_eq!(
        (&declined["status"], &declined["payment_intent"]["status"]),
        (&json!("open"), &json!("requires_payment_method"))
    );
    act(&bench, &made, "begin_payment", json!({"card": "pm_card_visa"})).await;
    act(&bench, &made, "finish_payment", json!({})).await;
    let paid = session(&bench, &made).await;
    assert_eq!(
        (&paid["status"], &paid["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    for verb in ["begin_payment", "finish_payment", "pay_late"] {
        assert_eq!(refused(&bench, &made, verb).await, 400, "{verb}");
    }
    assert_eq!(refused(&bench, &made, "explode").await, 404);
}

#[tokio::test]
async fn a_payment_under_way_may_fail_after_its_session_expired() {
    let bench = Bench::start().await;
    let made = bench.session("2000", "eur").await;
    act(&bench, &made, "begin_payment", json!({})).await;
    expire(&bench, &made).await;
    act(&bench, &made, "finish_payment", json!({"outcome": "failed"})).await;
    assert_eq!(
        session(&bench, &made).await["payment_intent"]["status"],
        "canceled"
    );
    assert_eq!(bench.books().await["balance"], json!({}));
}

#[tokio::test]
async fn two_sessions_of_one_order_are_both_paid() {
    let bench = Bench::start().await;
    let (first, second) = (
        bench.session("2000", "eur").await,
        bench.session("2000", "eur").await,
    );
    assert_eq!(refused(&bench, &first, "pay_late").await, 400);
    expire(&bench, &first).await;
    bench.pay(&second, "4242424242424242").await;
    act(&bench, &first, "pay_late", json!({})).await;
    let list = bench.get("/v1/payment_intents").await;
    let paid: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["status"])
        .collect();
    assert_eq!(paid, ["succeeded", "succeeded"]);
    let (third, fourth) = (
        bench.session("2000", "eur").await,
        bench.session("2000", "eur").await,
    );
    for open in [&third, &fourth] {
        assert_eq!(bench.pay(open, "4242424242424242").await.0, 303);
    }
    let open = bench.get("/v1/checkout/sessions?status=complete").await;
    assert_eq!(open["data"].as_array().unwrap().len(), 3);
    let intent = session(&bench, &first).await["payment_intent"]["id"].clone();
    let by_intent = format!(
        "/v1/checkout/sessions?payment_intent={}",
        intent.as_str().unwrap()
    );
    assert_eq!(bench.get(&by_intent).await["data"][0]["id"], first["id"]);
}

#[tokio::test]
async fn a_session_whose_card_was_declined_can_be_paid_late_too() {
    let bench = Bench::start().await;
    let made = bench.session("2000", "eur").await;
    bench.pay(&made, "4000000000000002").await;
    expire(&bench, &made).await;
    assert_eq!(
        session(&bench, &made).await["payment_intent"]["status"],
        "canceled"
    );
    act(&bench, &made, "pay_late", json!({})).await;
    assert_eq!(
        session(&bench, &made).await["payment_intent"]["status"],
        "succeeded"
    );
}

#[tokio::test]
async fn a_bank_debit_is_answered_when_the_test_says_so() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    for (outcome, event, status) in [
        ("succeeded", "checkout.session.async_payment_succeeded", "paid"),
        ("failed", "checkout.session.async_payment_failed", "unpaid"),
    ] {
        let mut form = session_form("2000", "eur");
        form.push(("payment_method_types[]", "sepa_debit"));
        let made = bench.post("/v1/checkout/sessions", &form).await.ok();
        let page = made["url"].as_str().unwrap();
        bench
            .submit(page, &[("iban", "DE89370400440532013000"), ("name", "Jenny")])
            .await;
        bench.settle().await;
        endpoint.take();
        act(&bench, &made, "finish_payment", json!({ "outcome": outcome })).await;
        bench.advance(180).await;
        bench.settle().await;
        let told = endpoint.types();
        assert_eq!(told.len(), 3);
        assert_eq!(told[2], event);
        assert_eq!(session(&bench, &made).await["payment_status"], status);
    }
}
