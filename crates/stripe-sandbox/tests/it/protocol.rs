//! What all requests have in common: authentication, idempotency, pages, expansion, persistence, the dashboard.

use crate::schema;
use crate::support::{Bench, KEY, config, session_form, start_of_time};
use serde_json::{Value, json};
use vitrine_stripe_sandbox::ClockMode;

#[tokio::test]
async fn only_the_right_key_opens() {
    let bench = Bench::start().await;
    let url = bench.url("/v1/balance");
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(bench.client.get(&url)).await, 401);
    assert_eq!(
        status(bench.client.get(&url).bearer_auth("sk_test_other")).await,
        401
    );
    assert_eq!(
        status(bench.client.get(&url).basic_auth(KEY, Some(""))).await,
        200
    );
    assert_eq!(
        status(bench.client.get(&url).header("authorization", "Digest x")).await,
        401
    );
    let other = bench
        .send("GET", "/v1/balance", &[], &[("stripe-account", "acct_x")])
        .await;
    assert_eq!(other.refusal().0, 403);
    assert_eq!(
        bench.send("GET", "/v1/customers", &[], &[]).await.refusal().0,
        404
    );
    let versioned = bench
        .send("GET", "/v1/balance", &[], &[("stripe-version", "2024-01-01")])
        .await;
    assert_eq!(versioned.headers["stripe-version"], "2024-01-01");
}

#[tokio::test]
async fn a_key_gives_the_first_answer_again_for_a_day() {
    let bench = Bench::start().await;
    let key = [("idempotency-key", "order-1")];
    let first = bench
        .send(
            "POST",
            "/v1/checkout/sessions",
            &session_form("2000", "eur"),
            &key,
        )
        .await;
    let again = bench
        .send(
            "POST",
            "/v1/checkout/sessions",
            &session_form("2000", "eur"),
            &key,
        )
        .await;
    assert_eq!(
        (
            &first.body,
            again.headers["idempotent-replayed"].to_str().unwrap()
        ),
        (&again.body, "true")
    );
    assert_eq!(first.headers["request-id"], again.headers["request-id"]);
    let other = bench
        .send(
            "POST",
            "/v1/checkout/sessions",
            &session_form("2001", "eur"),
            &key,
        )
        .await;
    assert_eq!(
        (other.status, &other.body["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    bench.advance(86_400).await;
    let later = bench
        .send(
            "POST",
            "/v1/checkout/sessions",
            &session_form("2001", "eur"),
            &key,
        )
        .await
        .ok();
    assert_ne!(later["id"], first.body["id"]);
    bench.admin("idempotency/forget", json!({})).await;
    let forgotten = bench
        .send(
            "POST",
            "/v1/checkout/sessions",
            &session_form("2002", "eur"),
            &key,
        )
        .await;
    assert_eq!(forgotten.status, 200);
}

#[tokio::test]
async fn a_refusal_is_replayed_but_a_malformed_request_leaves_its_key_unused() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    let form = [
        ("amount", "100"),
        ("currency", "eur"),
        ("destination", account.as_str()),
    ];
    let key = [("idempotency-key", "k")];
    let first = bench.send("POST", "/v1/transfers", &form, &key).await;
    assert_eq!(first.refusal().1, "balance_insufficient");
    bench.charge("5000", "eur", "pm_card_bypassPending").await;
    assert_eq!(
        bench.send("POST", "/v1/transfers", &form, &key).await.refusal().1,
        "balance_insufficient"
    );
    let key = [("idempotency-key", "l")];
    assert_eq!(
        bench
            .send("POST", "/v1/transfers", &[("amount", "1")], &key)
            .await
            .refusal()
            .1,
        "parameter_missing"
    );
    bench.send("POST", "/v1/transfers", &form, &key).await.ok();
}

#[tokio::test]
async fn lists_go_by_cursor_and_by_time() {
    let bench = Bench::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.session("2000", "eur").await["id"].clone());
        bench.advance(10).await;
    }
    let of = |list: &Value| {
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].clone())
            .collect::<Vec<_>>()
    };
    let newest: Vec<_> = ids.iter().rev().cloned().collect();
    let path = "/v1/checkout/sessions";
    assert_eq!(of(&bench.get(path).await), newest);
    let first = bench.get(&format!("{path}?limit=2")).await;
    assert_eq!(
        (of(&first), &first["has_more"]),
        (newest[..2].to_vec(), &json!(true))
    );
    let (second, last) = (newest[1].as_str().unwrap(), newest[4].as_str().unwrap());
    assert_eq!(
        of(&bench
            .get(&format!("{path}?limit=2&starting_after={second}"))
            .await),
        newest[2..4]
    );
    let before = bench.get(&format!("{path}?limit=2&ending_before={last}")).await;
    assert_eq!(
        (of(&before), &before["has_more"]),
        (newest[2..4].to_vec(), &json!(true))
    );
    let start = start_of_time().timestamp();
    let between = bench
        .get(&format!(
            "{path}?created[gte]={}&created[lt]={}",
            start + 10,
            start + 30
        ))
        .await;
    assert_eq!(of(&between), newest[2..4]);
    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("starting_after=cs_x", "starting_after"),
    ] {
        assert_eq!(
            bench
                .send("GET", &format!("{path}?{query}"), &[], &[])
                .await
                .refusal()
                .2,
            param
        );
    }
}

