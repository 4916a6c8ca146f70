//! Who is credited for a line: money.md's rules as one pure function over facts.
//!
//! 1. A product that may not be recommended is never credited.
//! 2. A line added from a recommendation that still stands credits its shop and carries its discount.
//! 3. Else the click the cart carries, if it is within the brand's window and its link leads to a shop that recommended a
//!    product of the brand when it was clicked, to a recommendation of a product of the brand, or to the very product.
//!    The buyer then pays the list price.
//! 4. Else nobody.
//!
//! A shopholder who buys through her own shop is credited only where the brand grants a member price; else the line has
//! neither credit nor discount, whoever else's link she followed.

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
#[derive(Debug, Clone, Copy)]
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
    /// Who buys, when she is signed in.
    pub buyer: Option<AccountId>,
    /// The recommendation the line was added from, as far as it still stands: not removed, its shop published, and of this
    /// product.
    pub recommendation: Option<RecommendationFacts>,
    /// The click the cart carries.
    pub click: Option<ClickFacts>,
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
    if facts.recommendation.is_none() && facts.click.is_none() {
        return Credit::nobody(CreditReason::NoneOrganic);
    }
    if !facts.promotable {
        return Credit::nobody(CreditReason::NoneNotPromotable);
    }
    match (&facts.recommendation, &facts.click) {
        (Some(recommendation), _) => by_recommendation(facts, recommendation),
        (None, Some(click)) => by_click(facts, click),
        (None, None) => Credit::nobody(CreditReason::NoneOrganic),
    }
}

fn by_recommendation(facts: &Facts, recommendation: &RecommendationFacts) -> Credit {
    if buys_at_her_own(facts, recommendation.owner) {
        return Credit::nobody(CreditReason::NoneOwnShop);
    }
    // The click did not decide, but when it led to the same shop the sale is also that link's success.
    let click = facts
        .click
        .filter(|click| click.shop == recommendation.shop && in_window(facts, click));
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

fn by_click(facts: &Facts, click: &ClickFacts) -> Credit {
    if !in_window(facts, click) {
        return Credit::nobody(CreditReason::NoneExpired);
    }
    let (reason, recommendation) = match click.leads_to {
        _ if click.shop_closed => return Credit::nobody(CreditReason::NoneElsewhere),
        Destination::Recommendation(id, brand) if brand == facts.brand => {
            (CreditReason::ClickRecommendation, Some(id))
        }
        Destination::Product(product) if product == facts.product => (CreditReason::ClickProduct, None),
        Destination::Shop if click.shop_recommended_brand => (CreditReason::ClickShop, None),
        _ => return Credit::nobody(CreditReason::NoneElsewhere),
    };
    if buys_at_her_own(facts, click.owner) {
        return Credit::nobody(CreditReason::NoneOwnShop);
    }
    Credit {
        reason,
        to: Some(Credited {
            shop: click.shop,
            shopholder: click.owner,
            recommendation,
            click: Some(click.id),
        }),
        share: BasisPoints::ZERO,
    }
}

/// Whether she buys at her own shop and the brand grants no member price.
fn buys_at_her_own(facts: &Facts, owner: AccountId) -> bool {
    facts.buyer == Some(owner) && !facts.member_price
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
            buyer: None,
            recommendation: None,
            click: None,
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
        facts.click = Some(clicked(Destination::Shop));
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
        facts.click = Some(ClickFacts {
            shop: id(1),
            owner: id(1),
            ..clicked(Destination::Shop)
        });
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
            facts.click = Some(clicked(leads_to));
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
            facts.click = Some(clicked(leads_to));
            assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
        }
        let mut facts = facts();
        facts.click = Some(ClickFacts {
            shop_recommended_brand: false,
            ..clicked(Destination::Shop)
        });
        assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
    }

    #[test]
    fn a_closed_shop_is_credited_for_no_click() {
        let mut facts = facts();
        facts.click = Some(ClickFacts {
            shop_closed: true,
            ..clicked(Destination::Product(id(1)))
        });
        assert_eq!(reason(&facts), CreditReason::NoneElsewhere);
    }

    #[test]
    fn the_window_closes_after_its_last_instant() {
        let mut facts = facts();
        facts.click = Some(clicked(Destination::Shop));
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
        facts.click = Some(clicked(Destination::Product(id(1))));
        assert_eq!(reason(&facts), CreditReason::NoneNotPromotable);
        facts.recommendation = Some(recommended());
        assert_eq!(reason(&facts), CreditReason::NoneNotPromotable);
    }

    #[test]
    fn buying_at_ones_own_shop_takes_a_member_price() {
        let mut facts = facts();
        facts.buyer = Some(id(1));
        facts.recommendation = Some(recommended());
        facts.click = Some(clicked(Destination::Shop));
        assert_eq!(credit(&facts), Credit::nobody(CreditReason::NoneOwnShop));
        facts.member_price = true;
        assert_eq!(reason(&facts), CreditReason::Recommendation);
        assert_eq!(credit(&facts).share, share());

        facts.recommendation = None;
        facts.buyer = Some(id(2));
        assert_eq!(reason(&facts), CreditReason::ClickShop);
        facts.member_price = false;
        assert_eq!(reason(&facts), CreditReason::NoneOwnShop);
    }

    prop_compose! {
        fn any_facts()(
            product in 0_u128..3, brand in 0_u128..3, promotable: bool, days in 0..40, member_price: bool,
            buyer in proptest::option::of(0_u128..3), recommended in proptest::option::of((0_u128..3, 0..=10_000)),
            click in proptest::option::of((0_u128..3, -40_i64..10, any::<bool>(), any::<bool>(), 0..3, 0_u128..3)),
        ) -> Facts {
            Facts {
                now: day(10), product: id(product), brand: id(brand), promotable, attribution_days: days, member_price,
                buyer: buyer.map(id),
                recommendation: recommended.map(|(shop, share)| RecommendationFacts {
                    id: id(9), shop: id(shop), owner: id(shop), share: BasisPoints::new(share).unwrap(),
                }),
                click: click.map(|(shop, at, shop_closed, shop_recommended_brand, kind, to)| ClickFacts {
                    id: id(9), at: day(at), shop: id(shop), owner: id(shop), shop_closed, shop_recommended_brand,
                    leads_to: match kind {
                        0 => Destination::Shop,
                        1 => Destination::Recommendation(id(8), id(to)),
                        _ => Destination::Product(id(to)),
                    },
                }),
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
                prop_assert!(facts.buyer != Some(to.shopholder) || facts.member_price);
            }
        }
    }
}
