//! Disputes: what the buyer's bank takes, asks and gives back.

use crate::support::Bench;
use serde_json::{Value, json};

/// Stripe's list price for a dispute in euro.
const FEE: i64 = 2_000;

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

async fn open(bench: &Bench, charge: &Value, body: Value) -> Value {
    bench
        .admin(&format!("charges/{}/dispute", id(charge)), body)
        .await
}

async fn decide(bench: &Bench, dispute: &Value, body: Value) -> Value {
    bench
        .admin(&format!("disputes/{}/decide", id(dispute)), body)
        .await
}

async fn refused(bench: &Bench, path: &str, body: Value) -> u16 {
    let request = bench
        .client
        .post(bench.url(&format!("/_sandbox/{path}")))
        .json(&body);
    request.send().await.unwrap().status().as_u16()
}

async fn dispute(bench: &Bench, dispute: &Value) -> Value {
    bench.get(&format!("/v1/disputes/{}", id(dispute))).await
}

async fn available(bench: &Bench) -> i64 {
    bench.books().await["balance"]["eur"]["available"]
        .as_i64()
        .unwrap()
}

#[tokio::test]
async fn a_chargeback_takes_the_money_and_a_fee_at_once() {
    let bench = Bench::start().await;
    let charge = bench.charge("9460", "eur", "pm_card_visa").await;
    let endpoint = bench.listen().await;
    let opened = open(&bench, &charge, json!({})).await;
    let read = dispute(&bench, &opened).await;
    assert_eq!(read, opened);
    assert_eq!(
        (&read["status"], &read["amount"], &read["reason"]),
        (&json!("needs_response"), &json!(9460), &json!("fraudulent"))
    );
    assert_eq!(read["payment_intent"], charge["payment_intent"]);
    let withdrawn = &read["balance_transactions"][0];
    assert_eq!(
        (&withdrawn["type"], &withdrawn["reporting_category"]),
        (&json!("adjustment"), &json!("dispute"))
    );
    let figures = ["amount", "fee", "net"].map(|field| withdrawn[field].as_i64().unwrap());
    assert_eq!(figures, [-9460, FEE, -9460 - FEE]);
    assert_eq!(available(&bench).await, -9460 - FEE);
    let charge = bench.get(&format!("/v1/charges/{}", id(&charge))).await;
    assert_eq!(
        (&charge["disputed"], &charge["amount_refunded"]),
        (&json!(true), &json!(0))
    );
    bench.settle().await;
    assert_eq!(
        endpoint.types(),
        ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    );
    let path = format!(
        "/v1/balance_transactions?source={}&expand[]=data.source",
        id(&opened)
    );
    let listed = bench.get(&path).await;
    assert_eq!(listed["data"][0]["source"]["object"], "dispute");
    for query in [
        format!("charge={}", id(&charge)),
        format!("payment_intent={}", charge["payment_intent"].as_str().unwrap()),
    ] {
        let list = bench
            .get(&format!("/v1/disputes?{query}&expand[]=data.charge"))
            .await;
        assert_eq!(list["data"][0]["id"], opened["id"]);
    }
    assert_eq!(bench.get("/v1/disputes?charge=ch_other").await["data"], json!([]));
}

#[tokio::test]
async fn a_dispute_that_is_won_brings_the_money_back() {
    let bench = Bench::start().await;
    for (body, back) in [
        (json!({"outcome": "won"}), [1000, 0, 1000]),
        (
            json!({"outcome": "won", "fee_returned": true}),
            [1000, -FEE, 1000 + FEE],
        ),
        (json!({"outcome": "won", "reinstated": 400}), [400, 0, 400]),
    ] {
        let charge = bench.charge("1000", "eur", "pm_card_visa").await;
        let opened = open(&bench, &charge, json!({})).await;
        bench.settle().await;
        let endpoint = bench.listen().await;
        decide(&bench, &opened, body).await;
        let read = dispute(&bench, &opened).await;
        assert_eq!(read["status"], "won");
        let returned = &read["balance_transactions"][1];
        assert_eq!(returned["reporting_category"], "dispute_reversal");
        let figures = ["amount", "fee", "net"].map(|field| returned[field].as_i64().unwrap());
        assert_eq!(figures, back);
        bench.settle().await;
        assert_eq!(
            endpoint.types(),
            ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
        );
    }
}

