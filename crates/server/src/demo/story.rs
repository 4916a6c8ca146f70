//! The story itself, act by act, with the default terms.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::api::{Person, money, text};
use super::books::{self, Standing, balances};
use super::catalogue::{Catalogue, Source};
use super::offers::{self, Offer};
use super::stage::Stage;
use super::teller::Teller;

const ANNA: &str = "anna@example.com";
const OLGA: &str = "olga@vitrine.example";
const PASSWORD: &str = "correct horse battery";
/// The part of her commission that Anna gives to her buyers: 40 %.
const SHARE: i32 = 4_000;
/// Products Anna recommends of each brand.
const PER_BRAND: usize = 2;
/// Stripe's test cards: one is declined, one pays (<https://docs.stripe.com/testing>).
const DECLINED: &str = "4000000000000002";
const GOOD: &str = "4242424242424242";

/// A brand with someone who works for it.
pub(super) struct Brand {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) staff: Person,
    email: String,
}

/// Anna's shop.
struct Shop {
    id: String,
    handle: String,
    owner: Person,
    /// Recommendations with what they offer.
    recommended: Vec<(String, Offer)>,
    /// Of a brand she recommends, but not in her shop.
    beside: Option<Offer>,
}

/// Who played, and where to look afterwards.
pub(super) struct Cast {
    brands: Vec<Brand>,
    shop: Shop,
    link: String,
    operator: Person,
    order: Value,
    guest: String,
}

impl Cast {
    /// What GraphiQL's examples are filled in with: everybody's headers, and what there is to name.
    fn for_graphiql(&self) -> Value {
        let bearer = |person: &Person| {
            let token = person.token().unwrap_or_default();
            json!({ "Authorization": format!("Bearer {token}") })
        };
        let line = &self.order["lines"][0];
        // The brand whose goods the first line is: it can ship and refund it.
        let brand = self.brands.iter().find(|brand| line["brand"]["id"] == brand.id);
        let offer = self.shop.recommended.first();
        json!({
            "headers": {
                "shopholder": bearer(&self.shop.owner),
                "buyer": { "Vitrine-Guest": self.guest },
                "brand": brand.map(|brand| bearer(&brand.staff)),
                "operator": bearer(&self.operator),
            },
            "shop": self.shop.handle,
            "shopId": self.shop.id,
            "productId": offer.map(|(_, offer)| &offer.product),
            "variantId": offer.map(|(_, offer)| &offer.variant),
            "recommendationId": offer.map(|(recommendation, _)| recommendation),
            "orderId": self.order["id"],
            "orderLineId": line["id"],
            "brandId": brand.map(|brand| &brand.id),
        })
    }
}

/// Plays all acts.
pub(super) async fn tell(stage: &Stage, catalogues: &[Catalogue], tell: &mut Teller) -> anyhow::Result<Cast> {
    tell.line(format!(
        "Vitrine at {}, Stripe sandbox at {}, one clock for both.",
        stage.running.url(),
        stage.stripe_url()
    ))?;
    let operator = operator(stage).await?;
    let mut brands = list_products(stage, catalogues, tell).await?;
    let mut shop = open_shop(stage, &brands, tell).await?;
    let (link, click) = share_link(stage, &shop, tell).await?;
    let (buyer, order) = buy(stage, &shop, &click, tell).await?;
    pay(stage, &buyer, &order, tell).await?;
    balances(
        &brands,
        &shop.owner,
        "Stripe's webhook made the order paid; every part is held",
        tell,
    )
    .await?;
    books::postings(stage, &brands, tell).await?;
    onboard(stage, &brands, &shop, tell).await?;
    ship(stage, &brands, &order, tell).await?;
    let before = pass_window(stage, &mut brands, &mut shop, tell).await?;
    books::statement(&shop.owner, tell).await?;
    refund(stage, &brands, &shop, &order, &before, tell).await?;
    books::audit(stage, tell).await?;
    books::nothing_given_up(stage).await?;
    let guest = buyer.guest.clone().context("the buyer has a secret")?;
    // Whoever looks around has hers for as long as they last.
    for person in brands
        .iter()
        .map(|brand| &brand.staff)
        .chain([&shop.owner, &operator])
    {
        person.refresh().await?;
    }
    let cast = Cast {
        brands,
        shop,
        link,
        operator,
        order,
        guest,
    };
    // The story is told once, so nobody has set it before.
    let _ = stage.running.app.cast.set(cast.for_graphiql().to_string());
    Ok(cast)
}

