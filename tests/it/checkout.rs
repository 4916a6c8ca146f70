//! Buying: carts, checkout, payment, expiry.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_model::catalog::{StockPolicy, product, product_text, variant};
use vitrine_model::checkout::{ChargeKind, charge, order, refund, reservation};
use vitrine_model::id::{BrandId, ProductId, VariantId};
use vitrine_model::money::{Currency, Money};

use crate::support::{App, FRONTEND, Person, STRIPE_KEY, on_both};

const CARD: &str = "4242424242424242";
const CART: &str = "id state currency cost { total { amount currency } } problems { code line { id } } lines { id quantity }";

/// Something to buy: a brand's product with 21 % VAT, recommended by a shop that gives 40 % of its commission away.
struct Offer<'a> {
    app: &'a App,
    owner: Person<'a>,
    product: ProductId,
    variant: VariantId,
    recommendation: String,
}

/// A product of a brand of its own called `name`, which ships to Germany for `shipping`.
async fn offer<'a>(app: &'a App, name: &str, price: Money, shipping: i64, stock: i64) -> Offer<'a> {
    let owner = app.someone(&format!("{name}-owner")).await;
    let currency = price.currency();
    let brand = json!({ "handle": name, "name": name, "country": "DE", "currency": currency.as_str(), "defaultVatRate": 2100 });
    let brand = done(&owner, "brandCreate", "BrandCreateInput", "brand { id }", brand).await;
    let brand = text(&brand["brand"]["id"]);
    let rate = json!({ "amount": Money::new(shipping, currency).decimal(), "currency": currency.as_str() });
    let rate = json!({ "brandId": brand, "country": "DE", "price": rate });
    done(&owner, "shippingRateSet", "ShippingRateSetInput", "", rate).await;
    let (product, variant) = plant(app, &brand, name, price, stock).await;
    let keeper = app.someone(&format!("{name}-keeper")).await;
    let shop = json!({ "handle": format!("{name}-shop"), "name": format!("{name} shop") });
    let shop = done(&keeper, "shopOpen", "ShopOpenInput", "shop { id }", shop).await;
    let shop = text(&shop["shop"]["id"]);
    done(
        &keeper,
        "shopPublish",
        "ShopPublishInput",
        "",
        json!({ "id": shop }),
    )
    .await;
    let place = json!({ "shopId": shop, "productId": product.to_string(), "discountShare": 4000 });
    let place = done(
        &keeper,
        "recommendationAdd",
        "RecommendationAddInput",
        "recommendation { id }",
        place,
    )
    .await;
    Offer {
        app,
        owner,
        product,
        variant,
        recommendation: text(&place["recommendation"]["id"]),
    }
}

/// The usual: 121.00 EUR, shipping 4.90 EUR, ten pieces. Through the shop it costs 115.60 EUR.
async fn kettle(app: &App) -> Offer<'_> {
    offer(app, "kettle", Money::new(12_100, Currency::Eur), 490, 10).await
}

async fn plant(app: &App, brand: &str, name: &str, price: Money, stock: i64) -> (ProductId, VariantId) {
    let cx = app.vitrine().context("plant");
    let (id, variant): (ProductId, VariantId) = (cx.new_id(), cx.new_id());
    let brand: BrandId = brand.parse().unwrap();
    let row = product::ActiveModel {
        id: Set(id),
        brand_id: Set(brand),
        handle: Set(name.parse().unwrap()),
        title: Set(name.parse().unwrap()),
        promotable: Set(true),
        published: Set(true),
        currency: Set(price.currency()),
        min_price: Set(price.minor()),
        max_price: Set(price.minor()),
        created_at: Set(cx.now()),
        updated_at: Set(cx.now()),
        ..Default::default()
    };
    product::Entity::insert(row)
        .exec_without_returning(app.db())
        .await
        .unwrap();
    let words = product_text::ActiveModel {
        product_id: Set(id),
        description_html: Set(String::new()),
        search_text: Set(name.to_owned()),
        ..Default::default()
    };
    product_text::Entity::insert(words)
        .exec_without_returning(app.db())
        .await
        .unwrap();
    let row = variant::ActiveModel {
        id: Set(variant),
        product_id: Set(id),
        brand_id: Set(brand),
        position: Set(1),
        title: Set("Blue".parse().unwrap()),
        price: Set(price.minor()),
        grams: Set(500),
        tracked: Set(true),
        policy: Set(StockPolicy::Deny),
        on_hand: Set(stock),
        reserved: Set(0),
        active: Set(true),
        created_at: Set(cx.now()),
        updated_at: Set(cx.now()),
        ..Default::default()
    };
    variant::Entity::insert(row)
        .exec_without_returning(app.db())
        .await
        .unwrap();
    (id, variant)
}

