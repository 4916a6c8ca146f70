//! Shops and what they recommend.
//!
//! Invariants: a handle is taken once and for ever; a product stands once in a shop; only the shop's owner changes it, and
//! those who curate it with her what it recommends; all their shares together are the whole at most; a closed shop is seen by nobody and never opens again; the price shown for a recommendation is the price charged.
//!
//! ```text
//! shop:            draft ◀──▶ published        either ──▶ closed
//! recommendation:  live ──▶ removed            it stands while live in a published shop
//! ```

mod activity;
mod commands;
mod curating;
mod erase;
mod listing;
mod offering;
mod queries;
mod recommending;
mod refusal;
mod rules;
mod sales;

pub use activity::{Activity, ActivityKind, activity};
pub use commands::{NewShop, ShopChange, close, open, publish, unpublish, update};
pub use curating::{
    InvitedCurator, MAX_CURATORS, accept_curator_invitation, curated_by, curating_offered_by,
    curator_invitations_of, curators_at, curators_of, invite_curator, remove_curator,
    revoke_curator_invitation, update_curator,
};
pub(crate) use curating::{curated, shares_of, sweep};
pub(crate) use erase::erase_of;
pub use listing::{ShopFilter, ShopOrder, ShopPlace, published_shops};
pub use offering::{MAX_PREVIEW_PRODUCTS, MAX_PREVIEW_SHARES, Offering, previews, split_of};
pub use queries::{
    ByPosition, owned_shops, recommendations_by_id, recommendations_of, shop_by_handle, shops_by_id,
    standing_recommendations,
};
pub use recommending::{
    NewRecommendation, RecommendationChange, add_recommendation, remove_recommendation, reorder,
    update_recommendation,
};
pub use refusal::{CuratingRefusal, Refusal};
pub use rules::{MAX_SHOPS, disclosure, sale_disclosure};
pub use sales::{Fate, Sale, SalePlace, SaleState, fates_of, sales_of};
