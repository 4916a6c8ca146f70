//! Payments whose money takes days: a buyer pays from her bank account, and it comes, or does not.

use chrono::TimeDelta;
use serde_json::{Value, json};
use vitrine_model::checkout::ChargeKind;

use crate::checkout::basket::{CARD, charges, codes, done, kettle, text, tried};
use crate::support::on_both;

/// A bank account that pays.
const PAYS: &str = "DE89370400440532013000";
/// One that does not.
const PAYS_NOT: &str = "DE62370400440532013001";
/// How long the bank takes: longer than the page is open.
const DAYS: i64 = 4;

async fn banks_take_days(app: &crate::support::App) {
    let settings = json!({ "async_payment_seconds": TimeDelta::days(DAYS).num_seconds() });
    app.stripe.admin("settings", settings).await;
}

on_both! {
    async fn money_that_takes_days_pays_the_order_when_it_comes(app) {
        banks_take_days(app).await;
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        app.stripe.pay_from_bank(&url, PAYS).await;
        app.settle().await;
        let waiting = basket.order(&order).await;
        assert_eq!((&waiting["state"], &waiting["paymentStatus"]), (&json!("AWAITING_PAYMENT"), &json!("PENDING")));
        assert_eq!(waiting["checkoutUrl"], Value::Null, "nobody pays twice");
        assert_eq!(kettle.stock().await, (10, 1));
        app.wait(TimeDelta::days(2)).await;
        assert_eq!(kettle.stock().await, (10, 1), "the stock is kept long after the page has closed");
        let cancel = json!({ "orderId": order, "idempotencyKey": "off" });
        let refused = tried(&basket.buyer, "orderCancel", "OrderCancelInput", "", cancel).await;
        assert_eq!(codes(&refused), ["WRONG_STATE"]);
        app.wait(TimeDelta::days(DAYS)).await;
        let paid = basket.order(&order).await;
        assert_eq!((&paid["state"], &paid["paymentStatus"]), (&json!("PAID"), &json!("PAID")));
        assert_eq!(kettle.stock().await, (9, 0));
        assert!(app.mails().iter().any(|mail| mail.contains("waits for your bank")));
    }

    async fn money_that_never_comes_leaves_the_cart_open_and_the_stock_free(app) {
        banks_take_days(app).await;
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (order, url) = basket.ordered().await;
        app.stripe.pay_from_bank(&url, PAYS_NOT).await;
        app.settle().await;
        assert_eq!(basket.order(&order).await["paymentStatus"], "PENDING");
        app.wait(TimeDelta::days(DAYS)).await;
        assert_eq!(basket.order(&order).await["paymentStatus"], "EXPIRED");
        assert_eq!(kettle.stock().await, (10, 0));
        assert_eq!(charges(app, ChargeKind::Expected).await, 0);
        assert!(app.mails().iter().any(|mail| mail.contains("did not pay")));
        let again = basket.start("again").await;
        app.stripe.pay(&text(&again["order"]["checkoutUrl"]), CARD).await;
        app.settle().await;
        assert_eq!(kettle.stock().await, (9, 0));
    }

    async fn without_any_event_a_slow_payment_is_followed_to_its_end(app) {
        banks_take_days(app).await;
        let kettle = kettle(app).await;
        app.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        for (iban, state) in [(PAYS, "PAID"), (PAYS_NOT, "EXPIRED")] {
            let basket = kettle.basket(1).await;
            let (order, url) = basket.ordered().await;
            app.stripe.pay_from_bank(&url, iban).await;
            let back = json!({ "orderId": order });
            let returned = done(&basket.buyer, "checkoutReturn", "CheckoutReturnInput", "order { paymentStatus }", back).await;
            assert_eq!(returned["order"]["paymentStatus"], "PENDING", "the browser tells what the event did not");
            app.wait(TimeDelta::days(DAYS)).await;
            app.wait(TimeDelta::hours(7)).await;
            assert_eq!(basket.order(&order).await["state"], state);
        }
        assert_eq!(kettle.stock().await, (9, 0));
    }
}
