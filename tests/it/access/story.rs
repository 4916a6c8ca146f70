//! What has happened before anybody asks: enough that every field has something to tell.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_domain::ports::{BalanceTransactionFacts, Clock};
use vitrine_model::catalog::{NoteKind, import_note};
use vitrine_model::checkout::{cart, order};
use vitrine_model::id::{AccountId, OrderId, WebhookEndpointId};
use vitrine_model::identity::session;
use vitrine_model::money::Currency;
use vitrine_model::webhook::{Disabled, MessageState, Topic, attempt, endpoint, message};
use vitrine_model::{Time, event};

use super::planted::planted;
use super::world::{Asker, World};
use crate::curating;
use crate::dispute::{decided, disputed};
use crate::fulfillment::{RETURN, SHIP, hire};
use crate::identity::api_keys::{ALL_SCOPES, key, new_key};
use crate::import::import_text;
use crate::operator::{GIVE, gift, hold, indebted};
use crate::referral;
use crate::refund::pieces;
use crate::support::market::{CARD, Purchase, text};
use crate::support::receiver::Receiver;
use crate::support::staff::INVITE;
use crate::support::{App, FRONTEND, PASSWORD, Person};

const CATALOGUE: &str = include_str!("../../data/bicycles.csv");

/// A mutation of which only the refusals are of interest.
pub(super) fn bare(name: &str) -> String {
    let mut input = name.to_owned();
    input[..1].make_ascii_uppercase();
    format!("mutation($in: {input}Input!) {{ {name}(input: $in) {{ userErrors {{ code field message }} }} }}")
}

/// Sends a mutation that must succeed.
async fn does(by: &Person<'_>, name: &str, input: Value) {
    by.made(&bare(name), input).await;
}

/// Tells everything up to now.
pub(super) async fn told(app: &App) -> World<'_> {
    let mut tea = app.market("tea").await;
    indebted(app, &mut tea).await;
    app.fill_warehouse(&tea, 60).await;
    let ink = app.market("ink").await;
    app.employ(&ink.owner, &ink.brand, &ink.shopholder, "OWNER").await;
    let shipper = hire(app, &tea, "sam", "SHIPPER").await;
    let leaving = hire(app, &tea, "tom", "MANAGER").await;
    let manager = hire(app, &tea, "mona", "MANAGER").await;
    let elsewhere = app.buy(&[(&ink, 1)]).await;
    let lapsed = lapsed(app, app.buy(&[(&ink, 1)]).await).await;
    let mut bought = app.buy(&[(&tea, 4)]).await;
    let customer = app.someone("carla").await;
    let mut operator = app.nobody();
    "operator@example.com".clone_into(&mut operator.email);
    operator.come_back().await;
    operator.id = crate::operator::id(&operator).await;
    let guest = std::mem::replace(&mut bought.buyer, app.nobody());
    let (brand, stock) = (
        tea.brand.clone(),
        Stock {
            variant: tea.variant.to_string(),
            recommendation: tea.recommendation.clone(),
        },
    );
    let expired = expired(app, &mut tea.shopholder).await;
    let people = BTreeMap::from([
        (Asker::Shopholder, tea.shopholder),
        (Asker::Curator, app.someone("cora").await),
        (Asker::BrandOwner, tea.owner),
        (Asker::Manager, manager),
        (Asker::Shipper, shipper),
        (Asker::Operator, operator),
        (Asker::OtherTenant, ink.shopholder),
        (Asker::Stranger, app.someone("stranger").await),
        (Asker::Customer, customer),
        (Asker::Expired, app.nobody()),
        (Asker::Key, app.nobody()),
        (Asker::NarrowKey, app.nobody()),
        (Asker::OtherKey, app.nobody()),
        (Asker::RevokedKey, app.nobody()),
        (Asker::Buyer, guest),
        (Asker::OtherGuest, elsewhere.buyer),
        (Asker::LapsedGuest, lapsed),
        (Asker::Anonymous, app.nobody()),
    ]);
    let mut world = World::new(app, people, brand, expired);
    world.named.insert("otherBrand", ink.brand.clone());
    world.named.insert("leaving", leaving.id);
    world.named.insert("order", bought.order);
    world.named.insert("orderLine", bought.lines[0].clone());
    world.named.insert("variant", stock.variant);
    world.named.insert("recommendation", stock.recommendation);
    world.named.insert("brand", world.brand.clone());
    catalogue(&mut world).await;
    shops(&mut world).await;
    curators(&mut world).await;
    parcels(&mut world).await;
    disputes(&mut world).await;
    // Orders are listed by age: what was cancelled shall be on the first page.
    app.wait(TimeDelta::minutes(5)).await;
    buying(&mut world).await;
    money(&mut world).await;
    planted(&world).await;
    webhooks(&mut world).await;
    asked(&mut world).await;
    invited(&mut world).await;
    keys(&mut world).await;
    app.settle().await;
    world.learn().await;
    world
}