async fn operator(stage: &Stage) -> anyhow::Result<Person> {
    let mut olga = Person::unknown(&stage.http, &stage.running.url());
    olga.join("Olga", OLGA, PASSWORD).await?;
    let cx = stage.running.app.context("demo");
    let granted = vitrine_domain::identity::grant_operator(&cx, OLGA.parse()?).await;
    granted.map_err(|failure| anyhow::anyhow!("no operator: {failure:?}"))?;
    Ok(olga)
}

async fn list_products(
    stage: &Stage,
    catalogues: &[Catalogue],
    tell: &mut Teller,
) -> anyhow::Result<Vec<Brand>> {
    tell.act("Brands sign up and import their catalogues")?;
    let mut brands = Vec::new();
    let mut rows = Vec::new();
    for catalogue in catalogues {
        let brand = found(stage, catalogue).await?;
        let import = import(stage, &brand, catalogue).await?;
        let count = |field: &str| import[field].to_string();
        rows.push(vec![
            brand.name.clone(),
            count("rowsRead"),
            count("productsCreated"),
            count("rowsFailed"),
        ]);
        refused_rows(&brand, &import, tell)?;
        brands.push(brand);
    }
    tell.table(&["brand", "rows", "products", "refused rows"], &rows)?;
    tell.line(
        "Terms by default: 15 % commission of the price without VAT, of which the platform takes a tenth.",
    )?;
    Ok(brands)
}

/// The first rows of the file that were refused, and how many more there are.
fn refused_rows(brand: &Brand, import: &Value, tell: &mut Teller) -> anyhow::Result<()> {
    let told = import["errors"]["nodes"].as_array().cloned().unwrap_or_default();
    for error in &told {
        let column = error["column"].as_str().map(|name| format!(", {name}"));
        tell.line(format!(
            "{}, line {}{}: {}",
            brand.name,
            error["line"],
            column.unwrap_or_default(),
            text(&error["message"])?
        ))?;
    }
    let all = import["errors"]["totalCount"].as_u64().unwrap_or(0);
    match all.saturating_sub(u64::try_from(told.len())?) {
        0 => Ok(()),
        more => tell.line(format!(
            "{}: and {more} more refused; productImport(id: {}) has them under errors, for {}",
            brand.name, import["id"], brand.email
        )),
    }
}

async fn found(stage: &Stage, catalogue: &Catalogue) -> anyhow::Result<Brand> {
    let mut staff = Person::unknown(&stage.http, &stage.running.url());
    let email = format!("sales@{}.example", catalogue.handle);
    staff
        .join(&format!("Sales at {}", catalogue.name), &email, PASSWORD)
        .await?;
    stage.confirm(&staff, &email).await?;
    let create = "mutation ($in: BrandCreateInput!) {
        brandCreate(input: $in) { brand { id } userErrors { code message field } } }";
    let new = json!({ "in": { "handle": catalogue.handle, "name": catalogue.name, "country": "DE", "currency": "EUR",
        "defaultVatRate": 1900 } });
    let made = staff.ask(create, new).await?;
    let id = text(&made["brandCreate"]["brand"]["id"])?;
    let rate = "mutation ($in: ShippingRateSetInput!) {
        shippingRateSet(input: $in) { userErrors { code message } } }";
    let price = json!({ "amount": "4.90", "currency": "EUR" });
    staff
        .ask(
            rate,
            json!({ "in": { "brandId": id, "country": "DE", "price": price } }),
        )
        .await?;
    Ok(Brand {
        name: catalogue.name.clone(),
        id,
        staff,
        email,
    })
}

