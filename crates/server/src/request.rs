//! Who asks, and under which name the request is known.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use secrecy::SecretString;
use vitrine_domain::context::Context;
use vitrine_domain::identity::{self, Client, Viewer};
use vitrine_domain::secret;
use vitrine_model::identity::{account, session};

use crate::boot::Vitrine;
use crate::cookies;

/// The header in which guests send their secret.
pub(crate) const GUEST: &str = "vitrine-guest";
/// The header that carries a request's name, in and out.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// Longest name a client may give its request, and longest secret that is looked at.
const MAX_HEADER: usize = 200;
/// As much of what a device calls itself as is kept, in characters.
const MAX_USER_AGENT: usize = 255;

/// Why a request is not served.
pub(crate) enum Unserved {
    /// A token was sent that opens nothing, any more or at all.
    BadToken,
    /// A browser brought a cookie of ours, and does not say that it comes from a page of ours.
    Foreign,
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

/// Who asks, from where.
pub(crate) async fn viewer(
    app: &Vitrine,
    cx: &Context,
    headers: &HeaderMap,
    peer: SocketAddr,
) -> Result<Viewer, Unserved> {
    let user_agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let mut viewer = Viewer {
        guest: text(headers, GUEST).map(|secret| secret::hash_secret(&secret.into())),
        client: Client {
            address: Some(address(app, headers, peer)),
            user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            is_ours: cookies::comes_from_us(app, headers),
            ..Client::default()
        },
        ..Viewer::default()
    };
    // Whoever sends this header means to be known: what cannot be read is refused, never taken for nobody.
    let known = if headers.contains_key(header::AUTHORIZATION) {
        let token = text(headers, header::AUTHORIZATION.as_str()).and_then(bearer);
        let token = SecretString::from(token.ok_or(Unserved::BadToken)?);
        if identity::is_api_key(&token) {
            return of_key(cx, viewer, &token).await;
        }
        Some(opened(cx, &token).await?.ok_or(Unserved::BadToken)?)
    } else {
        let brought = cookies::brought(cx.settings(), headers);
        let is_kept = brought.access.is_some() || brought.refresh.is_some();
        if is_kept && !viewer.client.is_ours {
            return Err(Unserved::Foreign);
        }
        let known = match &brought.access {
            Some(token) => opened(cx, token).await?,
            None => None,
        };
        viewer.client.has_lapsed = is_kept && known.is_none();
        viewer.client.refresh = brought.refresh;
        known
    };
    (viewer.account, viewer.session) = known.unzip();
    Ok(viewer)
}

/// A brand's own program: nobody else asks with it, whatever secret of a guest's came along.
async fn of_key(cx: &Context, viewer: Viewer, token: &SecretString) -> Result<Viewer, Unserved> {
    let key = identity::open_api_key(cx, token).await;
    let key = key.map_err(|error| Unserved::Fault(error.into()))?;
    Ok(Viewer {
        key: Some(key.ok_or(Unserved::BadToken)?),
        guest: None,
        ..viewer
    })
}

async fn opened(
    cx: &Context,
    token: &SecretString,
) -> Result<Option<(account::Model, session::Model)>, Unserved> {
    let known = identity::authenticate(cx, token).await;
    known.map_err(|error| Unserved::Fault(error.into()))
}

/// The token in `Bearer TOKEN`; the scheme's letters may be of any case.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Where a request comes from: the connection's other end, or what a trusted proxy says of it.
pub(crate) fn address(app: &Vitrine, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    app.proxies.client(headers, peer.ip())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| value.len() <= MAX_HEADER)
}
