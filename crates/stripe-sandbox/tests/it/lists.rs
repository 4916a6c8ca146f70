//! What reconciliation reads: long lists to their end, by time and by object, and balances per currency.

use crate::support::Bench;
use serde_json::{Value, json};

/// Every object of a list, a hundred a page.
async fn all(bench: &Bench, path: &str) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = bench.get(&format!("{path}{joint}limit=100{after}")).await;
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["has_more"] == false {
            return found;
        }
        after = format!(
            "&starting_after={}",
            found.last().unwrap()["id"].as_str().unwrap()
        );
    }
}

async fn add(bench: &Bench, body: Value) -> Value {
    bench.admin("balance_transactions", body).await
}

#[tokio::test]
async fn money_moves_for_whatever_reason() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    for (kind, category) in [
        ("stripe_fee", "fee"),
        ("adjustment", "other_adjustment"),
        ("topup", "topup"),
        ("advance", "advance"),
    ] {
        let body =
            json!({"type": kind, "amount": -70, "currency": "eur", "fee": 5, "description": "Why not"});
        let made = add(&bench, body).await;
        let path = format!("/v1/balance_transactions/{}", made["id"].as_str().unwrap());
        let read = bench.get(&path).await;
        assert_eq!(
            (
                &read["type"],
                &read["reporting_category"],
                &read["net"],
                &read["source"]
            ),
            (&json!(kind), &json!(category), &json!(-75), &json!(null))
        );
        let listed = bench.get(&format!("/v1/balance_transactions?type={kind}")).await;
        assert_eq!(listed["data"], json!([read]));
    }
    add(
        &bench,
        json!({"type": "topup", "amount": 10, "currency": "USD", "available_in_seconds": 60}),
    )
    .await;
    let balance = bench.get("/v1/balance").await;
    assert_eq!(
        [&balance["available"], &balance["pending"]],
        [
            &json!([
                {"amount": -300, "currency": "eur", "source_types": {"card": -300}},
                {"amount": 0, "currency": "usd", "source_types": {"card": 0}},
            ]),
            &json!([
                {"amount": 0, "currency": "eur", "source_types": {"card": 0}},
                {"amount": 10, "currency": "usd", "source_types": {"card": 10}},
            ]),
        ]
    );
    bench.advance(60).await;
    assert_eq!(bench.get("/v1/balance").await["available"][1]["amount"], 10);
    add(
        &bench,
        json!({"type": "adjustment", "amount": 1, "currency": "eur", "account": account}),
    )
    .await;
    assert_eq!(bench.books().await["accounts"][&account]["eur"]["available"], 1);
    for wrong in [
        json!({"type": "topup", "amount": 1, "currency": "zzz"}),
        json!({"type": "topup", "amount": 1}),
        json!({"type": "topup", "amount": 1, "currency": "eur", "account": "acct_x"}),
    ] {
        let request = bench
            .client
            .post(bench.url("/_sandbox/balance_transactions"))
            .json(&wrong);
        assert!(request.send().await.unwrap().status().is_client_error());
    }
}

