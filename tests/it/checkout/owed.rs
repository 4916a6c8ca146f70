//! Payments nobody asked for that do not go back at once: they are sent again, the operator sees them, and what the buyer
//! has back from her bank is not sent a second time.

use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde_json::json;
use vitrine_model::checkout::{RefundState, dispute};
use vitrine_model::reconciliation::difference::{self, DifferenceKind};

use crate::checkout::basket::{charge_behind, kettle, refunds, text};
use crate::dispute::charge;
use crate::dispute_again::{bad_debt, no_refunds};
use crate::support::{App, on_both};

/// A second payment of an order that is paid.
async fn paid_twice(app: &App) {
    let kettle = kettle(app).await;
    let paid = kettle.basket(1).await.bought().await;
    charge_behind(app, &paid, 12_050, "eur").await;
    app.settle().await;
}

/// The bank sends the latest refund back.
async fn fails(app: &App) {
    let list = app.stripe.api("/v1/refunds?limit=1").await;
    let latest = text(&list["data"][0]["id"]);
    app.stripe
        .admin(&format!("refunds/{latest}/fail"), json!({}))
        .await;
    app.settle().await;
}

async fn lost(app: &App) -> dispute::Model {
    let charge = charge(app).await;
    let lost = json!({ "kind": "lost", "fee": 2000 });
    app.stripe.admin(&format!("charges/{charge}/dispute"), lost).await;
    app.settle().await;
    app.assert_agreed("lost").await;
    dispute::Entity::find().one(app.db()).await.unwrap().unwrap()
}

/// What the operator sees that buyers are owed.
async fn owed(app: &App) -> Vec<difference::Model> {
    let mut open = app.reconcile().await.differences;
    open.retain(|difference| difference.kind == DifferenceKind::Owed);
    open
}

fn told(app: &App, words: &str) -> usize {
    let mails: Vec<String> = app
        .mails()
        .iter()
        .map(|mail| mail.replace("=\r\n", "").replace("\r\n", " "))
        .collect();
    mails.iter().filter(|mail| mail.contains(words)).count()
}

on_both! {
    async fn a_payment_that_did_not_go_back_is_sent_again_and_seen_until_it_has_arrived(app) {
        paid_twice(app).await;
        assert_eq!(owed(app).await, []);
        fails(app).await;
        assert_eq!(told(app, "sent again within a few days"), 1);
        let seen = owed(app).await;
        assert_eq!(seen.len(), 1);
        assert_eq!((&seen[0].subject, seen[0].amount), (&charge(app).await, Some(12_050)));
        app.wait(TimeDelta::hours(73)).await;
        let back = refunds(app).await;
        let arrived = back.iter().filter(|refund| refund.state == RefundState::Succeeded);
        assert_eq!((back.len(), arrived.count()), (2, 1));
        assert_eq!(owed(app).await, []);
        app.wait(TimeDelta::days(30)).await;
        assert_eq!(refunds(app).await.len(), 2);
        app.assert_agreed("sent back once").await;
    }

    async fn a_payment_that_never_arrives_is_sent_a_few_times_and_stays_seen(app) {
        paid_twice(app).await;
        fails(app).await;
        let first = owed(app).await[0].first_seen_at;
        for _ in 0..6 {
            app.wait(TimeDelta::hours(73)).await;
            fails(app).await;
        }
        assert_eq!(refunds(app).await.len(), 5);
        assert_eq!(owed(app).await[0].first_seen_at, first);
    }

    async fn a_payment_whose_refund_failed_and_that_her_bank_gave_back_is_owed_no_more(app) {
        paid_twice(app).await;
        fails(app).await;
        let lost = lost(app).await;
        assert_eq!((lost.loss, lost.repaid, bad_debt(app).await), (12_050, 12_050, 0));
        assert_eq!(owed(app).await, []);
        app.wait(TimeDelta::days(10)).await;
        assert_eq!(refunds(app).await.len(), 1, "the buyer has her money");
    }

    async fn a_payment_disputed_and_lost_before_its_refund_went_out_is_not_sent_back_too(app) {
        no_refunds(app).await;
        paid_twice(app).await;
        let before = lost(app).await;
        assert_eq!((before.repaid, bad_debt(app).await), (0, 12_050), "a refund may still bring it");
        app.stripe.clear_faults().await;
        app.wait(TimeDelta::hours(2)).await;
        app.wait(TimeDelta::days(10)).await;
        let after = dispute::Entity::find().one(app.db()).await.unwrap().unwrap();
        assert_eq!((after.loss, after.repaid, bad_debt(app).await), (12_050, 12_050, 0));
        assert_eq!(refunds(app).await.len(), 1);
        assert_eq!(owed(app).await, []);
        assert_eq!(told(app, "sent again within a few days"), 0, "that would not be true");
        app.assert_agreed("settled").await;
    }
}
