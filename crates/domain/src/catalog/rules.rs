//! Pure decisions about what can be sold.

use chrono::TimeDelta;
use vitrine_model::Time;
use vitrine_model::catalog::{StockPolicy, brand, product, terms, variant};
use vitrine_model::money::BasisPoints;
use vitrine_model::text::Label;

use crate::catalog::refusal::Refusal;

/// Whether a shop may recommend the product, and a sale of it be credited.
pub fn is_promotable(product: &product::Model) -> bool {
    product.published && product.promotable
}

/// The commission rate of a product at `at`: its own, or else its brand's.
pub fn commission(product: &product::Model, terms: &terms::Model, at: Time) -> BasisPoints {
    own_commission(product, at).unwrap_or(terms.commission_bp)
}

/// The product's own rate at `at`, once a rate announced has taken over.
pub fn own_commission(product: &product::Model, at: Time) -> Option<BasisPoints> {
    match product.next_commission_from {
        Some(from) if from <= at => product.next_commission_bp,
        _ => product.commission_bp,
    }
}

/// A product's own rate, now and later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnRate {
    pub(super) now: Option<BasisPoints>,
    pub(super) next: Option<BasisPoints>,
    pub(super) next_from: Option<Time>,
}

/// Decides when a product's new rate of its own takes effect: a raise at once, a cut after the notice. A cut announced
/// before keeps its day unless the new rate lies below it.
pub(super) fn change_own_rate(
    product: &product::Model,
    terms: &terms::Model,
    wanted: Option<BasisPoints>,
    now: Time,
    notice: TimeDelta,
) -> OwnRate {
    let at_once = OwnRate {
        now: wanted,
        next: None,
        next_from: None,
    };
    let effective = |own: Option<BasisPoints>| own.unwrap_or(terms.commission_bp);
    let present = own_commission(product, now);
    if effective(wanted) >= effective(present) {
        return at_once;
    }
    let announced = product.next_commission_from.filter(|from| *from > now);
    let kept = announced.filter(|_| effective(wanted) >= effective(product.next_commission_bp));
    OwnRate {
        now: present,
        next: wanted,
        next_from: Some(kept.unwrap_or(now + notice)),
    }
}

/// The VAT rate of a variant at home: its own, or else its brand's.
pub fn vat_rate(variant: &variant::Model, brand: &brand::Model) -> BasisPoints {
    variant.vat_bp.unwrap_or(brand.default_vat_bp)
}

/// How many pieces can still be bought; `None` when there is no limit. An inactive variant has none.
pub fn pieces_left(variant: &variant::Model) -> Option<i64> {
    if !variant.active {
        return Some(0);
    }
    let limited = variant.tracked && variant.policy == StockPolicy::Deny;
    limited.then(|| (variant.on_hand - variant.reserved).max(0))
}

/// What is to be different in a brand's terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TermsChange {
    /// Commission of the price without VAT. A raise applies at once, a cut after the notice.
    pub commission: Option<BasisPoints>,
    /// The platform's part of the commission; the operator's to say.
    pub platform_fee: Option<BasisPoints>,
    /// The platform's fee on sales nobody is credited for; the operator's to say.
    pub organic_fee: Option<BasisPoints>,
    /// How many days a click may be credited, 1 to 365.
    pub attribution_days: Option<i32>,
    /// Days after delivery until the brand's money is released, 7 to 365.
    pub brand_window_days: Option<i32>,
    /// Days after delivery until the shopholder's and the platform's money is released, 14 to 365.
    pub shop_window_days: Option<i32>,
    /// Days after shipment at which delivery is assumed, 1 to 60.
    pub unknown_delivery_days: Option<i32>,
    /// Whether a shopholder may buy through her own shop with credit and discount.
    pub member_price: Option<bool>,
}

impl TermsChange {
    /// Passes when every number of days is within its limits, and the platform's fees are left to an operator.
    pub(super) fn check(&self, operator: bool) -> Result<(), Refusal> {
        if !operator && (self.platform_fee.is_some() || self.organic_fee.is_some()) {
            return Err(Refusal::OperatorOnly);
        }
        for (field, days, min, max) in [
            ("attributionDays", self.attribution_days, 1, 365),
            ("brandWindowDays", self.brand_window_days, 7, 365),
            ("shopWindowDays", self.shop_window_days, 14, 365),
            ("unknownDeliveryDays", self.unknown_delivery_days, 1, 60),
        ] {
            if days.is_some_and(|days| !(min..=max).contains(&days)) {
                return Err(Refusal::DaysOutOfRange { field, min, max });
            }
        }
        Ok(())
    }

    /// Applies all of it but the commission.
    fn apply(&self, terms: &mut terms::Model) {
        fn set<T: Copy>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut terms.platform_fee_bp, self.platform_fee);
        set(&mut terms.organic_fee_bp, self.organic_fee);
        set(&mut terms.attribution_days, self.attribution_days);
        set(&mut terms.brand_window_days, self.brand_window_days);
        set(&mut terms.shop_window_days, self.shop_window_days);
        set(&mut terms.unknown_delivery_days, self.unknown_delivery_days);
        set(&mut terms.member_price, self.member_price);
    }
}

