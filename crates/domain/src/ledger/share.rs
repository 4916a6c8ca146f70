//! Pure decisions about shares: what of a unit's earnings goes to whom of those who curate a shop together.

use vitrine_model::ledger::unit;
use vitrine_model::money::BasisPoints;

/// The whole of what is divided.
const WHOLE: i64 = 10_000;

/// Divides what a unit brings the shop: each co-curator in turn gets her part of what those before her left, rounded down.
/// What nobody gets is the shopholder's.
///
/// No part shrinks when the amount grows, and neither does what is left: who gets a share of less never has to be given
/// more. Largest remainders do not promise that.
///
/// # Panics
/// When the amount is negative, or the shares are more than the whole.
pub(super) fn divide(amount: i64, shares: &[BasisPoints]) -> Vec<i64> {
    assert!(amount >= 0, "a share of {amount}");
    let (mut left, mut whole) = (amount, WHOLE);
    let parts = shares.iter().map(|share| {
        let share = i64::from(share.get());
        assert!(share <= whole, "shares of more than the whole");
        let part = if whole == 0 { 0 } else { floor(left, share, whole) };
        left -= part;
        whole -= share;
        part
    });
    parts.collect()
}

fn floor(amount: i64, share: i64, whole: i64) -> i64 {
    let exact = i128::from(amount) * i128::from(share) / i128::from(whole);
    i64::try_from(exact).unwrap_or_else(|_| unreachable!("no part of {amount} is more than it"))
}

/// What a unit brings the shop, after what refunds and lost disputes took, minor units.
pub(super) fn earned(unit: &unit::Model) -> i64 {
    unit.shop_part - unit.shop_lost - unit.shop_refunded
}

/// What of a share is passed on by now: all of it once the shop's part was released, nothing while it may yet be taken back
/// from what is held.
pub(super) fn passed(unit: &unit::Model, due: i64) -> i64 {
    if unit.shop_released_at.is_some() { due } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vitrine_model::Time;

    use super::*;
    use crate::ledger::samples;

    fn any_shares() -> impl Strategy<Value = Vec<BasisPoints>> {
        proptest::collection::vec(0..=10_000_i32, 0..6).prop_map(|points| {
            let mut left = 10_000;
            let cut = |points: i32| {
                let share = points.min(left);
                left -= share;
                BasisPoints::new(share).unwrap()
            };
            points.into_iter().map(cut).collect()
        })
    }

    proptest! {
        #[test]
        fn nothing_is_made_or_lost_and_each_part_is_within_a_few_cents_of_exact(
            amount in 0_i64..1_000_000_000_000, shares in any_shares(),
        ) {
            let parts = divide(amount, &shares);
            prop_assert_eq!(parts.len(), shares.len());
            prop_assert!(parts.iter().sum::<i64>() <= amount);
            for (place, (part, share)) in parts.iter().zip(&shares).enumerate() {
                let exact = i128::from(amount) * i128::from(share.get());
                let off = (i128::from(*part) * 10_000 - exact).abs();
                prop_assert!(*part >= 0 && off < 10_000 * (1 + i128::try_from(place).unwrap()));
            }
            if shares.iter().map(|share| share.get()).sum::<i32>() == 10_000 {
                prop_assert_eq!(parts.iter().sum::<i64>(), amount, "the whole is given away");
            }
        }

        #[test]
        fn of_more_nobody_gets_less(amount in 0_i64..10_000, more in 0_i64..100, shares in any_shares()) {
            let (few, many) = (divide(amount, &shares), divide(amount + more, &shares));
            for (before, after) in few.iter().zip(&many) {
                prop_assert!(before <= after);
            }
            let kept = |amount: i64, parts: &[i64]| amount - parts.iter().sum::<i64>();
            prop_assert!(kept(amount, &few) <= kept(amount + more, &many));
        }

        #[test]
        fn a_share_is_of_what_is_left_and_waits_for_the_release(
            part in 0_i64..1000, lost in 0_i64..1000, refunded in 0_i64..1000, released in any::<bool>(),
        ) {
            let lost = lost.min(part);
            let sold = unit::Model {
                shop_part: part, shop_lost: lost, shop_refunded: refunded.min(part - lost),
                shop_released_at: released.then_some(Time::UNIX_EPOCH), ..samples::unit(1)
            };
            prop_assert_eq!(earned(&sold), part - lost - refunded.min(part - lost));
            prop_assert_eq!(passed(&sold, 7), if released { 7 } else { 0 });
        }
    }

    #[test]
    fn a_third_each_of_ten_cents_is_three_and_the_shopholder_keeps_the_cent() {
        let third = BasisPoints::new(3333).unwrap();
        assert_eq!(divide(10, &[third, third]), [3, 3]);
        assert_eq!(divide(4, &[BasisPoints::new(2500).unwrap(); 2]), [1, 1]);
        assert_eq!(divide(9, &[BasisPoints::new(10_000).unwrap()]), [9]);
    }

    #[test]
    #[should_panic(expected = "more than the whole")]
    fn more_than_the_whole_is_never_divided() {
        divide(1, &[BasisPoints::new(6000).unwrap(); 2]);
    }
}
