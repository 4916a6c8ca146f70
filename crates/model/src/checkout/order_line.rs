//! Lines of orders, each with the snapshot it was sold under.

use crate::catalog::FeeBearer;
use crate::checkout::{CreditReason, VatSeller};
use crate::id::{
    BrandId, ClickId, OrderId, OrderLineId, ProductId, RecommendationId, ShopId, TermsId, VariantId,
};
use crate::ledger::Party;
use crate::money::BasisPoints;
use crate::row::plain_row;
use crate::text::{Code, Country, Title};
use sea_orm::entity::prelude::*;

/// So many pieces of one variant, with all terms of the sale frozen.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_line")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderLineId,
    /// The order.
    pub order_id: OrderId,
    /// Its place, from 1.
    pub position: i32,
    /// Who sells and ships it.
    pub brand_id: BrandId,
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: VariantId,
    /// The product's title then.
    pub title: Title,
    /// The variant's title then.
    pub variant_title: Title,
    /// The variant's SKU then.
    pub sku: Option<Code>,
    /// How many.
    pub quantity: i32,
    /// The shop credited.
    pub shop_id: Option<ShopId>,
    /// The party credited: the shop's owner then.
    pub shopholder: Option<Party>,
    /// The recommendation it came from.
    pub recommendation_id: Option<RecommendationId>,
    /// The click credited.
    pub click_id: Option<ClickId>,
    /// Why that shop, or why none.
    pub credit: CreditReason,
    /// The brand's terms in force.
    pub terms_id: TermsId,
    /// L, per unit, minor units.
    pub list_price: i64,
    /// v: the variant's home rate.
    pub vat_bp: BasisPoints,
    /// The brand's country.
    pub vat_country: Country,
    /// Who is the seller for VAT.
    pub vat_seller: VatSeller,
    /// Who bears Stripe's fee on it.
    pub fee_bearer: FeeBearer,
    /// r.
    pub commission_bp: BasisPoints,
    /// f.
    pub platform_fee_bp: BasisPoints,
    /// s.
    pub share_bp: BasisPoints,
    /// The lowest buyer's price, minor units.
    pub floor: Option<i64>,
    /// C per unit, minor units.
    pub commission: i64,
    /// F per unit.
    pub platform_part: i64,
    /// d per unit.
    pub discount: i64,
    /// H per unit.
    pub shop_part: i64,
    /// P per unit: what the buyer pays.
    pub price: i64,
    /// B per unit.
    pub brand_part: i64,
    /// Days after delivery until the brand's part is released.
    pub brand_window_days: i32,
    /// Days after delivery until the other parts are released.
    pub shop_window_days: i32,
    /// Days after shipment at which delivery is assumed.
    pub unknown_delivery_days: i32,
}

plain_row!();
