//! The course of a dispute: what the buyer's bank and the passing of time do to it, and the money that moves with it.
//!
//! An inquiry (`warning_…`) moves no money. A chargeback takes the amount and a fee at once, also from a balance that does
//! not hold them. A dispute that is won brings the amount back; one that is lost may still bring a part of it back, as
//! when the bank recognizes an earlier refund.

use super::object::{Blank, blank, is_closed};
use super::{ESCALATING, WINNING};
use crate::currency::{Currency, format};
use crate::error::StripeError;
use crate::ledger::{Movement, post};
use crate::resources::refund;
use crate::state::{Scope, State, Task, integer, text};
use crate::webhooks::emit;
use serde::Deserialize;
use serde_json::{Value, json};

/// How a dispute begins.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The money is gone until the dispute is won.
    #[default]
    Chargeback,
    /// The bank only asks.
    Inquiry,
    /// Lost from the first moment: there is nothing to answer.
    Lost,
}

/// A dispute to open.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub(crate) kind: Kind,
    /// What is disputed; all that is neither refunded nor disputed already if it is not given.
    pub(crate) amount: Option<i64>,
    /// `fraudulent` if it is not given.
    pub(crate) reason: Option<String>,
    /// Stripe's fee; that of the settings if it is not given.
    pub(crate) fee: Option<i64>,
    /// Disputes also what was refunded before: banks do.
    pub(crate) beyond_refunds: bool,
}

/// What the bank decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// An answer is under way to the bank.
    UnderReview,
    Won,
    Lost,
    /// An inquiry becomes a chargeback.
    Escalated,
    /// An inquiry comes to nothing.
    WarningClosed,
}

/// A decision, with the money that goes with it.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    /// How much comes back: all when won, nothing when lost, if it is not given.
    pub(crate) reinstated: Option<i64>,
    /// Whether the fee comes back when won; as the settings say if it is not given.
    pub(crate) fee_returned: Option<bool>,
}

impl Decision {
    /// A decision with the usual money.
    pub(crate) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            reinstated: None,
            fee_returned: None,
        }
    }
}

/// Opens a dispute of a charge, or of a payment intent's latest charge.
pub(crate) fn open(
    state: &mut State,
    now: i64,
    named: &str,
    opening: &Opening,
) -> Result<Value, StripeError> {
    let intent = state.get(named);
    let id = intent["latest_charge"].as_str().unwrap_or(named);
    let row = state.row(id).filter(|row| text(&row.value, "object") == "charge");
    let row = row.ok_or_else(|| StripeError::missing("charge", id))?;
    if text(&row.value, "status") != "succeeded" {
        return Err(StripeError::invalid(
            "Only a charge that succeeded can be disputed.",
        ));
    }
    let (id, scope) = (id.to_owned(), row.scope.clone());
    let amount = check_amount(state, &id, opening)?;
    if opening.kind != Kind::Inquiry {
        fail_pending_refunds(state, now, &id);
    }
    let dispute = create(state, now, &scope, &id, amount, opening);
    if opening.kind == Kind::Inquiry {
        emit(
            state,
            now,
            &scope,
            "charge.dispute.created",
            state.get(&dispute),
            None,
        );
        return Ok(state.get(&dispute));
    }
    withdraw(state, now, &scope, &dispute, opening.fee);
    emit(
        state,
        now,
        &scope,
        "charge.dispute.created",
        state.get(&dispute),
        None,
    );
    tell_of_withdrawal(state, now, &scope, &dispute);
    if opening.kind == Kind::Lost {
        emit(
            state,
            now,
            &scope,
            "charge.dispute.closed",
            state.get(&dispute),
            None,
        );
    }
    Ok(state.get(&dispute))
}

/// The card with which a charge was made is known for disputes.
pub(crate) fn open_by_card(state: &mut State, now: i64, charge: &str) {
    let Some(row) = state.row(charge) else { return };
    let kind = match text(&row.hidden, "dispute") {
        "inquiry" => Kind::Inquiry,
        _ => Kind::Chargeback,
    };
    let opening = Opening {
        kind,
        reason: row.hidden["dispute_reason"].as_str().map(str::to_owned),
        ..Opening::default()
    };
    // Refunded in the meantime: there is nothing left to dispute.
    if let Err(error) = open(state, now, charge, &opening) {
        tracing::info!("no dispute of {charge}: {}", error.message());
    }
}

