//! What people may ask about their data. A canary goes through every flow, is erased, and is looked for in every table and
//! in the log (S16); secrets are sent to every door, and looked for in the log (S17).

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::fulfillment::{RETURN, SHIP, hire, parcel};
use crate::identity::api_keys::{ALL_SCOPES, key, new_key};
use crate::payout::onboard;
use crate::support::market::{CARD, Market, Purchase, text};
use crate::support::receiver::Receiver;
use crate::support::staff::INVITE;
use crate::support::{App, FRONTEND, PASSWORD, Person, log, on_both};

const ERASE: &str =
    "mutation($in: AccountEraseInput!) { accountErase(input: $in) { erasedId userErrors { code message } } }";
const FORGET: &str = "mutation($in: OrderContactEraseInput!) { orderContactErase(input: $in) { orderId userErrors { code message } } }";
const EXPORT: &str = "mutation { accountDataExport { json userErrors { code } } }";
const CONSENT: &str = "mutation($in: ConsentRecordInput!) { consentRecord(input: $in) { consents { purpose granted textVersion } userErrors { code } } }";
const CONSENTS: &str =
    "query($visitor: String) { consents(visitorId: $visitor) { purpose granted textVersion text } }";
/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);
/// What a browser calls itself.
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Every table, with the rows in which the word stands somewhere, in whatever case.
async fn places_of(app: &App, word: &str) -> Vec<String> {
    let (db, backend) = (app.db(), app.db().get_database_backend());
    let list = match backend {
        DbBackend::Postgres => {
            "select table_name::text as name from information_schema.tables where table_schema = current_schema()"
        }
        _ => "select name from sqlite_master where type = 'table'",
    };
    let tables = db
        .query_all_raw(Statement::from_string(backend, list))
        .await
        .unwrap();
    assert!(tables.len() > 40, "only {} tables were found", tables.len());
    let mut places = Vec::new();
    for table in tables {
        let table: String = table.try_get("", "name").unwrap();
        for row in rows_as_text(app, &table).await {
            if row.to_lowercase().contains(word) {
                places.push(format!("{table}: {row}"));
            }
        }
    }
    places
}

async fn rows_as_text(app: &App, table: &str) -> Vec<String> {
    let (db, backend) = (app.db(), app.db().get_database_backend());
    let sql = match backend {
        DbBackend::Postgres => format!("select t::text as line from \"{table}\" t"),
        _ => {
            let columns = format!("select name from pragma_table_info('{table}')");
            let columns = db
                .query_all_raw(Statement::from_string(backend, columns))
                .await
                .unwrap();
            let columns: Vec<String> = columns
                .iter()
                .map(|column| {
                    format!(
                        "coalesce(cast(\"{}\" as text), '')",
                        column.try_get::<String>("", "name").unwrap()
                    )
                })
                .collect();
            format!(
                "select cast({} as blob) as line from \"{table}\"",
                columns.join(" || ' ' || ")
            )
        }
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    rows.iter()
        .map(|row| match backend {
            DbBackend::Postgres => row.try_get::<String>("", "line").unwrap(),
            // What stands in an index's own tables is no text.
            _ => String::from_utf8_lossy(&row.try_get::<Vec<u8>>("", "line").unwrap()).into_owned(),
        })
        .collect()
}

/// What `canary` buys of the market's product, signed in, with her name in every field, and pays.
async fn bought<'a>(app: &'a App, canary: &Person<'_>, market: &Market<'_>, word: &str) -> Purchase<'a> {
    let line = json!({ "variantId": market.variant.to_string(), "quantity": 2, "recommendationId": market.recommendation });
    let made = canary
        .made(
            "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } guestSecret userErrors { message } } }",
            json!({ "lines": [line] }),
        )
        .await;
    let cart = text(&made["cart"]["id"]);
    canary
        .made(
            "mutation($in: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $in) { userErrors { message } } }",
            json!({ "cartId": cart, "email": canary.email, "name": format!("{word} Buyer") }),
        )
        .await;
    let updated = canary
        .made(
            "mutation($in: CartDeliveryAddressUpdateInput!) { cartDeliveryAddressUpdate(input: $in) { cart { cost { total { amount currency } } } userErrors { message } } }",
            json!({ "cartId": cart, "line1": format!("7 {word} Row"), "line2": format!("c/o {word}"), "postalCode": "10115", "city": format!("{word}burg"), "country": "DE" }),
        )
        .await;
    let started = canary
        .made(
            "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id checkoutUrl lines { id } } userErrors { message } } }",
            json!({
                "cartId": cart,
                "expectedTotal": updated["cart"]["cost"]["total"],
                "successUrl": format!("{FRONTEND}/thanks"),
                "cancelUrl": format!("{FRONTEND}/cart"),
                "idempotencyKey": cart,
            }),
        )
        .await;
    app.stripe
        .pay(&text(&started["order"]["checkoutUrl"]), CARD)
        .await;
    app.settle().await;
    Purchase {
        // She is signed in, and holds no secret.
        buyer: app.nobody(),
        order: text(&started["order"]["id"]),
        lines: vec![text(&started["order"]["lines"][0]["id"])],
    }
}

