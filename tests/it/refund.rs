//! Refunds: what may be given back, from whom it is taken, and what Stripe makes of it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::fulfillment::{SHIP, hire, parcel};
use crate::notify::mails_to;
use crate::support::market::{Purchase, text};
use crate::support::{App, FRONTEND, Person, on_both};

pub(crate) const REFUND: &str = "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { refund { id state amount { amount } units { state } } userErrors { code field message } } }";
const CANCEL: &str = "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { order { number } userErrors { code message } } }";

/// Input that refunds so many pieces of the purchase's first line.
pub(crate) fn pieces(purchase: &Purchase<'_>, quantity: i32, key: &str) -> Value {
    json!({
        "orderId": purchase.order,
        "lines": [{ "orderLineId": purchase.lines[0], "quantity": quantity }],
        "reason": "the spout drips",
        "idempotencyKey": key,
    })
}

/// Refunds so many pieces of the purchase's first line; returns the refund's id.
pub(crate) async fn refund(by: &Person<'_>, purchase: &Purchase<'_>, quantity: i32, key: &str) -> String {
    let made = by.made(REFUND, pieces(purchase, quantity, key)).await;
    text(&made["refund"]["id"])
}

async fn refunds(purchase: &Purchase<'_>) -> Value {
    let query = "query($id: ID!) { order(id: $id) { paymentStatus refunds { state amount { amount } } } }";
    purchase.buyer.ask(query, json!({ "id": purchase.order })).await["order"].clone()
}

async fn onboard(app: &App, person: &Person<'_>, mut input: Value) {
    const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
    input["returnUrl"] = json!(format!("{FRONTEND}/done"));
    input["refreshUrl"] = json!(format!("{FRONTEND}/again"));
    let made = person.made(LINK, input).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
    app.settle().await;
}

async fn stripe_refund(app: &App) -> String {
    let list = app.stripe.api("/v1/refunds?limit=10").await;
    text(&list["data"][0]["id"])
}