/// The brand's keys: one that may everything, one that counts stock, one revoked, one to spare; and another brand's.
async fn keys(world: &mut World<'_>) {
    let (app, tea, ink) = (world.app, world.brand.clone(), world.id("otherBrand").to_owned());
    let (owner, other) = (
        &world.people[&Asker::BrandOwner],
        &world.people[&Asker::OtherTenant],
    );
    let all = key(owner, new_key(&tea, ALL_SCOPES)).await;
    let narrow = key(owner, new_key(&tea, &["STOCK_WRITE"])).await;
    let revoked = key(owner, new_key(&tea, ALL_SCOPES)).await;
    does(owner, "brandApiKeyRevoke", json!({ "id": revoked.id })).await;
    let mut spare = new_key(&tea, &["CATALOG_READ"]);
    spare["expiresAt"] = json!("2030-01-01T00:00:00Z");
    let spare = key(owner, spare).await;
    let others = key(other, new_key(&ink, ALL_SCOPES)).await;
    let made = [
        (Asker::NarrowKey, &narrow),
        (Asker::RevokedKey, &revoked),
        (Asker::OtherKey, &others),
        (Asker::Key, &all),
    ];
    for (asker, key) in made {
        world.people.insert(asker, app.nobody().by_key(&key.secret));
    }
    // What a key did stands where its brand looks it up.
    let told = json!({ "id": world.id("hook"), "description": "the till by the door" });
    does(&world.people[&Asker::Key], "webhookEndpointUpdate", told).await;
    world.named.extend([("apiKey", all.id), ("spareKey", spare.id)]);
}

/// The guest who bought this, whose secret opens her order and her cart no more.
async fn lapsed<'a>(app: &App, bought: Purchase<'a>) -> Person<'a> {
    let over = Clock::now(&*app.clock) - TimeDelta::seconds(1);
    let order = bought.order.parse::<OrderId>().unwrap();
    let row = order::Entity::find_by_id(order)
        .one(app.db())
        .await
        .unwrap()
        .unwrap();
    order::Entity::update_many()
        .col_expr(order::Column::SecretExpiresAt, Expr::value(over))
        .filter(order::Column::Id.eq(order))
        .exec(app.db())
        .await
        .unwrap();
    cart::Entity::update_many()
        .col_expr(cart::Column::SecretExpiresAt, Expr::value(over))
        .filter(cart::Column::Id.eq(row.cart_id))
        .exec(app.db())
        .await
        .unwrap();
    bought.buyer
}

/// What a market sells.
struct Stock {
    variant: String,
    recommendation: String,
}

/// An access token of the shopholder's whose time is over; she has two other sessions.
async fn expired(app: &App, shopholder: &mut Person<'_>) -> String {
    let token = shopholder.token().await.expect("she is signed in");
    let over = Clock::now(&*app.clock) - TimeDelta::seconds(1);
    session::Entity::update_many()
        .col_expr(session::Column::AccessExpiresAt, Expr::value(over))
        .filter(session::Column::AccountId.eq(shopholder.id.parse::<AccountId>().unwrap()))
        .exec(app.db())
        .await
        .unwrap();
    shopholder.come_back().await;
    let sign_in = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { userErrors { code } } }";
    let input = json!({ "email": shopholder.email, "password": PASSWORD, "deviceName": "phone" });
    let request = app.http.post(app.url("/graphql")).header("User-Agent", "Firefox");
    let sent = request
        .json(&json!({ "query": sign_in, "variables": { "in": input } }))
        .send()
        .await;
    assert!(sent.unwrap().status().is_success());
    token
}

