//! Webhooks: who may speak at all, and what an event can and cannot do.

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use sha2::Sha256;
use vitrine_domain::ports::Clock;
use vitrine_model::{inbox, job};

use crate::support::{App, WEBHOOK_SECRET, on_both};

fn v1(secret: &str, time: i64, body: &str) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn now(app: &App) -> i64 {
    app.clock.now().timestamp()
}

/// Sends `body` under this signature header; returns the status.
async fn send(app: &App, signature: Option<&str>, body: &str) -> u16 {
    answer(app, signature, body).await.status().as_u16()
}

async fn answer(app: &App, signature: Option<&str>, body: &str) -> reqwest::Response {
    let request = app.http.post(app.url("/webhooks/stripe")).body(body.to_owned());
    let request = signature.into_iter().fold(request, |request, signature| {
        request.header("stripe-signature", signature)
    });
    request.send().await.unwrap()
}

/// Sends an event as Stripe would.
async fn deliver(app: &App, event: &Value) -> u16 {
    let (body, time) = (event.to_string(), now(app));
    send(
        app,
        Some(&format!("t={time},v1={}", v1(WEBHOOK_SECRET, time, &body))),
        &body,
    )
    .await
}

fn event(id: &str, kind: &str, object: Value) -> Value {
    json!({ "id": id, "object": "event", "api_version": "2026-09-30.endive", "type": kind, "livemode": false, "data": { "object": object } })
}

async fn events(app: &App) -> u64 {
    inbox::Entity::find().count(app.db()).await.unwrap()
}

async fn applied(app: &App, id: &str) -> bool {
    let row = inbox::Entity::find_by_id(id).one(app.db()).await.unwrap();
    row.expect("an event").applied_at.is_some()
}

