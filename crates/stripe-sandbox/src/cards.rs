//! Stripe's test cards, and two test bank accounts: <https://docs.stripe.com/testing>.

use crate::error::StripeError;
use serde_json::{Value, json};

/// What a card does when it is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Approved,
    /// With Stripe's error code and decline code.
    Declined(&'static str, &'static str),
}

/// What becomes of a card's refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refunds {
    AtOnce,
    /// Pending first, succeeding later.
    Pending,
    /// Succeeding first, failing later.
    Failing,
}

/// What becomes of a charge after it succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disputes {
    Never,
    /// Charged back, with the buyer's reason.
    Chargeback(&'static str),
    /// The bank asks.
    Inquiry(&'static str),
}

/// A test card.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) number: &'static str,
    /// The test payment method that stands for it.
    token: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) country: &'static str,
    pub(crate) outcome: Outcome,
    /// Asks the buyer for authentication first.
    pub(crate) authenticate: bool,
    /// Its money is available at once.
    pub(crate) bypass_pending: bool,
    pub(crate) refunds: Refunds,
    pub(crate) disputes: Disputes,
    /// Not a card but a bank account: whether the money comes is known only days later.
    pub(crate) delayed: bool,
}

const fn card(number: &'static str, token: &'static str, brand: &'static str) -> Card {
    Card {
        number,
        token,
        brand,
        country: "US",
        outcome: Outcome::Approved,
        authenticate: false,
        bypass_pending: false,
        refunds: Refunds::AtOnce,
        disputes: Disputes::Never,
        delayed: false,
    }
}

const fn bank_account(iban: &'static str, token: &'static str, outcome: Outcome) -> Card {
    Card {
        outcome,
        country: "DE",
        delayed: true,
        ..card(iban, token, "sepa_debit")
    }
}

const fn from(country: &'static str, card: Card) -> Card {
    Card { country, ..card }
}

const fn declined(
    number: &'static str,
    token: &'static str,
    code: &'static str,
    decline_code: &'static str,
) -> Card {
    Card {
        outcome: Outcome::Declined(code, decline_code),
        ..card(number, token, "visa")
    }
}

const fn authenticated(number: &'static str, token: &'static str, outcome: Outcome) -> Card {
    Card {
        outcome,
        authenticate: true,
        ..card(number, token, "visa")
    }
}

const fn disputed(number: &'static str, token: &'static str, disputes: Disputes) -> Card {
    Card {
        disputes,
        ..card(number, token, "visa")
    }
}

