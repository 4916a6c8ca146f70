//! Links to the hosted onboarding page.

use crate::error::StripeError;
use crate::spec;
use crate::state::{Call, State, param, text_param};
use serde_json::{Value, json};

/// How long a link works, in seconds.
const LIFETIME: i64 = 300;

/// `POST /v1/account_links`
pub(crate) fn create(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let account = text_param(call, "account").unwrap_or_default();
    state
        .find("account", &None, account)
        .map_err(|error| error.in_body("account"))?;
    for required in ["refresh_url", "return_url"] {
        let url = text_param(call, required).ok_or_else(|| spec::missing(required))?;
        if url::Url::parse(url).is_err() {
            return Err(StripeError::invalid("Not a valid URL")
                .code("url_invalid")
                .param(required));
        }
    }
    let token = state.secret("account_link", 32);
    let expires_at = call.now + LIFETIME;
    let link = json!({
        "id": format!("onboard_{token}"), "object": "account_link_token",
        "account": account,
        "expires_at": expires_at,
        "refresh_url": param(call, "refresh_url"),
        "return_url": param(call, "return_url"),
    });
    state.insert(&None, link);
    let url = format!("{}/onboard/{token}", state.public_url);
    Ok(json!({"object": "account_link", "created": call.now, "expires_at": expires_at, "url": url}))
}
