//! What connected accounts and buyers suffer and do.

use super::{Sandbox, answer, no_verb, parse_or_default, told};
use crate::resources::account::{self, Standing};
use crate::resources::late_payment;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

/// `POST /_sandbox/accounts/{id}/restrict|enable|reject|pend|deauthorize|delete`
pub(super) async fn change_account(
    Extract(shared): Sandbox,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let outcome = shared.change(|state, now| {
        let standing = match verb.as_str() {
            "restrict" => Standing::Restricted,
            "enable" => Standing::Enabled,
            "reject" => Standing::Rejected,
            "pend" => Standing::Pending,
            "deauthorize" => return told(account::leave(state, now, &id, true)),
            "delete" => return told(account::leave(state, now, &id, false)),
            _ => return Err(no_verb("restrict, enable, reject, pend, deauthorize or delete")),
        };
        told(account::set_standing(state, now, &id, standing))
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/sessions/{id}/begin_payment|finish_payment|pay_late`
pub(super) async fn change_session(
    Extract(shared): Sandbox,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        card: Option<String>,
        outcome: late_payment::Outcome,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).and_then(|asked| {
        let card = asked.card.as_deref().unwrap_or("4242424242424242");
        shared.change(|state, now| match verb.as_str() {
            "begin_payment" => told(late_payment::begin(state, now, &id, card)),
            "finish_payment" => told(late_payment::finish(state, now, &id, asked.outcome)),
            "pay_late" => told(late_payment::pay_late(state, now, &id, card)),
            _ => Err(no_verb("begin_payment, finish_payment or pay_late")),
        })
    });
    answer(&headers, outcome)
}
