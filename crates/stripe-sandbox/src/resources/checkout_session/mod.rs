//! Checkout sessions: a basket of lines that a buyer pays on the hosted page, or that expires.

mod object;

use self::object::blank;
use crate::cards::Card;
use crate::currency::Currency;
use crate::error::StripeError;
use crate::pages;
use crate::resources::payment_intent::{self, Attempted};
use crate::resources::payment_method::{self, Holder};
use crate::resources::{coupon, price, promotion_code};
use crate::spec;
use crate::state::{Call, Scope, State, Task, integer, merge_metadata, param, text, text_param};
use crate::webhooks::emit;
use serde_json::{Map, Value, json};

/// A session lives from half an hour to a day, in seconds.
const SHORTEST: i64 = 1_800;
const LONGEST: i64 = 86_400;
/// Most lines in a session.
const MOST_LINES: usize = 100;
/// Largest quantity of a line.
const LARGEST_QUANTITY: i64 = 999_999;

/// `POST /v1/checkout/sessions`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let expires_at = check(call)?;
    let lines = check_lines(state, call)?;
    let currency = lines[0].currency;
    let subtotal = lines.iter().map(|line| line.unit * line.quantity).sum();
    let discount = given_discount(state, call, subtotal, currency.code)?;
    let total = subtotal - discount.amount(subtotal);
    if total != 0 {
        currency.check_charge(total, "The Checkout Session's total amount due", "line_items")?;
    }
    let id = format!("cs_test_{}", state.secret("cs_test", 32));
    let lines: Vec<Value> = lines
        .into_iter()
        .map(|line| add_line(state, call, line))
        .collect();
    let url = format!("{}/c/pay/{id}", state.public_url);
    let mut session = blank(call, &id, currency.code, expires_at);
    session["url"] = url.into();
    let intent_data = param(call, "payment_intent_data");
    state.insert_with(
        &call.scope,
        session,
        json!({"lines": lines, "payment_intent_data": intent_data}),
    );
    total_up(state, &id, &discount);
    state.schedule(expires_at, Task::ExpireSession(id.clone()));
    Ok(state.get(&id))
}

/// `GET /v1/checkout/sessions/{session}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("checkout.session", &call.scope, &call.path[0])
}

/// `GET /v1/checkout/sessions`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "checkout.session",
        "/v1/checkout/sessions",
        &["payment_intent", "status"],
        |_| true,
    )
}

/// `POST /v1/checkout/sessions/{session}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let session = retrieve(state, call)?;
    let merged = merge_metadata(&session["metadata"], call.params.get("metadata"));
    Ok(state.update(&call.path[0], json!({"metadata": merged})).0)
}

/// `POST /v1/checkout/sessions/{session}/expire`
pub(crate) fn expire(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let session = retrieve(state, call)?;
    let status = text(&session, "status");
    if status != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `{status}`."
        );
        return Err(StripeError::invalid(message).param("session"));
    }
    expire_if_open(state, call.now, &call.path[0]);
    Ok(state.get(&call.path[0]))
}

/// `GET /v1/checkout/sessions/{session}/line_items`
pub(crate) fn line_items(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    retrieve(state, call)?;
    let lines = lines(state, &call.path[0]);
    pages::page(
        call,
        lines.iter(),
        &format!("/v1/checkout/sessions/{}/line_items", call.path[0]),
    )
}

/// The lines of a session, in the order they were given.
pub(crate) fn lines(state: &State, id: &str) -> Vec<Value> {
    let lines = state
        .row(id)
        .and_then(|row| row.hidden["lines"].as_array())
        .cloned()
        .unwrap_or_default();
    lines
        .iter()
        .filter_map(Value::as_str)
        .map(|line| state.get(line))
        .collect()
}

/// The session that made this payment intent.
pub(crate) fn of_intent(state: &State, intent: &str) -> Option<String> {
    state.row(intent)?.hidden["session"].as_str().map(str::to_owned)
}