on_both! {
    async fn a_refund_before_shipping_gives_the_price_back_and_restocks(app) {
        let tea = app.market("tea").await;
        let before = app.on_hand(&tea).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        assert_eq!(app.on_hand(&tea).await, before - 2);
        refund(&tea.owner, &purchase, 1, "first").await;
        app.settle().await;
        assert_eq!(app.on_hand(&tea).await, before - 1);
        let seen = refunds(&purchase).await;
        assert_eq!(seen["paymentStatus"], "PARTIALLY_REFUNDED");
        assert_eq!(seen["refunds"], json!([{ "state": "SUCCEEDED", "amount": { "amount": "94.60" } }]));
    }

    async fn more_units_than_were_bought_are_refused_and_nothing_changes(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        assert_eq!(tea.owner.refused(REFUND, pieces(&purchase, 3, "one")).await, "TOO_FEW_UNITS");
        refund(&tea.owner, &purchase, 1, "two").await;
        assert_eq!(tea.owner.refused(REFUND, pieces(&purchase, 2, "three")).await, "TOO_FEW_UNITS");
        app.settle().await;
        assert_eq!(refunds(&purchase).await["refunds"].as_array().unwrap().len(), 1);
    }

    async fn concurrent_refunds_of_one_line_give_back_only_what_was_bought(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let attempts = ["a", "b", "c", "d", "e"].map(|key| tea.owner.tried(REFUND, pieces(&purchase, 1, key)));
        let answers = futures::future::join_all(attempts).await;
        let made = answers.iter().filter(|answer| answer["refund"].is_object()).count();
        assert_eq!(made, 2, "{answers:#?}");
        app.settle().await;
        assert_eq!(refunds(&purchase).await["refunds"].as_array().unwrap().len(), 2);
    }

    async fn the_same_key_answers_the_first_refund(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 3)]).await;
        let first = refund(&tea.owner, &purchase, 1, "again").await;
        let second = refund(&tea.owner, &purchase, 1, "again").await;
        assert_eq!(first, second);
        assert_eq!(tea.owner.refused(REFUND, pieces(&purchase, 2, "again")).await, "IDEMPOTENCY_KEY_REUSED");
    }

    async fn staff_refund_their_own_lines_only_and_an_operator_any(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 1)]).await;
        let shipper = hire(app, &tea, "sam", "SHIPPER").await;
        assert_eq!(shipper.refused(REFUND, pieces(&purchase, 1, "key")).await, "FORBIDDEN");
        assert_eq!(ink.owner.refused(REFUND, pieces(&purchase, 1, "key")).await, "NOT_FOUND");
        assert_eq!(tea.shopholder.refused(REFUND, pieces(&purchase, 1, "key")).await, "NOT_FOUND");
        assert_eq!(app.nobody().error(REFUND, json!({ "in": pieces(&purchase, 1, "key") })).await, "UNAUTHENTICATED");
        let operator = app.operator().await;
        refund(&operator, &purchase, 1, "key").await;
    }

    async fn shipping_goes_back_once(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let mut input = pieces(&purchase, 1, "one");
        input["shipping"] = json!(true);
        let made = tea.owner.made(REFUND, input.clone()).await;
        assert_eq!(made["refund"]["amount"]["amount"], "99.50");
        input["idempotencyKey"] = json!("two");
        assert_eq!(tea.owner.refused(REFUND, input).await, "WRONG_STATE");
    }

    async fn nothing_named_is_refused(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let mut input = pieces(&purchase, 1, "one");
        input["lines"] = json!([]);
        assert_eq!(tea.owner.refused(REFUND, input.clone()).await, "INVALID");
        input["shipping"] = json!(true);
        let made = tea.owner.made(REFUND, input).await;
        assert_eq!(made["refund"]["amount"]["amount"], "4.90");
    }

    async fn a_refund_after_release_takes_from_what_is_available(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        app.wait(TimeDelta::days(60)).await;
        tea.owner.come_back().await;
        refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        assert_eq!(refunds(&purchase).await["refunds"][0]["state"], "SUCCEEDED");
        assert!(app.audit().await.is_green());
    }

    async fn a_refund_after_payout_leaves_debts_and_the_books_balance(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        onboard(app, &tea.owner, json!({ "brandId": tea.brand })).await;
        onboard(app, &tea.shopholder, json!({ "country": "DE" })).await;
        app.wait(TimeDelta::days(60)).await;
        app.wait(TimeDelta::days(1)).await;
        let transfers = app.stripe.api("/v1/transfers?limit=10").await;
        assert_eq!(transfers["data"].as_array().unwrap().len(), 2, "{transfers}");

        tea.owner.come_back().await;
        // What the buyer gets back has left the platform: another sale covers it until it is recovered.
        app.buy(&[(&tea, 1)]).await;
        refund(&tea.owner, &purchase, 1, "late").await;
        app.settle().await;
        assert_eq!(refunds(&purchase).await["refunds"][0]["state"], "SUCCEEDED");
        let report = app.audit().await;
        assert!(report.is_green(), "{report}");
    }

    async fn a_refund_that_waits_for_money_at_stripe_goes_on_once_there_is(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        // Stripe kept its fee: all of the price is more than there is.
        let input = json!({ "orderId": purchase.order, "idempotencyKey": "cancel" });
        purchase.buyer.made(CANCEL, input).await;
        app.settle().await;
        assert_eq!(refunds(&purchase).await["refunds"][0]["state"], "PENDING");
        app.buy(&[(&tea, 1)]).await;
        app.wait(TimeDelta::days(1)).await;
        assert_eq!(refunds(&purchase).await["refunds"][0]["state"], "SUCCEEDED");
    }

    async fn a_refund_that_fails_later_frees_the_units_and_can_be_made_again(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let before = app.on_hand(&tea).await;
        refund(&tea.owner, &purchase, 1, "first").await;
        app.settle().await;
        assert_eq!(app.on_hand(&tea).await, before + 1);
        let made = stripe_refund(app).await;
        app.stripe.admin(&format!("refunds/{made}/fail"), json!({})).await;
        app.settle().await;
        let seen = refunds(&purchase).await;
        assert_eq!(seen["refunds"][0]["state"], "FAILED");
        assert_eq!(mails_to(app, "berta@example.com", &["did not reach you"]), 1);
        assert_eq!(mails_to(app, "tea-owner@example.com", &["A refund for order", "of tea failed"]), 1);
        assert_eq!(seen["paymentStatus"], "PAID");
        assert_eq!(app.on_hand(&tea).await, before, "the piece is the buyer's again");
        refund(&tea.owner, &purchase, 1, "second").await;
        app.settle().await;
        // Both were decided in the same moment of the test's clock: their order tells nothing.
        let seen = refunds(&purchase).await;
        let succeeded = seen["refunds"].as_array().unwrap().iter().filter(|refund| refund["state"] == "SUCCEEDED");
        assert_eq!(succeeded.count(), 1);
        assert_eq!(seen["paymentStatus"], "PARTIALLY_REFUNDED");
        assert_eq!(app.on_hand(&tea).await, before + 1, "one piece goes back into the stock once");
    }

    async fn a_piece_that_ships_after_its_refund_failed_is_out_of_stock_once(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let before = app.on_hand(&tea).await;
        refund(&tea.owner, &purchase, 1, "first").await;
        app.settle().await;
        let made = stripe_refund(app).await;
        app.stripe.admin(&format!("refunds/{made}/fail"), json!({})).await;
        app.settle().await;
        tea.owner.made(SHIP, parcel(&purchase, 2)).await;
        assert_eq!(app.on_hand(&tea).await, before);
    }

    async fn a_piece_sold_on_before_its_refund_failed_is_not_counted_twice(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        app.fill_warehouse(&tea, 0).await;
        refund(&tea.owner, &purchase, 1, "first").await;
        app.settle().await;
        let made = stripe_refund(app).await;
        app.buy(&[(&tea, 1)]).await;
        app.stripe.admin(&format!("refunds/{made}/fail"), json!({})).await;
        app.settle().await;
        assert_eq!(app.on_hand(&tea).await, 0, "nothing is left to take again");
        refund(&tea.owner, &purchase, 1, "second").await;
        app.settle().await;
        assert_eq!(app.on_hand(&tea).await, 0, "the one piece that came back is sold");
    }

    async fn shipping_goes_back_with_the_last_piece_that_was_never_shipped(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        // Stripe keeps its fees: another sale's money covers them.
        app.buy(&[(&tea, 1)]).await;
        let purchase = app.buy(&[(&tea, 2), (&ink, 1)]).await;
        let amount = async |key: &str| {
            let made = tea.owner.made(REFUND, pieces(&purchase, 1, key)).await;
            text(&made["refund"]["amount"]["amount"])
        };
        assert_eq!(amount("one").await, "94.60");
        assert_eq!(amount("two").await, "99.50", "with 4.90 for shipping");
        app.settle().await;
        let kept = "query($id: ID!) { order(id: $id) { paymentStatus fulfillmentStatus } }";
        let seen = purchase.buyer.ask(kept, json!({ "id": purchase.order })).await;
        assert_eq!(seen["order"], json!({ "paymentStatus": "PARTIALLY_REFUNDED", "fulfillmentStatus": "UNFULFILLED" }));
        let mut shipping = pieces(&purchase, 1, "three");
        shipping["lines"] = json!([]);
        shipping["shipping"] = json!(true);
        assert_eq!(tea.owner.refused(REFUND, shipping).await, "WRONG_STATE");
    }

    async fn shipping_stays_paid_where_anything_was_shipped(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let made = tea.owner.made(REFUND, pieces(&purchase, 2, "all")).await;
        assert_eq!(made["refund"]["amount"]["amount"], "189.20");
    }

    async fn a_goodwill_refund_is_no_return(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 2)).await;
        refund(&tea.owner, &purchase, 1, "sorry").await;
        app.settle().await;
        let status = "query($id: ID!) { order(id: $id) { paymentStatus returnStatus } }";
        let seen = purchase.buyer.ask(status, json!({ "id": purchase.order })).await;
        assert_eq!(seen["order"], json!({ "paymentStatus": "PARTIALLY_REFUNDED", "returnStatus": "NONE" }));
    }

    async fn a_cancelled_order_gives_everything_back(app) {
        let tea = app.market("tea").await;
        let before = app.on_hand(&tea).await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let input = json!({ "orderId": purchase.order, "idempotencyKey": "cancel" });
        purchase.buyer.made(CANCEL, input.clone()).await;
        purchase.buyer.made(CANCEL, input).await;
        app.settle().await;
        assert_eq!(app.on_hand(&tea).await, before);
        let query = "query($id: ID!) { order(id: $id) { state paymentStatus refunds { amount { amount } } } }";
        let seen = purchase.buyer.ask(query, json!({ "id": purchase.order })).await;
        assert_eq!(
            seen["order"],
            json!({ "state": "CANCELLED", "paymentStatus": "REFUNDED", "refunds": [{ "amount": { "amount": "194.10" } }] })
        );
        assert_eq!(tea.owner.refused(SHIP, parcel(&purchase, 1)).await, "WRONG_STATE");
    }

    async fn what_was_shipped_is_not_cancelled(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let input = json!({ "orderId": purchase.order, "idempotencyKey": "cancel" });
        assert_eq!(purchase.buyer.refused(CANCEL, input).await, "WRONG_STATE");
    }

    async fn a_brand_cancels_an_order_that_is_all_its_own_and_no_other(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let shared = app.buy(&[(&tea, 1), (&ink, 1)]).await;
        let cancel = |purchase: &Purchase<'_>| json!({ "orderId": purchase.order, "idempotencyKey": "cancel" });
        assert_eq!(tea.owner.refused(CANCEL, cancel(&shared)).await, "NOT_FOUND");
        let own = app.buy(&[(&tea, 1)]).await;
        assert_eq!(ink.owner.refused(CANCEL, cancel(&own)).await, "NOT_FOUND");
        tea.owner.made(CANCEL, cancel(&own)).await;
    }
}