/// The bank decides.
pub(crate) fn decide(
    state: &mut State,
    now: i64,
    id: &str,
    decision: &Decision,
) -> Result<Value, StripeError> {
    let row = state
        .row(id)
        .filter(|row| text(&row.value, "object") == "dispute");
    let row = row.ok_or_else(|| StripeError::missing("dispute", id))?;
    let (dispute, scope) = (row.value.clone(), row.scope.clone());
    let status = text(&dispute, "status");
    match (decision.outcome, status) {
        (Outcome::UnderReview, "needs_response" | "warning_needs_response") => {
            let changes = json!({"status": super::reviewed(status)});
            change(state, now, &scope, id, changes, "charge.dispute.updated");
        }
        (Outcome::Escalated, "warning_needs_response" | "warning_under_review") => {
            escalate(state, now, &scope, &dispute)?;
        }
        (Outcome::WarningClosed, "warning_needs_response" | "warning_under_review") => {
            let changes = json!({"status": "warning_closed", "is_charge_refundable": false});
            change(state, now, &scope, id, changes, "charge.dispute.closed");
        }
        (Outcome::Won | Outcome::Lost, "needs_response" | "under_review") => {
            conclude(state, now, &scope, &dispute, decision)?;
        }
        (outcome, status) => {
            let message =
                format!("A dispute with the status {status} cannot be decided like this: {outcome:?}.");
            return Err(StripeError::invalid(message));
        }
    }
    Ok(state.get(id))
}

/// The evidence said how the bank would decide.
pub(crate) fn decide_by_evidence(state: &mut State, now: i64, id: &str) {
    let dispute = state.get(id);
    let inquiry = text(&dispute, "status").starts_with("warning_");
    let outcome = match (inquiry, text(&dispute["evidence"], "uncategorized_text")) {
        (true, ESCALATING) => Outcome::Escalated,
        (true, _) => Outcome::WarningClosed,
        (false, WINNING) => Outcome::Won,
        (false, _) => Outcome::Lost,
    };
    settle(state, now, id, outcome);
}

/// The time to answer is over: a chargeback is lost, an inquiry has come to nothing.
pub(crate) fn deadline(state: &mut State, now: i64, id: &str) {
    let dispute = state.get(id);
    match text(&dispute, "status") {
        // An inquiry that was escalated has its time to answer from then on.
        "needs_response" if integer(&dispute["evidence_details"], "due_by") <= now => {
            let mut details = dispute["evidence_details"].clone();
            details["past_due"] = true.into();
            state.update(id, json!({"evidence_details": details}));
            settle(state, now, id, Outcome::Lost);
        }
        "warning_needs_response" | "warning_under_review" => settle(state, now, id, Outcome::WarningClosed),
        _ => {}
    }
}

/// A refund of the whole charge ends the inquiries into it.
pub(crate) fn charge_refunded(state: &mut State, now: i64, charge: &str) {
    if state.get(charge)["refunded"] != true {
        return;
    }
    let open: Vec<String> = of(state, charge)
        .filter(|dispute| text(dispute, "status").starts_with("warning_") && !is_closed(dispute))
        .map(|dispute| text(dispute, "id").to_owned())
        .collect();
    for id in open {
        settle(state, now, &id, Outcome::WarningClosed);
    }
}

/// Refuses a refund of a charge whose money the bank has taken, as Stripe does.
pub(crate) fn check_refundable(state: &State, charge: &str) -> Result<(), StripeError> {
    let taken = of(state, charge).any(|dispute| {
        matches!(
            text(dispute, "status"),
            "needs_response" | "under_review" | "lost"
        )
    });
    if taken {
        let message = format!("Charge {charge} has been charged back; cannot issue a refund.");
        return Err(StripeError::invalid(message).code("charge_disputed"));
    }
    Ok(())
}

