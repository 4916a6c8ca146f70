//! Stripe's objects, read into our facts. Nothing is decided here.

use std::collections::BTreeMap;

use stripe_shared::{
    Account, AccountCapabilitiesStatus, BalanceTransaction, Charge, ChargeStatus, CheckoutSession,
    CheckoutSessionPaymentStatus, CheckoutSessionStatus, Dispute, DisputeStatus, PaymentIntent,
    PaymentIntentStatus, Refund, Transfer, TransferReversal,
};
use stripe_types::Expandable;
use vitrine_domain::ports::{
    AccountFacts, BalanceFacts, BalanceTransactionFacts, Balances, ChargeFacts, DisputeFacts,
    DisputeStatus as Status, PaymentFacts, RefundFacts, RefundStatus, ReversalFacts, SessionFacts,
    SessionStatus, TransferFacts,
};
use vitrine_model::Time;
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::AccountClosure;

/// What to expand so that the object comes with the balance transaction at `path`.
pub(crate) fn settled(path: &str) -> Vec<String> {
    vec![path.to_owned()]
}

/// What to expand in a refund, or in a list of them with the prefix `data.`.
pub(crate) fn refund_expansion(prefix: &str) -> Vec<String> {
    vec![
        format!("{prefix}balance_transaction"),
        format!("{prefix}failure_balance_transaction"),
    ]
}

pub(crate) fn session(session: CheckoutSession) -> SessionFacts {
    let status = match session.status {
        Some(CheckoutSessionStatus::Open) => SessionStatus::Open,
        Some(CheckoutSessionStatus::Expired) => SessionStatus::Expired,
        // A state we do not know of yet: not open, and money may come, so nothing is freed.
        _ => SessionStatus::Complete,
    };
    let total = session.amount_total.zip(session.currency.as_ref());
    SessionFacts {
        id: session.id.to_string(),
        order: session.client_reference_id,
        status,
        paid: session.payment_status == CheckoutSessionPaymentStatus::Paid,
        url: session.url,
        total: total.and_then(|(amount, currency)| money(amount, currency)),
        payment_intent: session.payment_intent.map(|intent| intent.into_id().to_string()),
        livemode: session.livemode,
        created: time(session.created),
    }
}

pub(crate) fn charge(charge: Charge) -> ChargeFacts {
    ChargeFacts {
        id: charge.id.to_string(),
        payment_intent: charge.payment_intent.map(|intent| intent.into_id().to_string()),
        order: charge.transfer_group,
        amount: money(charge.amount, &charge.currency),
        paid: charge.paid && charge.captured && charge.status == ChargeStatus::Succeeded,
        livemode: charge.livemode,
        balance_transaction: balance_transaction(charge.balance_transaction),
        created: time(charge.created),
    }
}

/// What the buyer of a completed page has tried: an intent that waits for another method was not paid by the first.
pub(crate) fn payment(intent: PaymentIntent) -> PaymentFacts {
    let failed = matches!(
        intent.status,
        PaymentIntentStatus::RequiresPaymentMethod | PaymentIntentStatus::Canceled
    );
    let charge = intent.latest_charge.and_then(Expandable::into_object);
    PaymentFacts {
        id: intent.id.to_string(),
        charge: charge.map(self::charge).filter(|charge| charge.paid),
        failed,
    }
}

pub(crate) fn refund(refund: Refund) -> RefundFacts {
    let status = match refund.status.as_deref() {
        Some("succeeded") => RefundStatus::Succeeded,
        Some("failed" | "canceled") => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    };
    RefundFacts {
        id: refund.id.to_string(),
        charge: refund.charge.map(|charge| charge.into_id().to_string()),
        refund: refund.metadata.and_then(|mut metadata| metadata.remove("refund")),
        status,
        amount: money(refund.amount, &refund.currency),
        balance_transaction: balance_transaction(refund.balance_transaction),
        failure_balance_transaction: balance_transaction(refund.failure_balance_transaction),
    }
}

pub(crate) fn transfer(transfer: Transfer) -> TransferFacts {
    TransferFacts {
        id: transfer.id.to_string(),
        payout: transfer.transfer_group,
        amount: money(transfer.amount, &transfer.currency),
        destination: transfer.destination.map(|account| account.into_id().to_string()),
        balance_transaction: balance_transaction(transfer.balance_transaction),
    }
}

pub(crate) fn reversal(reversal: TransferReversal) -> ReversalFacts {
    ReversalFacts {
        id: reversal.id.to_string(),
        transfer: reversal.transfer.into_id().to_string(),
        reversal: reversal
            .metadata
            .and_then(|mut metadata| metadata.remove("reversal")),
        amount: money(reversal.amount, &reversal.currency),
        balance_transaction: balance_transaction(reversal.balance_transaction),
    }
}

