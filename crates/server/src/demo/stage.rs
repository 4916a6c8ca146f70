//! Where the demo plays: the product on SQLite in a fresh folder, or on an empty database that is named, a Stripe sandbox
//! beside it, and one clock for both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vitrine_domain::ports::Clock;
use vitrine_stripe_sandbox::{ClockMode, Sandbox};

use crate::boot::{Nature, Running};
use crate::config::{Config, Environment};
use crate::demo::api::Person;
use crate::worlds::{ManualClock, SystemClock, SystemEntropy, os_random};
use crate::{database, worker};

/// What the sandbox and the product agree on: no secrets, since no money is real here.
const STRIPE_KEY: &str = "sk_test_vitrine_demo";
const WEBHOOK_SECRET: &str = "whsec_vitrine_demo_0123456789";

/// Product and sandbox, running.
pub(super) struct Stage {
    pub(super) running: Running,
    pub(super) http: reqwest::Client,
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
    pub(super) folder: PathBuf,
}

impl Stage {
    /// Builds the stage in a fresh folder below the system's temporary one.
    pub(super) async fn build(config: &Config) -> anyhow::Result<Self> {
        let now = SystemClock.now();
        let folder = fresh_folder(now)?;
        match Self::build_in(config, now, folder.clone()).await {
            Ok(stage) => Ok(stage),
            Err(error) => {
                // Nothing was played in it: there is nothing to keep.
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?;
                Err(error)
            }
        }
    }

    async fn build_in(config: &Config, now: DateTime<Utc>, folder: PathBuf) -> anyhow::Result<Self> {
        let sandbox = Sandbox::start(vitrine_stripe_sandbox::Config {
            listen: ([127, 0, 0, 1], 0).into(),
            secret_key: STRIPE_KEY.to_owned(),
            webhook: None,
            data: None,
            clock: ClockMode::Manual(now),
            seed: u64::from_le_bytes(os_random()[..8].try_into()?),
            public_url: None,
        })
        .await
        .context("the Stripe sandbox does not start")?;
        let config = Config {
            listen: free_address(config.listen),
            database_url: config.database_url.clone(),
            allow_unsafe_database: config.allow_unsafe_database,
            data_dir: folder.clone(),
            environment: Environment::Development,
            public_url: None,
            landing_url: None,
            order_url: None,
            shopholder_url: None,
            brand_url: None,
            account_url: None,
            secret_key: Some(hex::encode(os_random()).into()),
            stripe_secret_key: Some(STRIPE_KEY.to_owned().into()),
            stripe_base_url: sandbox.url(),
            stripe_webhook_secrets: vec![WEBHOOK_SECRET.to_owned().into()],
            origins: config.origins.clone(),
            // For a day whoever looks around need not refresh what GraphiQL is given.
            access_minutes: 24 * 60,
            // Whoever looks around may ask for anything.
            rate_limit: 0,
            rate_limit_key: 0,
            rate_limit_address: 0,
            log: config.log.clone(),
            log_format: config.log_format,
            // The story is told with the default terms and sends nothing out, whatever the operator has set for his shop.
            ..Config::quiet_default()
        };
        database::check_empty(&config.database_url()).await?;
        let clock = Arc::new(ManualClock::starting_at(now));
        let nature = Nature {
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            on_statement: None,
            on_point: None,
        };
        let running = Running::start(&config, nature, false).await?;
        // The referral link answers with a redirect, which the story shows.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let stage = Self {
            running,
            http,
            sandbox,
            clock,
            folder,
        };
        let webhooks = format!("{}/webhooks/stripe", stage.running.url());
        stage
            .admin("webhook", json!({ "url": webhooks, "secret": WEBHOOK_SECRET }))
            .await?;
        Ok(stage)
    }

    /// What time it is in the story.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The sandbox's address.
    pub(super) fn stripe_url(&self) -> String {
        self.sandbox.url()
    }

    /// Lets everything due happen: jobs in the product, events at Stripe, until neither has anything left.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        loop {
            let jobs = worker::settle(&self.running.app).await?;
            let settled = self.admin("settle", json!({})).await?;
            if jobs == 0 && settled["delivered"] == 0 && settled["failed"] == 0 {
                return Ok(());
            }
        }
    }

    /// Has `person` confirm the address that she was just written to: she opens the letter and follows its link.
    pub(super) async fn confirm(&self, person: &Person, email: &str) -> anyhow::Result<()> {
        self.settle().await?;
        let token = self.letter_token(email)?;
        let verify = "mutation ($token: String!) {
            emailVerify(input: { token: $token }) { userErrors { message } } }";
        person.ask(verify, json!({ "token": token })).await?;
        Ok(())
    }

    /// The token in the link of the letter to `email`.
    fn letter_token(&self, email: &str) -> anyhow::Result<String> {
        for letter in std::fs::read_dir(self.folder.join("mail"))? {
            let letter = std::fs::read_to_string(letter?.path())?;
            // As mail is written: long lines are broken, and equals signs spelt out.
            let letter = letter.replace("=\r\n", "").replace("=3D", "=");
            let token = letter.split_once("account=verify#").map(|(_, rest)| rest);
            let token = token.filter(|_| letter.contains(&format!("To: {email}")));
            if let Some(token) = token.and_then(|rest| rest.split_whitespace().next()) {
                return Ok(token.to_owned());
            }
        }
        anyhow::bail!("no letter asks {email} to confirm her address")
    }

    /// Moves time forward in both. What is due before is done before, so that it bears its own date; what becomes due is
    /// done after.
    pub(super) async fn wait(&self, by: TimeDelta) -> anyhow::Result<()> {
        self.settle().await?;
        self.clock.advance(by);
        self.admin("clock", json!({ "advance_seconds": by.num_seconds() }))
            .await?;
        self.settle().await
    }

    /// Lets time pass as it does outside, until told to stop.
    pub(super) async fn live_on(&self) -> anyhow::Result<()> {
        let second = std::time::Duration::from_secs(1);
        let stopped = asked_to_stop();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                stopped = &mut stopped => return stopped,
                () = tokio::time::sleep(second) => self.wait(TimeDelta::seconds(1)).await?,
            }
        }
    }

    /// Stops both.
    pub(super) async fn strike(self) {
        self.running.stop().await;
        self.sandbox.stop().await;
    }

    /// The sandbox's own books, for comparing.
    pub(super) async fn stripe_books(&self) -> anyhow::Result<Value> {
        let response = self
            .http
            .get(format!("{}/_sandbox/books", self.sandbox.url()))
            .send()
            .await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn admin(&self, route: &str, body: Value) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("{}/_sandbox/{route}", self.sandbox.url()))
            .json(&body);
        let response = request.send().await?.error_for_status()?;
        Ok(response.json().await.unwrap_or(Value::Null))
    }
}

/// Waits until someone asks the process to stop.
pub(super) async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

/// The address wanted, or any other port where that one is taken: a demo must not fail for that.
fn free_address(wanted: SocketAddr) -> SocketAddr {
    match std::net::TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}

fn fresh_folder(now: DateTime<Utc>) -> anyhow::Result<PathBuf> {
    let name = format!(
        "vitrine-demo-{}-{}",
        now.format("%Y%m%d-%H%M%S"),
        std::process::id()
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
