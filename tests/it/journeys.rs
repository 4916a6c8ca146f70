//! The main loop of the product, all eight steps, as its users go them: over HTTP, with every figure told before.
//!
//! Two brands, two shops, one cart. Amounts per unit (list price, commission, platform's fee, discount, earnings, price,
//! brand's part), of which all others are sums:
//!
//! | what    | L      | C     | F    | d    | H     | P      | B      |
//! |---------|--------|-------|------|------|-------|--------|--------|
//! | Teapot  | 100.00 | 15.00 | 1.50 | 5.40 | 8.10  | 94.60  | 85.00  |
//! | Cup     | 20.00  | 3.00  | 0.30 |      | 2.70  | 20.00  | 17.00  |
//! | Inkwell | 121.00 | 20.00 | 2.00 | 7.20 | 10.80 | 113.80 | 101.00 |
//!
//! Shipping is 4.90 and 3.90. Stripe's fee of 5.23 on 331.80 falls on the units 1.49, 1.49, 1.79, 0.32, 0.08 and 0.06.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::import::{import_text, state_of};
use crate::support::market::{CARD, text};
use crate::support::{App, FRONTEND, Person, on_both};

const HEAD: &str = "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Status";
const TEA: &str = "teapot,Teapot,true,Title,Default Title,TP,shopify,10,deny,100.00,active\ncup,Cup,true,Title,Default Title,CU,shopify,10,deny,20.00,active";
const INK: &str = "inkwell,Inkwell,true,Title,Default Title,IW,shopify,10,deny,121.00,active";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const RECOMMEND: &str = "mutation($in: RecommendationAddInput!) { recommendationAdd(input: $in) { recommendation { id } userErrors { message } } }";
const SHIP: &str = "mutation($in: FulfillmentCreateInput!) { fulfillmentCreate(input: $in) { fulfillment { id } userErrors { message } } }";
const DELIVERED: &str = "mutation($in: FulfillmentDeliveredInput!) { fulfillmentDelivered(input: $in) { userErrors { message } } }";
const REFUND: &str = "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { refund { amount { amount } } userErrors { message } } }";

/// Held, available, in transit, paid out, owed, and all there is.
type Purse = [&'static str; 6];

/// A brand, as its founder sees it.
struct Brand<'a> {
    id: String,
    founder: Person<'a>,
}

/// A published shop.
struct Shop<'a> {
    id: String,
    handle: String,
    owner: Person<'a>,
}

/// Product and variant.
type Piece = (String, String);

impl Brand<'_> {
    async fn purse(&self) -> Value {
        let query = "query($id: ID!) { brand(id: $id) { balance { held { amount } available { amount } inTransit { amount } paidOut { amount } owed { amount } total { amount } } } }";
        self.founder.ask(query, json!({ "id": self.id })).await["brand"]["balance"][0].take()
    }

    async fn statement(&self) -> Vec<String> {
        let query = "query($id: ID!) { brand(id: $id) { statement(first: 100) { nodes { description amount { amount } balance { amount } } } } }";
        let found = self.founder.ask(query, json!({ "id": self.id })).await;
        lines(&found["brand"]["statement"])
    }

    /// The product called `handle`, and its one variant.
    async fn piece(&self, handle: &str) -> Piece {
        let query = "query($brand: ID!, $handle: String!) { product(brandId: $brand, handle: $handle) { id variants { id } } }";
        let found = self
            .founder
            .ask(query, json!({ "brand": self.id, "handle": handle }))
            .await;
        (
            text(&found["product"]["id"]),
            text(&found["product"]["variants"][0]["id"]),
        )
    }

    async fn stock(&self, handle: &str) -> Value {
        let query = "query($brand: ID!, $handle: String!) { product(brandId: $brand, handle: $handle) { variants { stockOnHand } } }";
        let found = self
            .founder
            .ask(query, json!({ "brand": self.id, "handle": handle }))
            .await;
        found["product"]["variants"][0]["stockOnHand"].clone()
    }

    /// Refunds one piece of a line; how much went back.
    async fn refund(&self, order: &Value, line: &Value) -> Value {
        let input = json!({
            "orderId": order["id"],
            "lines": [{ "orderLineId": line["id"], "quantity": 1 }],
            "reason": "It arrived with a scratch",
            "idempotencyKey": format!("refund {}", line["id"]),
        });
        self.founder.made(REFUND, input).await["refund"]["amount"]["amount"].take()
    }
}

