//! What Stripe says of payments, once, twice, late, lost and in the wrong order; and orders nobody pays.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_model::checkout::{ChargeKind, charge};

use crate::checkout::basket::{
    CARD, charge_behind, charges, codes, done, kettle, refunds, stripe, text, tried,
};
use crate::support::on_both;

on_both! {
    async fn every_event_twice_comes_to_the_same(app) {
        let kettle = kettle(app).await;
        app.stripe.admin("deliveries", json!({ "mode": "duplicate" })).await;
        let basket = kettle.basket(1).await;
        basket.bought().await;
        let events = app.http.get(format!("{}/_sandbox/events", app.stripe.url())).send().await.unwrap();
        let events: Value = events.json().await.unwrap();
        for event in events["events"].as_array().unwrap() {
            app.stripe.admin(&format!("events/{}/resend", text(&event["id"])), json!({})).await;
            app.settle().await;
        }
        assert_eq!(kettle.stock().await, (9, 0));
        assert_eq!(charges(app, ChargeKind::Expected).await, 1);
        assert_eq!(charges(app, ChargeKind::Unexpected).await, 0);
    }

    async fn events_in_the_wrong_order_come_to_the_same(app) {
        let kettle = kettle(app).await;
        app.stripe.admin("deliveries", json!({ "mode": "hold" })).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        app.stripe.pay(&url, CARD).await;
        app.wait(TimeDelta::minutes(1)).await;
        assert_eq!(basket.order(&order).await["state"], "AWAITING_PAYMENT");
        app.stripe.admin("deliveries/release", json!({ "order": "reverse" })).await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["state"], "PAID");
        assert_eq!(kettle.stock().await, (9, 0));
        assert_eq!(charges(app, ChargeKind::Expected).await, 1);
    }

    async fn a_payment_whose_events_were_all_lost_is_found_when_the_order_would_expire(app) {
        let kettle = kettle(app).await;
        app.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        app.stripe.pay(&url, CARD).await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["state"], "AWAITING_PAYMENT");
        app.wait(TimeDelta::minutes(38)).await;
        assert_eq!(basket.order(&order).await["state"], "PAID");
        assert_eq!(kettle.stock().await, (9, 0));
    }

    async fn the_buyer_who_comes_back_need_not_wait_for_the_event(app) {
        let kettle = kettle(app).await;
        app.stripe.admin("deliveries", json!({ "mode": "hold" })).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        let back = json!({ "orderId": order });
        let returned = async || done(&basket.buyer, "checkoutReturn", "CheckoutReturnInput", "order { state }", back.clone()).await;
        assert_eq!(returned().await["order"]["state"], "AWAITING_PAYMENT", "she turned back without paying");
        app.stripe.pay(&url, CARD).await;
        assert_eq!(returned().await["order"]["state"], "PAID");
        assert_eq!(returned().await["order"]["state"], "PAID");
        app.stripe.admin("deliveries/release", json!({})).await;
        app.settle().await;
        assert_eq!(kettle.stock().await, (9, 0));
        assert_eq!(charges(app, ChargeKind::Expected).await, 1);
        assert_eq!(charges(app, ChargeKind::Unexpected).await, 0);
        let stranger = app.nobody();
        assert_eq!(codes(&tried(&stranger, "checkoutReturn", "CheckoutReturnInput", "", back.clone()).await), ["NOT_FOUND"]);
    }

    async fn the_return_page_and_the_event_at_once_pay_the_order_once(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        app.stripe.pay(&url, CARD).await;
        let back = json!({ "orderId": order });
        let returned = || done(&basket.buyer, "checkoutReturn", "CheckoutReturnInput", "order { state }", back.clone());
        tokio::join!(returned(), returned(), app.settle(), returned());
        assert_eq!(basket.order(&order).await["state"], "PAID");
        assert_eq!(charges(app, ChargeKind::Expected).await, 1);
        assert_eq!(kettle.stock().await, (9, 0));
    }

    async fn an_order_nobody_pays_expires_and_its_cart_can_be_bought_again(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(2).await;
        let (order, url) = basket.ordered().await;
        app.wait(TimeDelta::minutes(30)).await;
        assert_eq!(basket.order(&order).await["state"], "AWAITING_PAYMENT");
        assert_eq!(kettle.stock().await, (10, 2));
        app.wait(TimeDelta::minutes(8)).await;
        assert_eq!(basket.order(&order).await["state"], "EXPIRED");
        assert_eq!(basket.order(&order).await["checkoutUrl"], Value::Null);
        assert_eq!(kettle.stock().await, (10, 0));
        assert_eq!(basket.look().await["state"], "OPEN");
        app.stripe.pay(&url, CARD).await;
        app.settle().await;
        assert_eq!(charges(app, ChargeKind::Unexpected).await, 0, "the page is closed");
        let again = basket.start("again").await;
        app.stripe.pay(&text(&again["order"]["checkoutUrl"]), CARD).await;
        app.settle().await;
        assert_eq!(kettle.stock().await, (8, 0));
    }

    async fn an_order_expires_though_stripes_event_about_it_was_lost(app) {
        let kettle = kettle(app).await;
        app.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        let basket = kettle.basket(1).await;
        let (order, _) = basket.ordered().await;
        app.wait(TimeDelta::minutes(38)).await;
        assert_eq!(basket.order(&order).await["state"], "EXPIRED");
        assert_eq!(kettle.stock().await, (10, 0));
    }

    async fn an_unpaid_order_is_called_off_and_its_page_closed(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        let cancel = json!({ "orderId": order, "idempotencyKey": "off" });
        let off = done(&basket.buyer, "orderCancel", "OrderCancelInput", "order { state }", cancel.clone()).await;
        assert_eq!(off["order"]["state"], "EXPIRED");
        assert_eq!(done(&basket.buyer, "orderCancel", "OrderCancelInput", "order { state }", cancel).await, off);
        assert_eq!(basket.look().await["state"], "OPEN");
        assert_eq!(kettle.stock().await, (10, 0));
        app.stripe.pay(&url, CARD).await;
        app.settle().await;
        assert_eq!(charges(app, ChargeKind::Expected).await, 0);
        let twice = json!({ "orderId": order, "idempotencyKey": "off again" });
        assert_eq!(codes(&tried(&basket.buyer, "orderCancel", "OrderCancelInput", "", twice).await), ["WRONG_STATE"]);
    }

    async fn a_charge_of_another_amount_or_currency_goes_back_and_pays_nothing(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        charge_behind(app, &order, 12_049, "eur").await;
        charge_behind(app, &order, 12_050, "usd").await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["state"], "AWAITING_PAYMENT");
        let back = refunds(app).await;
        assert_eq!(back.len(), 2);
        assert!(back.iter().all(|refund| refund.stripe_refund_id.is_some()), "{back:#?}");
        app.stripe.pay(&url, CARD).await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["state"], "PAID");
        assert_eq!(refunds(app).await.len(), 2);
    }

    async fn a_second_payment_and_a_late_one_go_back_once(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let paid = basket.bought().await;
        charge_behind(app, &paid, 12_050, "eur").await;
        app.settle().await;
        let late = kettle.basket(1).await;
        let (expired, _) = late.ordered().await;
        app.wait(TimeDelta::minutes(38)).await;
        charge_behind(app, &expired, 12_050, "eur").await;
        app.stripe.admin("deliveries", json!({ "mode": "duplicate" })).await;
        app.settle().await;
        assert_eq!(late.order(&expired).await["state"], "EXPIRED");
        assert_eq!(charges(app, ChargeKind::Unexpected).await, 2);
        let back = refunds(app).await;
        assert_eq!(back.len(), 2);
        assert!(back.iter().all(|refund| refund.amount == 12_050));
        assert_eq!(kettle.stock().await, (9, 0));
    }

    async fn sessions_and_charges_that_are_not_ours_are_ignored(app) {
        let basket = kettle(app).await.basket(1).await;
        let (order, _) = basket.ordered().await;
        charge_behind(app, "order_00000000000000000000000000", 12_050, "eur").await;
        charge_behind(app, "somebody else's", 12_050, "eur").await;
        let form = [
            ("mode", "payment"),
            ("success_url", "https://example.com/"),
            ("client_reference_id", "somebody else's"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", "12050"),
            ("line_items[0][price_data][product_data][name]", "Not ours"),
        ];
        let session = stripe(app, "/v1/checkout/sessions", &form).await;
        app.stripe.pay(&text(&session["url"]), CARD).await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["state"], "AWAITING_PAYMENT");
        assert_eq!(charge::Entity::find().count(app.db()).await.unwrap(), 0);
    }

    async fn what_stripe_refuses_for_good_leaves_the_cart_open_and_the_stock_free(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let fault = json!({ "match": { "method": "POST", "path_prefix": "/v1/checkout/sessions" }, "kind": "fail_before", "status": 400 });
        app.stripe.admin("faults", fault).await;
        let total = basket.look().await["cost"]["total"].clone();
        for _ in 0..2 {
            let refused = basket.start_at(total.clone(), "k").await;
            assert_eq!(codes(&refused), ["PROVIDER_REFUSED"], "the repeat answers the same");
            assert_eq!(refused["cart"]["state"], "OPEN");
        }
        assert_eq!(kettle.stock().await, (10, 0));
        let again = basket.start_at(total, "another key").await;
        assert_eq!(again["order"]["state"], "AWAITING_PAYMENT");
    }

    async fn when_stripes_answer_is_lost_the_order_stands_and_its_page_is_found(app) {
        let basket = kettle(app).await.basket(1).await;
        let fault = json!({ "match": { "method": "POST", "path_prefix": "/v1/checkout/sessions" }, "kind": "fail_after", "status": 500, "times": 1 });
        app.stripe.admin("faults", fault).await;
        let started = basket.start("k").await;
        assert_eq!(started["userErrors"], json!([]));
        assert_eq!(started["order"]["checkoutUrl"], Value::Null);
        let order = text(&started["order"]["id"]);
        for _ in 0..6 {
            app.wait(TimeDelta::minutes(2)).await;
        }
        let url = text(&basket.order(&order).await["checkoutUrl"]);
        let sessions = app.stripe.api("/v1/checkout/sessions?limit=10").await;
        assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
        app.stripe.pay(&url, CARD).await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["state"], "PAID");
    }
}