async fn import(stage: &Stage, brand: &Brand, catalogue: &Catalogue) -> anyhow::Result<Value> {
    let create = "mutation ($in: ProductImportCreateInput!) {
        productImportCreate(input: $in) { productImport { id uploadUrl } userErrors { code message } } }";
    let new = json!({ "in": { "brandId": brand.id, "fileName": format!("{}.csv", catalogue.handle) } });
    let made = brand.staff.ask(create, new).await?;
    let made = &made["productImportCreate"]["productImport"];
    let body = match &catalogue.source {
        Source::BuiltIn(bytes) => reqwest::Body::from(*bytes),
        Source::File(path) => {
            let file = tokio::fs::File::open(path)
                .await
                .with_context(|| format!("cannot open {}", path.display()))?;
            reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(file))
        }
    };
    let upload = stage
        .http
        .put(text(&made["uploadUrl"])?)
        .body(body)
        .send()
        .await?;
    ensure!(
        upload.status().is_success(),
        "the upload was refused: {}",
        upload.text().await?
    );
    stage.settle().await?;
    let query = "query ($id: ID!) { productImport(id: $id) {
        id state failure rowsRead rowsFailed productsCreated
        errors(first: 5) { totalCount nodes { line column message } } } }";
    let import = brand.staff.ask(query, json!({ "id": made["id"] })).await?["productImport"].take();
    ensure!(
        import["state"] == "DONE",
        "{}: the file was refused: {}",
        brand.name,
        import["failure"]
    );
    Ok(import)
}

async fn open_shop(stage: &Stage, brands: &[Brand], tell: &mut Teller) -> anyhow::Result<Shop> {
    tell.act("Anna opens a shop and decides what to give away")?;
    let mut anna = Person::unknown(&stage.http, &stage.running.url());
    anna.join("Anna", ANNA, PASSWORD).await?;
    stage.confirm(&anna, ANNA).await?;
    let open =
        "mutation ($in: ShopOpenInput!) { shopOpen(input: $in) { shop { id } userErrors { code message } } }";
    let about = "Things I use every day and would buy again.";
    let new = json!({ "in": { "handle": "annas-finds", "name": "Anna's Finds", "about": about } });
    let id = text(&anna.ask(open, new).await?["shopOpen"]["shop"]["id"])?;
    let mut offers = Vec::new();
    let mut beside = None;
    for brand in brands {
        let of_brand = offers::of_brand(&anna, brand, brands.len(), tell).await?;
        let mut of_brand = of_brand.into_iter();
        offers.extend(of_brand.by_ref().take(PER_BRAND));
        beside = beside.or(of_brand.next());
    }
    ensure!(
        !offers.is_empty(),
        "no catalogue has a product that costs {}",
        offers::limits(brands.len())
    );
    preview(&anna, &offers[0], tell).await?;
    let add = "mutation ($in: RecommendationAddInput!) { recommendationAdd(input: $in) {
        recommendation { id } userErrors { code message } } }";
    let mut recommended = Vec::new();
    for offer in offers {
        let new = json!({ "in": { "shopId": id, "productId": offer.product, "discountShare": SHARE,
            "note": format!("I would buy it again: {}", offer.title) } });
        let made = anna.ask(add, new).await?;
        recommended.push((text(&made["recommendationAdd"]["recommendation"]["id"])?, offer));
    }
    let publish = "mutation ($in: ShopPublishInput!) { shopPublish(input: $in) { shop { id } userErrors { message } } }";
    anna.ask(publish, json!({ "in": { "id": id } })).await?;
    let products = match recommended.len() {
        1 => "one product".to_owned(),
        count => format!("{count} products"),
    };
    tell.line(format!(
        "She recommends {products} with a discount share of 40 % and publishes."
    ))?;
    Ok(Shop {
        id,
        handle: "annas-finds".to_owned(),
        owner: anna,
        recommended,
        beside,
    })
}

