//! What mutations on shops take, parsed.

use async_graphql::{ID, InputObject, MaybeUndefined};
use vitrine_domain::shop::{NewRecommendation, NewShop, RecommendationChange, ShopChange};
use vitrine_model::id::{RecommendationId, ShopId};
use vitrine_model::money::BasisPoints;

use crate::error::{Trouble, UserError, at, at_change, at_opt};
use crate::request::parse_id;

/// A shop to be opened.
#[derive(InputObject)]
pub struct ShopOpenInput {
    /// Its address, for ever: 2 to 60 lower-case letters, digits and single hyphens.
    handle: String,
    /// What it is called; 120 characters at most.
    name: String,
    /// What it is about; 5000 characters at most.
    about: Option<String>,
}

impl ShopOpenInput {
    pub(crate) fn parse(&self) -> Result<NewShop, UserError> {
        Ok(NewShop {
            handle: at("handle", self.handle.parse())?,
            name: at("name", self.name.parse())?,
            about: at_opt("about", self.about.as_deref())?,
        })
    }
}

/// What is to change about a shop. What is left out stays.
#[derive(InputObject)]
pub struct ShopUpdateInput {
    /// One of your shops.
    id: ID,
    /// What it is called; 120 characters at most.
    name: Option<String>,
    /// What it is about, 5000 characters at most; `null` takes it away.
    about: MaybeUndefined<String>,
    /// Where its picture is: an address of a server that shows it to everybody; `null` takes it away.
    picture_url: MaybeUndefined<String>,
}

impl ShopUpdateInput {
    pub(crate) fn parse(&self) -> Result<ShopChange, Trouble> {
        Ok(ShopChange {
            shop: parse_id(&self.id)?,
            name: at_opt("name", self.name.as_deref())?,
            about: at_change("about", &self.about)?,
            picture_url: at_change("pictureUrl", &self.picture_url)?,
        })
    }
}

/// A shop to be published.
#[derive(InputObject)]
pub struct ShopPublishInput {
    /// One of your shops.
    pub(crate) id: ID,
}

/// A shop to be hidden.
#[derive(InputObject)]
pub struct ShopUnpublishInput {
    /// One of your shops.
    pub(crate) id: ID,
}

/// A shop to be closed.
#[derive(InputObject)]
pub struct ShopCloseInput {
    /// One of your shops.
    pub(crate) id: ID,
}

/// A product to be recommended.
#[derive(InputObject)]
pub struct RecommendationAddInput {
    /// One of your shops.
    shop_id: ID,
    /// A published product that may be recommended.
    product_id: ID,
    /// Why you recommend it; 2000 characters at most.
    note: Option<String>,
    /// How much of your commission goes to the buyer: 0 to 10000 basis points.
    #[graphql(default)]
    discount_share: i32,
    /// Its place in the shop, from 1; those at that place and after it move down. At the end when left out.
    position: Option<i32>,
}

impl RecommendationAddInput {
    pub(crate) fn parse(&self) -> Result<NewRecommendation, Trouble> {
        Ok(NewRecommendation {
            shop: parse_id(&self.shop_id)?,
            product: parse_id(&self.product_id)?,
            note: at_opt("note", self.note.as_deref())?,
            share: at("discountShare", BasisPoints::new(self.discount_share))?,
            place: self.position,
        })
    }
}

/// What is to change about a recommendation. What is left out stays.
#[derive(InputObject)]
pub struct RecommendationUpdateInput {
    /// A recommendation in one of your shops.
    id: ID,
    /// Why you recommend it, 2000 characters at most; `null` takes it away.
    note: MaybeUndefined<String>,
    /// How much of your commission goes to the buyer: 0 to 10000 basis points.
    discount_share: Option<i32>,
}

impl RecommendationUpdateInput {
    pub(crate) fn parse(&self) -> Result<RecommendationChange, Trouble> {
        let share = self.discount_share.map(BasisPoints::new).transpose();
        Ok(RecommendationChange {
            recommendation: parse_id(&self.id)?,
            note: at_change("note", &self.note)?,
            share: at("discountShare", share)?,
        })
    }
}

/// Recommendations in a new order.
#[derive(InputObject)]
pub struct RecommendationsReorderInput {
    /// One of your shops.
    shop_id: ID,
    /// Recommendations in it, each once, in their new order: all of them, or some. Those named take, among themselves, the
    /// places they had; the others stay where they are.
    recommendation_ids: Vec<ID>,
}

impl RecommendationsReorderInput {
    pub(crate) fn parse(&self) -> Result<(ShopId, Vec<RecommendationId>), Trouble> {
        let order: Result<_, _> = self.recommendation_ids.iter().map(parse_id).collect();
        Ok((parse_id(&self.shop_id)?, order?))
    }
}

/// A recommendation to be taken out of its shop.
#[derive(InputObject)]
pub struct RecommendationRemoveInput {
    /// A recommendation in one of your shops.
    pub(crate) id: ID,
}
