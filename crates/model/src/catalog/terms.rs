//! The history of brands' terms.

use crate::Time;
use crate::id::{BrandId, TermsId};
use crate::money::BasisPoints;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// What a brand offers from an instant on, until a later row takes over. Rows are never changed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "terms")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TermsId,
    /// Whose terms.
    pub brand_id: BrandId,
    /// Commission of the price without VAT.
    pub commission_bp: BasisPoints,
    /// The platform's part of the commission; set by the operator.
    pub platform_fee_bp: BasisPoints,
    /// The platform's fee on sales nobody is credited for, of the price without VAT.
    pub organic_fee_bp: BasisPoints,
    /// How many days a click may be credited.
    pub attribution_days: i32,
    /// Days after delivery until the brand's money is released.
    pub brand_window_days: i32,
    /// Days after delivery until the shopholder's and the platform's money is released.
    pub shop_window_days: i32,
    /// Days after shipment at which delivery is assumed when unknown.
    pub unknown_delivery_days: i32,
    /// Whether a shopholder may buy through her own shop with credit and discount.
    pub member_price: bool,
    /// From when.
    pub effective_from: Time,
    /// When it was decided.
    pub created_at: Time,
}

plain_row!();
