//! Disputes, as the API shows them and lets them be answered. What the buyer's bank does is in [`course`].

mod course;
mod object;

pub(crate) use course::{
    Decision, Kind, Opening, Outcome, charge_refunded, check_refundable, deadline, decide,
    decide_by_evidence, open, open_by_card,
};

use crate::error::StripeError;
use crate::pages;
use crate::state::{Call, State, Task, integer, merge_metadata, param, text};
use crate::webhooks::emit;
use serde_json::{Value, json};

/// The evidence texts of Stripe's test mode, and what the bank makes of them.
pub(crate) const WINNING: &str = "winning_evidence";
const LOSING: &str = "losing_evidence";
const ESCALATING: &str = "escalate_inquiry_evidence";

/// `GET /v1/disputes/{dispute}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("dispute", &call.scope, &call.path[0])
}

/// `GET /v1/disputes`
pub(crate) fn list(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    pages::list(
        state,
        call,
        "dispute",
        "/v1/disputes",
        &["charge", "payment_intent"],
        |_| true,
    )
}

/// `POST /v1/disputes/{dispute}`: evidence is submitted unless `submit` is false, and only once.
pub(crate) fn update(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let dispute = retrieve(state, call)?;
    let given = call.params.get("evidence").and_then(Value::as_object);
    let submit = param(call, "submit").as_bool().unwrap_or(given.is_some());
    if given.is_some() || submit {
        check_answerable(&dispute)?;
    }
    let mut evidence = dispute["evidence"].clone();
    for (field, text) in given.into_iter().flatten() {
        evidence[field] = text.clone();
    }
    let mut details = dispute["evidence_details"].clone();
    details["has_evidence"] = (details["has_evidence"] == true || given.is_some()).into();
    let mut changes = json!({
        "evidence": evidence,
        "metadata": merge_metadata(&dispute["metadata"], call.params.get("metadata")),
    });
    if submit {
        details["submission_count"] = (integer(&details, "submission_count") + 1).into();
        changes["status"] = reviewed(text(&dispute, "status")).into();
        plan_decision(state, call, &evidence);
    }
    changes["evidence_details"] = details;
    let (dispute, previous) = state.update(&call.path[0], changes);
    emit(
        state,
        call.now,
        &call.scope,
        "charge.dispute.updated",
        dispute.clone(),
        Some(previous),
    );
    Ok(dispute)
}

/// `POST /v1/disputes/{dispute}/close`: the merchant gives in.
pub(crate) fn close(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    let dispute = retrieve(state, call)?;
    let status = text(&dispute, "status");
    if status != "needs_response" {
        let message =
            format!("Only disputes that need a response can be closed: the status of this one is {status}.");
        return Err(StripeError::invalid(message));
    }
    decide(state, call.now, &call.path[0], &Decision::of(Outcome::Lost))
}

/// The status after an answer.
fn reviewed(status: &str) -> &'static str {
    if status.starts_with("warning_") {
        "warning_under_review"
    } else {
        "under_review"
    }
}

fn check_answerable(dispute: &Value) -> Result<(), StripeError> {
    match text(dispute, "status") {
        "needs_response" | "warning_needs_response" => Ok(()),
        "under_review" | "warning_under_review" => Err(StripeError::invalid(
            "Evidence has already been submitted for this dispute.",
        )),
        _ => Err(StripeError::invalid("This dispute is already closed.")),
    }
}

/// In test mode the evidence says how the bank will decide.
fn plan_decision(state: &mut State, call: &Call, evidence: &Value) {
    if [WINNING, LOSING, ESCALATING].contains(&text(evidence, "uncategorized_text")) {
        let due = call.now + state.settings.dispute_decision_seconds;
        state.schedule(due, Task::DecideDispute(call.path[0].clone()));
    }
}
