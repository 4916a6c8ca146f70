//! Starting and stopping: the one place where all parts are put together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use axum::http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitrine_domain::context::{Context, Platform};
use vitrine_domain::jobs;
use vitrine_domain::ports::{Clock, Entropy};
use vitrine_graphql::{Limits, VitrineSchema};
use vitrine_stripe_gateway::StripePayments;

use crate::config::{Config, Environment};
use crate::worlds::{FolderFiles, Post, SystemClock, SystemEntropy};
use crate::{database, router, worker};

/// Passwords hashed at once.
const HASHING: usize = 4;

/// The clock and chance a process runs by, and a counter of SQL statements where someone wants one.
pub struct Nature {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Counts the SQL statements sent.
    pub statements: Option<Arc<AtomicU64>>,
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            statements: None,
        }
    }
}

/// The running product, as handlers see it.
#[derive(Clone)]
pub struct Vitrine {
    /// What commands and queries are given.
    pub platform: Arc<Platform>,
    /// The schema.
    pub schema: VitrineSchema,
    /// The folder uploads go to.
    pub files: FolderFiles,
    /// Secrets that sign webhooks.
    pub webhook_secrets: Arc<[SecretString]>,
    /// Wakes the worker when there may be something to do.
    pub wake: Arc<Notify>,
    /// Whether GraphiQL is served.
    pub development: bool,
    /// The header in which a proxy before us names the client's address.
    pub address_header: Option<HeaderName>,
}

impl Vitrine {
    /// Puts the product together: opens the database (its schema must be up to date), checks the configuration.
    /// `listening` is where the server will be reached.
    ///
    /// # Errors
    /// A message that says what is wrong and what would be right.
    pub async fn assemble(config: &Config, nature: Nature, listening: SocketAddr) -> anyhow::Result<Self> {
        let settings = config.settings(listening)?;
        let mut db = database::open(&config.database_url(), config.database_connections).await?;
        if let Some(statements) = nature.statements {
            db.set_metric_callback(move |_| {
                statements.fetch_add(1, Ordering::Relaxed);
            });
        }
        let stripe_key = config.stripe_secret_key.clone();
        let stripe_key =
            stripe_key.context("set STRIPE_SECRET_KEY; `vitrine demo` and the sandbox need no account")?;
        let stripe = vitrine_stripe_gateway::Config {
            base_url: config.stripe_base_url.clone(),
            ..vitrine_stripe_gateway::Config::new(stripe_key)
        };
        let payments = StripePayments::new(stripe)?;
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
            payments: Arc::new(payments),
            mailer: Arc::new(mailer),
            files: Arc::new(files.clone()),
            settings,
            hashing: Semaphore::new(HASHING),
        };
        let development = config.environment == Environment::Development;
        let app = Self {
            platform: Arc::new(platform),
            schema: vitrine_graphql::schema(Limits {
                introspection: development,
                ..Limits::default()
            }),
            files,
            webhook_secrets: config.stripe_webhook_secrets.clone().into(),
            wake: Arc::new(Notify::new()),
            development,
            address_header: config.address_header()?,
        };
        database::check_mode(&app.context("start")).await?;
        Ok(app)
    }

    /// A context for what the process itself does, under `name`.
    pub fn context(&self, name: &str) -> Context {
        Context::new(self.platform.clone(), name)
    }
}

/// Brings the schema of the database at `url` up to date.
///
/// # Errors
/// When a migration fails.
pub async fn migrate(url: &str) -> anyhow::Result<()> {
    database::migrate(url).await
}

/// A server that is up. Dropping it does not stop it; [`Running::stop`] does.
pub struct Running {
    /// The product.
    pub app: Vitrine,
    /// Where it listens.
    pub address: SocketAddr,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Running {
    /// Migrates the database, then serves, with or without a worker beside.
    ///
    /// # Errors
    /// When anything is not as it must be.
    pub async fn start(config: &Config, nature: Nature, with_worker: bool) -> anyhow::Result<Self> {
        ensure!(
            config
                .stripe_webhook_secrets
                .iter()
                .all(|secret| secret.expose_secret().len() >= 16),
            "STRIPE_WEBHOOK_SECRETS holds a secret that is too short: copy it whole from the webhook endpoint's page"
        );
        database::migrate(&config.database_url()).await?;
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let app = Vitrine::assemble(config, nature, address).await?;
        jobs::ensure_recurring(&app.context("start")).await?;
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let router = router::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let until = stopping.clone().cancelled_owned();
        tasks.spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(until).await;
            if let Err(error) = served {
                tracing::error!(error = format!("{error:#}"), "the server stopped");
            }
        });
        if with_worker {
            tasks.spawn(worker::run(app.clone(), stopping.clone()));
        }
        tasks.close();
        tracing::info!(%address, "listening");
        Ok(Self {
            app,
            address,
            tasks,
            stopping,
        })
    }

    /// The server's own address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops taking requests, finishes those and the jobs under way, and closes the database.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.wait().await;
        if let Err(error) = self.app.platform.db.close_by_ref().await {
            tracing::warn!(error = format!("{error:#}"), "closing the database failed");
        }
    }
}