fn settle(state: &mut State, now: i64, id: &str, outcome: Outcome) {
    // Decided otherwise in the meantime.
    if let Err(error) = decide(state, now, id, &Decision::of(outcome)) {
        tracing::debug!("{id} stays as it is: {}", error.message());
    }
}

fn of<'s>(state: &'s State, charge: &str) -> impl Iterator<Item = &'s Value> + use<'s> {
    let rows = state.rows_by("dispute", "charge", charge);
    rows.into_iter().map(|row| &row.value)
}

/// What has been taken for a dispute and not come back.
fn taken(dispute: &Value) -> i64 {
    let moved = dispute["balance_transactions"].as_array().into_iter().flatten();
    -moved
        .map(|transaction| integer(transaction, "amount"))
        .sum::<i64>()
}

/// What of a charge is neither refunded nor taken by disputes.
fn rest(state: &State, charge: &Value) -> i64 {
    let disputed: i64 = of(state, text(charge, "id")).map(taken).sum();
    integer(charge, "amount") - integer(charge, "amount_refunded") - disputed
}

fn check_amount(state: &State, charge: &str, opening: &Opening) -> Result<i64, StripeError> {
    let charge = state.get(charge);
    let pending: i64 = pending_refunds(state, text(&charge, "id"))
        .iter()
        .map(|(_, amount)| amount)
        .sum();
    let mut most = rest(state, &charge);
    if opening.kind != Kind::Inquiry {
        most += pending;
    }
    if opening.beyond_refunds {
        most = integer(&charge, "amount");
    }
    let amount = opening.amount.unwrap_or(most);
    if (1..=most).contains(&amount) {
        return Ok(amount);
    }
    let most = format(most, text(&charge, "currency"));
    Err(StripeError::invalid(format!(
        "The disputed amount must be positive, and at most what is neither refunded nor disputed: {most}."
    ))
    .param("amount"))
}

fn create(
    state: &mut State,
    now: i64,
    scope: &Scope,
    charge: &str,
    amount: i64,
    opening: &Opening,
) -> String {
    let id = state.new_id("du");
    let (status, lasts) = match opening.kind {
        Kind::Chargeback => ("needs_response", Some(state.settings.dispute_response_seconds)),
        Kind::Inquiry => (
            "warning_needs_response",
            Some(state.settings.inquiry_close_seconds),
        ),
        Kind::Lost => ("lost", None),
    };
    let response = now + state.settings.dispute_response_seconds;
    let dispute = blank(&Blank {
        id: &id,
        charge: &state.get(charge),
        amount,
        reason: opening.reason.as_deref().unwrap_or("fraudulent"),
        status,
        inquiry: opening.kind == Kind::Inquiry,
        created: now,
        due_by: lasts.map(|_| response),
    });
    state.insert(scope, dispute);
    state.update(charge, json!({"disputed": true}));
    if let Some(seconds) = lasts {
        state.schedule(now + seconds, Task::DisputeDeadline(id.clone()));
    }
    id
}

/// Takes the amount and the fee from the balance, whether they are there or not.
fn withdraw(state: &mut State, now: i64, scope: &Scope, id: &str, fee: Option<i64>) {
    let dispute = state.get(id);
    let currency = text(&dispute, "currency");
    let listed = Currency::find(currency).map_or(0, Currency::dispute_fee);
    let fee = fee.or(state.settings.dispute_fee).unwrap_or(listed);
    let movement = Movement {
        kind: "adjustment",
        category: "dispute",
        amount: -integer(&dispute, "amount"),
        fee,
        currency,
        source: Some(id),
        available_on: now,
        description: format!("Chargeback withdrawal for {}", text(&dispute, "charge")).into(),
    };
    attach(state, now, scope, id, &movement);
}

/// Gives money back, and the fee too if it is to come back.
fn reinstate(state: &mut State, now: i64, scope: &Scope, dispute: &Value, amount: i64, with_fee: bool) {
    let withdrawn = &dispute["balance_transactions"][0];
    let movement = Movement {
        kind: "adjustment",
        category: "dispute_reversal",
        amount,
        fee: if with_fee { -integer(withdrawn, "fee") } else { 0 },
        currency: text(dispute, "currency"),
        source: Some(text(dispute, "id")),
        available_on: now,
        description: format!("Chargeback reversal for {}", text(dispute, "charge")).into(),
    };
    attach(state, now, scope, text(dispute, "id"), &movement);
}

