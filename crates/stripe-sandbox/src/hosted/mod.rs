//! The pages people see: checkout, onboarding, and the dashboard. Server-rendered, without scripts.

mod checkout;
mod dashboard;
mod onboarding;

use crate::server::Shared;
use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use std::sync::Arc;

/// The pages' routes.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/dashboard") }))
        .route("/dashboard", get(dashboard::show))
        .route("/c/pay/{session}", get(checkout::show).post(checkout::submit))
        .route(
            "/c/pay/{session}/authenticate",
            get(checkout::show_authentication).post(checkout::authenticate),
        )
        .route(
            "/3ds/{intent}",
            get(checkout::show_intent).post(checkout::authenticate_intent),
        )
        .route("/onboard/{token}", get(onboarding::show).post(onboarding::submit))
}

/// A page with one thing to say.
#[derive(Template)]
#[template(path = "message.html")]
struct Message<'m> {
    title: &'m str,
    text: &'m str,
    link: Option<&'m str>,
    link_text: &'m str,
}

fn message(status: StatusCode, title: &str, text: &str, link: Option<&str>) -> Response {
    render(
        status,
        &Message {
            title,
            text,
            link,
            link_text: "Go on",
        },
    )
}

fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Only addresses a browser may be sent to: a merchant's `javascript:` is no link of ours.
fn safe(url: &str) -> Option<&str> {
    let parsed = url::Url::parse(url).ok()?;
    matches!(parsed.scheme(), "http" | "https").then_some(url)
}

/// 303 to an address given by the API's caller.
fn leave(url: &str) -> Response {
    match safe(url) {
        Some(url) => Redirect::to(url).into_response(),
        None => message(
            StatusCode::OK,
            "Done",
            "The merchant's page cannot be opened in a browser.",
            None,
        ),
    }
}
