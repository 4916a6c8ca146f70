//! `stripe-sandbox`: runs the sandbox alone.

use anyhow::ensure;
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use vitrine_stripe_sandbox::{ClockMode, Config, Sandbox, WebhookTarget};

/// A local Stripe for development and tests: no account, no network, no real money.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// The API key to accept.
    #[arg(long, default_value = "sk_test_sandbox")]
    secret_key: String,
    /// Where to send events.
    #[arg(long, requires = "webhook_secret")]
    webhook: Option<String>,
    /// The secret that signs them, whsec_….
    #[arg(long, requires = "webhook")]
    webhook_secret: Option<String>,
    /// A file to keep the state in.
    #[arg(long)]
    data: Option<PathBuf>,
    /// How browsers reach this server, if not by the address it listens on.
    #[arg(long)]
    public_url: Option<String>,
    /// Ids follow from this number.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Begin at this instant (RFC 3339) and move time by hand, with POST /_sandbox/clock.
    #[arg(long, value_name = "INSTANT")]
    manual_clock: Option<chrono::DateTime<chrono::Utc>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let options = Options::parse();
    ensure!(
        options.secret_key.starts_with("sk_test_"),
        "the secret key must begin with sk_test_"
    );
    let webhook = options
        .webhook
        .zip(options.webhook_secret)
        .map(|(url, secret)| WebhookTarget { url, secret });
    let key = options.secret_key.clone();
    let sandbox = Sandbox::start(Config {
        listen: options.listen,
        secret_key: options.secret_key,
        webhook,
        data: options.data,
        clock: options.manual_clock.map_or(ClockMode::System, ClockMode::Manual),
        seed: options.seed,
        public_url: options.public_url,
    })
    .await?;
    tracing::info!(
        "a Stripe sandbox serves {} for the key {key}; dashboard: {0}/dashboard",
        sandbox.url()
    );
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}
