//! The split of one unit's price, and the division of one sum over many. Both are exact: not a cent is made or lost.
//!
//! ```text
//! base       = L − half_up(L·v/(1+v))           the price without VAT
//! commission = half_up(base·r)                  C
//! platform   = floor(C·f)                       F    never rounded in the platform's favour
//! mine       = C − F                            N    what the shopholder would earn giving nothing away
//! discount   = max(0, min(floor(N·s), L − floor))   d    from her pocket, never from the brand's
//! earnings   = N − d                            H
//! buyer pays = L − d                            P
//! brand gets = L − C                            B    whatever s is
//! ```

use vitrine_model::money::BasisPoints;

/// Prices above this are refused before they get here, so that no product below overflows 128 bits, nor 64 at the end.
pub const MAX_PRICE: i64 = 1_000_000_000_000;

/// What a split is computed from. Amounts are minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// L: the list price, VAT included; 0 to [`MAX_PRICE`].
    pub list: i64,
    /// v: the variant's VAT rate at home.
    pub vat: BasisPoints,
    /// r: the commission rate, of the price without VAT.
    pub commission: BasisPoints,
    /// f: the platform's part of the commission.
    pub platform_fee: BasisPoints,
    /// s: the part of the shopholder's commission that she gives to the buyer.
    pub share: BasisPoints,
    /// The lowest price a buyer may be given.
    pub floor: Option<i64>,
}

/// One unit's price, divided. Every part is at least zero, `brand + shop + platform = price` and
/// `price + discount = list`, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// C: what the brand gives up.
    pub commission: i64,
    /// F: the platform's part of it.
    pub platform: i64,
    /// d: what the buyer saves.
    pub discount: i64,
    /// H: what the shopholder earns.
    pub shop: i64,
    /// P: what the buyer pays.
    pub price: i64,
    /// B: what the brand gets.
    pub brand: i64,
}

/// Divides one unit's price.
///
/// # Panics
/// When the list price is out of range, or when the parts would not add up: a wrong split must never be stored.
pub fn split(listing: &Listing) -> Split {
    let Listing {
        list,
        vat,
        commission,
        platform_fee,
        share,
        floor,
    } = *listing;
    assert!((0..=MAX_PRICE).contains(&list), "list price {list} out of range");
    let commission = half_up(without_vat(list, vat), commission);
    let platform = floor_of(commission, platform_fee);
    let mine = commission - platform;
    let discount = floor_of(mine, share).min(list - floor.unwrap_or(0)).max(0);
    let split = Split {
        commission,
        platform,
        discount,
        shop: mine - discount,
        price: list - discount,
        brand: list - commission,
    };
    assert!(split.is_sound(list), "{split:?} of {list}");
    split
}

/// Divides the price of a unit nobody is credited for: the brand gets it all, but for an organic fee if its terms have
/// one, a rate of the price without VAT.
///
/// # Panics
/// As [`split`].
pub fn organic(list: i64, vat: BasisPoints, organic_fee: BasisPoints) -> Split {
    assert!((0..=MAX_PRICE).contains(&list), "list price {list} out of range");
    let platform = floor_of(without_vat(list, vat), organic_fee);
    let split = Split {
        commission: platform,
        platform,
        discount: 0,
        shop: 0,
        price: list,
        brand: list - platform,
    };
    assert!(split.is_sound(list), "{split:?} of {list}");
    split
}

impl Split {
    /// Whether no part is below zero, and all of them make up what was listed.
    fn is_sound(&self, list: i64) -> bool {
        let Self {
            commission,
            platform,
            discount,
            shop,
            price,
            brand,
        } = *self;
        let parts = [commission, platform, discount, shop, price, brand];
        parts.iter().all(|part| *part >= 0)
            && brand + shop + platform == price
            && price + discount == list
            && brand + commission == list
    }
}

/// The VAT contained in a price, rounded half up.
pub fn vat_within(price: i64, vat: BasisPoints) -> i64 {
    let rate = i128::from(vat.get());
    round_half_up(i128::from(price) * rate, 10_000 + rate)
}

/// The price without the VAT it contains.
pub fn without_vat(price: i64, vat: BasisPoints) -> i64 {
    price - vat_within(price, vat)
}

