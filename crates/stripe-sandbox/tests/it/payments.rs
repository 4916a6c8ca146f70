//! Payment intents, charges and refunds.

use crate::support::{Bench, session_form};
use serde_json::json;

#[tokio::test]
async fn a_declined_intent_carries_its_reason() {
    let bench = Bench::start().await;
    let form = [
        ("amount", "500"),
        ("currency", "eur"),
        ("payment_method", "pm_card_chargeDeclined"),
        ("confirm", "true"),
    ];
    let answer = bench.post("/v1/payment_intents", &form).await;
    let error = &answer.body["error"];
    assert_eq!(answer.status, 402);
    assert_eq!(
        (&error["type"], &error["decline_code"]),
        (&json!("card_error"), &json!("generic_decline"))
    );
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    let id = error["payment_intent"]["id"].as_str().unwrap();
    let path = format!("/v1/payment_intents/{id}/confirm");
    assert_eq!(
        bench
            .post(&path, &[("payment_method", "pm_card_visa")])
            .await
            .ok()["status"],
        "succeeded"
    );
    assert_eq!(
        bench.post(&path, &[]).await.refusal().1,
        "payment_intent_unexpected_state"
    );
    let cancel = format!("/v1/payment_intents/{id}/cancel");
    assert_eq!(
        bench.post(&cancel, &[]).await.refusal().1,
        "payment_intent_unexpected_state"
    );
}

#[tokio::test]
async fn an_intent_waits_for_authentication() {
    let bench = Bench::start().await;
    let form = [
        ("amount", "500"),
        ("currency", "eur"),
        ("payment_method", "pm_card_threeDSecure2Required"),
        ("confirm", "true"),
        ("return_url", "https://shop.example/back"),
    ];
    let intent = bench.post("/v1/payment_intents", &form).await.ok();
    assert_eq!(intent["status"], "requires_action");
    let bank = intent["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    assert_eq!(bench.page(bank).await.0, 200);
    let (status, location, _) = bench.submit(bank, &[("outcome", "complete")]).await;
    assert!(status == 303 && location.starts_with("https://shop.example/back?payment_intent=pi_"));
    let intent = bench
        .get(&format!("/v1/payment_intents/{}", intent["id"].as_str().unwrap()))
        .await;
    assert_eq!(intent["status"], "succeeded");
}

#[tokio::test]
async fn a_balance_transaction_may_come_late() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    bench
        .admin("settings", json!({"balance_transaction_delay_seconds": 30}))
        .await;
    let (first, second) = (
        bench.charge("500", "eur", "pm_card_visa").await,
        bench.charge("500", "eur", "pm_card_visa").await,
    );
    assert_eq!(first["balance_transaction"], json!(null));
    bench.settle().await;
    endpoint.take();
    bench
        .admin(
            &format!("charges/{}/balance_transaction", first["id"].as_str().unwrap()),
            json!({}),
        )
        .await;
    bench.advance(30).await;
    bench.settle().await;
    let events = endpoint.take();
    let updated: Vec<_> = events
        .iter()
        .map(|event| (&event["type"], &event["data"]["object"]["id"]))
        .collect();
    assert_eq!(
        updated,
        [
            (&json!("charge.updated"), &first["id"]),
            (&json!("charge.updated"), &second["id"])
        ]
    );
    assert_eq!(
        events[0]["data"]["previous_attributes"],
        json!({"balance_transaction": null})
    );
    assert!(
        events[1]["data"]["object"]["balance_transaction"]
            .as_str()
            .unwrap()
            .starts_with("txn_")
    );
}

