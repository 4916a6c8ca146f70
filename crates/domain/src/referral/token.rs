//! Click tokens: what a visitor carries from the redirect to the cart. Signed, so that nobody invents clicks; expiring.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use uuid::Uuid;
use vitrine_model::id::{ClickId, Id};

use crate::context::Context;
use crate::secret;

/// How long a token may be handed to a cart: as long as the longest window that a brand's terms may have, for whoever comes
/// back within the window is to be credited. Which window applies is decided per line.
const LIFE: TimeDelta = TimeDelta::days(365);
/// What the signature is for.
const PURPOSE: &str = "click-token";
/// The click's id and the time of expiry in seconds, big-endian.
const SIGNED: usize = 16 + 8;
/// HMAC-SHA-256.
const SIGNATURE: usize = 32;

/// Why a click token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// It is none of ours, or was changed.
    Forged,
    /// It is too old.
    Expired,
}

/// The token for `click`, made now. Letters, digits, `-` and `_` only.
pub(crate) fn click_token(cx: &Context, click: ClickId) -> String {
    let expires = (cx.now() + LIFE).timestamp();
    let mut token = Vec::with_capacity(SIGNED + SIGNATURE);
    token.extend_from_slice(click.uuid().as_bytes());
    token.extend_from_slice(&expires.to_be_bytes());
    let signature = secret::keyed_hash(cx, PURPOSE, &token);
    token.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(token)
}

/// The click that `token` was made for. A token may be read any number of times: each line is credited once, when its
/// order is made.
///
/// # Errors
/// `Forged` or `Expired`.
pub fn read_click_token(cx: &Context, token: &str) -> Result<ClickId, TokenRefusal> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenRefusal::Forged)?;
    let (signed, signature) = bytes.split_at_checked(SIGNED).ok_or(TokenRefusal::Forged)?;
    if !secret::verify_keyed_hash(cx, PURPOSE, signed, signature) {
        return Err(TokenRefusal::Forged);
    }
    let (click, expires) = signed.split_at_checked(16).ok_or(TokenRefusal::Forged)?;
    let click = Uuid::from_slice(click).map_err(|_| TokenRefusal::Forged)?;
    let expires = <[u8; 8]>::try_from(expires).map_err(|_| TokenRefusal::Forged)?;
    if i64::from_be_bytes(expires) < cx.now().timestamp() {
        return Err(TokenRefusal::Expired);
    }
    Ok(ClickId::from(click))
}
