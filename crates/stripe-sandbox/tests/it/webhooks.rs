//! Events and their delivery.

use crate::support::{Bench, Endpoint, start_of_time};
use serde_json::json;

#[tokio::test]
async fn a_failing_endpoint_is_tried_again_on_the_sandbox_s_clock() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    endpoint.answer(500);
    bench.admin("deliveries", json!({"mode": "normal"})).await;
    let session = bench.session("2000", "eur").await;
    bench
        .post(
            &format!("/v1/checkout/sessions/{}/expire", session["id"].as_str().unwrap()),
            &[],
        )
        .await
        .ok();
    let tally = bench.settle().await;
    assert_eq!((&tally["failed"], &tally["pending"]), (&json!(1), &json!(1)));
    bench.advance(59).await;
    assert_eq!(bench.settle().await["failed"], 0);
    endpoint.answer(200);
    bench.advance(1).await;
    assert_eq!(
        bench.settle().await,
        json!({"delivered": 1, "failed": 0, "pending": 0, "held": 0})
    );
    let seen = endpoint.take();
    assert_eq!(seen[0]["id"], seen[1]["id"]);
    let start = start_of_time().timestamp();
    assert_eq!(
        [&seen[0]["signed_at"], &seen[1]["signed_at"]],
        [&json!(start), &json!(start + 60)]
    );
}

#[tokio::test]
async fn an_endpoint_that_never_answers_well_is_given_up() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    endpoint.answer(404);
    bench.charge("500", "eur", "pm_card_visa").await;
    for _ in 0..20 {
        bench.settle().await;
        bench.advance(36_000).await;
    }
    let tally = bench.settle().await;
    assert_eq!(tally["pending"], 0);
    let events = bench
        .client
        .get(bench.url("/_sandbox/events"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let events: serde_json::Value = serde_json::from_str(&events).unwrap();
    assert_eq!(events["events"][0]["deliveries"][0]["status"], "failed");
}

#[tokio::test]
async fn events_can_be_dropped_held_doubled_and_reordered() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let happens = async |mode: &str| {
        bench.admin("deliveries", json!({ "mode": mode })).await;
        bench.charge("500", "eur", "pm_card_visa").await;
        bench.settle().await;
        endpoint.types()
    };
    let [created, charged, succeeded] = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ];
    assert_eq!(happens("normal").await, [created, charged, succeeded]);
    assert_eq!(happens("drop").await, [""; 0]);
    assert_eq!(
        happens("duplicate").await,
        [created, created, charged, charged, succeeded, succeeded]
    );
    assert_eq!(happens("reorder").await, [succeeded, charged, created]);
    assert_eq!(happens("hold").await, [""; 0]);
    bench
        .admin("deliveries/release", json!({"order": "reverse"}))
        .await;
    bench.settle().await;
    assert_eq!(endpoint.types(), [succeeded, charged, created]);
}

#[tokio::test]
async fn an_event_can_be_sent_again_twice_or_later() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    bench.charge("500", "eur", "pm_card_visa").await;
    bench.settle().await;
    let id = endpoint.take()[2]["id"].as_str().unwrap().to_owned();
    for (action, times) in [("resend", 1), ("duplicate", 2), ("delay", 0)] {
        bench.admin(&format!("events/{id}/{action}"), json!({})).await;
        bench.settle().await;
        assert_eq!(endpoint.take().len(), times, "{action}");
    }
    bench.advance(3_600).await;
    bench.settle().await;
    assert_eq!(endpoint.take()[0]["id"], json!(id));
}

#[tokio::test]
async fn registered_endpoints_hear_what_they_asked_for() {
    let bench = Bench::start().await;
    let platform = Endpoint::start().await;
    let form = [
        ("url", platform.url.as_str()),
        ("enabled_events[]", "charge.succeeded"),
    ];
    let made = bench.post("/v1/webhook_endpoints", &form).await.ok();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = made["id"].as_str().unwrap();
    assert!(
        bench
            .get(&format!("/v1/webhook_endpoints/{id}"))
            .await
            .get("secret")
            .is_none()
    );
    let update = [("disabled", "true"), ("description", "off")];
    assert_eq!(
        bench
            .post(&format!("/v1/webhook_endpoints/{id}"), &update)
            .await
            .ok()["status"],
        "disabled"
    );
    bench.charge("500", "eur", "pm_card_visa").await;
    assert_eq!(bench.settle().await["pending"], 0);
    bench
        .send("DELETE", &format!("/v1/webhook_endpoints/{id}"), &[], &[])
        .await
        .ok();
    assert_eq!(bench.get("/v1/webhook_endpoints").await["data"], json!([]));
    let bad = [("url", "nowhere"), ("enabled_events[]", "*")];
    assert_eq!(
        bench.post("/v1/webhook_endpoints", &bad).await.refusal().1,
        "url_invalid"
    );
}

#[tokio::test]
async fn events_can_be_read_back() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    bench.charge("500", "eur", "pm_card_visa").await;
    let list = bench.get("/v1/events?type=charge.*").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let id = list["data"][0]["id"].as_str().unwrap();
    let event = bench.get(&format!("/v1/events/{id}")).await;
    assert!(event["request"]["id"].as_str().unwrap().starts_with("req_"));
    assert_eq!(
        bench.get("/v1/events?types[]=payment_intent.created").await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let theirs = bench
        .send("GET", "/v1/events", &[], &[("stripe-account", &account)])
        .await
        .ok();
    assert_eq!(theirs["data"][1]["type"], "account.updated");
}
