//! Events, to read. They are made by [`crate::webhooks::emit`].

use crate::error::StripeError;
use crate::pages;
use crate::state::{Call, State, text};
use serde_json::Value;

/// `GET /v1/events/{id}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("event", &call.scope, &call.path[0])
}

/// `GET /v1/events`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let types = call.params.get("types").and_then(Value::as_array);
    let wanted = call.params.get("type").and_then(Value::as_str);
    pages::list(state, call, "event", "/v1/events", &[], |row| {
        let kind = text(&row.value, "type");
        wanted.is_none_or(|wanted| matches(wanted, kind))
            && types.is_none_or(|types| {
                types
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|wanted| matches(wanted, kind))
            })
    })
}

/// `charge.*` stands for all that begin with `charge.`.
fn matches(wanted: &str, kind: &str) -> bool {
    wanted
        .strip_suffix('*')
        .map_or(wanted == kind, |prefix| kind.starts_with(prefix))
}