async fn preview(anna: &Person, offer: &Offer, tell: &mut Teller) -> anyhow::Result<()> {
    let query = "query ($ids: [ID!]!, $shares: [Int!]!) { splitPreview(productIds: $ids, shares: $shares) {
        shares { discountShare cheapest { listPrice { amount currency } price { amount currency }
            discount { amount currency } earnings { amount currency } brandPart { amount currency }
            platformFee { amount currency } } } } }";
    let shares = [0, 2_500, SHARE, 10_000];
    let preview = anna
        .ask(query, json!({ "ids": [offer.product], "shares": shares }))
        .await?;
    let shares = preview["splitPreview"][0]["shares"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let row = |share: &Value| {
        let split = &share["cheapest"];
        let percent = format!("{} %", share["discountShare"].as_i64().unwrap_or(0) / 100);
        let parts =
            ["discount", "price", "earnings", "brandPart", "platformFee"].map(|part| money(&split[part]));
        std::iter::once(percent).chain(parts).collect::<Vec<_>>()
    };
    let list = money(&shares.first().context("no preview")?["cheapest"]["listPrice"]);
    tell.line(format!(
        "\"{}\" is listed at {list}. As she drags the share:",
        offer.title
    ))?;
    let rows: Vec<_> = shares.iter().map(row).collect();
    tell.table(
        &[
            "share",
            "discount",
            "buyer pays",
            "she earns",
            "brand gets",
            "platform",
        ],
        &rows,
    )
}

async fn share_link(stage: &Stage, shop: &Shop, tell: &mut Teller) -> anyhow::Result<(String, String)> {
    tell.act("She shares a referral link; a visitor follows it")?;
    let create = "mutation ($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) {
        referralLink { url } userErrors { code message } } }";
    let made = shop
        .owner
        .ask(
            create,
            json!({ "in": { "shopId": shop.id, "label": "newsletter" } }),
        )
        .await?;
    let link = text(&made["referralLinkCreate"]["referralLink"]["url"])?;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let response = stage.http.get(&link).header("User-Agent", agent).send().await?;
    ensure!(
        response.status() == 302,
        "the link answered {}",
        response.status()
    );
    let location = response
        .headers()
        .get("location")
        .and_then(|location| location.to_str().ok());
    let location = url::Url::parse(location.context("the redirect leads nowhere")?)?;
    let click = location.query_pairs().find(|(name, _)| name == "click");
    let (_, click) = click.context("the landing address carries no click token")?;
    tell.line(format!(
        "{link} → 302 to {}{} with a signed click token.",
        location.origin().ascii_serialization(),
        location.path()
    ))?;
    Ok((link, click.into_owned()))
}

async fn buy(stage: &Stage, shop: &Shop, click: &str, tell: &mut Teller) -> anyhow::Result<(Person, Value)> {
    tell.act("Berta fills a cart and starts checkout")?;
    let mut berta = Person::unknown(&stage.http, &stage.running.url());
    let cart = cart(&mut berta, shop, click).await?;
    let row = |line: &Value| {
        let cost = &line["cost"];
        let title = format!("{} × {}", line["quantity"], line["title"].as_str().unwrap_or("?"));
        vec![
            title,
            money(&cost["listPrice"]),
            money(&cost["price"]),
            money(&cost["total"]),
        ]
    };
    let rows: Vec<_> = cart["lines"].as_array().into_iter().flatten().map(row).collect();
    tell.table(&["line", "listed", "with Anna's discount", "total"], &rows)?;
    let cost = &cart["cost"];
    tell.line(format!(
        "Goods {}, shipping {}, in all {}; she saves {}.",
        money(&cost["subtotal"]),
        money(&cost["shippingTotal"]),
        money(&cost["total"]),
        money(&cost["discountTotal"])
    ))?;
    let start = "mutation ($in: CheckoutStartInput!) { checkoutStart(input: $in) {
        order { id number checkoutUrl cost { total { amount currency } } lines { id title quantity brand { id } } }
        userErrors { code message } } }";
    let back = format!("{}/graphiql", stage.running.url());
    let new = json!({ "in": { "cartId": cart["id"], "expectedTotal": cost["total"], "successUrl": back,
        "cancelUrl": back, "idempotencyKey": "berta-1" } });
    let order = berta.ask(start, new).await?["checkoutStart"]["order"].take();
    tell.line(format!(
        "Order {} awaits payment at {}",
        text(&order["number"])?,
        text(&order["checkoutUrl"])?
    ))?;
    Ok((berta, order))
}

