//! Mail: who is written to about what, once.

use chrono::TimeDelta;
use serde_json::json;

use crate::fulfillment::{SHIP, hire, parcel};
use crate::support::{App, FRONTEND, on_both};

/// The mails to `to` whose text holds all of `words`.
pub(crate) fn mails_to(app: &App, to: &str, words: &[&str]) -> usize {
    let mails = app.mails();
    let to = format!("To: {to}");
    mails
        .iter()
        .filter(|mail| mail.contains(&to) && words.iter().all(|word| mail.contains(word)))
        .count()
}

on_both! {
    async fn a_sale_is_told_to_buyer_brand_and_shopholder(app) {
        let tea = app.market("tea").await;
        hire(app, &tea, "sam", "SHIPPER").await;
        app.buy(&[(&tea, 1)]).await;
        let hers = ["99.50 EUR", "tea teapot", "1 Mill Lane", "recommended by tea-shopholder, in the shop tea shop"];
        assert_eq!(mails_to(app, "berta@example.com", &hers), 1);
        assert_eq!(mails_to(app, "berta@example.com", &["Date: Mon, 11 Jan 2027 09:00:00 +0000"]), 1, "our clock's");
        assert_eq!(mails_to(app, "tea-owner@example.com", &["Please ship for tea"]), 1);
        assert_eq!(mails_to(app, "sam@example.com", &["Please ship for tea"]), 1);
        assert_eq!(mails_to(app, "tea-shopholder@example.com", &["you earn 8.10 EUR", "30 days after delivery"]), 1);
        assert_eq!(mails_to(app, "tea-owner@example.com", &["sam works for tea now"]), 1);
        assert_eq!(app.mails().len(), 5);
    }

    async fn letters_lead_to_where_their_readers_can_look(app) {
        let tea = app.market("tea").await;
        let (first, second) = (app.buy(&[(&tea, 1)]).await, app.buy(&[(&tea, 1)]).await);
        let page = |order: &str| format!("{FRONTEND}/orders/{order}?number=");
        let mut secrets = Vec::new();
        for purchase in [&first, &second] {
            let letters: Vec<String> = app.mails().iter().map(|mail| mail.replace("=\r\n", "").replace("=3D", "=")).filter(|mail| mail.contains(&page(&purchase.order))).collect();
            assert!(letters.len() == 1 && letters[0].contains("To: berta@example.com"), "the buyer's alone: {letters:?}");
            let (_, secret) = letters[0].split_once(&page(&purchase.order)).unwrap().1.split_once('#').unwrap();
            secrets.push(secret.split_whitespace().next().unwrap().to_owned());
        }
        let see = "query($id: ID!) { order(id: $id) { state } }";
        let mut guest = app.nobody();
        guest.guest = Some(secrets[0].clone());
        assert_eq!(guest.ask(see, json!({ "id": first.order })).await["order"]["state"], "PAID");
        assert_eq!(guest.ask(see, json!({ "id": second.order })).await["order"], json!(null), "each letter opens its own order");
        app.wait(TimeDelta::days(91)).await;
        assert_eq!(guest.ask(see, json!({ "id": first.order })).await["order"], json!(null), "as long as her own secret does");
        assert_eq!(mails_to(app, "tea-owner@example.com", &["Please ship", &format!("Your brand: {FRONTEND}/brands/tea")]), 2);
        assert_eq!(mails_to(app, "tea-shopholder@example.com", &["you earn", &format!("Your shop: {FRONTEND}/me/tea-shop")]), 2);
    }

    async fn a_parcel_is_told_with_its_tracking_code(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let mut input = parcel(&purchase, 1);
        input["trackingCode"] = json!("JD0001");
        tea.owner.made(SHIP, input).await;
        app.settle().await;
        assert_eq!(mails_to(app, "berta@example.com", &["Tracking code: JD0001", "Carrier: DHL"]), 1);
    }

    async fn a_refund_is_told_to_buyer_and_shopholder(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        crate::refund::refund(&tea.owner, &purchase, 1, "key").await;
        app.settle().await;
        assert_eq!(mails_to(app, "berta@example.com", &["refunded 94.60 EUR", "the spout drips"]), 1);
        assert_eq!(mails_to(app, "tea-shopholder@example.com", &["was refunded", "8.10 EUR of your earnings was still held."]), 1);
    }

    async fn an_order_nobody_paid_is_told_to_the_buyer_unless_she_called_it_off(app) {
        let tea = app.market("tea").await;
        let (_, order) = app.order(&[(&tea, 1)]).await;
        app.wait(TimeDelta::hours(1)).await;
        assert_eq!(mails_to(app, "berta@example.com", &["was not paid in time", "tea teapot"]), 1);
        let (berta, called_off) = app.order(&[(&tea, 1)]).await;
        assert_ne!(order, called_off);
        let cancel = "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { order { state } userErrors { message } } }";
        let off = berta.made(cancel, json!({ "orderId": called_off, "idempotencyKey": "off" })).await;
        assert_eq!(off["order"]["state"], "EXPIRED");
        app.settle().await;
        assert_eq!(app.mails().len(), 1);
    }

    async fn a_job_run_twice_writes_once(app) {
        use sea_orm::{EntityTrait, QueryFilter, ColumnTrait};
        use vitrine_domain::jobs::{self, Job};
        use vitrine_model::event;

        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        let before = app.mails().len();
        let paid = event::Entity::find().filter(event::Column::Kind.eq("order.paid"));
        let paid = paid.one(app.db()).await.unwrap().unwrap();
        let cx = app.vitrine().context("again");
        let tx = cx.begin().await.unwrap();
        let job = Job::EventNotify { event: paid.id.to_string() };
        jobs::enqueue(&tx, &cx, &job, cx.now(), None).await.unwrap();
        tx.commit().await.unwrap();
        app.settle().await;
        assert_eq!(app.mails().len(), before);
        assert_eq!(vitrine_model::mail::Entity::find().all(app.db()).await.unwrap().len(), before);
    }
}
