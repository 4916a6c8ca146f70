//! The dispute object when it is new.

use crate::state::{integer, text};
use serde_json::{Map, Value, json};

/// Evidence that nobody has given yet, apart from what the card's holder told.
const EVIDENCE: [&str; 24] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
];

/// What a new dispute is made of.
pub(super) struct Blank<'b> {
    pub(super) id: &'b str,
    pub(super) charge: &'b Value,
    pub(super) amount: i64,
    pub(super) reason: &'b str,
    pub(super) status: &'static str,
    pub(super) inquiry: bool,
    pub(super) created: i64,
    /// Until when it can be answered, if it can.
    pub(super) due_by: Option<i64>,
}

/// A new dispute, of which no money has moved yet.
pub(super) fn blank(new: &Blank<'_>) -> Value {
    let mut dispute = json!({
        "id": new.id, "object": "dispute",
        "amount": new.amount,
        "balance_transactions": [],
        "charge": new.charge["id"],
        "created": new.created,
        "currency": new.charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence(new.charge),
        "evidence_details": {
            "due_by": new.due_by,
            "enhanced_eligibility": {},
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": new.inquiry && integer(new.charge, "amount_refunded") < integer(new.charge, "amount"),
        "livemode": false,
        "metadata": {},
        "payment_intent": new.charge["payment_intent"],
        "reason": new.reason,
        "status": new.status,
    });
    let card = &new.charge["payment_method_details"]["card"];
    if card.is_object() {
        let case = if new.inquiry { "inquiry" } else { "chargeback" };
        dispute["payment_method_details"] = json!({"type": "card", "card": {
            "brand": card["brand"], "case_type": case, "network": card["network"], "network_reason_code": "10.4",
        }});
    }
    dispute
}

fn evidence(charge: &Value) -> Value {
    let mut evidence: Map<String, Value> = EVIDENCE
        .iter()
        .map(|field| ((*field).to_owned(), Value::Null))
        .collect();
    let holder = &charge["billing_details"];
    evidence.insert("customer_email_address".into(), holder["email"].clone());
    evidence.insert("customer_name".into(), holder["name"].clone());
    evidence.insert("uncategorized_text".into(), Value::Null);
    evidence.insert("enhanced_evidence".into(), json!({}));
    Value::Object(evidence)
}

/// The status with which a dispute of this charge is over.
pub(super) fn is_closed(dispute: &Value) -> bool {
    matches!(text(dispute, "status"), "won" | "lost" | "warning_closed")
}