/// The session's time is over, or the merchant ended it.
pub(crate) fn expire_if_open(state: &mut State, now: i64, id: &str) {
    let Some(row) = state.row(id).filter(|row| text(&row.value, "status") == "open") else {
        return;
    };
    let scope = row.scope.clone();
    let intent = text(&row.value, "payment_intent").to_owned();
    let (session, _) = state.update(id, json!({"status": "expired", "url": null}));
    // What is under way to the bank cannot be called back: it may still be paid.
    if !intent.is_empty() && text(&state.get(&intent), "status") != "processing" {
        payment_intent::close(state, now, &scope, &intent, &json!("automatic"));
    }
    emit(state, now, &scope, "checkout.session.expired", session, None);
}

/// The buyer pays with a card on the hosted page.
pub(crate) fn pay(
    state: &mut State,
    now: i64,
    id: &str,
    card: &Card,
    holder: &Holder,
) -> Result<Attempted, StripeError> {
    let (session, scope) = open_session(state, id)?;
    if !takes(&session, card.kind()) {
        return Err(StripeError::card(
            "payment_method_not_available",
            "This session does not take such a payment.",
        ));
    }
    keep_customer(state, id, &session, holder);
    if integer(&session, "amount_total") == 0 {
        complete(state, now, id, &scope, "no_payment_required");
        return Ok(Attempted::Succeeded);
    }
    let intent = intent_of(state, now, &session, &scope);
    if text(&state.get(&intent), "status") == "processing" {
        return Err(StripeError::invalid("A payment of this session is under way."));
    }
    let method = payment_method::create(state, now, &scope, card, holder);
    state.update(
        &intent,
        json!({"payment_method": method, "status": "requires_confirmation"}),
    );
    let attempted = payment_intent::attempt(state, now, &scope, &intent, false);
    match attempted {
        Attempted::Succeeded => complete(state, now, id, &scope, "paid"),
        Attempted::Processing => complete(state, now, id, &scope, "unpaid"),
        Attempted::RequiresAction | Attempted::Declined(_) => {}
    }
    Ok(attempted)
}

/// A payment that was under way has ended: the session lives on, is done, or has expired in the meantime.
pub(crate) fn payment_ended(state: &mut State, now: i64, scope: &Scope, id: &str, paid: bool) {
    let session = state.get(id);
    let intent = text(&session, "payment_intent");
    match (text(&session, "status"), paid) {
        ("open", true) => complete(state, now, id, scope, "paid"),
        ("complete", true) => {
            let (session, _) = state.update(id, json!({"payment_status": "paid"}));
            let kind = "checkout.session.async_payment_succeeded";
            emit(state, now, scope, kind, session, None);
        }
        ("complete", false) => {
            emit(
                state,
                now,
                scope,
                "checkout.session.async_payment_failed",
                session,
                None,
            );
        }
        ("expired", false) => _ = payment_intent::close(state, now, scope, intent, &json!("automatic")),
        // Open: the buyer may try again. Expired and paid: only the payment intent tells of it.
        _ => {}
    }
}

/// Whether the session takes this kind of payment method.
pub(crate) fn takes(session: &Value, kind: &str) -> bool {
    let kinds = session["payment_method_types"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|taken| taken == kind))
}

/// The buyer has authenticated, or failed to.
pub(crate) fn authenticate(
    state: &mut State,
    now: i64,
    id: &str,
    passed: bool,
) -> Result<Attempted, StripeError> {
    let (session, scope) = open_session(state, id)?;
    let intent = text(&session, "payment_intent").to_owned();
    if text(&state.get(&intent), "status") != "requires_action" {
        return Err(StripeError::invalid("There is nothing to authenticate."));
    }
    if !passed {
        return Ok(payment_intent::fail_authentication(state, now, &scope, &intent));
    }
    let attempted = payment_intent::attempt(state, now, &scope, &intent, true);
    if let Attempted::Succeeded = attempted {
        complete(state, now, id, &scope, "paid");
    }
    Ok(attempted)
}

