//! Pure decisions about disputes: what a dispute claims of each part of each unit's price, and what moves when it freezes,
//! takes, or gives back.
//!
//! Nothing here knows the order of Stripe's events. A step says what should be; what moves is its difference to what the
//! books know, and so a repeated step moves nothing.

use crate::ledger::rules::{Taken, take};
use crate::ledger::split::largest_remainder;

/// The three parts of a unit's price: the brand's, the shopholder's, the platform's.
pub(super) type Parts = [i64; 3];

/// Divides `amount` over the units by what remains of each, and within a unit over its parts by what remains of those;
/// both by largest remainder. No part gets more than what remains of it: what exceeds them all is nobody's.
///
/// # Panics
/// When `amount` or a part is negative.
pub(super) fn divide(amount: i64, units: &[Parts]) -> Vec<Parts> {
    let weights: Vec<i64> = units.iter().map(|parts| parts.iter().sum()).collect();
    let whole: i64 = weights.iter().sum();
    let shares = largest_remainder(amount.min(whole), &weights);
    let of_unit = shares.into_iter().zip(units).map(|(share, parts)| {
        let divided = largest_remainder(share, parts);
        [divided[0], divided[1], divided[2]]
    });
    of_unit.collect()
}

/// What the books know of one dispute and one part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// What the dispute claims of the part.
    pub(super) claimed: i64,
    /// What is frozen of what was held for the unit.
    pub(super) frozen_held: i64,
    /// What is frozen of what was available to the party.
    pub(super) frozen_available: i64,
    /// What was taken for good.
    pub(super) lost: i64,
    /// How much of that had been held for the unit.
    pub(super) lost_held: i64,
}

/// What there is to take from, and where things may go back to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct There {
    /// What of the part is still held for the unit.
    pub(super) held: i64,
    /// What is available to the party in all; nothing for the platform, whose income is never frozen.
    pub(super) available: i64,
    /// Whether the part may be held again: it was neither released nor refunded.
    pub(super) may_hold: bool,
}

/// What is to be posted for one part. All amounts are at least zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moves {
    /// Held to frozen.
    pub(super) freeze_held: i64,
    /// Available to frozen.
    pub(super) freeze_available: i64,
    /// Frozen to held.
    pub(super) thaw_held: i64,
    /// Frozen to the party to spend.
    pub(super) thaw_given: i64,
    /// Frozen to the dispute.
    pub(super) lose_frozen: i64,
    /// Held to the dispute.
    pub(super) lose_held: i64,
    /// From what is available, and what is not there is owed, to the dispute.
    pub(super) lose_rest: i64,
    /// The dispute to held.
    pub(super) regain_held: i64,
    /// The dispute to the party to spend.
    pub(super) regain_given: i64,
}

impl Moves {
    /// By how much more was taken for good; below zero when some came back.
    pub(super) fn lost(&self) -> i64 {
        self.lose_frozen + self.lose_held + self.lose_rest - self.regain_held - self.regain_given
    }

    /// By how much what is held for the unit changes.
    pub(super) fn held(&self) -> i64 {
        self.thaw_held + self.regain_held - self.freeze_held - self.lose_held
    }
}

/// The dispute is open and claims `claimed` of the part. What more it claims than before is frozen as far as it is there:
/// of what is held first, then of what is available. What it claims less is set free, the latter first.
pub(super) fn freeze(kept: Kept, claimed: i64, there: There) -> (Kept, Moves) {
    let more = (claimed - kept.claimed).max(0);
    let freeze_held = more.min(there.held);
    let freeze_available = (more - freeze_held).min(there.available).max(0);
    let surplus = (kept.frozen_held + kept.frozen_available - claimed).max(0);
    let from_available = surplus.min(kept.frozen_available);
    let from_held = surplus - from_available;
    let mut moves = Moves {
        freeze_held,
        freeze_available,
        ..Moves::default()
    };
    thaw(&mut moves, from_held, from_available, there);
    let now = Kept {
        claimed,
        frozen_held: kept.frozen_held + freeze_held - from_held,
        frozen_available: kept.frozen_available + freeze_available - from_available,
        ..kept
    };
    (now, moves)
}

