//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>): one operation a request, queries by GET or
//! POST, mutations by POST, a JSON body only.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use vitrine_graphql::{Answer, Operation, execute, request_error};

use crate::boot::Vitrine;
use crate::request::{self, Unserved};

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
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(media_type) = negotiate(&parts.headers) else {
        return respond(
            StatusCode::NOT_ACCEPTABLE,
            RESPONSE_JSON,
            request_error("accept application/graphql-response+json"),
        );
    };
    let read_only = parts.method == Method::GET;
    let operation = if read_only {
        from_query(query.as_deref())
    } else {
        from_body(&parts.headers, body).await
    };
    let operation = match operation {
        Ok(operation) => operation,
        Err(Unreadable(status, why)) => return respond(status, media_type, request_error(why)),
    };
    let cx = request::context(&app, &parts.headers);
    let viewer = match request::viewer(&cx, &parts.headers).await {
        Ok(viewer) => viewer,
        Err(unserved) => return refuse(&cx, media_type, unserved),
    };
    let answer = execute(&app.schema, operation, cx, viewer, read_only).await;
    app.wake.notify_one();
    respond(status(&answer, media_type), media_type, answer.body)
}

fn status(answer: &Answer, media_type: &str) -> StatusCode {
    match (answer.executed, answer.needs_post) {
        (_, true) => StatusCode::METHOD_NOT_ALLOWED,
        (false, _) if media_type == RESPONSE_JSON => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

fn refuse(
    cx: &vitrine_domain::context::Context,
    media_type: &'static str,
    unserved: Unserved,
) -> Response<Body> {
    match unserved {
        Unserved::BadToken => {
            let body = vitrine_graphql::error_body(
                "UNAUTHENTICATED",
                "the token is malformed, expired or revoked: sign in anew",
            );
            let mut response = respond(StatusCode::UNAUTHORIZED, media_type, body);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Unserved::Fault(error) => {
            tracing::error!(
                request_id = cx.request_id(),
                error = format!("{error:#}"),
                "fault"
            );
            let body = vitrine_graphql::error_body("INTERNAL", "something broke on our side");
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

/// The media type to answer in; `None` when the client accepts neither.
fn negotiate(headers: &HeaderMap) -> Option<&'static str> {
    let Some(accept) = headers.get(header::ACCEPT) else {
        return Some(JSON);
    };
    let accept = accept.to_str().unwrap_or("*/*").to_ascii_lowercase();
    let mut ranges = accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    ranges.find_map(|range| match range {
        RESPONSE_JSON | "application/*" | "*/*" => Some(RESPONSE_JSON),
        JSON => Some(JSON),
        _ => None,
    })
}

async fn from_body(headers: &HeaderMap, body: Body) -> Result<Operation, Unreadable> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parameters = content_type.split(';').map(str::trim);
    if !parameters
        .next()
        .is_some_and(|media_type| media_type.eq_ignore_ascii_case(JSON))
    {
        return Err(Unreadable(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the request as application/json",
        ));
    }
    if !parameters.all(|parameter| parameter.is_empty() || parameter.eq_ignore_ascii_case("charset=utf-8")) {
        return Err(Unreadable(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the request in UTF-8",
        ));
    }
    let bytes = Limited::new(body, MAX_BODY).collect().await;
    let bytes = bytes
        .map_err(|_| Unreadable(StatusCode::PAYLOAD_TOO_LARGE, "a request has 256 KiB at most"))?
        .to_bytes();
    let unreadable = "the body must be one JSON object with a string query, no array of operations";
    let operation: Operation =
        serde_json::from_slice(&bytes).map_err(|_| Unreadable(StatusCode::BAD_REQUEST, unreadable))?;
    complete(operation)
}

fn from_query(query: Option<&str>) -> Result<Operation, Unreadable> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters {
        query: Option<String>,
        operation_name: Option<String>,
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
        operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
        variables: object(parameters.variables, "variables must be a JSON object")?,
        extensions: object(parameters.extensions, "extensions must be a JSON object")?,
    })
}

fn complete(operation: Operation) -> Result<Operation, Unreadable> {
    let persisted = operation
        .extensions
        .as_ref()
        .is_some_and(|extensions| extensions.contains_key("persistedQuery"));
    match operation.query.as_deref() {
        None | Some("") if !persisted => Err(Unreadable(StatusCode::BAD_REQUEST, "the request has no query")),
        _ => Ok(operation),
    }
}
