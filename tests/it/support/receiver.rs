//! Someone whom webhooks are sent to.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::sync::{MutexGuard, Notify};

/// A message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Heard {
    /// The header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The body, read.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether one of its signatures is made with this secret. The library would hold the time against the machine's
    /// clock, and tests have one of their own.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let seconds = self.header("webhook-timestamp").parse().unwrap();
        let expected = Webhook::new(secret)
            .unwrap()
            .sign(self.header("webhook-id"), seconds, self.body.as_bytes())
            .unwrap();
        self.header("webhook-signature")
            .split(' ')
            .any(|signature| signature == expected)
    }

    /// How many signatures it carries.
    pub(crate) fn signatures(&self) -> usize {
        self.header("webhook-signature").split(' ').count()
    }
}

/// A receiver on this machine, which keeps all it hears and answers as it is told.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) url: String,
    state: Arc<Told>,
}

struct Told {
    heard: Mutex<Vec<Heard>>,
    status: AtomicU16,
    /// Whoever holds it keeps the receiver from answering.
    silence: tokio::sync::Mutex<()>,
    arrived: Notify,
}

impl Receiver {
    /// One that accepts everything. It ends with its test.
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Told {
            heard: Mutex::default(),
            status: AtomicU16::new(204),
            silence: tokio::sync::Mutex::default(),
            arrived: Notify::new(),
        });
        let routes = Router::new().fallback(hear).with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, state }
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// It answers nothing as long as this is held.
    pub(crate) async fn silence(&self) -> MutexGuard<'_, ()> {
        self.state.silence.lock().await
    }

    /// Waits until a message has arrived.
    pub(crate) async fn arrival(&self) {
        self.state.arrived.notified().await;
    }

    /// What it has heard since it was last asked.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.state.heard.lock().unwrap())
    }
}

async fn hear(State(told): State<Arc<Told>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    told.heard.lock().unwrap().push(Heard { headers, body });
    told.arrived.notify_one();
    drop(told.silence.lock().await);
    let status = StatusCode::from_u16(told.status.load(Ordering::SeqCst)).unwrap();
    (status, format!("{status}, said the receiver"))
}