#[tokio::test]
async fn refunds_never_exceed_the_charge() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    bench.charge("5000", "eur", "pm_card_visa").await;
    let (id, intent) = (
        charge["id"].as_str().unwrap(),
        charge["payment_intent"].as_str().unwrap(),
    );
    let refund = async |form: &[(&str, &str)]| bench.post("/v1/refunds", form).await;
    let part = refund(&[("charge", id), ("amount", "400"), ("metadata[r]", "1")])
        .await
        .ok();
    assert_eq!(
        (&part["status"], &part["amount"]),
        (&json!("succeeded"), &json!(400))
    );
    assert_eq!(
        refund(&[("charge", id), ("amount", "601")]).await.refusal(),
        (400, "", "amount")
    );
    assert_eq!(
        refund(&[("charge", id), ("amount", "0")]).await.refusal().2,
        "amount"
    );
    assert_eq!(refund(&[("payment_intent", intent)]).await.ok()["amount"], 600);
    assert_eq!(
        refund(&[("charge", id)]).await.refusal().1,
        "charge_already_refunded"
    );
    assert_eq!(refund(&[]).await.refusal(), (400, "parameter_missing", "charge"));
    assert_eq!(
        refund(&[("charge", "ch_x")]).await.refusal(),
        (400, "resource_missing", "charge")
    );
    let read = bench.get(&format!("/v1/charges/{id}?expand[]=refunds")).await;
    assert_eq!(
        (&read["refunded"], &read["amount_refunded"]),
        (&json!(true), &json!(1000))
    );
    assert_eq!(read["refunds"]["data"].as_array().unwrap().len(), 2);
    let list = bench.get(&format!("/v1/refunds?payment_intent={intent}")).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refund_tells_of_itself_and_of_its_charge() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let endpoint = bench.listen().await;
    bench
        .post(
            "/v1/refunds",
            &[("charge", charge["id"].as_str().unwrap()), ("amount", "1")],
        )
        .await
        .ok();
    bench.settle().await;
    assert_eq!(endpoint.types(), ["refund.created", "charge.refunded"]);
}

#[tokio::test]
async fn a_payment_without_its_buyer_cannot_be_authenticated() {
    let bench = Bench::start().await;
    let form = [
        ("amount", "500"),
        ("currency", "eur"),
        ("payment_method", "pm_card_authenticationRequired"),
        ("confirm", "true"),
        ("off_session", "true"),
    ];
    assert_eq!(
        bench.post("/v1/payment_intents", &form).await.refusal().1,
        "authentication_required"
    );
    let intent = &bench.get("/v1/payment_intents").await["data"][0];
    assert_eq!(intent["status"], "requires_payment_method");
}

#[tokio::test]
async fn some_refunds_are_pending_and_some_fail_later() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let pending = bench.charge("1000", "eur", "pm_card_pendingRefund").await;
    let failing = bench.charge("1000", "eur", "pm_card_refundFail").await;
    let pending = bench
        .post(
            "/v1/refunds",
            &[("charge", pending["id"].as_str().unwrap()), ("amount", "100")],
        )
        .await
        .ok();
    let failed = bench
        .post(
            "/v1/refunds",
            &[("charge", failing["id"].as_str().unwrap()), ("amount", "100")],
        )
        .await
        .ok();
    assert_eq!(
        (&pending["status"], &failed["status"]),
        (&json!("pending"), &json!("succeeded"))
    );
    bench.settle().await;
    endpoint.take();
    bench.advance(3_600).await;
    bench.settle().await;
    let told = [
        "refund.updated",
        "charge.refund.updated",
        "refund.updated",
        "charge.refund.updated",
        "refund.failed",
    ];
    assert_eq!(endpoint.types(), told);
    let pending = bench
        .get(&format!("/v1/refunds/{}", pending["id"].as_str().unwrap()))
        .await;
    assert_eq!(pending["status"], "succeeded");
    let path = format!(
        "/v1/refunds/{}?expand[]=failure_balance_transaction",
        failed["id"].as_str().unwrap()
    );
    let failed = bench.get(&path).await;
    assert_eq!(
        (&failed["status"], &failed["failure_balance_transaction"]["net"]),
        (&json!("failed"), &json!(100))
    );
    let charge = bench
        .get(&format!("/v1/charges/{}", failing["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (&charge["amount_refunded"], &charge["refunded"]),
        (&json!(0), &json!(false))
    );
}

#[tokio::test]
async fn any_refund_can_be_made_to_fail() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let form = [("charge", charge["id"].as_str().unwrap()), ("amount", "900")];
    let refund = bench.post("/v1/refunds", &form).await.ok();
    let path = format!("refunds/{}/fail", refund["id"].as_str().unwrap());
    assert_eq!(
        bench.admin(&path, json!({})).await["failure_reason"],
        "lost_or_stolen_card"
    );
    assert_eq!(bench.admin(&path, json!({})).await["status"], "failed");
    let books = bench.books().await;
    assert_eq!(books["balance"]["eur"], json!({"available": 0, "pending": 960}));
}

