//! Who is credited for a line: money.md's rules as one pure function over facts.
//!
//! 1. A product that may not be recommended is never credited.
//! 2. A line added from a recommendation that still stands credits its shop and carries its discount.
//! 3. Else the buyer's last valid click: one within the brand's window, by a link that leads to a shop that recommended a
//!    product of the brand when it was clicked, to a recommendation of a product of the brand, or to the very product. A
//!    later click that is not valid for the line takes nothing from an earlier one that is. The buyer then pays the list
//!    price.
//! 4. Else nobody. Of several reasons the one told is the nearest miss: a click that would have counted but for its age.
//!
//! A shopholder who buys through her own shop is credited only where the brand grants a member price; else the line has
//! neither credit nor discount, whoever else's link she followed before. She is known by her account, and as a guest by
//! her e-mail address.

use chrono::TimeDelta;
use vitrine_model::Time;
use vitrine_model::checkout::CreditReason;
use vitrine_model::id::{AccountId, BrandId, ClickId, ProductId, RecommendationId, ShopId};
use vitrine_model::money::BasisPoints;

/// Who is credited for a line, and why; or why nobody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Why.
    pub reason: CreditReason,
    /// Who; `None` exactly for the reasons that begin with `None`.
    pub to: Option<Credited>,
    /// The discount share the line is sold under: the recommendation's, or zero.
    pub share: BasisPoints,
}

/// To whom a line is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credited {
    /// The shop.
    pub shop: ShopId,
    /// Its owner now.
    pub shopholder: AccountId,
    /// The recommendation the line came from, or that the clicked link leads to.
    pub recommendation: Option<RecommendationId>,
    /// The click, when it was one through a link of this shop within the window.
    pub click: Option<ClickId>,
}

/// What is known about a line when its credit is decided.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The time of the decision.
    pub now: Time,
    /// What is bought.
    pub product: ProductId,
    /// Whose product it is.
    pub brand: BrandId,
    /// Whether the product may be recommended.
    pub promotable: bool,
    /// How many days a click may be credited.
    pub attribution_days: i32,
    /// Whether a shopholder may buy through her own shop with credit and discount.
    pub member_price: bool,
    /// Who buys: the account signed in, and the account whose e-mail address she gave.
    pub buyers: [Option<AccountId>; 2],
    /// The recommendation the line was added from, as far as it still stands: not removed, its shop published, and of this
    /// product.
    pub recommendation: Option<RecommendationFacts>,
    /// The buyer's clicks, the newest first.
    pub clicks: Vec<ClickFacts>,
}

/// A recommendation that stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecommendationFacts {
    /// Which.
    pub id: RecommendationId,
    /// Its shop.
    pub shop: ShopId,
    /// The shop's owner.
    pub owner: AccountId,
    /// Its discount share.
    pub share: BasisPoints,
}

/// A click.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClickFacts {
    /// Which.
    pub id: ClickId,
    /// When.
    pub at: Time,
    /// The link's shop.
    pub shop: ShopId,
    /// The shop's owner.
    pub owner: AccountId,
    /// Whether the shop was closed since.
    pub shop_closed: bool,
    /// Where the link leads.
    pub leads_to: Destination,
    /// Whether the shop recommended a product of the line's brand when it was clicked.
    pub shop_recommended_brand: bool,
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To a shop.
    Shop,
    /// To a recommendation, and the brand of what it recommends.
    Recommendation(RecommendationId, BrandId),
    /// To a product in a shop.
    Product(ProductId),
}

impl Credit {
    fn nobody(reason: CreditReason) -> Self {
        Self {
            reason,
            to: None,
            share: BasisPoints::ZERO,
        }
    }
}

/// Decides who is credited for a line.
pub(crate) fn credit(facts: &Facts) -> Credit {
    if facts.recommendation.is_none() && facts.clicks.is_empty() {
        return Credit::nobody(CreditReason::NoneOrganic);
    }
    if !facts.promotable {
        return Credit::nobody(CreditReason::NoneNotPromotable);
    }
    match &facts.recommendation {
        Some(recommendation) => by_recommendation(facts, recommendation),
        None => by_clicks(facts),
    }
}

