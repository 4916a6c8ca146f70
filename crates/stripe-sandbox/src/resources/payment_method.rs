//! Payment methods: test cards and test bank accounts, made when they are used.

use crate::cards::Card;
use crate::error::StripeError;
use crate::state::{Call, Scope, State, text};
use serde_json::{Value, json};

/// `GET /v1/payment_methods/{payment_method}`
pub(crate) fn retrieve(state: &mut State, call: &Call) -> Result<Value, StripeError> {
    state.find("payment_method", &call.scope, &call.path[0])
}

/// Whose card it is, as the buyer typed it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Holder {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

impl Holder {
    /// Stripe's `billing_details`.
    pub(crate) fn billing_details(&self) -> Value {
        let address = json!({"city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null});
        json!({"address": address, "email": self.email, "name": self.name, "phone": null, "tax_id": null})
    }
}

/// A payment method for a card or bank account; returns its id.
pub(crate) fn create(state: &mut State, now: i64, scope: &Scope, card: &Card, holder: &Holder) -> String {
    let id = state.new_id("pm");
    let details = if card.delayed {
        card.sepa_debit()
    } else {
        card_details(card)
    };
    let method = json!({
        "id": id, "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": holder.billing_details(),
        card.kind(): details,
        "created": now,
        "customer": null,
        "customer_account": null,
        "livemode": false,
        "metadata": {},
        "type": card.kind(),
    });
    state.insert_with(scope, method, json!({"number": card.number}));
    id
}

/// The payment method a parameter names: one that exists, or a fresh one for a test token such as `pm_card_visa`.
pub(crate) fn resolve(state: &mut State, call: &Call, named: &str) -> Result<String, StripeError> {
    if let Some(card) = Card::by_token(named) {
        return Ok(create(state, call.now, &call.scope, card, &Holder::default()));
    }
    state
        .find("payment_method", &call.scope, named)
        .map(|method| text(&method, "id").to_owned())
        .map_err(|error| error.in_body("payment_method"))
}

/// The test card behind a payment method.
pub(crate) fn card(state: &State, id: &str) -> Option<&'static Card> {
    Card::by_number(text(&state.row(id)?.hidden, "number"))
}

fn card_details(card: &Card) -> Value {
    json!({
        "brand": card.brand,
        "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": format!("card{}", card.last4()),
        "funding": card.funding(),
        "generated_from": null,
        "last4": card.last4(),
        "networks": {"available": [card.brand], "preferred": null},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": true},
        "wallet": null,
    })
}
