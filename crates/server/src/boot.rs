//! Starting and stopping: the one place where all parts are put together.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitrine_domain::context::{Context, Platform};
use vitrine_domain::jobs;
use vitrine_domain::points::OnPoint;
use vitrine_domain::ports::{Clock, Entropy, Payments};
use vitrine_domain::referral::Clicks;
use vitrine_domain::stream::{Ear, Stream};
use vitrine_domain::throttle::Throttle;
use vitrine_graphql::{Api, Limits};
use vitrine_stripe_gateway::StripePayments;

use crate::config::{Config, Environment};
use crate::outgoing::{Messenger, machine_look_up};
use crate::proxies::Proxies;
use crate::sockets::Sockets;
use crate::worlds::{FolderFiles, NoPayments, Post, SystemClock, SystemEntropy};
use crate::{database, health, listen, router, worker};

/// How long the process takes to stop at most. A request may take 60 seconds; service managers must wait longer than this.
const DRAIN: Duration = Duration::from_secs(70);
/// Passwords hashed at once.
const HASHING: usize = 4;

/// Told of every SQL statement once it is done.
pub type OnStatement = Arc<dyn Fn(&str) + Send + Sync>;

/// The clock and chance a process runs by, and who is told of its SQL statements.
pub struct Nature {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Told of every SQL statement, where someone wants to know.
    pub on_statement: Option<OnStatement>,
    /// Told of the points between durable steps, where someone wants to know.
    pub on_point: Option<OnPoint>,
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            on_statement: None,
            on_point: None,
        }
    }
}

/// The running product, as handlers see it.
#[derive(Clone)]
pub struct Vitrine {
    /// What commands and queries are given.
    pub platform: Arc<Platform>,
    /// The schema, with the documents it executes.
    pub api: Api,
    /// How much anybody may ask for within a minute.
    pub throttle: Arc<Throttle>,
    /// The clicks that wait to be written.
    pub clicks: Arc<Clicks>,
    /// The folder uploads go to.
    pub files: FolderFiles,
    /// Secrets that sign webhooks.
    pub webhook_secrets: Arc<[SecretString]>,
    /// Wakes the worker when there may be something to do.
    pub wake: Arc<Notify>,
    /// Whether GraphiQL is served.
    pub development: bool,
    /// Who plays in the demo, as JSON: what GraphiQL's examples are filled in with.
    pub cast: Arc<OnceLock<String>>,
    /// The WebSockets that are open.
    pub sockets: Sockets,
    /// The proxies before us, and the header in which they name the client's address.
    pub proxies: Proxies,
}

impl Vitrine {
    /// Puts the product together: opens the database (its schema must be up to date), checks the configuration.
    /// `listening` is where the server will be reached.
    ///
    /// # Errors
    /// A message that says what is wrong and what would be right.
    pub async fn assemble(config: &Config, nature: Nature, listening: SocketAddr) -> anyhow::Result<Self> {
        let payments = Arc::new(payments(config)?);
        let app = Self::assemble_with(payments, config, nature, listening).await?;
        database::check_mode(&app.context("start")).await?;
        Ok(app)
    }

    /// The product for a command of the operator's that has no business with the payment provider and needs no key of
    /// his: every call to him is refused.
    ///
    /// # Errors
    /// A message that says what is wrong and what would be right.
    pub async fn without_payments(config: &Config) -> anyhow::Result<Self> {
        Self::assemble_with(Arc::new(NoPayments), config, Nature::default(), config.listen).await
    }

    async fn assemble_with(
        payments: Arc<dyn Payments>,
        config: &Config,
        nature: Nature,
        listening: SocketAddr,
    ) -> anyhow::Result<Self> {
        let settings = config.settings(listening)?;
        let mut db = database::open(&config.database_url(), config.database_connections).await?;
        if let Some(told) = nature.on_statement {
            db.set_metric_callback(move |done| told(&done.statement.sql));
        }
        let files = FolderFiles::new(config.data_dir.join("uploads"))?;
        let mailer = Post::new(
            &config.mail_from,
            config.smtp_url.as_ref(),
            config.data_dir.join("mail"),
        )?;
        let platform = Platform {
            db,
            clock: nature.clock,
            entropy: nature.entropy,
            payments,
            identity_providers: Arc::new(vitrine_oidc_gateway::Gateway::new(config.issuers()?)?),
            mailer: Arc::new(mailer),
            files: Arc::new(files.clone()),
            courier: Arc::new(Messenger::new(config.reach(), machine_look_up())?),
            settings,
            hashing: Semaphore::new(HASHING),
            on_point: nature.on_point,
            stream: Stream::default(),
        };
        let development = config.environment == Environment::Development;
        let limits = Limits {
            introspection: development,
            ..Limits::default()
        };
        Ok(Self {
            platform: Arc::new(platform),
            api: Api::new(limits, config.documents()?),
            throttle: Arc::new(Throttle::new(config.rate_limits())),
            clicks: Arc::default(),
            files,
            webhook_secrets: config.stripe_webhook_secrets.clone().into(),
            wake: Arc::new(Notify::new()),
            development,
            cast: Arc::default(),
            sockets: Sockets::default(),
            proxies: config.proxies()?,
        })
    }