async fn cart(berta: &mut Person, shop: &Shop, click: &str) -> anyhow::Result<Value> {
    let create = "mutation ($in: CartCreateInput!) { cartCreate(input: $in) {
        cart { id } guestSecret userErrors { code message } } }";
    // One product of each brand from the shop, and one that Anna only brought the visitor to.
    let mut brands = HashSet::new();
    let one_each = shop
        .recommended
        .iter()
        .filter(|(_, offer)| brands.insert(offer.brand.as_str()));
    let mut lines: Vec<Value> = one_each.map(|(recommendation, offer)| {
        json!({ "variantId": offer.variant, "quantity": offer.quantity, "recommendationId": recommendation })
    }).collect();
    lines.extend(
        shop.beside
            .as_ref()
            .map(|offer| json!({ "variantId": offer.variant, "quantity": 1 })),
    );
    let made = berta
        .ask(create, json!({ "in": { "clickToken": click, "lines": lines } }))
        .await?["cartCreate"]
        .take();
    berta.guest = Some(text(&made["guestSecret"])?);
    let id = &made["cart"]["id"];
    let who =
        "mutation ($in: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $in) { userErrors { message } } }";
    let buyer = json!({ "in": { "cartId": id, "email": "berta@example.com", "name": "Berta Buyer" } });
    berta.ask(who, buyer).await?;
    let whither = "mutation ($in: CartDeliveryAddressUpdateInput!) {
        cartDeliveryAddressUpdate(input: $in) { userErrors { message } } }";
    let address = json!({ "in": { "cartId": id, "line1": "Lindenstraße 7", "postalCode": "10969", "city": "Berlin",
        "country": "DE" } });
    berta.ask(whither, address).await?;
    let query = "query ($id: ID!) { cart(id: $id) { id problems { message }
        lines { title quantity cost { listPrice { amount currency } price { amount currency } total { amount currency } } }
        cost { subtotal { amount currency } discountTotal { amount currency } shippingTotal { amount currency }
            total { amount currency } } } }";
    let cart = berta.ask(query, json!({ "id": id })).await?["cart"].take();
    ensure!(
        cart["problems"] == json!([]),
        "the cart has problems: {}",
        cart["problems"]
    );
    Ok(cart)
}

async fn pay(stage: &Stage, berta: &Person, order: &Value, tell: &mut Teller) -> anyhow::Result<()> {
    tell.act("She pays on Stripe's page")?;
    let page = text(&order["checkoutUrl"])?;
    let card = |number| {
        [
            ("card_number", number),
            ("exp", "12/34"),
            ("cvc", "123"),
            ("name", "Berta Buyer"),
            ("email", "berta@example.com"),
        ]
    };
    let declined = stage.http.post(&page).form(&card(DECLINED)).send().await?;
    ensure!(!declined.status().is_redirection(), "a declined card paid");
    tell.line(format!(
        "Card …{}: declined; the page says so and stays.",
        &DECLINED[12..]
    ))?;
    let paid = stage.http.post(&page).form(&card(GOOD)).send().await?;
    ensure!(
        paid.status().is_redirection(),
        "the payment page answered {}",
        paid.status()
    );
    tell.line(format!(
        "Card …{}: paid {}; the browser goes back to the shop.",
        &GOOD[12..],
        money(&order["cost"]["total"])
    ))?;
    stage.settle().await?;
    let query = "query ($id: ID!) { order(id: $id) { paymentStatus } }";
    let status = berta.ask(query, json!({ "id": order["id"] })).await?;
    ensure!(
        status["order"]["paymentStatus"] == "PAID",
        "the order is {}",
        status["order"]["paymentStatus"]
    );
    Ok(())
}

