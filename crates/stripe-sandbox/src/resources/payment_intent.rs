//! Payment intents: one attempt to collect an amount, by test cards.

use crate::cards::Card;
use crate::currency::Currency;
use crate::error::StripeError;
use crate::pages;
use crate::resources::late_payment::Outcome;
use crate::resources::{charge, checkout_session, payment_method};
use crate::state::{Call, Scope, State, Task, integer, merge_metadata, metadata, param, text, text_param};
use crate::webhooks::emit;
use serde_json::{Map, Value, json};

/// What came of an attempt to pay.
#[derive(Debug)]
pub(crate) enum Attempted {
    Succeeded,
    /// The buyer must authenticate; the intent waits.
    RequiresAction,
    /// A bank debit is under way.
    Processing,
    Declined(StripeError),
}

/// `POST /v1/payment_intents`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let currency = Currency::parse(text_param(call, "currency").unwrap_or_default(), "currency")?;
    let amount = param(call, "amount").as_i64().unwrap_or_default();
    currency.check_charge(amount, "Amount", "amount")?;
    let named = text_param(call, "payment_method");
    let method = named
        .map(|named| payment_method::resolve(state, call, named))
        .transpose()?;
    let mut fields = call.params.clone();
    fields.insert("metadata".into(), metadata(call));
    let intent = open(state, call.now, &call.scope, amount, currency.code, &fields);
    let id = text(&intent, "id").to_owned();
    if let Some(method) = method {
        state.update(
            &id,
            json!({"payment_method": method, "status": "requires_confirmation"}),
        );
    }
    if param(call, "confirm") == true {
        return confirm_by_api(state, call, &id);
    }
    Ok(state.get(&id))
}

/// `GET /v1/payment_intents/{intent}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("payment_intent", &call.scope, &call.path[0])
}

/// `GET /v1/payment_intents`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(state, call, "payment_intent", "/v1/payment_intents", &[], |_| {
        true
    })
}

/// `POST /v1/payment_intents/{intent}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let intent = state.find("payment_intent", &call.scope, &call.path[0])?;
    let mut changes = call.params.clone();
    changes.shift_remove("expand");
    let open = matches!(
        text(&intent, "status"),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    );
    if !open
        && ["amount", "currency", "payment_method"]
            .iter()
            .any(|key| changes.contains_key(*key))
    {
        return Err(unexpected_state(&intent, "updated"));
    }
    let code = text_param(call, "currency").unwrap_or_else(|| text(&intent, "currency"));
    let currency = Currency::parse(code, "currency")?;
    let amount = param(call, "amount")
        .as_i64()
        .unwrap_or_else(|| integer(&intent, "amount"));
    currency.check_charge(amount, "Amount", "amount")?;
    if let Some(named) = text_param(call, "payment_method") {
        changes.insert(
            "payment_method".into(),
            payment_method::resolve(state, call, named)?.into(),
        );
        changes.insert("status".into(), "requires_confirmation".into());
    }
    changes.insert(
        "metadata".into(),
        merge_metadata(&intent["metadata"], call.params.get("metadata")),
    );
    Ok(state.update(&call.path[0], Value::Object(changes)).0)
}

/// `POST /v1/payment_intents/{intent}/confirm`
pub(crate) fn confirm(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let intent = state.find("payment_intent", &call.scope, &call.path[0])?;
    if !matches!(
        text(&intent, "status"),
        "requires_payment_method" | "requires_confirmation" | "requires_action"
    ) {
        return Err(unexpected_state(&intent, "confirmed"));
    }
    let mut changes = Map::new();
    for key in ["capture_method", "payment_method_types", "receipt_email"] {
        if let Some(given) = call.params.get(key) {
            changes.insert(key.to_owned(), given.clone());
        }
    }
    if let Some(named) = text_param(call, "payment_method") {
        changes.insert(
            "payment_method".to_owned(),
            payment_method::resolve(state, call, named)?.into(),
        );
    }
    state.update(&call.path[0], Value::Object(changes));
    confirm_by_api(state, call, &call.path[0])
}

/// `POST /v1/payment_intents/{intent}/cancel`
pub(crate) fn cancel(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let intent = state.find("payment_intent", &call.scope, &call.path[0])?;
    if matches!(text(&intent, "status"), "succeeded" | "canceled") {
        return Err(unexpected_state(&intent, "canceled"));
    }
    if checkout_session::of_intent(state, &call.path[0]).is_some() {
        let message = "You cannot cancel this PaymentIntent because it was created by a Checkout Session. \
                       Expire the Checkout Session instead.";
        return Err(StripeError::invalid(message).code("payment_intent_unexpected_state"));
    }
    Ok(close(
        state,
        call.now,
        &call.scope,
        &call.path[0],
        &param(call, "cancellation_reason"),
    ))
}

