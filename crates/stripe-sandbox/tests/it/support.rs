//! A sandbox per test, a client that holds every answer against Stripe's OpenAPI document, and an endpoint that records.

use crate::schema;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use vitrine_stripe_sandbox::{ClockMode, Config, Sandbox};

pub(crate) const KEY: &str = "sk_test_bench";
const WEBHOOK_SECRET: &str = "whsec_bench";

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The object, if the request succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Status, code and parameter of the refusal.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, &str, &str) {
        let error = &self.body["error"];
        assert!(error["message"].is_string(), "{}", self.body);
        (
            self.status,
            error["code"].as_str().unwrap_or(""),
            error["param"].as_str().unwrap_or(""),
        )
    }
}

/// A sandbox, and who talks to it.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: reqwest::Client,
}

pub(crate) fn config() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        secret_key: KEY.to_owned(),
        webhook: None,
        data: None,
        clock: ClockMode::Manual(start_of_time()),
        seed: 7,
        public_url: None,
    }
}

pub(crate) fn start_of_time() -> DateTime<Utc> {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let sandbox = Sandbox::start(config).await.unwrap();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { sandbox, client }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.sandbox.url())
        }
    }

    /// A request with form parameters and headers.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        self.try_send(method, path, form, headers).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .client
            .request(method.parse().unwrap(), self.url(path))
            .bearer_auth(KEY);
        request = if method == "GET" {
            request.query(form)
        } else {
            request.form(form)
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body: Value = serde_json::from_str(&response.text().await?).unwrap();
        assert!(headers["request-id"].to_str().unwrap().starts_with("req_"));
        schema::check(&body);
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send("POST", path, form, &[]).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send("GET", path, &[], &[]).await.ok()
    }

    /// An admin route.
    pub(crate) async fn admin(&self, path: &str, body: Value) -> Value {
        let request = self
            .client
            .post(self.url(&format!("/_sandbox/{path}")))
            .json(&body);
        let response = request.send().await.unwrap();
        let status = response.status();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(status.is_success(), "{path}: {body}");
        body
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        self.admin("clock", json!({ "advance_seconds": seconds })).await;
    }

    pub(crate) async fn settle(&self) -> Value {
        self.admin("settle", json!({})).await
    }

    pub(crate) async fn books(&self) -> Value {
        let response = self.client.get(self.url("/_sandbox/books")).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    /// A page of the sandbox: status, `Location`, body.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// A browser's form.
    pub(crate) async fn submit(&self, path: &str, form: &[(&str, &str)]) -> (u16, String, String) {
        let response = self.client.post(self.url(path)).form(form).send().await.unwrap();
        let location = response
            .headers()
            .get("location")
            .map(|value| value.to_str().unwrap().to_owned());
        (
            response.status().as_u16(),
            location.unwrap_or_default(),
            response.text().await.unwrap(),
        )
    }

    /// A session of one line.
    pub(crate) async fn session(&self, amount: &str, currency: &str) -> Value {
        self.post("/v1/checkout/sessions", &session_form(amount, currency))
            .await
            .ok()
    }

    /// Pays a session on its page; returns where the browser is sent, and the status.
    pub(crate) async fn pay(&self, session: &Value, card: &str) -> (u16, String, String) {
        let form = [
            ("card_number", card),
            ("exp", "12/34"),
            ("cvc", "123"),
            ("name", "Jenny Rosen"),
            ("email", "jenny@example.com"),
        ];
        self.submit(&format!("/c/pay/{}", session["id"].as_str().unwrap()), &form)
            .await
    }

    /// A charge of this amount, made by a payment intent.
    pub(crate) async fn charge(&self, amount: &str, currency: &str, method: &str) -> Value {
        let form = [
            ("amount", amount),
            ("currency", currency),
            ("payment_method", method),
            ("confirm", "true"),
            ("payment_method_types[]", "card"),
            ("expand[]", "latest_charge.balance_transaction"),
        ];
        self.post("/v1/payment_intents", &form).await.ok()["latest_charge"].clone()
    }

    /// A connected account that has completed its onboarding.
    pub(crate) async fn account(&self) -> String {
        let form = [
            ("type", "express"),
            ("country", "NL"),
            ("capabilities[transfers][requested]", "true"),
        ];
        let account = self.post("/v1/accounts", &form).await.ok();
        let id = account["id"].as_str().unwrap().to_owned();
        let (status, location, _) = self
            .submit(&self.onboarding(&id).await, &[("action", "complete")])
            .await;
        assert_eq!((status, location.as_str()), (303, "https://shop.example/back"));
        id
    }

    pub(crate) async fn onboarding(&self, account: &str) -> String {
        let form = [
            ("account", account),
            ("type", "account_onboarding"),
            ("refresh_url", "https://shop.example/again"),
            ("return_url", "https://shop.example/back"),
        ];
        self.post("/v1/account_links", &form).await.ok()["url"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// An endpoint that records what it is sent, set as the sandbox's target.
    pub(crate) async fn listen(&self) -> Endpoint {
        let endpoint = Endpoint::start().await;
        self.admin("webhook", json!({"url": endpoint.url, "secret": WEBHOOK_SECRET}))
            .await;
        endpoint
    }
}

pub(crate) fn session_form<'f>(amount: &'f str, currency: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("mode", "payment"),
        ("success_url", "https://shop.example/done?s={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "https://shop.example/cart"),
        ("client_reference_id", "order-1"),
        ("metadata[order]", "1"),
        ("payment_intent_data[transfer_group]", "order-1"),
        ("payment_intent_data[metadata][order]", "1"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", currency),
        ("line_items[0][price_data][unit_amount]", amount),
        ("line_items[0][price_data][product_data][name]", "Linen shirt"),
        ("line_items[0][price_data][product_data][description]", "Blue, M"),
    ]
}

/// What an endpoint saw.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    answer: Arc<Mutex<u16>>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Self {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            seen: Arc::default(),
            answer: Arc::new(Mutex::new(200)),
        };
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state(endpoint.clone());
        let server = async move { axum::serve(listener, router).await };
        #[expect(
            clippy::disallowed_methods,
            reason = "the endpoint lives as long as its test's runtime"
        )]
        tokio::spawn(server);
        endpoint
    }

    pub(crate) fn answer(&self, status: u16) {
        *self.answer.lock().unwrap() = status;
    }

    /// Takes the events seen so far.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// Takes the types of the events seen so far.
    pub(crate) fn types(&self) -> Vec<String> {
        self.take()
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn receive(State(endpoint): State<Endpoint>, headers: HeaderMap, body: String) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().unwrap();
    let (timestamp, signed) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    assert_eq!(hex::encode(mac.finalize().into_bytes()), signed);
    let mut event: Value = serde_json::from_str(&body).unwrap();
    schema::check(&event);
    event["signed_at"] = timestamp.parse::<i64>().unwrap().into();
    endpoint.seen.lock().unwrap().push(event);
    StatusCode::from_u16(*endpoint.answer.lock().unwrap()).unwrap()
}
