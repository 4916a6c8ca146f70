//! The door for webhooks: nothing of a body is looked at before its signature holds.
//!
//! The header is `t=UNIX_SECONDS,v1=HEX[,v1=HEX…]`, each `v1` an HMAC-SHA-256 of `t.body` under one secret
//! (<https://docs.stripe.com/webhooks/signature>). While a secret is being rolled, Stripe signs with both.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use vitrine_domain::inbox::Received;
use vitrine_model::Time;

/// Longest id and type that Stripe may give anything, in characters
/// (<https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backward-compatible>).
const MAX_ID: usize = 255;
/// How far the header's time may be from ours, either way, in seconds.
const TOLERANCE_SECONDS: u64 = 300;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no signature.
    Missing,
    /// The header is not of the form `t=…,v1=…`.
    Malformed,
    /// It was signed too long ago, or in the future.
    OutOfTime,
    /// No signature holds under any of our secrets.
    Wrong,
    /// The signature holds, but the body is no event.
    NotAnEvent,
    /// The signature holds, but its ids are none that Stripe gives: too long, or with other than visible characters.
    BadId,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no signature",
            Self::Malformed => "the signature header is malformed",
            Self::OutOfTime => "the signature is too old, or from the future",
            Self::Wrong => "the signature does not hold",
            Self::NotAnEvent => "the body is no event",
            Self::BadId => "the event's ids are none that Stripe gives",
        })
    }
}

impl std::error::Error for SignatureError {}

/// What we read of an event. Its object is fetched anew, never taken from here.
#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    account: Option<String>,
    livemode: bool,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// Some objects, such as the balance, have no id.
#[derive(Deserialize)]
struct Object {
    id: Option<String>,
}

/// The event in `body`, if any `v1` of `header` is its signature under any of `secrets`, made within five minutes of
/// `now`.
///
/// # Errors
/// [`SignatureError`]; all are for the sender a plain 400.
pub fn verify_signature(
    body: &[u8],
    header: Option<&str>,
    secrets: &[SecretString],
    now: Time,
) -> Result<Received, SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let (time, signatures) = parse(header)?;
    let holds = signatures.iter().any(|signature| {
        secrets
            .iter()
            .any(|secret| is_signature(signature, time, body, secret))
    });
    if !holds {
        return Err(SignatureError::Wrong);
    }
    if now.timestamp().abs_diff(time) > TOLERANCE_SECONDS {
        return Err(SignatureError::OutOfTime);
    }
    let event = event(body).ok_or(SignatureError::NotAnEvent)?;
    // An object may have no id.
    let object = Some(&*event.object_id).filter(|id| !id.is_empty());
    let ids = [
        Some(&*event.id),
        Some(&*event.kind),
        event.account.as_deref(),
        object,
    ];
    if ids.into_iter().flatten().all(is_id) {
        Ok(event)
    } else {
        Err(SignatureError::BadId)
    }
}

/// Ids go into columns, paths and logs: they are what they must be before anything is done with them.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn parse(header: &str) -> Result<(i64, Vec<Vec<u8>>), SignatureError> {
    let pairs = || header.split(',').filter_map(|pair| pair.trim().split_once('='));
    let time = pairs().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let time = time
        .and_then(|time| time.parse().ok())
        .ok_or(SignatureError::Malformed)?;
    let signatures: Vec<_> = pairs()
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, value)| hex::decode(value).ok())
        .collect();
    if signatures.is_empty() {
        return Err(SignatureError::Malformed);
    }
    Ok((time, signatures))
}

/// Compares in constant time.
fn is_signature(signature: &[u8], time: i64, body: &[u8], secret: &SecretString) -> bool {
    // HMAC takes keys of every length, so this cannot fail.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return false;
    };
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

