//! Speaking GraphQL as any client would: over HTTP, with nothing but the public schema.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Someone who uses the API.
#[derive(Clone)]
pub(super) struct Person {
    http: reqwest::Client,
    url: String,
    /// What opens her account, shared by all who act for her: a session is refreshed once, for all of them.
    keys: Arc<Mutex<Option<Keys>>>,
    /// Opens her cart and order.
    pub(super) guest: Option<String>,
}

/// The tokens of a session.
#[derive(Clone)]
struct Keys {
    access: String,
    refresh: String,
}

impl Person {
    /// Somebody nobody knows.
    pub(super) fn unknown(http: &reqwest::Client, server: &str) -> Self {
        Self {
            http: http.clone(),
            url: format!("{server}/graphql"),
            keys: Arc::default(),
            guest: None,
        }
    }

    /// Opens an account, and is signed in.
    pub(super) async fn join(&mut self, name: &str, email: &str, password: &str) -> anyhow::Result<String> {
        let open = "mutation ($in: AccountCreateInput!) { accountCreate(input: $in) {
            account { id } session { accessToken refreshToken } userErrors { message } } }";
        let new = json!({ "in": { "name": name, "email": email, "password": password } });
        let made = self.ask(open, new).await?;
        self.keep(&made["accountCreate"]["session"])?;
        text(&made["accountCreate"]["account"]["id"])
    }

    /// What opens her account now; nothing for who has none.
    pub(super) fn token(&self) -> Option<String> {
        self.keys().map(|keys| keys.access)
    }

    /// Goes on with her session: access tokens run out within hours, and the story takes weeks.
    pub(super) async fn refresh(&self) -> anyhow::Result<()> {
        let keys = self.keys().context("nobody is signed in")?;
        let refresh = "mutation ($token: String!) { sessionRefresh(input: { refreshToken: $token }) {
            session { accessToken refreshToken } userErrors { message } } }";
        let answer = self.send(None, refresh, json!({ "token": keys.refresh })).await?;
        self.keep(&succeeded(refresh, answer)?["sessionRefresh"]["session"])
    }

    /// Proves anew who she is: what concerns where money goes asks for it.
    pub(super) async fn prove(&self, password: &str) -> anyhow::Result<()> {
        let step_up = "mutation ($password: String!) {
            sessionStepUp(input: { password: $password }) { userErrors { message } } }";
        self.ask(step_up, json!({ "password": password })).await?;
        Ok(())
    }

    /// Sends one operation. Errors of either kind end the story, but for a token that ran out.
    pub(super) async fn ask(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let token = self.token();
        let answer = self.send(token.as_deref(), query, variables.clone()).await?;
        let expired = answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED";
        if !expired || token.is_none() {
            return succeeded(query, answer);
        }
        self.refresh().await?;
        succeeded(query, self.send(self.token().as_deref(), query, variables).await?)
    }

    async fn send(&self, token: Option<&str>, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut request = self.http.post(&self.url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(guest) = &self.guest {
            request = request.header("Vitrine-Guest", guest);
        }
        let body = json!({ "query": query, "variables": variables });
        Ok(request.json(&body).send().await?.json().await?)
    }

    fn keys(&self) -> Option<Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, session: &Value) -> anyhow::Result<()> {
        let keys = Keys {
            access: text(&session["accessToken"])?,
            refresh: text(&session["refreshToken"])?,
        };
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
        Ok(())
    }
}

/// The answer's data, unless it has errors of either kind.
fn succeeded(query: &str, answer: Value) -> anyhow::Result<Value> {
    if let Some(errors) = answer.get("errors") {
        bail!("{query}\n{errors:#}");
    }
    let refused = |payload: &Value| {
        payload["userErrors"]
            .as_array()
            .is_some_and(|errors| !errors.is_empty())
    };
    if let Some(payload) = answer["data"]
        .as_object()
        .and_then(|data| data.values().find(|payload| refused(payload)))
    {
        bail!("{query}\n{:#}", payload["userErrors"]);
    }
    Ok(answer["data"].clone())
}

/// The text in `value`.
pub(super) fn text(value: &Value) -> anyhow::Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("expected a text, not {value}"))
}

/// A money object as people write it.
pub(super) fn money(value: &Value) -> String {
    format!(
        "{} {}",
        value["amount"].as_str().unwrap_or("?"),
        value["currency"].as_str().unwrap_or("?")
    )
}