impl Shop<'_> {
    async fn purse(&self) -> Value {
        let query = "{ viewer { earnings { held { amount } available { amount } inTransit { amount } paidOut { amount } owed { amount } total { amount } } } }";
        self.owner.ask(query, json!({})).await["viewer"]["earnings"][0].take()
    }

    async fn statement(&self) -> Vec<String> {
        let query = "{ viewer { statement(first: 100) { nodes { description amount { amount } balance { amount } } } } }";
        lines(&self.owner.ask(query, json!({})).await["viewer"]["statement"])
    }

    async fn recommend(&self, product: &str) -> String {
        let input = json!({ "shopId": self.id, "productId": product, "discountShare": 4000, "note": "I use it daily" });
        let made = self.owner.made(RECOMMEND, input).await;
        text(&made["recommendation"]["id"])
    }
}

/// A statement, the oldest first: what happened, by how much it changed all there is, and what there was then.
fn lines(statement: &Value) -> Vec<String> {
    let line = |entry: &Value| {
        format!(
            "{} | {} | {}",
            text(&entry["description"]),
            text(&entry["amount"]["amount"]),
            text(&entry["balance"]["amount"])
        )
    };
    statement["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(line)
        .collect()
}

/// Whether a purse holds what it must.
fn holds(purse: &Value, must: Purse) {
    let names = ["held", "available", "inTransit", "paidOut", "owed", "total"];
    let kept = names.map(|name| text(&purse[name]["amount"]));
    assert_eq!(kept, must.map(str::to_owned), "{names:?}");
}

/// The mails to `to`, readable: what was wrapped for transport is unwrapped.
fn mails_to(app: &App, to: &str) -> Vec<String> {
    let to = format!("To: {to}");
    let mails = app.mails().into_iter().filter(|mail| mail.contains(&to));
    mails
        .map(|mail| mail.replace("=\r\n", "").replace("=C3=97", "×"))
        .collect()
}

/// How many mails to `to` hold all of `words`.
fn told(app: &App, to: &str, words: &[&str]) -> usize {
    let mails = mails_to(app, to);
    mails
        .iter()
        .filter(|mail| words.iter().all(|word| mail.contains(word)))
        .count()
}

/// Step 1: a brand signs up, imports its products and says what shipping costs.
async fn brand<'a>(app: &'a App, handle: &str, vat: i32, file: &str, shipping: &str) -> Brand<'a> {
    let founder = app.someone(&format!("{handle}-founder")).await;
    let create = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { message } } }";
    let new = json!({ "handle": handle, "name": handle, "country": "DE", "currency": "EUR", "defaultVatRate": vat });
    let id = text(&founder.made(create, new).await["brand"]["id"]);
    let rate =
        "mutation($in: ShippingRateSetInput!) { shippingRateSet(input: $in) { userErrors { message } } }";
    let price = json!({ "amount": shipping, "currency": "EUR" });
    founder
        .made(rate, json!({ "brandId": id, "country": "DE", "price": price }))
        .await;
    let import = import_text(app, &founder, &id, &format!("{HEAD}\n{file}\n")).await;
    let import = state_of(&founder, &import).await;
    assert_eq!(
        (&import["state"], &import["rowsFailed"]),
        (&json!("DONE"), &json!(0)),
        "{import:#}"
    );
    Brand { id, founder }
}

/// Step 2: a shopholder opens a shop.
async fn shop<'a>(app: &'a App, name: &str) -> Shop<'a> {
    let owner = app.someone(name).await;
    let open =
        "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { shop { id } userErrors { message } } }";
    let handle = format!("{name}s-finds");
    let made = owner
        .made(
            open,
            json!({ "handle": handle, "name": format!("{name}'s finds") }),
        )
        .await;
    let id = text(&made["shop"]["id"]);
    let publish = "mutation($in: ShopPublishInput!) { shopPublish(input: $in) { userErrors { message } } }";
    owner.made(publish, json!({ "id": id })).await;
    Shop { id, handle, owner }
}