fn attach(state: &mut State, now: i64, scope: &Scope, id: &str, movement: &Movement<'_>) {
    let transaction = post(state, now, scope, movement);
    let transaction = state.get(&transaction);
    let mut all = state.get(id)["balance_transactions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    all.push(transaction);
    state.update(id, json!({"balance_transactions": all}));
}

fn tell_of_withdrawal(state: &mut State, now: i64, scope: &Scope, id: &str) {
    emit(
        state,
        now,
        scope,
        "charge.dispute.funds_withdrawn",
        state.get(id),
        None,
    );
}

/// The bank takes what is left of the charge, at most what it asked about.
fn escalate(state: &mut State, now: i64, scope: &Scope, dispute: &Value) -> Result<(), StripeError> {
    let (id, charge) = (text(dispute, "id"), text(dispute, "charge"));
    fail_pending_refunds(state, now, charge);
    let amount = integer(dispute, "amount").min(rest(state, &state.get(charge)));
    if amount < 1 {
        return Err(StripeError::invalid(
            "Nothing is left of the charge that could be charged back.",
        ));
    }
    let response = state.settings.dispute_response_seconds;
    let mut details = dispute["evidence_details"].clone();
    details["due_by"] = (now + response).into();
    let mut changes = json!({
        "amount": amount, "evidence_details": details, "is_charge_refundable": false, "status": "needs_response",
    });
    if dispute["payment_method_details"].is_object() {
        changes["payment_method_details"] = dispute["payment_method_details"].clone();
        changes["payment_method_details"]["card"]["case_type"] = "chargeback".into();
    }
    let (_, previous) = state.update(id, changes);
    withdraw(state, now, scope, id, None);
    emit(
        state,
        now,
        scope,
        "charge.dispute.updated",
        state.get(id),
        Some(previous),
    );
    tell_of_withdrawal(state, now, scope, id);
    state.schedule(now + response, Task::DisputeDeadline(id.to_owned()));
    Ok(())
}

fn conclude(
    state: &mut State,
    now: i64,
    scope: &Scope,
    dispute: &Value,
    decision: &Decision,
) -> Result<(), StripeError> {
    let (id, won) = (text(dispute, "id"), decision.outcome == Outcome::Won);
    let most = taken(dispute);
    let amount = decision.reinstated.unwrap_or(if won { most } else { 0 });
    if !(0..=most).contains(&amount) {
        let most = format(most, text(dispute, "currency"));
        return Err(StripeError::invalid(format!("At most {most} can be reinstated.")).param("reinstated"));
    }
    let with_fee = won
        && decision
            .fee_returned
            .unwrap_or(state.settings.dispute_fee_returned);
    if amount > 0 || with_fee {
        reinstate(state, now, scope, dispute, amount, with_fee);
    }
    let changes = json!({"status": if won { "won" } else { "lost" }});
    change(state, now, scope, id, changes, "charge.dispute.closed");
    if amount > 0 || with_fee {
        emit(
            state,
            now,
            scope,
            "charge.dispute.funds_reinstated",
            state.get(id),
            None,
        );
    }
    Ok(())
}

fn change(state: &mut State, now: i64, scope: &Scope, id: &str, changes: Value, event: &str) {
    let (dispute, previous) = state.update(id, changes);
    emit(state, now, scope, event, dispute, Some(previous));
}

fn pending_refunds(state: &State, charge: &str) -> Vec<(String, i64)> {
    state
        .rows_by("refund", "charge", charge)
        .iter()
        .filter(|row| text(&row.value, "status") == "pending")
        .map(|row| (text(&row.value, "id").to_owned(), integer(&row.value, "amount")))
        .collect()
}

/// A refund that has not reached the bank when the dispute does never will.
fn fail_pending_refunds(state: &mut State, now: i64, charge: &str) {
    for (refund, _) in pending_refunds(state, charge) {
        refund::fail(state, now, &refund, "charge_for_pending_refund_disputed");
    }
}
