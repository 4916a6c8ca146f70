//! Webhook endpoints that were made through the API.

use crate::error::StripeError;
use crate::pages;
use crate::state::{Call, State, merge_metadata, metadata, param, text_param};
use serde_json::{Value, json};

/// `POST /v1/webhook_endpoints`: the only answer that shows the secret.
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    check_url(call)?;
    let id = state.new_id("we");
    let secret = format!("whsec_{}", state.secret("webhook_secret", 32));
    let endpoint = json!({
        "id": id, "object": "webhook_endpoint",
        "api_version": param(call, "api_version"),
        "application": null,
        "created": call.now,
        "description": param(call, "description"),
        "enabled_events": param(call, "enabled_events"),
        "livemode": false,
        "metadata": metadata(call),
        "status": "enabled",
        "url": param(call, "url"),
    });
    let connect = param(call, "connect") == true;
    state.insert_with(
        &call.scope,
        endpoint.clone(),
        json!({"secret": secret, "connect": connect}),
    );
    let mut shown = endpoint;
    shown["secret"] = secret.into();
    Ok(shown)
}

/// `GET /v1/webhook_endpoints/{webhook_endpoint}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("webhook_endpoint", &call.scope, &call.path[0])
}

/// `GET /v1/webhook_endpoints`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "webhook_endpoint",
        "/v1/webhook_endpoints",
        &[],
        |_| true,
    )
}

/// `POST /v1/webhook_endpoints/{webhook_endpoint}`
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let endpoint = state.find("webhook_endpoint", &call.scope, &call.path[0])?;
    check_url(call)?;
    let mut changes = call.params.clone();
    changes.shift_remove("expand");
    if let Some(disabled) = changes.shift_remove("disabled") {
        changes.insert(
            "status".into(),
            if disabled == true { "disabled" } else { "enabled" }.into(),
        );
    }
    changes.insert(
        "metadata".into(),
        merge_metadata(&endpoint["metadata"], call.params.get("metadata")),
    );
    Ok(state.update(&call.path[0], Value::Object(changes)).0)
}

/// `DELETE /v1/webhook_endpoints/{webhook_endpoint}`
pub(crate) fn delete(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("webhook_endpoint", &call.scope, &call.path[0])?;
    state.delete(&call.path[0]);
    Ok(json!({"id": call.path[0], "object": "webhook_endpoint", "deleted": true}))
}

fn check_url(call: &Call) -> Result<(), StripeError> {
    let Some(url) = text_param(call, "url") else {
        return Ok(());
    };
    match url::Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(()),
        _ => Err(
            StripeError::invalid("Invalid URL: An explicit scheme (such as https) must be provided.")
                .code("url_invalid")
                .param("url"),
        ),
    }
}