/// Step 2, as she drags the share: the price and what she earns of a product.
async fn preview(shop: &Shop<'_>, product: &str) -> Vec<[String; 2]> {
    let query = "query($ids: [ID!]!, $shares: [Int!]!) { splitPreview(productIds: $ids, shares: $shares) { shares { cheapest {
        price { amount } earnings { amount } } } } }";
    let shares = json!({ "ids": [product], "shares": [0, 4_000, 10_000] });
    let seen = shop.owner.ask(query, shares).await;
    let shares = seen["splitPreview"][0]["shares"].as_array().unwrap();
    let of = |share: &Value| ["price", "earnings"].map(|part| text(&share["cheapest"][part]["amount"]));
    shares.iter().map(of).collect()
}

/// Step 3: she shares a link, and a visitor follows it; the token of the click.
async fn click(app: &App, shop: &Shop<'_>) -> String {
    let create = "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { code } userErrors { message } } }";
    let made = shop.owner.made(create, json!({ "shopId": shop.id })).await;
    let code = text(&made["referralLink"]["code"]);
    let visit = app
        .http
        .get(app.url(&format!("/r/{code}")))
        .header("User-Agent", FIREFOX);
    let answer = visit.send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let landed: url::Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    assert!(landed.path().contains(&shop.handle), "{landed}");
    let token = landed.query_pairs().find(|(name, _)| name == "click");
    token.expect("a click token").1.into_owned()
}

/// Step 4: the buyer fills a cart, starts checkout and pays on Stripe's page; her order, and she with its secret.
async fn buy<'a>(app: &'a App, click: &str, lines: Value) -> (Person<'a>, Value) {
    let create = "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } guestSecret userErrors { message } } }";
    let made = app
        .nobody()
        .made(create, json!({ "clickToken": click, "lines": lines }))
        .await;
    let (cart, berta) = (
        made["cart"]["id"].clone(),
        app.nobody().holding(&text(&made["guestSecret"])),
    );
    let who =
        "mutation($in: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $in) { userErrors { message } } }";
    let buyer = json!({ "cartId": cart, "email": "berta@example.com", "name": "Berta Buyer" });
    berta.made(who, buyer).await;
    let whither = "mutation($in: CartDeliveryAddressUpdateInput!) { cartDeliveryAddressUpdate(input: $in) {
        cart { cost { subtotal { amount } discountTotal { amount } shippingTotal { amount } total { amount currency } } } userErrors { message } } }";
    let address = json!({ "cartId": cart, "line1": "1 Mill Lane", "postalCode": "10115", "city": "Berlin", "country": "DE" });
    let cost = berta.made(whither, address).await["cart"]["cost"].take();
    let part = |name: &str| text(&cost[name]["amount"]);
    assert_eq!(
        ["subtotal", "discountTotal", "shippingTotal", "total"].map(part),
        ["323.00", "18.00", "8.80", "331.80"]
    );
    let start = "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id checkoutUrl } userErrors { message } } }";
    let wish = json!({
        "cartId": cart,
        "expectedTotal": cost["total"],
        "successUrl": format!("{FRONTEND}/thanks"),
        "cancelUrl": format!("{FRONTEND}/cart"),
        "idempotencyKey": "berta-1",
    });
    let order = berta.made(start, wish).await["order"].take();
    app.stripe.pay(&text(&order["checkoutUrl"]), CARD).await;
    app.settle().await;
    let query =
        "query($id: ID!) { order(id: $id) { id number state paymentStatus lines { id title quantity } } }";
    let order = berta.ask(query, json!({ "id": order["id"] })).await["order"].take();
    (berta, order)
}

/// The line of the order with this title.
fn line<'o>(order: &'o Value, title: &str) -> &'o Value {
    let lines = order["lines"].as_array().unwrap();
    lines
        .iter()
        .find(|line| line["title"] == title)
        .expect("such a line")
}

