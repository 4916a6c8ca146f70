//! `GET /r/{code}`: referral links. The click is recorded, and the visitor sent on to the operator's frontend.
//!
//! Where it leads is stored, never asked for: nothing of the request goes into the address. A cookie carries the click
//! token besides, only to visitors whose request says that they agreed to it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use vitrine_domain::referral::{self, Landing, Unrecorded, Visit};

use crate::boot::Vitrine;
use crate::request;

/// The request cookie by which a frontend on our domain says that the visitor agreed to cookies.
const CONSENT: &str = "vitrine_consent=1";
/// The cookie that carries the click token.
const COOKIE: &str = "vitrine_click";
/// How long browsers keep it: as long as clicks are credited by default.
const COOKIE_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Where browsers say why they ask: before anyone has asked to see the page, or not.
const PURPOSES: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

const NOT_FOUND: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
<meta name=viewport content=\"width=device-width\"><title>Not found</title>\
<p>This link leads nowhere (any more).</html>\n";

/// Follows a link; HEAD is answered alike, and leaves no trace.
pub(crate) async fn follow(
    State(app): State<Vitrine>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(code): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    let cx = request::context(&app, &headers);
    let visit = Visit {
        address: request::address(&app, &headers, peer),
        user_agent: text(&headers, header::USER_AGENT).map(str::to_owned),
        purposes: PURPOSES
            .iter()
            .filter_map(|name| text(&headers, HeaderName::from_static(name)))
            .map(str::to_owned)
            .collect(),
        head: method == Method::HEAD,
    };
    match referral::record_click(&cx, &app.clicks, &code, &visit).await {
        Ok(Some(landing)) => redirect(&app, &headers, &landing),
        Ok(None) => respond(StatusCode::NOT_FOUND, Body::from(NOT_FOUND)),
        Err(Unrecorded::Busy) => busy(),
        Err(Unrecorded::Fault(error)) => {
            tracing::error!(
                request_id = cx.request_id(),
                error = format!("{error:#}"),
                "a link could not be followed"
            );
            respond(
                StatusCode::INTERNAL_SERVER_ERROR,
                Body::from("Something broke on our side: please try again.\n"),
            )
        }
    }
}

fn busy() -> Response<Body> {
    let body = Body::from("Too many people follow links at this moment: please try again.\n");
    let mut response = respond(StatusCode::SERVICE_UNAVAILABLE, body);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn redirect(app: &Vitrine, headers: &HeaderMap, landing: &Landing) -> Response<Body> {
    let mut response = respond(StatusCode::FOUND, Body::empty());
    // Start-up checked the template, and what fills it in is percent-encoded.
    if let Ok(location) = HeaderValue::from_str(&landing.url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if let Some(cookie) = cookie(app, headers, landing) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn cookie(app: &Vitrine, headers: &HeaderMap, landing: &Landing) -> Option<HeaderValue> {
    let token = landing.token.as_deref()?;
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let agreed = cookies
        .flat_map(|cookies| cookies.split(';'))
        .any(|cookie| cookie.trim() == CONSENT);
    if !agreed {
        return None;
    }
    let secure = if app.platform.settings.public_url.starts_with("https:") {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{COOKIE}={token}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).ok()
}

fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex"),
    );
    response
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
