//! Keys by which a brand's own programs ask.

use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use vitrine_domain::ports::Clock as _;
use vitrine_domain::secret::sha256;
use vitrine_model::identity::api_key;

use crate::fulfillment::{SHIP, hire, parcel};
use crate::notify::mails_to;
use crate::refund::{REFUND, pieces};
use crate::support::market::{Market, text};
use crate::support::socket::Socket;
use crate::support::{App, PASSWORD, Person, log, on_both};

/// Every scope there is.
pub(crate) const ALL_SCOPES: &[&str] = &[
    "CATALOG_READ",
    "CATALOG_WRITE",
    "STOCK_WRITE",
    "ORDERS_READ",
    "FULFILLMENT_WRITE",
    "REFUNDS_WRITE",
    "WEBHOOKS_WRITE",
    "MONEY_READ",
];
const CREATE: &str = "mutation($in: BrandApiKeyCreateInput!) { brandApiKeyCreate(input: $in) { secret
    apiKey { id label scopes secretHint createdBy { id } expiresAt lastUsedAt revokedAt } userErrors { code field message } } }";
const UPDATE: &str = "mutation($in: BrandApiKeyUpdateInput!) { brandApiKeyUpdate(input: $in) { apiKey { label scopes } userErrors { code } } }";
const REVOKE: &str = "mutation($in: BrandApiKeyRevokeInput!) { brandApiKeyRevoke(input: $in) { apiKey { revokedAt } userErrors { code } } }";
const KEYS: &str = "query($id: ID!) { brand(id: $id) { apiKeys(first: 60) { totalCount nodes { id label lastUsedAt revokedAt } } } }";
const STOCK: &str = "mutation($in: VariantStockSetInput!) { variantStockSet(input: $in) { variant { stockOnHand } userErrors { code } } }";
const SKU: &str = "mutation($in: VariantUpdateInput!) { variantUpdate(input: $in) { variant { sku } userErrors { code } } }";
const IMPORT: &str = "mutation($in: ProductImportCreateInput!) { productImportCreate(input: $in) { productImport { id } userErrors { code } } }";
const ORDERS: &str = "query($id: ID!) { brand(id: $id) { orders(first: 5) { nodes { buyerName deliveryAddress { line1 } } } } }";
const MONEY: &str = "query($id: ID!) { brand(id: $id) { balance { held { amount } } statement(first: 3) { nodes { id } } payouts { nodes { id } } } }";
const HOOKS: &str = "query($id: ID!) { brand(id: $id) { webhookEndpoints { nodes { id } } } }";
const ON_HAND: &str = "query($id: ID!) { node(id: $id) { ... on ProductVariant { stockOnHand } } }";

/// A key that was just made.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What makes a key with these scopes.
pub(crate) fn new_key(brand: &str, scopes: &[&str]) -> Value {
    json!({ "brandId": brand, "label": "the warehouse", "scopes": scopes })
}

/// Makes a key.
pub(crate) async fn key(owner: &Person<'_>, new: Value) -> Key {
    let made = owner.made(CREATE, new).await;
    Key {
        id: text(&made["apiKey"]["id"]),
        secret: text(&made["secret"]),
    }
}

/// A program of the market's brand with a key of these scopes.
async fn program<'a>(app: &'a App, market: &Market<'_>, scopes: &[&str]) -> Person<'a> {
    let key = key(&market.owner, new_key(&market.brand, scopes)).await;
    app.nobody().by_key(&key.secret)
}

/// The status, and the code of the first error, that a small query is answered with.
async fn answered(app: &App, secret: &str) -> (u16, Value) {
    let request = app.http.post(app.url("/graphql")).bearer_auth(secret);
    let request = request.header("accept", "application/graphql-response+json");
    let body = json!({ "query": "{ brands(first: 1) { nodes { name } } }" });
    let response = request.json(&body).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["errors"][0]["extensions"]["code"].clone())
}

