//! Speaking GraphQL as any client would: over HTTP, with nothing but the public schema.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Someone who uses the API.
#[derive(Clone)]
pub(super) struct Person {
    http: reqwest::Client,
    url: String,
    /// Opens her account.
    pub(super) token: Option<String>,
    /// Opens her cart and order.
    pub(super) guest: Option<String>,
}

impl Person {
    /// Somebody nobody knows.
    pub(super) fn unknown(http: &reqwest::Client, server: &str) -> Self {
        Self {
            http: http.clone(),
            url: format!("{server}/graphql"),
            token: None,
            guest: None,
        }
    }

    /// Opens an account and signs in.
    pub(super) async fn join(&mut self, name: &str, email: &str, password: &str) -> anyhow::Result<String> {
        let open = "mutation ($in: AccountCreateInput!) {
            accountCreate(input: $in) { account { id } userErrors { message } } }";
        let made = self
            .ask(
                open,
                json!({ "in": { "name": name, "email": email, "password": password } }),
            )
            .await?;
        self.sign_in(email, password).await?;
        text(&made["accountCreate"]["account"]["id"])
    }

    /// Signs in, anew if need be.
    pub(super) async fn sign_in(&mut self, email: &str, password: &str) -> anyhow::Result<()> {
        self.token = None;
        let sign_in = "mutation ($in: SessionCreateInput!) {
            sessionCreate(input: $in) { session { token } userErrors { message } } }";
        let session = self
            .ask(sign_in, json!({ "in": { "email": email, "password": password } }))
            .await?;
        self.token = Some(text(&session["sessionCreate"]["session"]["token"])?);
        Ok(())
    }

    /// Sends one operation. Errors of either kind end the story.
    pub(super) async fn ask(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut request = self.http.post(&self.url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(guest) = &self.guest {
            request = request.header("Vitrine-Guest", guest);
        }
        let body = json!({ "query": query, "variables": variables });
        let answer: Value = request.json(&body).send().await?.json().await?;
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
