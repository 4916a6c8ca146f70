//! A market with something to buy: a brand that ships, a shop that recommends its product, a buyer who has paid.

use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait};
use serde_json::{Value, json};
use vitrine_model::catalog::{StockPolicy, product, product_text, variant};
use vitrine_model::id::{BrandId, ProductId, VariantId};
use vitrine_model::money::Currency;

use super::stripe::Stripe;
use super::{App, FRONTEND, Person};

/// The card that pays, and whose money is available at once, so that payout runs can spend it.
pub(crate) const CARD: &str = "4000000000000077";
/// Pieces in the warehouse at first.
pub(crate) const STOCK: i64 = 10;

/// A brand that sells one product for 100.00 EUR without VAT, 15 % commission, shipping for 4.90 EUR.
pub(crate) struct Market<'a> {
    /// The brand's owner.
    pub(crate) owner: Person<'a>,
    /// The brand.
    pub(crate) brand: String,
    /// What it sells.
    pub(crate) variant: VariantId,
    /// Who recommends it with a discount share of 40 %.
    pub(crate) shopholder: Person<'a>,
    /// The product in her shop.
    pub(crate) recommendation: String,
}

/// An order that was paid.
pub(crate) struct Purchase<'a> {
    /// The guest who bought it, holding its secret.
    pub(crate) buyer: Person<'a>,
    /// The order.
    pub(crate) order: String,
    /// Its lines, in their places.
    pub(crate) lines: Vec<String>,
}

