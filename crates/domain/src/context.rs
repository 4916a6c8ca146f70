//! What every command and query is given first: the database, the clock, chance, and the worlds we do not control.
//!
//! Time, randomness, ids and transactions have this one door; `clippy.toml` bans the others.

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::SubsecRound;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sea_orm::{
    AccessMode, DatabaseConnection, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use vitrine_model::Time;
use vitrine_model::id::Id;

use crate::points::{self, OnPoint, Point};
use crate::ports::{Clock, Courier, Entropy, Files, IdentityProviders, Mailer, Payments};
use crate::settings::Settings;
use crate::stream::Stream;

/// What lives as long as the process.
pub struct Platform {
    /// The database.
    pub db: DatabaseConnection,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
    /// The payment provider.
    pub payments: Arc<dyn Payments>,
    /// Where people sign in beside here.
    pub identity_providers: Arc<dyn IdentityProviders>,
    /// Outgoing mail.
    pub mailer: Arc<dyn Mailer>,
    /// Uploaded files.
    pub files: Arc<dyn Files>,
    /// What goes to addresses that people named.
    pub courier: Arc<dyn Courier>,
    /// What the operator configured.
    pub settings: Settings,
    /// Tells what is committed to those who wait for it.
    pub stream: Stream,
    /// How many passwords are hashed at once: each takes its own megabytes.
    pub hashing: tokio::sync::Semaphore,
    /// Told of the points between durable steps, where a rehearsal wants to know; never in a release.
    pub on_point: Option<OnPoint>,
}

/// What lives as long as one request or one job.
#[derive(Clone)]
pub struct Context {
    platform: Arc<Platform>,
    chance: Arc<Mutex<ChaCha20Rng>>,
    /// The last id made: its milliseconds, and the rest of it in two parts.
    last_id: Arc<Mutex<(u64, [u8; 2], u64)>>,
    request_id: Arc<str>,
    /// The id of the session that the request came through.
    through: Option<Arc<str>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

pub use crate::tx::Tx;

impl Context {
    /// A context for the request or job called `request_id`, with its own stream of chance.
    pub fn new(platform: Arc<Platform>, request_id: &str) -> Self {
        let chance = ChaCha20Rng::from_seed(platform.entropy.seed());
        Self {
            platform,
            chance: Arc::new(Mutex::new(chance)),
            last_id: Arc::default(),
            request_id: request_id.into(),
            through: None,
        }
    }

    /// The same, for a request that came through the session with this id: what is done is recorded so.
    #[must_use]
    pub fn coming_through(mut self, session: Option<String>) -> Self {
        self.through = session.map(Into::into);
        self
    }

    /// The id of the session that the request came through.
    pub fn through(&self) -> Option<&str> {
        self.through.as_deref()
    }

    /// The database, for reading outside a transaction.
    pub fn db(&self) -> &DatabaseConnection {
        &self.platform.db
    }

    /// What lives as long as the process.
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// What the operator configured.
    pub fn settings(&self) -> &Settings {
        &self.platform.settings
    }

    /// The payment provider. Never called within a transaction.
    pub fn payments(&self) -> &dyn Payments {
        &*self.platform.payments
    }

    /// The request's or job's name, for logs and for error messages.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Now, cut to microseconds as the databases keep it.
    pub fn now(&self) -> Time {
        self.platform.clock.now().trunc_subsecs(6)
    }

    /// Begins a transaction. On SQLite it takes the write lock at once: one that reads first and writes later would fail
    /// under contention whatever the busy timeout.
    ///
    /// # Errors
    /// When the database cannot begin one.
    pub async fn begin(&self) -> Result<Tx, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let inner = self.platform.db.begin_with_options(options).await?;
        let committed = self.platform.stream.committed.clone();
        Ok(Tx::new(inner, self.platform.on_point.clone(), Some(committed)))
    }

    /// Passes a point between two durable steps of `what`: a kind of call, of event or of job.
    pub(crate) fn passes(&self, point: Point, what: &str) {
        points::pass(self.platform.on_point.as_ref(), point, what);
    }

    /// Begins a transaction for reading only, which sees the database as it is now until it ends.
    ///
    /// # Errors
    /// When the database cannot begin one.
    pub async fn snapshot(&self) -> Result<Tx, DbErr> {
        let postgres = self.backend() == DbBackend::Postgres;
        let options = TransactionOptions {
            isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
        };
        let inner = self.platform.db.begin_with_options(options).await?;
        Ok(Tx::new(inner, None, None))
    }

    /// Which database it is.
    pub fn backend(&self) -> DbBackend {
        self.platform.db.get_database_backend()
    }

    /// A new id: the clock's milliseconds, then chance. Ids made by one context sort in the order they were made, also
    /// within a millisecond: lists that sort by id keep the order in which a request named their rows.
    pub fn new_id<I: Id>(&self) -> I {
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or(0);
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        let mut last = self
            .last_id
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (random, tail) = bytes.split_at_mut(2);
        if last.0 == millis {
            random.copy_from_slice(&last.1);
            tail.copy_from_slice(&(last.2 + 1).to_be_bytes());
        }
        // Room above for as many ids as a request could make; the two highest bits are the UUID's variant.
        tail[0] &= 0x1f;
        *last = (
            millis,
            [random[0], random[1]],
            u64::from_be_bytes(tail.try_into().unwrap_or_default()),
        );
        I::from(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }

    /// Fills `bytes` with chance that nobody can guess.
    pub fn fill(&self, bytes: &mut [u8]) {
        // A poisoned generator is still a generator.
        self.chance
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill_bytes(bytes);
    }
}