static CARDS: [Card; 35] = [
    card("4242424242424242", "pm_card_visa", "visa"),
    card("4000056655665556", "pm_card_visa_debit", "visa"),
    card("5555555555554444", "pm_card_mastercard", "mastercard"),
    card("5200828282828210", "pm_card_mastercard_debit", "mastercard"),
    card("378282246310005", "pm_card_amex", "amex"),
    card("6011111111111117", "pm_card_discover", "discover"),
    card("3056930009020004", "pm_card_diners", "diners"),
    card("3566002020360505", "pm_card_jcb", "jcb"),
    card("4000002500001001", "pm_card_visa_cartesBancaires", "visa"),
    from("BE", card("4000000560000004", "pm_card_be", "visa")),
    from("DE", card("4000002760000016", "pm_card_de", "visa")),
    from("FR", card("4000002500000003", "pm_card_fr", "visa")),
    from("NL", card("4000005280000002", "pm_card_nl", "visa")),
    from("GB", card("4000008260000000", "pm_card_gb", "visa")),
    Card {
        bypass_pending: true,
        ..card("4000000000000077", "pm_card_bypassPending", "visa")
    },
    Card {
        refunds: Refunds::Pending,
        ..card("4000000000007726", "pm_card_pendingRefund", "visa")
    },
    Card {
        refunds: Refunds::Failing,
        ..card("4000000000005126", "pm_card_refundFail", "visa")
    },
    declined(
        "4000000000000002",
        "pm_card_chargeDeclined",
        "card_declined",
        "generic_decline",
    ),
    declined(
        "4000000000009995",
        "pm_card_chargeDeclinedInsufficientFunds",
        "card_declined",
        "insufficient_funds",
    ),
    declined(
        "4000000000009987",
        "pm_card_chargeDeclinedLostCard",
        "card_declined",
        "lost_card",
    ),
    declined(
        "4000000000009979",
        "pm_card_chargeDeclinedStolenCard",
        "card_declined",
        "stolen_card",
    ),
    declined(
        "4000000000000069",
        "pm_card_chargeDeclinedExpiredCard",
        "expired_card",
        "expired_card",
    ),
    declined(
        "4000000000000127",
        "pm_card_chargeDeclinedIncorrectCvc",
        "incorrect_cvc",
        "incorrect_cvc",
    ),
    declined(
        "4000000000000119",
        "pm_card_chargeDeclinedProcessingError",
        "processing_error",
        "processing_error",
    ),
    declined(
        "4100000000000019",
        "pm_card_radarBlock",
        "card_declined",
        "fraudulent",
    ),
    authenticated(
        "4000002500003155",
        "pm_card_authenticationRequiredOnSetup",
        Outcome::Approved,
    ),
    authenticated(
        "4000002760003184",
        "pm_card_authenticationRequired",
        Outcome::Approved,
    ),
    authenticated(
        "4000000000003220",
        "pm_card_threeDSecure2Required",
        Outcome::Approved,
    ),
    authenticated(
        "4000008400001629",
        "pm_card_threeDSecureRequiredChargeDeclined",
        Outcome::Declined("card_declined", "generic_decline"),
    ),
    authenticated(
        "4000008260003178",
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        Outcome::Declined("card_declined", "insufficient_funds"),
    ),
    bank_account("DE89370400440532013000", "pm_success_de", Outcome::Approved),
    bank_account(
        "DE62370400440532013001",
        "pm_failed_de",
        Outcome::Declined("payment_intent_payment_attempt_failed", "generic_decline"),
    ),
    disputed(
        "4000000000000259",
        "pm_card_createDispute",
        Disputes::Chargeback("fraudulent"),
    ),
    disputed(
        "4000000000002685",
        "pm_card_createDisputeProductNotReceived",
        Disputes::Chargeback("product_not_received"),
    ),
    disputed(
        "4000000000001976",
        "pm_card_createDisputeInquiry",
        Disputes::Inquiry("fraudulent"),
    ),
];

impl Card {
    /// The card or bank account with this number, however it is spaced.
    pub(crate) fn by_number(number: &str) -> Option<&'static Self> {
        let digits: String = number
            .chars()
            .filter(|letter| !letter.is_whitespace() && *letter != '-')
            .collect();
        CARDS
            .iter()
            .find(|card| card.number.eq_ignore_ascii_case(&digits))
    }

    /// The card a test payment method such as `pm_card_visa` stands for.
    pub(crate) fn by_token(token: &str) -> Option<&'static Self> {
        CARDS.iter().find(|card| card.token == token)
    }

    /// The last four digits.
    pub(crate) fn last4(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }

    /// Stripe's name for this kind of payment method.
    pub(crate) fn kind(&self) -> &'static str {
        if self.delayed { "sepa_debit" } else { "card" }
    }

    /// What Stripe shows of a bank account.
    pub(crate) fn sepa_debit(&self) -> Value {
        json!({
            "bank_code": "37040044", "branch_code": "", "country": self.country, "fingerprint": "sandboxiban",
            "last4": self.last4(),
        })
    }

    /// `debit` or `credit`.
    pub(crate) fn funding(&self) -> &'static str {
        if self.token.ends_with("_debit") {
            "debit"
        } else {
            "credit"
        }
    }

    /// A refusal without a reason.
    pub(crate) fn no_reason() -> StripeError {
        StripeError::card("card_declined", "Your card was declined.").with("decline_code", "generic_decline")
    }

    /// The refusal of a charge, if there is one.
    pub(crate) fn refusal(&self) -> Option<StripeError> {
        let Outcome::Declined(code, decline_code) = self.outcome else {
            return None;
        };
        let message = match decline_code {
            _ if self.delayed => "The bank did not pay this direct debit.",
            "insufficient_funds" => "Your card has insufficient funds.",
            "expired_card" => "Your card has expired.",
            "incorrect_cvc" => "Your card's security code is incorrect.",
            "processing_error" => "An error occurred while processing your card. Try again in a little bit.",
            _ => "Your card was declined.",
        };
        let error = StripeError::card(code, message);
        Some(if code == "card_declined" {
            error.with("decline_code", decline_code)
        } else {
            error
        })
    }
}
