//! Connected accounts: onboarding, capabilities, restriction.

use crate::support::Bench;
use serde_json::json;

#[tokio::test]
async fn an_account_becomes_active_by_onboarding() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let form = [
        ("type", "express"),
        ("country", "NL"),
        ("email", "jenny@example.com"),
        ("capabilities[transfers][requested]", "true"),
        ("metadata[payee]", "1"),
    ];
    let account = bench.post("/v1/accounts", &form).await.ok();
    let id = account["id"].as_str().unwrap();
    assert_eq!(
        (
            &account["capabilities"]["transfers"],
            &account["details_submitted"]
        ),
        (&json!("inactive"), &json!(false))
    );
    assert_eq!(account["default_currency"], "eur");
    let link = bench.onboarding(id).await;
    let (status, page) = bench.page(&link).await;
    assert!(status == 200 && page.contains("Complete with test data"));
    let (status, location, _) = bench.submit(&link, &[("action", "later")]).await;
    assert_eq!((status, location.as_str()), (303, "https://shop.example/back"));
    bench
        .submit(
            &link,
            &[("action", "complete"), ("business_name", "Jenny's finds")],
        )
        .await;
    let account = bench.get(&format!("/v1/accounts/{id}")).await;
    assert_eq!(
        (&account["capabilities"]["transfers"], &account["payouts_enabled"]),
        (&json!("active"), &json!(true))
    );
    assert_eq!(account["requirements"]["currently_due"], json!([]));
    bench.settle().await;
    let events = endpoint.take();
    assert_eq!(
        (&events[0]["type"], &events[0]["account"]),
        (&json!("account.updated"), &json!(id))
    );
    assert_eq!(
        events[0]["data"]["previous_attributes"]["capabilities"]["transfers"],
        "inactive"
    );
    bench.get(&format!("/v1/accounts/{id}/capabilities")).await;
    assert_eq!(
        bench
            .get(&format!("/v1/accounts/{id}/capabilities/transfers"))
            .await["status"],
        "active"
    );
}

#[tokio::test]
async fn a_link_is_over_after_five_minutes() {
    let bench = Bench::start().await;
    let id = bench.account().await;
    let link = bench.onboarding(&id).await;
    bench.advance(300).await;
    let (status, location, _) = bench.submit(&link, &[("action", "complete")]).await;
    assert_eq!((status, location.as_str()), (303, "https://shop.example/again"));
    assert_eq!(bench.page("/onboard/nothing").await.0, 404);
}

#[tokio::test]
async fn a_restricted_account_gets_no_transfers() {
    let bench = Bench::start().await;
    let id = bench.account().await;
    bench.charge("5000", "eur", "pm_card_bypassPending").await;
    let form = [
        ("amount", "100"),
        ("currency", "eur"),
        ("destination", id.as_str()),
    ];
    for verb in ["restrict", "reject", "pend"] {
        bench.admin(&format!("accounts/{id}/{verb}"), json!({})).await;
        let refused = bench.post("/v1/transfers", &form).await;
        assert_eq!(
            refused.refusal().1,
            "insufficient_capabilities_for_transfer",
            "{verb}"
        );
        bench.admin(&format!("accounts/{id}/enable"), json!({})).await;
        bench.post("/v1/transfers", &form).await.ok();
    }
}

#[tokio::test]
async fn accounts_are_updated_listed_and_rejected() {
    let bench = Bench::start().await;
    let (first, second) = (bench.account().await, bench.account().await);
    let update = [
        ("metadata[a]", "1"),
        ("business_profile[name]", "Finds"),
        ("capabilities[card_payments][requested]", "true"),
    ];
    let updated = bench.post(&format!("/v1/accounts/{first}"), &update).await.ok();
    assert_eq!(
        (&updated["business_profile"]["name"], &updated["charges_enabled"]),
        (&json!("Finds"), &json!(true))
    );
    let list = bench.get("/v1/accounts").await;
    assert_eq!(
        [&list["data"][0]["id"], &list["data"][1]["id"]],
        [&json!(second), &json!(first)]
    );
    let rejected = bench
        .post(&format!("/v1/accounts/{second}/reject"), &[("reason", "fraud")])
        .await
        .ok();
    assert_eq!(rejected["requirements"]["disabled_reason"], "rejected.fraud");
    bench
        .send("DELETE", &format!("/v1/accounts/{second}"), &[], &[])
        .await
        .ok();
    let gone = bench
        .send("GET", &format!("/v1/accounts/{second}"), &[], &[])
        .await;
    assert_eq!(gone.refusal(), (403, "account_invalid", ""));
    let own = bench
        .send("GET", "/v1/account", &[], &[("stripe-account", &first)])
        .await
        .ok();
    assert_eq!(own["id"], json!(first));
    bench.get("/v1/account").await;
}
