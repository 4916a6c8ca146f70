//! Pure decisions of the books: what each kind of account is, who pays what first, when a unit's parts may go.

use chrono::TimeDelta;
use vitrine_model::Time;
use vitrine_model::ledger::{AccountKind, Side, unit};

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The platform's: its balance is folded by the seal job, so that sales never queue for its row.
    Platform,
    /// A party's: its balance runs along in each transaction, under a lock.
    Party,
}

/// What a kind of account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountRules {
    /// The side on which it grows: debit for assets and expenses, credit for the rest.
    pub(crate) normal: Side,
    /// Whether its balance may be below zero.
    pub(crate) may_overdraw: bool,
    /// Whose it is.
    pub(crate) class: Class,
}

/// The one table of account kinds.
pub(crate) const fn rules_of(kind: AccountKind) -> AccountRules {
    use AccountKind as K;
    let (normal, may_overdraw, class) = match kind {
        K::StripeCash
        | K::ClearingCharges
        | K::ClearingRefunds
        | K::ClearingTransfers
        | K::Bank
        | K::DisputeReceivable
        | K::ExpenseStripeFees
        | K::ExpenseDisputeFees
        | K::ExpenseBadDebt
        | K::ExpenseGoodwill => (Side::Debit, true, Class::Platform),
        K::Receivable | K::Recovering => (Side::Debit, false, Class::Party),
        K::Held | K::Available | K::InTransit | K::Disputed => (Side::Credit, false, Class::Party),
        K::RefundsPayable | K::DeferredPlatformFee | K::DeferredPlatformFeeDisputed | K::TaxPayable => {
            (Side::Credit, false, Class::Platform)
        }
        K::IncomePlatformFee | K::IncomeRecoveredFees | K::EquityFloat | K::Suspense => {
            (Side::Credit, true, Class::Platform)
        }
    };
    AccountRules {
        normal,
        may_overdraw,
        class,
    }
}

/// Whether the database itself must refuse a balance below zero in the account's row.
///
/// Of the platform's accounts it must not, even where they may not be overdrawn: their rows are only folded by the seal
/// job, and a constraint there would stop the seal long after the transaction at fault was committed. They are checked
/// where that is cheap, which is in the units they are made of (`unit.platform_held` is never below zero), and by the
/// audit.
pub(crate) const fn row_may_overdraw(kind: AccountKind) -> bool {
    let rules = rules_of(kind);
    rules.may_overdraw || matches!(rules.class, Class::Platform)
}

/// What a posting does to a balance counted on the account's normal side.
pub(crate) fn effect(kind: AccountKind, side: Side, amount: i64) -> i64 {
    if rules_of(kind).normal == side {
        amount
    } else {
        -amount
    }
}

/// Where money that becomes a party's to spend goes: what she owes is paid first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Netted {
    /// Pays what she owes.
    pub(crate) receivable: i64,
    /// Is hers to be paid out.
    pub(crate) available: i64,
}

/// Divides a credit of `amount` for a party who owes `receivable`.
pub(crate) fn net(amount: i64, receivable: i64) -> Netted {
    let paid = amount.min(receivable).max(0);
    Netted {
        receivable: paid,
        available: amount - paid,
    }
}

/// Where money is taken from a party: what is still held for it first, then what is available, and what is left she
/// owes. Money in transit is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// From the unit's own held money.
    pub(crate) held: i64,
    /// From what the next payout would have sent.
    pub(crate) available: i64,
    /// Owed from now on.
    pub(crate) receivable: i64,
}

/// Divides a debit of `amount` for a party of whose money `held` remains for the unit and `available` in all.
pub(crate) fn take(amount: i64, held: i64, available: i64) -> Taken {
    let from_held = amount.min(held).max(0);
    let from_available = (amount - from_held).min(available).max(0);
    Taken {
        held: from_held,
        available: from_available,
        receivable: amount - from_held - from_available,
    }
}

/// What a refund of the unit would give back: its price, less what the buyer's bank took for disputes. Minor units.
pub fn refundable(unit: &unit::Model) -> i64 {
    unit.paid - unit.brand_lost - unit.shop_lost - unit.platform_lost
}

/// Whether the buyer's bank took all of its price back: nothing of it is left to refund, and nobody ships it.
pub fn charged_back(unit: &unit::Model) -> bool {
    unit.paid > 0 && refundable(unit) == 0
}