async fn onboard(stage: &Stage, brands: &[Brand], shop: &Shop, tell: &mut Teller) -> anyhow::Result<()> {
    tell.act("Anna and the brands tell Stripe who they are")?;
    let create = "mutation ($in: PayoutAccountOnboardingLinkCreateInput!) {
        payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { code message } } }";
    let back = format!("{}/graphiql", stage.running.url());
    let parties = brands
        .iter()
        .map(|brand| (&brand.staff, json!(brand.id)))
        .chain([(&shop.owner, Value::Null)]);
    for (person, brand) in parties {
        let country = if brand.is_null() { json!("DE") } else { Value::Null };
        let new =
            json!({ "in": { "brandId": brand, "country": country, "returnUrl": back, "refreshUrl": back } });
        person.prove(PASSWORD).await?;
        let made = person.ask(create, new).await?;
        let page = text(&made["payoutAccountOnboardingLinkCreate"]["onboardingLink"]["url"])?;
        let done = stage
            .http
            .post(page)
            .form(&[("action", "complete")])
            .send()
            .await?;
        ensure!(
            done.status().is_redirection(),
            "the onboarding page answered {}",
            done.status()
        );
        stage.settle().await?;
    }
    tell.line("All have connected accounts that may receive transfers.")
}

async fn ship(stage: &Stage, brands: &[Brand], order: &Value, tell: &mut Teller) -> anyhow::Result<()> {
    tell.act("The brands ship")?;
    let create = "mutation ($in: FulfillmentCreateInput!) { fulfillmentCreate(input: $in) {
        fulfillment { id } userErrors { code message } } }";
    let delivered = "mutation ($in: FulfillmentDeliveredInput!) { fulfillmentDelivered(input: $in) {
        fulfillment { id } userErrors { code message } } }";
    stage.wait(TimeDelta::days(1)).await?;
    let mut parcels = Vec::new();
    for brand in brands {
        let lines = order["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|line| line["brand"]["id"] == brand.id);
        let lines: Vec<Value> = lines
            .map(|line| json!({ "orderLineId": line["id"], "quantity": line["quantity"] }))
            .collect();
        if lines.is_empty() {
            continue;
        }
        let new = json!({ "in": { "orderId": order["id"], "lines": lines, "carrier": "DHL", "trackingCode": "00340434161094" } });
        let made = brand.staff.ask(create, new).await?;
        parcels.push((brand, made["fulfillmentCreate"]["fulfillment"]["id"].clone()));
    }
    stage.wait(TimeDelta::days(2)).await?;
    for (brand, parcel) in &parcels {
        brand
            .staff
            .ask(delivered, json!({ "in": { "fulfillmentId": parcel } }))
            .await?;
    }
    stage.settle().await?;
    let parcels = match parcels.len() {
        1 => "One parcel".to_owned(),
        count => format!("{count} parcels"),
    };
    tell.line(format!(
        "{parcels}, sent one day after the order and delivered two days later."
    ))
}

