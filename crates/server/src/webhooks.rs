//! `POST /webhooks/stripe`: the signature first, then the inbox, then 200. What an event means is found out later.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use vitrine_domain::inbox;
use vitrine_stripe_gateway::{SignatureError, verify_signature};

use crate::boot::Vitrine;
use crate::request;

/// Largest event in bytes. Stripe's are a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

/// Stores the event, if Stripe sent it.
pub(crate) async fn stripe(
    State(app): State<Vitrine>,
    headers: HeaderMap,
    request: Request<Body>,
) -> (StatusCode, &'static str) {
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "too large\n");
    };
    let cx = request::context(&app, &headers);
    let signature = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok());
    let event = match verify_signature(&body.to_bytes(), signature, &app.webhook_secrets, cx.now()) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(request_id = cx.request_id(), %error, "a webhook was refused");
            let why = match error {
                SignatureError::NotAnEvent => {
                    "the signature holds, but the body is no event: send a JSON object with id, type, livemode and data.object\n"
                }
                SignatureError::BadId => {
                    "the signature holds, but an id or the type is not 1 to 255 visible ASCII characters\n"
                }
                _ => "the signature does not hold\n",
            };
            return (StatusCode::BAD_REQUEST, why);
        }
    };
    match inbox::receive(&cx, event).await {
        Ok(()) => {
            app.wake.notify_one();
            (StatusCode::OK, "ok\n")
        }
        Err(error) => {
            tracing::error!(
                request_id = cx.request_id(),
                error = format!("{error:#}"),
                "a webhook could not be stored"
            );
            (StatusCode::INTERNAL_SERVER_ERROR, "try again later\n")
        }
    }
}
