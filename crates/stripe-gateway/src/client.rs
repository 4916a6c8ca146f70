//! The HTTP beneath: one pool of connections, one version, our idempotency key through all tries, the status kept.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use stripe_client_core::{
    CustomizedStripeRequest, IdempotencyKey, RequestBuilder as StripeRequestBuilder, StripeClient,
    StripeClientErr, StripeMethod,
};
use url::{Host, Url};
use vitrine_domain::ports::CallError;

use crate::API_VERSION;

/// Quick tries after the first, for what a moment may mend. What lasts longer is for the job to try again.
const QUICK_RETRIES: usize = 2;
/// Where the pauses between quick tries begin; jitter up to as much again is added.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of Stripe's API. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Arc<Url>,
    key: SecretString,
}

impl Client {
    pub(crate) fn new(base: Url, key: SecretString, timeout: Duration) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert("Stripe-Version", HeaderValue::from_static(API_VERSION));
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("Vitrine/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout);
        if is_this_machine(&base) {
            // A proxy that the operator's machine uses for the world cannot reach a sandbox beside us.
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build().context("no HTTP client could be made")?,
            base: Arc::new(base),
            key,
        })
    }

    async fn once(
        &self,
        request: &StripeRequestBuilder,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bytes, Failed> {
        let response = self
            .prepare(request, key)?
            .send()
            .await
            .map_err(Failed::network)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(Failed::network)?;
        let request_id = text(&headers, "request-id");
        if status.is_success() {
            tracing::debug!(method = ?request.method, path = request.path, %status, request_id, "stripe");
            return Ok(body);
        }
        let failed = Failed::answered(status, &body, text(&headers, "stripe-should-retry") == "false");
        tracing::warn!(
            method = ?request.method, path = request.path, %status, request_id, code = failed.code(), "stripe said no"
        );
        Err(failed)
    }

    fn prepare(
        &self,
        request: &StripeRequestBuilder,
        key: Option<&IdempotencyKey>,
    ) -> Result<RequestBuilder, Failed> {
        let mut url = self
            .base
            .join(&format!("/v1{}", request.path))
            .map_err(|error| Failed::unsendable(&error))?;
        url.set_query(request.query.as_deref());
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", self.key.expose_secret()))
            .map_err(|error| Failed::unsendable(&error))?;
        authorization.set_sensitive(true);
        let mut prepared = self
            .http
            .request(method, url)
            .header(AUTHORIZATION, authorization);
        if let Some(key) = key {
            prepared = prepared.header("Idempotency-Key", key.as_str());
        }
        if let Some(body) = &request.body {
            prepared = prepared
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(body.clone());
        }
        Ok(prepared)
    }
}

impl StripeClient for Client {
    type Err = Failed;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, Failed> {
        let (mut request, overrides) = request.into_pieces();
        request.body = request.body.map(in_order);
        let key = overrides.request_strategy.and_then(|strategy| strategy.get_key());
        let pauses = ExponentialBuilder::default()
            .with_min_delay(SHORTEST_PAUSE)
            .with_max_times(QUICK_RETRIES)
            .with_jitter();
        let attempt = || self.once(&request, key.as_ref());
        attempt.retry(pauses).when(|failed| failed.again).await
    }
}

/// A request that gave no object.
#[derive(Debug)]
pub(crate) struct Failed {
    error: CallError,
    /// Whether the same request, at once, may fare better.
    again: bool,
}

/// Stripe's error object, as far as we read it: <https://docs.stripe.com/api/errors>.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ErrorObject,
}

#[derive(Default, Deserialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

impl Failed {
    fn answered(status: StatusCode, body: &[u8], told_not_to: bool) -> Self {
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let ErrorObject { kind, code, message } = body.error;
        let reused = kind.as_deref() == Some("idempotency_error");
        let code = code
            .or(kind)
            .unwrap_or_else(|| format!("http_{}", status.as_u16()));
        let message = message.unwrap_or_default();
        match status.as_u16() {
            // The key was used with other parameters: whatever that made, it was not refused.
            400..=404 if reused => Self::unknown(format!("{status} {code}: {message}"), false),
            401 => Self {
                error: CallError::Unauthorized(message),
                again: false,
            },
            400 | 402 | 403 | 404 => Self {
                error: CallError::Refused { code, message },
                again: false,
            },
            _ => Self::unknown(format!("{status} {code}: {message}"), !told_not_to),
        }
    }