/// Opens a shop that says her name wherever it can, sells a piece through it, and has the money paid out.
async fn sells(app: &App, canary: &mut Person<'_>, market: &mut Market<'_>, product: &str, word: &str) {
    let open =
        "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { shop { id } userErrors { message } } }";
    let shop = json!({ "handle": format!("{word}-shop"), "name": format!("{word} shop"), "about": format!("all that {word} likes") });
    let shop = text(&canary.made(open, shop).await["shop"]["id"]);
    let picture = "mutation($in: ShopUpdateInput!) { shopUpdate(input: $in) { userErrors { message } } }";
    canary
        .made(
            picture,
            json!({ "id": shop, "pictureUrl": format!("https://{word}.example.com/me.jpg") }),
        )
        .await;
    canary
        .made(
            "mutation($in: ShopPublishInput!) { shopPublish(input: $in) { userErrors { message } } }",
            json!({ "id": shop }),
        )
        .await;
    let add = "mutation($in: RecommendationAddInput!) { recommendationAdd(input: $in) { recommendation { id } userErrors { message } } }";
    let said = json!({ "shopId": shop, "productId": product, "discountShare": 0, "note": format!("{word} drinks from it") });
    let recommendation = text(&canary.made(add, said).await["recommendation"]["id"]);
    let link = "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { url } userErrors { message } } }";
    let link = canary
        .made(link, json!({ "shopId": shop, "label": format!("{word} letter") }))
        .await;
    let followed = app
        .http
        .get(text(&link["referralLink"]["url"]))
        .header("user-agent", FIREFOX)
        .send()
        .await
        .unwrap();
    assert!(followed.status().is_redirection());
    let through = std::mem::replace(&mut market.recommendation, recommendation);
    let sale = app.buy(&[(&*market, 1)]).await;
    market.recommendation = through;
    market.owner.made(SHIP, parcel(&sale, 1)).await;
    onboard(app, canary, None).await;
    app.wait(WINDOWS).await;
    market.owner.come_back().await;
    canary.come_back().await;
    vitrine_domain::payout::run(&app.vitrine().context("payout run"))
        .await
        .unwrap();
    app.settle().await;
}

/// The product the market sells.
async fn product_of(market: &Market<'_>) -> String {
    let found = market
        .owner
        .ask(
            "query($id: ID!) { node(id: $id) { ... on ProductVariant { product { id } } } }",
            json!({ "id": market.variant.to_string() }),
        )
        .await;
    text(&found["node"]["product"]["id"])
}

