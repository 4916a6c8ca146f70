//! Sold units: the rows that keep each part of a price and what remains of it.

use crate::Time;
use crate::catalog::FeeBearer;
use crate::checkout::VatSeller;
use crate::id::{
    BrandId, DisputeId, FulfillmentId, OrderId, OrderLineId, RefundId, ReturnId, ShopId, UnitId, VariantId,
};
use crate::ledger::{Party, UnitKind};
use crate::money::{BasisPoints, Currency};
use crate::row::plain_row;
use crate::text::Country;
use sea_orm::entity::prelude::*;

/// One sold piece, or one brand's shipping of one order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unit")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UnitId,
    /// The order.
    pub order_id: OrderId,
    /// The line; none for shipping.
    pub line_id: Option<OrderLineId>,
    /// Who sells and ships it.
    pub brand_id: BrandId,
    /// What; none for shipping.
    pub variant_id: Option<VariantId>,
    /// The shop credited.
    pub shop_id: Option<ShopId>,
    /// The party credited.
    pub shopholder: Option<Party>,
    /// Goods or shipping.
    pub kind: UnitKind,
    /// Its place in the order, from 1.
    pub ordinal: i32,
    /// Of all its amounts.
    pub currency: Currency,
    /// P: what the buyer paid for it, minor units.
    pub paid: i64,
    /// B.
    pub brand_part: i64,
    /// H.
    pub shop_part: i64,
    /// F.
    pub platform_part: i64,
    /// d: what the shopholder gave to the buyer.
    pub discount: i64,
    /// Its share of Stripe's fees, for the payment and for disputes, charged on to the brand.
    pub recharged: i64,
    /// What of the brand's part is still held.
    pub brand_held: i64,
    /// What of the shopholder's part is still held.
    pub shop_held: i64,
    /// What of the platform's part is still deferred.
    pub platform_held: i64,
    /// What of the brand's part was taken from it for disputes lost.
    pub brand_lost: i64,
    /// What of the shopholder's part was taken from her for disputes lost.
    pub shop_lost: i64,
    /// What of the platform's part it gave up for disputes lost.
    pub platform_lost: i64,
    /// What of the brand's part the live refund gives back; with what is lost never more than the part.
    pub brand_refunded: i64,
    /// What of the shopholder's part the live refund gives back.
    pub shop_refunded: i64,
    /// What of the platform's part the live refund gives back.
    pub platform_refunded: i64,
    /// Price without VAT.
    pub taxable: i64,
    /// VAT within the price.
    pub vat: i64,
    /// At which rate.
    pub vat_bp: BasisPoints,
    /// Of which country.
    pub vat_country: Country,
    /// Who is the seller for VAT.
    pub vat_seller: VatSeller,
    /// Who bears Stripe's fee on it.
    pub fee_bearer: FeeBearer,
    /// Days after delivery until the brand's part is released.
    pub brand_window_days: i32,
    /// Days after delivery until the other parts are released.
    pub shop_window_days: i32,
    /// Days after shipment at which delivery is assumed.
    pub unknown_delivery_days: i32,
    /// The parcel it went in.
    pub fulfillment_id: Option<FulfillmentId>,
    /// When it was shipped.
    pub shipped_at: Option<Time>,
    /// When it arrived, once known.
    pub delivered_at: Option<Time>,
    /// When the brand's part may be released; none before shipment.
    pub brand_due_at: Option<Time>,
    /// When the other parts may be released.
    pub shop_due_at: Option<Time>,
    /// When the brand's part was.
    pub brand_released_at: Option<Time>,
    /// When the other parts were.
    pub shop_released_at: Option<Time>,
    /// The return that asks for it, while open: nothing releases.
    pub return_id: Option<ReturnId>,
    /// A dispute of its payment, or an inquiry, while one is open: nothing releases.
    pub dispute_id: Option<DisputeId>,
    /// The live refund that gives it back.
    pub refund_id: Option<RefundId>,
    /// When it was paid.
    pub created_at: Time,
}

plain_row!();
