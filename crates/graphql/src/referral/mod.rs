//! Referral links, as clients see them.

mod link;
mod loaders;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use vitrine_domain::referral::{self, NewLink, Refusal, Target};
use vitrine_model::checkout;

use crate::access::{Declared, Who, access, root_part};
use crate::connection::connection;
use crate::error::{Trouble, UserError, UserErrorCode, answer, at_opt, payload};
use crate::request::{RequestContext, parse_id};

use link::created;
pub(crate) use link::{ReferralLink, link_node};

connection!(
    ReferralLinkConnection,
    ReferralLinkEdge,
    ReferralLink,
    "referral links"
);

/// Why a sale is credited to a shop, or to none. It is decided when checkout starts, and never changes.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "checkout::CreditReason")]
pub enum CreditReason {
    /// The line was added from a recommendation.
    Recommendation,
    /// The last valid click was on a link to a recommendation of the brand's.
    ClickRecommendation,
    /// The last valid click was on a link to the product.
    ClickProduct,
    /// The last valid click was on a link to a shop that recommended a product of the brand.
    ClickShop,
    /// Nobody brought the buyer.
    NoneOrganic,
    /// The product may not be recommended.
    NoneNotPromotable,
    /// The buyer is the shopholder herself, by her account or her e-mail address, and the brand grants no member price.
    NoneOwnShop,
    /// A click would have counted, but it is older than the brand's window.
    NoneExpired,
    /// The clicks led to shops that recommended nothing of the brand, or to other products.
    NoneElsewhere,
}

/// A link to be made: to one of your shops, or to one recommendation or product in it.
#[derive(InputObject)]
pub struct ReferralLinkCreateInput {
    /// One of your shops: the one it credits.
    shop_id: ID,
    /// A recommendation in the shop to lead to; not together with `productId`.
    recommendation_id: Option<ID>,
    /// A product that the shop recommends to lead to; the link outlives the recommendation.
    product_id: Option<ID>,
    /// Your own name for it, such as "newsletter"; 255 characters at most.
    label: Option<String>,
}

impl ReferralLinkCreateInput {
    fn parse(&self) -> std::result::Result<NewLink, Trouble> {
        let target = match (&self.recommendation_id, &self.product_id) {
            (None, None) => Target::Shop,
            (Some(id), None) => Target::Recommendation(parse_id(id)?),
            (None, Some(id)) => Target::Product(parse_id(id)?),
            (Some(_), Some(_)) => {
                let message = "a link leads to a recommendation or to a product, not to both";
                return Err(UserError::new(UserErrorCode::Invalid, "productId", message).into());
            }
        };
        Ok(NewLink {
            shop: parse_id(&self.shop_id)?,
            target,
            label: at_opt("label", self.label.as_deref())?,
        })
    }
}

payload! {
    /// What came of `referralLinkCreate`.
    ReferralLinkCreatePayload {
        /// The new link.
        referral_link: ReferralLink
    }
}

root_part! {
    /// Mutations on referral links.
    ReferralMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl ReferralMutation {
    /// Makes a link into a shop that you own or curate, that you can share, and that credits the shop with what its visitors buy. Codes: `INVALID`,
    /// `NOT_FOUND`, `LIMIT_REACHED` (1000 a shop).
    #[graphql(directive = access::apply(Who::Account))]
    async fn referral_link_create(
        &self,
        ctx: &Context<'_>,
        input: ReferralLinkCreateInput,
    ) -> Result<ReferralLinkCreatePayload> {
        answer(ctx, async {
            let (by, new) = (ctx.account()?, input.parse()?);
            let row = referral::create_link(ctx.cx(), by.id, new).await?;
            created(ctx, row).await
        })
        .await
    }
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        use UserErrorCode::{LimitReached, NotFound};
        match refusal {
            Refusal::ShopNotFound => Self::new(NotFound, "shopId", "you have no such shop"),
            Refusal::RecommendationNotFound => Self::new(
                NotFound,
                "recommendationId",
                "there is no such recommendation in the shop",
            ),
            Refusal::ProductNotFound => {
                Self::new(NotFound, "productId", "the shop does not recommend this product")
            }
            Refusal::TooManyLinks(most) => {
                Self::new(LimitReached, "shopId", format!("a shop has {most} links at most"))
            }
        }
    }
}