impl<'a> Offer<'a> {
    /// A line of so many pieces, through the shop.
    fn line(&self, quantity: i32) -> Value {
        json!({ "variantId": self.variant.to_string(), "quantity": quantity, "recommendationId": self.recommendation })
    }

    /// Pieces in the warehouse, and those promised to orders.
    async fn stock(&self) -> (i64, i64) {
        let row = variant::Entity::find_by_id(self.variant)
            .one(self.app.db())
            .await
            .unwrap()
            .unwrap();
        (row.on_hand, row.reserved)
    }

    /// A basket of so many pieces, ready to be bought.
    async fn basket(&self, quantity: i32) -> Basket<'a> {
        basket(self.app, json!([self.line(quantity)])).await
    }
}

/// A guest with a cart.
struct Basket<'a> {
    app: &'a App,
    buyer: Person<'a>,
    cart: String,
}

async fn basket(app: &App, lines: Value) -> Basket<'_> {
    let basket = bare_basket(app, lines).await;
    let buyer = json!({ "cartId": basket.cart, "email": "berta@example.com", "name": "Berta Buyer" });
    done(
        &basket.buyer,
        "cartBuyerUpdate",
        "CartBuyerUpdateInput",
        "",
        buyer,
    )
    .await;
    basket.deliver_to("DE").await;
    basket
}

/// A basket without buyer and address.
async fn bare_basket(app: &App, lines: Value) -> Basket<'_> {
    let made = done(
        &app.nobody(),
        "cartCreate",
        "CartCreateInput",
        "cart { id } guestSecret",
        json!({ "lines": lines }),
    )
    .await;
    let buyer = app.nobody().holding(&text(&made["guestSecret"]));
    Basket {
        app,
        buyer,
        cart: text(&made["cart"]["id"]),
    }
}

impl Basket<'_> {
    async fn deliver_to(&self, country: &str) {
        let address = json!({ "cartId": self.cart, "line1": "1 Mill Lane", "postalCode": "10115", "city": "Berlin", "country": country });
        done(
            &self.buyer,
            "cartDeliveryAddressUpdate",
            "CartDeliveryAddressUpdateInput",
            "",
            address,
        )
        .await;
    }

    async fn look(&self) -> Value {
        let query = format!("query($id: ID!) {{ cart(id: $id) {{ {CART} }} }}");
        self.buyer.ask(&query, json!({ "id": self.cart })).await["cart"].clone()
    }

    /// Starts checkout at the price the cart shows, under the idempotency key `key`.
    async fn start(&self, key: &str) -> Value {
        let total = self.look().await["cost"]["total"].clone();
        self.start_at(total, key).await
    }

    async fn start_at(&self, total: Value, key: &str) -> Value {
        let input = json!({
            "cartId": self.cart,
            "expectedTotal": total,
            "successUrl": format!("{FRONTEND}/thanks?session={{CHECKOUT_SESSION_ID}}"),
            "cancelUrl": format!("{FRONTEND}/cart"),
            "idempotencyKey": key,
        });
        self.start_with(input).await
    }

    async fn start_with(&self, input: Value) -> Value {
        let fields = format!("order {{ id number state checkoutUrl }} cart {{ {CART} }}");
        tried(&self.buyer, "checkoutStart", "CheckoutStartInput", &fields, input).await
    }

    /// Starts checkout; returns the order's id and where it is paid.
    async fn ordered(&self) -> (String, String) {
        let started = self.start("first").await;
        assert_eq!(started["userErrors"], json!([]));
        (
            text(&started["order"]["id"]),
            text(&started["order"]["checkoutUrl"]),
        )
    }

    /// Checks out and pays; returns the order's id.
    async fn bought(&self) -> String {
        let (order, url) = self.ordered().await;
        self.app.stripe.pay(&url, CARD).await;
        self.app.settle().await;
        assert_eq!(self.order(&order).await["state"], "PAID");
        order
    }

    async fn order(&self, id: &str) -> Value {
        let query = "query($id: ID!) { order(id: $id) { state paymentStatus fulfillmentStatus returnStatus checkoutUrl } }";
        self.buyer.ask(query, json!({ "id": id })).await["order"].clone()
    }
}