/// Endpoints that are told, one of which wants nothing more, and messages of every fate.
async fn webhooks(world: &mut World<'_>) {
    const CREATE: &str = "mutation($in: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $in) { webhookEndpoint { id } userErrors { message } } }";
    let (app, cx) = (world.app, world.app.vitrine().context("test"));
    let url = Receiver::start().await.url;
    let input =
        json!({ "brandId": world.brand, "url": url, "topics": ["IMPORT_DONE"], "description": "till" });
    let made = world.people[&Asker::BrandOwner].made(CREATE, input).await;
    let hook = text(&made["webhookEndpoint"]["id"]);
    let row = endpoint::Entity::find_by_id(hook.parse::<WebhookEndpointId>().unwrap());
    let row = row.one(app.db()).await.unwrap().unwrap();
    let gone = endpoint::Model {
        id: cx.new_id(),
        rotated_at: Some(cx.now()),
        disabled_at: Some(cx.now()),
        disabled: Some(Disabled::Gone),
        failing_since: Some(cx.now()),
        ..row.clone()
    };
    let gone = gone.into_active_model().reset_all();
    gone.insert(app.db()).await.unwrap();
    let events = event::Entity::find().limit(2).all(app.db()).await.unwrap();
    let message = |state: MessageState, due: Option<Time>, of: &event::Model| message::Model {
        id: cx.new_id(),
        endpoint_id: row.id,
        event_id: of.id,
        topic: Topic::ImportDone,
        body: "{}".to_owned(),
        state,
        attempts: 2,
        replayed_at_attempt: 0,
        due_at: due,
        created_at: cx.now(),
        settled_at: due.is_none().then(|| cx.now()),
    };
    let failed = message(MessageState::Failed, None, &events[0]);
    let waiting = message(
        MessageState::Pending,
        Some(cx.now() + TimeDelta::days(1000)),
        &events[1],
    );
    for row in [failed.clone(), waiting] {
        row.into_active_model()
            .reset_all()
            .insert(app.db())
            .await
            .unwrap();
    }
    for (number, status) in [(1, Some(500)), (2, None)] {
        let tried = attempt::Model {
            id: cx.new_id(),
            message_id: failed.id,
            number,
            status,
            error: status.is_none().then(|| "nobody answers".to_owned()),
            answer: status.map(|_| "no".to_owned()),
            took_ms: 7,
            sent_at: cx.now(),
        };
        tried
            .into_active_model()
            .reset_all()
            .insert(app.db())
            .await
            .unwrap();
    }
    world.named.extend([
        ("hook", hook),
        ("receiver", url),
        ("message", failed.id.to_string()),
    ]);
}

/// Products with everything that products have, terms old and announced, imports of every fate.
async fn catalogue(world: &mut World<'_>) {
    const PRODUCTS: &str = "query($id: ID!) { products(first: 20, filter: { brandId: $id }) { nodes { id handle variants { id } } } }";
    let (app, brand) = (world.app, world.brand.clone());
    let owner = &world.people[&Asker::BrandOwner];
    crate::payout::onboard(app, owner, Some(&brand)).await;
    let done = import_text(app, owner, &brand, CATALOGUE).await;
    import_text(app, owner, &brand, "Nothing,of,this\nis,a,catalogue\n").await;
    does(
        owner,
        "productImportCreate",
        json!({ "brandId": brand, "fileName": "later.csv" }),
    )
    .await;
    let products = owner.ask(PRODUCTS, json!({ "id": brand })).await["products"]["nodes"].take();
    let products = products.as_array().unwrap();
    let called = |handle: &str| {
        products
            .iter()
            .find(|product| product["handle"] == handle)
            .unwrap_or_else(|| panic!("no {handle}: {products:?}"))
    };
    let (tea, bicycle) = (text(&called("tea")["id"]), text(&called("city-bike")["id"]));
    let hidden = products
        .iter()
        .map(|product| text(&product["id"]))
        .find(|id| *id != tea && *id != bicycle)
        .unwrap();
    for change in [
        json!({ "id": tea, "vendor": "Tea & Co", "productType": "Teapots", "tags": ["tea"], "commissionRate": 2000 }),
        json!({ "id": tea, "commissionRate": 1800 }),
        json!({ "id": hidden, "published": false }),
    ] {
        does(owner, "productUpdate", change).await;
    }
    let euros = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    let whole = json!({ "variantId": world.id("variant"), "compareAtPrice": euros("120.00"), "barcode": "4006381333931" });
    does(owner, "variantUpdate", whole).await;
    does(
        owner,
        "brandUpdate",
        json!({ "brandId": brand, "pictureUrl": "https://example.com/tea.png" }),
    )
    .await;
    does(
        owner,
        "brandTermsChange",
        json!({ "brandId": brand, "commissionRate": 1200 }),
    )
    .await;
    let note = |seq: i64, kind: NoteKind| import_note::ActiveModel {
        import_id: Set(done.parse().unwrap()),
        seq: Set(seq),
        kind: Set(kind),
        line: Set(2),
        column_name: Set(Some("Variant Inventory Qty".to_owned())),
        handle: Set(Some("city-bike".to_owned())),
        message: Set("as the file said".to_owned()),
    };
    for row in [note(900, NoteKind::Error), note(901, NoteKind::Change)] {
        import_note::Entity::insert(row)
            .exec_without_returning(app.db())
            .await
            .unwrap();
    }
    world.named.extend([
        ("product", tea),
        ("bicycle", bicycle),
        ("hidden", hidden),
        ("productImport", done),
    ]);
}

