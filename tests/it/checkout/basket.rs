//! Something to buy, and guests with carts who buy it.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_model::catalog::{StockPolicy, product, product_text, variant};
use vitrine_model::checkout::{ChargeKind, charge, order, refund, reservation};
use vitrine_model::id::{BrandId, ProductId, VariantId};
use vitrine_model::money::{Currency, Money};

use crate::support::{App, FRONTEND, Person, STRIPE_KEY};

pub(super) const CARD: &str = "4242424242424242";
pub(super) const CART: &str = "id state currency cost { total { amount currency } } problems { code line { id } } lines { id quantity }";

/// Something to buy: a brand's product with 21 % VAT, recommended by a shop that gives 40 % of its commission away.
pub(super) struct Offer<'a> {
    pub(super) app: &'a App,
    pub(super) product: ProductId,
    pub(super) variant: VariantId,
    pub(super) recommendation: String,
}

/// A product of a brand of its own called `name`, which ships to Germany for `shipping`.
pub(super) async fn offer<'a>(
    app: &'a App,
    name: &str,
    price: Money,
    shipping: i64,
    stock: i64,
) -> Offer<'a> {
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
        product,
        variant,
        recommendation: text(&place["recommendation"]["id"]),
    }
}

/// The usual: 121.00 EUR, shipping 4.90 EUR, ten pieces. Through the shop it costs 115.60 EUR.
pub(super) async fn kettle(app: &App) -> Offer<'_> {
    offer(app, "kettle", Money::new(12_100, Currency::Eur), 490, 10).await
}

pub(super) async fn plant(
    app: &App,
    brand: &str,
    name: &str,
    price: Money,
    stock: i64,
) -> (ProductId, VariantId) {
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
    pub(super) fn line(&self, quantity: i32) -> Value {
        json!({ "variantId": self.variant.to_string(), "quantity": quantity, "recommendationId": self.recommendation })
    }

    /// Pieces in the warehouse, and those promised to orders.
    pub(super) async fn stock(&self) -> (i64, i64) {
        let row = variant::Entity::find_by_id(self.variant)
            .one(self.app.db())
            .await
            .unwrap()
            .unwrap();
        (row.on_hand, row.reserved)
    }

    /// A basket of so many pieces, ready to be bought.
    pub(super) async fn basket(&self, quantity: i32) -> Basket<'a> {
        basket(self.app, json!([self.line(quantity)])).await
    }
}

/// A guest with a cart.
pub(super) struct Basket<'a> {
    pub(super) app: &'a App,
    pub(super) buyer: Person<'a>,
    pub(super) cart: String,
}

pub(super) async fn basket(app: &App, lines: Value) -> Basket<'_> {
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
pub(super) async fn bare_basket(app: &App, lines: Value) -> Basket<'_> {
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
    pub(super) async fn deliver_to(&self, country: &str) {
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

    pub(super) async fn look(&self) -> Value {
        let query = format!("query($id: ID!) {{ cart(id: $id) {{ {CART} }} }}");
        self.buyer.ask(&query, json!({ "id": self.cart })).await["cart"].clone()
    }

    /// Starts checkout at the price the cart shows, under the idempotency key `key`.
    pub(super) async fn start(&self, key: &str) -> Value {
        let total = self.look().await["cost"]["total"].clone();
        self.start_at(total, key).await
    }

    pub(super) async fn start_at(&self, total: Value, key: &str) -> Value {
        let input = json!({
            "cartId": self.cart,
            "expectedTotal": total,
            "successUrl": format!("{FRONTEND}/thanks?session={{CHECKOUT_SESSION_ID}}"),
            "cancelUrl": format!("{FRONTEND}/cart"),
            "idempotencyKey": key,
        });
        self.start_with(input).await
    }

    pub(super) async fn start_with(&self, input: Value) -> Value {
        let fields = format!("order {{ id number state checkoutUrl }} cart {{ {CART} }}");
        tried(&self.buyer, "checkoutStart", "CheckoutStartInput", &fields, input).await
    }

    /// Starts checkout; returns the order's id and where it is paid.
    pub(super) async fn ordered(&self) -> (String, String) {
        let started = self.start("first").await;
        assert_eq!(started["userErrors"], json!([]));
        (
            text(&started["order"]["id"]),
            text(&started["order"]["checkoutUrl"]),
        )
    }

    /// Checks out and pays; returns the order's id.
    pub(super) async fn bought(&self) -> String {
        let (order, url) = self.ordered().await;
        self.app.stripe.pay(&url, CARD).await;
        self.app.settle().await;
        assert_eq!(self.order(&order).await["state"], "PAID");
        order
    }

    pub(super) async fn order(&self, id: &str) -> Value {
        let query = "query($id: ID!) { order(id: $id) { state paymentStatus fulfillmentStatus returnStatus checkoutUrl } }";
        self.buyer.ask(query, json!({ "id": id })).await["order"].clone()
    }
}

/// Sends a mutation and returns its payload, user errors and all.
pub(super) async fn tried(
    by: &Person<'_>,
    name: &str,
    input_type: &str,
    fields: &str,
    input: Value,
) -> Value {
    let mutation = format!(
        "mutation($in: {input_type}!) {{ {name}(input: $in) {{ {fields} userErrors {{ code field }} }} }}"
    );
    by.ask(&mutation, json!({ "in": input })).await[name].clone()
}

/// The same for one that must be done.
pub(super) async fn done(by: &Person<'_>, name: &str, input_type: &str, fields: &str, input: Value) -> Value {
    let payload = tried(by, name, input_type, fields, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{name}");
    payload
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// The codes of a payload's user errors.
pub(super) fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}

/// Charges a card at Stripe behind the product's back, for whatever `transfer_group` names.
pub(crate) async fn charge_behind(app: &App, transfer_group: &str, amount: i64, currency: &str) {
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

pub(super) async fn stripe(app: &App, path: &str, form: &[(&str, &str)]) -> Value {
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
pub(super) async fn charges(app: &App, kind: ChargeKind) -> u64 {
    charge::Entity::find()
        .filter(charge::Column::Kind.eq(kind))
        .count(app.db())
        .await
        .unwrap()
}

pub(super) async fn refunds(app: &App) -> Vec<refund::Model> {
    refund::Entity::find().all(app.db()).await.unwrap()
}

pub(super) async fn no_order_was_made(app: &App) {
    assert_eq!(order::Entity::find().count(app.db()).await.unwrap(), 0);
    assert_eq!(reservation::Entity::find().count(app.db()).await.unwrap(), 0);
}

impl Basket<'_> {
    /// Checks out, and returns Stripe's id of the page.
    pub(super) async fn ordered_session(self) -> String {
        let (id, _) = self.ordered().await;
        let row = order::Entity::find_by_id(id.parse::<vitrine_model::id::OrderId>().unwrap());
        row.one(self.app.db()).await.unwrap().unwrap().session_id.unwrap()
    }
}
