//! Buying: carts and checkout.

mod bank;
pub(crate) mod basket;
mod credit;
mod owed;
mod payment;

use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_model::catalog::{product, variant};
use vitrine_model::checkout::{ChargeKind, order};
use vitrine_model::money::{Currency, Money};

use crate::checkout::basket::{
    Basket, CARD, CART, bare_basket, basket, charges, codes, done, kettle, no_order_was_made, offer, text,
    tried,
};
use crate::support::{FRONTEND, on_both};

on_both! {
    async fn a_buyer_pays_the_discounted_price_on_stripes_page_and_the_order_is_paid(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(2).await;
        let cost = "query($id: ID!) { cart(id: $id) { problems { code } cost { listTotal { amount } discountTotal { amount } subtotal { amount }
            shippingTotal { amount } total { amount } vat { amount } } lines { shopName cost { price { amount } total { amount }
            discountAllocations { amount { amount } fundedBy } } } } }";
        let cart = &basket.buyer.ask(cost, json!({ "id": basket.cart })).await["cart"];
        assert_eq!(cart["problems"], json!([]));
        assert_eq!(cart["cost"], json!({
            "listTotal": { "amount": "242.00" }, "discountTotal": { "amount": "10.80" }, "subtotal": { "amount": "231.20" },
            "shippingTotal": { "amount": "4.90" }, "total": { "amount": "236.10" }, "vat": { "amount": "40.97" },
        }));
        assert_eq!(cart["lines"][0], json!({ "shopName": "kettle shop", "cost": {
            "price": { "amount": "115.60" }, "total": { "amount": "231.20" },
            "discountAllocations": [{ "amount": { "amount": "10.80" }, "fundedBy": "SHOPHOLDER" }],
        } }));

        let (order, url) = basket.ordered().await;
        assert_eq!(kettle.stock().await, (10, 2));
        assert_eq!(basket.look().await["state"], "ORDERED");
        assert_eq!(basket.order(&order).await["paymentStatus"], "AWAITING");

        app.stripe.pay(&url, CARD).await.expect("a redirect to the shop");
        app.settle().await;
        assert_eq!(basket.order(&order).await, json!({
            "state": "PAID", "paymentStatus": "PAID", "fulfillmentStatus": "UNFULFILLED", "returnStatus": "NONE", "checkoutUrl": null,
        }));
        assert_eq!(kettle.stock().await, (8, 0));
        assert_eq!(charges(app, ChargeKind::Expected).await, 1);
    }

    async fn stripes_page_shows_each_line_at_its_price_and_whose_discount_it_is(app) {
        let basket = kettle(app).await.basket(1).await.ordered_session().await;
        let items = app.stripe.api(&format!("/v1/checkout/sessions/{basket}/line_items?expand[]=data.price.product")).await;
        let items = items["data"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{items:#?}");
        assert_eq!(items[0]["amount_total"], 11_560);
        let text = items[0].to_string();
        assert!(text.contains("kettle"), "{text}");
        assert_eq!(items[1]["amount_total"], 490);
    }

    async fn a_cart_and_its_order_are_seen_by_whoever_holds_the_secret_and_by_nobody_else(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (order, _) = basket.ordered().await;
        let mallory = app.someone("mallory").await.holding("vg_somebody_elses");
        for stranger in [&mallory, &app.nobody()] {
            let seen = stranger.ask("query($c: ID!, $o: ID!) { cart(id: $c) { id } order(id: $o) { id } node(id: $o) { id } }", json!({ "c": basket.cart, "o": order })).await;
            assert_eq!(seen, json!({ "cart": null, "order": null, "node": null }));
            let add = json!({ "cartId": basket.cart, "lines": [kettle.line(1)] });
            assert_eq!(codes(&tried(stranger, "cartLinesAdd", "CartLinesAddInput", "", add).await), ["NOT_FOUND"]);
            let cancel = json!({ "orderId": order, "idempotencyKey": "k" });
            assert_eq!(codes(&tried(stranger, "orderCancel", "OrderCancelInput", "", cancel).await), ["NOT_FOUND"]);
        }
        app.clock.advance(TimeDelta::days(400));
        assert_eq!(basket.look().await, Value::Null, "the secret has expired");
    }

    async fn a_cart_of_someone_signed_in_is_hers_on_every_device(app) {
        let kettle = kettle(app).await;
        let berta = app.someone("berta").await;
        let made = done(&berta, "cartCreate", "CartCreateInput", "cart { id state }", json!({ "lines": [kettle.line(1)] })).await;
        assert_eq!(made["cart"]["state"], "OPEN");
        let cart = text(&made["cart"]["id"]);
        let basket = Basket { app, buyer: berta, cart };
        let buyer = json!({ "cartId": basket.cart, "email": "berta@example.com", "name": "Berta Buyer" });
        done(&basket.buyer, "cartBuyerUpdate", "CartBuyerUpdateInput", "", buyer).await;
        basket.deliver_to("DE").await;
        let order = basket.bought().await;
        let hers = basket.buyer.ask("{ viewer { orders(first: 5) { nodes { id state } pageInfo { hasNextPage } } } }", json!({})).await;
        assert_eq!(hers["viewer"]["orders"], json!({ "nodes": [{ "id": order, "state": "PAID" }], "pageInfo": { "hasNextPage": false } }));
    }

    async fn what_cannot_go_into_a_cart_is_refused_and_the_cart_stays_as_it_is(app) {
        let kettle = kettle(app).await;
        let yen = offer(app, "sencha", Money::new(3_000, Currency::Jpy), 500, 10).await;
        let basket = kettle.basket(1).await;
        let before = basket.look().await;
        let bad = [
            (yen.line(1), "CURRENCY_MISMATCH", "variantId"),
            (kettle.line(0), "INVALID", "quantity"),
            (kettle.line(1000), "INVALID", "quantity"),
            (json!({ "variantId": kettle.variant.to_string(), "recommendationId": yen.recommendation }), "NOT_FOUND", "recommendationId"),
            (json!({ "variantId": "var_00000000000000000000000000" }), "NOT_FOUND", "variantId"),
        ];
        for (line, code, field) in bad {
            let add = json!({ "cartId": basket.cart, "lines": [kettle.line(1), line] });
            let payload = tried(&basket.buyer, "cartLinesAdd", "CartLinesAddInput", &format!("cart {{ {CART} }}"), add).await;
            assert_eq!(payload["userErrors"], json!([{ "code": code, "field": ["input", "lines", "1", field] }]));
            assert_eq!(payload["cart"], before);
        }
        let wrong_kind = json!({ "in": { "cartId": basket.cart, "lines": [{ "variantId": basket.cart }] } });
        let add = "mutation($in: CartLinesAddInput!) { cartLinesAdd(input: $in) { userErrors { code } } }";
        assert_eq!(basket.buyer.error(add, wrong_kind).await, "BAD_USER_INPUT");
    }

    async fn lines_are_added_up_changed_and_taken_out(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(600).await;
        let add = json!({ "cartId": basket.cart, "lines": [kettle.line(600)] });
        let added = done(&basket.buyer, "cartLinesAdd", "CartLinesAddInput", "warnings { code lineId } cart { lines { id quantity } }", add).await;
        let line = text(&added["cart"]["lines"][0]["id"]);
        assert_eq!(added["cart"]["lines"], json!([{ "id": line, "quantity": 999 }]));
        assert_eq!(added["warnings"], json!([{ "code": "QUANTITY_CAPPED", "lineId": line }]));
        let update = json!({ "cartId": basket.cart, "lines": [{ "id": line, "quantity": 3 }] });
        let updated = done(&basket.buyer, "cartLinesUpdate", "CartLinesUpdateInput", "cart { lines { quantity } }", update).await;
        assert_eq!(updated["cart"]["lines"][0]["quantity"], 3);
        let remove = json!({ "cartId": basket.cart, "lines": [line] });
        let removed = done(&basket.buyer, "cartLinesRemove", "CartLinesRemoveInput", "cart { currency cost { total { amount } } lines { id } }", remove.clone()).await;
        assert_eq!(removed["cart"], json!({ "currency": null, "cost": null, "lines": [] }));
        let again = tried(&basket.buyer, "cartLinesRemove", "CartLinesRemoveInput", "", remove).await;
        assert_eq!(codes(&again), ["NOT_FOUND"]);
    }

    async fn a_forged_click_token_is_ignored_with_a_warning(app) {
        let made = done(&app.nobody(), "cartCreate", "CartCreateInput", "cart { id } warnings { code }", json!({ "clickToken": "AAAA" })).await;
        assert_eq!(made["warnings"], json!([{ "code": "CLICK_TOKEN_IGNORED" }]));
    }

    async fn everything_that_stands_in_the_way_is_told_at_once(app) {
        let kettle = kettle(app).await;
        let bare = bare_basket(app, json!([kettle.line(11)])).await;
        let started = bare.start("k").await;
        assert_eq!(codes(&started), ["OUT_OF_STOCK", "EMAIL_MISSING", "ADDRESS_MISSING"]);
        assert_eq!(started["cart"]["problems"][0]["line"]["id"], started["cart"]["lines"][0]["id"]);

        let abroad = kettle.basket(1).await;
        abroad.deliver_to("FR").await;
        assert_eq!(codes(&abroad.start("k").await), ["NOT_SHIPPED"]);

        let gone = kettle.basket(1).await;
        let unpublish = product::Entity::update_many().col_expr(product::Column::Published, Expr::value(false));
        unpublish.filter(product::Column::Id.eq(kettle.product)).exec(app.db()).await.unwrap();
        assert_eq!(codes(&gone.start("k").await), ["PRODUCT_UNAVAILABLE"]);

        let empty = basket(app, json!([])).await;
        assert_eq!(codes(&empty.start_at(json!({ "amount": "1.00", "currency": "EUR" }), "k").await), ["CART_EMPTY"]);
        no_order_was_made(app).await;
    }

    async fn two_lines_of_the_same_thing_are_told_of_each_other_when_stock_is_short(app) {
        let kettle = kettle(app).await;
        let basket = basket(app, json!([kettle.line(6), { "variantId": kettle.variant.to_string(), "quantity": 5 }])).await;
        let query = "query($id: ID!) { cart(id: $id) { problems { code message } } }";
        let problems = basket.buyer.ask(query, json!({ "id": basket.cart })).await["cart"]["problems"].clone();
        assert_eq!(problems, json!([
            { "code": "OUT_OF_STOCK", "message": "only 10 of this are left, and other lines of the cart ask for 5 of the same" },
            { "code": "OUT_OF_STOCK", "message": "only 10 of this are left, and other lines of the cart ask for 6 of the same" },
        ]));
    }

    async fn an_amount_with_more_decimals_than_its_currency_is_refused(app) {
        let basket = kettle(app).await.basket(1).await;
        let started = basket.start_at(json!({ "amount": "120.500", "currency": "EUR" }), "k").await;
        assert_eq!(started["userErrors"], json!([{ "code": "INVALID", "field": ["input", "expectedTotal"] }]));
    }

    async fn a_total_below_or_above_what_stripe_takes_is_refused(app) {
        let cheap = offer(app, "button", Money::new(30, Currency::Eur), 0, 10).await;
        assert_eq!(codes(&cheap.basket(1).await.start("k").await), ["TOTAL_TOO_SMALL"]);
        let dear = offer(app, "palace", Money::new(99_999_999, Currency::Eur), 490, 10).await;
        assert_eq!(codes(&dear.basket(2).await.start("k").await), ["TOTAL_TOO_LARGE"]);
        no_order_was_made(app).await;
    }

    async fn a_stale_total_changes_nothing_and_the_new_cost_is_told(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let seen = basket.look().await["cost"]["total"].clone();
        let dearer = variant::Entity::update_many().col_expr(variant::Column::Price, Expr::value(24_200_i64));
        dearer.filter(variant::Column::Id.eq(kettle.variant)).exec(app.db()).await.unwrap();
        let started = basket.start_at(seen, "k").await;
        assert_eq!(started["userErrors"], json!([{ "code": "TOTAL_CHANGED", "field": ["input", "expectedTotal"] }]));
        assert_eq!(started["order"], Value::Null);
        assert_eq!(started["cart"]["cost"]["total"]["amount"], "236.10");
        no_order_was_made(app).await;
        assert_eq!(codes(&basket.start_at(json!({ "amount": "236.10", "currency": "USD" }), "k").await), ["TOTAL_CHANGED"]);
        basket.ordered().await;
    }

    async fn s08_prices_and_amounts_come_from_the_server_alone(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(2).await;
        let cent = json!({ "amount": "0.01", "currency": "EUR" });
        for field in ["price", "unitPrice", "amount", "total", "discount", "commissionRate", "discountShare", "shopId", "currency"] {
            let mut line = kettle.line(1);
            line[field] = cent.clone();
            for (mutation, kind, input) in [
                ("cartLinesAdd", "CartLinesAddInput", json!({ "cartId": basket.cart, "lines": [line] })),
                ("checkoutStart", "CheckoutStartInput", json!({
                    "cartId": basket.cart, "expectedTotal": { "amount": "236.10", "currency": "EUR" }, "idempotencyKey": "k",
                    "successUrl": FRONTEND, "cancelUrl": FRONTEND, field: cent,
                })),
            ] {
                let tampered = format!("mutation($in: {kind}!) {{ {mutation}(input: $in) {{ userErrors {{ code }} }} }}");
                assert_eq!(basket.buyer.error(&tampered, json!({ "in": input })).await, "GRAPHQL_VALIDATION_FAILED", "{mutation} {field}");
            }
        }
        for amount in ["0.01", "0.00", "-236.10", "236.09", "236.11"] {
            let started = basket.start_at(json!({ "amount": amount, "currency": "EUR" }), amount).await;
            assert!(["TOTAL_CHANGED", "INVALID"].contains(&codes(&started)[0]), "{amount}: {started}");
        }
        no_order_was_made(app).await;
        let (order, url) = basket.ordered().await;
        app.stripe.pay(&url, CARD).await.expect("a redirect to the shop");
        app.settle().await;
        let cost = "query($id: ID!) { order(id: $id) { state cost { total { amount currency } } } }";
        let seen = basket.buyer.ask(cost, json!({ "id": order })).await;
        assert_eq!(seen["order"], json!({ "state": "PAID", "cost": { "total": { "amount": "236.10", "currency": "EUR" } } }));
    }

    async fn the_last_piece_wanted_by_fifty_at_once_is_sold_once(app) {
        let last = offer(app, "last", Money::new(12_100, Currency::Eur), 490, 1).await;
        let baskets = join_all((0..50).map(|_| last.basket(1))).await;
        let started = join_all(baskets.iter().map(|basket| basket.start("mine"))).await;
        let (made, refused): (Vec<_>, Vec<_>) = started.iter().partition(|payload| payload["order"]["id"].is_string());
        assert_eq!(made.len(), 1, "{started:#?}");
        for payload in refused {
            assert_eq!(codes(payload), ["OUT_OF_STOCK"]);
        }
        assert_eq!(last.stock().await, (1, 1));
        app.stripe.pay(&text(&made[0]["order"]["checkoutUrl"]), CARD).await;
        app.settle().await;
        assert_eq!(last.stock().await, (0, 0));
        assert_eq!(charges(app, ChargeKind::Expected).await, 1);
    }

    async fn a_cart_is_checked_out_once(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(1).await;
        let (one, two) = tokio::join!(basket.start("one"), basket.start("two"));
        let made = [&one, &two].iter().filter(|payload| payload["order"]["id"].is_string()).count();
        assert_eq!(made, 1, "{one:#}\n{two:#}");
        let payload = if one["order"].is_null() { &two } else { &one };
        assert_eq!(codes(&basket.start("three").await), ["CART_ORDERED"]);
        let add = json!({ "cartId": basket.cart, "lines": [kettle.line(1)] });
        assert_eq!(codes(&tried(&basket.buyer, "cartLinesAdd", "CartLinesAddInput", "", add.clone()).await), ["CART_ORDERED"]);

        app.stripe.pay(&text(&payload["order"]["checkoutUrl"]), CARD).await;
        app.settle().await;
        assert_eq!(codes(&basket.start("four").await), ["CART_PAID"]);
        assert_eq!(codes(&tried(&basket.buyer, "cartLinesAdd", "CartLinesAddInput", "", add).await), ["CART_PAID"]);
        assert_eq!(kettle.stock().await, (9, 0));
    }

    async fn a_repeated_checkout_answers_the_first_order(app) {
        let basket = kettle(app).await.basket(1).await;
        let total = basket.look().await["cost"]["total"].clone();
        let first = basket.start_at(total.clone(), "once").await;
        let again = basket.start_at(total, "once").await;
        assert_eq!(first["order"], again["order"]);
        let other = basket.start_at(json!({ "amount": "1.00", "currency": "EUR" }), "once").await;
        assert_eq!(other["userErrors"], json!([{ "code": "IDEMPOTENCY_KEY_REUSED", "field": ["input", "idempotencyKey"] }]));
        assert_eq!(order::Entity::find().count(app.db()).await.unwrap(), 1);
    }

    async fn the_browser_returns_to_allowed_addresses_only(app) {
        let basket = kettle(app).await.basket(1).await;
        let total = basket.look().await["cost"]["total"].clone();
        for (address, code) in [
            ("https://evil.example/", "RETURN_URL_NOT_ALLOWED"),
            ("https://shop.example.com.evil.example/", "RETURN_URL_NOT_ALLOWED"),
            ("http://shop.example.com/", "RETURN_URL_NOT_ALLOWED"),
            ("//evil.example", "INVALID"),
            ("javascript:alert(1)", "INVALID"),
            ("https://user@shop.example.com/", "INVALID"),
        ] {
            let input = json!({ "cartId": basket.cart, "expectedTotal": total, "successUrl": address, "cancelUrl": FRONTEND, "idempotencyKey": "k" });
            assert_eq!(basket.start_with(input).await["userErrors"], json!([{ "code": code, "field": ["input", "successUrl"] }]), "{address}");
        }
        no_order_was_made(app).await;
    }
}
