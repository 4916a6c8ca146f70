//! What a payout run may send, and what a recovery asks back: pure decisions.

use std::fmt;

use vitrine_model::id::{DisputeId, RefundId};
use vitrine_model::money::Currency;
use vitrine_model::payout::{AccountClosure, payout_account};

/// How far a payout account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The provider has not opened it yet.
    Opening,
    /// The party has not told the provider all it asked at first.
    Onboarding,
    /// It can receive payouts.
    Active,
    /// It could not receive payouts when the provider was last asked.
    Restricted,
    /// The provider has closed it for good.
    Rejected,
    /// The provider has it no more; another can be opened.
    Deleted,
}

/// How far the account is, by what the provider last said.
pub fn standing(account: &payout_account::Model) -> Standing {
    match account.closed {
        Some(AccountClosure::Rejected) => return Standing::Rejected,
        Some(AccountClosure::Deleted) => return Standing::Deleted,
        None => {}
    }
    match (&account.stripe_account_id, account.transfers_active) {
        (None, _) => Standing::Opening,
        (Some(_), true) => Standing::Active,
        (Some(_), false) if account.details_submitted => Standing::Restricted,
        (Some(_), false) => Standing::Onboarding,
    }
}

/// The smallest payout in `currency`, in its minor units, of a setting written for two decimals; rounded up, and never
/// nothing.
pub(super) fn smallest(setting: i64, currency: Currency) -> i64 {
    let hundredths = setting.saturating_mul(currency.scale());
    let whole = hundredths / 100 + i64::from(hundredths % 100 > 0);
    whole.max(1)
}

/// What the provider's balance is spoken for already, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Commitments {
    /// Payouts requested whose transfer is not known to be made.
    pub(super) in_transit: i64,
    /// Refunds decided and not made yet.
    pub(super) refunds: i64,
    /// What the operator wants left.
    pub(super) float: i64,
}

/// What a run may send of the `available` balance.
pub(super) fn budget(available: i64, spoken_for: Commitments) -> i64 {
    [spoken_for.in_transit, spoken_for.refunds, spoken_for.float]
        .into_iter()
        .fold(available, i64::saturating_sub)
        .max(0)
}

/// What of a payee's money is sent: all that the budget covers, unless that is too little to send.
pub(super) fn portion(available: i64, budget: i64, smallest: i64) -> Option<i64> {
    Some(available.min(budget)).filter(|amount| *amount >= smallest)
}

/// How much of what is `owed` is asked back of each transfer, in the order given, as far as it goes. `left` is what was
/// not reversed of each yet.
pub(super) fn shares(owed: i64, left: &[i64]) -> Vec<i64> {
    let mut owed = owed.max(0);
    let take = |left: &i64| {
        let share = owed.min(*left).max(0);
        owed -= share;
        share
    };
    left.iter().map(take).collect()
}

/// Why money is asked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The buyer was refunded.
    Refund(RefundId),
    /// The buyer's bank took it.
    Dispute(DisputeId),
}

impl Cause {
    /// The refund, if it is one.
    pub(super) fn refund(self) -> Option<RefundId> {
        match self {
            Self::Refund(id) => Some(id),
            Self::Dispute(_) => None,
        }
    }