/// A new intent, with `payment_intent.created`. `fields` are those parameters which it simply keeps.
pub(crate) fn open(
    state: &mut State,
    now: i64,
    scope: &Scope,
    amount: i64,
    currency: &str,
    fields: &Map<String, Value>,
) -> Value {
    let id = state.new_id("pi");
    let kept = |key: &str| fields.get(key).cloned().unwrap_or_default();
    let or = |key: &str, default: Value| fields.get(key).cloned().unwrap_or(default);
    let automatic = fields.get("automatic_payment_methods").map(|methods| {
        json!({"allow_redirects": methods.get("allow_redirects").unwrap_or(&json!("always")), "enabled": methods["enabled"]})
    });
    let secret = format!("{id}_secret_{}", state.secret("payment_intent_secret", 25));
    let intent = json!({
        "id": id, "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": automatic,
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": or("capture_method", json!("automatic_async")),
        "client_secret": secret,
        "confirmation_method": or("confirmation_method", json!("automatic")),
        "created": now,
        "currency": currency,
        "customer": null,
        "customer_account": null,
        "description": kept("description"),
        "excluded_payment_method_types": null,
        "last_payment_error": null,
        "latest_charge": null,
        "livemode": false,
        "metadata": or("metadata", json!({})),
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": {"card": {
            "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
        }},
        "payment_method_types": or("payment_method_types", json!(["card"])),
        "processing": null,
        "receipt_email": kept("receipt_email"),
        "review": null,
        "setup_future_usage": null,
        "shipping": null,
        "source": null,
        "statement_descriptor": kept("statement_descriptor"),
        "statement_descriptor_suffix": kept("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": null,
        "transfer_group": kept("transfer_group"),
    });
    state.insert(scope, intent.clone());
    emit(state, now, scope, "payment_intent.created", intent.clone(), None);
    intent
}

/// Tries to pay with the intent's payment method; with `authenticated`, the buyer has just proved who they are.
pub(crate) fn attempt(
    state: &mut State,
    now: i64,
    scope: &Scope,
    id: &str,
    authenticated: bool,
) -> Attempted {
    let intent = state.get(id);
    let method = text(&intent, "payment_method").to_owned();
    let Some(card) = payment_method::card(state, &method) else {
        return Attempted::Declined(StripeError::card(
            "processing_error",
            "The payment method is not a test card.",
        ));
    };
    if card.authenticate && !authenticated {
        let url = format!("{}/3ds/{id}", state.public_url);
        let action = json!({"redirect_to_url": {"return_url": null, "url": url}, "type": "redirect_to_url"});
        let (intent, _) = state.update(id, json!({"status": "requires_action", "next_action": action}));
        emit(state, now, scope, "payment_intent.requires_action", intent, None);
        return Attempted::RequiresAction;
    }
    if card.delayed {
        put_under_way(state, now, scope, id, &method);
        return Attempted::Processing;
    }
    let charge = charge::create(state, now, scope, &intent, &method, card);
    state.update(id, json!({"latest_charge": charge["id"]}));
    conclude(state, now, scope, id, card.refusal())
}

/// The payment is on its way to the bank, which has not answered. A bank debit has its charge already, and is settled in
/// time; a card waits for [`settle_as`].
pub(crate) fn put_under_way(state: &mut State, now: i64, scope: &Scope, id: &str, method: &str) {
    let card = payment_method::card(state, method).filter(|card| card.delayed);
    if let Some(card) = card {
        let charge = charge::create(state, now, scope, &state.get(id), method, card);
        state.update(id, json!({"latest_charge": charge["id"]}));
        charge::announce_pending(state, now, scope, &charge);
        let due = now + state.settings.async_payment_seconds;
        state.schedule(due, Task::SettlePayment(id.to_owned()));
    }
    let changes = json!({
        "status": "processing", "payment_method": method, "last_payment_error": null, "next_action": null,
    });
    let (intent, _) = state.update(id, changes);
    emit(state, now, scope, "payment_intent.processing", intent, None);
}

/// A bank debit has been paid, or not; the session hears of it too.
pub(crate) fn settle(state: &mut State, now: i64, id: &str) {
    settle_as(state, now, id, Outcome::Natural);
}