/// The buyer typed a promotion code.
pub(crate) fn apply_promotion_code(
    state: &mut State,
    now: i64,
    id: &str,
    code: &str,
) -> Result<(), StripeError> {
    let (session, _) = open_session(state, id)?;
    if session["allow_promotion_codes"] != true || !session["payment_intent"].is_null() {
        return Err(StripeError::invalid("This session takes no promotion codes."));
    }
    let found = promotion_code::active(state, code.trim());
    let found = found.ok_or_else(|| StripeError::invalid("This promotion code is not valid."))?;
    let (subtotal, currency) = (integer(&session, "amount_subtotal"), text(&session, "currency"));
    let coupon = promotion_code::redeemable(state, &found, now, subtotal, currency, "promotion_code")?;
    let discount = Discount {
        coupon: Some(coupon),
        promotion_code: Some(found),
    };
    let total = subtotal - discount.amount(subtotal);
    if total != 0 {
        Currency::parse(currency, "currency")?.check_charge(total, "The total", "promotion_code")?;
    }
    total_up(state, id, &discount);
    Ok(())
}

/// What is taken off.
#[derive(Default)]
struct Discount {
    coupon: Option<Value>,
    promotion_code: Option<Value>,
}

impl Discount {
    fn amount(&self, subtotal: i64) -> i64 {
        self.coupon
            .as_ref()
            .map_or(0, |coupon| coupon::discount(coupon, subtotal))
    }
}

/// A line found right, before anything is stored.
struct Line<'l> {
    currency: &'static Currency,
    unit: i64,
    quantity: i64,
    given: &'l Value,
}

/// Checks what does not concern the lines; returns when the session expires.
fn check(call: &Call) -> Result<i64, StripeError> {
    if text_param(call, "mode").is_none() {
        return Err(spec::missing("mode"));
    }
    let success_url = text_param(call, "success_url").ok_or_else(|| spec::missing("success_url"))?;
    for (name, url) in [
        ("success_url", Some(success_url)),
        ("cancel_url", text_param(call, "cancel_url")),
    ] {
        if url.is_some_and(|url| url::Url::parse(&url.replace(['{', '}'], "")).is_err()) {
            return Err(StripeError::invalid("Not a valid URL")
                .code("url_invalid")
                .param(name));
        }
    }
    if text_param(call, "customer_email").is_some_and(|email| !email.contains('@')) {
        let message = format!(
            "Invalid email address: {}",
            text_param(call, "customer_email").unwrap_or_default()
        );
        return Err(StripeError::invalid(message)
            .code("email_invalid")
            .param("customer_email"));
    }
    if param(call, "automatic_tax")["enabled"] == true {
        let message = "This sandbox computes no taxes: automatic_tax[enabled] must be false.";
        return Err(StripeError::invalid(message).param("automatic_tax[enabled]"));
    }
    let expires_at = param(call, "expires_at").as_i64().unwrap_or(call.now + LONGEST);
    let (bound, wrong) = match expires_at - call.now {
        ..SHORTEST => ("at least 30 minutes", true),
        SHORTEST..=LONGEST => ("", false),
        _ => ("less than 24 hours", true),
    };
    if wrong {
        let message = format!("The `expires_at` timestamp must be {bound} from Checkout Session creation.");
        return Err(StripeError::invalid(message).param("expires_at"));
    }
    Ok(expires_at)
}

fn check_lines<'l>(state: &State, call: &'l Call) -> Result<Vec<Line<'l>>, StripeError> {
    let given = call
        .params
        .get("line_items")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if given.is_empty() {
        return Err(spec::missing("line_items"));
    }
    if given.len() > MOST_LINES {
        let message = format!("A Checkout Session can have up to {MOST_LINES} line items.");
        return Err(StripeError::invalid(message).param("line_items"));
    }
    let lines = given
        .iter()
        .enumerate()
        .map(|(index, line)| check_line(state, call, line, &format!("line_items[{index}]")));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    let currency = lines[0].currency.code;
    let asked = text_param(call, "currency").unwrap_or(currency);
    if lines.iter().any(|line| line.currency.code != currency) || !asked.eq_ignore_ascii_case(currency) {
        let message = "All line items of a Checkout Session must have the same currency.";
        return Err(StripeError::invalid(message).param("line_items"));
    }
    Ok(lines)
}