/// A shop with all it may have, and a draft of another.
async fn shops(world: &mut World<'_>) {
    const MINE: &str = "{ viewer { shops { id handle } } }";
    const LINK: &str = "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { code } userErrors { message } } }";
    let shopholder = &world.people[&Asker::Shopholder];
    does(
        shopholder,
        "shopOpen",
        json!({ "handle": "draft", "name": "Not yet", "about": "Soon." }),
    )
    .await;
    let shops = shopholder.ask(MINE, json!({})).await["viewer"]["shops"].take();
    let called = |handle: &str| {
        shops
            .as_array()
            .unwrap()
            .iter()
            .find(|shop| shop["handle"] == handle)
            .map(|shop| text(&shop["id"]))
            .unwrap()
    };
    let (shop, draft) = (called("tea-shop"), called("draft"));
    does(
        shopholder,
        "shopUpdate",
        json!({ "id": shop, "about": "Teapots that pour.", "pictureUrl": "https://example.com/teapots.jpg" }),
    )
    .await;
    let note = json!({ "id": world.id("recommendation"), "note": "It never drips." });
    does(shopholder, "recommendationUpdate", note).await;
    let of = [
        json!({ "shopId": shop, "label": "newsletter", "recommendationId": world.id("recommendation") }),
        json!({ "shopId": shop, "productId": world.id("product") }),
    ];
    let mut codes = Vec::new();
    for link in of {
        codes.push(text(&shopholder.made(LINK, link).await["referralLink"]["code"]));
    }
    let click = referral::token(world.app, &codes[0]).await;
    world
        .named
        .extend([("shop", shop), ("draft", draft), ("click", click)]);
}

/// Someone curates the shop with its owner for a share, and others are asked to.
async fn curators(world: &mut World<'_>) {
    let (app, shop) = (world.app, world.id("shop").to_owned());
    let shopholder = &world.people[&Asker::Shopholder];
    let invited = async |email: &str| {
        let input = json!({ "shopId": shop, "email": email, "share": 1000 });
        let sent = shopholder.made(curating::INVITE, input).await;
        curating::secret(app, &text(&sent["invitation"]["id"]))
    };
    let cora = &world.people[&Asker::Curator];
    cora.made(curating::ACCEPT, json!({ "token": invited(&cora.email).await }))
        .await;
    let leaving = app.someone("lea").await;
    leaving
        .made(
            curating::ACCEPT,
            json!({ "token": invited(&leaving.email).await }),
        )
        .await;
    let token = invited(&world.people[&Asker::Operator].email).await;
    world
        .named
        .extend([("shopInvitation", token), ("leavingCurator", leaving.id)]);
}

/// Two pieces sent and delivered, one of them sent back and refunded, another asked back.
async fn parcels(world: &mut World<'_>) {
    let (order, line) = (world.id("order").to_owned(), world.id("orderLine").to_owned());
    let lines = |quantity: i32| json!([{ "orderLineId": line, "quantity": quantity }]);
    let (owner, buyer) = (&world.people[&Asker::BrandOwner], &world.people[&Asker::Buyer]);
    let parcel = json!({ "orderId": order, "lines": lines(3), "carrier": "DHL", "trackingCode": "T-1" });
    let sent = owner.made(SHIP, parcel).await;
    does(
        owner,
        "fulfillmentDelivered",
        json!({ "fulfillmentId": sent["fulfillment"]["id"] }),
    )
    .await;
    let wish = json!({ "orderId": order, "lines": lines(1), "reason": "the spout drips" });
    let back = buyer.made(RETURN, wish.clone()).await;
    let approval = json!({ "returnId": back["returns"][0]["id"], "refund": true, "restock": true });
    does(owner, "returnApprove", approval).await;
    let asked = text(&buyer.made(RETURN, wish).await["returns"][0]["id"]);
    world.app.settle().await;
    world.named.insert("return", asked);
}

