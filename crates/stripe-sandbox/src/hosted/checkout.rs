//! The hosted payment page, and the page of the buyer's bank.

use super::{leave, message, render, safe};
use crate::cards::Card;
use crate::currency::format;
use crate::error::StripeError;
use crate::resources::checkout_session;
use crate::resources::payment_intent::{self, Attempted};
use crate::resources::payment_method::Holder;
use crate::server::Shared;
use crate::state::{State, integer, text};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// What the buyer's form holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Payment {
    iban: String,
    card_number: String,
    exp: String,
    cvc: String,
    name: String,
    email: String,
    promotion_code: Option<String>,
}

/// What the bank's form holds.
#[derive(Debug, Deserialize)]
pub(super) struct Authentication {
    outcome: String,
}

/// `GET /c/pay/{session}`
pub(super) async fn show(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>) -> Response {
    shared.with(|state, _| page(state, &id, StatusCode::OK, None, &Payment::default()))
}

/// `POST /c/pay/{session}`
pub(super) async fn submit(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Form(payment): Form<Payment>,
) -> Response {
    shared.change(|state, now| {
        if let Some(code) = &payment.promotion_code {
            let refusal = checkout_session::apply_promotion_code(state, now, &id, code).err();
            let refusal = refusal.map(|error| error.message().to_owned());
            let status = if refusal.is_some() {
                StatusCode::PAYMENT_REQUIRED
            } else {
                StatusCode::OK
            };
            return page(state, &id, status, refusal, &Payment::default());
        }
        match pay(state, now, &id, &payment) {
            Ok(Attempted::Succeeded | Attempted::Processing) => leave(&success_url(state, &id)),
            Ok(Attempted::RequiresAction) => {
                Redirect::to(&format!("/c/pay/{id}/authenticate")).into_response()
            }
            Ok(Attempted::Declined(refusal)) | Err(refusal) => page(
                state,
                &id,
                StatusCode::PAYMENT_REQUIRED,
                Some(refusal.message().to_owned()),
                &payment,
            ),
        }
    })
}

/// `GET /c/pay/{session}/authenticate`
pub(super) async fn show_authentication(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
) -> Response {
    shared.with(|state, _| {
        let session = state.get(&id);
        let intent = state.get(text(&session, "payment_intent"));
        if text(&session, "status") == "open" && text(&intent, "status") == "requires_action" {
            bank(&intent, format!("/c/pay/{id}/authenticate"))
        } else {
            Redirect::to(&format!("/c/pay/{id}")).into_response()
        }
    })
}

/// `POST /c/pay/{session}/authenticate`
pub(super) async fn authenticate(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Form(form): Form<Authentication>,
) -> Response {
    shared.change(|state, now| {
        let passed = form.outcome == "complete";
        match checkout_session::authenticate(state, now, &id, passed) {
            Ok(Attempted::Succeeded | Attempted::Processing) => leave(&success_url(state, &id)),
            Ok(Attempted::RequiresAction) => {
                Redirect::to(&format!("/c/pay/{id}/authenticate")).into_response()
            }
            Ok(Attempted::Declined(refusal)) | Err(refusal) => {
                let refusal = Some(refusal.message().to_owned());
                page(
                    state,
                    &id,
                    StatusCode::PAYMENT_REQUIRED,
                    refusal,
                    &Payment::default(),
                )
            }
        }
    })
}

/// `GET /3ds/{intent}`: for intents that were confirmed through the API.
pub(super) async fn show_intent(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>) -> Response {
    shared.with(|state, _| {
        let intent = state.get(&id);
        match checkout_session::of_intent(state, &id) {
            Some(session) => Redirect::to(&format!("/c/pay/{session}/authenticate")).into_response(),
            None if text(&intent, "status") == "requires_action" => bank(&intent, format!("/3ds/{id}")),
            None => nothing_to_authenticate(),
        }
    })
}

/// `POST /3ds/{intent}`
pub(super) async fn authenticate_intent(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    Form(form): Form<Authentication>,
) -> Response {
    shared.change(|state, now| {
        let intent = state.get(&id);
        let Some(row) = state
            .row(&id)
            .filter(|_| text(&intent, "status") == "requires_action")
        else {
            return nothing_to_authenticate();
        };
        let scope = row.scope.clone();
        if form.outcome == "complete" {
            payment_intent::attempt(state, now, &scope, &id, true);
        } else {
            payment_intent::fail_authentication(state, now, &scope, &id);
        }
        let back = intent["next_action"]["redirect_to_url"]["return_url"]
            .as_str()
            .unwrap_or_default();
        match url::Url::parse(back) {
            Ok(mut url) => {
                url.query_pairs_mut().append_pair("payment_intent", &id);
                leave(url.as_str())
            }
            Err(_) => message(StatusCode::OK, "Done", "You can close this page.", None),
        }
    })
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct Page<'p> {
    id: &'p str,
    merchant: &'p str,
    note: &'p str,
    verb: &'p str,
    lines: Vec<Line>,
    subtotal: String,
    discount: Option<String>,
    total: String,
    takes_cards: bool,
    takes_debits: bool,
    takes_promotion_codes: bool,
    cancel_url: Option<&'p str>,
    message: Option<String>,
    fixed_email: Option<&'p str>,
    email: &'p str,
    card_number: &'p str,
    name: &'p str,
}

struct Line {
    name: String,
    description: String,
    quantity: i64,
    unit: String,
    amount: String,
}

#[derive(Template)]
#[template(path = "authenticate.html")]
struct Bank {
    total: String,
    action: String,
}

