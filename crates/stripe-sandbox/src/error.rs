//! Stripe's error object.

use serde_json::{Map, Value, json};

/// A refused request, as Stripe words it.
#[derive(Debug, Clone)]
pub(crate) struct StripeError {
    /// The HTTP status.
    pub(crate) status: u16,
    fields: Map<String, Value>,
}

impl StripeError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        let mut fields = Map::new();
        fields.insert("type".into(), kind.into());
        fields.insert("message".into(), message.into().into());
        Self { status, fields }
    }

    /// 400 `invalid_request_error`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 404: an object named in the URL does not exist; see [`Self::in_body`].
    pub(crate) fn missing(noun: &str, id: &str) -> Self {
        let error = Self::invalid(format!("No such {noun}: '{id}'"));
        error.status(404).code("resource_missing").param("id")
    }

    /// 401: no key, or the wrong one.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    /// 402 `card_error`.
    pub(crate) fn card(code: &str, message: impl Into<String>) -> Self {
        Self::new(402, "card_error", message).code(code)
    }

    /// 400 or 409 `idempotency_error`.
    pub(crate) fn idempotency(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "idempotency_error", message)
    }

    /// 429.
    pub(crate) fn rate_limit() -> Self {
        Self::new(429, "invalid_request_error", "Request rate limit exceeded.").code("rate_limit")
    }

    /// A failure of Stripe's own, with a status of 500 and above.
    pub(crate) fn api(status: u16) -> Self {
        Self::new(
            status,
            "api_error",
            "An unknown error occurred (a fault injected into the sandbox).",
        )
    }

    /// The machine-readable code.
    pub(crate) fn code(self, code: &str) -> Self {
        let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        self.with("code", code).with("doc_url", page)
    }

    /// Another HTTP status than is usual for its type.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The parameter at fault.
    pub(crate) fn param(self, param: impl Into<String>) -> Self {
        self.with("param", param.into())
    }

    /// A parameter names something that does not exist: Stripe answers 400 then, not 404.
    pub(crate) fn in_body(self, param: &str) -> Self {
        self.status(400).param(param)
    }

    /// Another field of the error object, such as `decline_code` or `payment_intent`.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(key.to_owned(), value.into());
        self
    }

    /// What a person reads.
    pub(crate) fn message(&self) -> &str {
        self.fields
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The error object, as `last_payment_error` keeps it.
    pub(crate) fn object(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// The response body.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.fields })
    }
}