fn event(body: &[u8]) -> Option<Received> {
    let payload = std::str::from_utf8(body).ok()?;
    let event: Envelope = serde_json::from_str(payload).ok()?;
    Some(Received {
        id: event.id,
        kind: event.kind,
        object_id: event.data.object.id.unwrap_or_default(),
        account: event.account,
        livemode: event.livemode,
        payload: payload.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1","type":"charge.succeeded","livemode":false,"data":{"object":{"id":"ch_1","amount":"odd"}}}"#;
    const AT: i64 = 1_795_000_000;

    fn secrets() -> Vec<SecretString> {
        vec!["whsec_old".into(), "whsec_new".into()]
    }

    fn signature(secret: &str, time: i64, body: &[u8]) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn header(secret: &str, time: i64) -> String {
        format!("t={time},v1={},v0=00", signature(secret, time, BODY))
    }

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(seconds, 0).unwrap()
    }

    fn verify(body: &[u8], header: &str, now: i64) -> Result<Received, SignatureError> {
        verify_signature(body, Some(header), &secrets(), at(now))
    }

    #[test]
    fn an_event_signed_with_any_active_secret_is_received() {
        for secret in ["whsec_old", "whsec_new"] {
            let event = verify(BODY, &header(secret, AT), AT).unwrap();
            assert_eq!(event.id, "evt_1");
            assert_eq!(event.kind, "charge.succeeded");
            assert_eq!(event.object_id, "ch_1");
            assert_eq!(event.account, None);
            assert!(!event.livemode);
            assert_eq!(event.payload.as_bytes(), BODY);
        }
    }

    #[test]
    fn one_of_two_signatures_suffices() {
        let wrong = signature("whsec_unknown", AT, BODY);
        let right = signature("whsec_new", AT, BODY);
        assert!(verify(BODY, &format!("t={AT},v1={wrong},v1={right}"), AT).is_ok());
        assert!(verify(BODY, &format!("t={AT}, v1={right}, v1={wrong}"), AT).is_ok());
    }

    #[test]
    fn a_flipped_byte_is_refused() {
        for position in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[position] ^= 1;
            assert_eq!(
                verify(&body, &header("whsec_new", AT), AT).unwrap_err(),
                SignatureError::Wrong
            );
        }
    }

    #[test]
    fn five_minutes_either_way_are_the_limit() {
        let header = header("whsec_new", AT);
        assert!(verify(BODY, &header, AT + 300).is_ok());
        assert!(verify(BODY, &header, AT - 300).is_ok());
        assert_eq!(
            verify(BODY, &header, AT + 301).unwrap_err(),
            SignatureError::OutOfTime
        );
        assert_eq!(
            verify(BODY, &header, AT - 301).unwrap_err(),
            SignatureError::OutOfTime
        );
    }

    #[test]
    fn another_time_than_the_signed_one_is_refused() {
        let moved = header("whsec_new", AT).replace(&AT.to_string(), &(AT + 1).to_string());
        assert_eq!(verify(BODY, &moved, AT).unwrap_err(), SignatureError::Wrong);
    }

    #[test]
    fn another_secret_or_none_is_refused() {
        assert_eq!(
            verify(BODY, &header("whsec_unknown", AT), AT).unwrap_err(),
            SignatureError::Wrong
        );
        let none = verify_signature(BODY, Some(&header("whsec_new", AT)), &[], at(AT));
        assert_eq!(none.unwrap_err(), SignatureError::Wrong);
    }

    #[test]
    fn a_missing_or_malformed_header_is_refused() {
        let missing = verify_signature(BODY, None, &secrets(), at(AT));
        assert_eq!(missing.unwrap_err(), SignatureError::Missing);
        let right = signature("whsec_new", AT, BODY);
        let endless = format!("t=99999999999999999999,v1={right}");
        let untimed = format!("v1={right}");
        let unsigned = format!("t={AT}");
        let other_scheme = format!("t={AT},v0={right}");
        let not_hex = format!("t={AT},v1=zz");
        for header in [
            "",
            "nonsense",
            &endless,
            &untimed,
            &unsigned,
            &other_scheme,
            &not_hex,
        ] {
            assert_eq!(
                verify(BODY, header, AT).unwrap_err(),
                SignatureError::Malformed,
                "{header}"
            );
        }
    }

    #[test]
    fn what_is_signed_but_no_event_is_refused() {
        for body in [&b"{}"[..], b"", b"\xff", b"[1]"] {
            let header = format!("t={AT},v1={}", signature("whsec_new", AT, body));
            assert_eq!(verify(body, &header, AT).unwrap_err(), SignatureError::NotAnEvent);
        }
    }

    #[test]
    fn ids_that_stripe_never_gives_are_refused() {
        let long = "x".repeat(256);
        for bad in ["", "evt_\\u0000", "evt 1", "evt_ü", "evt_\\n", &long] {
            for (id, kind, account, object) in [
                (bad, "charge.succeeded", "acct_1", "ch_1"),
                ("evt_1", bad, "acct_1", "ch_1"),
                ("evt_1", "charge.succeeded", bad, "ch_1"),
                ("evt_1", "charge.succeeded", "acct_1", bad),
            ] {
                let body = format!(
                    r#"{{"id":"{id}","type":"{kind}","livemode":false,"account":"{account}","data":{{"object":{{"id":"{object}"}}}}}}"#
                );
                let header = format!("t={AT},v1={}", signature("whsec_new", AT, body.as_bytes()));
                let read = verify(body.as_bytes(), &header, AT);
                // An object without an id is one with an empty one.
                if object.is_empty() {
                    assert!(read.is_ok(), "{body}");
                } else {
                    assert_eq!(read.unwrap_err(), SignatureError::BadId, "{body}");
                }
            }
        }
    }

    #[test]
    fn an_object_without_id_and_an_account_are_read() {
        let body = br#"{"id":"evt_2","type":"balance.available","livemode":true,"account":"acct_1","data":{"object":{"object":"balance"}}}"#;
        let header = format!("t={AT},v1={}", signature("whsec_new", AT, body));
        let event = verify(body, &header, AT).unwrap();
        assert_eq!(
            (event.object_id.as_str(), event.account.as_deref()),
            ("", Some("acct_1"))
        );
    }
}