/// When a unit's brand part and its other parts may be released: so many days after delivery, or after the delivery
/// assumed where it is unknown. Never before shipment.
pub(crate) fn due(unit: &unit::Model) -> (Option<Time>, Option<Time>) {
    let assumed = unit
        .shipped_at
        .map(|shipped| shipped + days(unit.unknown_delivery_days));
    let opened = unit.shipped_at.and(unit.delivered_at.or(assumed));
    (
        opened.map(|opened| opened + days(unit.brand_window_days)),
        opened.map(|opened| opened + days(unit.shop_window_days)),
    )
}

/// When a brand's shipping of an order may be released: with the last of its goods, all of them being shipped or
/// refunded. Refunded goods do not delay it, unless nothing else was shipped.
pub(crate) fn shipping_due(goods: &[&unit::Model]) -> Option<Time> {
    let waiting = goods
        .iter()
        .any(|unit| unit.shipped_at.is_none() && unit.refund_id.is_none());
    if waiting {
        return None;
    }
    let last = |kept: bool| {
        goods
            .iter()
            .filter(|unit| unit.refund_id.is_none() == kept)
            .filter_map(|unit| unit.brand_due_at)
            .max()
    };
    last(true).or_else(|| last(false))
}

fn days(days: i32) -> TimeDelta {
    TimeDelta::days(i64::from(days))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use vitrine_model::id::RefundId;

    use super::*;
    use crate::ledger::samples;

    /// What may happen to one party's money.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Sale(i64),
        Fee(i64),
        Release,
        Refund,
        RefundFailed,
        Payout,
        PayoutRefused,
        Recover,
        RecoveryMade,
        RecoveryRefused,
    }

    /// One party with one live unit at a time, kept by the rules.
    #[derive(Debug, Default)]
    struct Purse {
        part: i64,
        unit_held: i64,
        refunded: Option<Taken>,
        held: i64,
        available: i64,
        receivable: i64,
        recovering: i64,
        in_transit: i64,
        paid_out: i64,
    }

    impl Purse {
        fn credit(&mut self, amount: i64) {
            let netted = net(amount, self.receivable);
            self.receivable -= netted.receivable;
            self.available += netted.available;
        }

        fn debit(&mut self, amount: i64) -> Taken {
            let taken = take(amount, self.unit_held, self.available);
            self.unit_held -= taken.held;
            self.held -= taken.held;
            self.available -= taken.available;
            self.receivable += taken.receivable;
            taken
        }

        /// Does the step if it can happen now; returns how much the party's worth changed, as a plain model would say.
        fn step(&mut self, step: Step) -> i64 {
            match step {
                Step::Sale(part) if self.part == 0 => {
                    self.part = part;
                    self.unit_held = part;
                    self.held += part;
                    part
                }
                Step::Fee(fee) if self.part > 0 => {
                    self.debit(fee);
                    -fee
                }
                Step::Release if self.refunded.is_none() => {
                    let released = std::mem::take(&mut self.unit_held);
                    self.held -= released;
                    self.credit(released);
                    0
                }
                Step::Refund if self.part > 0 && self.refunded.is_none() => {
                    let taken = self.debit(self.part);
                    self.refunded = Some(taken);
                    -self.part
                }
                Step::RefundFailed => match self.refunded.take() {
                    Some(taken) => {
                        self.unit_held += taken.held;
                        self.held += taken.held;
                        self.credit(taken.available + taken.receivable);
                        self.part
                    }
                    None => 0,
                },
                Step::Payout if self.in_transit == 0 => {
                    self.in_transit = std::mem::take(&mut self.available);
                    0
                }
                Step::PayoutRefused => {
                    let back = std::mem::take(&mut self.in_transit);
                    self.credit(back);
                    0
                }
                Step::Recover => {
                    self.recovering += std::mem::take(&mut self.receivable);
                    0
                }
                Step::RecoveryMade => {
                    self.paid_out -= std::mem::take(&mut self.recovering);
                    0
                }
                Step::RecoveryRefused => {
                    let back = std::mem::take(&mut self.recovering);
                    let taken = take(back, 0, self.available);
                    self.available -= taken.available;
                    self.receivable += taken.receivable;
                    0
                }
                _ => 0,
            }
        }

        fn worth(&self) -> i64 {
            self.held + self.available + self.in_transit + self.paid_out - self.receivable - self.recovering
        }
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1_i64..10_000).prop_map(Step::Sale),
            (0_i64..500).prop_map(Step::Fee),
            Just(Step::Release),
            Just(Step::Refund),
            Just(Step::RefundFailed),
            Just(Step::Payout),
            Just(Step::PayoutRefused),
            Just(Step::Recover),
            Just(Step::RecoveryMade),
            Just(Step::RecoveryRefused),
        ]
    }

    proptest! {
        #[test]
        fn a_party_is_worth_what_a_plain_model_says_and_never_owes_while_money_is_available(
            steps in proptest::collection::vec(any_step(), 0..60),
        ) {
            let mut purse = Purse::default();
            let mut plain = 0;
            for step in steps {
                plain += purse.step(step);
                prop_assert_eq!(purse.worth(), plain, "{:?} after {:?}", &purse, step);
                prop_assert!(purse.available == 0 || purse.receivable == 0, "{:?}", &purse);
                prop_assert_eq!(purse.held, purse.unit_held);
                for balance in [purse.held, purse.available, purse.receivable, purse.recovering, purse.in_transit] {
                    prop_assert!(balance >= 0, "{:?}", &purse);
                }
            }
        }
    }

    /// A time so many days after the first.
    fn day(number: i64) -> Time {
        Time::UNIX_EPOCH + TimeDelta::days(number)
    }

    prop_compose! {
        /// One of an order's goods: shipped or not, refunded or not, and when its brand's part is due.
        fn any_goods()(shipped: bool, refunded: bool, due in 1_i64..9) -> unit::Model {
            unit::Model {
                shipped_at: shipped.then(|| day(0)),
                brand_due_at: shipped.then(|| day(due)),
                refund_id: refunded.then(|| RefundId::from(Uuid::nil())),
                ..samples::unit(1)
            }
        }
    }

    proptest! {
        #[test]
        fn what_a_bank_took_is_not_refunded_again(
            parts in [0_i64..3, 0_i64..3, 0_i64..3], lost in [0_i64..3, 0_i64..3, 0_i64..3],
        ) {
            let [brand_part, shop_part, platform_part] = parts;
            let paid = parts.iter().sum();
            let lost: Vec<i64> = parts.iter().zip(lost).map(|(part, lost)| lost.min(*part)).collect();
            let (brand_lost, shop_lost, platform_lost) = (lost[0], lost[1], lost[2]);
            let sold = unit::Model {
                paid, brand_part, shop_part, platform_part, brand_lost, shop_lost, platform_lost, ..samples::unit(1)
            };
            let left: i64 = parts.iter().zip(&lost).map(|(part, lost)| part - lost).sum();
            prop_assert_eq!(refundable(&sold), left);
            let free = parts == [0, 0, 0];
            let all_taken = parts.as_slice() == lost.as_slice();
            prop_assert_eq!(charged_back(&sold), all_taken && !free, "what cost nothing cannot be taken back");
        }

        #[test]
        fn parts_are_due_their_days_after_delivery_known_or_assumed(
            shipped in proptest::option::of(0_i64..9), delivered in proptest::option::of(0_i64..9),
            brand_window_days in 0_i32..40, shop_window_days in 0_i32..40, unknown_delivery_days in 0_i32..40,
        ) {
            let sold = unit::Model {
                shipped_at: shipped.map(day), delivered_at: delivered.map(day),
                brand_window_days, shop_window_days, unknown_delivery_days, ..samples::unit(1)
            };
            let opened = shipped.map(|shipped| delivered.unwrap_or(shipped + i64::from(unknown_delivery_days)));
            let after = |window: i32| opened.map(|opened| day(opened + i64::from(window)));
            prop_assert_eq!(due(&sold), (after(brand_window_days), after(shop_window_days)));
        }

        #[test]
        fn shipping_is_due_with_the_last_of_the_goods_it_carried(goods in proptest::collection::vec(any_goods(), 0..6)) {
            let units: Vec<&unit::Model> = goods.iter().collect();
            let (refunded, kept): (Vec<&unit::Model>, Vec<&unit::Model>) =
                units.iter().partition(|unit| unit.refund_id.is_some());
            let last = |of: &[&unit::Model]| of.iter().filter_map(|unit| unit.brand_due_at).max();
            let due = if kept.iter().any(|unit| unit.shipped_at.is_none()) {
                None
            } else if kept.is_empty() {
                last(&refunded)
            } else {
                last(&kept)
            };
            prop_assert_eq!(shipping_due(&units), due);
        }

        #[test]
        fn an_account_grows_on_its_normal_side_and_shrinks_on_the_other(
            kind in proptest::sample::select(AccountKind::ALL), amount in 0_i64..100,
        ) {
            let (debit, credit) = (effect(kind, Side::Debit, amount), effect(kind, Side::Credit, amount));
            prop_assert_eq!(debit, -credit);
            prop_assert_eq!(effect(kind, rules_of(kind).normal, amount), amount);
        }
    }

    #[test]
    fn the_database_refuses_overdrafts_of_parties_only() {
        for kind in AccountKind::ALL {
            let party = rules_of(*kind).class == Class::Party;
            assert_eq!(row_may_overdraw(*kind), !party, "{kind}");
        }
    }
}
