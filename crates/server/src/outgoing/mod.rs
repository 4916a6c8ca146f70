//! Requests to addresses that people named. Such an address may lead anywhere, so nothing else in the process goes there:
//! HTTPS only, to public addresses only, following nobody elsewhere, and never further than some bytes and seconds.
//!
//! A name is looked up once, when the connection is made, by a resolver that lets public addresses through and no others;
//! the connection goes to one of those. So it makes no difference what the name resolves to a moment later. Addresses
//! written as numbers never reach the resolver: they are looked at before.

mod addresses;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::Instant;
use url::{Host, Url};
use vitrine_domain::ports::{Answered, Courier, Delivery, Undelivered};
use vitrine_model::text::WebUrl;

pub use addresses::is_public;

/// How long a delivery may take, from the look-up of the name to the last byte that is read.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What is read of an answer.
const BEGINNING: usize = 1024;

/// Where requests may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// To private addresses, this machine's among them.
    pub private: bool,
    /// Without TLS.
    pub plain: bool,
    /// How long a delivery may take.
    pub timeout: Duration,
}

impl Reach {
    /// The open internet by HTTPS.
    pub const PUBLIC: Self = Self {
        private: false,
        plain: false,
        timeout: TIMEOUT,
    };
    /// Everywhere, for development and tests.
    pub const EVERYWHERE: Self = Self {
        private: true,
        plain: true,
        timeout: TIMEOUT,
    };
}

/// Addresses of a name, as they are looked up.
pub type LookedUp = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;
/// Looks a name up.
pub type LookUp = Arc<dyn Fn(String) -> LookedUp + Send + Sync>;

/// The machine's own way to look names up.
pub fn machine_look_up() -> LookUp {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// Lets public addresses through.
struct Filtered {
    look_up: LookUp,
    reach: Reach,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, reach) = ((self.look_up)(name.as_str().to_owned()), self.reach);
        Box::pin(async move {
            // Who named it is told the same whether there is no such name or no such way: she need not learn which names
            // this network knows.
            let mut found = found.await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a name of a webhook's address could not be looked up");
                Vec::new()
            });
            found.retain(|address| reach.private || is_public(address.ip()));
            if found.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// No public address of a name is known.
#[derive(Debug)]
struct NotPublic;

impl std::fmt::Display for NotPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("its name leads to no public address")
    }
}

impl std::error::Error for NotPublic {}

/// Delivers by HTTP.
#[derive(Debug, Clone)]
pub struct Messenger {
    http: reqwest::Client,
    reach: Reach,
}

impl Messenger {
    /// A messenger who goes as far as `reach` says, and finds names by `look_up`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(reach: Reach, look_up: LookUp) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("Vitrine/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would look names up itself.
            .no_proxy()
            .https_only(!reach.plain)
            // A connection is used once: what was looked up for another message does not count for this one.
            .pool_max_idle_per_host(0)
            .http1_only()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(Arc::new(Filtered { look_up, reach }))
            .build()
            .context("no HTTP client could be made")?;
        Ok(Self { http, reach })
    }

    async fn exchange(&self, delivery: Delivery) -> Result<(u16, Vec<u8>), String> {
        let url = checked(delivery.url.as_str(), self.reach)?;
        let mut request = self.http.post(url).body(delivery.body);
        for (name, value) in delivery.headers {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = request.send().await.map_err(|error| told(&error))?;
        let mut beginning = Vec::new();
        while beginning.len() < BEGINNING {
            match response.chunk().await {
                Ok(Some(chunk)) => beginning.extend_from_slice(&chunk),
                Ok(None) => break,
                // The status was told: what follows it changes nothing.
                Err(_) => break,
            }
        }
        beginning.truncate(BEGINNING);
        Ok((response.status().as_u16(), beginning))
    }
}

#[async_trait]
impl Courier for Messenger {
    fn admits(&self, url: &WebUrl) -> Result<(), String> {
        checked(url.as_str(), self.reach).map(|_| ())
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Answered, Undelivered> {
        let begun = Instant::now();
        let outcome = tokio::time::timeout(self.reach.timeout, self.exchange(delivery)).await;
        let took = begun.elapsed();
        match outcome {
            Ok(Ok((status, beginning))) => Ok(Answered {
                status,
                beginning,
                took,
            }),
            Ok(Err(why)) => Err(Undelivered {
                timed_out: took >= CONNECT_TIMEOUT,
                why,
                took,
            }),
            Err(_) => Err(Undelivered {
                why: format!("no answer within {} seconds", self.reach.timeout.as_secs()),
                timed_out: true,
                took,
            }),
        }
    }
}

/// The address, if requests may go there as far as its text tells.
fn checked(text: &str, reach: Reach) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "it is not an address".to_owned())?;
    if url.scheme() != "https" && !(reach.plain && url.scheme() == "http") {
        return Err("it must start with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must carry no user name".to_owned());
    }
    if reach.private {
        return Ok(url);
    }
    let public = match url.host() {
        None => false,
        Some(Host::Ipv4(ip)) => is_public(ip.into()),
        Some(Host::Ipv6(ip)) => is_public(ip.into()),
        Some(Host::Domain(name)) => is_public_name(name),
    };
    if public {
        Ok(url)
    } else {
        Err("it must lead to a public address".to_owned())
    }
}

/// Names that never lead to a public address (RFC 6761, RFC 6762, RFC 8375, RFC 9476). The resolver has the last word on all
/// others.
fn is_public_name(name: &str) -> bool {
    const PRIVATE: [&str; 9] = [
        "localhost",
        "local",
        "internal",
        "test",
        "invalid",
        "onion",
        "alt",
        "home.arpa",
        "localdomain",
    ];
    let name = name.trim_end_matches('.');
    let within = |zone: &str| {
        name.strip_suffix(zone)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    name.contains('.') && !PRIVATE.iter().any(|zone| within(zone))
}

/// The first cause of an error: what is said above it names the address again.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = if error.is_connect() { "no connection: " } else { "" };
    format!("{what}{cause}").chars().take(300).collect()
}