/// Puts pieces into a cart of the customer's own; its id.
async fn cart(customer: &Person<'_>, world: &World<'_>, variant: &str, quantity: i32) -> Value {
    const CREATE: &str = "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id lines { id } } userErrors { message } } }";
    let recommended = (variant == world.id("variant")).then(|| world.id("recommendation"));
    let line = json!({ "variantId": variant, "quantity": quantity, "recommendationId": recommended });
    let made = customer
        .made(
            CREATE,
            json!({ "clickToken": world.id("click"), "lines": [line] }),
        )
        .await;
    let id = &made["cart"]["id"];
    does(
        customer,
        "cartBuyerUpdate",
        json!({ "cartId": id, "email": "carla@example.com", "name": "Carla" }),
    )
    .await;
    let address = json!({ "cartId": id, "line1": "1 Mill Lane", "line2": "Yard", "postalCode": "10115", "city": "Berlin", "region": "Berlin", "country": "DE" });
    does(customer, "cartDeliveryAddressUpdate", address).await;
    made["cart"].clone()
}

/// Orders the cart; the order's id, lines and page.
async fn order(customer: &Person<'_>, cart: &Value) -> Value {
    const TOTAL: &str = "query($id: ID!) { cart(id: $id) { cost { total { amount currency } } } }";
    const START: &str = "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id checkoutUrl lines { id } } userErrors { code message } } }";
    let id = &cart["id"];
    let total = customer.ask(TOTAL, json!({ "id": id })).await["cart"]["cost"]["total"].take();
    let back = format!("{FRONTEND}/back");
    let start = json!({ "cartId": id, "expectedTotal": total, "successUrl": back, "cancelUrl": back, "idempotencyKey": id });
    customer.made(START, start).await["order"].clone()
}

/// The customer's carts: one open, one with a problem, one to go on with; and her orders that await payment or were
/// cancelled.
async fn buying(world: &mut World<'_>) {
    const VARIANT: &str = "query($id: ID!) { product(id: $id) { variants { id } } }";
    let (app, variant) = (world.app, world.id("variant").to_owned());
    let (customer, owner) = (&world.people[&Asker::Customer], &world.people[&Asker::BrandOwner]);
    let open = cart(customer, world, &variant, 1).await;
    let going = cart(customer, world, &variant, 1).await;
    let bicycle = owner.ask(VARIANT, json!({ "id": world.id("bicycle") })).await;
    let bicycle = text(&bicycle["product"]["variants"][0]["id"]);
    let problem = cart(customer, world, &bicycle, 1).await;
    let reduced = json!({ "variantId": bicycle, "price": { "amount": "450.00", "currency": "EUR" } });
    does(owner, "variantUpdate", reduced).await;
    let none = json!({ "variantId": bicycle, "onHand": 0, "idempotencyKey": "none" });
    does(owner, "variantStockSet", none).await;
    let awaiting = order(customer, &cart(customer, world, &variant, 1).await).await;
    let cancelled = order(customer, &cart(customer, world, &variant, 1).await).await;
    app.stripe.pay(&text(&cancelled["checkoutUrl"]), CARD).await;
    app.settle().await;
    let cancel = json!({ "orderId": cancelled["id"], "idempotencyKey": "cancel" });
    does(customer, "orderCancel", cancel).await;
    app.settle().await;
    let named = [
        ("cart", &open),
        ("going", &going),
        ("problem", &problem),
        ("cancelled", &cancelled),
        ("awaiting", &awaiting),
    ];
    let named = named.map(|(name, made)| (name, text(&made["id"])));
    let line = text(&open["lines"][0]["id"]);
    world.named.extend(named);
    world.named.insert("cartLine", line);
}