fn by_recommendation(facts: &Facts, recommendation: &RecommendationFacts) -> Credit {
    if buys_at_her_own(facts, recommendation.owner) {
        return Credit::nobody(CreditReason::NoneOwnShop);
    }
    // No click decided, but if one led to the same shop the sale is also that link's success.
    let click = facts
        .clicks
        .iter()
        .find(|click| click.shop == recommendation.shop && in_window(facts, click));
    Credit {
        reason: CreditReason::Recommendation,
        to: Some(Credited {
            shop: recommendation.shop,
            shopholder: recommendation.owner,
            recommendation: Some(recommendation.id),
            click: click.map(|click| click.id),
        }),
        share: recommendation.share,
    }
}

fn by_clicks(facts: &Facts) -> Credit {
    let mut missed = CreditReason::NoneElsewhere;
    for click in &facts.clicks {
        let Some((reason, recommendation)) = leads_here(facts, click) else {
            continue;
        };
        if !in_window(facts, click) {
            missed = CreditReason::NoneExpired;
            continue;
        }
        if buys_at_her_own(facts, click.owner) {
            return Credit::nobody(CreditReason::NoneOwnShop);
        }
        return Credit {
            reason,
            to: Some(Credited {
                shop: click.shop,
                shopholder: click.owner,
                recommendation,
                click: Some(click.id),
            }),
            share: BasisPoints::ZERO,
        };
    }
    Credit::nobody(missed)
}

/// Why the click counts for the line, with the recommendation its link leads to; `None` when it led elsewhere.
fn leads_here(facts: &Facts, click: &ClickFacts) -> Option<(CreditReason, Option<RecommendationId>)> {
    match click.leads_to {
        _ if click.shop_closed => None,
        Destination::Recommendation(id, brand) if brand == facts.brand => {
            Some((CreditReason::ClickRecommendation, Some(id)))
        }
        Destination::Product(product) if product == facts.product => Some((CreditReason::ClickProduct, None)),
        Destination::Shop if click.shop_recommended_brand => Some((CreditReason::ClickShop, None)),
        _ => None,
    }
}

/// Whether she buys at her own shop and the brand grants no member price.
fn buys_at_her_own(facts: &Facts, owner: AccountId) -> bool {
    facts.buyers.contains(&Some(owner)) && !facts.member_price
}

