//! A session's tokens.
//!
//! All refresh tokens of a session begin with the same secret, its family's, and end with one of their own. So one that was
//! replaced is known for what it is, however old, without any of them being kept; and nobody can end a session who never
//! had a token of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use vitrine_model::Time;

use crate::context::Context;
use crate::secret;
use crate::settings::Settings;

/// What tells people and scanners what an access token is.
const ACCESS: &str = "vs_";
/// What tells people and scanners what a refresh token is.
const REFRESH: &str = "vr_";
/// Characters of the family's secret: 32 bytes.
const FAMILY: usize = 43;

/// What opens a session.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Sent with every request.
    pub access: SecretString,
    /// Sent once, for the next two.
    pub refresh: SecretString,
}

/// Those of a new session.
pub(super) fn first(cx: &Context) -> Tokens {
    of_family(cx, &random(cx))
}

/// Those that follow `refresh`.
pub(super) fn next(cx: &Context, refresh: &SecretString) -> Tokens {
    of_family(cx, family(refresh).unwrap_or_default())
}

/// What is stored of the family's secret; `None` when this is no refresh token of ours.
pub(super) fn family_hash(refresh: &SecretString) -> Option<Vec<u8>> {
    family(refresh).map(|family| secret::sha256(family.as_bytes()))
}

/// Until when an access token made now is good.
pub(super) fn access_expiry(settings: &Settings, now: Time, ends_at: Time) -> Time {
    ends_at.min(now + TimeDelta::minutes(settings.access_minutes))
}

/// Until when a refresh token made now is good.
pub(super) fn refresh_expiry(settings: &Settings, now: Time, ends_at: Time) -> Time {
    ends_at.min(now + TimeDelta::days(settings.session_days))
}

fn of_family(cx: &Context, family: &str) -> Tokens {
    Tokens {
        access: secret::new_secret(cx, ACCESS),
        refresh: format!("{REFRESH}{family}{}", random(cx)).into(),
    }
}

fn random(cx: &Context) -> String {
    let mut bytes = [0; 32];
    cx.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn family(refresh: &SecretString) -> Option<&str> {
    let secrets = refresh.expose_secret().strip_prefix(REFRESH)?;
    (secrets.len() == 2 * FAMILY).then(|| secrets.get(..FAMILY))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refresh_token_names_a_family() {
        let token = |family: &str, own: &str| SecretString::from(format!("{REFRESH}{family}{own}"));
        let (one, two, own) = ("a".repeat(43), "b".repeat(43), "c".repeat(43));
        assert_eq!(family_hash(&token(&one, &own)), family_hash(&token(&one, &two)));
        assert_ne!(family_hash(&token(&one, &own)), family_hash(&token(&two, &own)));
        for text in [
            "",
            "vr_",
            "vs_abc",
            &format!("vs_{one}{own}"),
            &format!("vr_{one}{own}d"),
            &format!("vr_{}", "ä".repeat(43)),
        ] {
            assert_eq!(family_hash(&SecretString::from(text.to_owned())), None, "{text}");
        }
    }
}