pub(crate) fn dispute(dispute: Dispute) -> DisputeFacts {
    use DisputeStatus as Theirs;
    let inquiry = matches!(
        dispute.status,
        Theirs::WarningNeedsResponse | Theirs::WarningUnderReview | Theirs::WarningClosed | Theirs::Prevented
    );
    let status = match dispute.status {
        Theirs::NeedsResponse | Theirs::WarningNeedsResponse => Status::NeedsResponse,
        Theirs::Won => Status::Won,
        Theirs::Lost => Status::Lost,
        Theirs::WarningClosed | Theirs::Prevented => Status::Dropped,
        // A state we do not know of yet: nothing is decided, and nothing is set free.
        _ => Status::UnderReview,
    };
    let moved = dispute.balance_transactions.into_iter().filter_map(movement);
    DisputeFacts {
        id: dispute.id.to_string(),
        charge: dispute.charge.into_id().to_string(),
        amount: money(dispute.amount, &dispute.currency),
        reason: dispute.reason,
        status,
        inquiry,
        // Zero says that the bank takes no answer.
        evidence_due_by: dispute.evidence_details.due_by.filter(|due| *due > 0).map(time),
        balance_transactions: moved.collect(),
        livemode: dispute.livemode,
        created: time(dispute.created),
    }
}

pub(crate) fn account(account: &Account) -> AccountFacts {
    let transfers = account
        .capabilities
        .as_ref()
        .and_then(|all| all.transfers.as_ref());
    let due = account
        .requirements
        .as_ref()
        .and_then(|all| all.currently_due.as_ref());
    let disabled = account
        .requirements
        .as_ref()
        .and_then(|all| all.disabled_reason.as_ref());
    AccountFacts {
        id: account.id.to_string(),
        details_submitted: account.details_submitted.unwrap_or(false),
        transfers_active: transfers == Some(&AccountCapabilitiesStatus::Active),
        requirements_due: due.map_or(0, |due| i32::try_from(due.len()).unwrap_or(i32::MAX)),
        closed: disabled
            .is_some_and(|reason| reason.as_str().starts_with("rejected."))
            .then_some(AccountClosure::Rejected),
    }
}

/// An account that Stripe does not know any more.
pub(crate) fn deleted_account(id: &str) -> AccountFacts {
    AccountFacts {
        id: id.to_owned(),
        details_submitted: false,
        transfers_active: false,
        requirements_due: 0,
        closed: Some(AccountClosure::Deleted),
    }
}

pub(crate) fn balance(balance: &stripe_core::Balance) -> Balances {
    let sum = |amounts: &[stripe_core::BalanceAmount], currency| -> i64 {
        let amounts = amounts
            .iter()
            .filter_map(|part| money(part.amount, &part.currency));
        amounts
            .filter(|part| part.currency() == currency)
            .map(Money::minor)
            .sum()
    };
    let known = Currency::ALL.iter().map(|currency| BalanceFacts {
        available: sum(&balance.available, *currency),
        pending: sum(&balance.pending, *currency),
        currency: *currency,
    });
    let known = known.filter(|facts| facts.available != 0 || facts.pending != 0);
    let mut foreign: BTreeMap<String, i64> = BTreeMap::new();
    let all = balance.available.iter().chain(&balance.pending);
    for part in all.filter(|part| known_currency(&part.currency).is_none()) {
        *foreign.entry(part.currency.to_string()).or_default() += part.amount;
    }
    Balances {
        known: known.collect(),
        foreign: foreign.into_iter().filter(|(_, amount)| *amount != 0).collect(),
    }
}

/// The balance transaction, if there is one yet and it is in a currency of ours.
fn balance_transaction(expanded: Option<Expandable<BalanceTransaction>>) -> Option<BalanceTransactionFacts> {
    movement(expanded?.into_object()?)
}

/// The balance transaction, if it is in a currency of ours.
pub(crate) fn movement(found: BalanceTransaction) -> Option<BalanceTransactionFacts> {
    let Some(currency) = known_currency(&found.currency) else {
        tracing::error!(id = %found.id, currency = %found.currency, "a balance transaction in a currency we do not hold");
        return None;
    };
    let factor = currency.rules().stripe_factor;
    Some(BalanceTransactionFacts {
        id: found.id.to_string(),
        kind: found.reporting_category,
        source: found
            .source
            .map(|source| source.into_id().to_string())
            .unwrap_or_default(),
        amount: found.amount / factor,
        fee: found.fee / factor,
        net: found.net / factor,
        currency,
        available_on: time(found.available_on),
        created: time(found.created),
    })
}

/// An amount of Stripe's in our minor units; `None` in a currency we do not know.
fn money(amount: i64, currency: &stripe_types::Currency) -> Option<Money> {
    let currency = known_currency(currency)?;
    Some(Money::new(amount / currency.rules().stripe_factor, currency))
}

fn known_currency(currency: &stripe_types::Currency) -> Option<Currency> {
    currency.to_string().to_ascii_uppercase().parse().ok()
}

fn time(seconds: i64) -> Time {
    Time::from_timestamp(seconds, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_we_do_not_know_has_no_amount() {
        assert_eq!(money(100, &stripe_types::Currency::BRL), None);
        assert_eq!(
            money(100, &stripe_types::Currency::EUR),
            Some(Money::new(100, Currency::Eur))
        );
    }

    #[test]
    fn every_currency_of_ours_is_one_of_stripes() {
        for currency in Currency::ALL {
            let theirs = crate::calls::stripe_currency(*currency);
            assert!(
                !matches!(theirs, stripe_types::Currency::Unknown(_)),
                "{currency}"
            );
            assert_eq!(known_currency(&theirs), Some(*currency));
        }
    }
}
