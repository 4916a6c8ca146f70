//! GraphiQL, served from the binary: it works without a network.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::boot::Vitrine;

/// The vendored files; their licences stand beside them.
const FILES: &[(&str, &str, &[u8])] = &[
    (
        "graphiql.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/graphiql/graphiql.min.js"),
    ),
    (
        "graphiql.css",
        "text/css; charset=utf-8",
        include_bytes!("../assets/graphiql/graphiql.min.css"),
    ),
    (
        "react.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/graphiql/react.production.min.js"),
    ),
    (
        "react-dom.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/graphiql/react-dom.production.min.js"),
    ),
    (
        "page.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/graphiql/page.js"),
    ),
    (
        "page.css",
        "text/css; charset=utf-8",
        include_bytes!("../assets/graphiql/page.css"),
    ),
    (
        "licenses.txt",
        "text/plain; charset=utf-8",
        include_bytes!("../assets/graphiql/LICENSES.txt"),
    ),
];

/// Own files only, and `eval`-free; React sets styles inline, and GraphiQL's editor runs workers from blobs.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
    img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'";

/// `GET /`: in development GraphiQL; in production there is no page here.
pub(crate) async fn front(State(app): State<Vitrine>) -> Response {
    match app.development {
        true => Redirect::temporary("/graphiql").into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /graphiql`, in development.
pub(crate) async fn graphiql(State(app): State<Vitrine>) -> Response {
    if !app.development {
        return StatusCode::NOT_FOUND.into_response();
    }
    let page = Html(include_str!("../assets/graphiql/page.html"));
    (
        [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "no-referrer"),
        ],
        page,
    )
        .into_response()
}

/// `GET /graphiql/cast.json`, in development: in the demo who plays in it, else nobody.
pub(crate) async fn cast(State(app): State<Vitrine>) -> Response {
    if !app.development {
        return StatusCode::NOT_FOUND.into_response();
    }
    let cast = app.cast.get().cloned().unwrap_or_else(|| "{}".to_owned());
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, cast).into_response()
}

/// `GET /graphiql/{file}`.
pub(crate) async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, media_type, bytes)) => (
            [
                (header::CONTENT_TYPE, *media_type),
                (header::CACHE_CONTROL, "public, max-age=3600"),
            ],
            *bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
