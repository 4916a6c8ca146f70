//! Events lost, late, doubled and out of order.

use crate::support::Bench;
use serde_json::json;

#[tokio::test]
async fn when_all_is_dropped_nothing_arrives() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    endpoint.answer(500);
    bench.charge("500", "eur", "pm_card_visa").await;
    bench.settle().await;
    endpoint.take();
    let dropped = bench.admin("deliveries", json!({"mode": "drop"})).await;
    assert_eq!(dropped, json!({"mode": "drop", "dropped": 3}));
    endpoint.answer(200);
    bench.charge("500", "eur", "pm_card_visa").await;
    bench.advance(86_400).await;
    let tally = bench.settle().await;
    assert_eq!((&tally["pending"], endpoint.take().len()), (&json!(0), 0));
    // Still, they are there to be read, and to be sent again.
    let list = bench.get("/v1/events?type=charge.succeeded").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let id = list["data"][0]["id"].as_str().unwrap();
    bench.admin(&format!("events/{id}/resend"), json!({})).await;
    bench.settle().await;
    assert_eq!(endpoint.types(), ["charge.succeeded"]);
}

async fn seen(seed: u64, percents: [u64; 3]) -> Vec<String> {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let [drop, duplicate, delay] = percents;
    bench
        .admin(
            "deliveries",
            json!({
                "mode": "random", "seed": seed, "drop_percent": drop, "duplicate_percent": duplicate,
                "delay_percent": delay, "most_delay_seconds": 100,
            }),
        )
        .await;
    for _ in 0..10 {
        bench.charge("500", "eur", "pm_card_visa").await;
    }
    bench.settle().await;
    for _ in 0..10 {
        bench.advance(10).await;
        bench.settle().await;
    }
    let mut ids = Vec::new();
    for event in endpoint.take() {
        ids.push(event["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test]
async fn chance_follows_its_seed() {
    let usual = [20, 20, 50];
    let (one, same, other) = (seen(1, usual).await, seen(1, usual).await, seen(2, usual).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    let mut late = seen(1, [0, 0, 100]).await;
    late.sort();
    late.dedup();
    assert_eq!(late.len(), 30);
    assert_eq!(seen(1, [0, 100, 0]).await.len(), 60);
    assert_eq!(seen(1, [100, 0, 0]).await.len(), 0);
}
