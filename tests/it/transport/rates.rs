//! How much anybody may ask for in a minute.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use reqwest::Response;
use serde_json::{Value, json};

use super::{NEW, header, request_error};
use crate::support::{App, Kind, on_both, run};

const SMALL: &str = "{ viewer { id } }";

/// Asks with a token, a client's address as a proxy would tell it, or neither.
async fn ask(app: &App, at: &str, token: Option<&str>, told: Option<&str>, query: &str) -> Response {
    let request = app.http.post(format!("{at}/graphql")).header("accept", NEW);
    let request = token
        .into_iter()
        .fold(request, |request, token| request.bearer_auth(token));
    let request = told
        .into_iter()
        .fold(request, |request, told| request.header("x-forwarded-for", told));
    request.json(&json!({ "query": query })).send().await.unwrap()
}

/// How many of `tries` requests are served.
async fn served(app: &App, at: &str, told: Option<&str>, tries: usize) -> usize {
    let mut served = 0;
    for _ in 0..tries {
        served += usize::from(ask(app, at, None, told, SMALL).await.status() == 200);
    }
    served
}

on_both! {
    async fn an_account_may_spend_its_points_in_a_minute_and_again_in_the_next(app) {
        let app = app.another_with("limited", |config| {
            (config.rate_limit, config.rate_limit_address) = (2_000, 50_000);
        }).await;
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let (at, token) = (app.url(""), anna.token().await.unwrap());
        for n in 1..=20 {
            let response = ask(&app, &at, Some(&token), None, SMALL).await;
            assert_eq!(response.status(), 200, "{n}");
            assert_eq!(header(&response, "ratelimit-policy"), "\"address\";q=50000;qu=\"points\";w=60, \"account\";q=2000;qu=\"points\";w=60");
            let left = header(&response, "ratelimit").split_once("\"account\"").unwrap().1.to_owned();
            assert_eq!(left, format!(";r={};t=60", 2_000 - 100 * n));
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["extensions"]["cost"], json!({ "requested": 2, "limit": 20_000, "remaining": 2_000 - 100 * n }));
        }
        let refused = ask(&app, &at, Some(&token), None, SMALL).await;
        assert_eq!(refused.status(), 429);
        assert_eq!(header(&refused, "retry-after"), "60");
        assert!(header(&refused, "ratelimit").ends_with("\"account\";r=0;t=60"));
        assert!(header(&refused, "content-type").starts_with(NEW));
        assert_eq!(request_error(refused).await, "RATE_LIMITED");
        // Nobody else is held to what she spent.
        assert_eq!(ask(&app, &at, berta.token().await.as_deref(), None, SMALL).await.status(), 200);
        app.clock.advance(TimeDelta::seconds(59));
        assert_eq!(header(&ask(&app, &at, Some(&token), None, SMALL).await, "retry-after"), "1");
        app.clock.advance(TimeDelta::seconds(1));
        assert_eq!(ask(&app, &at, Some(&token), None, SMALL).await.status(), 200);
        app.end().await;
    }

    async fn what_costs_more_takes_more_and_is_not_begun_without(app) {
        let app = app.another_with("limited", |config| config.rate_limit_address = 2_000).await;
        let at = app.url("");
        let lists = "{ products(first: 100) { nodes { id title handle } } }";
        let first = ask(&app, &at, None, None, lists).await;
        assert_eq!(first.status(), 200);
        let cost = first.json::<Value>().await.unwrap()["extensions"]["cost"].clone();
        let requested = cost["requested"].as_i64().unwrap();
        assert!((300..1_000).contains(&requested), "{cost}");
        assert_eq!(cost["remaining"], 2_000 - requested);
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(ask(&app, &at, None, None, lists).await);
        }
        let refused = answers.pop().unwrap();
        assert_eq!(refused.status(), 429);
        let body: Value = refused.json().await.unwrap();
        assert!(body.get("data").is_none(), "{body:#}");
        assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        app.end().await;
    }

    async fn a_clients_address_is_what_a_trusted_proxy_says(app) {
        let app = app.another_with("behind", |config| {
            config.rate_limit_address = 1_000;
            config.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
        }).await;
        let at = app.url("");
        assert_eq!(served(&app, &at, Some("192.0.2.1"), 12).await, 10);
        assert_eq!(served(&app, &at, Some("192.0.2.2"), 12).await, 10);
        // What the client itself wrote stands before what the proxy added.
        assert_eq!(served(&app, &at, Some("198.51.100.7, 192.0.2.1"), 3).await, 0);
        // A customer's network of IPv6 is one address.
        assert_eq!(served(&app, &at, Some("2001:db8:1:2::3"), 12).await, 10);
        assert_eq!(served(&app, &at, Some("2001:db8:1:2:9::4"), 3).await, 0);
        assert_eq!(served(&app, &at, Some("2001:db8:1:3::3"), 3).await, 3);
        app.end().await;
    }

    async fn nobody_else_is_believed(app) {
        let app = app.another_with("direct", |config| {
                config.rate_limit_address = 1_000;
                config.trusted_proxies.clear();
            }).await;
        let at = app.url("");
        assert_eq!(served(&app, &at, Some("192.0.2.1"), 6).await, 6);
        assert_eq!(served(&app, &at, Some("192.0.2.2"), 6).await, 4);
        app.end().await;
    }

    async fn links_and_uploads_are_limited_by_address_and_cost_half(app) {
        let app = app.another_with("limited", |config| config.rate_limit_address = 1_000).await;
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        for n in 1..=21 {
            let answer = if n % 2 == 0 {
                client.get(app.url("/r/nowhere")).send().await
            } else {
                client.put(app.url("/uploads/imp_nothing?token=guessed")).body("handle\n").send().await
            };
            let answer = answer.unwrap();
            assert_eq!(answer.status(), if n <= 20 { 404 } else { 429 }, "{n}");
            assert!(answer.headers().contains_key("ratelimit"));
            assert_eq!(answer.headers().contains_key("retry-after"), n > 20);
        }
        app.end().await;
    }

    async fn what_cannot_be_read_costs_as_well(app) {
        let app = app.another_with("limited", |config| config.rate_limit_address = 1_000).await;
        for n in 1..=11 {
            let request = app.http.post(app.url("/graphql")).header("content-type", "application/json").body("{");
            assert_eq!(request.send().await.unwrap().status(), if n <= 10 { 400 } else { 429 }, "{n}");
        }
        app.end().await;
    }
}

/// Two nodes grant the limit together, and a twentieth more that one of them gave on credit; a burst changes nothing.
#[test]
fn two_nodes_hold_a_limit_together_on_postgres() {
    run(Kind::Postgres, "two_nodes_hold_a_limit_together", async |app| {
        let app = app
            .another_with("together", |config| config.rate_limit_address = 10_000)
            .await;
        let second = app.second_node().await;
        let (one, other) = (app.url(""), second.url());
        let granted = AtomicUsize::new(0);
        let burst = (0..200).map(async |n| {
            let at = if n % 2 == 0 { &one } else { &other };
            let answer = ask(&app, at, None, None, SMALL).await;
            granted.fetch_add(usize::from(answer.status() == 200), Ordering::Relaxed);
        });
        futures::future::join_all(burst).await;
        let granted = granted.load(Ordering::Relaxed);
        assert!((100..=105).contains(&granted), "{granted}");
        second.stop().await;
        app.end().await;
    });
}