/// Sends a mutation and returns its payload, user errors and all.
async fn tried(by: &Person<'_>, name: &str, input_type: &str, fields: &str, input: Value) -> Value {
    let mutation = format!(
        "mutation($in: {input_type}!) {{ {name}(input: $in) {{ {fields} userErrors {{ code field }} }} }}"
    );
    by.ask(&mutation, json!({ "in": input })).await[name].clone()
}

/// The same for one that must be done.
async fn done(by: &Person<'_>, name: &str, input_type: &str, fields: &str, input: Value) -> Value {
    let payload = tried(by, name, input_type, fields, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{name}");
    payload
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// The codes of a payload's user errors.
fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}

/// Charges a card at Stripe behind the product's back, for whatever `transfer_group` names.
async fn charge_behind(app: &App, transfer_group: &str, amount: i64, currency: &str) {
    let amount = amount.to_string();
    let form = [
        ("amount", amount.as_str()),
        ("currency", currency),
        ("transfer_group", transfer_group),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
    ];
    stripe(app, "/v1/payment_intents", &form).await;
}

async fn stripe(app: &App, path: &str, form: &[(&str, &str)]) -> Value {
    let url = format!("{}{path}", app.stripe.url());
    let response = app
        .http
        .post(url)
        .bearer_auth(STRIPE_KEY)
        .form(form)
        .send()
        .await
        .unwrap();
    let ok = response.status().is_success();
    let body: Value = response.json().await.unwrap();
    assert!(ok, "{path}: {body:#}");
    body
}

/// How many charges of this kind there are, and how many refunds of whole charges.
async fn charges(app: &App, kind: ChargeKind) -> u64 {
    charge::Entity::find()
        .filter(charge::Column::Kind.eq(kind))
        .count(app.db())
        .await
        .unwrap()
}

async fn refunds(app: &App) -> Vec<refund::Model> {
    refund::Entity::find().all(app.db()).await.unwrap()
}

async fn no_order_was_made(app: &App) {
    assert_eq!(order::Entity::find().count(app.db()).await.unwrap(), 0);
    assert_eq!(reservation::Entity::find().count(app.db()).await.unwrap(), 0);
}

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

    async fn the_last_piece_wanted_by_two_at_once_is_sold_once(app) {
        let last = offer(app, "last", Money::new(12_100, Currency::Eur), 490, 1).await;
        let (one, two) = (last.basket(1).await, last.basket(1).await);
        let (one, two) = tokio::join!(one.start("one"), two.start("two"));
        let made = [&one, &two].iter().filter(|payload| payload["order"]["id"].is_string()).count();
        assert_eq!(made, 1, "{one:#}\n{two:#}");
        let refused = if one["order"].is_null() { one } else { two };
        assert_eq!(codes(&refused), ["OUT_OF_STOCK"]);
        assert_eq!(last.stock().await, (1, 1));
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
        app.wait(TimeDelta::minutes(34)).await;
        assert_eq!(basket.order(&order).await["state"], "PAID");
        assert_eq!(kettle.stock().await, (9, 0));
    }

    async fn an_order_nobody_pays_expires_and_its_cart_can_be_bought_again(app) {
        let kettle = kettle(app).await;
        let basket = kettle.basket(2).await;
        let (order, url) = basket.ordered().await;
        app.wait(TimeDelta::minutes(30)).await;
        assert_eq!(basket.order(&order).await["state"], "AWAITING_PAYMENT");
        assert_eq!(kettle.stock().await, (10, 2));
        app.wait(TimeDelta::minutes(4)).await;
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
        app.wait(TimeDelta::minutes(34)).await;
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
        app.wait(TimeDelta::minutes(34)).await;
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

impl Basket<'_> {
    /// Checks out, and returns Stripe's id of the page.
    async fn ordered_session(self) -> String {
        let (id, _) = self.ordered().await;
        let row = order::Entity::find_by_id(id.parse::<vitrine_model::id::OrderId>().unwrap());
        row.one(self.app.db()).await.unwrap().unwrap().session_id.unwrap()
    }
}
