//! Sends events to their endpoints, signed as Stripe signs them, one after the other.

use crate::server::Shared;
use crate::state::State;
use crate::webhooks::{Attempt, endpoint};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;

/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request to an endpoint.
struct Letter {
    position: usize,
    now: i64,
    url: String,
    body: String,
    signature: String,
}

/// The client all deliveries share. Stripe follows no redirects.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    // Another crate may have installed a provider already: either will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// Attempts every delivery that is due now, also those which become due meanwhile.
///
/// One caller at a time: whoever returns from here knows that nothing due is left, nor under way.
pub(crate) async fn deliver_due(shared: &Shared) {
    let _lane = shared.lane.lock().await;
    while let Some(letter) = shared.with(next_letter) {
        let attempt = send(&shared.client, &letter).await;
        shared.change(|state, _| state.webhooks.record(letter.position, attempt));
    }
}

fn next_letter(state: &mut State, now: i64) -> Option<Letter> {
    loop {
        let (position, delivery) = state.webhooks.next_due(now)?;
        let event = state.get(&delivery.event);
        if let (false, Some(target)) = (event.is_null(), endpoint(state, &delivery.endpoint)) {
            let body = serde_json::to_string_pretty(&event).unwrap_or_default();
            let signature = sign(&target.secret, now, &body);
            return Some(Letter {
                position,
                now,
                url: target.url,
                body,
                signature,
            });
        }
        state.webhooks.abandon(position);
    }
}

async fn send(client: &reqwest::Client, letter: &Letter) -> Attempt {
    let request = client
        .post(&letter.url)
        .header("content-type", "application/json; charset=utf-8")
        .header(
            "user-agent",
            "Stripe/1.0 (+https://stripe.com/docs/webhooks) stripe-sandbox",
        )
        .header("stripe-signature", &letter.signature)
        .body(letter.body.clone());
    let (status, error) = match request.send().await {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(error.without_url().to_string())),
    };
    tracing::debug!(url = letter.url, ?status, ?error, "webhook attempted");
    Attempt {
        at: letter.now,
        status,
        error,
    }
}

/// `t=…,v1=…`: HMAC-SHA256 over the timestamp, a full stop and the body.
fn sign(secret: &str, now: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{now}.{body}").as_bytes());
    format!("t={now},v1={}", hex::encode(mac.finalize().into_bytes()))
}