/// Lets someone, or her brand, be paid.
async fn onboard(app: &App, person: &Person<'_>, brand: Option<&str>) {
    let create = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
    let wish = json!({ "brandId": brand, "country": "DE", "returnUrl": format!("{FRONTEND}/done"), "refreshUrl": format!("{FRONTEND}/again") });
    let made = person.made(create, wish).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
    app.settle().await;
}

/// Step 6: a brand ships one piece of each of these lines; two days later they arrive.
async fn ship(app: &App, brand: &Brand<'_>, order: &Value, titles: &[&str]) -> Value {
    let lines: Vec<Value> = titles
        .iter()
        .map(|title| json!({ "orderLineId": line(order, title)["id"], "quantity": 1 }))
        .collect();
    let parcel =
        json!({ "orderId": order["id"], "lines": lines, "carrier": "DHL", "trackingCode": "JD0001" });
    let made = brand.founder.made(SHIP, parcel).await;
    app.settle().await;
    made["fulfillment"]["id"].clone()
}

/// Everyone at the market.
struct Market<'a> {
    tea: Brand<'a>,
    ink: Brand<'a>,
    anna: Shop<'a>,
    mia: Shop<'a>,
}

impl Market<'_> {
    /// Sessions last thirty days: all sign in again.
    async fn come_back(&mut self) {
        for person in [
            &mut self.tea.founder,
            &mut self.ink.founder,
            &mut self.anna.owner,
            &mut self.mia.owner,
        ] {
            person.come_back().await;
        }
    }
}

async fn market(app: &App) -> Market<'_> {
    let tea = brand(app, "tea", 0, TEA, "4.90").await;
    let ink = brand(app, "ink", 2100, INK, "3.90").await;
    let terms =
        "mutation($in: BrandTermsChangeInput!) { brandTermsChange(input: $in) { userErrors { message } } }";
    ink.founder
        .made(terms, json!({ "brandId": ink.id, "commissionRate": 2000 }))
        .await;
    Market {
        tea,
        ink,
        anna: shop(app, "anna").await,
        mia: shop(app, "mia").await,
    }
}