#[tokio::test]
async fn whether_the_fee_comes_back_and_what_it_is_can_be_set() {
    let bench = Bench::start().await;
    bench
        .admin(
            "settings",
            json!({"dispute_fee": 700, "dispute_fee_returned": true}),
        )
        .await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({})).await;
    assert_eq!(available(&bench).await, -1700);
    decide(&bench, &opened, json!({"outcome": "won"})).await;
    assert_eq!(available(&bench).await, 0);
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    open(&bench, &charge, json!({"fee": 5})).await;
    assert_eq!(available(&bench).await, -1005);
    for wrong in [
        json!({"dispute_fee": -1}),
        json!({"dispute_fee": "x"}),
        json!({"colour": 1}),
    ] {
        assert_eq!(refused(&bench, "settings", wrong).await, 400);
    }
}

#[tokio::test]
async fn a_lost_dispute_keeps_the_money_or_brings_a_part_back() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({})).await;
    let endpoint = bench.listen().await;
    decide(&bench, &opened, json!({"outcome": "lost"})).await;
    bench.settle().await;
    assert_eq!(endpoint.types(), ["charge.dispute.closed"]);
    assert_eq!(available(&bench).await, -1000 - FEE);
    let again = json!({"outcome": "won"});
    let path = format!("disputes/{}/decide", id(&opened));
    assert_eq!(refused(&bench, &path, again).await, 400);
    // Partly won is `lost` at Stripe, with a part reinstated.
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({})).await;
    let path = format!("disputes/{}/decide", id(&opened));
    assert_eq!(
        refused(&bench, &path, json!({"outcome": "lost", "reinstated": 1001})).await,
        400
    );
    let decided = decide(&bench, &opened, json!({"outcome": "lost", "reinstated": 300})).await;
    assert_eq!(
        (&decided["status"], &decided["balance_transactions"][1]["net"]),
        (&json!("lost"), &json!(300))
    );
}

#[tokio::test]
async fn a_dispute_born_lost_cannot_be_answered() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let endpoint = bench.listen().await;
    let opened = open(&bench, &charge, json!({"kind": "lost"})).await;
    bench.settle().await;
    let events = endpoint.take();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["type"].as_str().unwrap(),
                &event["data"]["object"]["status"],
            )
        })
        .collect();
    let lost = json!("lost");
    assert_eq!(
        told,
        [
            ("charge.dispute.created", &lost),
            ("charge.dispute.funds_withdrawn", &lost),
            ("charge.dispute.closed", &lost)
        ]
    );
    assert_eq!(opened["evidence_details"]["due_by"], json!(null));
    let path = format!("/v1/disputes/{}", id(&opened));
    let answer = bench
        .post(&path, &[("evidence[product_description]", "Shirt")])
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        bench.post(&path, &[("metadata[case]", "7")]).await.ok()["metadata"]["case"],
        "7"
    );
    assert_eq!(bench.post(&format!("{path}/close"), &[]).await.status, 400);
}

#[tokio::test]
async fn evidence_is_staged_and_submitted_once() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({})).await;
    let endpoint = bench.listen().await;
    let path = format!("/v1/disputes/{}", id(&opened));
    let staged = [
        ("evidence[shipping_tracking_number]", "3SABC"),
        ("submit", "false"),
    ];
    let staged = bench.post(&path, &staged).await.ok();
    assert_eq!(
        (
            &staged["status"],
            &staged["evidence_details"]["has_evidence"],
            &staged["evidence_details"]["submission_count"]
        ),
        (&json!("needs_response"), &json!(true), &json!(0))
    );
    let submitted = bench.post(&path, &[("submit", "true")]).await.ok();
    assert_eq!(
        (
            &submitted["status"],
            &submitted["evidence_details"]["submission_count"]
        ),
        (&json!("under_review"), &json!(1))
    );
    assert_eq!(submitted["evidence"]["shipping_tracking_number"], "3SABC");
    let more = bench.post(&path, &[("evidence[customer_name]", "Jenny")]).await;
    assert_eq!(more.status, 400);
    for (unknown, code) in [
        ("evidence[colour]", "parameter_unknown"),
        ("evidence[receipt]", "sandbox_parameter_not_simulated"),
    ] {
        assert_eq!(bench.post(&path, &[(unknown, "x")]).await.refusal().1, code);
    }
    bench.settle().await;
    assert_eq!(endpoint.types(), ["charge.dispute.updated"; 2]);
}