    /// The dispute, if it is one.
    pub(super) fn dispute(self) -> Option<DisputeId> {
        match self {
            Self::Refund(_) => None,
            Self::Dispute(id) => Some(id),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refund(id) => fmt::Display::fmt(id, f),
            Self::Dispute(id) => fmt::Display::fmt(id, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use vitrine_model::Time;
    use vitrine_model::id::{AccountId, IntentId, PayoutAccountId};
    use vitrine_model::ledger::Party;

    use super::*;

    #[test]
    fn an_account_stands_where_the_provider_says() {
        let opening = payout_account::Model {
            id: PayoutAccountId::from(Uuid::nil()),
            party: Party::Shopholder(AccountId::from(Uuid::nil())),
            country: "DE".parse().unwrap(),
            intent_id: IntentId::from(Uuid::nil()),
            stripe_account_id: None,
            details_submitted: false,
            transfers_active: false,
            requirements_due: 0,
            closed: None,
            created_at: Time::UNIX_EPOCH,
            updated_at: Time::UNIX_EPOCH,
        };
        let opened = |details_submitted, transfers_active, closed| payout_account::Model {
            stripe_account_id: Some("acct_1".to_owned()),
            details_submitted,
            transfers_active,
            closed,
            ..opening.clone()
        };
        assert_eq!(standing(&opening), Standing::Opening);
        for (account, stands) in [
            (opened(false, false, None), Standing::Onboarding),
            (opened(true, false, None), Standing::Restricted),
            (opened(true, true, None), Standing::Active),
            (
                opened(true, true, Some(AccountClosure::Rejected)),
                Standing::Rejected,
            ),
            (
                opened(true, true, Some(AccountClosure::Deleted)),
                Standing::Deleted,
            ),
        ] {
            assert_eq!(standing(&account), stands);
        }
    }

    #[test]
    fn money_is_asked_back_for_a_refund_or_for_a_dispute() {
        let refund = RefundId::from(Uuid::from_u128(1));
        let dispute = DisputeId::from(Uuid::from_u128(2));
        for (cause, of, text) in [
            (Cause::Refund(refund), (Some(refund), None), refund.to_string()),
            (
                Cause::Dispute(dispute),
                (None, Some(dispute)),
                dispute.to_string(),
            ),
        ] {
            assert_eq!((cause.refund(), cause.dispute()), of);
            assert_eq!(cause.to_string(), text);
        }
    }

    #[test]
    fn the_smallest_payout_is_scaled_to_the_currencys_decimals() {
        assert_eq!(smallest(500, Currency::Eur), 500);
        assert_eq!(smallest(500, Currency::Jpy), 5);
        assert_eq!(smallest(501, Currency::Jpy), 6);
        assert_eq!(smallest(0, Currency::Eur), 1);
    }

    #[test]
    fn refunds_float_and_payouts_under_way_come_first() {
        let spoken_for = Commitments {
            in_transit: 200,
            refunds: 300,
            float: 100,
        };
        assert_eq!(budget(1000, spoken_for), 400);
        assert_eq!(budget(500, spoken_for), 0);
        assert_eq!(budget(-5, Commitments::default()), 0);
    }

    #[test]
    fn a_payee_gets_what_is_covered_or_nothing_when_that_is_too_little() {
        assert_eq!(portion(810, 1000, 500), Some(810));
        assert_eq!(portion(810, 600, 500), Some(600));
        assert_eq!(portion(810, 499, 500), None);
        assert_eq!(portion(499, 1000, 500), None);
    }

    #[test]
    fn the_first_transfers_are_asked_first() {
        assert_eq!(shares(100, &[60, 60, 60]), [60, 40, 0]);
        assert_eq!(shares(100, &[]), Vec::<i64>::new());
        assert_eq!(shares(0, &[60]), [0]);
    }

    proptest! {
        #[test]
        fn no_transfer_is_asked_for_more_than_it_has_left(owed in 0_i64..10_000, left in prop::collection::vec(0_i64..500, 0..40)) {
            let shares = shares(owed, &left);
            prop_assert!(shares.iter().zip(&left).all(|(share, left)| (0..=*left).contains(share)));
            prop_assert_eq!(shares.iter().sum::<i64>(), owed.min(left.iter().sum()));
        }

        #[test]
        fn what_is_sent_is_always_covered(available in -1_000_i64..100_000, in_transit in 0_i64..1_000, refunds in 0_i64..1_000, float in 0_i64..1_000, payees in prop::collection::vec(0_i64..5_000, 0..30)) {
            let start = budget(available, Commitments { in_transit, refunds, float });
            let mut left = start;
            for payee in payees {
                left -= portion(payee, left, 100).unwrap_or(0);
            }
            prop_assert!(left >= 0);
            prop_assert!(start == 0 || start - left + in_transit + refunds + float <= available);
        }
    }
}