/// Divides `total` over `weights` by largest remainder: shares are whole, add up to `total`, and each is within one of
/// its exact value. Ties go to the earlier. Without any weight nothing can be divided: all shares are zero.
///
/// # Panics
/// When `total` or a weight is negative.
pub fn largest_remainder(total: i64, weights: &[i64]) -> Vec<i64> {
    assert!(
        total >= 0 && weights.iter().all(|weight| *weight >= 0),
        "negative input"
    );
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &i64| i128::from(total) * i128::from(*weight);
    let mut shares: Vec<i64> = weights.iter().map(|weight| narrow(exact(weight) / sum)).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|place| (std::cmp::Reverse(exact(&weights[*place]) % sum), *place));
    let left = total - shares.iter().sum::<i64>();
    for place in by_remainder.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] += 1;
    }
    assert_eq!(
        shares.iter().sum::<i64>(),
        total,
        "largest remainder must divide all of it"
    );
    shares
}

fn half_up(amount: i64, rate: BasisPoints) -> i64 {
    round_half_up(i128::from(amount) * i128::from(rate.get()), 10_000)
}

fn floor_of(amount: i64, rate: BasisPoints) -> i64 {
    narrow(i128::from(amount) * i128::from(rate.get()) / 10_000)
}

/// For non-negative numbers.
fn round_half_up(numerator: i128, denominator: i128) -> i64 {
    narrow((2 * numerator + denominator) / (2 * denominator))
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value)
        .unwrap_or_else(|_| panic!("{value} does not fit: a price above MAX_PRICE slipped in"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bp(points: i32) -> BasisPoints {
        BasisPoints::new(points).unwrap()
    }

    fn listing(list: i64, vat: i32, commission: i32, fee: i32, share: i32) -> Listing {
        Listing {
            list,
            vat: bp(vat),
            commission: bp(commission),
            platform_fee: bp(fee),
            share: bp(share),
            floor: None,
        }
    }

    #[test]
    fn the_design_tables_examples_hold_to_the_cent() {
        let rows = [
            (
                listing(10_000, 0, 1500, 1000, 4000),
                (1500, 150, 540, 810, 9460, 8500),
            ),
            (
                listing(12_100, 2100, 1500, 1000, 4000),
                (1500, 150, 540, 810, 11_560, 10_600),
            ),
            (
                listing(1999, 2100, 1250, 1000, 3333),
                (207, 20, 62, 125, 1937, 1792),
            ),
            (listing(1, 1000, 1500, 1000, 10_000), (0, 0, 0, 0, 1, 1)),
        ];
        for (listing, (commission, platform, discount, shop, price, brand)) in rows {
            assert_eq!(
                split(&listing),
                Split {
                    commission,
                    platform,
                    discount,
                    shop,
                    price,
                    brand
                }
            );
        }
    }

    #[test]
    fn a_floor_caps_the_discount_and_never_raises_the_price() {
        let mut low = listing(10_000, 0, 1500, 1000, 10_000);
        low.floor = Some(9_500);
        assert_eq!(split(&low).price, 9_500);
        low.floor = Some(20_000);
        assert_eq!(split(&low).price, 10_000);
    }

    fn any_bp() -> impl Strategy<Value = BasisPoints> {
        (0..=10_000).prop_map(bp)
    }

    prop_compose! {
        fn any_listing()(
            list in prop_oneof![0_i64..=10, 0_i64..=100_000, 0_i64..=MAX_PRICE],
            vat in any_bp(), commission in any_bp(), platform_fee in any_bp(), share in any_bp(),
            floor in proptest::option::of(0..=MAX_PRICE),
        ) -> Listing {
            Listing { list, vat, commission, platform_fee, share, floor }
        }
    }

    prop_compose! {
        fn any_other_split()(
            listing in any_listing(), place in 0_usize..6, change in prop_oneof![-3_i64..0, 1_i64..4],
        ) -> (i64, Split) {
            let mut other = split(&listing);
            let part = [
                &mut other.commission, &mut other.platform, &mut other.discount,
                &mut other.shop, &mut other.price, &mut other.brand,
            ];
            *part.into_iter().nth(place).unwrap() += change;
            (listing.list, other)
        }
    }

    #[test]
    fn a_part_below_zero_is_unsound_even_if_all_add_up() {
        let sound = split(&listing(10_000, 0, 1500, 10_000, 0));
        assert!(sound.is_sound(10_000));
        let taken = Split {
            shop: sound.shop - 1,
            platform: sound.platform + 1,
            ..sound
        };
        assert!(!taken.is_sound(10_000), "{taken:?}");
    }

    #[test]
    #[should_panic(expected = "negative input")]
    fn a_negative_sum_is_not_divided() {
        largest_remainder(-1, &[1]);
    }

    #[test]
    #[should_panic(expected = "negative input")]
    fn a_negative_weight_gets_nothing() {
        largest_remainder(1, &[2, -1]);
    }

    proptest! {
        #[test]
        fn no_part_of_a_split_can_be_changed_alone((list, other) in any_other_split()) {
            prop_assert!(!other.is_sound(list), "{:?} of {}", other, list);
        }

        #[test]
        fn halves_are_rounded_up_and_all_else_to_the_nearest(
            numerator in 0_i128..1_000_000, denominator in prop_oneof![1_i128..5, Just(10_000), Just(12_100)],
        ) {
            let rounded = i128::from(round_half_up(numerator, denominator));
            let twice_off = 2 * rounded * denominator - 2 * numerator;
            prop_assert!(-denominator < twice_off && twice_off <= denominator);
        }

        // `split` itself asserts that the parts are sound and add up; here is what it promises beyond that.
        #[test]
        fn the_brand_gets_the_same_whatever_the_share(listing in any_listing(), other in any_bp()) {
            prop_assert_eq!(split(&listing).brand, split(&Listing { share: other, ..listing }).brand);
        }

        #[test]
        fn giving_more_never_raises_the_price(listing in any_listing(), a in any_bp(), b in any_bp()) {
            let (less, more) = (a.min(b), a.max(b));
            let price = |share| split(&Listing { share, ..listing }).price;
            prop_assert!(price(more) <= price(less));
        }

        #[test]
        fn the_floor_holds_unless_the_list_price_is_lower(listing in any_listing()) {
            if let Some(floor) = listing.floor {
                prop_assert!(split(&listing).price >= floor.min(listing.list));
            }
        }

        #[test]
        fn an_organic_sale_earns_nobody_a_commission(list in 0..=MAX_PRICE, vat in any_bp(), fee in any_bp()) {
            let split = organic(list, vat, fee);
            prop_assert_eq!((split.shop, split.discount, split.price), (0, 0, list));
            let exact = i128::from(without_vat(list, vat)) * i128::from(fee.get());
            let rest = exact - i128::from(split.platform) * 10_000;
            prop_assert!((0..10_000).contains(&rest), "the fee is never rounded up: {rest}");
        }

        #[test]
        fn largest_remainder_is_exact_and_fair(
            total in 0_i64..=1_000_000_000, weights in prop_oneof![
                proptest::collection::vec(0_i64..=1_000_000, 0..40), proptest::collection::vec(0_i64..4, 0..12),
            ],
        ) {
            let shares = largest_remainder(total, &weights);
            let sum: i64 = weights.iter().sum();
            prop_assert_eq!(shares.iter().sum::<i64>(), if sum == 0 { 0 } else { total });
            for (share, weight) in shares.iter().zip(&weights) {
                let off = i128::from(*share) * i128::from(sum) - i128::from(total) * i128::from(*weight);
                prop_assert!(sum == 0 || off.abs() < i128::from(sum));
            }
            // Who got one more had the larger remainder, or the same and came earlier.
            let remainder = |place: usize| i128::from(total) * i128::from(weights[place]) % i128::from(sum.max(1));
            let floor = |place: usize| i128::from(total) * i128::from(weights[place]) / i128::from(sum.max(1));
            let (more, less): (Vec<usize>, Vec<usize>) =
                (0..weights.len()).partition(|place| i128::from(shares[*place]) > floor(*place));
            for (got, did_not) in more.iter().flat_map(|got| less.iter().map(move |did_not| (*got, *did_not))) {
                let (larger, smaller) = (remainder(got), remainder(did_not));
                prop_assert!(larger > smaller || (larger == smaller && got < did_not));
            }
        }
    }
}
