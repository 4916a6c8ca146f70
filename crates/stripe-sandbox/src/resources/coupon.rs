//! Coupons: an amount or a percentage off a whole session.

use crate::currency::Currency;
use crate::error::StripeError;
use crate::pages;
use crate::state::{Call, State, integer, merge_metadata, metadata, param, text, text_param};
use serde_json::{Value, json};

/// `POST /v1/coupons`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let (amount_off, percent_off) = (param(call, "amount_off"), param(call, "percent_off"));
    if amount_off.is_null() == percent_off.is_null() {
        return Err(
            StripeError::invalid("Must provide exactly one of percent_off or amount_off.")
                .param("percent_off"),
        );
    }
    if amount_off.as_i64().is_some_and(|amount| amount < 1) {
        return Err(StripeError::invalid("Invalid positive integer")
            .code("parameter_invalid_integer")
            .param("amount_off"));
    }
    if !percent_off.is_null() && !(1..=10_000).contains(&basis_points(&percent_off)) {
        return Err(
            StripeError::invalid("percent_off must be more than 0 and at most 100.").param("percent_off"),
        );
    }
    let currency = match (text_param(call, "currency"), amount_off.is_null()) {
        (Some(code), _) => Some(Currency::parse(code, "currency")?.code),
        (None, true) => None,
        (None, false) => return Err(crate::spec::missing("currency")),
    };
    let id = match text_param(call, "id") {
        Some(id) if state.row(id).is_some() => {
            let message = format!("Coupon already exists with id: {id}");
            return Err(StripeError::invalid(message)
                .code("resource_already_exists")
                .param("id"));
        }
        Some(id) => id.to_owned(),
        None => state.secret("coupon", 8),
    };
    let coupon = json!({
        "id": id, "object": "coupon",
        "amount_off": amount_off,
        "created": call.now,
        "currency": currency,
        "duration": text_param(call, "duration").unwrap_or("once"),
        "duration_in_months": param(call, "duration_in_months"),
        "livemode": false,
        "max_redemptions": param(call, "max_redemptions"),
        "metadata": metadata(call),
        "name": param(call, "name"),
        "percent_off": percent_off,
        "redeem_by": param(call, "redeem_by"),
        "times_redeemed": 0,
        "valid": true,
    });
    state.insert(&call.scope, coupon.clone());
    Ok(coupon)
}

/// `GET /v1/coupons/{coupon}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("coupon", &call.scope, &call.path[0])
}

/// `GET /v1/coupons`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(state, call, "coupon", "/v1/coupons", &[], |_| true)
}

/// `POST /v1/coupons/{coupon}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let coupon = state.find("coupon", &call.scope, &call.path[0])?;
    let mut changes = json!({"metadata": merge_metadata(&coupon["metadata"], call.params.get("metadata"))});
    if let Some(name) = call.params.get("name") {
        changes["name"] = name.clone();
    }
    Ok(state.update(&call.path[0], changes).0)
}

/// `DELETE /v1/coupons/{coupon}`
pub(crate) fn delete(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("coupon", &call.scope, &call.path[0])?;
    state.delete(&call.path[0]);
    Ok(json!({"id": call.path[0], "object": "coupon", "deleted": true}))
}

/// What a coupon takes off an amount, never more than the amount.
pub(crate) fn discount(coupon: &Value, amount: i64) -> i64 {
    let off = match coupon["amount_off"].as_i64() {
        Some(off) => off,
        None => (amount * basis_points(&coupon["percent_off"]) + 5_000) / 10_000,
    };
    off.min(amount)
}

/// Refuses a coupon that cannot be used for this currency now.
pub(crate) fn check_usable(coupon: &Value, now: i64, currency: &str, param: &str) -> Result<(), StripeError> {
    let id = text(coupon, "id");
    if coupon["redeem_by"].as_i64().is_some_and(|until| until <= now) || is_used_up(coupon) {
        return Err(StripeError::invalid(format!("Coupon {id} has expired."))
            .code("coupon_expired")
            .param(param));
    }
    match coupon["currency"].as_str() {
        Some(code) if !coupon["amount_off"].is_null() && code != currency => {
            let message = format!("The coupon {id} is in {code}, the session in {currency}.");
            Err(StripeError::invalid(message).param(param))
        }
        _ => Ok(()),
    }
}

/// Counts a use of a coupon or promotion code.
pub(crate) fn redeem(state: &mut State, id: &str) {
    let used = integer(&state.get(id), "times_redeemed") + 1;
    let (object, _) = state.update(id, json!({"times_redeemed": used}));
    if text(&object, "object") == "coupon" {
        state.update(id, json!({"valid": !is_used_up(&object)}));
    }
}

/// Whether it has been redeemed as often as it may be.
pub(crate) fn is_used_up(object: &Value) -> bool {
    object["max_redemptions"]
        .as_i64()
        .is_some_and(|most| integer(object, "times_redeemed") >= most)
}

/// A percentage with up to two decimals, in hundredths of a percent. Read from its text: no float touches money.
fn basis_points(percent: &Value) -> i64 {
    let text = percent.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let hundredths = format!("{fraction:0<2}");
    let parsed = whole
        .parse::<i64>()
        .ok()
        .zip(hundredths.get(..2).and_then(|digits| digits.parse::<i64>().ok()));
    parsed.map_or(0, |(whole, hundredths)| {
        whole.saturating_mul(100).saturating_add(hundredths)
    })
}