/// The window closes that many days after the click, that instant still within it.
fn in_window(facts: &Facts, click: &ClickFacts) -> bool {
    facts.now <= click.at + TimeDelta::days(i64::from(facts.attribution_days))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id<I: From<Uuid>>(n: u128) -> I {
        I::from(Uuid::from_u128(n))
    }

    fn day(n: i64) -> Time {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + n)
    }

    fn share() -> BasisPoints {
        BasisPoints::new(4000).unwrap()
    }

    /// Product 1 of brand 1, bought on day 10 by a guest, with a window of 30 days.
    fn facts() -> Facts {
        Facts {
            now: day(10),
            product: id(1),
            brand: id(1),
            promotable: true,
            attribution_days: 30,
            member_price: false,
            buyers: [None, None],
            recommendation: None,
            clicks: Vec::new(),
        }
    }

    fn recommended() -> RecommendationFacts {
        RecommendationFacts {
            id: id(1),
            shop: id(1),
            owner: id(1),
            share: share(),
        }
    }

    fn clicked(leads_to: Destination) -> ClickFacts {
        ClickFacts {
            id: id(1),
            at: day(9),
            shop: id(2),
            owner: id(2),
            shop_closed: false,
            leads_to,
            shop_recommended_brand: true,
        }
    }

    fn reason(facts: &Facts) -> CreditReason {
        credit(facts).reason
    }

    #[test]
    fn a_line_from_a_recommendation_credits_its_shop_and_carries_its_discount() {
        let mut facts = facts();
        facts.recommendation = Some(recommended());
        facts.clicks = vec![clicked(Destination::Shop)];
        let credit = credit(&facts);
        assert_eq!(credit.reason, CreditReason::Recommendation);
        assert_eq!(credit.share, share());
        let to = credit.to.unwrap();
        assert_eq!((to.shop, to.recommendation), (id(1), Some(id(1))));
        assert_eq!(to.click, None, "the click led to another shop");
    }

    #[test]
    fn a_click_into_the_same_shop_is_remembered_beside_the_recommendation() {
        let mut facts = facts();
        facts.recommendation = Some(recommended());
        facts.clicks = vec![ClickFacts {
            shop: id(1),
            owner: id(1),
            ..clicked(Destination::Shop)
        }];
        assert_eq!(credit(&facts).to.unwrap().click, Some(id(1)));
        facts.now = day(100);
        assert_eq!(credit(&facts).to.unwrap().click, None);
    }

    #[test]
    fn a_click_credits_its_shop_at_the_list_price() {
        for (leads_to, expected) in [
            (Destination::Shop, CreditReason::ClickShop),
            (Destination::Product(id(1)), CreditReason::ClickProduct),
            (
                Destination::Recommendation(id(7), id(1)),
                CreditReason::ClickRecommendation,
            ),
        ] {
            let mut facts = facts();
            facts.clicks = vec![clicked(leads_to)];
            let credit = credit(&facts);
            assert_eq!(credit.reason, expected);
            assert_eq!(credit.share, BasisPoints::ZERO);
            assert_eq!(credit.to.unwrap().shop, id(2));
        }
    }

    #[test]
    fn a_click_that_led_elsewhere_credits_nobody() {
        for leads_to in [
            Destination::Product(id(2)),
            Destination::Recommendation(id(7), id(2)),
        ] {
            let mut facts = facts();
            facts.clicks = vec![clicked(leads_to)];
            assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
        }
        let mut facts = facts();
        facts.clicks = vec![ClickFacts {
            shop_recommended_brand: false,
            ..clicked(Destination::Shop)
        }];
        assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
    }

    #[test]
    fn a_closed_shop_is_credited_for_no_click() {
        let mut facts = facts();
        facts.clicks = vec![ClickFacts {
            shop_closed: true,
            ..clicked(Destination::Product(id(1)))
        }];
        assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
    }

    #[test]
    fn the_window_closes_after_its_last_instant() {
        let mut facts = facts();
        facts.clicks = vec![clicked(Destination::Shop)];
        facts.now = day(9 + 30);
        assert_eq!(reason(&facts), CreditReason::ClickShop);
        facts.now += TimeDelta::microseconds(1);
        assert_eq!(reason(&facts), CreditReason::NoneExpired);
    }

    #[test]
    fn without_recommendation_or_click_nobody_is_credited() {
        assert_eq!(reason(&facts()), CreditReason::NoneOrganic);
    }

    #[test]
    fn what_may_not_be_recommended_is_never_credited() {
        let mut facts = facts();
        facts.promotable = false;
        facts.clicks = vec![clicked(Destination::Product(id(1)))];
        assert_eq!(reason(&facts), CreditReason::NoneNotPromotable);
        facts.recommendation = Some(recommended());
        assert_eq!(reason(&facts), CreditReason::NoneNotPromotable);
    }

    #[test]
    fn buying_at_ones_own_shop_takes_a_member_price() {
        let mut facts = facts();
        facts.buyers = [Some(id(1)), None];
        facts.recommendation = Some(recommended());
        facts.clicks = vec![clicked(Destination::Shop)];
        assert_eq!(credit(&facts), Credit::nobody(CreditReason::NoneOwnShop));
        facts.member_price = true;
        assert_eq!(reason(&facts), CreditReason::Recommendation);
        assert_eq!(credit(&facts).share, share());

        facts.recommendation = None;
        facts.buyers = [None, Some(id(2))];
        assert_eq!(reason(&facts), CreditReason::ClickShop);
        facts.member_price = false;
        assert_eq!(reason(&facts), CreditReason::NoneOwnShop);
    }

    #[test]
    fn each_line_takes_the_newest_click_that_is_valid_for_it() {
        let newer = ClickFacts {
            id: id(2),
            shop: id(3),
            owner: id(3),
            ..clicked(Destination::Product(id(7)))
        };
        let older = ClickFacts {
            at: day(8),
            ..clicked(Destination::Shop)
        };
        let mut facts = facts();
        facts.clicks = vec![newer, older];
        assert_eq!(
            credit(&facts).to.unwrap().shop,
            id(2),
            "the newer click led to another product"
        );
        facts.product = id(7);
        assert_eq!(
            credit(&facts).to.unwrap().shop,
            id(3),
            "both are valid: the newer one counts"
        );
    }

    #[test]
    fn the_reason_for_nobody_is_the_nearest_miss() {
        let elsewhere = clicked(Destination::Product(id(7)));
        let expired = ClickFacts {
            at: day(-30),
            ..clicked(Destination::Shop)
        };
        let mut facts = facts();
        facts.clicks = vec![elsewhere];
        assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
        facts.clicks = vec![elsewhere, expired];
        assert_eq!(reason(&facts), CreditReason::NoneExpired);
    }

    #[test]
    fn her_own_link_followed_last_takes_the_line_from_everybody() {
        let own = ClickFacts {
            id: id(2),
            shop: id(1),
            owner: id(1),
            ..clicked(Destination::Shop)
        };
        let others = ClickFacts {
            at: day(8),
            ..clicked(Destination::Shop)
        };
        let mut facts = facts();
        facts.buyers = [Some(id(1)), None];
        facts.clicks = vec![own, others];
        assert_eq!(reason(&facts), CreditReason::NoneOwnShop);
        facts.clicks.reverse();
        assert_eq!(reason(&facts), CreditReason::ClickShop);
    }

    prop_compose! {
        fn any_click()(
            number in 0_u128..1000, shop in 0_u128..3, at in -40_i64..10, shop_closed: bool, shop_recommended_brand: bool,
            kind in 0..3, to in 0_u128..3,
        ) -> ClickFacts {
            ClickFacts {
                id: id(number), at: day(at), shop: id(shop), owner: id(shop), shop_closed, shop_recommended_brand,
                leads_to: match kind {
                    0 => Destination::Shop,
                    1 => Destination::Recommendation(id(8), id(to)),
                    _ => Destination::Product(id(to)),
                },
            }
        }
    }

    prop_compose! {
        fn any_facts()(
            product in 0_u128..3, brand in 0_u128..3, promotable: bool, days in 0..40, member_price: bool,
            buyers in [proptest::option::of(0_u128..3), proptest::option::of(0_u128..3)],
            recommended in proptest::option::of((0_u128..3, 0..=10_000)),
            mut clicks in proptest::collection::vec(any_click(), 0..6),
        ) -> Facts {
            clicks.sort_by_key(|click| std::cmp::Reverse(click.at));
            Facts {
                now: day(10), product: id(product), brand: id(brand), promotable, attribution_days: days, member_price,
                buyers: buyers.map(|buyer| buyer.map(id)),
                recommendation: recommended.map(|(shop, share)| RecommendationFacts {
                    id: id(9), shop: id(shop), owner: id(shop), share: BasisPoints::new(share).unwrap(),
                }),
                clicks,
            }
        }
    }

    proptest! {
        #[test]
        fn a_credit_is_consistent_with_itself(facts in any_facts()) {
            let credit = credit(&facts);
            let credits_nobody = credit.reason.as_str().starts_with("none_");
            prop_assert_eq!(credits_nobody, credit.to.is_none());
            if credit.reason != CreditReason::Recommendation {
                prop_assert_eq!(credit.share, BasisPoints::ZERO);
            }
            if let Some(to) = credit.to {
                prop_assert!(facts.promotable);
                prop_assert!(!facts.buyers.contains(&Some(to.shopholder)) || facts.member_price);
            }
        }

        #[test]
        fn of_many_clicks_the_first_that_decides_alone_decides(mut facts in any_facts()) {
            facts.recommendation = None;
            let together = credit(&facts);
            let alone = facts.clicks.iter().map(|click| credit(&Facts { clicks: vec![*click], ..facts.clone() }));
            let deciding = alone.into_iter().find(|credit| {
                !matches!(credit.reason, CreditReason::NoneElsewhere | CreditReason::NoneExpired)
            });
            match deciding {
                Some(deciding) => prop_assert_eq!(together, deciding),
                None => prop_assert!(together.to.is_none()),
            }
        }

        #[test]
        fn a_click_told_twice_changes_nothing(facts in any_facts()) {
            let twice = facts.clicks.iter().flat_map(|click| [*click, *click]).collect();
            prop_assert_eq!(credit(&Facts { clicks: twice, ..facts.clone() }), credit(&facts));
        }
    }
}
