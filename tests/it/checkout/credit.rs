//! Who is credited: of several clicks the last that is valid for the line, and never a shopholder who buys from herself.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use vitrine_model::checkout::{CreditReason, cart_click, order_line};
use vitrine_model::id::{CartId, OrderId};

use crate::checkout::basket::{Basket, bare_basket, basket, codes, done, kettle, text, tried};
use crate::referral::{link, token};
use crate::shop::{open_shop, recommend};
use crate::support::{App, Person, Planted, on_both};

const LINES: &str = "lines { creditReason disclosure shop { handle } shopName }";

/// A shop with a link to it, recommending one product of a brand of its own.
struct Place<'a> {
    keeper: Person<'a>,
    product: Planted,
    recommendation: String,
    code: String,
}

async fn place<'a>(app: &'a App, name: &str) -> Place<'a> {
    let brand = app.brand(&format!("{name}-brand")).await;
    let product = app.plant(&brand, &format!("{name}-thing"), &[10_000]).await;
    let keeper = app.someone(name).await;
    let shop = open_shop(&keeper, name).await;
    let recommendation = recommend(&keeper, &shop, &product, 4000).await;
    let code = link(&keeper, json!({ "shopId": shop })).await;
    app.clock.advance(TimeDelta::minutes(1));
    Place {
        keeper,
        product,
        recommendation,
        code,
    }
}

impl Place<'_> {
    /// A line of its product, from no recommendation.
    fn line(&self) -> Value {
        json!({ "variantId": self.product.variants[0] })
    }

    fn line_from_recommendation(&self) -> Value {
        json!({ "variantId": self.product.variants[0], "recommendationId": self.recommendation })
    }

    /// Follows the shop's link; a minute passes.
    async fn clicked(&self, app: &App) -> String {
        let token = token(app, &self.code).await;
        app.clock.advance(TimeDelta::minutes(1));
        token
    }
}

/// The reason and the shop of each of the cart's lines.
async fn credited(basket: &Basket<'_>) -> Vec<(String, String)> {
    let query = format!("query($id: ID!) {{ cart(id: $id) {{ {LINES} }} }}");
    let seen = basket.buyer.ask(&query, json!({ "id": basket.cart })).await;
    let lines = seen["cart"]["lines"].as_array().unwrap().clone();
    lines
        .iter()
        .map(|line| {
            let shop = line["shop"]["handle"].as_str().unwrap_or("-").to_owned();
            (text(&line["creditReason"]), shop)
        })
        .collect()
}

fn told(reason: &str, shop: &str) -> (String, String) {
    (reason.to_owned(), shop.to_owned())
}

async fn click(basket: &Basket<'_>, token: &str) -> Value {
    let input = json!({ "cartId": basket.cart, "clickToken": token });
    done(
        &basket.buyer,
        "cartClickAdd",
        "CartClickAddInput",
        "warnings { code }",
        input,
    )
    .await
}

async fn write_to(basket: &Basket<'_>, email: &str) {
    let buyer = json!({ "cartId": basket.cart, "email": email });
    done(
        &basket.buyer,
        "cartBuyerUpdate",
        "CartBuyerUpdateInput",
        "",
        buyer,
    )
    .await;
}

async fn remembered(app: &App, cart: &str) -> u64 {
    let cart: CartId = cart.parse().unwrap();
    let clicks = cart_click::Entity::find().filter(cart_click::Column::CartId.eq(cart));
    clicks.count(app.db()).await.unwrap()
}

