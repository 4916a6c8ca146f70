//! Random secrets handed out once, kept only as hashes; and signatures over what must come back unchanged.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::{Digest, Sha256};
use vitrine_model::id::{EmailTokenId, OrderId, WebhookEndpointId};

use crate::context::Context;

/// SHA-256 of `bytes`. Enough for secrets that are long and random; passwords go through Argon2id.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// A new secret of 256 bits with a prefix that tells people and scanners what it is, such as `vs_`.
pub fn new_secret(cx: &Context, prefix: &str) -> SecretString {
    let mut bytes = [0; 32];
    cx.fill(&mut bytes);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)).into()
}

/// What is stored of a secret.
pub fn hash_secret(secret: &SecretString) -> Vec<u8> {
    sha256(secret.expose_secret().as_bytes())
}

/// The secret in letters about `order`, which opens it as the guest's own secret does, and for as long. It is made anew
/// whenever it is needed, from the platform's key, and kept nowhere.
pub fn order_secret(cx: &Context, order: OrderId) -> SecretString {
    let made = keyed_hash(cx, "order letter", order.to_string().as_bytes());
    format!("vo_{}", URL_SAFE_NO_PAD.encode(made)).into()
}

/// What signs a webhook endpoint's messages. It is made anew whenever it is needed, from the platform's key, and kept
/// nowhere.
pub(crate) fn webhook_key(cx: &Context, endpoint: WebhookEndpointId, generation: i32) -> SecretSlice<u8> {
    keyed_hash(
        cx,
        "webhook endpoint",
        format!("{endpoint}.{generation}").as_bytes(),
    )
    .into()
}

/// The same as it is told, in the form that Standard Webhooks gives it: `whsec_…`.
pub(crate) fn webhook_secret(cx: &Context, endpoint: WebhookEndpointId, generation: i32) -> SecretString {
    let key = webhook_key(cx, endpoint, generation);
    format!("whsec_{}", STANDARD.encode(key.expose_secret())).into()
}

/// The token that the letter about `id` carries. It too is made anew whenever it is needed.
pub fn letter_secret(cx: &Context, id: EmailTokenId) -> SecretString {
    let made = keyed_hash(cx, "account letter", id.to_string().as_bytes());
    format!("ve_{}", URL_SAFE_NO_PAD.encode(made)).into()
}

/// The token in the letter of that number about an invitation. It too is made anew whenever it is needed.
pub fn invitation_secret(cx: &Context, id: impl std::fmt::Display, letter: i32) -> SecretString {
    let made = keyed_hash(cx, "invitation letter", format!("{id}.{letter}").as_bytes());
    format!("vi_{}", URL_SAFE_NO_PAD.encode(made)).into()
}

/// HMAC-SHA-256 of `message` under the platform's key, for one `purpose` only: a signature made for one is void for
/// another.
pub fn keyed_hash(cx: &Context, purpose: &str, message: &[u8]) -> Vec<u8> {
    mac(cx, purpose, message).finalize().into_bytes().to_vec()
}

/// Whether `signature` is [`keyed_hash`] of the same, compared in constant time.
pub fn verify_keyed_hash(cx: &Context, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
    mac(cx, purpose, message).verify_slice(signature).is_ok()
}

fn mac(cx: &Context, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
    let key = cx.settings().secret_key.expose_secret().as_bytes();
    // HMAC takes keys of every length, so this cannot fail; start-up refuses short ones.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(message);
    mac
}