/// The terms that follow `in_force` and, where some are, `announced` ones: those that apply at once and, when the
/// commission is to be lower, those that apply after the notice. A cut announced before keeps its day unless the new rate
/// lies below it. Ids are still to be given.
pub(super) fn follow(
    in_force: &terms::Model,
    announced: Option<&terms::Model>,
    change: &TermsChange,
    now: Time,
    notice: TimeDelta,
) -> Vec<terms::Model> {
    let target = announced.unwrap_or(in_force).commission_bp;
    let target = change.commission.unwrap_or(target);
    // The later decision wins, so each must be later than the last, even within one tick of the clock.
    let last = announced.map_or(in_force.created_at, |row| row.created_at.max(in_force.created_at));
    let created_at = now.max(last + TimeDelta::microseconds(1));
    let mut at_once = terms::Model {
        commission_bp: in_force.commission_bp.max(target),
        effective_from: now,
        created_at,
        ..in_force.clone()
    };
    change.apply(&mut at_once);
    if target == at_once.commission_bp {
        return vec![at_once];
    }
    let kept = announced.filter(|row| target >= row.commission_bp);
    let later = terms::Model {
        commission_bp: target,
        effective_from: kept.map_or(now + notice, |row| row.effective_from),
        ..at_once.clone()
    };
    vec![at_once, later]
}

/// The text of sanitised HTML without its markup.
pub(super) fn plain(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                plain.push(' ');
            }
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// A variant's title from its options' values; the only variant of a product without options is "Default Title".
pub(super) fn variant_title<'a>(options: impl IntoIterator<Item = &'a Label>) -> String {
    let values: Vec<&str> = options.into_iter().map(Label::as_str).collect();
    if values.is_empty() {
        return DEFAULT_TITLE.to_owned();
    }
    values.join(" / ").chars().take(255).collect()
}

/// What Shopify calls the only variant of a product without options.
pub(super) const DEFAULT_TITLE: &str = "Default Title";

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::id::{BrandId, TermsId};

    fn rate(points: i32) -> BasisPoints {
        BasisPoints::new(points).unwrap()
    }

    fn day(day: i64) -> Time {
        Time::UNIX_EPOCH + TimeDelta::days(day)
    }

    const NOTICE: TimeDelta = TimeDelta::days(30);

    fn terms(points: i32, decided: Time, from: Time) -> terms::Model {
        terms::Model {
            id: TermsId::from(uuid::Uuid::nil()),
            brand_id: BrandId::from(uuid::Uuid::nil()),
            commission_bp: rate(points),
            platform_fee_bp: rate(1000),
            organic_fee_bp: rate(0),
            attribution_days: 30,
            brand_window_days: 7,
            shop_window_days: 30,
            unknown_delivery_days: 7,
            member_price: false,
            effective_from: from,
            created_at: decided,
        }
    }

    fn to(points: i32) -> TermsChange {
        TermsChange {
            commission: Some(rate(points)),
            ..TermsChange::default()
        }
    }

    #[test]
    fn a_raise_applies_at_once_and_a_cut_after_the_notice() {
        let now = terms(1500, day(0), day(0));
        let raised = follow(&now, None, &to(2000), day(1), NOTICE);
        assert_eq!(raised.len(), 1);
        assert_eq!(
            (raised[0].commission_bp, raised[0].effective_from),
            (rate(2000), day(1))
        );
        let cut = follow(&now, None, &to(1000), day(1), NOTICE);
        assert_eq!(
            (cut[0].commission_bp, cut[0].effective_from),
            (rate(1500), day(1))
        );
        assert_eq!(
            (cut[1].commission_bp, cut[1].effective_from),
            (rate(1000), day(31))
        );
    }

    #[test]
    fn other_changes_keep_a_cut_that_was_announced() {
        let (now, later) = (terms(1500, day(0), day(0)), terms(1000, day(1), day(31)));
        let change = TermsChange {
            member_price: Some(true),
            ..TermsChange::default()
        };
        let rows = follow(&now, Some(&later), &change, day(5), NOTICE);
        assert!(
            rows.iter()
                .all(|row| row.member_price && row.created_at > later.created_at)
        );
        assert_eq!(
            (rows[1].commission_bp, rows[1].effective_from),
            (rate(1000), day(31))
        );
        let deeper = follow(&now, Some(&later), &to(500), day(5), NOTICE);
        assert_eq!(
            (deeper[1].commission_bp, deeper[1].effective_from),
            (rate(500), day(35))
        );
        assert_eq!(follow(&now, Some(&later), &to(1500), day(5), NOTICE).len(), 1);
    }

    #[test]
    fn two_decisions_in_one_tick_have_an_order() {
        let now = terms(1500, day(0), day(0));
        let raised = follow(&now, None, &to(2000), day(0), NOTICE);
        assert!(raised[0].created_at > now.created_at);
        assert_eq!(raised[0].effective_from, day(0));
    }

    #[test]
    fn days_outside_the_limits_and_the_platforms_fees_are_refused() {
        let change = TermsChange {
            shop_window_days: Some(13),
            ..TermsChange::default()
        };
        assert!(matches!(
            change.check(true),
            Err(Refusal::DaysOutOfRange { min: 14, .. })
        ));
        let change = TermsChange {
            platform_fee: Some(rate(0)),
            ..TermsChange::default()
        };
        assert_eq!(change.check(false), Err(Refusal::OperatorOnly));
        assert_eq!(change.check(true), Ok(()));
    }

    #[test]
    fn markup_is_left_out_of_the_plain_text() {
        assert_eq!(
            plain("<p>One</p><p>two</p>")
                .split_whitespace()
                .collect::<Vec<_>>(),
            ["One", "two"]
        );
    }
}