on_both! {
    async fn an_open_cart_hears_of_later_clicks_and_each_line_takes_the_last_valid_one(app) {
        let (anna, berta) = (place(app, "anna").await, place(app, "berta").await);
        let basket = bare_basket(app, json!([anna.line(), berta.line()])).await;
        assert_eq!(credited(&basket).await, [told("NONE_ORGANIC", "-"), told("NONE_ORGANIC", "-")]);
        let first = anna.clicked(app).await;
        click(&basket, &first).await;
        assert_eq!(credited(&basket).await, [told("CLICK_SHOP", "anna"), told("NONE_ELSEWHERE", "-")]);
        let second = berta.clicked(app).await;
        click(&basket, &second).await;
        assert_eq!(credited(&basket).await, [told("CLICK_SHOP", "anna"), told("CLICK_SHOP", "berta")]);
    }

    async fn what_the_cart_shows_is_what_the_order_freezes(app) {
        let kettle = kettle(app).await;
        let basket = basket(app, json!([kettle.line(1), { "variantId": kettle.variant.to_string() }])).await;
        let query = format!("query($id: ID!) {{ cart(id: $id) {{ {LINES} }} }}");
        let cart = basket.buyer.ask(&query, json!({ "id": basket.cart })).await["cart"]["lines"].clone();
        assert_eq!(cart, json!([
            { "creditReason": "RECOMMENDATION", "disclosure": "kettle-keeper earns a commission on this.", "shop": { "handle": "kettle-shop" }, "shopName": "kettle shop" },
            { "creditReason": "NONE_ORGANIC", "disclosure": null, "shop": null, "shopName": null },
        ]));
        let order = basket.bought().await;
        let query = format!("query($id: ID!) {{ order(id: $id) {{ {LINES} }} }}");
        assert_eq!(basket.buyer.ask(&query, json!({ "id": order })).await["order"]["lines"], cart);
    }

    async fn of_two_clicks_valid_for_a_line_the_newer_counts_in_whatever_order_the_cart_hears_of_them(app) {
        let anna = place(app, "anna").await;
        let berta = app.someone("berta").await;
        let shop = open_shop(&berta, "berta").await;
        recommend(&berta, &shop, &anna.product, 0).await;
        let code = link(&berta, json!({ "shopId": shop })).await;
        app.clock.advance(TimeDelta::minutes(1));
        let older = anna.clicked(app).await;
        let newer = token(app, &code).await;
        for tokens in [[&older, &newer], [&newer, &older]] {
            let basket = bare_basket(app, json!([anna.line()])).await;
            for token in tokens {
                click(&basket, token).await;
            }
            assert_eq!(credited(&basket).await, [told("CLICK_SHOP", "berta")]);
        }
    }

    async fn an_older_click_that_has_expired_credits_nobody(app) {
        let anna = place(app, "anna").await;
        let other = place(app, "berta").await;
        let basket = bare_basket(app, json!([anna.line()])).await;
        click(&basket, &anna.clicked(app).await).await;
        app.clock.advance(TimeDelta::days(31));
        click(&basket, &other.clicked(app).await).await;
        assert_eq!(credited(&basket).await, [told("NONE_EXPIRED", "-")]);
    }

    async fn a_click_is_told_with_the_lines_it_brought_and_telling_it_twice_does_no_harm(app) {
        let anna = place(app, "anna").await;
        let basket = bare_basket(app, json!([])).await;
        let token = anna.clicked(app).await;
        for _ in 0..2 {
            let add = json!({ "cartId": basket.cart, "lines": [anna.line()], "clickToken": token });
            let added = done(&basket.buyer, "cartLinesAdd", "CartLinesAddInput", "warnings { code }", add).await;
            assert_eq!(added["warnings"], json!([]));
        }
        assert_eq!(remembered(app, &basket.cart).await, 1);
        assert_eq!(credited(&basket).await, [told("CLICK_SHOP", "anna")]);
    }

    async fn an_unusable_token_is_a_warning_and_changes_nothing(app) {
        let anna = place(app, "anna").await;
        let basket = bare_basket(app, json!([anna.line()])).await;
        let old = anna.clicked(app).await;
        app.clock.advance(TimeDelta::days(366));
        let basket = Basket { buyer: app.nobody().holding("vg_nothing"), ..basket };
        let stranger = tried(&basket.buyer, "cartClickAdd", "CartClickAddInput", "", json!({ "cartId": basket.cart, "clickToken": old })).await;
        assert_eq!(codes(&stranger), ["NOT_FOUND"]);
        let basket = bare_basket(app, json!([anna.line()])).await;
        for token in ["", "AAAA", &old] {
            assert_eq!(click(&basket, token).await["warnings"], json!([{ "code": "CLICK_TOKEN_IGNORED" }]));
        }
        assert_eq!(credited(&basket).await, [told("NONE_ORGANIC", "-")]);
    }

    async fn a_cart_remembers_the_latest_fifty_clicks(app) {
        let anna = place(app, "anna").await;
        let basket = bare_basket(app, json!([anna.line()])).await;
        let oldest = anna.clicked(app).await;
        click(&basket, &oldest).await;
        for _ in 0..50 {
            click(&basket, &token(app, &anna.code).await).await;
        }
        assert_eq!(remembered(app, &basket.cart).await, 50);
        click(&basket, &oldest).await;
        assert_eq!(remembered(app, &basket.cart).await, 50);
        let (_, statements) = app.counting(credited(&basket)).await;
        assert!(statements < 30, "{statements} statements");
    }

    async fn an_ordered_cart_hears_of_no_click(app) {
        let anna = place(app, "anna").await;
        let basket = kettle(app).await.basket(1).await;
        let token = anna.clicked(app).await;
        let (_, url) = basket.ordered().await;
        let input = json!({ "cartId": basket.cart, "clickToken": token });
        assert_eq!(codes(&tried(&basket.buyer, "cartClickAdd", "CartClickAddInput", "", input.clone()).await), ["CART_ORDERED"]);
        app.stripe.pay(&url, crate::checkout::CARD).await;
        app.settle().await;
        assert_eq!(codes(&tried(&basket.buyer, "cartClickAdd", "CartClickAddInput", "", input).await), ["CART_PAID"]);
    }

    async fn each_order_line_keeps_the_click_it_is_credited_by(app) {
        let kettle = kettle(app).await;
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop, "label": "newsletter" })).await;
        let add = json!({ "shopId": shop, "productId": kettle.product.to_string() });
        done(&anna, "recommendationAdd", "RecommendationAddInput", "", add).await;
        app.clock.advance(TimeDelta::minutes(1));
        let basket = basket(app, json!([kettle.line(1), { "variantId": kettle.variant.to_string(), "quantity": 2 }])).await;
        click(&basket, &token(app, &code).await).await;
        let order: OrderId = basket.bought().await.parse().unwrap();
        let lines = order_line::Entity::find()
            .filter(order_line::Column::OrderId.eq(order))
            .order_by_asc(order_line::Column::Position)
            .all(app.db())
            .await
            .unwrap();
        let reasons: Vec<_> = lines.iter().map(|line| (line.credit, line.click_id.is_some())).collect();
        assert_eq!(reasons, [(CreditReason::Recommendation, false), (CreditReason::ClickShop, true)]);
        let query = "{ shop(handle: \"anna\") { referralLinks { nodes { clicks sales } } } }";
        let counts = anna.ask(query, json!({})).await["shop"]["referralLinks"]["nodes"].clone();
        assert_eq!(counts, json!([{ "clicks": 1, "sales": 1 }]));
    }

    async fn a_guest_who_gives_the_shopholders_address_buys_in_her_own_shop(app) {
        let anna = place(app, "anna").await;
        let basket = bare_basket(app, json!([anna.line_from_recommendation()])).await;
        let price = "query($id: ID!) { cart(id: $id) { cost { discountTotal { amount } } } }";
        let discount = async || basket.buyer.ask(price, json!({ "id": basket.cart })).await["cart"]["cost"]["discountTotal"]["amount"].clone();
        assert_ne!(discount().await, "0.00");
        write_to(&basket, " ANNA@Example.com ").await;
        assert_eq!(credited(&basket).await, [told("NONE_OWN_SHOP", "-")]);
        assert_eq!(discount().await, "0.00");
        write_to(&basket, "berta@example.com").await;
        assert_eq!(credited(&basket).await, [told("RECOMMENDATION", "anna")]);
    }

    async fn a_guests_cart_looked_at_by_the_shopholder_signed_in_is_priced_for_her(app) {
        let anna = place(app, "anna").await;
        let made = done(&app.nobody(), "cartCreate", "CartCreateInput", "cart { id } guestSecret", json!({ "lines": [anna.line_from_recommendation()] })).await;
        let buyer = anna.keeper.holding(&text(&made["guestSecret"]));
        let basket = Basket { app, buyer, cart: text(&made["cart"]["id"]) };
        assert_eq!(credited(&basket).await, [told("NONE_OWN_SHOP", "-")]);
    }
}
