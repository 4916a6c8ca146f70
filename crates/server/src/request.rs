//! Who asks, and under which name the request is known.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use secrecy::SecretString;
use vitrine_domain::context::Context;
use vitrine_domain::identity::{self, Viewer};
use vitrine_domain::secret;

use crate::boot::Vitrine;

/// The header in which guests send their secret.
const GUEST: &str = "vitrine-guest";
/// The header that carries a request's name, in and out.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// Longest name a client may give its request, and longest secret that is looked at.
const MAX_HEADER: usize = 200;

/// Why a request is not served.
pub(crate) enum Unserved {
    /// A token was sent that opens nothing, any more or at all.
    BadToken,
    /// The database did not answer.
    Fault(anyhow::Error),
}

/// A context named as the middleware named the request.
pub(crate) fn context(app: &Vitrine, headers: &HeaderMap) -> Context {
    let id = headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    Context::new(app.platform.clone(), id)
}

/// Gives the request a name: the client's own if it is plain, else one of ours.
pub(crate) fn name(app: &Vitrine, headers: &HeaderMap) -> String {
    let plain = |id: &&str| {
        (8..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let given = headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(plain);
    given.map_or_else(|| hex::encode(&app.platform.entropy.seed()[..8]), str::to_owned)
}

/// Who asks.
pub(crate) async fn viewer(cx: &Context, headers: &HeaderMap) -> Result<Viewer, Unserved> {
    let guest = text(headers, GUEST).map(|secret| secret::hash_secret(&secret.into()));
    // Whoever sends this header means to be known: what cannot be read is refused, never taken for nobody.
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(Viewer {
            guest,
            ..Viewer::default()
        });
    }
    let token = text(headers, header::AUTHORIZATION.as_str()).and_then(bearer);
    let token = token.ok_or(Unserved::BadToken)?;
    let known = identity::authenticate(cx, &SecretString::from(token)).await;
    match known.map_err(|error| Unserved::Fault(error.into()))? {
        Some((account, session)) => Ok(Viewer {
            account: Some(account),
            session: Some(session),
            guest,
        }),
        None => Err(Unserved::BadToken),
    }
}

/// The token in `Bearer TOKEN`; the scheme's letters may be of any case.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Where a request comes from: the connection's other end, or what the configured proxy says of it.
pub(crate) fn address(app: &Vitrine, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let header = app
        .address_header
        .as_ref()
        .and_then(|name| headers.get_all(name).iter().next_back());
    let last = header
        .and_then(|value| value.to_str().ok())
        .and_then(|addresses| addresses.rsplit(',').next());
    // The last address is the one that the proxy itself added; those before it are the client's own tale.
    last.and_then(|address| address.trim().parse().ok())
        .unwrap_or(peer.ip())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| value.len() <= MAX_HEADER)
}
