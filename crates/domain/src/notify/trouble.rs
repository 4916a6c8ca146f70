//! Letters about payments that go their own way, and about payout accounts and webhook endpoints that stop.

use vitrine_model::money::Money;

use crate::notify::letters::{Letter, letter};

/// To the buyer: she has done her part, and her bank takes its time.
pub(super) fn payment_pending(name: Option<&str>, number: &str, total: Money) -> Letter {
    let body = format!(
        "thank you for your order {number}. Your bank has been asked for {total}, which takes some days. What you ordered is \
         kept for you meanwhile, and we write again as soon as the money is there.\n"
    );
    letter(format!("Your order {number} waits for your bank"), name, &body)
}

/// To the buyer: the money she promised did not come.
pub(super) fn payment_failed(name: Option<&str>, number: &str, total: Money) -> Letter {
    let body = format!(
        "your bank did not pay the {total} for your order {number}, so nothing was bought and nothing is charged. What was \
         in your cart is still there: you can pay in another way.\n"
    );
    letter(format!("Your payment for order {number} failed"), name, &body)
}

/// To the buyer: a charge that bought nothing goes back.
pub(super) fn charge_returned(name: Option<&str>, number: &str, amount: Money) -> Letter {
    let body = format!(
        "we received a payment of {amount} for your order {number} that was not needed: the order was paid already, had \
         closed before, or is of another amount. It buys nothing, and all of it is being refunded to you.\n"
    );
    letter(
        format!("A payment of {amount} for your order {number} goes back"),
        name,
        &body,
    )
}

/// What keeps a payout account from being paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// Stripe waits for something.
    Restricted,
    /// Stripe has done with its owner.
    Rejected,
    /// Stripe has it no more.
    Deleted,
}

/// To a shopholder, or to a brand's owner: nothing can be paid out, and what can be done.
pub(super) fn account_hindered(name: &str, whose: &str, why: Hindrance) -> Letter {
    let account = match whose {
        "you" => "your payout account".to_owned(),
        brand => format!("the payout account of {brand}"),
    };
    let (what, remedy) = match why {
        Hindrance::Restricted => (
            "can receive no payouts now, because Stripe needs to know something",
            "Ask for an onboarding link where you see your payout account, and follow it: Stripe's page says what is missing.",
        ),
        Hindrance::Rejected => (
            "was closed by Stripe, which will not pay it any more",
            "Write to Stripe if you think that this is wrong, and to those who run this platform about what is to become of \
             the money.",
        ),
        Hindrance::Deleted => (
            "is not at Stripe any more",
            "Ask for an onboarding link where you see your payout account: it opens a new one.",
        ),
    };
    let body = format!(
        "{account} {what}. Everything earned stays here and is sent as soon as that is possible again.\
         \n\n{remedy}\n"
    );
    letter("Payouts to you are on hold".to_owned(), Some(name), &body)
}

/// Why a webhook endpoint is told nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// It said that it wants nothing.
    Gone,
    /// It accepted nothing for days.
    Failing,
}

/// To a brand's owner, or to an operator: messages stop, and how they go on.
pub(super) fn endpoint_disabled(name: &str, whose: &str, url: &str, why: Silence) -> Letter {
    let why = match why {
        Silence::Gone => "it answered that it is gone (HTTP status 410)",
        Silence::Failing => "it accepted nothing for five days",
    };
    let body = format!(
        "the webhook endpoint of {whose} at\n\n{url}\n\nis told nothing any more, because {why}.\n\nWhat happens is still \
         written down. Once the receiver works again, enable the endpoint and have replayed what it missed.\n"
    );
    letter(
        format!("A webhook endpoint of {whose} was disabled"),
        Some(name),
        &body,
    )
}