fn check_line<'l>(state: &State, call: &Call, given: &'l Value, name: &str) -> Result<Line<'l>, StripeError> {
    let quantity = given["quantity"]
        .as_i64()
        .ok_or_else(|| spec::missing(&format!("{name}[quantity]")))?;
    if !(1..=LARGEST_QUANTITY).contains(&quantity) {
        let message = format!("The quantity must be between 1 and {LARGEST_QUANTITY}.");
        return Err(StripeError::invalid(message)
            .code("parameter_invalid_integer")
            .param(format!("{name}[quantity]")));
    }
    let (currency, unit) = match (
        given.get("price").and_then(Value::as_str),
        given.get("price_data"),
    ) {
        (Some(id), None) => {
            let price = state
                .find("price", &call.scope, id)
                .map_err(|error| error.in_body(&format!("{name}[price]")))?;
            (
                text(&price, "currency").to_owned(),
                integer(&price, "unit_amount"),
            )
        }
        (None, Some(data)) => {
            price::check(state, call, data, &format!("{name}[price_data]"))?;
            (text(data, "currency").to_owned(), integer(data, "unit_amount"))
        }
        _ => {
            let message = format!("You must specify either `price` or `price_data` when creating {name}.");
            return Err(StripeError::invalid(message)
                .code("parameter_missing")
                .param(format!("{name}[price]")));
        }
    };
    let currency = Currency::parse(&currency, name)?;
    // Neither factor can overflow the other: both are bounded here.
    if unit > crate::currency::LARGEST_CHARGE {
        currency.check_charge(unit, "The price", &format!("{name}[price_data][unit_amount]"))?;
    }
    Ok(Line {
        currency,
        unit,
        quantity,
        given,
    })
}

/// The discount named in the request.
fn given_discount(
    state: &State,
    call: &Call,
    subtotal: i64,
    currency: &str,
) -> Result<Discount, StripeError> {
    let given = call
        .params
        .get("discounts")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let [discount] = given else {
        return if given.is_empty() {
            Ok(Discount::default())
        } else {
            Err(StripeError::invalid("A Checkout Session can have one discount.").param("discounts"))
        };
    };
    if call.params.contains_key("allow_promotion_codes") {
        let message = "You may only specify one of these parameters: allow_promotion_codes, discounts.";
        return Err(StripeError::invalid(message).param("discounts"));
    }
    let name = "discounts[0]";
    if let Some(id) = discount["promotion_code"].as_str() {
        let found = state
            .find("promotion_code", &call.scope, id)
            .map_err(|error| error.in_body(name))?;
        let coupon = promotion_code::redeemable(state, &found, call.now, subtotal, currency, name)?;
        return Ok(Discount {
            coupon: Some(coupon),
            promotion_code: Some(found),
        });
    }
    let id = discount["coupon"]
        .as_str()
        .ok_or_else(|| spec::missing("discounts[0][coupon]"))?;
    let coupon = state
        .find("coupon", &call.scope, id)
        .map_err(|error| error.in_body(name))?;
    coupon::check_usable(&coupon, call.now, currency, name)?;
    Ok(Discount {
        coupon: Some(coupon),
        promotion_code: None,
    })
}

/// Stores a line; returns its id.
fn add_line(state: &mut State, call: &Call, line: Line<'_>) -> Value {
    let price = match line.given.get("price_data") {
        Some(data) => price::create(state, call, data),
        None => state.get(text(line.given, "price")),
    };
    let product = state.get(text(&price, "product"));
    let id = state.new_id("li");
    let amount = line.unit * line.quantity;
    let item = json!({
        "id": id, "object": "item",
        "adjustable_quantity": null,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": line.currency.code,
        "description": product["name"],
        "metadata": line.given.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "price": price,
        "quantity": line.quantity,
    });
    state.insert(&call.scope, item);
    id.into()
}

