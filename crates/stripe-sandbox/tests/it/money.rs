//! Transfers, reversals, payouts, balances and their transactions.

use crate::support::Bench;
use serde_json::json;

#[tokio::test]
async fn a_transfer_takes_available_money_only() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    bench.charge("10000", "eur", "pm_card_visa").await;
    let form = [
        ("amount", "810"),
        ("currency", "eur"),
        ("destination", account.as_str()),
        ("transfer_group", "po_1"),
        ("metadata[payout]", "1"),
        ("expand[]", "balance_transaction"),
    ];
    assert_eq!(
        bench.post("/v1/transfers", &form).await.refusal().1,
        "balance_insufficient"
    );
    bench.advance(172_800).await;
    let transfer = bench.post("/v1/transfers", &form).await.ok();
    assert_eq!(
        (
            &transfer["balance_transaction"]["net"],
            &transfer["balance_transaction"]["type"]
        ),
        (&json!(-810), &json!("transfer"))
    );
    let books = bench.books().await;
    assert_eq!(
        books["balance"]["eur"],
        json!({"available": 10_000 - 175 - 810, "pending": 0})
    );
    assert_eq!(
        books["accounts"][&account]["eur"],
        json!({"available": 810, "pending": 0})
    );
    let theirs = bench
        .send("GET", "/v1/balance", &[], &[("stripe-account", &account)])
        .await
        .ok();
    assert_eq!(theirs["available"][0]["amount"], 810);
    let payment = transfer["destination_payment"].as_str().unwrap();
    let payment = bench
        .send(
            "GET",
            &format!("/v1/charges/{payment}"),
            &[],
            &[("stripe-account", &account)],
        )
        .await
        .ok();
    assert_eq!(payment["source_transfer"], transfer["id"]);
    let list = bench
        .get(&format!(
            "/v1/transfers?transfer_group=po_1&destination={account}"
        ))
        .await;
    assert_eq!(list["data"][0]["id"], transfer["id"]);
    assert_eq!(
        bench.get("/v1/transfers?transfer_group=po_2").await["data"],
        json!([])
    );
}

#[tokio::test]
async fn a_transfer_can_lean_on_a_charge() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let charge = charge["id"].as_str().unwrap();
    let form = |amount| {
        [
            ("amount", amount),
            ("currency", "eur"),
            ("destination", account.as_str()),
            ("source_transaction", charge),
        ]
    };
    bench.post("/v1/transfers", &form("700")).await.ok();
    assert_eq!(
        bench.post("/v1/transfers", &form("301")).await.refusal().2,
        "amount"
    );
    bench.post("/v1/transfers", &form("300")).await.ok();
    assert_eq!(
        bench.books().await["accounts"][&account]["eur"],
        json!({"available": 0, "pending": 1000})
    );
    bench.advance(172_800).await;
    assert_eq!(
        bench.books().await["accounts"][&account]["eur"],
        json!({"available": 1000, "pending": 0})
    );
    assert_eq!(
        bench.books().await["balance"]["eur"],
        json!({"available": -40, "pending": 0})
    );
}

#[tokio::test]
async fn wrong_transfers_are_refused() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    bench.charge("1000", "eur", "pm_card_bypassPending").await;
    let cases = [
        (
            ("destination", "acct_x"),
            (400, "resource_missing", "destination"),
        ),
        (("amount", "0"), (400, "parameter_invalid_integer", "amount")),
        (("amount", "-1"), (400, "parameter_invalid_integer", "amount")),
        (("amount", "ten"), (400, "parameter_invalid_integer", "amount")),
        (("amount", "961"), (400, "balance_insufficient", "")),
        (("currency", "usd"), (400, "balance_insufficient", "")),
        (("currency", "zzz"), (400, "", "currency")),
        (
            ("source_transaction", "ch_x"),
            (400, "resource_missing", "source_transaction"),
        ),
    ];
    for ((key, value), expected) in cases {
        let mut form = vec![
            ("amount", "10"),
            ("currency", "eur"),
            ("destination", account.as_str()),
        ];
        form.retain(|(name, _)| *name != key);
        form.push((key, value));
        assert_eq!(
            bench.post("/v1/transfers", &form).await.refusal(),
            expected,
            "{key}={value}"
        );
    }
    assert_eq!(bench.books().await["counts"]["transfers"], 0);
}

