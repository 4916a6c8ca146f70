//! Prices and products, as Checkout makes them from `price_data`.

use crate::currency::Currency;
use crate::error::StripeError;
use crate::pages;
use crate::spec;
use crate::state::{Call, State, text};
use serde_json::{Value, json};

/// `GET /v1/prices/{price}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("price", &call.scope, &call.path[0])
}

/// `GET /v1/prices`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "price",
        "/v1/prices",
        &["active", "currency", "product"],
        |_| true,
    )
}

/// `GET /v1/products/{id}`
pub(crate) fn retrieve_product(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("product", &call.scope, &call.path[0])
}

/// `GET /v1/products`
pub(crate) fn list_products(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(state, call, "product", "/v1/products", &["active"], |_| true)
}

/// What is wrong with a `price_data`, if anything.
pub(crate) fn check(state: &State, call: &Call, data: &Value, param: &str) -> Result<(), StripeError> {
    Currency::parse(text(data, "currency"), &format!("{param}[currency]"))?;
    match data.get("unit_amount").and_then(Value::as_i64) {
        None => return Err(spec::missing(&format!("{param}[unit_amount]"))),
        Some(..0) => {
            let message = "Invalid non-negative integer";
            return Err(StripeError::invalid(message)
                .code("parameter_invalid_integer")
                .param(format!("{param}[unit_amount]")));
        }
        Some(_) => {}
    }
    match (
        data.get("product").and_then(Value::as_str),
        data.get("product_data"),
    ) {
        (Some(id), None) => {
            let found = state.find("product", &call.scope, id);
            found
                .map(|_| ())
                .map_err(|error| error.in_body(&format!("{param}[product]")))
        }
        (None, Some(_)) => Ok(()),
        (None, None) => Err(spec::missing(&format!("{param}[product_data]"))),
        (Some(_), Some(_)) => Err(StripeError::invalid(
            "You may only specify one of these parameters: product, product_data.",
        )
        .param(format!("{param}[product]"))),
    }
}

/// A price from a `price_data` that was found right; returns it.
pub(crate) fn create(state: &mut State, call: &Call, data: &Value) -> Value {
    let product = match data.get("product") {
        Some(id) => id.clone(),
        None => create_product(state, call, &data["product_data"]),
    };
    let id = state.new_id("price");
    let unit = data["unit_amount"].clone();
    let price = json!({
        "id": id, "object": "price",
        "active": false,
        "billing_scheme": "per_unit",
        "created": call.now,
        "currency": text(data, "currency").to_lowercase(),
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": null,
        "metadata": {},
        "nickname": null,
        "product": product,
        "recurring": null,
        "tax_behavior": data.get("tax_behavior").cloned().unwrap_or_else(|| json!("unspecified")),
        "tiers_mode": null,
        "transform_quantity": null,
        "type": "one_time",
        "unit_amount": unit,
        "unit_amount_decimal": unit.to_string(),
    });
    state.insert(&call.scope, price.clone());
    price
}

fn create_product(state: &mut State, call: &Call, data: &Value) -> Value {
    let id = state.new_id("prod");
    let or = |key: &str, default: Value| data.get(key).cloned().unwrap_or(default);
    let product = json!({
        "id": id, "object": "product",
        "active": false,
        "created": call.now,
        "default_price": null,
        "description": data.get("description"),
        "images": or("images", json!([])),
        "livemode": false,
        "marketing_features": [],
        "metadata": or("metadata", json!({})),
        "name": data["name"],
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": null,
        "tax_code": null,
        // Not in the OpenAPI document any more, but in every answer of Stripe's.
        "type": "service",
        "unit_label": data.get("unit_label"),
        "updated": call.now,
        "url": null,
    });
    state.insert(&call.scope, product);
    id.into()
}