/// The dispute is closed and took `lost` of the part: nothing stays frozen. What it took more than the books know comes
/// from what was frozen, then from what is held, then from the rest; what it took less goes back to where it came from.
pub(super) fn close(kept: Kept, claimed: i64, lost: i64, there: There) -> (Kept, Moves) {
    let more = (lost - kept.lost).max(0);
    let less = (kept.lost - lost).max(0);
    let from_held = more.min(kept.frozen_held);
    let from_available = (more - from_held).min(kept.frozen_available);
    let Taken { held, receivable, .. } = take(more - from_held - from_available, there.held, 0);
    let back_held = less.min(kept.lost_held);
    let mut moves = Moves {
        lose_frozen: from_held + from_available,
        lose_held: held,
        lose_rest: receivable,
        regain_held: if there.may_hold { back_held } else { 0 },
        ..Moves::default()
    };
    moves.regain_given = less - moves.regain_held;
    thaw(
        &mut moves,
        kept.frozen_held - from_held,
        kept.frozen_available - from_available,
        there,
    );
    let now = Kept {
        claimed,
        frozen_held: 0,
        frozen_available: 0,
        lost,
        lost_held: kept.lost_held + from_held + held - back_held,
    };
    (now, moves)
}

fn thaw(moves: &mut Moves, held: i64, available: i64, there: There) {
    if there.may_hold {
        moves.thaw_held += held;
    } else {
        moves.thaw_given += held;
    }
    moves.thaw_given += available;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_parts() -> impl Strategy<Value = Vec<Parts>> {
        proptest::collection::vec([0_i64..10_000, 0_i64..2_000, 0_i64..500], 0..12)
    }

    /// One party's one part, kept by these rules.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    struct Purse {
        kept: Kept,
        held: i64,
        available: i64,
        owed: i64,
    }

    impl Purse {
        fn there(&self, may_hold: bool) -> There {
            There {
                held: self.held,
                available: self.available,
                may_hold,
            }
        }

        fn apply(&mut self, (kept, moves): (Kept, Moves)) {
            self.kept = kept;
            self.held += moves.held();
            self.available -= moves.freeze_available;
            let given = moves.thaw_given + moves.regain_given;
            let paid = given.min(self.owed);
            self.owed -= paid;
            self.available += given - paid;
            let from_available = moves.lose_rest.min(self.available);
            self.available -= from_available;
            self.owed += moves.lose_rest - from_available;
        }

        /// What she has, and what is frozen of hers, less what she owes.
        fn worth(&self) -> i64 {
            self.held + self.available - self.owed + self.kept.frozen_held + self.kept.frozen_available
        }
    }

    /// What the moves promise: none of them is below zero.
    fn are_sound(moves: &Moves) -> bool {
        let Moves {
            freeze_held,
            freeze_available,
            thaw_held,
            thaw_given,
            lose_frozen,
            lose_held,
            lose_rest,
            regain_held,
            regain_given,
        } = *moves;
        [freeze_held, freeze_available, thaw_held, thaw_given, lose_frozen]
            .into_iter()
            .chain([lose_held, lose_rest, regain_held, regain_given])
            .all(|amount| amount >= 0)
    }

    fn frozen(kept: Kept) -> i64 {
        kept.frozen_held + kept.frozen_available
    }

    proptest! {
        #[test]
        fn what_more_is_claimed_is_frozen_as_far_as_it_is_there_and_what_less_is_set_free(
            held in 0_i64..20, available in 0_i64..20, claims in proptest::collection::vec(0_i64..40, 1..6),
            may_hold in any::<bool>(),
        ) {
            let mut purse = Purse { held, available, ..Purse::default() };
            for claim in claims {
                let (before, there) = (purse.kept, purse.there(may_hold));
                let (now, moves) = freeze(before, claim, there);
                let more = (claim - before.claimed).max(0).min(there.held + there.available);
                prop_assert!(are_sound(&moves), "{:?}", moves);
                prop_assert_eq!(now.claimed, claim);
                prop_assert_eq!(frozen(now), (frozen(before) + more).min(claim));
                prop_assert!(now.frozen_held >= 0 && now.frozen_available >= 0);
                if now.frozen_held < before.frozen_held {
                    prop_assert_eq!(now.frozen_available, 0, "what was available is set free first");
                }
                if now.frozen_available > before.frozen_available {
                    prop_assert_eq!(moves.freeze_held, there.held, "what is held is frozen first");
                }
                purse.apply((now, moves));
            }
        }

        #[test]
        fn a_division_is_exact_and_no_part_gives_more_than_remains_of_it(
            amount in 0_i64..100_000, units in any_parts(),
        ) {
            let divided = divide(amount, &units);
            let whole: i64 = units.iter().flatten().sum();
            prop_assert_eq!(divided.iter().flatten().sum::<i64>(), amount.min(whole));
            for (got, remains) in divided.iter().flatten().zip(units.iter().flatten()) {
                prop_assert!(0 <= *got && got <= remains);
            }
        }

        #[test]
        fn whatever_the_steps_only_what_was_lost_in_the_end_is_gone(
            part in 0_i64..10_000, held in 0_i64..10_000, available in 0_i64..10_000,
            claims in proptest::collection::vec(0_i64..10_000, 0..5),
            losses in proptest::collection::vec(0_i64..10_000, 1..5),
            may_hold in any::<bool>(),
        ) {
            let start = Purse { held: held.min(part), available, ..Purse::default() };
            let mut purse = start;
            for claim in &claims {
                let claim = *claim.min(&part);
                purse.apply(freeze(purse.kept, claim, purse.there(true)));
                prop_assert_eq!(purse.worth(), start.worth(), "freezing takes nothing");
                prop_assert!(purse.kept.frozen_held + purse.kept.frozen_available <= claim);
                let twice = freeze(purse.kept, claim, purse.there(true));
                prop_assert_eq!(twice, (purse.kept, Moves::default()), "said twice it moves nothing");
            }
            let claimed = claims.last().copied().unwrap_or(part).min(part);
            for loss in &losses {
                let loss = *loss.min(&claimed);
                let (now, moves) = close(purse.kept, claimed, loss, purse.there(may_hold));
                prop_assert!(are_sound(&moves), "{:?}", moves);
                prop_assert_eq!(moves.lost(), loss - purse.kept.lost);
                prop_assert!(moves.lose_frozen <= frozen(purse.kept));
                purse.apply((now, moves));
                prop_assert_eq!(purse.worth(), start.worth() - loss);
                prop_assert_eq!(purse.kept.frozen_held + purse.kept.frozen_available, 0);
                prop_assert!(purse.held >= 0 && purse.available >= 0 && purse.owed >= 0);
                prop_assert!(purse.held + purse.kept.lost <= part, "no more is held than remains of the part");
                prop_assert!((0..=purse.kept.lost).contains(&purse.kept.lost_held));
                let twice = close(purse.kept, claimed, loss, purse.there(may_hold));
                prop_assert_eq!(twice, (purse.kept, Moves::default()), "said twice it moves nothing");
            }
        }

        #[test]
        fn opened_first_or_born_lost_a_part_ends_the_same(
            part in 0_i64..10_000, held in 0_i64..10_000, available in 0_i64..10_000, claimed in 0_i64..10_000,
            loss in 0_i64..10_000,
        ) {
            let claimed = claimed.min(part);
            let loss = loss.min(claimed);
            let start = Purse { held: held.min(part), available, ..Purse::default() };
            let mut opened = start;
            opened.apply(freeze(opened.kept, claimed, opened.there(true)));
            opened.apply(close(opened.kept, claimed, loss, opened.there(true)));
            let mut born_lost = start;
            born_lost.apply(close(born_lost.kept, claimed, loss, born_lost.there(true)));
            prop_assert_eq!(opened, born_lost);
        }

        #[test]
        fn won_after_all_everything_is_where_it_was(
            part in 0_i64..10_000, held in 0_i64..10_000, available in 0_i64..10_000, claimed in 0_i64..10_000,
        ) {
            let claimed = claimed.min(part);
            let start = Purse { held: held.min(part), available, ..Purse::default() };
            let mut purse = start;
            purse.apply(freeze(purse.kept, claimed, purse.there(true)));
            purse.apply(close(purse.kept, claimed, claimed, purse.there(true)));
            purse.apply(close(purse.kept, claimed, 0, purse.there(true)));
            prop_assert_eq!((purse.held, purse.available, purse.owed), (start.held, start.available, 0));
        }
    }
}