#[tokio::test]
async fn a_reversal_needs_the_account_s_money() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let account = bench.account().await;
    bench.charge("10000", "eur", "pm_card_bypassPending").await;
    let form = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("destination", account.as_str()),
    ];
    let transfer = bench.post("/v1/transfers", &form).await.ok();
    let path = format!("/v1/transfers/{}/reversals", transfer["id"].as_str().unwrap());
    let theirs = [("stripe-account", account.as_str())];
    bench
        .send(
            "POST",
            "/v1/payouts",
            &[("amount", "700"), ("currency", "eur")],
            &theirs,
        )
        .await
        .ok();
    assert_eq!(
        bench.post(&path, &[("amount", "400")]).await.refusal().1,
        "balance_insufficient"
    );
    assert_eq!(
        bench.post(&path, &[("amount", "1001")]).await.refusal().2,
        "amount"
    );
    bench.settle().await;
    endpoint.take();
    let reversal = bench
        .post(&path, &[("amount", "300"), ("expand[]", "balance_transaction")])
        .await
        .ok();
    assert_eq!(reversal["balance_transaction"]["net"], 300);
    let id = reversal["id"].as_str().unwrap();
    assert_eq!(bench.get(&format!("{path}/{id}")).await["amount"], 300);
    assert_eq!(bench.get(&path).await["data"].as_array().unwrap().len(), 1);
    let transfer = bench
        .get(&format!("/v1/transfers/{}", transfer["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (
            &transfer["amount_reversed"],
            &transfer["reversals"]["data"][0]["id"]
        ),
        (&json!(300), &json!(id))
    );
    bench.settle().await;
    assert_eq!(endpoint.types(), ["transfer.reversed"]);
    let books = bench.books().await;
    assert_eq!(books["accounts"][&account]["eur"]["available"], 0);
    assert_eq!(books["reversals"][0]["amount"], 300);
}

#[tokio::test]
async fn payouts_arrive_or_are_canceled() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    bench.charge("10000", "eur", "pm_card_bypassPending").await;
    assert_eq!(
        bench
            .post("/v1/payouts", &[("amount", "10000"), ("currency", "eur")])
            .await
            .refusal()
            .1,
        "balance_insufficient"
    );
    let kept = bench
        .post("/v1/payouts", &[("amount", "100"), ("currency", "eur")])
        .await
        .ok();
    let canceled = bench
        .post("/v1/payouts", &[("amount", "200"), ("currency", "eur")])
        .await
        .ok();
    bench
        .post(
            &format!("/v1/payouts/{}/cancel", canceled["id"].as_str().unwrap()),
            &[],
        )
        .await
        .ok();
    bench.settle().await;
    endpoint.take();
    bench.advance(86_400).await;
    bench.settle().await;
    assert_eq!(endpoint.types(), ["payout.paid"]);
    assert_eq!(
        bench.get("/v1/payouts?status=paid").await["data"][0]["id"],
        kept["id"]
    );
    assert_eq!(
        bench.get("/v1/balance").await["available"][0]["amount"],
        10_000 - 175 - 100
    );
}

#[tokio::test]
async fn every_balance_is_the_sum_of_its_transactions() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    for currency in ["eur", "usd", "jpy"] {
        let charge = bench.charge("10000", currency, "pm_card_visa").await;
        bench.charge("777", currency, "pm_card_bypassPending").await;
        bench
            .post(
                "/v1/refunds",
                &[("charge", charge["id"].as_str().unwrap()), ("amount", "33")],
            )
            .await
            .ok();
        let form = [
            ("amount", "500"),
            ("currency", currency),
            ("destination", account.as_str()),
        ];
        let transfer = bench.post("/v1/transfers", &form).await.ok();
        let path = format!("/v1/transfers/{}/reversals", transfer["id"].as_str().unwrap());
        bench.post(&path, &[("amount", "20")]).await.ok();
    }
    bench.advance(172_800).await;
    let books = bench.books().await;
    for currency in ["eur", "usd", "jpy"] {
        let list = bench
            .get(&format!(
                "/v1/balance_transactions?limit=100&currency={currency}&expand[]=data.source"
            ))
            .await;
        let net: i64 = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|txn| txn["net"].as_i64().unwrap())
            .sum();
        assert_eq!(
            books["balance"][currency],
            json!({"available": net, "pending": 0}),
            "{currency}"
        );
        assert_eq!(books["accounts"][&account][currency]["available"], 480);
    }
}