#[tokio::test]
async fn the_evidence_of_test_mode_decides() {
    let bench = Bench::start().await;
    for (kind, text, status) in [
        ("chargeback", "winning_evidence", "won"),
        ("chargeback", "losing_evidence", "lost"),
        ("inquiry", "winning_evidence", "warning_closed"),
        ("inquiry", "escalate_inquiry_evidence", "needs_response"),
    ] {
        let charge = bench.charge("1000", "eur", "pm_card_visa").await;
        let opened = open(&bench, &charge, json!({ "kind": kind })).await;
        let path = format!("/v1/disputes/{}", id(&opened));
        let answered = bench
            .post(&path, &[("evidence[uncategorized_text]", text)])
            .await
            .ok();
        assert!(answered["status"].as_str().unwrap().ends_with("under_review"));
        assert_eq!(dispute(&bench, &opened).await["status"], status, "{kind} {text}");
    }
}

#[tokio::test]
async fn an_inquiry_moves_no_money() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let endpoint = bench.listen().await;
    let opened = open(&bench, &charge, json!({"kind": "inquiry", "reason": "general"})).await;
    assert_eq!(
        (
            &opened["status"],
            &opened["balance_transactions"],
            &opened["is_charge_refundable"]
        ),
        (&json!("warning_needs_response"), &json!([]), &json!(true))
    );
    let closed = decide(&bench, &opened, json!({"outcome": "warning_closed"})).await;
    assert_eq!(closed["status"], "warning_closed");
    assert_eq!(available(&bench).await, 0);
    bench.settle().await;
    assert_eq!(
        endpoint.types(),
        ["charge.dispute.created", "charge.dispute.closed"]
    );
    let path = format!("disputes/{}/decide", id(&opened));
    for outcome in ["won", "lost", "escalated", "under_review"] {
        assert_eq!(
            refused(&bench, &path, json!({ "outcome": outcome })).await,
            400,
            "{outcome}"
        );
    }
}

#[tokio::test]
async fn an_inquiry_can_become_a_chargeback_of_what_is_left() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({"kind": "inquiry"})).await;
    let refund = [("charge", id(&charge)), ("amount", "300")];
    bench.post("/v1/refunds", &refund).await.ok();
    let endpoint = bench.listen().await;
    let escalated = decide(&bench, &opened, json!({"outcome": "escalated"})).await;
    assert_eq!(
        (&escalated["status"], &escalated["amount"]),
        (&json!("needs_response"), &json!(700))
    );
    assert_eq!(available(&bench).await, -300 - 700 - FEE);
    bench.settle().await;
    assert_eq!(
        endpoint.types(),
        ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    );
}

#[tokio::test]
async fn refunding_the_whole_charge_ends_an_inquiry() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({"kind": "inquiry"})).await;
    bench.post("/v1/refunds", &[("charge", id(&charge))]).await.ok();
    let read = dispute(&bench, &opened).await;
    assert_eq!(
        (&read["status"], &read["is_charge_refundable"]),
        (&json!("warning_closed"), &json!(false))
    );
}

#[tokio::test]
async fn a_charge_is_not_refunded_while_the_bank_has_its_money() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    bench.charge("9000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({"amount": 100})).await;
    let refund = [("charge", id(&charge)), ("amount", "50")];
    for outcome in ["", "under_review"] {
        if !outcome.is_empty() {
            decide(&bench, &opened, json!({ "outcome": outcome })).await;
        }
        let answer = bench.post("/v1/refunds", &refund).await;
        assert_eq!(answer.refusal(), (400, "charge_disputed", ""));
    }
    decide(&bench, &opened, json!({"outcome": "won"})).await;
    bench.post("/v1/refunds", &refund).await.ok();
}

#[tokio::test]
async fn at_most_the_rest_of_a_charge_is_disputed() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let path = format!("charges/{}/dispute", id(&charge));
    let refund = [("charge", id(&charge)), ("amount", "400")];
    bench.post("/v1/refunds", &refund).await.ok();
    for amount in [601, 0, -1] {
        assert_eq!(refused(&bench, &path, json!({ "amount": amount })).await, 400);
    }
    let first = open(&bench, &charge, json!({"amount": 250})).await;
    assert_eq!(first["amount"], 250);
    let second = open(&bench, &charge, json!({})).await;
    assert_eq!(second["amount"], 350);
    assert_eq!(refused(&bench, &path, json!({})).await, 400);
    // Banks do not always know of a refund.
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    bench.post("/v1/refunds", &[("charge", id(&charge))]).await.ok();
    let whole = open(&bench, &charge, json!({"beyond_refunds": true})).await;
    assert_eq!(whole["amount"], 1000);
    assert_eq!(refused(&bench, "charges/ch_x/dispute", json!({})).await, 404);
}

