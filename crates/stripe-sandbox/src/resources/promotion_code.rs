//! Promotion codes: what a buyer types to get a coupon.

use crate::currency::Currency;
use crate::error::StripeError;
use crate::pages;
use crate::resources::coupon;
use crate::state::{Call, State, merge_metadata, metadata, param, text, text_param};
use serde_json::{Value, json};

/// `POST /v1/promotion_codes`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let promotion = param(call, "promotion");
    let coupon = promotion["coupon"]
        .as_str()
        .ok_or_else(|| crate::spec::missing("promotion[coupon]"))?;
    state
        .find("coupon", &call.scope, coupon)
        .map_err(|error| error.in_body("promotion[coupon]"))?;
    let code = text_param(call, "code").map_or_else(
        || state.secret("promotion_code_text", 8).to_uppercase(),
        str::to_owned,
    );
    if active(state, &code).is_some() {
        let message = format!("An active promotion code with `code: {code}` already exists.");
        return Err(StripeError::invalid(message).param("code"));
    }
    let given = param(call, "restrictions");
    if let Some(currency) = given["minimum_amount_currency"].as_str() {
        Currency::parse(currency, "restrictions[minimum_amount_currency]")?;
    }
    let restrictions = json!({
        "first_time_transaction": false,
        "minimum_amount": given["minimum_amount"],
        "minimum_amount_currency": given["minimum_amount_currency"],
    });
    let promotion_code = json!({
        "id": state.new_id("promo"), "object": "promotion_code",
        "active": call.params.get("active").cloned().unwrap_or(Value::Bool(true)),
        "code": code,
        "created": call.now,
        "customer": null,
        "customer_account": null,
        "expires_at": param(call, "expires_at"),
        "livemode": false,
        "max_redemptions": param(call, "max_redemptions"),
        "metadata": metadata(call),
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": restrictions,
        "times_redeemed": 0,
    });
    state.insert(&call.scope, promotion_code.clone());
    Ok(promotion_code)
}

/// `GET /v1/promotion_codes/{promotion_code}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("promotion_code", &call.scope, &call.path[0])
}

/// `GET /v1/promotion_codes`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let coupon = call.params.get("coupon");
    pages::list(
        state,
        call,
        "promotion_code",
        "/v1/promotion_codes",
        &["active", "code"],
        |row| coupon.is_none_or(|coupon| row.value["promotion"]["coupon"] == *coupon),
    )
}

/// `POST /v1/promotion_codes/{promotion_code}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let promotion_code = state.find("promotion_code", &call.scope, &call.path[0])?;
    let mut changes =
        json!({"metadata": merge_metadata(&promotion_code["metadata"], call.params.get("metadata"))});
    if let Some(active) = call.params.get("active") {
        changes["active"] = active.clone();
    }
    Ok(state.update(&call.path[0], changes).0)
}

/// The promotion code a buyer typed, if it is active.
pub(crate) fn active(state: &State, code: &str) -> Option<Value> {
    let typed = |value: &Value| text(value, "code").eq_ignore_ascii_case(code) && value["active"] == true;
    state
        .rows("promotion_code")
        .find(|row| typed(&row.value))
        .map(|row| row.value.clone())
}

/// The coupon behind a promotion code, if the code may be used for this amount now.
pub(crate) fn redeemable(
    state: &State,
    promotion_code: &Value,
    now: i64,
    subtotal: i64,
    currency: &str,
    param: &str,
) -> Result<Value, StripeError> {
    let refuse = |why: &str| {
        Err(StripeError::invalid(format!("This promotion code {why}."))
            .code("coupon_expired")
            .param(param))
    };
    if promotion_code["active"] != true || coupon::is_used_up(promotion_code) {
        return refuse("is not active");
    }
    if promotion_code["expires_at"]
        .as_i64()
        .is_some_and(|until| until <= now)
    {
        return refuse("has expired");
    }
    let restrictions = &promotion_code["restrictions"];
    let minimum = restrictions["minimum_amount"].as_i64().unwrap_or_default();
    let minimum_currency = restrictions["minimum_amount_currency"]
        .as_str()
        .unwrap_or(currency);
    if minimum > 0 && (subtotal < minimum || minimum_currency != currency) {
        return refuse("needs a larger order");
    }
    let coupon = state.get(text(&promotion_code["promotion"], "coupon"));
    coupon::check_usable(&coupon, now, currency, param)?;
    Ok(coupon)
}
