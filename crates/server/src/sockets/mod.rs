//! Subscriptions over WebSocket, by the protocol `graphql-transport-ws`. The connection's driver is our own: every close
//! code is the protocol's, and each delivery is executed for whoever the connection's token stands for then.

mod connection;
mod follow;
mod message;
mod places;

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitrine_domain::throttle::{self, Meter};
use vitrine_graphql::code;

use crate::boot::Vitrine;
use crate::{cookies, limits, request};
use connection::Connection;
use message::PROTOCOL;
use places::Places;

/// Seconds after which a client for which there is no place may try again.
const RETRY_AFTER: u32 = 30;
/// Largest message in bytes, as a body's.
const MAX_MESSAGE: usize = 256 * 1024;
/// What of the upgrade's headers says who asks.
const OF_THE_VIEWER: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::ORIGIN,
    header::USER_AGENT,
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static(request::GUEST),
    HeaderName::from_static(request::REQUEST_ID),
];

/// The connections that are open.
#[derive(Debug, Clone)]
pub struct Sockets {
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    places: Places,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            places: Places::default(),
        }
    }
}

impl Sockets {
    /// Closes all connections, and waits until they are.
    pub(crate) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Whether a request asks for a WebSocket.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// `GET /graphql` for a WebSocket.
pub(crate) async fn upgrade(app: Vitrine, peer: SocketAddr, mut parts: Parts) -> Response {
    // A browser sends cookies with it from any page, and asks nobody before.
    let origin = parts.headers.get(header::ORIGIN);
    if origin.is_some() && !cookies::comes_from_us(&app, &parts.headers) {
        return refused(
            StatusCode::FORBIDDEN,
            code::FORBIDDEN,
            "pages of this origin may not connect",
        );
    }
    let cx = request::context(&app, &parts.headers);
    let address = request::address(&app, &parts.headers, peer);
    let meter = Meter::new(app.throttle.clone(), cx, address);
    if let Err(exceeded) = meter.take(throttle::REQUEST).await {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = refused(status, code::RATE_LIMITED, &exceeded.to_string());
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, exceeded.retry_after.into());
        limits::tell(&meter, response.headers_mut());
        return response;
    }
    let Some(place) = app.sockets.places.take(address) else {
        let why = "there are too many connections: try again, or ask over HTTP";
        let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, code::RATE_LIMITED, why);
        let after = RETRY_AFTER.into();
        response.headers_mut().insert(header::RETRY_AFTER, after);
        return response;
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &app).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    let spoken = upgrade.selected_protocol().is_some();
    let headers = OF_THE_VIEWER
        .into_iter()
        .filter_map(|name| Some((name.clone(), parts.headers.get(name)?.clone())))
        .collect();
    // Axum runs what follows in a task of its own: this one is told when it ends.
    let ended = app.sockets.tasks.token();
    upgrade.on_upgrade(async move |socket| {
        Connection::new(app, headers, peer, (meter, place))
            .serve(socket, spoken)
            .await;
        drop(ended);
    })
}

fn refused(status: StatusCode, code: &str, why: &str) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, json, vitrine_graphql::error_body(code, why)).into_response()
}