#[tokio::test]
async fn only_what_is_expandable_expands() {
    let bench = Bench::start().await;
    bench.charge("2000", "eur", "pm_card_visa").await;
    let list = bench.get("/v1/charges?expand[]=data.payment_intent.payment_method&expand[]=data.balance_transaction.source").await;
    assert_eq!(
        list["data"][0]["payment_intent"]["payment_method"]["card"]["last4"],
        "4242"
    );
    assert_eq!(
        list["data"][0]["balance_transaction"]["source"]["object"],
        "charge"
    );
    for path in ["data.amount", "data.colour", "data.payment_intent.amount.more"] {
        let refused = bench
            .send("GET", &format!("/v1/charges?expand[]={path}"), &[], &[])
            .await;
        assert_eq!(refused.refusal().2, "expand", "{path}");
    }
    let mut form = session_form("2000", "eur");
    form.push(("expand[]", "colour"));
    assert_eq!(
        bench.post("/v1/checkout/sessions", &form).await.refusal().2,
        "expand"
    );
    assert_eq!(bench.books().await["counts"]["checkout_sessions"], 0);
}

#[tokio::test]
async fn state_survives_a_restart() {
    let folder = std::env::temp_dir().join(format!("stripe-sandbox-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut settings = config();
    settings.data = Some(folder.join("state.json"));
    let bench = Bench::with(settings.clone()).await;
    let session = bench.session("2000", "eur").await;
    bench.pay(&session, "4242424242424242").await;
    bench.advance(3_600).await;
    let books = bench.books().await;
    bench.sandbox.stop().await;
    settings.clock = ClockMode::Manual(start_of_time());
    let bench = Bench::with(settings).await;
    assert_eq!(bench.books().await, books);
    bench.advance(172_800).await;
    assert_eq!(bench.books().await["balance"]["eur"]["pending"], 0);
    assert_ne!(bench.session("2000", "eur").await["id"], session["id"]);
    bench.sandbox.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids() {
    let (one, other) = (Bench::start().await, Bench::start().await);
    assert_eq!(
        one.session("2000", "eur").await["id"],
        other.session("2000", "eur").await["id"]
    );
    assert_eq!(one.account().await, other.account().await);
}

#[tokio::test]
async fn time_never_runs_backwards() {
    let bench = Bench::start().await;
    let post = async |body: Value| {
        bench
            .client
            .post(bench.url("/_sandbox/clock"))
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(post(json!({"now": "2026-11-22T07:59:59Z"})).await, 400);
    assert_eq!(post(json!({"advance_seconds": -1})).await, 400);
    assert_eq!(post(json!({})).await, 400);
    assert_eq!(post(json!({"now": "2026-11-23T00:00:00Z"})).await, 200);
    assert_eq!(bench.session("2000", "eur").await["created"], 1_795_392_000);
}

#[tokio::test]
async fn the_dashboard_shows_and_does() {
    let bench = Bench::start().await;
    let account = bench.account().await;
    let session = bench.session("2000", "eur").await;
    bench.pay(&session, "4242424242424242").await;
    let (status, page) = bench.page("/dashboard").await;
    assert_eq!(status, 200);
    assert!(
        page.contains(&account) && page.contains("20.00 EUR") && page.contains("checkout.session.completed")
    );
    let form = [("kind", "fail_before"), ("match[path_prefix]", "/v1/balance")];
    assert_eq!(bench.submit("/_sandbox/faults", &form).await.1, "/dashboard");
    assert_eq!(bench.send("GET", "/v1/balance", &[], &[]).await.status, 500);
    let form = [("mode", "hold")];
    assert_eq!(bench.submit("/_sandbox/deliveries", &form).await.1, "/dashboard");
    bench
        .submit(&format!("/_sandbox/accounts/{account}/restrict"), &[("a", "b")])
        .await;
    assert!(bench.page("/dashboard").await.1.contains("requirements.past_due"));
}

#[tokio::test]
async fn the_dashboard_s_buttons_open_and_decide_disputes() {
    let bench = Bench::start().await;
    let charge = bench.charge("2000", "eur", "pm_card_visa").await;
    let button = format!("/_sandbox/charges/{}/dispute", charge["id"].as_str().unwrap());
    assert!(bench.page("/dashboard").await.1.contains(&button));
    let pressed = bench.submit(&button, &[("kind", "chargeback")]).await;
    assert_eq!(pressed.1, "/dashboard");
    assert!(!bench.page("/dashboard").await.1.contains(&button));
    let dispute = bench.get("/v1/disputes").await["data"][0]["id"].clone();
    let button = format!("/_sandbox/disputes/{}/decide", dispute.as_str().unwrap());
    for (outcome, status) in [("under_review", "under_review"), ("won", "won")] {
        assert!(bench.page("/dashboard").await.1.contains(&button));
        assert_eq!(
            bench.submit(&button, &[("outcome", outcome)]).await.1,
            "/dashboard"
        );
        assert_eq!(bench.get("/v1/disputes").await["data"][0]["status"], status);
    }
    assert!(!bench.page("/dashboard").await.1.contains(&button));
}

#[test]
fn the_extract_knows_what_stripe_requires() {
    for (object, field) in [
        ("charge", "amount_refunded"),
        ("transfer", "reversals"),
        ("checkout.session", "custom_text"),
    ] {
        assert!(
            schema::required(object).contains(&field.to_owned()),
            "{object}.{field}"
        );
    }
}
