//! A local Stripe: no account, no network, no real money.
//!
//! For development, demonstrations and tests of whatever speaks to Stripe over HTTP. It knows nothing of Vitrine and
//! shares no types with its other crates, so that a misunderstanding of Stripe cannot agree with itself; it is held
//! against Stripe's own OpenAPI document instead (`openapi/`).
//!
//! What tests and demonstrations can do to it is explained in the crate's `README.md`.
//!
//! Layers, from the outside in: `server` (the process), `api` (`/v1`), `admin` (`/_sandbox`) and `hosted` (pages);
//! `routes` and `spec` say which operations there are and what they take; `resources` hold the operations, each a plain
//! function on `state`; `ledger` moves all money, `webhooks` makes all events, `time` does what the clock brings.

// Stripe's objects are long, and `json!` takes a step for each of their fields.
#![recursion_limit = "512"]

mod admin;
mod api;
mod cards;
mod chance;
mod clock;
mod currency;
mod delivery;
mod error;
mod expand;
mod faults;
mod form;
mod hosted;
mod idempotency;
mod index;
mod ledger;
mod pages;
mod resources;
mod routes;
mod server;
mod settings;
mod spec;
mod state;
mod time;
mod webhooks;

pub use clock::ClockMode;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// How a sandbox runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The one API key that is accepted, `sk_test_…`.
    pub secret_key: String,
    /// Where events are sent, if anywhere yet.
    pub webhook: Option<WebhookTarget>,
    /// A file that keeps the state over restarts; without one it is in memory.
    pub data: Option<PathBuf>,
    /// Where time comes from.
    pub clock: ClockMode,
    /// Ids follow from this and from the order of requests.
    pub seed: u64,
    /// How browsers reach this server, if not by the address it listens on.
    pub public_url: Option<String>,
}

/// An endpoint that hears of all events, the platform's and the connected accounts'.
#[derive(Debug, Clone)]
pub struct WebhookTarget {
    /// Its address.
    pub url: String,
    /// The secret that signs what it is sent, `whsec_…`.
    pub secret: String,
}

/// A running sandbox.
pub struct Sandbox {
    shared: Arc<server::Shared>,
    address: SocketAddr,
}

impl Sandbox {
    /// Starts a sandbox; it serves when this returns.
    ///
    /// # Errors
    /// When the address is taken, or the data file cannot be read as a sandbox's state.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (shared, address) = server::start(config).await?;
        Ok(Self { shared, address })
    }

    /// `http://127.0.0.1:PORT`: the base of the API, the dashboard and the pages.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops serving and delivering; returns when nothing is under way any more.
    pub async fn stop(self) {
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}
