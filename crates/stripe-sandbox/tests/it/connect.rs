//! Connected accounts that leave, and money that does not reach them.

use crate::support::Bench;
use serde_json::json;

#[tokio::test]
async fn an_account_that_left_is_out_of_reach() {
    let bench = Bench::start().await;
    bench.charge("10000", "eur", "pm_card_bypassPending").await;
    for (verb, told) in [
        ("deauthorize", &["account.application.deauthorized"][..]),
        ("delete", &[]),
    ] {
        let account = bench.account().await;
        let form = [
            ("amount", "100"),
            ("currency", "eur"),
            ("destination", account.as_str()),
        ];
        let transfer = bench.post("/v1/transfers", &form).await.ok();
        let endpoint = bench.listen().await;
        bench
            .admin(&format!("accounts/{account}/{verb}"), json!({}))
            .await;
        bench.settle().await;
        let events = endpoint.take();
        let types: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, told);
        assert!(events.iter().all(|event| event["account"] == json!(account)));
        let refused = bench.post("/v1/transfers", &form).await;
        assert_eq!(refused.refusal(), (400, "resource_missing", "destination"));
        let path = format!("/v1/transfers/{}/reversals", transfer["id"].as_str().unwrap());
        assert_eq!(
            bench.post(&path, &[]).await.refusal(),
            (403, "account_invalid", "")
        );
        for (path, header) in [
            (format!("/v1/accounts/{account}"), None),
            (
                "/v1/balance".to_owned(),
                Some(("stripe-account", account.as_str())),
            ),
        ] {
            let gone = bench.send("GET", &path, &[], header.as_slice()).await;
            assert_eq!(gone.refusal(), (403, "account_invalid", ""), "{path}");
        }
        let link = [("account", account.as_str()), ("type", "account_onboarding")];
        assert_eq!(bench.post("/v1/account_links", &link).await.refusal().0, 400);
        // The money did not vanish with it.
        assert_eq!(bench.books().await["accounts"][&account]["eur"]["available"], 100);
    }
}

#[tokio::test]
async fn a_payout_may_come_back() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let account = bench.account().await;
    bench.charge("10000", "eur", "pm_card_bypassPending").await;
    let form = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("destination", account.as_str()),
    ];
    bench.post("/v1/transfers", &form).await.ok();
    let theirs = [("stripe-account", account.as_str())];
    let form = [("amount", "700"), ("currency", "eur")];
    let payout = bench.send("POST", "/v1/payouts", &form, &theirs).await.ok();
    bench.advance(86_400).await;
    bench.settle().await;
    endpoint.take();
    let path = format!("payouts/{}/fail", payout["id"].as_str().unwrap());
    bench.admin(&path, json!({"code": "no_account"})).await;
    let again = bench.client.post(bench.url(&format!("/_sandbox/{path}"))).send();
    assert_eq!(again.await.unwrap().status().as_u16(), 400);
    bench.settle().await;
    assert_eq!(endpoint.types(), ["payout.failed"]);
    let path = format!(
        "/v1/payouts/{}?expand[]=failure_balance_transaction",
        payout["id"].as_str().unwrap()
    );
    let failed = bench.send("GET", &path, &[], &theirs).await.ok();
    assert_eq!(
        (
            &failed["status"],
            &failed["failure_code"],
            &failed["failure_balance_transaction"]["type"]
        ),
        (&json!("failed"), &json!("no_account"), &json!("payout_failure"))
    );
    assert_eq!(
        bench.books().await["accounts"][&account]["eur"]["available"],
        1000
    );
}