on_both! {
    async fn s12_only_stripe_may_speak_and_only_now(app) {
        let body = event("evt_1", "charge.succeeded", json!({ "id": "ch_1" })).to_string();
        let (time, other) = (now(app), "whsec_other_0123456789abcdef");
        let right = v1(WEBHOOK_SECRET, time, &body);
        let flipped = body.replacen("ch_1", "ch_2", 1);
        for (what, signature, sent) in [
            ("a flipped byte", Some(format!("t={time},v1={right}")), &flipped),
            ("too old", Some(format!("t={},v1={}", time - 301, v1(WEBHOOK_SECRET, time - 301, &body))), &body),
            ("from the future", Some(format!("t={},v1={}", time + 301, v1(WEBHOOK_SECRET, time + 301, &body))), &body),
            ("another time", Some(format!("t={},v1={right}", time + 1)), &body),
            ("another secret", Some(format!("t={time},v1={}", v1(other, time, &body))), &body),
            ("another scheme", Some(format!("t={time},v0={right}")), &body),
            ("no time", Some(format!("v1={right}")), &body),
            ("nonsense", Some("nonsense".to_owned()), &body),
            ("nothing", None, &body),
        ] {
            assert_eq!(send(app, signature.as_deref(), sent).await, 400, "{what}");
        }
        assert_eq!(events(app).await, 0);
        let wrong = v1(other, time, &body);
        assert_eq!(send(app, Some(&format!("t={time},v1={wrong},v1={right}")), &body).await, 200, "one of two");
        assert_eq!(events(app).await, 1);
        // Stripe knows no such charge: the job asks, finds nothing, and that is all.
        forget(app, "evt_1").await;
    }

    async fn s12_what_is_signed_but_no_event_is_refused(app) {
        let time = now(app);
        for body in ["", "{}", "[]", r#"{"id":"evt_1"}"#] {
            let refused = answer(app, Some(&format!("t={time},v1={}", v1(WEBHOOK_SECRET, time, body))), body).await;
            assert_eq!(refused.status(), 400, "{body}");
            assert!(refused.text().await.unwrap().starts_with("the signature holds, but the body is no event"), "{body}");
        }
        assert_eq!(answer(app, Some(&format!("t={time},v1={}", v1("another", time, "[]"))), "[]").await.text().await.unwrap(), "the signature does not hold\n");
        let huge = " ".repeat(1024 * 1024 + 1);
        assert_eq!(send(app, Some(&format!("t={time},v1={}", v1(WEBHOOK_SECRET, time, &huge))), &huge).await, 413);
        assert_eq!(events(app).await, 0);
    }

    async fn ids_that_stripe_never_gives_are_refused_and_said_to_be(app) {
        for id in ["evt_\0", "evt 1", "", &"x".repeat(5000)] {
            for event in [event(id, "product.created", json!({ "id": "prod_1" })), event("evt_1", "product.created", json!({ "id": format!("prod_\0{id}") }))] {
                let (body, time) = (event.to_string(), now(app));
                let refused = answer(app, Some(&format!("t={time},v1={}", v1(WEBHOOK_SECRET, time, &body))), &body).await;
                assert_eq!(refused.status(), 400, "{id:?}");
                let said = refused.text().await.unwrap();
                assert_eq!(said, "the signature holds, but an id or the type is not 1 to 255 visible ASCII characters\n");
            }
        }
        assert_eq!(events(app).await, 0);
    }

    async fn the_same_event_twice_and_at_once_is_one_event(app) {
        let event = event("evt_1", "product.created", json!({ "id": "prod_1" }));
        let sent = futures::future::join_all((0..10).map(|_| deliver(app, &event))).await;
        assert!(sent.iter().all(|status| *status == 200), "{sent:?}");
        assert_eq!(events(app).await, 1);
        assert_eq!(deliver(app, &event).await, 200);
        app.settle().await;
        assert_eq!(deliver(app, &event).await, 200);
        assert_eq!(events(app).await, 1);
        assert!(applied(app, "evt_1").await);
    }

    async fn what_concerns_us_not_is_taken_and_forgotten(app) {
        for (n, kind, object) in [
            (1, "product.created", json!({ "id": "prod_1" })),
            (2, "balance.available", json!({ "object": "balance" })),
            (3, "something.quite_new", json!({ "id": "new_1" })),
            (4, "customer.created", json!({})),
        ] {
            assert_eq!(deliver(app, &event(&format!("evt_{n}"), kind, object)).await, 200, "{kind}");
        }
        app.settle().await;
        for n in 1..=4 {
            assert!(applied(app, &format!("evt_{n}")).await, "{n}");
        }
    }

    async fn an_event_of_the_other_mode_is_ignored(app) {
        let mut live = event("evt_1", "checkout.session.completed", json!({ "id": "cs_test_1", "payment_status": "paid" }));
        live["livemode"] = json!(true);
        assert_eq!(deliver(app, &live).await, 200);
        app.settle().await;
        assert!(applied(app, "evt_1").await);
    }

    async fn s12_an_event_of_a_connected_account_never_pays(app) {
        for (n, kind, object) in [(1, "checkout.session.completed", "cs_test_1"), (2, "charge.succeeded", "ch_1"), (3, "refund.updated", "re_1"), (4, "transfer.created", "tr_1")] {
            let mut foreign = event(&format!("evt_{n}"), kind, json!({ "id": object, "payment_status": "paid" }));
            foreign["account"] = json!("acct_mallory");
            assert_eq!(deliver(app, &foreign).await, 200);
        }
        // Were one of them looked into, Stripe would be asked for an object it does not have, and the job would fail.
        app.settle().await;
        for n in 1..=4 {
            assert!(applied(app, &format!("evt_{n}")).await, "{n}");
        }
    }
}

/// Takes back an event that a test only wanted to see accepted.
async fn forget(app: &App, id: &str) {
    use sea_orm::{ColumnTrait, QueryFilter};
    let jobs = job::Entity::delete_many().filter(job::Column::Payload.contains(id));
    assert_eq!(jobs.exec(app.db()).await.unwrap().rows_affected, 1);
    inbox::Entity::delete_by_id(id).exec(app.db()).await.unwrap();
}
