//! OpenID Connect, spoken in our words: the authorization code flow with PKCE, state and nonce, at any issuer that can be
//! discovered. This crate knows neither the database nor what an identity is good for.
//!
//! Issuers are named by whoever runs the platform, so what their documents lead to is not suspected as what strangers
//! name would be; all the same nothing is followed elsewhere, and nothing is read without end.

mod provider;
mod settings;

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;
use vitrine_domain::ports::{ExternalAsk, ExternalCode, ExternalPerson, IdentityProviders, ProviderError};
use vitrine_model::Time;

use provider::Provider;
pub use settings::{Issuer, issuers};

/// How long a provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes that are read of an answer.
const MOST_BYTES: usize = 1 << 20;

/// The providers that the platform's operator has named.
pub struct Gateway {
    providers: Vec<Provider>,
    http: Http,
}

impl Gateway {
    /// Speaks to these issuers, each when it is first asked.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(issuers: Vec<Issuer>) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // An issuer's word is its own: it does not send us elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("no HTTP client for identity providers")?;
        Ok(Self {
            providers: issuers.into_iter().map(Provider::new).collect(),
            http: Http(client),
        })
    }

    fn provider(&self, name: &str) -> Result<&Provider, ProviderError> {
        let found = self.providers.iter().find(|provider| provider.name() == name);
        found.ok_or(ProviderError::Unknown)
    }
}

#[async_trait]
impl IdentityProviders for Gateway {
    fn names(&self) -> Vec<String> {
        let names = self.providers.iter().map(Provider::name);
        names.map(str::to_owned).collect()
    }

    async fn ask(&self, provider: &str, ask: &ExternalAsk, now: Time) -> Result<Url, ProviderError> {
        self.provider(provider)?.ask(&self.http, ask, now).await
    }

    async fn redeem(
        &self,
        provider: &str,
        brought: &ExternalCode,
        now: Time,
    ) -> Result<ExternalPerson, ProviderError> {
        self.provider(provider)?.redeem(&self.http, brought, now).await
    }
}

/// The HTTP client, as the OpenID Connect library wants to be served.
struct Http(reqwest::Client);

/// What kept an answer from us.
#[derive(Debug)]
struct HttpError(String);

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HttpError {}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Http {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Without the address: a token endpoint's may be told in logs, what stands behind it may not.
        let failed = |error: reqwest::Error| HttpError(error.without_url().to_string());
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut answer = self.0.execute(request).await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(HttpError("the answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