/// Sets the session's totals, sharing the discount among the lines; the last line takes what rounding leaves.
fn total_up(state: &mut State, id: &str, discount: &Discount) {
    let lines = lines(state, id);
    let subtotal: i64 = lines.iter().map(|line| integer(line, "amount_subtotal")).sum();
    let off = discount.amount(subtotal);
    let (mut seen, mut shared) = (0, 0);
    for line in &lines {
        let amount = integer(line, "amount_subtotal");
        seen += amount;
        let share = if subtotal == 0 {
            0
        } else {
            share(off, seen, subtotal) - shared
        };
        shared += share;
        state.update(
            text(line, "id"),
            json!({"amount_discount": share, "amount_total": amount - share}),
        );
    }
    let named = |object: &Option<Value>| object.as_ref().map(|object| object["id"].clone());
    let discounts = match &discount.coupon {
        Some(_) => {
            json!([{"coupon": named(&discount.coupon), "promotion_code": named(&discount.promotion_code)}])
        }
        None => json!([]),
    };
    state.update(
        id,
        json!({
            "amount_subtotal": subtotal,
            "amount_total": subtotal - off,
            "discounts": discounts,
            "total_details": {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0},
        }),
    );
}

/// `off · part / whole`, rounded down, without overflow.
fn share(off: i64, part: i64, whole: i64) -> i64 {
    let exact = i128::from(off) * i128::from(part) / i128::from(whole);
    i64::try_from(exact).unwrap_or(off)
}

fn open_session(state: &State, id: &str) -> Result<(Value, Scope), StripeError> {
    let row = state
        .row(id)
        .filter(|row| text(&row.value, "object") == "checkout.session");
    let row = row.ok_or_else(|| StripeError::missing("checkout.session", id))?;
    match text(&row.value, "status") {
        "open" => Ok((row.value.clone(), row.scope.clone())),
        status => Err(StripeError::invalid(format!(
            "This Checkout Session is {status}."
        ))),
    }
}

/// The session's payment intent, made at the first attempt to pay.
pub(crate) fn intent_of(state: &mut State, now: i64, session: &Value, scope: &Scope) -> String {
    if let Some(id) = session["payment_intent"].as_str() {
        return id.to_owned();
    }
    let session_id = text(session, "id");
    let data = state
        .row(session_id)
        .map(|row| row.hidden["payment_intent_data"].clone())
        .unwrap_or_default();
    let fields: Map<String, Value> = data.as_object().cloned().unwrap_or_default();
    let amount = integer(session, "amount_total");
    let intent = payment_intent::open(state, now, scope, amount, text(session, "currency"), &fields);
    let id = text(&intent, "id").to_owned();
    if let Some(row) = state.row_mut(&id) {
        row.hidden = json!({"session": session_id});
    }
    state.update(session_id, json!({"payment_intent": id}));
    id
}

fn keep_customer(state: &mut State, id: &str, session: &Value, holder: &Holder) {
    let email = session["customer_email"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| holder.email.clone());
    let address = holder.billing_details()["address"].clone();
    let details = json!({
        "address": address, "business_name": null, "email": email, "individual_name": null, "name": holder.name,
        "phone": null, "tax_exempt": "none", "tax_ids": [],
    });
    state.update(id, json!({"customer_details": details}));
}

fn complete(state: &mut State, now: i64, id: &str, scope: &Scope, payment_status: &str) {
    let changes = json!({"status": "complete", "payment_status": payment_status, "url": null});
    let (session, _) = state.update(id, changes);
    for discount in session["discounts"].as_array().into_iter().flatten() {
        for key in ["coupon", "promotion_code"] {
            if let Some(used) = discount[key].as_str() {
                coupon::redeem(state, used);
            }
        }
    }
    emit(state, now, scope, "checkout.session.completed", session, None);
}
