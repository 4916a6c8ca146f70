//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>): one operation a request, queries by GET or
//! POST, mutations by POST, a JSON body only.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use vitrine_domain::context::Context;
use vitrine_domain::throttle::{self, Exceeded, Meter};
use vitrine_graphql::{Answer, Caller, Operation, REFRESH, code, execute, request_error};

use crate::boot::Vitrine;
use crate::cookies;
use crate::request::{self, Unserved};
use crate::{limits, sockets};

/// Largest request body in bytes, chunked or not.
const MAX_BODY: usize = 256 * 1024;

/// The media types of a response: the second is for clients that know no better, and answers 200 to every request that
/// could be read.
const RESPONSE_JSON: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// Why a request could not be read, with the status that says so.
struct Unreadable(StatusCode, &'static str);

/// `GET` and `POST /graphql`.
pub(crate) async fn handle(
    State(app): State<Vitrine>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if sockets::is_wanted(&parts.headers) {
        return sockets::upgrade(app, peer, parts).await;
    }
    let Some(media_type) = negotiate(&parts.headers) else {
        return respond(
            StatusCode::NOT_ACCEPTABLE,
            RESPONSE_JSON,
            request_error("accept application/graphql-response+json"),
        );
    };
    let cx = request::context(&app, &parts.headers);
    let address = request::address(&app, &parts.headers, peer);
    let mut meter = Meter::new(app.throttle.clone(), cx.clone(), address);
    let answered = answered(&app, &cx, &mut meter, peer, &parts, query.as_deref(), body).await;
    let mut response = match answered {
        Ok(answer) => told(&app, answer, media_type),
        Err(refused) => refused.respond(&cx, media_type),
    };
    limits::tell(&meter, response.headers_mut());
    response
}

/// Reads the operation, finds out who asks, and executes it; each step before the next costs anything.
async fn answered(
    app: &Vitrine,
    cx: &Context,
    meter: &mut Meter,
    peer: SocketAddr,
    parts: &Parts,
    query: Option<&str>,
    body: Body,
) -> Result<Answer, Refused> {
    meter.take(throttle::REQUEST).await.map_err(Refused::Exceeded)?;
    // HEAD comes here too: axum lets it in wherever GET may.
    let read_only = parts.method != Method::POST;
    let operation = if read_only {
        from_query(query)?
    } else {
        from_body(&parts.headers, body).await?
    };
    let viewer = request::viewer(app, cx, &parts.headers, peer)
        .await
        .map_err(Refused::Unserved)?;
    limits::count(meter, &viewer).await.map_err(Refused::Exceeded)?;
    let session = viewer.session.as_ref().map(|session| session.id.to_string());
    let caller = Caller {
        cx: cx.clone().coming_through(session),
        viewer,
        meter: meter.clone(),
        read_only,
    };
    let answer = execute(&app.api, operation, caller).await;
    app.wake.notify_one();
    Ok(answer)
}

fn told(app: &Vitrine, answer: Answer, media_type: &'static str) -> Response<Body> {
    if let Some(exceeded) = answer.exceeded {
        return too_many(exceeded, media_type, answer.body);
    }
    if answer.has_lapsed {
        return unauthenticated(media_type, answer.body);
    }
    let status = status(&answer, media_type);
    let mut response = respond(status, media_type, answer.body);
    if let Some(change) = &answer.cookies {
        let settings = &app.platform.settings;
        cookies::write(settings, change, app.platform.clock.now(), response.headers_mut());
    }
    if answer.needs_post {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn status(answer: &Answer, media_type: &str) -> StatusCode {
    match (answer.executed, answer.needs_post) {
        (_, true) => StatusCode::METHOD_NOT_ALLOWED,
        (false, _) if media_type == RESPONSE_JSON => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

/// Why nothing was executed.
enum Refused {
    Unreadable(Unreadable),
    Unserved(Unserved),
    Exceeded(Exceeded),
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

impl Refused {
    fn respond(self, cx: &Context, media_type: &'static str) -> Response<Body> {
        match self {
            Self::Unreadable(Unreadable(status, why)) => respond(status, media_type, request_error(why)),
            Self::Unserved(unserved) => refuse(cx, media_type, unserved),
            Self::Exceeded(exceeded) => {
                let body = vitrine_graphql::error_body(code::RATE_LIMITED, &exceeded.to_string());
                too_many(exceeded, media_type, body)
            }
        }
    }
}

fn too_many(exceeded: Exceeded, media_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = respond(StatusCode::TOO_MANY_REQUESTS, media_type, body);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, exceeded.retry_after.into());
    response
}

fn unauthenticated(media_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = respond(StatusCode::UNAUTHORIZED, media_type, body);
    let scheme = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    response
}

fn refuse(cx: &Context, media_type: &'static str, unserved: Unserved) -> Response<Body> {
    match unserved {
        Unserved::BadToken => {
            let body = vitrine_graphql::error_body(code::UNAUTHENTICATED, REFRESH);
            unauthenticated(media_type, body)
        }
        Unserved::Foreign => {
            let why = "a request with the session's cookies must come from a page of this platform: it needs an Origin that the operator allows";
            respond(
                StatusCode::FORBIDDEN,
                media_type,
                vitrine_graphql::error_body(code::FORBIDDEN, why),
            )
        }
        Unserved::Fault(error) => {
            tracing::error!(
                request_id = cx.request_id(),
                error = format!("{error:#}"),
                "fault"
            );
            let body = vitrine_graphql::error_body(code::INTERNAL, "something broke on our side");
            respond(StatusCode::INTERNAL_SERVER_ERROR, media_type, body)
        }
    }
}

fn respond(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let content_type = if media_type == JSON {
        "application/json; charset=utf-8"
    } else {
        "application/graphql-response+json; charset=utf-8"
    };
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The media type to answer in; `None` when the client accepts neither. The higher quality wins, then what is named more
/// exactly, then the newer type where it is named: whoever takes anything may know no other than `application/json`.
fn negotiate(headers: &HeaderMap) -> Option<&'static str> {
    let accept: Vec<_> = headers
        .get_all(header::ACCEPT)
        .iter()
        .map(|value| value.to_str().unwrap_or("*/*"))
        .collect();
    if accept.is_empty() {
        return Some(JSON);
    }
    let accept = accept.join(",").to_ascii_lowercase();
    let ranges: Vec<_> = accept.split(',').filter_map(range).collect();
    let preference = |media_type| {
        let matching = ranges.iter().filter_map(|(range, quality)| {
            let exactness = match *range {
                "*/*" => 0,
                "application/*" => 1,
                range if range == media_type => 2,
                _ => return None,
            };
            Some((exactness, *quality))
        });
        // The most exact range says how much the type is wanted.
        let (exactness, quality) = matching.max_by_key(|(exactness, _)| *exactness)?;
        let named = exactness == 2 && media_type == RESPONSE_JSON;
        (quality > 0).then_some((quality, exactness, named))
    };
    // Of equals the last one wins.
    let known = [RESPONSE_JSON, JSON].map(|media_type| (preference(media_type), media_type));
    let wanted = known.into_iter().filter(|(preference, _)| preference.is_some());
    wanted
        .max_by_key(|(preference, _)| *preference)
        .map(|(_, media_type)| media_type)
}

/// One media range and its quality in thousandths; nothing when its quality is malformed.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next()?;
    let quality = parts.find_map(|parameter| parameter.strip_prefix("q="));
    Some((range, quality.map_or(Some(1000), thousandths)?))
}

/// `0`, `1`, or a decimal between with up to three digits.
fn thousandths(quality: &str) -> Option<u16> {
    let (whole, decimals) = quality.split_once('.').unwrap_or((quality, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// Whether the body is JSON in UTF-8, as far as its headers tell.
fn check_content(headers: &HeaderMap) -> Result<(), Unreadable> {
    let refused = |why| Err(Unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    let text = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_ascii_lowercase()
    };
    let content_type = text(header::CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    if parts.next() != Some(JSON) {
        return refused("send the request as application/json");
    }
    let mut charsets = parts.filter_map(|parameter| parameter.strip_prefix("charset="));
    if !charsets.all(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8")) {
        return refused("send the request in UTF-8");
    }
    match text(header::CONTENT_ENCODING).as_str() {
        "" | "identity" => Ok(()),
        _ => refused("send the request without compression"),
    }
}

async fn from_body(headers: &HeaderMap, body: Body) -> Result<Operation, Unreadable> {
    check_content(headers)?;
    let bytes = Limited::new(body, MAX_BODY).collect().await;
    let bytes = bytes.map_err(unread)?.to_bytes();
    let unreadable = || {
        let why = "the body must be one JSON object with a string query, no array of operations";
        Unreadable(StatusCode::BAD_REQUEST, why)
    };
    // A struct may be read from an array too, which is what a batch looks like.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(unreadable());
    }
    complete(serde_json::from_slice(&bytes).map_err(|_| unreadable())?)
}

fn unread(error: Box<dyn std::error::Error + Send + Sync>) -> Unreadable {
    if error.is::<LengthLimitError>() {
        Unreadable(StatusCode::PAYLOAD_TOO_LARGE, "a request has 256 KiB at most")
    } else {
        Unreadable(StatusCode::BAD_REQUEST, "the body broke off")
    }
}

fn from_query(query: Option<&str>) -> Result<Operation, Unreadable> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters {
        query: Option<String>,
        operation_name: Option<String>,
        document_id: Option<String>,
        variables: Option<String>,
        extensions: Option<String>,
    }
    let malformed = |why| Unreadable(StatusCode::BAD_REQUEST, why);
    let parameters: Parameters = serde_urlencoded::from_str(query.unwrap_or_default())
        .map_err(|_| malformed("the query string is malformed"))?;
    let object = |text: Option<String>, why| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => serde_json::from_str(text).map_err(|_| malformed(why)),
    };
    complete(Operation {
        query: parameters.query,
        document_id: parameters.document_id.filter(|id| !id.is_empty()),
        operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
        variables: object(parameters.variables, "variables must be a JSON object")?,
        extensions: object(parameters.extensions, "extensions must be a JSON object")?,
    })
}

fn complete(operation: Operation) -> Result<Operation, Unreadable> {
    let extensions = operation.extensions.as_ref();
    let persisted = extensions.is_some_and(|extensions| extensions.contains_key("persistedQuery"));
    match operation.query.as_deref() {
        None | Some("") if !persisted && operation.document_id.is_none() => {
            Err(Unreadable(StatusCode::BAD_REQUEST, "the request has no query"))
        }
        _ => Ok(operation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: &[&'static str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        negotiate(&headers)
    }

    #[test]
    fn the_media_type_is_the_one_wanted_most() {
        let new = Some(RESPONSE_JSON);
        let old = Some(JSON);
        for (accept, expected) in [
            ("*/*", old),
            ("application/*", old),
            ("*/*, application/graphql-response+json", new),
            ("application/json", old),
            ("Application/JSON; charset=utf-8", old),
            ("application/graphql-response+json", new),
            ("application/json, application/graphql-response+json", new),
            ("application/graphql-response+json;q=0.9, application/json", old),
            ("application/json;q=0.9, application/graphql-response+json", new),
            ("application/json, text/plain, */*", old),
            ("text/html, */*;q=0.8", old),
            ("application/graphql-response+json;q=0, */*", old),
            ("application/json;q=0, */*;q=0.1", new),
            ("*/*;q=0", None),
            ("application/json;q=0", None),
            ("application/json;q=high", None),
            ("application/json;q=1.001", None),
            ("text/html", None),
            ("", None),
        ] {
            assert_eq!(negotiated(&[accept]), expected, "{accept}");
        }
        assert_eq!(negotiated(&[]), old);
        assert_eq!(negotiated(&["text/html", "application/json"]), old);
    }

    #[test]
    fn the_body_must_be_json_in_utf_8() {
        for (content_type, accepted) in [
            ("application/json", true),
            ("Application/Json; Charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; profile=x", true),
            ("application/json; charset=utf-16", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            assert_eq!(check_content(&headers).is_ok(), accepted, "{content_type}");
        }
        let compressed = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static(JSON)),
            (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        ]);
        assert!(check_content(&compressed).is_err());
    }
}