/// The bank answers a payment under way, as its card or account says, or otherwise.
pub(crate) fn settle_as(state: &mut State, now: i64, id: &str, outcome: Outcome) {
    let Some(row) = state
        .row(id)
        .filter(|row| text(&row.value, "status") == "processing")
    else {
        return;
    };
    let (intent, scope) = (row.value.clone(), row.scope.clone());
    let method = text(&intent, "payment_method");
    let Some(card) = payment_method::card(state, method) else {
        return;
    };
    if text(&state.get(text(&intent, "latest_charge")), "status") != "pending" {
        let charge = charge::create(state, now, &scope, &intent, method, card);
        state.update(id, json!({"latest_charge": charge["id"]}));
    }
    let refusal = match outcome {
        Outcome::Natural => card.refusal(),
        Outcome::Succeeded => None,
        Outcome::Failed => Some(card.refusal().unwrap_or_else(Card::no_reason)),
    };
    let paid = refusal.is_none();
    conclude(state, now, &scope, id, refusal);
    if let Some(session) = checkout_session::of_intent(state, id) {
        checkout_session::payment_ended(state, now, &scope, &session, paid);
    }
}

/// The buyer failed to authenticate: no charge is made.
pub(crate) fn fail_authentication(state: &mut State, now: i64, scope: &Scope, id: &str) -> Attempted {
    let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
    let refusal = StripeError::card("payment_intent_authentication_failure", message);
    decline(state, now, scope, id, refusal)
}

/// Cancels an intent that has not been paid.
pub(crate) fn close(state: &mut State, now: i64, scope: &Scope, id: &str, reason: &Value) -> Value {
    let changes =
        json!({"status": "canceled", "canceled_at": now, "cancellation_reason": reason, "next_action": null});
    let (intent, _) = state.update(id, changes);
    emit(state, now, scope, "payment_intent.canceled", intent.clone(), None);
    intent
}

fn confirm_by_api(state: &mut State, call: &Call, id: &str) -> Result<Value, StripeError> {
    if state.get(id)["payment_method"].is_null() {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        return Err(StripeError::invalid(message).code("payment_intent_unexpected_state"));
    }
    let absent = param(call, "off_session")
        .as_bool()
        .unwrap_or(call.params.contains_key("off_session"));
    let alone = absent || param(call, "error_on_requires_action") == true;
    match attempt(state, call.now, &call.scope, id, false) {
        Attempted::Succeeded | Attempted::Processing => Ok(state.get(id)),
        // There is nobody who could authenticate.
        Attempted::RequiresAction if alone => {
            let message = "Your card was declined. This transaction requires authentication.";
            let refusal = StripeError::card("authentication_required", message);
            decline(state, call.now, &call.scope, id, refusal.clone());
            Err(refusal.with("payment_intent", state.get(id)))
        }
        Attempted::Declined(refusal) => Err(refusal.with("payment_intent", state.get(id))),
        Attempted::RequiresAction => {
            let mut action = state.get(id)["next_action"].clone();
            action["redirect_to_url"]["return_url"] = param(call, "return_url");
            Ok(state.update(id, json!({"next_action": action})).0)
        }
    }
}

/// The latest charge turns out well, or is refused.
fn conclude(state: &mut State, now: i64, scope: &Scope, id: &str, refusal: Option<StripeError>) -> Attempted {
    let intent = state.get(id);
    let charge = text(&intent, "latest_charge");
    charge::conclude(state, now, scope, charge, refusal.as_ref());
    if let Some(refusal) = refusal {
        return decline(state, now, scope, id, refusal.with("charge", charge));
    }
    let changes = json!({
        "status": "succeeded", "amount_received": intent["amount"], "last_payment_error": null, "next_action": null,
    });
    let (intent, _) = state.update(id, changes);
    emit(state, now, scope, "payment_intent.succeeded", intent, None);
    Attempted::Succeeded
}

/// The intent waits for another payment method.
fn decline(state: &mut State, now: i64, scope: &Scope, id: &str, refusal: StripeError) -> Attempted {
    let method = state.get(text(&state.get(id), "payment_method"));
    let refusal = refusal.with("payment_method", method);
    let changes = json!({
        "status": "requires_payment_method", "payment_method": null, "next_action": null,
        "last_payment_error": refusal.object(),
    });
    let (intent, _) = state.update(id, changes);
    emit(state, now, scope, "payment_intent.payment_failed", intent, None);
    Attempted::Declined(refusal)
}

fn unexpected_state(intent: &Value, verb: &str) -> StripeError {
    StripeError::invalid(format!(
        "This PaymentIntent's status is {}: it cannot be {verb}.",
        text(intent, "status")
    ))
    .code("payment_intent_unexpected_state")
    .with("payment_intent", intent.clone())
}