/// The code and the sentence of the answer's first error.
async fn refusal(program: &Person<'_>, query: &str, variables: Value) -> (Value, Value) {
    let mut answer = program.send(query, variables).await;
    let error = &mut answer["errors"][0];
    (error["extensions"]["code"].take(), error["message"].take())
}

async fn row(app: &App, id: &str) -> api_key::Model {
    let found = api_key::Entity::find_by_id(id.parse::<vitrine_model::id::ApiKeyId>().unwrap());
    found.one(app.db()).await.unwrap().unwrap()
}

/// Counts the market's product, under an idempotency key.
fn counted(market: &Market<'_>, on_hand: i64, key: &str) -> Value {
    json!({ "variantId": market.variant.to_string(), "onHand": on_hand, "idempotencyKey": key })
}

on_both! {
    async fn a_key_is_told_once_and_only_its_hash_is_kept(app) {
        log::listen();
        let tea = app.market("tea").await;
        let made = tea.owner.made(CREATE, new_key(&tea.brand, &["STOCK_WRITE", "CATALOG_READ", "STOCK_WRITE"])).await;
        let (secret, key) = (text(&made["secret"]), &made["apiKey"]);
        let own = secret.strip_prefix("vitrine_brand_").expect("what scanners look for");
        assert_eq!(own.len(), 43, "256 bits");
        assert_eq!(key["scopes"], json!(["CATALOG_READ", "STOCK_WRITE"]));
        assert_eq!(key["secretHint"], json!(own[39..]));
        assert_eq!(key["createdBy"]["id"], json!(tea.owner.id));
        assert_eq!((&key["lastUsedAt"], &key["revokedAt"], &key["expiresAt"]), (&json!(null), &json!(null), &json!(null)));
        let row = row(app, &text(&key["id"])).await;
        assert_eq!(row.secret_hash, sha256(secret.as_bytes()));
        assert_eq!(answered(app, &secret).await, (200, Value::Null));
        app.settle().await;
        let everywhere = [app.mails(), log::lines_with(&[own])].concat();
        assert!(!everywhere.iter().any(|text| text.contains(own)), "neither letters nor the log hold it");
        assert_eq!(mails_to(app, &tea.owner.email, &["An API key for tea was made", "the warehouse"]), 1);
    }

    async fn only_an_owner_who_proved_who_she_is_makes_and_changes_keys_and_a_manager_may_end_them(app) {
        let tea = app.market("tea").await;
        let (mona, sam) = (hire(app, &tea, "mona", "MANAGER").await, hire(app, &tea, "sam", "SHIPPER").await);
        let bob = app.someone("bob").await;
        let new = || new_key(&tea.brand, &["ORDERS_READ"]);
        for stranger in [&mona, &sam, &bob] {
            assert_eq!(stranger.refused(CREATE, new()).await, "FORBIDDEN");
        }
        let made = key(&tea.owner, new()).await;
        let wider = json!({ "id": made.id, "scopes": ["MONEY_READ"] });
        assert_eq!(mona.refused(UPDATE, wider.clone()).await, "FORBIDDEN");
        assert_eq!(bob.refused(UPDATE, wider.clone()).await, "NOT_FOUND", "a stranger does not learn that it is there");
        assert_eq!(bob.refused(REVOKE, json!({ "id": made.id })).await, "NOT_FOUND");
        assert_eq!(sam.refused(REVOKE, json!({ "id": made.id })).await, "FORBIDDEN");
        assert_eq!(bob.error(KEYS, json!({ "id": tea.brand })).await, "FORBIDDEN");
        assert_eq!(sam.error(KEYS, json!({ "id": tea.brand })).await, "FORBIDDEN");
        let seen = mona.ask(KEYS, json!({ "id": tea.brand })).await;
        assert_eq!(seen["brand"]["apiKeys"]["nodes"][0]["id"], json!(made.id));
        let changed = tea.owner.made(UPDATE, json!({ "id": made.id, "label": "the accounts", "scopes": ["MONEY_READ"] })).await;
        assert_eq!(changed["apiKey"], json!({ "label": "the accounts", "scopes": ["MONEY_READ"] }));
        let first = mona.made(REVOKE, json!({ "id": made.id })).await;
        app.clock.advance(TimeDelta::minutes(12));
        let again = tea.owner.made(REVOKE, json!({ "id": made.id })).await;
        assert_eq!(first["apiKey"], again["apiKey"], "ended once");
        assert_eq!(tea.owner.refused(UPDATE, wider).await, "WRONG_STATE");
        // Her session is older than ten minutes now.
        let unproved = app.returning(&tea.owner.email).await;
        app.clock.advance(TimeDelta::minutes(11));
        let body = json!({ "query": CREATE, "variables": { "in": new() } });
        let request = app.http.post(app.url("/graphql")).bearer_auth(unproved.token().await.unwrap());
        let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["data"]["brandApiKeyCreate"]["userErrors"][0]["code"], "STEP_UP_REQUIRED");
    }

    async fn what_makes_no_sense_is_refused_and_a_brand_has_fifty_live_keys_at_most(app) {
        let tea = app.market("tea").await;
        assert_eq!(tea.owner.refused(CREATE, new_key(&tea.brand, &[])).await, "INVALID");
        let mut past = new_key(&tea.brand, &["MONEY_READ"]);
        past["expiresAt"] = json!(app.clock.now());
        assert_eq!(tea.owner.refused(CREATE, past).await, "INVALID");
        let first = key(&tea.owner, new_key(&tea.brand, &["MONEY_READ"])).await;
        let like = row(app, &first.id).await;
        let cx = app.vitrine().context("test");
        for n in 1..50_u8 {
            let one = api_key::Model { id: cx.new_id(), secret_hash: vec![n; 32], ..like.clone() };
            one.into_active_model().reset_all().insert(app.db()).await.unwrap();
        }
        assert_eq!(tea.owner.refused(CREATE, new_key(&tea.brand, &["MONEY_READ"])).await, "LIMIT_REACHED");
        tea.owner.made(REVOKE, json!({ "id": first.id })).await;
        key(&tea.owner, new_key(&tea.brand, &["MONEY_READ"])).await;
        let all = tea.owner.ask(KEYS, json!({ "id": tea.brand })).await;
        assert_eq!(all["brand"]["apiKeys"]["totalCount"], 51);
    }

    async fn a_key_is_its_brands_program_and_nobodys_account(app) {
        let tea = app.market("tea").await;
        let bought = app.buy(&[(&tea, 1)]).await;
        let program = program(app, &tea, ALL_SCOPES).await;
        let who = program.ask("query($id: ID!) { viewer { id } brand(id: $id) { name } }", json!({ "id": tea.brand })).await;
        assert_eq!(who, json!({ "viewer": null, "brand": { "name": "tea" } }));
        let sign_in = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accessToken } } }";
        let input = json!({ "in": { "email": tea.owner.email, "password": PASSWORD } });
        assert_eq!(refusal(&program, sign_in, input).await, (json!("FORBIDDEN"), json!("no API key may read or do this: sign in")));
        let cart = "mutation { cartCreate(input: {}) { cart { id } } }";
        assert_eq!(program.error(cart, json!({})).await, "FORBIDDEN");
        let members = "query($id: ID!) { brand(id: $id) { members { role } apiKeys { totalCount } payoutAccount { id } activity { totalCount } } }";
        let answer = program.send(members, json!({ "id": tea.brand })).await;
        assert_eq!(answer["errors"].as_array().unwrap().len(), 4, "{answer:#}");
        let terms = "mutation($in: BrandTermsChangeInput!) { brandTermsChange(input: $in) { userErrors { code } } }";
        let change = json!({ "in": { "brandId": tea.brand, "attributionDays": 10 } });
        assert_eq!(program.error(terms, change).await, "FORBIDDEN");
        // A guest's secret opens nothing beside a key.
        let guest = bought.buyer.guest.clone().unwrap();
        let both = program.holding(&guest);
        let order = "query($id: ID!) { order(id: $id) { number } }";
        assert_eq!(both.ask(order, json!({ "id": bought.order })).await, json!({ "order": null }));
    }

    async fn each_scope_opens_what_it_names_and_nothing_else(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        let variant = json!({ "id": tea.variant.to_string() });
        let brand = json!({ "id": tea.brand });
        let tried = [
            (ON_HAND, variant.clone(), "CATALOG_READ"),
            (SKU, json!({ "in": { "variantId": tea.variant.to_string(), "sku": "T-1" } }), "CATALOG_WRITE"),
            (IMPORT, json!({ "in": { "brandId": tea.brand, "fileName": "tea.csv" } }), "CATALOG_WRITE"),
            (STOCK, json!({ "in": counted(&tea, 7, "seven") }), "STOCK_WRITE"),
            (ORDERS, brand.clone(), "ORDERS_READ"),
            (HOOKS, brand.clone(), "WEBHOOKS_WRITE"),
            (MONEY, brand.clone(), "MONEY_READ"),
        ];
        let includes = |held: &str, needed: &str| held == needed || matches!(
            (held, needed),
            ("CATALOG_WRITE", "CATALOG_READ" | "STOCK_WRITE") | ("STOCK_WRITE", "CATALOG_READ")
                | ("FULFILLMENT_WRITE" | "REFUNDS_WRITE", "ORDERS_READ")
        );
        for held in ALL_SCOPES {
            let program = program(app, &tea, &[held]).await;
            for (query, variables, needed) in &tried {
                let answer = program.send(query, variables.clone()).await;
                let message = &answer["errors"][0]["message"];
                match includes(held, needed) {
                    true => assert!(message.is_null(), "{held}: {answer:#}"),
                    false => {
                        assert_eq!(*message, json!(format!("this API key lacks the scope {needed}")), "{held}: {query}");
                        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
                    }
                }
            }
        }
    }

    async fn a_key_ships_and_refunds_for_its_brand_and_what_it_did_bears_its_name(app) {
        const TOLD: &str = "query($id: ID!) { brand(id: $id) { activity(first: 3) { nodes { kind actor account { id } apiKey { id label } } } } }";
        const ALL: &str = "query($id: ID!) { activity(filter: { actorId: $id }, first: 10) { nodes { kind } } }";
        let tea = app.market("tea").await;
        let bought = app.buy(&[(&tea, 2)]).await;
        let made = key(&tea.owner, new_key(&tea.brand, &["FULFILLMENT_WRITE", "REFUNDS_WRITE"])).await;
        let program = app.nobody().by_key(&made.secret);
        let sent = program.made(SHIP, parcel(&bought, 1)).await;
        assert_eq!(sent["fulfillment"]["units"][0]["state"], "SHIPPED");
        let refund = program.made(REFUND, pieces(&bought, 1, "back")).await;
        assert_eq!(refund["refund"]["amount"]["amount"], "94.60");
        app.settle().await;
        let told = tea.owner.ask(TOLD, json!({ "id": tea.brand })).await;
        let latest = &told["brand"]["activity"]["nodes"][0];
        assert_eq!(latest["kind"], "order.refund_requested");
        assert_eq!((&latest["actor"], &latest["account"]), (&json!("API_KEY"), &Value::Null));
        assert_eq!(latest["apiKey"], json!({ "id": made.id, "label": "the warehouse" }));
        let operator = app.operator().await;
        let all = operator.ask(ALL, json!({ "id": made.id })).await;
        assert_eq!(all["activity"]["nodes"], json!([{ "kind": "order.refund_requested" }]));
        let events = vitrine_model::event::Entity::find().all(app.db()).await.unwrap();
        let by_key: Vec<_> = events.iter().filter(|event| event.actor == made.id).map(|event| event.kind.as_str()).collect();
        assert_eq!(by_key, ["order.shipped", "order.refund_requested"]);
    }

    async fn a_key_of_another_brand_is_a_stranger(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let bought = app.buy(&[(&tea, 1)]).await;
        let program = program(app, &ink, ALL_SCOPES).await;
        assert_eq!(program.error(ORDERS, json!({ "id": tea.brand })).await, "FORBIDDEN");
        assert_eq!(program.error(MONEY, json!({ "id": tea.brand })).await, "FORBIDDEN");
        assert_eq!(program.refused(SHIP, parcel(&bought, 1)).await, "NOT_FOUND");
        assert_eq!(program.refused(REFUND, pieces(&bought, 1, "mine")).await, "NOT_FOUND");
        assert_eq!(program.refused(STOCK, counted(&tea, 1, "one")).await, "FORBIDDEN");
        assert_eq!(program.refused(IMPORT, json!({ "brandId": tea.brand, "fileName": "t.csv" })).await, "FORBIDDEN");
        let hide = "mutation($in: ProductUpdateInput!) { productUpdate(input: $in) { product { id } userErrors { code } } }";
        let product = "query($id: ID!) { products(filter: { brandId: $id }, first: 1) { nodes { id } } }";
        let product = tea.owner.ask(product, json!({ "id": tea.brand })).await["products"]["nodes"][0]["id"].take();
        tea.owner.made(hide, json!({ "id": product, "published": false })).await;
        let seen = "query($id: ID!) { product(id: $id) { title } }";
        assert_eq!(program.ask(seen, json!({ "id": product })).await, json!({ "product": null }));
        assert_eq!(program.refused(hide, json!({ "id": product, "published": true })).await, "NOT_FOUND");
        // Its own brand's key sees the draft, if it may read the catalogue.
        let warehouse = key(&tea.owner, new_key(&tea.brand, &["STOCK_WRITE"])).await;
        let shipping = key(&tea.owner, new_key(&tea.brand, &["FULFILLMENT_WRITE"])).await;
        let draft = app.nobody().by_key(&warehouse.secret).ask(seen, json!({ "id": product })).await;
        assert!(draft["product"]["title"].is_string());
        assert_eq!(app.nobody().by_key(&shipping.secret).ask(seen, json!({ "id": product })).await, json!({ "product": null }));
    }

    async fn an_unknown_expired_or_revoked_key_is_answered_401(app) {
        let tea = app.market("tea").await;
        let refused = (401, json!("UNAUTHENTICATED"));
        assert_eq!(answered(app, "vitrine_brand_").await, refused);
        assert_eq!(answered(app, &format!("vitrine_brand_{}", "a".repeat(43))).await, refused);
        let mut short = new_key(&tea.brand, &["MONEY_READ"]);
        short["expiresAt"] = json!(app.clock.now() + TimeDelta::minutes(5));
        let short = key(&tea.owner, short).await;
        let lasting = key(&tea.owner, new_key(&tea.brand, &["MONEY_READ"])).await;
        assert_eq!(answered(app, &short.secret).await.0, 200);
        app.clock.advance(TimeDelta::minutes(5));
        assert_eq!(answered(app, &short.secret).await, refused);
        assert_eq!(answered(app, &lasting.secret).await.0, 200);
        tea.owner.made(REVOKE, json!({ "id": lasting.id })).await;
        assert_eq!(answered(app, &lasting.secret).await, refused);
    }

    async fn a_revoked_or_expired_keys_connections_are_closed(app) {
        const WATCH: &str = "subscription($id: ID!) { productImportUpdated(id: $id) { state } }";
        let tea = app.market("tea").await;
        let made = key(&tea.owner, new_key(&tea.brand, &["CATALOG_WRITE"])).await;
        let mut short = new_key(&tea.brand, &["CATALOG_READ"]);
        short["expiresAt"] = json!(app.clock.now() + TimeDelta::minutes(5));
        let short = key(&tea.owner, short).await;
        let program = app.nobody().by_key(&made.secret);
        let import = program.made(IMPORT, json!({ "brandId": tea.brand, "fileName": "tea.csv" })).await;
        let import = json!({ "id": import["productImport"]["id"] });
        let mut socket = Socket::of(&app.url(""), &program).await;
        socket.begin("one", WATCH, import).await;
        assert_eq!(socket.data("one").await, json!({ "productImportUpdated": { "state": "AWAITING_UPLOAD" } }));
        socket.begin("two", "subscription { earningsUpdated { currency } }", json!({})).await;
        assert_eq!(socket.error("two").await, "FORBIDDEN");
        let mut other = Socket::of(&app.url(""), &app.nobody().by_key(&short.secret)).await;
        tea.owner.made(REVOKE, json!({ "id": made.id })).await;
        assert_eq!(socket.closed().await, 4401);
        other.sync().await;
        app.clock.advance(TimeDelta::minutes(5));
        assert_eq!(other.closed().await, 4403);
    }

    async fn its_last_use_is_known_to_the_minute_and_written_no_oftener(app) {
        let tea = app.market("tea").await;
        let made = key(&tea.owner, new_key(&tea.brand, &["MONEY_READ"])).await;
        let used = async || row(app, &made.id).await.last_used_at;
        assert_eq!(used().await, None);
        answered(app, &made.secret).await;
        let first = used().await.expect("a use");
        app.clock.advance(TimeDelta::seconds(59));
        let (_, sent) = app.hearing(answered(app, &made.secret)).await;
        assert!(!sent.iter().any(|sql| sql.to_lowercase().starts_with("update")), "{sent:?}");
        assert_eq!(used().await, Some(first));
        app.clock.advance(TimeDelta::seconds(1));
        answered(app, &made.secret).await;
        assert_eq!(used().await, Some(first + TimeDelta::minutes(1)));
    }

    async fn idempotency_keys_are_each_keys_own(app) {
        let tea = app.market("tea").await;
        let (one, two) = (program(app, &tea, &["STOCK_WRITE"]).await, program(app, &tea, &["STOCK_WRITE"]).await);
        let on_hand = |made: Value| made["variant"]["stockOnHand"].clone();
        assert_eq!(on_hand(one.made(STOCK, counted(&tea, 5, "count")).await), 5);
        assert_eq!(one.refused(STOCK, counted(&tea, 6, "count")).await, "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(on_hand(two.made(STOCK, counted(&tea, 8, "count")).await), 8);
        assert_eq!(on_hand(tea.owner.made(STOCK, counted(&tea, 9, "count")).await), 9);
        one.made(STOCK, counted(&tea, 5, "count")).await;
        assert_eq!(app.on_hand(&tea).await, 9, "a repeat changes nothing");
    }

    async fn a_key_has_a_rate_limit_of_its_own(app) {
        let app = app.another_with("limited", |config| config.rate_limit_key = 250).await;
        let tea = app.market("tea").await;
        let (one, two) = (
            key(&tea.owner, new_key(&tea.brand, &["MONEY_READ"])).await,
            key(&tea.owner, new_key(&tea.brand, &["MONEY_READ"])).await,
        );
        assert_eq!(answered(&app, &one.secret).await.0, 200);
        assert_eq!(answered(&app, &one.secret).await.0, 200);
        assert_eq!(answered(&app, &one.secret).await, (429, json!("RATE_LIMITED")));
        assert_eq!(answered(&app, &two.secret).await.0, 200);
        assert_eq!(tea.owner.ask("{ viewer { name } }", json!({})).await["viewer"]["name"], "tea-owner");
        app.end().await;
    }
}
