//! Money that moves without the merchant: disputes, refunds that come back, payouts that fail, and whatever else.

use super::{Flag, Number, Sandbox, answer, bad, found, no_verb, parse, parse_or_default, told};
use crate::currency::Currency;
use crate::ledger::{Movement, post};
use crate::resources::dispute::{self, Decision, Kind, Opening, Outcome};
use crate::resources::{account, charge, payout, refund};
use crate::state::State;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

/// `POST /_sandbox/charges/{id}/dispute`
pub(super) async fn open_dispute(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        kind: Kind,
        amount: Option<Number>,
        reason: Option<String>,
        fee: Option<Number>,
        beyond_refunds: Option<Flag>,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).and_then(|asked| {
        let opening = Opening {
            kind: asked.kind,
            amount: asked.amount.map(|Number(amount)| amount),
            reason: asked.reason,
            fee: asked.fee.map(|Number(fee)| fee),
            beyond_refunds: asked.beyond_refunds.is_some_and(|Flag(beyond)| beyond),
        };
        told(shared.change(|state, now| dispute::open(state, now, &id, &opening)))
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/disputes/{id}/decide`
pub(super) async fn decide_dispute(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        outcome: Outcome,
        reinstated: Option<Number>,
        fee_returned: Option<Flag>,
    }
    let outcome = parse::<Asked>(&headers, &body).and_then(|asked| {
        let decision = Decision {
            outcome: asked.outcome,
            reinstated: asked.reinstated.map(|Number(amount)| amount),
            fee_returned: asked.fee_returned.map(|Flag(returned)| returned),
        };
        told(shared.change(|state, now| dispute::decide(state, now, &id, &decision)))
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/refunds/{id}/fail|succeed`
pub(super) async fn change_refund(
    Extract(shared): Sandbox,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        reason: Option<String>,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).and_then(|asked| {
        let reason = asked.reason.as_deref().unwrap_or("lost_or_stolen_card");
        shared.change(|state, now| {
            match verb.as_str() {
                "fail" => refund::fail(state, now, &id, reason),
                "succeed" => refund::settle(state, now, &id),
                _ => return Err(no_verb("fail or succeed")),
            }
            found(state.get(&id), &id)
        })
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/charges/{id}/refunds`: what becomes of the charge's refunds from now on.
pub(super) async fn plan_refunds(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        plan: String,
    }
    let outcome = parse::<Asked>(&headers, &body).and_then(|asked| {
        if !refund::PLANS.contains(&asked.plan.as_str()) {
            return Err(bad(&format!("plan: one of {}", refund::PLANS.join(", "))));
        }
        shared.change(|state, _| {
            if let Some(row) = state.row_mut(&id) {
                row.hidden["refunds"] = asked.plan.into();
            }
            found(state.get(&id), &id)
        })
    });
    answer(&headers, outcome)
}

/// `POST /_sandbox/charges/{id}/balance_transaction`
pub(super) async fn apply_balance_transaction(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let charge = shared.change(|state, now| {
        charge::apply_balance_transaction(state, now, &id);
        state.get(&id)
    });
    answer(&headers, found(charge, &id))
}

/// `POST /_sandbox/payouts/{id}/fail`
pub(super) async fn fail_payout(
    Extract(shared): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        code: Option<String>,
    }
    let outcome = parse_or_default::<Asked>(&headers, &body).and_then(|asked| {
        let code = asked.code.as_deref().unwrap_or("account_closed");
        told(shared.change(|state, now| payout::fail(state, now, &id, code)))
    });
    answer(&headers, outcome)
}

/// A balance transaction out of nowhere.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(rename = "type")]
    kind: String,
    amount: Number,
    currency: String,
    fee: Option<Number>,
    reporting_category: Option<String>,
    description: Option<String>,
    source: Option<String>,
    /// Whose; the platform's if it is not given.
    account: Option<String>,
    /// After how long the money is available.
    available_in_seconds: Option<Number>,
}

/// `POST /_sandbox/balance_transactions`
pub(super) async fn add_transaction(Extract(shared): Sandbox, headers: HeaderMap, body: Bytes) -> Response {
    let outcome =
        parse::<Given>(&headers, &body).and_then(|given| shared.change(|state, now| add(state, now, &given)));
    answer(&headers, outcome)
}

fn add(state: &mut State, now: i64, given: &Given) -> Result<Value, (StatusCode, String)> {
    let currency =
        Currency::find(&given.currency).ok_or_else(|| bad("currency: not one of the sandbox's"))?;
    let scope = given.account.clone().filter(|id| id != account::PLATFORM);
    if let Some(id) = &scope {
        told(state.find("account", &None, id))?;
    }
    let wait = given
        .available_in_seconds
        .map_or(0, |Number(seconds)| seconds.max(0));
    let movement = Movement {
        kind: &given.kind,
        category: given
            .reporting_category
            .as_deref()
            .unwrap_or(category(&given.kind)),
        amount: given.amount.0,
        fee: given.fee.map_or(0, |Number(fee)| fee),
        currency: currency.code,
        source: given.source.as_deref(),
        available_on: now.saturating_add(wait),
        description: given.description.clone().into(),
    };
    let id = post(state, now, &scope, &movement);
    Ok(state.get(&id))
}

/// Stripe's usual reporting category for a type of balance transaction.
fn category(kind: &str) -> &str {
    match kind {
        "adjustment" => "other_adjustment",
        "stripe_fee" | "stripe_fx_fee" | "tax_fee" => "fee",
        "payment" => "charge",
        "payment_refund" => "refund",
        "payout_cancel" | "payout_failure" => "payout_reversal",
        "transfer_refund" | "transfer_failure" | "transfer_cancel" => "transfer_reversal",
        "reserve_transaction" | "reserved_funds" | "reserve_hold" | "reserve_release" => {
            "risk_reserved_funds"
        }
        other => other,
    }
}