impl Market<'_> {
    /// 2 to 4: shops recommend, a visitor follows a link, and buys in two shops, with a cup that Anna's link brings her.
    async fn sell<'a>(&self, app: &'a App) -> (Person<'a>, Value) {
        let (teapot, cup, inkwell) = (
            self.tea.piece("teapot").await,
            self.tea.piece("cup").await,
            self.ink.piece("inkwell").await,
        );
        assert_eq!(
            preview(&self.anna, &teapot.0).await,
            [["100.00", "13.50"], ["94.60", "8.10"], ["86.50", "0.00"]]
        );
        assert_eq!(
            preview(&self.mia, &inkwell.0).await,
            [["121.00", "18.00"], ["113.80", "10.80"], ["103.00", "0.00"]]
        );
        let (annas, mias) = (
            self.anna.recommend(&teapot.0).await,
            self.mia.recommend(&inkwell.0).await,
        );

        let click = click(app, &self.anna).await;
        buy(
            app,
            &click,
            json!([
                { "variantId": teapot.1, "quantity": 2, "recommendationId": annas },
                { "variantId": inkwell.1, "quantity": 1, "recommendationId": mias },
                { "variantId": cup.1, "quantity": 1 },
            ]),
        )
        .await
    }

    /// 5: stock is taken, parts are held, Stripe's fee is the brands', everyone is told.
    async fn hold(&self, app: &App, order: &Value) {
        assert_eq!(
            (&order["state"], &order["paymentStatus"]),
            (&json!("PAID"), &json!("PAID"))
        );
        assert_eq!(
            (self.tea.stock("teapot").await, self.ink.stock("inkwell").await),
            (json!(8), json!(9))
        );
        holds(
            &self.tea.purse().await,
            ["188.52", "0.00", "0.00", "0.00", "0.00", "188.52"],
        );
        holds(
            &self.ink.purse().await,
            ["103.05", "0.00", "0.00", "0.00", "0.00", "103.05"],
        );
        holds(
            &self.anna.purse().await,
            ["18.90", "0.00", "0.00", "0.00", "0.00", "18.90"],
        );
        holds(
            &self.mia.purse().await,
            ["10.80", "0.00", "0.00", "0.00", "0.00", "10.80"],
        );
        let number = text(&order["number"]);
        assert_eq!(
            told(
                app,
                "berta@example.com",
                &[
                    "331.80 EUR",
                    "recommended by anna, in the shop anna's finds",
                    "given by mia",
                    &number
                ]
            ),
            1
        );
        assert_eq!(
            told(
                app,
                "tea-founder@example.com",
                &["2 × Teapot", "1 × Cup", "1 Mill Lane"]
            ),
            1
        );
        assert_eq!(told(app, "ink-founder@example.com", &["1 × Inkwell"]), 1);
        assert_eq!(told(app, "anna@example.com", &["Together: 18.90 EUR"]), 1);
        assert_eq!(told(app, "mia@example.com", &["Together: 10.80 EUR"]), 1);
    }

    /// 8, before shipment: one teapot goes back. Stripe keeps its fee of 1.49, and so the brand bears it.
    async fn refund_early(&self, app: &App, order: &Value) {
        assert_eq!(self.tea.refund(order, line(order, "Teapot")).await, "94.60");
        app.settle().await;
        holds(
            &self.tea.purse().await,
            ["105.01", "0.00", "0.00", "0.00", "1.49", "103.52"],
        );
        holds(
            &self.anna.purse().await,
            ["10.80", "0.00", "0.00", "0.00", "0.00", "10.80"],
        );
        assert_eq!(told(app, "berta@example.com", &["refunded 94.60 EUR"]), 1);
        assert_eq!(
            told(
                app,
                "anna@example.com",
                &["was refunded", "8.10 EUR of your earnings was still held."]
            ),
            1
        );
    }

    /// 6 and 7: both ship, it arrives, windows close, and whoever is known to Stripe is paid.
    async fn ship_and_be_paid(&mut self, app: &App, order: &Value) {
        for (person, brand) in [
            (&self.tea.founder, Some(&self.tea.id)),
            (&self.ink.founder, Some(&self.ink.id)),
            (&self.anna.owner, None),
            (&self.mia.owner, None),
        ] {
            onboard(app, person, brand.map(String::as_str)).await;
        }
        let parcels = [
            ship(app, &self.tea, order, &["Teapot", "Cup"]).await,
            ship(app, &self.ink, order, &["Inkwell"]).await,
        ];
        assert_eq!(told(app, "berta@example.com", &["Tracking code: JD0001"]), 2);
        app.wait(TimeDelta::days(2)).await;
        for (brand, parcel) in [&self.tea, &self.ink].into_iter().zip(&parcels) {
            brand
                .founder
                .made(DELIVERED, json!({ "fulfillmentId": parcel }))
                .await;
        }
        for days in [6, 2, 2] {
            app.wait(TimeDelta::days(days)).await;
        }
        holds(
            &self.tea.purse().await,
            ["0.00", "0.00", "0.00", "103.52", "0.00", "0.00"],
        );
        holds(
            &self.ink.purse().await,
            ["0.00", "0.00", "0.00", "103.05", "0.00", "0.00"],
        );
        holds(
            &self.anna.purse().await,
            ["10.80", "0.00", "0.00", "0.00", "0.00", "10.80"],
        );
        for days in [20, 2, 2] {
            app.wait(TimeDelta::days(days)).await;
        }
        self.come_back().await;
        holds(
            &self.anna.purse().await,
            ["0.00", "0.00", "0.00", "10.80", "0.00", "0.00"],
        );
        holds(
            &self.mia.purse().await,
            ["0.00", "0.00", "0.00", "10.80", "0.00", "0.00"],
        );
        assert_eq!(
            told(app, "anna@example.com", &["A payout of 10.80 EUR is on its way"]),
            1
        );
        // What is left at Stripe is the platform's fee of what was kept: 1.50, 0.30 and 2.00.
        assert_eq!(
            app.stripe.books().await["balance"]["eur"]["available"],
            json!(380)
        );
    }

    /// 8, after payout: the buyer first, then it is asked back from those who were paid.
    async fn refund_late(&self, app: &App, berta: &Person<'_>, order: &Value) {
        assert_eq!(self.ink.refund(order, line(order, "Inkwell")).await, "113.80");
        app.settle().await;
        app.wait(TimeDelta::days(1)).await;
        holds(
            &self.ink.purse().await,
            ["0.00", "0.00", "0.00", "2.05", "0.00", "0.00"],
        );
        holds(
            &self.mia.purse().await,
            ["0.00", "0.00", "0.00", "0.00", "0.00", "0.00"],
        );
        assert_eq!(
            app.stripe.books().await["balance"]["eur"]["available"],
            json!(180)
        );
        let query =
            "query($id: ID!) { order(id: $id) { paymentStatus refunds { state amount { amount } } } }";
        let seen = berta.ask(query, json!({ "id": order["id"] })).await["order"].take();
        assert_eq!(seen["paymentStatus"], "PARTIALLY_REFUNDED");
        assert!(
            seen["refunds"]
                .as_array()
                .unwrap()
                .iter()
                .all(|refund| refund["state"] == "SUCCEEDED"),
            "{seen:#}"
        );
        assert_eq!(
            told(app, "mia@example.com", &["10.80 EUR had been paid out already."]),
            1
        );
        assert_eq!(
            told(app, "mia@example.com", &["10.80 EUR taken back for order"]),
            1
        );
        assert_eq!(
            told(
                app,
                "ink-founder@example.com",
                &["101.00 EUR taken back for order"]
            ),
            1
        );
    }

    /// All of it in everyone's statement.
    async fn read_statements(&self, app: &App, order: &Value) {
        let number = text(&order["number"]);
        let transfers = app.stripe.api("/v1/transfers?limit=10").await;
        let transfer = |amount: i64| {
            let made = transfers["data"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|transfer| transfer["amount"] == amount);
            made.map(|transfer| text(&transfer["id"]))
                .next_back()
                .expect("such a transfer")
        };
        let inks = transfer(10_305);
        assert_eq!(
            self.ink.statement().await,
            [
                format!("Sold 1 × Inkwell and shipping, order {number} | 104.90 | 104.90"),
                format!("Card payment fee for order {number} | -1.85 | 103.05"),
                format!(
                    "Return window closed for 1 × Inkwell and shipping, order {number}: available for payout | 0.00 | 103.05"
                ),
                "Payout on its way to your account at Stripe | 0.00 | 103.05".to_owned(),
                format!("Paid out to your account at Stripe, transfer {inks} | -103.05 | 0.00"),
                format!(
                    "Refund of 1 × Inkwell, order {number}: owed, since it was paid out already | -101.00 | -101.00"
                ),
                format!(
                    "What you owe for the refund of order {number} is being taken back from your account at Stripe, transfer {inks} | 0.00 | -101.00"
                ),
                format!(
                    "Taken back from your account at Stripe, transfer {inks}: what you owed for the refund of order {number} | 101.00 | 0.00"
                ),
            ]
        );
        let annas = self.anna.statement().await;
        assert_eq!(
            annas[..4],
            [
                format!("Sold 2 × Teapot and 1 × Cup, order {number} | 18.90 | 18.90"),
                format!("Refund of 1 × Teapot, order {number} | -8.10 | 10.80"),
                format!(
                    "Return window closed for 1 × Teapot and 1 × Cup, order {number}: available for payout | 0.00 | 10.80"
                ),
                "Payout on its way to your account at Stripe | 0.00 | 10.80".to_owned(),
            ]
        );
        assert!(
            annas[4].ends_with(" | -10.80 | 0.00") && annas.len() == 5,
            "{annas:#?}"
        );
        assert_eq!(
            self.tea.statement().await[2],
            format!(
                "Refund of 1 × Teapot, order {number}: not enough of it was left, the rest is owed | -85.00 | 103.52"
            )
        );
    }
}

on_both! {
    async fn the_main_loop_from_import_to_refund_after_payout(app) {
        let mut market = market(app).await;
        let (berta, order) = market.sell(app).await;
        market.hold(app, &order).await;
        market.refund_early(app, &order).await;
        market.ship_and_be_paid(app, &order).await;
        market.refund_late(app, &berta, &order).await;
        market.read_statements(app, &order).await;
    }
}