/// The payment page in whatever state the session is.
fn page(state: &State, id: &str, status: StatusCode, refusal: Option<String>, typed: &Payment) -> Response {
    let session = state.find(
        "checkout.session",
        &state.row(id).and_then(|row| row.scope.clone()),
        id,
    );
    let Ok(session) = session else {
        let (title, text) = ("No such checkout", "This link leads to no Checkout Session.");
        return message(StatusCode::NOT_FOUND, title, text, None);
    };
    match text(&session, "status") {
        "open" => payment_page(state, &session, status, refusal, typed),
        "complete" => {
            let (title, text) = ("Already paid", "This order has been paid. Thank you!");
            message(StatusCode::OK, title, text, safe(&success_url(state, id)))
        }
        _ => {
            let (title, text_) = (
                "This checkout has expired",
                "Nothing was charged. Start again in the shop.",
            );
            message(StatusCode::GONE, title, text_, safe(text(&session, "cancel_url")))
        }
    }
}

fn payment_page(
    state: &State,
    session: &Value,
    status: StatusCode,
    refusal: Option<String>,
    typed: &Payment,
) -> Response {
    let (id, currency) = (text(session, "id"), text(session, "currency"));
    let off = integer(&session["total_details"], "amount_discount");
    let cancel = text(session, "cancel_url").replace("{CHECKOUT_SESSION_ID}", id);
    let page = Page {
        id,
        merchant: text(&session["branding_settings"], "display_name"),
        note: text(&session["custom_text"]["submit"], "message"),
        verb: match text(session, "submit_type") {
            "book" => "Book for",
            "donate" => "Donate",
            _ => "Pay",
        },
        lines: checkout_session::lines(state, id)
            .iter()
            .map(|line| shown(state, line))
            .collect(),
        subtotal: format(integer(session, "amount_subtotal"), currency),
        discount: (off > 0).then(|| format(-off, currency)),
        total: format(integer(session, "amount_total"), currency),
        takes_cards: checkout_session::takes(session, "card"),
        takes_debits: checkout_session::takes(session, "sepa_debit"),
        takes_promotion_codes: session["allow_promotion_codes"] == true
            && session["payment_intent"].is_null(),
        cancel_url: safe(&cancel),
        message: refusal,
        fixed_email: session["customer_email"].as_str(),
        email: or(&typed.email, "jenny@example.com"),
        card_number: or(&typed.card_number, "4242 4242 4242 4242"),
        name: or(&typed.name, "Jenny Rosen"),
    };
    render(status, &page)
}

fn or<'t>(typed: &'t str, default: &'t str) -> &'t str {
    if typed.is_empty() { default } else { typed }
}

fn shown(state: &State, line: &Value) -> Line {
    let currency = text(line, "currency");
    let product = state.get(text(&line["price"], "product"));
    Line {
        name: text(line, "description").to_owned(),
        description: text(&product, "description").to_owned(),
        quantity: integer(line, "quantity"),
        unit: format(integer(&line["price"], "unit_amount"), currency),
        amount: format(integer(line, "amount_subtotal"), currency),
    }
}

fn bank(intent: &Value, action: String) -> Response {
    render(
        StatusCode::OK,
        &Bank {
            total: format(integer(intent, "amount"), text(intent, "currency")),
            action,
        },
    )
}

fn nothing_to_authenticate() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "Nothing to authenticate",
        "This payment does not wait for its buyer.",
        None,
    )
}

fn pay(state: &mut State, now: i64, id: &str, payment: &Payment) -> Result<Attempted, StripeError> {
    let is_debit = !payment.iban.is_empty();
    let number = if is_debit {
        &payment.iban
    } else {
        &payment.card_number
    };
    let known = Card::by_number(number).filter(|card| card.delayed == is_debit);
    let card = known.ok_or_else(|| {
        let message = "This number is not one of Stripe's test numbers. Try 4242 4242 4242 4242.";
        StripeError::card("incorrect_number", message)
    })?;
    if !is_debit {
        check_expiry(&payment.exp, now)?;
        check_cvc(payment.cvc.trim())?;
    }
    let filled = |field: &str| (!field.trim().is_empty()).then(|| field.trim().to_owned());
    let session = state.get(id);
    let email = session["customer_email"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| filled(&payment.email));
    checkout_session::pay(
        state,
        now,
        id,
        card,
        &Holder {
            name: filled(&payment.name),
            email,
        },
    )
}

fn check_cvc(typed: &str) -> Result<(), StripeError> {
    if (3..=4).contains(&typed.len()) && typed.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(());
    }
    Err(StripeError::card(
        "invalid_cvc",
        "Your card's security code is invalid.",
    ))
}

/// `MM / YY` or `MM/YYYY`, not in the past.
fn check_expiry(typed: &str, now: i64) -> Result<(), StripeError> {
    let invalid = || StripeError::card("invalid_expiry_year", "Your card's expiration date is invalid.");
    let (month, year) = typed.split_once('/').ok_or_else(invalid)?;
    let month: i64 = month.trim().parse().map_err(|_| invalid())?;
    let year: i64 = year.trim().parse().map_err(|_| invalid())?;
    let year = if year < 100 { 2_000 + year } else { year };
    let today = crate::clock::rfc3339(now);
    let this_year: i64 = today
        .get(..4)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default();
    let this_month: i64 = today
        .get(5..7)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default();
    let past = (year, month) < (this_year, this_month);
    if (1..=12).contains(&month) && !past {
        Ok(())
    } else {
        Err(invalid())
    }
}

fn success_url(state: &State, id: &str) -> String {
    text(&state.get(id), "success_url").replace("{CHECKOUT_SESSION_ID}", id)
}