async fn pass_window(
    stage: &Stage,
    brands: &mut [Brand],
    shop: &mut Shop,
    tell: &mut Teller,
) -> anyhow::Result<Vec<Standing>> {
    for _ in 0..9 {
        stage.wait(TimeDelta::days(1)).await?;
    }
    let title = "Nine days later: the brands' window closed";
    let standings = balances(brands, &shop.owner, title, tell).await?;
    if let [of_brands @ .., _] = &standings[..] {
        books::payouts(stage, of_brands, tell)?;
    }
    for _ in 0..23 {
        stage.wait(TimeDelta::days(1)).await?;
    }
    let title = "Thirty-two days after delivery: Anna's window closed too";
    let standings = balances(brands, &shop.owner, title, tell).await?;
    let annas = standings.last().context("nobody has anything")?;
    ensure!(annas.held.minor() == 0, "Anna's earnings are still held");
    ensure!(
        annas.paid_out.minor() > 0 || annas.available.minor() > 0,
        "Anna earned nothing"
    );
    books::payouts(stage, std::slice::from_ref(annas), tell)?;
    Ok(standings)
}

async fn refund(
    stage: &Stage,
    brands: &[Brand],
    shop: &Shop,
    order: &Value,
    before: &[Standing],
    tell: &mut Teller,
) -> anyhow::Result<()> {
    let line = &order["lines"][0];
    let brand = brands
        .iter()
        .find(|brand| line["brand"]["id"] == brand.id)
        .context("the line's brand")?;
    let give_back = "mutation ($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) {
        refund { id amount { amount currency } } userErrors { code message } } }";
    let lines = json!([{ "orderLineId": line["id"], "quantity": 1 }]);
    let new = json!({ "in": { "orderId": order["id"], "lines": lines, "reason": "It arrived with a scratch.",
        "idempotencyKey": "refund-1" } });
    let made = brand.staff.ask(give_back, new).await?;
    stage.settle().await?;
    stage.wait(TimeDelta::days(1)).await?;
    let amount = money(&made["orderLinesRefund"]["refund"]["amount"]);
    let title = format!(
        "{} refunds one \"{}\": {amount} goes back to Berta",
        brand.name,
        text(&line["title"])?
    );
    let after = balances(brands, &shop.owner, &title, tell).await?;
    let owes = after.last().is_some_and(|annas| annas.owed.minor() > 0);
    ensure!(
        !owes,
        "what Anna was paid too much was not taken back from her connected account"
    );
    books::given_back(before, &after, tell)
}

/// Where to look, for whoever stays; the last word, for whoever goes.
pub(super) fn farewell(stage: &Stage, cast: &Cast, tell: &mut Teller, stays: bool) -> anyhow::Result<()> {
    if !stays {
        return tell.line(format!(
            "It is {} in the story. Everything held.",
            stage.now().format("%e %B %Y")
        ));
    }
    tell.act("Look around; Ctrl-C ends it")?;
    tell.line(format!(
        "GraphiQL, a tab per actor           {}/graphiql",
        stage.running.url()
    ))?;
    tell.line(format!("Anna's referral link                {}", cast.link))?;
    tell.line(format!(
        "Anna's shop in GraphiQL             {}/graphiql?shop={}",
        stage.running.url(),
        cast.shop.handle
    ))?;
    tell.line(format!(
        "The sandbox's dashboard             {}/dashboard",
        stage.stripe_url()
    ))?;
    tell.line(format!(
        "Database, mails, uploads            {}",
        stage.folder.display()
    ))?;
    tell.line("")?;
    tell.line(format!(
        "GraphiQL's tabs have these tokens under Headers; everybody's password is \"{PASSWORD}\":"
    ))?;
    let token = |person: &Person| person.token().unwrap_or_default();
    tell.line(format!(
        "  shopholder  anna@example.com      {}",
        token(&cast.shop.owner)
    ))?;
    for brand in &cast.brands {
        tell.line(format!("  brand       {}  {}", brand.email, token(&brand.staff)))?;
    }
    tell.line(format!("  operator    {OLGA}  {}", token(&cast.operator)))?;
    tell.line(format!(
        "  buyer       order {}, header \"Vitrine-Guest\": {}",
        text(&cast.order["id"])?,
        cast.guest
    ))
}
