//! Links, clicks, credits.

use chrono::TimeDelta;
use reqwest::{Method, Response, StatusCode};
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use vitrine_domain::referral::{self, Buyer, Credit, LineToCredit, TokenRefusal};
use vitrine_model::catalog::{product, terms};
use vitrine_model::checkout::CreditReason;
use vitrine_model::id::{ClickId, ProductId};
use vitrine_model::referral::click;

use crate::shop::{open_shop, recommend};
use crate::support::{App, FRONTEND, Person, Planted, on_both};

const CREATE: &str = "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { id code url label } userErrors { code field } } }";
const REMOVE: &str =
    "mutation($id: ID!) { recommendationRemove(input: { id: $id }) { userErrors { code } } }";
const CLOSE: &str = "mutation($id: ID!) { shopClose(input: { id: $id }) { userErrors { code } } }";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15";

/// Makes a link; returns its code.
pub(crate) async fn link(who: &Person<'_>, new: Value) -> String {
    let made = who.ask(CREATE, json!({ "in": new })).await;
    made["referralLinkCreate"]["referralLink"]["code"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned()
}

/// Follows a link as a browser would, with these headers besides.
async fn follow(app: &App, code: &str, headers: &[(&str, &str)]) -> Response {
    visit(
        app,
        Method::GET,
        code,
        &[&[("user-agent", FIREFOX)], headers].concat(),
    )
    .await
}

async fn visit(app: &App, method: Method, code: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = app.http.request(method, app.url(&format!("/r/{code}")));
    let mut sent = reqwest::header::HeaderMap::new();
    for (name, value) in headers {
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        sent.insert(name, value.parse().unwrap());
    }
    request = request.headers(sent);
    request.send().await.unwrap()
}

fn location(response: &Response) -> url::Url {
    assert_eq!(response.status(), StatusCode::FOUND);
    response.headers()["location"].to_str().unwrap().parse().unwrap()
}

fn parameter(url: &url::Url, name: &str) -> String {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The click token that a visit through a link yields.
pub(crate) async fn token(app: &App, code: &str) -> String {
    parameter(&location(&follow(app, code, &[]).await), "click")
}

async fn clicked(app: &App, code: &str) -> ClickId {
    let token = token(app, code).await;
    referral::read_click_token(&app.vitrine().context("test"), &token).unwrap()
}

/// How often the shop's only link was clicked, as its owner reads it.
async fn clicks(who: &Person<'_>, handle: &str) -> Value {
    let query =
        "query($handle: String!) { shop(handle: $handle) { referralLinks { nodes { clicks sales } } } }";
    let seen = who.ask(query, json!({ "handle": handle })).await;
    assert_eq!(seen["shop"]["referralLinks"]["nodes"][0]["sales"], 0);
    seen["shop"]["referralLinks"]["nodes"][0]["clicks"].clone()
}

/// Who would be credited for a product now.
async fn credited(
    app: &App,
    buyer: Option<&Person<'_>>,
    click: Option<ClickId>,
    product: &Planted,
    recommendation: Option<&str>,
) -> Credit {
    let cx = app.vitrine().context("test");
    let id: ProductId = product.product.parse().unwrap();
    let product = product::Entity::find_by_id(id)
        .one(app.db())
        .await
        .unwrap()
        .unwrap();
    let terms = vitrine_domain::catalog::terms_at(app.db(), &[product.brand_id], cx.now())
        .await
        .unwrap();
    let terms: &terms::Model = &terms[&product.brand_id];
    let line = LineToCredit {
        product: &product,
        terms,
        recommendation: recommendation.map(|id| id.parse().unwrap()),
    };
    let buyer = Buyer {
        account: buyer.map(|buyer| buyer.id.parse().unwrap()),
        email: None,
    };
    let clicks: Vec<ClickId> = click.into_iter().collect();
    let credits = referral::credits(app.db(), &cx, buyer, &clicks, &[line, line])
        .await
        .unwrap();
    assert_eq!(credits[0], credits[1]);
    credits[0]
}

on_both! {
    async fn a_link_leads_to_the_shop_and_its_visitor_is_counted(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop, "label": "newsletter" })).await;
        let response = follow(app, &code, &[]).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().get("set-cookie").is_none());
        let url = location(&response);
        assert!(url.as_str().starts_with(&format!("{FRONTEND}/anna?rec=&product=&click=")), "{url}");
        let cx = app.vitrine().context("test");
        assert!(referral::read_click_token(&cx, &parameter(&url, "click")).is_ok());
        assert_eq!(clicks(&anna, "anna").await, 1);
        let seen = anna.ask("{ shop(handle: \"anna\") { referralLinks { nodes { label url shop { handle } } } } }", json!({})).await;
        let expected = json!([{ "label": "newsletter", "url": app.url(&format!("/r/{code}")), "shop": { "handle": "anna" } }]);
        assert_eq!(seen["shop"]["referralLinks"]["nodes"], expected);
    }

    async fn links_lead_to_a_recommendation_or_a_product_while_they_are_there(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let pan = app.plant(&brand, "pan", &[1000]).await;
        let shop = open_shop(&anna, "anna").await;
        let recommendation = recommend(&anna, &shop, &pan, 0).await;
        let to_recommendation = link(&anna, json!({ "shopId": shop, "recommendationId": recommendation })).await;
        let to_product = link(&anna, json!({ "shopId": shop, "productId": pan.product })).await;
        let url = location(&follow(app, &to_recommendation, &[]).await);
        assert_eq!((parameter(&url, "rec"), parameter(&url, "product")), (recommendation.clone(), pan.product.clone()));
        let url = location(&follow(app, &to_product, &[]).await);
        assert_eq!((parameter(&url, "rec"), parameter(&url, "product")), (String::new(), pan.product.clone()));

        anna.ask(REMOVE, json!({ "id": recommendation })).await;
        let url = location(&follow(app, &to_recommendation, &[]).await);
        assert_eq!((url.path(), parameter(&url, "rec")), ("/anna", String::new()));
    }

    async fn the_same_visitor_counts_once_an_hour_and_is_credited_each_time(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        let first = clicked(app, &code).await;
        app.wait(TimeDelta::minutes(59)).await;
        let second = clicked(app, &code).await;
        assert_ne!(first, second);
        assert_eq!(clicks(&anna, "anna").await, 1);
        visit(app, Method::GET, &code, &[("user-agent", SAFARI)]).await;
        assert_eq!(clicks(&anna, "anna").await, 2);
        app.wait(TimeDelta::minutes(1)).await;
        clicked(app, &code).await;
        assert_eq!(clicks(&anna, "anna").await, 3);
    }

    async fn a_visitor_is_the_same_before_and_after_midnight(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        // Tests begin at nine in the morning.
        app.wait(TimeDelta::minutes(15 * 60 - 10)).await;
        clicked(app, &code).await;
        app.wait(TimeDelta::minutes(20)).await;
        clicked(app, &code).await;
        assert_eq!(clicks(&anna, "anna").await, 1);
    }

    async fn two_first_visits_at_once_count_once(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        for response in futures::future::join_all((0..8).map(|_| follow(app, &code, &[]))).await {
            assert_ne!(parameter(&location(&response), "click"), "");
        }
        assert_eq!(clicks(&anna, "anna").await, 1);
        assert_eq!(click::Entity::find().count(app.db()).await.unwrap(), 8);
    }

    async fn of_many_clicks_at_once_each_that_is_answered_is_in_the_database(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let pan = app.plant(&brand, "pan", &[1000]).await;
        let shop = open_shop(&anna, "anna").await;
        let recommendation = recommend(&anna, &shop, &pan, 0).await;
        let codes = [
            link(&anna, json!({ "shopId": shop })).await,
            link(&anna, json!({ "shopId": shop, "recommendationId": recommendation })).await,
            link(&anna, json!({ "shopId": shop, "productId": pan.product })).await,
        ];
        // Each of forty visitors follows each link, and an unknown one, twice.
        let agents: Vec<String> = (0..40).map(|n| format!("{FIREFOX} {n}")).collect();
        let mut visits = Vec::new();
        for agent in agents.iter().chain(&agents) {
            for code in codes.iter().map(String::as_str).chain(["0000000000"]) {
                visits.push(async move { (code, visit(app, Method::GET, code, &[("user-agent", agent)]).await) });
            }
        }
        let cx = app.vitrine().context("test");
        let mut answered = Vec::new();
        for (code, response) in futures::future::join_all(visits).await {
            if code == "0000000000" {
                assert_eq!(response.status(), StatusCode::NOT_FOUND);
                continue;
            }
            let url = location(&response);
            let to = (parameter(&url, "rec"), parameter(&url, "product"));
            let expected = match codes.iter().position(|of| of == code) {
                Some(1) => (recommendation.clone(), pan.product.clone()),
                Some(2) => (String::new(), pan.product.clone()),
                _ => (String::new(), String::new()),
            };
            assert_eq!(to, expected);
            answered.push(referral::read_click_token(&cx, &parameter(&url, "click")).unwrap());
        }
        let mut kept: Vec<ClickId> = click::Entity::find().all(app.db()).await.unwrap().iter().map(|row| row.id).collect();
        kept.sort();
        answered.sort();
        assert_eq!(kept, answered);
        let query = "{ shop(handle: \"anna\") { referralLinks { nodes { clicks } } } }";
        let counted = anna.ask(query, json!({})).await;
        assert_eq!(counted["shop"]["referralLinks"]["nodes"], json!([{ "clicks": 40 }, { "clicks": 40 }, { "clicks": 40 }]));
    }

    async fn a_group_of_clicks_that_cannot_be_written_is_told_to_each_and_leaves_no_trace(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        app.db().execute_unprepared("alter table link_tally rename to mislaid").await.unwrap();
        let agents: Vec<String> = (0..20).map(|n| format!("{FIREFOX} {n}")).collect();
        let visits = agents.iter().map(async |agent| visit(app, Method::GET, &code, &[("user-agent", agent)]).await);
        for response in futures::future::join_all(visits).await {
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(response.headers().get("location").is_none());
        }
        assert_eq!(click::Entity::find().count(app.db()).await.unwrap(), 0);
        app.db().execute_unprepared("alter table mislaid rename to link_tally").await.unwrap();
        clicked(app, &code).await;
        assert_eq!(clicks(&anna, "anna").await, 1);
    }

    async fn s15_head_and_bots_are_led_on_and_leave_no_trace_and_a_prefetch_is_not_counted(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        let head = visit(app, Method::HEAD, &code, &[("user-agent", FIREFOX)]).await;
        assert_eq!(parameter(&location(&head), "click"), "");
        for agent in ["WhatsApp/2.23.20.0", "meta-externalagent/1.1", "facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "curl/8.5.0", "Googlebot/2.1", ""] {
            let response = visit(app, Method::GET, &code, &[("user-agent", agent)]).await;
            assert_eq!(parameter(&location(&response), "click"), "", "{agent}");
        }
        assert_eq!(click::Entity::find().count(app.db()).await.unwrap(), 0);
        for header in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-purpose", "preview"), ("x-moz", "prefetch")] {
            let response = follow(app, &code, &[header]).await;
            assert_ne!(parameter(&location(&response), "click"), "", "{header:?}");
        }
        assert_eq!(clicks(&anna, "anna").await, 0);
    }

    async fn a_link_to_nothing_that_can_be_seen_is_not_found(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        anna.ask(CLOSE, json!({ "id": shop })).await;
        for code in [&*code, "0000000000", "x", "..%2f..%2fetc", "%00", "//evil.example", "%0d%0aLocation:%20https:%2f%2fevil.example"] {
            let response = follow(app, code, &[]).await;
            assert!(response.status().is_client_error(), "{code}: {}", response.status());
            assert!(response.headers().get("location").is_none(), "{code}");
            let body = response.text().await.unwrap();
            assert!(!body.contains("anna"), "{body}");
        }
        assert_eq!(click::Entity::find().count(app.db()).await.unwrap(), 0);
    }

    async fn s14_nothing_a_visitor_sends_changes_where_a_link_leads(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        let evil = [("referer", "https://evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-for", "6.6.6.6")];
        let url = location(&follow(app, &format!("{code}?url=https://evil.example&shop=evil"), &evil).await);
        assert_eq!((url.origin().ascii_serialization().as_str(), url.path()), (FRONTEND, "/anna"));
        for path in [
            "/evil.example", "%2F%2Fevil.example", "%5C%5Cevil.example", "%5Cevil.example", "https:%2F%2Fevil.example", "@evil.example",
            "%0D%0ALocation:%20https:%2F%2Fevil.example", "%00", "%E2%80%AE", "javascript:alert(1)",
        ] {
            for path in [path.to_owned(), format!("{code}{path}"), format!("{code}/{path}")] {
                let response = follow(app, &path, &[]).await;
                assert!(response.headers().get("location").is_none(), "{path}");
                assert!([400, 404].contains(&response.status().as_u16()), "{path}: {}", response.status());
            }
        }
    }

    async fn s14_what_a_link_is_given_stands_in_its_address_as_text(app) {
        let anna = app.someone("anna").await;
        for odd in ["//evil", "\\\\evil", "a@evil", "a\r\nb", "a?b#c", "..", "%2f%2fevil"] {
            let open = "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { userErrors { code field } } }";
            let said = anna.ask(open, json!({ "in": { "handle": odd, "name": "Anna" } })).await;
            assert_eq!(said["shopOpen"]["userErrors"][0], json!({ "code": "INVALID", "field": ["input", "handle"] }), "{odd}");
        }
    }

    async fn a_cookie_is_set_only_for_those_who_agreed(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        let response = follow(app, &code, &[("cookie", "a=b; vitrine_consent=0")]).await;
        assert!(response.headers().get("set-cookie").is_none());
        let response = follow(app, &code, &[("cookie", "a=b; vitrine_consent=1")]).await;
        let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        let token = parameter(&location(&response), "click");
        assert!(cookie.starts_with(&format!("vitrine_click={token}; ")), "{cookie}");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    }

    async fn a_link_leads_only_into_ones_own_shop(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let brand = app.brand("potters").await;
        let (pan, pot) = (app.plant(&brand, "pan", &[1000]).await, app.plant(&brand, "pot", &[1000]).await);
        let (shop, hers) = (open_shop(&anna, "anna").await, open_shop(&mallory, "mallory").await);
        let recommendation = recommend(&anna, &shop, &pan, 0).await;
        for (new, code, field) in [
            (json!({ "shopId": shop }), "NOT_FOUND", "shopId"),
            (json!({ "shopId": hers, "recommendationId": recommendation }), "NOT_FOUND", "recommendationId"),
            (json!({ "shopId": hers, "productId": pot.product }), "NOT_FOUND", "productId"),
            (json!({ "shopId": hers, "productId": pot.product, "recommendationId": recommendation }), "INVALID", "productId"),
            (json!({ "shopId": hers, "label": " " }), "INVALID", "label"),
        ] {
            let answer = mallory.ask(CREATE, json!({ "in": new })).await;
            let refused = json!([{ "code": code, "field": ["input", field] }]);
            assert_eq!(answer["referralLinkCreate"], json!({ "referralLink": null, "userErrors": refused }));
        }
        let made = anna.ask(CREATE, json!({ "in": { "shopId": shop } })).await;
        let id = &made["referralLinkCreate"]["referralLink"]["id"];
        let node = "query($id: ID!) { node(id: $id) { id } }";
        assert_eq!(anna.ask(node, json!({ "id": id })).await["node"]["id"], *id);
        assert_eq!(mallory.ask(node, json!({ "id": id })).await["node"], Value::Null);
    }

    async fn s15_a_forged_or_expired_token_is_refused(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        let token = token(app, &code).await;
        let cx = app.vitrine().context("test");
        for place in [0, 20, 30, 60] {
            let mut forged = token.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(referral::read_click_token(&cx, &forged), Err(TokenRefusal::Forged), "{place}");
        }
        for nonsense in ["", "A", "not a token", &token[..40], &"A".repeat(5000)] {
            assert_eq!(referral::read_click_token(&cx, nonsense), Err(TokenRefusal::Forged));
        }
        app.clock.advance(TimeDelta::days(366));
        assert_eq!(referral::read_click_token(&cx, &token), Err(TokenRefusal::Expired));
    }

    async fn a_click_is_credited_for_what_the_shop_recommended_then(app) {
        let anna = app.someone("anna").await;
        let (brand, other) = (app.brand("potters").await, app.brand("knitters").await);
        let (pan, pot, sock) = (app.plant(&brand, "pan", &[1000]).await, app.plant(&brand, "pot", &[1000]).await, app.plant(&other, "sock", &[1000]).await);
        let shop = open_shop(&anna, "anna").await;
        let code = link(&anna, json!({ "shopId": shop })).await;
        let early = clicked(app, &code).await;
        app.wait(TimeDelta::minutes(1)).await;
        let recommendation = recommend(&anna, &shop, &pan, 4000).await;
        app.wait(TimeDelta::minutes(1)).await;
        let click = clicked(app, &code).await;
        app.wait(TimeDelta::minutes(1)).await;
        anna.ask(REMOVE, json!({ "id": recommendation })).await;
        app.wait(TimeDelta::minutes(1)).await;
        let late = clicked(app, &code).await;

        let reason = async |click, product| credited(app, None, Some(click), product, None).await.reason;
        assert_eq!(reason(early, &pan).await, CreditReason::NoneElsewhere);
        assert_eq!(reason(click, &pan).await, CreditReason::ClickShop);
        assert_eq!(reason(click, &pot).await, CreditReason::ClickShop);
        assert_eq!(reason(click, &sock).await, CreditReason::NoneElsewhere);
        assert_eq!(reason(late, &pan).await, CreditReason::NoneElsewhere);
        // The recommendation is gone: the click decides, at the list price.
        let credit = credited(app, None, Some(click), &pan, Some(&recommendation)).await;
        assert_eq!((credit.reason, credit.share.get()), (CreditReason::ClickShop, 0));
        assert_eq!(credited(app, Some(&anna), Some(click), &pan, None).await.reason, CreditReason::NoneOwnShop);
        assert_eq!(credited(app, None, None, &pan, None).await.reason, CreditReason::NoneOrganic);
        app.wait(TimeDelta::days(30)).await;
        assert_eq!(reason(click, &pan).await, CreditReason::NoneExpired);
    }

    async fn a_recommendation_is_credited_while_it_stands(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let (pan, pot) = (app.plant(&brand, "pan", &[1000]).await, app.plant(&brand, "pot", &[1000]).await);
        let shop = open_shop(&anna, "anna").await;
        let recommendation = recommend(&anna, &shop, &pan, 4000).await;
        let to_recommendation = link(&anna, json!({ "shopId": shop, "recommendationId": recommendation })).await;
        let to_product = link(&anna, json!({ "shopId": shop, "productId": pan.product })).await;
        let by_recommendation = clicked(app, &to_recommendation).await;
        let by_product = clicked(app, &to_product).await;

        let credit = credited(app, None, Some(by_product), &pan, Some(&recommendation)).await;
        assert_eq!((credit.reason, credit.share.get()), (CreditReason::Recommendation, 4000));
        let to = credit.to.unwrap();
        assert_eq!((to.shop.to_string(), to.shopholder.to_string(), to.click), (shop.clone(), anna.id.clone(), Some(by_product)));
        let other_product = credited(app, None, None, &pot, Some(&recommendation)).await;
        assert_eq!(other_product.reason, CreditReason::NoneOrganic);
        let own = credited(app, Some(&anna), None, &pan, Some(&recommendation)).await;
        assert_eq!((own.reason, own.share.get()), (CreditReason::NoneOwnShop, 0));
        let reason = async |click, product| credited(app, None, Some(click), product, None).await.reason;
        assert_eq!(reason(by_recommendation, &pan).await, CreditReason::ClickRecommendation);
        assert_eq!(reason(by_recommendation, &pot).await, CreditReason::ClickRecommendation);
        assert_eq!(reason(by_product, &pan).await, CreditReason::ClickProduct);
        assert_eq!(reason(by_product, &pot).await, CreditReason::NoneElsewhere);

        crate::shop::set_product(app, &pan, product::Column::Promotable, false).await;
        assert_eq!(reason(by_product, &pan).await, CreditReason::NoneNotPromotable);
        crate::shop::set_product(app, &pan, product::Column::Promotable, true).await;
        anna.ask(CLOSE, json!({ "id": shop })).await;
        assert_eq!(credited(app, None, None, &pan, Some(&recommendation)).await.reason, CreditReason::NoneOrganic);
        assert_eq!(reason(by_product, &pan).await, CreditReason::NoneElsewhere);
    }
}