on_both! {
    async fn s16_a_canary_goes_through_every_flow_and_nothing_of_her_is_left_once_she_is_erased(app) {
        log::listen();
        let word = match app.db().get_database_backend() {
            DbBackend::Postgres => "canarypq7f3a",
            _ => "canarysl7f3a",
        };
        let mut tea = app.market("tea").await;
        let product = product_of(&tea).await;
        let mut canary = hire(app, &tea, word, "MANAGER").await;
        let asked = json!({ "visitorId": format!("{word}-browser"), "textVersion": "2027-01", "text": "We count visits.", "answers": [{ "purpose": "STATISTICS_COOKIES", "granted": true }] });
        canary.made(CONSENT, asked).await;
        let ink = app.market("ink").await;
        let invited = |email: String| json!({ "brandId": ink.brand, "email": email, "role": "SHIPPER" });
        ink.owner.made(INVITE, invited(format!("{word}-elsewhere@example.com"))).await;
        let purchase = bought(app, &canary, &tea, word).await;
        assert_eq!(canary.refused(ERASE, json!({ "password": PASSWORD })).await, "WRONG_STATE", "her order is not over");
        tea.owner.made(SHIP, parcel(&purchase, 2)).await;
        let back = json!({ "orderId": purchase.order, "lines": [{ "orderLineId": purchase.lines[0], "quantity": 1 }], "reason": format!("{word} broke it") });
        let back = text(&canary.made(RETURN, back).await["returns"][0]["id"]);
        app.settle().await;
        tea.owner
            .made("mutation($in: ReturnApproveInput!) { returnApprove(input: $in) { userErrors { message } } }", json!({ "returnId": back, "refund": true }))
            .await;
        app.settle().await;
        sells(app, &mut canary, &mut tea, &product, word).await;

        ink.owner.made(INVITE, invited(canary.email.clone())).await;
        app.settle().await;
        let copy = canary.ask(EXPORT, json!({})).await;
        let copy: Value = serde_json::from_str(copy["accountDataExport"]["json"].as_str().unwrap()).unwrap();
        assert_eq!(copy["account"]["email"], json!(canary.email));
        assert_eq!(copy["orders"][0]["contact"]["line1"], json!(format!("7 {word} Row")));
        assert_eq!(copy["orders"][0]["returns"][0]["reason"], json!(format!("{word} broke it")));
        assert_eq!(copy["shops"][0]["recommendations"][0]["note"], json!(format!("{word} drinks from it")));
        assert_eq!(copy["consents"][0]["textVersion"], "2027-01");
        assert_eq!(copy["memberships"][0]["role"], "manager");
        assert_eq!(copy["invitations"][0]["role"], "shipper");
        assert!(!places_of(app, word).await.is_empty(), "the search finds her");

        assert_eq!(canary.refused(ERASE, json!({ "password": "not hers, no" })).await, "WRONG_CREDENTIALS");
        assert_eq!(canary.refused(ERASE, json!({})).await, "WRONG_CREDENTIALS");
        assert_eq!(tea.owner.refused(ERASE, json!({ "accountId": canary.id, "password": PASSWORD })).await, "NOT_FOUND");
        let erased = canary.made(ERASE, json!({ "password": PASSWORD })).await;
        assert_eq!(erased["erasedId"], json!(canary.id));
        app.settle().await;
        assert_eq!(places_of(app, word).await, Vec::<String>::new(), "what is left of her");
        assert_eq!(log::lines_with(&[word]), Vec::<String>::new(), "what the log says of her");
        assert_eq!(canary.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED", "her session has ended");
        let order = tea.owner.ask("query($id: ID!) { brand(id: $id) { orders(first: 5) { nodes { buyerName goodsTotal { amount } } } } }", json!({ "id": tea.brand })).await;
        let orders = order["brand"]["orders"]["nodes"].as_array().unwrap();
        assert!(orders.iter().any(|order| order["buyerName"].is_null()), "the order stays, without her: {orders:?}");
        let seller = app.someone(word).await;
        assert_ne!(seller.id, canary.id, "her address is free again");
    }

    async fn nobody_is_erased_who_owes_or_is_owed_or_is_a_brands_only_owner_or_runs_the_platform(app) {
        let operator = app.operator().await;
        let mut tea = app.market("tea").await;
        let sale = app.buy(&[(&tea, 1)]).await;
        assert_eq!(tea.shopholder.refused(ERASE, json!({ "password": PASSWORD })).await, "WRONG_STATE", "money is held for her");
        assert_eq!(tea.owner.refused(ERASE, json!({ "password": PASSWORD })).await, "WRONG_STATE", "the brand would have no owner");
        assert_eq!(operator.refused(ERASE, json!({ "password": PASSWORD })).await, "FORBIDDEN");
        tea.owner.made(SHIP, parcel(&sale, 1)).await;
        app.wait(TimeDelta::days(25)).await;
        tea.shopholder.come_back().await;
        assert_eq!(tea.shopholder.refused(ERASE, json!({ "password": PASSWORD })).await, "WRONG_STATE");
        let anna = app.someone("anna").await;
        operator.made(ERASE, json!({ "accountId": anna.id })).await;
        assert_eq!(anna.error("{ viewer { id } }", json!({})).await, "UNAUTHENTICATED", "whom she asked");
        assert_eq!(operator.refused(ERASE, json!({ "accountId": anna.id })).await, "NOT_FOUND", "she is erased already");
    }

    async fn a_guest_has_herself_forgotten_once_her_order_is_over(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let order = json!({ "orderId": purchase.order });
        assert_eq!(purchase.buyer.refused(FORGET, order.clone()).await, "WRONG_STATE", "it is on its way to her");
        assert_eq!(app.nobody().refused(FORGET, order.clone()).await, "NOT_FOUND");
        assert_eq!(tea.owner.refused(FORGET, order.clone()).await, "NOT_FOUND");
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        app.wait(WINDOWS).await;
        tea.owner.come_back().await;
        assert!(!places_of(app, "mill lane").await.is_empty());
        purchase.buyer.made(FORGET, order.clone()).await;
        for word in ["mill lane", "berta"] {
            assert_eq!(places_of(app, word).await, Vec::<String>::new(), "{word}");
        }
        assert_eq!(purchase.buyer.refused(FORGET, order).await, "NOT_FOUND", "her secret opens nothing any more");
    }

    async fn what_nobody_needs_any_more_is_forgotten_by_itself(app) {
        let tea = app.market("tea").await;
        let over = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&over, 1)).await;
        app.filled_cart(&[(&tea, 1)]).await;
        app.buy(&[(&tea, 1)]).await;
        app.wait(TimeDelta::days(91)).await;
        let contacts = rows_as_text(app, "cart_contact").await;
        assert_eq!(contacts.len(), 2, "the cart nobody came back to is gone: {contacts:?}");
        assert_eq!(rows_as_text(app, "mail").await.len(), 0, "nothing was written for ninety days");
        assert_eq!(rows_as_text(app, "order_contact").await.len(), 2);
        app.wait(TimeDelta::days(640)).await;
        let left = rows_as_text(app, "order_contact").await;
        assert_eq!(left.len(), 1, "the order that was never shipped is not over");
        assert_eq!(rows_as_text(app, "cart_contact").await.len(), 1);
        assert!(rows_as_text(app, "inbox").await.iter().all(|row| !row.contains("customer_details")), "what Stripe told of her is not kept");
    }

    async fn consent_is_recorded_with_its_words_and_the_last_answer_counts(app) {
        let (anna, guest) = (app.someone("anna").await, app.nobody());
        let answers = |version: &str, visitor: Value, granted: bool| json!({
            "visitorId": visitor, "textVersion": version, "text": format!("We count visits, {version}."),
            "answers": [{ "purpose": "STATISTICS_COOKIES", "granted": granted }, { "purpose": "MARKETING_MAIL", "granted": false }],
        });
        guest.made(CONSENT, answers("1", json!("browser-1"), true)).await;
        guest.made(CONSENT, answers("1", json!("browser-1"), true)).await;
        assert_eq!(rows_as_text(app, "consent").await.len(), 2, "the same again says nothing new");
        assert!(places_of(app, "browser-1").await.is_empty(), "kept as a keyed hash");
        app.wait(TimeDelta::hours(1)).await;
        let now = guest.made(CONSENT, answers("2", json!("browser-1"), false)).await;
        assert_eq!(now["consents"], json!([{ "purpose": "STATISTICS_COOKIES", "granted": false, "textVersion": "2" }, { "purpose": "MARKETING_MAIL", "granted": false, "textVersion": "2" }]));
        let seen = guest.ask(CONSENTS, json!({ "visitor": "browser-1" })).await;
        assert_eq!(seen["consents"][0]["text"], "We count visits, 2.");
        assert_eq!(guest.ask(CONSENTS, json!({ "visitor": "browser-2" })).await["consents"], json!([]));
        assert_eq!(guest.error(CONSENTS, json!({})).await, "BAD_USER_INPUT", "nobody is named");
        assert_eq!(guest.refused(CONSENT, answers("1", json!(null), true)).await, "INVALID");
        let twice = json!({ "visitorId": "browser-1", "textVersion": "1", "text": "…", "answers": [{ "purpose": "MARKETING_MAIL", "granted": true }, { "purpose": "MARKETING_MAIL", "granted": false }] });
        assert_eq!(guest.refused(CONSENT, twice).await, "INVALID");
        anna.made(CONSENT, answers("2", json!("browser-1"), true)).await;
        assert_eq!(anna.ask(CONSENTS, json!({})).await["consents"][0]["granted"], true);
        let others = guest.ask(CONSENTS, json!({ "visitor": "browser-1" })).await;
        assert_eq!(others["consents"][0]["granted"], false, "hers are told to her alone");
    }

    async fn s17_secrets_sent_to_every_door_never_reach_the_log(app) {
        log::listen();
        let secret = match app.db().get_database_backend() {
            DbBackend::Postgres => "sesamepq91c4",
            _ => "sesamesl91c4",
        };
        let create = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id } userErrors { message } } }";
        let email = format!("{secret}@example.com");
        let sign_in = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accessToken refreshToken } userErrors { code } } }";
        let thief = app.nobody();
        let mut told = vec![secret.to_owned(), "4242424242424242".to_owned(), "4242 4242".to_owned()];
        for password in [format!("{secret} {secret}"), secret.to_owned(), secret.repeat(100)] {
            thief.ask(create, json!({ "in": { "email": email, "name": secret, "password": password } })).await;
            let opened = thief.ask(sign_in, json!({ "in": { "email": email, "password": password } })).await;
            let tokens = ["accessToken", "refreshToken"].map(|name| opened["sessionCreate"]["session"][name].clone());
            told.extend(tokens.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        for token in ["vs_", "va_", "vr_", ""] {
            let request = app.http.post(app.url("/graphql")).bearer_auth(format!("{token}{secret}"));
            let request = request.header("Vitrine-Guest", format!("vg_{secret}"));
            request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap();
        }
        let odd = ["{ viewer { ", "query($x: Int!) { viewer { id } }", "\u{0}"];
        for document in odd.iter().map(|text| format!("{text} # 4242 4242 4242 4242 {secret}")) {
            thief.send(&document, json!({ "x": secret, "card": "4242424242424242" })).await;
        }
        for (path, body) in [("/graphql", format!("{{ not json {secret}")), ("/webhooks/stripe", format!("{{\"id\":\"{secret}\"}}"))] {
            let request = app.http.post(app.url(path)).header("content-type", "application/json").header("stripe-signature", secret);
            request.header("cookie", format!("session={secret}")).body(body).send().await.unwrap();
        }
        for path in ["/graphql?query={viewer{id}}&extensions=", "/r/", "/uploads/import_01kdm1xw9dehm8s2pqm8b0gx1c?token=", "/", "/graphiql?x="] {
            let address = app.url(&format!("{path}{secret}"));
            app.http.get(&address).header("user-agent", secret).send().await.unwrap();
            app.http.put(&address).header("referer", secret).body(secret).send().await.unwrap();
        }
        app.settle().await;
        assert!(!log::lines_with(&["answered"]).is_empty(), "the log is listened to");
        assert_eq!(told.len(), 5, "one sign-in went well");
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        assert_eq!(log::lines_with(&told), Vec::<String>::new());
    }

    async fn s17_secrets_that_were_given_out_never_reach_the_log_when_they_are_used(app) {
        const HOOK: &str = "mutation($in: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $in) { webhookEndpoint { id } secret userErrors { message } } }";
        const ROTATE: &str = "mutation($in: WebhookEndpointSecretRotateInput!) { webhookEndpointSecretRotate(input: $in) { secret userErrors { message } } }";
        const COOKIES: &str = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accountId } userErrors { code } } }";
        const UPLOAD: &str = "mutation($in: ProductImportCreateInput!) { productImportCreate(input: $in) { productImport { uploadUrl } userErrors { message } } }";
        log::listen();
        let tea = app.market("tea").await;
        let url = Receiver::start().await.url;
        let input = json!({ "brandId": tea.brand, "url": url, "topics": ["PRODUCT_UPDATED"] });
        let made = tea.owner.made(HOOK, input).await;
        let rotated = tea.owner.made(ROTATE, json!({ "id": made["webhookEndpoint"]["id"] })).await;
        let program = key(&tea.owner, new_key(&tea.brand, ALL_SCOPES)).await;
        let enrolment = tea.owner.made("mutation { totpEnrol { enrolment { secret } userErrors { message } } }", json!({})).await;
        let upload = tea.owner.made(UPLOAD, json!({ "brandId": tea.brand, "fileName": "a.csv" })).await;
        let upload = text(&upload["productImport"]["uploadUrl"]);
        let input = json!({ "in": { "email": tea.owner.email, "password": PASSWORD, "transport": "COOKIE" } });
        let body = json!({ "query": COOKIES, "variables": input });
        let signed_in = app.http.post(app.url("/graphql")).header("origin", FRONTEND).json(&body).send().await.unwrap();
        let cookies: Vec<String> = signed_in.headers().get_all("set-cookie").iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect();
        assert!(!cookies.is_empty(), "{:?}", signed_in.headers());
        // Each of them is used: what is signed is sent, what is refused is refused.
        let viewer = json!({ "query": "{ viewer { id } }" });
        let by_cookie = app.http.post(app.url("/graphql")).header("origin", FRONTEND).header("cookie", cookies.join("; "));
        assert!(by_cookie.json(&viewer).send().await.unwrap().status().is_success());
        let rename = "mutation($in: ProductUpdateInput!) { productUpdate(input: $in) { product { id } userErrors { message } } }";
        let product = "query($id: ID!) { node(id: $id) { ... on ProductVariant { product { id } } } }";
        let product = tea.owner.ask(product, json!({ "id": tea.variant.to_string() })).await["node"]["product"]["id"].take();
        app.nobody().by_key(&program.secret).made(rename, json!({ "id": product, "title": "Teapot" })).await;
        app.http.put(&upload).header("content-type", "text/csv").body("Handle,Title,Variant Price\nx,X,1\n").send().await.unwrap();
        app.settle().await;
        let token = upload.split_once("token=").expect("a token").1.to_owned();
        let kept = cookies.iter().map(|cookie| cookie.split_once('=').unwrap().1.to_owned());
        let secrets = [&made["secret"], &rotated["secret"], &enrolment["enrolment"]["secret"]].map(text);
        let told: Vec<String> = secrets.into_iter().chain([token, program.secret]).chain(kept).collect();
        assert!(told.iter().all(|secret| secret.len() >= 16), "{told:?}");
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        assert_eq!(log::lines_with(&told), Vec::<String>::new());
    }
}
