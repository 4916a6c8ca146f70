//! The running server: one state, one router, and one worker that delivers what falls due.

use crate::clock::ClockMode;
use crate::delivery;
use crate::resources::account;
use crate::state::State;
use crate::webhooks::Target;
use crate::{Config, admin, api, hosted, time};
use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::any;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest request body, in bytes.
const LARGEST_BODY: usize = 1 << 20;
/// How often the machine's clock is looked at for what has fallen due.
const TICK: Duration = Duration::from_secs(1);

/// What every request shares.
pub(crate) struct Shared {
    state: Mutex<State>,
    data: Option<PathBuf>,
    pub(crate) secret_key: String,
    pub(crate) client: reqwest::Client,
    /// Held while webhooks are sent, so that they go out one after the other.
    pub(crate) lane: tokio::sync::Mutex<()>,
    /// Wakes the worker.
    pub(crate) wake: Notify,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

impl Shared {
    /// Looks at the state, brought up to now. What `read` changes is kept, but not necessarily on disk.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&mut State, i64) -> T) -> T {
        let mut state = self.lock();
        let now = state.now();
        if time::pass(&mut state, now) {
            self.persist(&state);
            self.wake.notify_one();
        }
        read(&mut state, now)
    }

    /// Changes the state, brought up to now, and keeps it on disk if there is a file. Wakes the worker.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State, i64) -> T) -> T {
        let mut state = self.lock();
        let now = state.now();
        time::pass(&mut state, now);
        let changed = change(&mut state, now);
        self.persist(&state);
        self.wake.notify_one();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in one request must not end the sandbox.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Written under the lock: the file is never older than an answer, and changes are never reordered.
    fn persist(&self, state: &State) {
        if let Some(path) = &self.data
            && let Err(error) = write(path, state)
        {
            tracing::error!("cannot keep the state: {error:#}");
        }
    }
}

/// Binds, loads, and serves in the background; returns what stops it, and the address.
pub(crate) async fn start(config: Config) -> anyhow::Result<(Arc<Shared>, SocketAddr)> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let public_url = config.public_url.unwrap_or_else(|| format!("http://{address}"));
    let mut state = match config.data.as_deref().filter(|path| path.exists()) {
        Some(path) => load(path, config.clock)?,
        None => State::new(config.seed, config.clock),
    };
    if state.row(account::PLATFORM).is_none() {
        let now = state.now();
        let platform = account::platform(now);
        state.insert(&None, platform);
    }
    state.public_url = public_url.trim_end_matches('/').to_owned();
    if let Some(target) = config.webhook {
        state.webhooks.target = Some(Target {
            url: target.url,
            secret: target.secret,
        });
    }
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        data: config.data,
        secret_key: config.secret_key,
        client: delivery::client()?,
        lane: tokio::sync::Mutex::new(()),
        wake: Notify::new(),
        tasks: TaskTracker::new(),
        stopping: CancellationToken::new(),
    });
    let stopping = shared.stopping.clone();
    let server =
        axum::serve(listener, router(Arc::clone(&shared))).with_graceful_shutdown(stopping.cancelled_owned());
    shared.tasks.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!("the server stopped: {error}");
        }
    });
    shared.tasks.spawn(work(Arc::clone(&shared)));
    Ok((shared, address))
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/{*rest}", any(api::handle))
        .merge(admin::router())
        .merge(hosted::router())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

/// Delivers what falls due: at once after a change, and as the machine's clock runs.
async fn work(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(TICK) => {}
        }
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = delivery::deliver_due(&shared) => shared.with(|state, now| state.keys.expire(now)),
        }
    }
}

fn load(path: &Path, clock: ClockMode) -> anyhow::Result<State> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut state: State = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} does not hold a sandbox", path.display()))?;
    state.resume(clock);
    Ok(state)
}

/// Replaces the file as a whole: whoever reads it sees the old state or the new one.
fn write(path: &Path, state: &State) -> anyhow::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    std::fs::write(&temporary, serde_json::to_vec(state)?)
        .with_context(|| format!("cannot write {}", temporary.display()))?;
    std::fs::rename(&temporary, path).with_context(|| format!("cannot replace {}", path.display()))
}