#[tokio::test]
async fn a_refund_on_its_way_fails_when_its_charge_is_disputed() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_pendingRefund").await;
    let refund = [("charge", id(&charge)), ("amount", "400")];
    let refund = bench.post("/v1/refunds", &refund).await.ok();
    assert_eq!(open(&bench, &charge, json!({})).await["amount"], 1000);
    let refund = bench.get(&format!("/v1/refunds/{}", id(&refund))).await;
    assert_eq!(
        (&refund["status"], &refund["failure_reason"]),
        (&json!("failed"), &json!("charge_for_pending_refund_disputed"))
    );
    assert_eq!(available(&bench).await, -1000 - FEE);
}

#[tokio::test]
async fn a_dispute_that_nobody_answers_is_lost() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let (silent, inquiry) = (
        open(&bench, &charge, json!({"amount": 500})).await,
        open(&bench, &charge, json!({"kind": "inquiry"})).await,
    );
    bench.advance(1_814_399).await;
    assert_eq!(dispute(&bench, &silent).await["status"], "needs_response");
    bench.advance(1).await;
    let lost = dispute(&bench, &silent).await;
    assert_eq!(
        (&lost["status"], &lost["evidence_details"]["past_due"]),
        (&json!("lost"), &json!(true))
    );
    bench.advance(10_368_000).await;
    assert_eq!(dispute(&bench, &inquiry).await["status"], "warning_closed");
}

#[tokio::test]
async fn the_merchant_can_give_in() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let opened = open(&bench, &charge, json!({})).await;
    let path = format!("/v1/disputes/{}/close", id(&opened));
    assert_eq!(bench.post(&path, &[]).await.ok()["status"], "lost");
    assert_eq!(bench.post(&path, &[]).await.status, 400);
    assert_eq!(
        bench.post("/v1/disputes/du_x/close", &[]).await.refusal().1,
        "resource_missing"
    );
}

#[tokio::test]
async fn some_cards_dispute() {
    let bench = Bench::start().await;
    for (card, status, reason) in [
        ("4000000000000259", "needs_response", "fraudulent"),
        ("4000000000002685", "needs_response", "product_not_received"),
        ("4000000000001976", "warning_needs_response", "fraudulent"),
    ] {
        let session = bench.session("2000", "eur").await;
        assert_eq!(bench.pay(&session, card).await.0, 303);
        let opened = &bench.get("/v1/disputes").await["data"][0];
        assert_eq!(
            (&opened["status"], &opened["reason"]),
            (&json!(status), &json!(reason))
        );
        assert_eq!(opened["evidence"]["customer_email_address"], "jenny@example.com");
    }
    bench.admin("settings", json!({"dispute_open_seconds": 60})).await;
    bench.charge("1000", "eur", "pm_card_createDispute").await;
    let count = async || bench.books().await["counts"]["disputes"].clone();
    assert_eq!(count().await, 3);
    bench.advance(60).await;
    assert_eq!(count().await, 4);
}

#[tokio::test]
async fn a_dispute_can_be_closed_before_its_opening_arrives() {
    let bench = Bench::start().await;
    let charge = bench.charge("1000", "eur", "pm_card_visa").await;
    let endpoint = bench.listen().await;
    bench.admin("deliveries", json!({"mode": "hold"})).await;
    let opened = open(&bench, &charge, json!({})).await;
    decide(&bench, &opened, json!({"outcome": "won"})).await;
    bench
        .admin("deliveries/release", json!({"order": "reverse"}))
        .await;
    bench.settle().await;
    assert_eq!(
        endpoint.types(),
        [
            "charge.dispute.funds_reinstated",
            "charge.dispute.closed",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.created"
        ]
    );
}

#[tokio::test]
async fn a_bank_debit_is_disputed_like_a_card() {
    let bench = Bench::start().await;
    let form = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("payment_method", "pm_success_de"),
        ("confirm", "true"),
        ("payment_method_types[]", "sepa_debit"),
    ];
    let intent = bench.post("/v1/payment_intents", &form).await.ok();
    let path = format!("charges/{}/dispute", id(&intent));
    assert_eq!(refused(&bench, &path, json!({})).await, 400);
    bench.advance(180).await;
    let opened = open(&bench, &intent, json!({"reason": "debit_not_authorized"})).await;
    let read = dispute(&bench, &opened).await;
    assert!(read.get("payment_method_details").is_none());
}