#[tokio::test]
async fn thousands_of_transactions_are_read_to_the_end() {
    let bench = Bench::start().await;
    for number in 0..1_500 {
        if number % 50 == 0 {
            bench.advance(1).await;
        }
        let source = format!("tr_{}", number % 7);
        add(
            &bench,
            json!({"type": "adjustment", "amount": number, "currency": "eur", "source": source}),
        )
        .await;
    }
    let path = "/v1/balance_transactions";
    let found = all(&bench, path).await;
    let amounts: Vec<_> = found.iter().map(|one| one["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, (0..1_500).rev().collect::<Vec<_>>());
    let of_one = all(&bench, &format!("{path}?source=tr_3")).await;
    assert_eq!(of_one.len(), 214);
    assert!(of_one.iter().all(|one| one["source"] == "tr_3"));
    let cut = found[749]["created"].as_i64().unwrap();
    let later = all(&bench, &format!("{path}?created[gte]={cut}")).await;
    let expected: Vec<_> = found
        .iter()
        .filter(|one| one["created"].as_i64() >= Some(cut))
        .collect();
    assert_eq!(later.iter().collect::<Vec<_>>(), expected);
    let range = format!("{path}?created[gt]={}&created[lt]={cut}&source=tr_3", cut - 3);
    let between = all(&bench, &range).await;
    assert!(between.iter().all(|one| {
        let created = one["created"].as_i64().unwrap();
        created < cut && created > cut - 3
    }));
    assert!((14..=15).contains(&between.len()));
}

#[tokio::test]
async fn a_page_may_be_read_backwards_from_any_filter() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let other = bench.charge("1000", "eur", "pm_card_visa").await;
    let mut ids = Vec::new();
    for number in 0..6 {
        let charge = if number % 2 == 0 { &charge } else { &other };
        let form = [("charge", charge["id"].as_str().unwrap()), ("amount", "10")];
        ids.push(bench.post("/v1/refunds", &form).await.ok()["id"].clone());
    }
    let of = format!("/v1/refunds?charge={}", charge["id"].as_str().unwrap());
    let before = bench
        .get(&format!(
            "{of}&ending_before={}&limit=1",
            ids[0].as_str().unwrap()
        ))
        .await;
    assert_eq!(
        (&before["data"][0]["id"], &before["has_more"]),
        (&ids[2], &json!(true))
    );
    let after = bench
        .get(&format!("{of}&starting_after={}", ids[4].as_str().unwrap()))
        .await;
    let after: Vec<_> = after["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(after, [&ids[2], &ids[0]]);
    let both = format!("{of}&starting_after=re_a&ending_before=re_b");
    assert_eq!(
        bench.send("GET", &both, &[], &[]).await.refusal().2,
        "ending_before"
    );
    let foreign = format!("{of}&starting_after={}", charge["id"].as_str().unwrap());
    assert_eq!(
        bench.send("GET", &foreign, &[], &[]).await.refusal(),
        (400, "resource_missing", "starting_after")
    );
}

#[tokio::test]
async fn a_charge_is_found_by_the_group_it_got_later() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    bench.charge("1000", "eur", "pm_card_visa").await;
    let path = format!("/v1/charges/{}", charge["id"].as_str().unwrap());
    bench.post(&path, &[("transfer_group", "g")]).await.ok();
    let found = bench.get("/v1/charges?transfer_group=g").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(found["data"][0]["id"], charge["id"]);
}

#[tokio::test]
async fn everything_since_a_moment_is_listed() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    let happens = async || {
        let session = bench.session("2000", "eur").await;
        bench.pay(&session, "4000000000000077").await;
        let charge = bench.get("/v1/charges").await["data"][0]["id"].clone();
        let charge = charge.as_str().unwrap();
        bench
            .post("/v1/refunds", &[("charge", charge), ("amount", "10")])
            .await
            .ok();
        let form = [
            ("amount", "5"),
            ("currency", "eur"),
            ("destination", account.as_str()),
            ("transfer_group", "g"),
        ];
        bench.post("/v1/transfers", &form).await.ok();
        bench
            .admin(&format!("charges/{charge}/dispute"), json!({"amount": 100}))
            .await;
    };
    happens().await;
    bench.advance(100).await;
    happens().await;
    let since = bench.get("/v1/charges").await["data"][0]["created"]
        .as_i64()
        .unwrap();
    for (list, expected) in [
        ("checkout/sessions", 1),
        ("payment_intents", 1),
        ("charges", 1),
        ("refunds", 1),
        ("disputes", 1),
        ("transfers", 1),
        ("balance_transactions", 4),
    ] {
        let path = format!("/v1/{list}?created[gte]={since}");
        assert_eq!(all(&bench, &path).await.len(), expected, "{list}");
        assert_eq!(
            all(&bench, &format!("/v1/{list}")).await.len(),
            2 * expected,
            "{list}"
        );
    }
    let events = all(&bench, &format!("/v1/events?created[gte]={since}")).await;
    assert_eq!(events.len(), 9);
    let grouped = all(
        &bench,
        &format!("/v1/transfers?transfer_group=g&created[gte]={since}"),
    )
    .await;
    assert_eq!(grouped.len(), 1);
}
