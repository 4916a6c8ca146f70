//! The Stripe sandbox of one test, and what a person does on its pages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use vitrine_model::money::Currency;
use vitrine_stripe_sandbox::{ClockMode, Config, Sandbox};

use super::{STRIPE_KEY, WEBHOOK_SECRET};

/// A local Stripe with a clock moved by hand.
pub(crate) struct Stripe {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Stripe {
    pub(crate) async fn start(now: DateTime<Utc>) -> Self {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            secret_key: STRIPE_KEY.to_owned(),
            webhook: None,
            data: None,
            clock: ClockMode::Manual(now),
            seed: 1,
            public_url: None,
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { sandbox, http }
    }

    pub(crate) fn url(&self) -> String {
        self.sandbox.url()
    }

    /// Where events go from now on.
    pub(crate) async fn deliver_to(&self, url: &str) {
        self.admin("webhook", json!({ "url": url, "secret": WEBHOOK_SECRET }))
            .await;
    }

    /// Attempts every delivery that is due; returns how many there were.
    pub(crate) async fn settle(&self) -> u64 {
        let settled = self.admin("settle", json!({})).await;
        settled["delivered"].as_u64().unwrap_or(0) + settled["failed"].as_u64().unwrap_or(0)
    }

    pub(crate) async fn advance(&self, by: TimeDelta) {
        self.admin("clock", json!({ "advance_seconds": by.num_seconds() }))
            .await;
    }

    /// Posts to one of the sandbox's admin routes.
    pub(crate) async fn admin(&self, route: &str, body: Value) -> Value {
        let response = self
            .http
            .post(format!("{}/_sandbox/{route}", self.url()))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(
            response.status().is_success(),
            "/_sandbox/{route}: {}",
            response.text().await.unwrap()
        );
        response.json().await.unwrap_or(Value::Null)
    }

    /// What was to strike does not any more.
    pub(crate) async fn clear_faults(&self) {
        let cleared = self.http.delete(format!("{}/_sandbox/faults", self.url()));
        assert!(cleared.send().await.unwrap().status().is_success());
    }

    /// The sandbox's own books.
    pub(crate) async fn books(&self) -> Value {
        self.http
            .get(format!("{}/_sandbox/books", self.url()))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Its own books, kept by no code of the product's, agree with those in the database: in every currency it holds what
    /// `stripe_cash` says, and nothing was made twice.
    pub(crate) async fn assert_agrees(&self, db: &DatabaseConnection, told: &str) {
        let books = self.books().await;
        let ours = vitrine_domain::ledger::stripe_cash(db).await.unwrap();
        let ours: BTreeMap<String, i64> = ours
            .iter()
            .map(|money| (money.currency().to_string().to_lowercase(), money.minor()))
            .collect();
        for currency in Currency::ALL {
            let code = currency.to_string().to_lowercase();
            let part = |name: &str| books["balance"][&code][name].as_i64().unwrap_or(0);
            assert_eq!(
                ours.get(&code).copied().unwrap_or(0),
                part("available") + part("pending"),
                "{told}: our stripe_cash in {code}, and the sandbox's balance: {books:#}"
            );
        }
        self.assert_made_once(told).await;
    }

    /// No refund, transfer or reversal was made twice of what was asked for once.
    pub(crate) async fn assert_made_once(&self, told: &str) {
        let books = self.books().await;
        for kind in ["refunds", "transfers", "reversals"] {
            let mut intents = BTreeSet::new();
            for made in books[kind].as_array().unwrap() {
                if let Some(intent) = made["metadata"]["vitrine_intent"].as_str() {
                    assert!(
                        intents.insert(intent.to_owned()),
                        "{told}: {kind} made twice: {books:#}"
                    );
                }
            }
        }
    }

    /// Asks Stripe's API as the platform would.
    pub(crate) async fn api(&self, path: &str) -> Value {
        let request = self
            .http
            .get(format!("{}{path}", self.url()))
            .bearer_auth(STRIPE_KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Pays on a hosted page with a card; returns where the page sends the browser, if it does.
    pub(crate) async fn pay(&self, checkout_url: &str, card: &str) -> Option<String> {
        let form = [
            ("card_number", card),
            ("exp", "12/80"),
            ("cvc", "123"),
            ("name", "Berta Buyer"),
        ];
        let response = self.http.post(checkout_url).form(&form).send().await.unwrap();
        response
            .headers()
            .get("location")
            .map(|location| location.to_str().unwrap().to_owned())
    }

    /// Pays on a hosted page from a bank account, which takes its time.
    pub(crate) async fn pay_from_bank(&self, checkout_url: &str, iban: &str) {
        let form = [("iban", iban), ("name", "Berta Buyer")];
        let response = self.http.post(checkout_url).form(&form).send().await.unwrap();
        assert!(
            response.status().is_redirection(),
            "{}",
            response.text().await.unwrap()
        );
    }

    /// Fills in a hosted onboarding page.
    pub(crate) async fn onboard(&self, link: &str) {
        let response = self
            .http
            .post(link)
            .form(&[("action", "complete")])
            .send()
            .await
            .unwrap();
        assert!(
            response.status().is_redirection() || response.status().is_success(),
            "{}",
            response.status()
        );
    }

    pub(crate) async fn stop(self) {
        self.sandbox.stop().await;
    }
}