    /// A context for what the process itself does, under `name`.
    pub fn context(&self, name: &str) -> Context {
        Context::new(self.platform.clone(), name)
    }

    /// Closes the database, once nothing uses it any more.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.platform.db.close_by_ref().await {
            tracing::warn!(error = format!("{error:#}"), "closing the database failed");
        }
    }
}

fn payments(config: &Config) -> anyhow::Result<StripePayments> {
    let key = config.stripe_secret_key.clone();
    let key = key.context("set STRIPE_SECRET_KEY; `vitrine demo` and the sandbox need no account")?;
    StripePayments::new(vitrine_stripe_gateway::Config {
        base_url: config.stripe_base_url.clone(),
        ..vitrine_stripe_gateway::Config::new(key)
    })
    .context("STRIPE_SECRET_KEY or STRIPE_BASE_URL cannot be used")
}

/// Waits for `work`, but not for ever: what is not finished then is taken up again after the next start, like after a
/// crash.
pub(crate) async fn drain(work: impl Future<Output = ()>) {
    if tokio::time::timeout(DRAIN, work).await.is_err() {
        tracing::warn!("stopping before everything was finished: it took too long");
    }
}

/// Brings the schema of the database at `url` up to date.
///
/// # Errors
/// When a migration fails.
pub async fn migrate(url: &str) -> anyhow::Result<()> {
    database::migrate(url).await
}

/// Tells what is committed to those who wait for it on this node.
async fn tell(app: Vitrine, url: String, ear: Ear, stopping: CancellationToken) {
    let cx = app.context("stream");
    app.platform.stream.run(&cx, &url, ear, &stopping).await;
}

/// Writes the clicks of those who follow links on this node.
async fn write_clicks(app: Vitrine, stopping: CancellationToken) {
    app.clicks.write(&app.context("clicks"), &stopping).await;
}

/// A server that is up. Dropping it does not stop it; [`Running::stop`] does.
pub struct Running {
    /// The product.
    pub app: Vitrine,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its metrics are served, if at an address of their own.
    pub metrics_address: Option<SocketAddr>,
    server: TaskTracker,
    workers: TaskTracker,
    stop_serving: CancellationToken,
    stop_working: CancellationToken,
}

impl Running {
    /// Migrates the database, then serves, with or without a worker beside.
    ///
    /// # Errors
    /// When anything is not as it must be: what can be known beforehand is refused before anything is done.
    pub async fn start(config: &Config, nature: Nature, with_worker: bool) -> anyhow::Result<Self> {
        config.check()?;
        payments(config)?;
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| {
            let address = config.listen;
            format!("cannot listen on {address}: let VITRINE_LISTEN name an address of this machine whose port is free")
        })?;
        let address = listener.local_addr()?;
        let metrics_listener = health::metrics_listener(config).await?;
        let metrics_address = metrics_listener.as_ref().map(TcpListener::local_addr);
        let metrics_address = metrics_address.transpose()?;
        database::prepare(config).await?;
        let app = Vitrine::assemble(config, nature, address).await?;
        jobs::ensure_recurring(&app.context("start")).await?;
        let (server, workers) = (TaskTracker::new(), TaskTracker::new());
        let (stop_serving, stop_working) = (CancellationToken::new(), CancellationToken::new());
        let (url, cx) = (config.database_url(), app.context("stream"));
        let ear = app.platform.stream.open(&cx, &url).await;
        let ear = ear.context("the database cannot be listened to")?;
        let beside = match &metrics_listener {
            None if app.development => health::metrics_route(&app),
            _ => Router::new(),
        };
        let routes = router::router(app.clone(), beside);
        server.spawn(listen::serve(listener, routes, stop_serving.clone()));
        if let Some(listener) = metrics_listener {
            workers.spawn(listen::serve(
                listener,
                health::metrics_route(&app),
                stop_working.clone(),
            ));
        }
        workers.spawn(health::upkeep(stop_working.clone()));
        workers.spawn(write_clicks(app.clone(), stop_working.clone()));
        workers.spawn(tell(app.clone(), url, ear, stop_working.clone()));
        if with_worker {
            workers.spawn(worker::run(app.clone(), stop_working.clone()));
        }
        server.close();
        workers.close();
        tracing::info!(%address, "listening");
        if let Some(address) = metrics_address {
            tracing::info!(%address, "metrics are served");
        }
        Ok(Self {
            app,
            address,
            metrics_address,
            server,
            workers,
            stop_serving,
            stop_working,
        })
    }

    /// The server's own address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops taking requests, finishes those under way, then the jobs under way, and closes the database.
    pub async fn stop(self) {
        self.stop_serving.cancel();
        drain(async {
            self.app.sockets.stop().await;
            self.server.wait().await;
            self.stop_working.cancel();
            self.workers.wait().await;
        })
        .await;
        self.app.close().await;
    }
}
