//! The hosted onboarding page of a connected account.

use super::{leave, message, render};
use crate::resources::account;
use crate::server::Shared;
use crate::state::{State, integer, text};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State as Extract};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the form holds. Everything may be left out: then it is filled with test data.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    action: String,
    business_type: String,
    business_name: String,
    first_name: String,
    last_name: String,
    email: String,
    url: String,
}

/// `GET /onboard/{token}`
pub(super) async fn show(Extract(shared): Extract<Arc<Shared>>, Path(token): Path<String>) -> Response {
    shared.with(|state, now| match open(state, now, &token) {
        Ok((_, account)) => page(&token, &account),
        Err(closed) => closed.answer(),
    })
}

/// `POST /onboard/{token}`
pub(super) async fn submit(
    Extract(shared): Extract<Arc<Shared>>,
    Path(token): Path<String>,
    Form(details): Form<Details>,
) -> Response {
    shared.change(|state, now| {
        let (link, account) = match open(state, now, &token) {
            Ok(found) => found,
            Err(closed) => return closed.answer(),
        };
        if details.action != "later" {
            let verified = details.action != "pending";
            let submitted = account::submit(
                state,
                now,
                text(&account, "id"),
                filled(&details, &account),
                verified,
            );
            if let Err(error) = submitted {
                return message(StatusCode::CONFLICT, "This did not work", error.message(), None);
            }
        }
        leave(text(&link, "return_url"))
    })
}

#[derive(Template)]
#[template(path = "onboarding.html")]
struct Page<'p> {
    token: &'p str,
    account: &'p str,
    country: &'p str,
    is_company: bool,
    business_name: &'p str,
    first_name: &'p str,
    last_name: &'p str,
    email: &'p str,
    url: &'p str,
    message: Option<String>,
}

fn page(token: &str, account: &Value) -> Response {
    let profile = &account["business_profile"];
    let requirements = account["requirements"]["disabled_reason"]
        .as_str()
        .unwrap_or_default();
    let restricted = account["details_submitted"] == true && requirements == "requirements.past_due";
    render(
        StatusCode::OK,
        &Page {
            token,
            account: text(account, "id"),
            country: text(account, "country"),
            is_company: account["business_type"] == "company",
            business_name: profile["name"].as_str().unwrap_or("Jenny's finds"),
            first_name: account["individual"]["first_name"].as_str().unwrap_or("Jenny"),
            last_name: account["individual"]["last_name"].as_str().unwrap_or("Rosen"),
            email: account["email"].as_str().unwrap_or("jenny@example.com"),
            url: profile["url"].as_str().unwrap_or("https://example.com"),
            message: restricted
                .then(|| "This account is restricted: send your details again to lift it.".to_owned()),
        },
    )
}

/// Why a link opens no form.
enum Closed {
    Unknown,
    /// Its time is over: it leads back to the platform, as Stripe's do.
    Expired(String),
}

impl Closed {
    fn answer(&self) -> Response {
        match self {
            Self::Unknown => message(
                StatusCode::NOT_FOUND,
                "No such link",
                "This link leads to no account.",
                None,
            ),
            Self::Expired(refresh_url) => leave(refresh_url),
        }
    }
}

/// The link and its account.
fn open(state: &State, now: i64, token: &str) -> Result<(Value, Value), Closed> {
    let link = state.get(&format!("onboard_{token}"));
    let account = state.get(text(&link, "account"));
    if link.is_null() || account.is_null() {
        return Err(Closed::Unknown);
    }
    if integer(&link, "expires_at") <= now {
        return Err(Closed::Expired(text(&link, "refresh_url").to_owned()));
    }
    Ok((link, account))
}

fn filled(details: &Details, account: &Value) -> Value {
    let or = |typed: &str, default: &str| {
        if typed.is_empty() {
            default.to_owned()
        } else {
            typed.to_owned()
        }
    };
    let business_type = if details.business_type == "company" {
        "company"
    } else {
        "individual"
    };
    let name = or(
        &details.business_name,
        account["business_profile"]["name"]
            .as_str()
            .unwrap_or("Jenny's finds"),
    );
    json!({
        "business_type": business_type,
        "business_profile": {"name": name, "url": or(&details.url, "https://example.com")},
        "email": or(&details.email, account["email"].as_str().unwrap_or("jenny@example.com")),
    })
}