/// Three disputes: one lost, one answered, and one open; the last may be given in to.
async fn disputes(world: &mut World<'_>) {
    const OURS: &str = "query($id: ID!) { order(id: $id) { disputes { id } } }";
    let (app, variant) = (world.app, world.id("variant").to_owned());
    let customer = &world.people[&Asker::Customer];
    let mut ours = Vec::new();
    for place in 0..4 {
        let order = order(customer, &cart(customer, world, &variant, 1).await).await;
        app.stripe.pay(&text(&order["checkoutUrl"]), CARD).await;
        app.settle().await;
        let stripes = disputed(app, json!({})).await;
        if place == 0 {
            decided(app, &stripes, json!({ "outcome": "lost" })).await;
        }
        let found = customer.ask(OURS, json!({ "id": order["id"] })).await;
        ours.push(text(&found["order"]["disputes"][0]["id"]));
    }
    let (owner, operator) = (&world.people[&Asker::BrandOwner], &world.people[&Asker::Operator]);
    does(
        owner,
        "disputeEvidenceNote",
        json!({ "disputeId": ours[1], "note": "It was delivered." }),
    )
    .await;
    app.settle().await;
    does(operator, "disputeEvidenceSubmit", json!({ "disputeId": ours[1] })).await;
    app.settle().await;
    world
        .named
        .extend([("lost", ours[0].clone()), ("answered", ours[1].clone())]);
    world
        .named
        .extend([("dispute", ours[2].clone()), ("given-in", ours[3].clone())]);
}

/// What operators decided.
async fn money(world: &mut World<'_>) {
    let operator = &world.people[&Asker::Operator];
    let shopholder = world.people[&Asker::Shopholder].id.clone();
    let given = text(&operator.made(GIVE, gift(&shopholder, "1.00", "gift")).await["adjustment"]["id"]);
    let wrong = text(&operator.made(GIVE, gift(&shopholder, "2.00", "wrong")).await["adjustment"]["id"]);
    does(
        operator,
        "adjustmentCorrect",
        json!({ "adjustmentId": wrong, "reason": "wrong Anna", "idempotencyKey": "correct" }),
    )
    .await;
    not_understood(world.app, "climate_order_purchase", "climorder_1").await;
    not_understood(world.app, "tax_fee", "tax_1").await;
    not_understood(world.app, "refund", "re_hand").await;
    let explained = json!({ "suspended": "climate_order_purchase", "currency": "EUR", "target": "STRIPE_FEES", "reason": "carbon removal", "idempotencyKey": "explain" });
    does(operator, "suspenseExplain", explained).await;
    for (party, key) in [(&shopholder, "her"), (&world.brand, "it")] {
        does(operator, "payoutHold", hold(party, key)).await;
    }
    world.named.insert("gift", given);
}

/// Stripe moved money for a reason that nobody understands.
async fn not_understood(app: &App, kind: &str, source: &str) {
    let cx = app.vitrine().context("test");
    let tx = cx.begin().await.unwrap();
    let facts = BalanceTransactionFacts {
        id: format!("txn_{kind}"),
        kind: kind.to_owned(),
        source: source.to_owned(),
        amount: -500,
        fee: 0,
        net: -500,
        currency: Currency::Eur,
        available_on: cx.now(),
        created: cx.now(),
    };
    ledger::apply_balance_transaction(&tx, &cx, &facts).await.unwrap();
    tx.commit().await.unwrap();
}

/// A visitor has answered what she was asked.
async fn asked(world: &mut World<'_>) {
    let answers = json!([{ "purpose": "MARKETING_MAIL", "granted": false }]);
    let input =
        json!({ "visitorId": "visitor", "answers": answers, "textVersion": "1", "text": "May we write?" });
    does(&world.people[&Asker::Anonymous], "consentRecord", input).await;
}

/// Someone is invited who may do everything already, and has not answered.
async fn invited(world: &mut World<'_>) {
    let to = &world.people[&Asker::Operator].email;
    let input = json!({ "brandId": world.brand, "email": to, "role": "SHIPPER" });
    let sent = world.people[&Asker::BrandOwner].made(INVITE, input).await;
    let token = world.app.invitation_token(&text(&sent["invitation"]["id"])).await;
    world.named.insert("invitation", token);
}

/// Refunds so many pieces of what the guest bought.
pub(super) fn refund_of(world: &World<'_>, quantity: i32) -> Value {
    let purchase = Purchase {
        buyer: world.app.nobody(),
        order: world.id("order").to_owned(),
        lines: vec![world.id("orderLine").to_owned()],
    };
    pieces(&purchase, quantity, "one more")
}