impl App {
    /// Opens a market; `name` is its brand's and its shop's.
    pub(crate) async fn market(&self, name: &str) -> Market<'_> {
        let owner = self.someone(&format!("{name}-owner")).await;
        let brand = owner
            .made(
                "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { message } } }",
                json!({ "handle": name, "name": name, "country": "DE", "currency": "EUR", "defaultVatRate": 0 }),
            )
            .await;
        let brand = text(&brand["brand"]["id"]);
        owner
            .made(
                "mutation($in: ShippingRateSetInput!) { shippingRateSet(input: $in) { userErrors { message } } }",
                json!({ "brandId": brand, "country": "DE", "price": { "amount": "4.90", "currency": "EUR" } }),
            )
            .await;
        let (product, variant) = self.stock_up(&brand, name).await;
        let shopholder = self.someone(&format!("{name}-shopholder")).await;
        let shop = shopholder
            .made(
                "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { shop { id } userErrors { message } } }",
                json!({ "handle": format!("{name}-shop"), "name": format!("{name} shop") }),
            )
            .await;
        let shop = text(&shop["shop"]["id"]);
        shopholder
            .made(
                "mutation($in: ShopPublishInput!) { shopPublish(input: $in) { userErrors { message } } }",
                json!({ "id": shop }),
            )
            .await;
        let recommendation = shopholder
            .made(
                "mutation($in: RecommendationAddInput!) { recommendationAdd(input: $in) { recommendation { id } userErrors { message } } }",
                json!({ "shopId": shop, "productId": product.to_string(), "discountShare": 4000 }),
            )
            .await;
        Market {
            owner,
            brand,
            variant,
            recommendation: text(&recommendation["recommendation"]["id"]),
            shopholder,
        }
    }

    /// A guest buys so many pieces of each market's product through its shop, and pays.
    pub(crate) async fn buy(&self, wanted: &[(&Market<'_>, i32)]) -> Purchase<'_> {
        let (buyer, order) = self.pay(wanted).await;
        self.settle().await;
        let paid = buyer
            .ask(
                "query($id: ID!) { order(id: $id) { state lines { id } } }",
                json!({ "id": order }),
            )
            .await;
        assert_eq!(paid["order"]["state"], "PAID");
        let lines = paid["order"]["lines"].as_array().unwrap();
        Purchase {
            lines: lines.iter().map(|line| text(&line["id"])).collect(),
            buyer,
            order,
        }
    }

    /// A guest buys and pays at Stripe, of which the product has not heard yet; who it is, and the order's id.
    pub(crate) async fn pay(&self, wanted: &[(&Market<'_>, i32)]) -> (Person<'_>, String) {
        let (buyer, order, url) = self.check_out(wanted).await;
        Stripe::pay(&self.stripe, &url, CARD).await;
        (buyer, order)
    }

    /// A guest orders so many pieces of each market's product through its shop, and does not pay: she, and the order's id.
    pub(crate) async fn order(&self, wanted: &[(&Market<'_>, i32)]) -> (Person<'_>, String) {
        let (buyer, order, _) = self.check_out(wanted).await;
        self.settle().await;
        (buyer, order)
    }

    /// The buyer, her order and the address of the page it is paid on.
    pub(crate) async fn check_out(&self, wanted: &[(&Market<'_>, i32)]) -> (Person<'_>, String, String) {
        let (buyer, input) = self.filled_cart(wanted).await;
        let started = buyer
            .made(
                "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id checkoutUrl } userErrors { message } } }",
                input,
            )
            .await;
        let (order, url) = (&started["order"]["id"], &started["order"]["checkoutUrl"]);
        (buyer, text(order), text(url))
    }

    /// A guest puts so many pieces of each market's product into a cart, and says where to; she, and the input that orders
    /// it.
    pub(crate) async fn filled_cart(&self, wanted: &[(&Market<'_>, i32)]) -> (Person<'_>, Value) {
        let lines: Vec<Value> = wanted
            .iter()
            .map(|(market, quantity)| {
                json!({
                    "variantId": market.variant.to_string(),
                    "quantity": quantity,
                    "recommendationId": market.recommendation,
                })
            })
            .collect();
        let made = self
            .nobody()
            .made(
                "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } guestSecret userErrors { message } } }",
                json!({ "lines": lines }),
            )
            .await;
        let cart = text(&made["cart"]["id"]);
        let buyer = self.nobody().holding(&text(&made["guestSecret"]));
        let input = self.addressed(&buyer, &cart).await;
        (buyer, input)
    }

    /// So many pieces are in the market's warehouse from now on.
    pub(crate) async fn fill_warehouse(&self, market: &Market<'_>, pieces: i64) {
        let full = variant::ActiveModel {
            id: Set(market.variant),
            on_hand: Set(pieces),
            ..Default::default()
        };
        full.update(self.db()).await.unwrap();
    }

    /// Says who buys what is in the cart, and where to; the input that orders it.
    pub(crate) async fn addressed(&self, buyer: &Person<'_>, cart: &str) -> Value {
        buyer
            .made(
                "mutation($in: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $in) { userErrors { message } } }",
                json!({ "cartId": cart, "email": "berta@example.com", "name": "Berta Buyer" }),
            )
            .await;
        let updated = buyer
            .made(
                "mutation($in: CartDeliveryAddressUpdateInput!) { cartDeliveryAddressUpdate(input: $in) { cart { cost { total { amount currency } } } userErrors { message } } }",
                json!({ "cartId": cart, "line1": "1 Mill Lane", "postalCode": "10115", "city": "Berlin", "country": "DE" }),
            )
            .await;
        json!({
            "cartId": cart,
            "expectedTotal": updated["cart"]["cost"]["total"],
            "successUrl": format!("{FRONTEND}/thanks"),
            "cancelUrl": format!("{FRONTEND}/cart"),
            "idempotencyKey": cart,
        })
    }

    async fn stock_up(&self, brand: &str, handle: &str) -> (ProductId, VariantId) {
        let cx = self.vitrine().context("stock");
        let brand: BrandId = brand.parse().unwrap();
        let (id, size): (ProductId, VariantId) = (cx.new_id(), cx.new_id());
        let product = product::ActiveModel {
            id: Set(id),
            brand_id: Set(brand),
            handle: Set(handle.parse().unwrap()),
            title: Set(format!("{handle} teapot").parse().unwrap()),
            promotable: Set(true),
            published: Set(true),
            currency: Set(Currency::Eur),
            min_price: Set(10_000),
            max_price: Set(10_000),
            created_at: Set(cx.now()),
            updated_at: Set(cx.now()),
            ..Default::default()
        };
        product.insert(self.db()).await.unwrap();
        let words = product_text::ActiveModel {
            product_id: Set(id),
            description_html: Set(String::new()),
            search_text: Set(handle.to_owned()),
            ..Default::default()
        };
        words.insert(self.db()).await.unwrap();
        let piece = variant::ActiveModel {
            id: Set(size),
            product_id: Set(id),
            brand_id: Set(brand),
            position: Set(1),
            title: Set("Default Title".parse().unwrap()),
            price: Set(10_000),
            sku: Set(Some("TEA-1".parse().unwrap())),
            grams: Set(500),
            tracked: Set(true),
            policy: Set(StockPolicy::Deny),
            on_hand: Set(STOCK),
            reserved: Set(0),
            active: Set(true),
            created_at: Set(cx.now()),
            updated_at: Set(cx.now()),
            ..Default::default()
        };
        piece.insert(self.db()).await.unwrap();
        (id, size)
    }

    /// Pieces of the market's product in the warehouse now.
    pub(crate) async fn on_hand(&self, market: &Market<'_>) -> i64 {
        let found = variant::Entity::find_by_id(market.variant)
            .one(self.db())
            .await
            .unwrap();
        found.unwrap().on_hand
    }
}

impl Person<'_> {
    /// Sends one mutation with the variable `in` and returns its payload, which must be free of user errors.
    pub(crate) async fn made(&self, mutation: &str, input: Value) -> Value {
        let payload = self.tried(mutation, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload
    }

    /// Sends one mutation with the variable `in` and returns the code of its user error.
    pub(crate) async fn refused(&self, mutation: &str, input: Value) -> String {
        let payload = self.tried(mutation, input).await;
        let code = &payload["userErrors"][0]["code"];
        code.as_str()
            .unwrap_or_else(|| panic!("not refused: {mutation}\n{payload:#}"))
            .to_owned()
    }

    /// Sends one mutation with the variable `in` and returns its payload.
    pub(crate) async fn tried(&self, mutation: &str, input: Value) -> Value {
        let answer = self.ask(mutation, json!({ "in": input })).await;
        let payloads = answer.as_object().expect("data");
        payloads.values().next().expect("one field").clone()
    }
}

/// The string in `value`.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
