//! Shops and what they recommend.

use crate::Time;
use crate::id::{AccountId, ShopId};
use crate::kinds::kinds;
use crate::row::plain_row;
use crate::text::{About, Handle, Name, WebUrl};
use sea_orm::entity::prelude::*;

pub mod curator;
pub mod invitation;
pub mod recommendation;
pub mod shop_text;

kinds! {
    /// Whether a shop can be seen.
    ShopState {
        /// Only by its owner.
        Draft = "draft",
        /// By anyone.
        Published = "published",
        /// By nobody, for good; the handle stays taken.
        Closed = "closed",
    }
}

/// A shopholder's curated page.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shop")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShopId,
    /// Its address; unique for ever.
    pub handle: Handle,
    /// The shopholder.
    pub owner_id: AccountId,
    /// What it is called.
    pub name: Name,
    /// What it is about.
    pub about: Option<About>,
    /// Where its picture is.
    pub picture_url: Option<WebUrl>,
    /// Whether it can be seen.
    pub state: ShopState,
    /// Since when.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it was last published.
    pub published_at: Option<Time>,
}

plain_row!();