    /// A time-out has cost its time already: it is not tried again at once.
    fn network(error: reqwest::Error) -> Self {
        let again = !error.is_timeout();
        // The address holds nothing that the error does not say better.
        Self::unknown(format!("{:#}", anyhow::Error::new(error.without_url())), again)
    }

    fn unsendable(error: &dyn std::fmt::Display) -> Self {
        Self {
            error: CallError::Refused {
                code: "request_unsendable".to_owned(),
                message: error.to_string(),
            },
            again: false,
        }
    }

    fn unknown(why: String, again: bool) -> Self {
        Self {
            error: CallError::Unknown(why),
            again,
        }
    }

    fn code(&self) -> &str {
        match &self.error {
            CallError::Refused { code, .. } => code,
            CallError::Unknown(_) => "unknown",
            CallError::Unauthorized(_) => "unauthorized",
        }
    }
}

impl StripeClientErr for Failed {
    /// The request took effect, but what it made cannot be read: looking for it may tell.
    fn deserialize_err(why: impl std::fmt::Display) -> Self {
        Self::unknown(format!("the answer could not be read: {why}"), false)
    }
}

impl From<Failed> for CallError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// An id that may stand in a path. Ids come from webhooks and return addresses, too.
///
/// # Errors
/// As Stripe answers for an object it does not have.
pub(crate) fn checked_id(id: &str) -> Result<&str, CallError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !id.is_empty() && id.bytes().all(plain) {
        return Ok(id);
    }
    Err(CallError::Refused {
        code: "resource_missing".to_owned(),
        message: "this is no id of Stripe's".to_owned(),
    })
}

/// The form with its metadata at the end, in the order of their names: they come from a hash map, in another order each
/// time, but under one key the same request must be sent, to the letter. Everything else is in order, and lists stay so.
fn in_order(form: String) -> String {
    let (mut metadata, mut fields): (Vec<&str>, Vec<&str>) =
        form.split('&').partition(|field| field.contains("metadata"));
    metadata.sort_unstable();
    fields.append(&mut metadata);
    fields.join("&")
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16, body: &str) -> Failed {
        Failed::answered(StatusCode::from_u16(status).unwrap(), body.as_bytes(), false)
    }

    #[test]
    fn what_stripe_refuses_is_refused_with_its_code() {
        let body =
            r#"{"error":{"type":"invalid_request_error","code":"balance_insufficient","message":"No."}}"#;
        for status in [400, 402, 403, 404] {
            let failed = failed(status, body);
            assert!(!failed.again);
            assert!(
                matches!(&failed.error, CallError::Refused { code, message } if code == "balance_insufficient" && message == "No."),
                "{status}: {failed:?}"
            );
        }
    }

    #[test]
    fn a_key_used_before_is_unknown_never_failed() {
        let body = r#"{"error":{"type":"idempotency_error","message":"Keys for idempotent requests…"}}"#;
        let failed = failed(400, body);
        assert!(matches!(failed.error, CallError::Unknown(_)) && !failed.again);
    }

    #[test]
    fn whatever_may_pass_is_unknown_and_tried_again() {
        for status in [409, 424, 429, 500, 502, 503, 504] {
            let failed = failed(status, "<html>");
            assert!(
                matches!(failed.error, CallError::Unknown(_)) && failed.again,
                "{status}"
            );
        }
    }

    #[test]
    fn a_key_not_accepted_stops_everything() {
        let failed = failed(
            401,
            r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key"}}"#,
        );
        assert!(matches!(failed.error, CallError::Unauthorized(_)) && !failed.again);
    }

    #[test]
    fn a_key_in_use_is_waited_for() {
        let failed = failed(
            409,
            r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}"#,
        );
        assert!(matches!(failed.error, CallError::Unknown(_)) && failed.again);
    }

    #[test]
    fn the_same_fields_make_the_same_form() {
        let form = "lines[9]=x&metadata[b]=1&data[metadata][c]=1&lines[10]=y&metadata[a]=1";
        assert_eq!(
            in_order(form.to_owned()),
            "lines[9]=x&lines[10]=y&data[metadata][c]=1&metadata[a]=1&metadata[b]=1"
        );
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert!(checked_id("cs_test_a1").is_ok());
        for id in ["", "..", "ch_1/refunds", "ch_1?expand[]=x", "ch 1", "çh_1"] {
            assert!(checked_id(id).is_err(), "{id}");
        }
    }
}