#[tokio::test]
async fn a_refund_without_money_waits_for_it() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_bypassPending").await;
    bench
        .post("/v1/payouts", &[("amount", "960"), ("currency", "eur")])
        .await
        .ok();
    let refund = bench
        .post("/v1/refunds", &[("charge", charge["id"].as_str().unwrap())])
        .await
        .ok();
    assert_eq!(
        (&refund["status"], &refund["pending_reason"]),
        (&json!("pending"), &json!("insufficient_funds"))
    );
    bench.charge("2000", "eur", "pm_card_bypassPending").await;
    bench.advance(3_600).await;
    let refund = bench
        .get(&format!("/v1/refunds/{}", refund["id"].as_str().unwrap()))
        .await;
    assert_eq!(refund["status"], "succeeded");
}

#[tokio::test]
async fn a_bank_debit_is_paid_later_or_never() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    for (iban, event, status) in [
        (
            "DE89370400440532013000",
            "checkout.session.async_payment_succeeded",
            "paid",
        ),
        (
            "DE62 3704 0044 0532 0130 01",
            "checkout.session.async_payment_failed",
            "unpaid",
        ),
    ] {
        let mut form = session_form("2000", "eur");
        form.push(("payment_method_types[]", "sepa_debit"));
        let session = bench.post("/v1/checkout/sessions", &form).await.ok();
        assert_eq!(bench.pay(&session, "4242424242424242").await.0, 402);
        let (id, page) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());
        assert_eq!(
            bench.submit(page, &[("iban", iban), ("name", "Jenny")]).await.0,
            303
        );
        bench.settle().await;
        let told = [
            "payment_intent.created",
            "charge.pending",
            "payment_intent.processing",
            "checkout.session.completed",
        ];
        assert_eq!(endpoint.types(), told);
        let path = format!("/v1/checkout/sessions/{id}?expand[]=payment_intent.latest_charge");
        let waiting = bench.get(&path).await;
        assert_eq!(
            (&waiting["status"], &waiting["payment_status"]),
            (&json!("complete"), &json!("unpaid"))
        );
        let charge = waiting["payment_intent"]["latest_charge"]["id"].as_str().unwrap();
        assert_eq!(bench.post("/v1/refunds", &[("charge", charge)]).await.status, 400);
        bench.advance(180).await;
        bench.settle().await;
        assert_eq!(endpoint.types()[2], event);
        assert_eq!(bench.get(&path).await["payment_status"], status);
    }
    assert_eq!(bench.books().await["balance"]["eur"]["pending"], 2000 - 55);
}

#[tokio::test]
async fn a_charge_s_refunds_go_as_they_are_told() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let id = charge["id"].as_str().unwrap();
    let form = [("charge", id), ("amount", "100")];
    for (plan, first, later) in [
        ("pending", "pending", "succeeded"),
        ("failing", "succeeded", "failed"),
        ("at_once", "succeeded", "succeeded"),
    ] {
        bench
            .admin(&format!("charges/{id}/refunds"), json!({ "plan": plan }))
            .await;
        let refund = bench.post("/v1/refunds", &form).await.ok();
        assert_eq!(refund["status"], first, "{plan}");
        bench.advance(3_600).await;
        let path = format!("/v1/refunds/{}", refund["id"].as_str().unwrap());
        assert_eq!(bench.get(&path).await["status"], later, "{plan}");
    }
    bench
        .admin(&format!("charges/{id}/refunds"), json!({"plan": "pending"}))
        .await;
    for (verb, status, reason) in [
        ("succeed", "succeeded", json!(null)),
        ("fail", "failed", json!("expired_or_canceled_card")),
    ] {
        let refund = bench.post("/v1/refunds", &form).await.ok();
        let path = format!("refunds/{}/{verb}", refund["id"].as_str().unwrap());
        let body = json!({"reason": "expired_or_canceled_card"});
        let settled = bench.admin(&path, body).await;
        assert_eq!(
            (&settled["status"], &settled["failure_reason"]),
            (&json!(status), &reason)
        );
    }
}
