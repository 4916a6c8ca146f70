//! Transfers from the platform to connected accounts.

use crate::currency::{Currency, LARGEST_CHARGE};
use crate::error::StripeError;
use crate::ledger::{Movement, post};
use crate::pages;
use crate::resources::account;
use crate::resources::payment_method::Holder;
use crate::state::{Call, State, integer, merge_metadata, metadata, param, text, text_param};
use crate::webhooks::emit;
use serde_json::{Value, json};

/// `POST /v1/transfers`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let currency = Currency::parse(text_param(call, "currency").unwrap_or_default(), "currency")?;
    let destination = destination(state, call)?;
    let source = source(state, call, currency)?;
    let amount = match (param(call, "amount").as_i64(), &source) {
        (Some(amount), _) => amount,
        (None, Some(charge)) => integer(charge, "amount"),
        (None, None) => return Err(crate::spec::missing("amount")),
    };
    check_amount(state, call, currency, amount, source.as_ref())?;
    let available_on = source
        .as_ref()
        .map_or(call.now, |charge| money_comes(state, charge))
        .max(call.now);
    let id = state.new_id("tr");
    let movement = Movement {
        kind: "transfer",
        category: "transfer",
        amount: -amount,
        fee: 0,
        currency: currency.code,
        source: Some(&id),
        available_on,
        description: param(call, "description"),
    };
    let transaction = post(state, call.now, &call.scope, &movement);
    let payment = mirror(
        state,
        call,
        &id,
        &destination,
        amount,
        currency.code,
        available_on,
    );
    let group = text_param(call, "transfer_group").map(Value::from);
    let group = group
        .or_else(|| source.as_ref().map(|charge| charge["transfer_group"].clone()))
        .unwrap_or_default();
    let transfer = json!({
        "id": id, "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": transaction,
        "created": call.now,
        "currency": currency.code,
        "description": param(call, "description"),
        "destination": destination,
        "destination_payment": payment,
        "livemode": false,
        "metadata": metadata(call),
        "reversals": pages::first(Vec::new(), &format!("/v1/transfers/{id}/reversals")),
        "reversed": false,
        "source_transaction": source.map(|charge| charge["id"].clone()),
        "source_type": "card",
        "transfer_group": group,
    });
    state.insert(&call.scope, transfer.clone());
    emit(
        state,
        call.now,
        &call.scope,
        "transfer.created",
        transfer.clone(),
        None,
    );
    Ok(transfer)
}

/// `GET /v1/transfers/{transfer}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("transfer", &call.scope, &call.path[0])
}

/// `GET /v1/transfers`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "transfer",
        "/v1/transfers",
        &["destination", "transfer_group"],
        |_| true,
    )
}

/// `POST /v1/transfers/{transfer}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let transfer = state.find("transfer", &call.scope, &call.path[0])?;
    let mut changes = json!({"metadata": merge_metadata(&transfer["metadata"], call.params.get("metadata"))});
    if let Some(description) = call.params.get("description") {
        changes["description"] = description.clone();
    }
    let (transfer, previous) = state.update(&call.path[0], changes);
    emit(
        state,
        call.now,
        &call.scope,
        "transfer.updated",
        transfer.clone(),
        Some(previous),
    );
    Ok(transfer)
}

fn destination(state: &State, call: &Call) -> Result<String, StripeError> {
    let id = text_param(call, "destination").unwrap_or_default();
    let account = state
        .find("account", &None, id)
        .map_err(|_| StripeError::missing("destination", id).in_body("destination"))?;
    if account::capability(&account, "transfers") == "active" {
        return Ok(id.to_owned());
    }
    let message = "Your destination account needs to have at least one of the following capabilities enabled: \
                   transfers, crypto_transfers, legacy_payments";
    Err(StripeError::invalid(message).code("insufficient_capabilities_for_transfer"))
}

/// The charge whose money is transferred, if one is named.
fn source(state: &State, call: &Call, currency: &Currency) -> Result<Option<Value>, StripeError> {
    let Some(id) = text_param(call, "source_transaction") else {
        return Ok(None);
    };
    let charge = state
        .find("charge", &call.scope, id)
        .map_err(|error| error.in_body("source_transaction"))?;
    if text(&charge, "status") != "succeeded" {
        return Err(
            StripeError::invalid("The source transaction did not succeed.").param("source_transaction")
        );
    }
    if text(&charge, "currency") != currency.code {
        let message = format!(
            "The currency of source_transaction's balance transaction ({}) must be the same as the transfer currency ({})",
            text(&charge, "currency"),
            currency.code
        );
        return Err(StripeError::invalid(message).param("currency"));
    }
    Ok(Some(charge))
}

/// When a charge's money becomes available, or will once it has its balance transaction.
fn money_comes(state: &State, charge: &Value) -> i64 {
    let transaction = state.get(text(charge, "balance_transaction"));
    let expected = integer(charge, "created") + state.settings.available_delay_seconds;
    transaction["available_on"].as_i64().unwrap_or(expected)
}

fn check_amount(
    state: &State,
    call: &Call,
    currency: &Currency,
    amount: i64,
    source: Option<&Value>,
) -> Result<(), StripeError> {
    if !(1..=LARGEST_CHARGE).contains(&amount) {
        let message = format!("This value must be between 1 and {LARGEST_CHARGE}.");
        return Err(StripeError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    let Some(charge) = source else {
        let available = state.books.funds(&call.scope, currency.code).available;
        return if amount <= available {
            Ok(())
        } else {
            Err(insufficient())
        };
    };
    let spent = state.rows_by("transfer", "source_transaction", text(charge, "id"));
    let spent: i64 = spent.iter().map(|row| integer(&row.value, "amount")).sum();
    let left = integer(charge, "amount") - spent;
    if amount <= left {
        return Ok(());
    }
    let message = format!(
        "Transfers using this transaction as a source must not exceed the source amount of {}. (There is {} left.)",
        currency.format(integer(charge, "amount")),
        currency.format(left)
    );
    Err(StripeError::invalid(message).param("amount"))
}

/// The payment that the connected account sees; returns its id.
fn mirror(
    state: &mut State,
    call: &Call,
    transfer: &str,
    destination: &str,
    amount: i64,
    currency: &str,
    available_on: i64,
) -> String {
    let scope = Some(destination.to_owned());
    let id = state.new_id("py");
    let movement = Movement {
        kind: "payment",
        category: "charge",
        amount,
        fee: 0,
        currency,
        source: Some(&id),
        available_on,
        description: param(call, "description"),
    };
    let transaction = post(state, call.now, &scope, &movement);
    let payment = json!({
        "id": id, "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": transaction,
        "billing_details": Holder::default().billing_details(),
        "calculated_statement_descriptor": null,
        "captured": true,
        "created": call.now,
        "currency": currency,
        "customer": null,
        "description": param(call, "description"),
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "fraud_details": {},
        "livemode": false,
        "metadata": {},
        "on_behalf_of": null,
        "outcome": null,
        "paid": true,
        "payment_intent": null,
        "payment_method": null,
        "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
        "receipt_email": null,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source_transfer": transfer,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "succeeded",
        "transfer_data": null,
        "transfer_group": null,
    });
    state.insert(&scope, payment);
    id
}

fn insufficient() -> StripeError {
    let message = "You have insufficient available funds in your Stripe account. Try adding funds directly to your \
                   available balance by creating Charges using the 4000000000000077 test card. \
                   See: https://stripe.com/docs/testing#available-balance";
    StripeError::invalid(message).code("balance_insufficient")
}
