//! Checkout sessions and the hosted page.

use crate::support::{Bench, session_form};
use serde_json::json;

#[tokio::test]
async fn a_paid_session_tells_its_whole_story() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let session = bench.session("9460", "eur").await;
    assert_eq!(session["status"], "open");
    assert_eq!(session["payment_intent"], json!(null));
    let (status, location, _) = bench.pay(&session, "4242 4242 4242 4242").await;
    let id = session["id"].as_str().unwrap();
    assert_eq!(
        (status, location),
        (303, format!("https://shop.example/done?s={id}"))
    );
    let expand =
        "expand[]=payment_intent.latest_charge.balance_transaction&expand[]=line_items.data.price.product";
    let paid = bench.get(&format!("/v1/checkout/sessions/{id}?{expand}")).await;
    assert_eq!(
        (&paid["status"], &paid["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    assert_eq!(paid["customer_details"]["email"], "jenny@example.com");
    assert_eq!(
        paid["line_items"]["data"][0]["price"]["product"]["description"],
        "Blue, M"
    );
    let intent = &paid["payment_intent"];
    assert_eq!(
        (&intent["transfer_group"], &intent["metadata"]["order"]),
        (&json!("order-1"), &json!("1"))
    );
    let transaction = &intent["latest_charge"]["balance_transaction"];
    let figures = ["amount", "fee", "net"].map(|field| transaction[field].as_i64().unwrap());
    assert_eq!(figures, [9460, 167, 9293]);
    assert_eq!(bench.settle().await["failed"], 0);
    let told = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ];
    assert_eq!(endpoint.types(), told);
    let (status, page) = bench.page(&format!("/c/pay/{id}")).await;
    assert!(status == 200 && page.contains("Already paid"));
}

#[tokio::test]
async fn a_declined_card_can_be_replaced() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let session = bench.session("2000", "eur").await;
    let (status, _, page) = bench.pay(&session, "4000000000000002").await;
    assert!(status == 402 && page.contains("Your card was declined."));
    bench.settle().await;
    assert_eq!(
        endpoint.types(),
        [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed"
        ]
    );
    assert_eq!(bench.pay(&session, "4242424242424242").await.0, 303);
    let charges = bench.get("/v1/charges").await;
    assert_eq!(
        [&charges["data"][0]["paid"], &charges["data"][1]["paid"]],
        [&json!(true), &json!(false)]
    );
    assert_eq!(
        bench.get("/v1/payment_intents").await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn authentication_is_asked_for_and_may_fail() {
    let bench = Bench::start().await;
    for card in ["4000002500003155", "4000002760003184", "4000000000003220"] {
        let session = bench.session("2000", "eur").await;
        let (status, bank, _) = bench.pay(&session, card).await;
        assert_eq!(status, 303);
        let (status, page) = bench.page(&bank).await;
        assert!(status == 200 && page.contains("Complete authentication"));
        let (status, _, page) = bench.submit(&bank, &[("outcome", "fail")]).await;
        assert!(status == 402 && page.contains("unable to authenticate"));
        bench.pay(&session, card).await;
        let (status, location, _) = bench.submit(&bank, &[("outcome", "complete")]).await;
        assert!(status == 303 && location.starts_with("https://shop.example/done"));
    }
}

#[tokio::test]
async fn odd_input_on_the_page_charges_nothing() {
    let bench = Bench::start().await;
    let session = bench.session("2000", "eur").await;
    let page = format!("/c/pay/{}", session["id"].as_str().unwrap());
    for (number, exp, cvc) in [
        ("1234", "12/34", "123"),
        ("4242424242424242", "12/20", "123"),
        ("4242424242424242", "13/34", "123"),
        ("4242424242424242", "soon", "123"),
        ("4242424242424242", "12/34", "1"),
        ("", "", ""),
    ] {
        let form = [
            ("card_number", number),
            ("exp", exp),
            ("cvc", cvc),
            ("name", "<script>alert(1)</script>"),
        ];
        let (status, _, body) = bench.submit(&page, &form).await;
        assert_eq!(status, 402, "{number} {exp} {cvc}");
        assert!(!body.contains("<script>"));
    }
    assert_eq!(bench.books().await["counts"]["charges"], 0);
    assert_eq!(bench.page("/c/pay/cs_test_nothing").await.0, 404);
}

#[tokio::test]
async fn an_open_session_expires_by_itself_or_on_request() {
    let bench = Bench::start().await;
    let endpoint = bench.listen().await;
    let (first, second) = (
        bench.session("2000", "eur").await,
        bench.session("2000", "eur").await,
    );
    let path = format!("/v1/checkout/sessions/{}/expire", first["id"].as_str().unwrap());
    assert_eq!(bench.post(&path, &[]).await.ok()["status"], "expired");
    assert_eq!(bench.post(&path, &[]).await.refusal(), (400, "", "session"));
    bench.advance(86_400).await;
    let second = bench
        .get(&format!(
            "/v1/checkout/sessions/{}",
            second["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(
        (&second["status"], &second["url"]),
        (&json!("expired"), &json!(null))
    );
    bench.settle().await;
    assert_eq!(endpoint.types(), ["checkout.session.expired"; 2]);
    let (status, page) = bench
        .page(&format!("/c/pay/{}", second["id"].as_str().unwrap()))
        .await;
    assert!(status == 410 && page.contains("expired"));
    assert_eq!(bench.pay(&second, "4242424242424242").await.0, 410);
}

#[tokio::test]
async fn lines_are_listed_in_order_by_cursor() {
    let bench = Bench::start().await;
    let mut form = session_form("1000", "jpy");
    form.extend([
        ("line_items[1][quantity]", "3"),
        ("line_items[1][price_data][currency]", "jpy"),
        ("line_items[1][price_data][unit_amount]", "50"),
        ("line_items[1][price_data][product_data][name]", "Postcard"),
    ]);
    let session = bench.post("/v1/checkout/sessions", &form).await.ok();
    assert_eq!(session["amount_total"], 1150);
    let path = format!(
        "/v1/checkout/sessions/{}/line_items",
        session["id"].as_str().unwrap()
    );
    let first = bench.get(&format!("{path}?limit=1")).await;
    assert_eq!(
        (&first["data"][0]["description"], &first["has_more"]),
        (&json!("Linen shirt"), &json!(true))
    );
    let after = first["data"][0]["id"].as_str().unwrap();
    let rest = bench.get(&format!("{path}?limit=1&starting_after={after}")).await;
    assert_eq!(
        (&rest["data"][0]["amount_total"], &rest["has_more"]),
        (&json!(150), &json!(false))
    );
    let price = rest["data"][0]["price"]["id"].as_str().unwrap();
    assert_eq!(
        bench.get(&format!("/v1/prices/{price}?expand[]=product")).await["product"]["name"],
        "Postcard"
    );
}

#[tokio::test]
async fn wrong_sessions_are_refused() {
    let bench = Bench::start().await;
    type Changes = &'static [(&'static str, &'static str)];
    let cases: &[(Changes, (u16, &str, &str))] = &[
        (&[("mode", "subscription")], (400, "", "mode")),
        (&[("expires_at", "1795336199")], (400, "", "expires_at")),
        (&[("expires_at", "1795420801")], (400, "", "expires_at")),
        (
            &[("line_items[0][quantity]", "0")],
            (400, "parameter_invalid_integer", "line_items[0][quantity]"),
        ),
        (
            &[("line_items[0][quantity]", "1.5")],
            (400, "parameter_invalid_integer", "line_items[0][quantity]"),
        ),
        (
            &[("line_items[0][price_data][unit_amount]", "49")],
            (400, "amount_too_small", "line_items"),
        ),
        (
            &[("line_items[0][price_data][unit_amount]", "100000000")],
            (400, "amount_too_large", ""),
        ),
        (
            &[("line_items[0][price_data][unit_amount]", "-5")],
            (400, "parameter_invalid_integer", ""),
        ),
        (
            &[("line_items[0][price_data][currency]", "xxx")],
            (400, "", "line_items[0][price_data][currency]"),
        ),
        (&[("currency", "usd")], (400, "", "line_items")),
        (&[("success_url", "nowhere")], (400, "url_invalid", "success_url")),
        (
            &[("customer_email", "nobody")],
            (400, "email_invalid", "customer_email"),
        ),
        (&[("colour", "red")], (400, "parameter_unknown", "colour")),
        (&[("metadata[a][b]", "1")], (400, "", "metadata[a]")),
        (
            &[("line_items[0][price_data][weight]", "3")],
            (400, "parameter_unknown", "line_items[0][price_data][weight]"),
        ),
        (
            &[("subscription_data[description]", "x")],
            (400, "sandbox_parameter_not_simulated", "subscription_data"),
        ),
    ];
    for (changes, expected) in cases {
        let mut form = session_form("2000", "eur");
        form.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        form.extend(*changes);
        let answer = bench.post("/v1/checkout/sessions", &form).await;
        let (status, code, param) = answer.refusal();
        let expected_param = if expected.2.is_empty() { param } else { expected.2 };
        assert_eq!(
            (status, code, param),
            (expected.0, expected.1, expected_param),
            "{changes:?}"
        );
    }
    for missing in ["mode", "success_url", "line_items[0][quantity]"] {
        let mut form = session_form("2000", "eur");
        form.retain(|(key, _)| *key != missing);
        let answer = bench.post("/v1/checkout/sessions", &form).await;
        assert_eq!(answer.refusal(), (400, "parameter_missing", missing));
    }
    assert_eq!(bench.books().await["counts"]["checkout_sessions"], 0);
}

#[tokio::test]
async fn coupons_and_promotion_codes_take_off_what_they_promise() {
    let bench = Bench::start().await;
    let coupon = bench
        .post("/v1/coupons", &[("percent_off", "12.5"), ("duration", "once")])
        .await
        .ok();
    let coupon = coupon["id"].as_str().unwrap();
    let form = [
        ("promotion[type]", "coupon"),
        ("promotion[coupon]", coupon),
        ("code", "HELLO"),
        ("max_redemptions", "1"),
    ];
    let promotion = bench.post("/v1/promotion_codes", &form).await.ok();
    let mut form = session_form("2000", "eur");
    form.push(("discounts[0][coupon]", coupon));
    let session = bench.post("/v1/checkout/sessions", &form).await.ok();
    assert_eq!(
        (
            &session["amount_total"],
            &session["total_details"]["amount_discount"]
        ),
        (&json!(1750), &json!(250))
    );

    let mut form = session_form("2000", "eur");
    form.push(("allow_promotion_codes", "true"));
    let session = bench.post("/v1/checkout/sessions", &form).await.ok();
    let page = format!("/c/pay/{}", session["id"].as_str().unwrap());
    let (status, _, body) = bench.submit(&page, &[("promotion_code", "WRONG")]).await;
    assert!(status == 402 && body.contains("not valid"));
    let (status, _, body) = bench.submit(&page, &[("promotion_code", "hello")]).await;
    assert!(status == 200 && body.contains("17.50 EUR"));
    assert_eq!(bench.pay(&session, "4242424242424242").await.0, 303);
    assert_eq!(bench.charge_of(&session).await["amount"], 1750);
    let id = promotion["id"].as_str().unwrap();
    assert_eq!(
        bench.get(&format!("/v1/promotion_codes/{id}")).await["times_redeemed"],
        1
    );

    let free = bench
        .post("/v1/coupons", &[("percent_off", "100"), ("id", "FREE")])
        .await
        .ok();
    let mut form = session_form("2000", "eur");
    form.push(("discounts[0][coupon]", free["id"].as_str().unwrap()));
    let session = bench.post("/v1/checkout/sessions", &form).await.ok();
    assert_eq!(bench.pay(&session, "4242424242424242").await.0, 303);
    let session = bench
        .get(&format!(
            "/v1/checkout/sessions/{}",
            session["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(session["payment_status"], "no_payment_required");
    bench.send("DELETE", "/v1/coupons/FREE", &[], &[]).await.ok();
}

impl Bench {
    async fn charge_of(&self, session: &serde_json::Value) -> serde_json::Value {
        let id = session["id"].as_str().unwrap();
        let session = self
            .get(&format!(
                "/v1/checkout/sessions/{id}?expand[]=payment_intent.latest_charge"
            ))
            .await;
        session["payment_intent"]["latest_charge"].clone()
    }
}
