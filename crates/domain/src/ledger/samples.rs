//! Rows for the tests of pure rules.

use uuid::Uuid;
use vitrine_model::Time;
use vitrine_model::catalog::FeeBearer;
use vitrine_model::checkout::VatSeller;
use vitrine_model::id::{BrandId, OrderId, UnitId};
use vitrine_model::ledger::{UnitKind, unit};
use vitrine_model::money::{BasisPoints, Currency};

/// A piece for 100 cents, all of it the brand's, that was just paid.
pub(crate) fn unit(ordinal: i32) -> unit::Model {
    unit::Model {
        id: UnitId::from(Uuid::from_u128(u128::from(ordinal.unsigned_abs()))),
        order_id: OrderId::from(Uuid::nil()),
        line_id: None,
        brand_id: BrandId::from(Uuid::nil()),
        variant_id: None,
        shop_id: None,
        shopholder: None,
        kind: UnitKind::Goods,
        ordinal,
        currency: Currency::Eur,
        paid: 100,
        brand_part: 100,
        shop_part: 0,
        platform_part: 0,
        discount: 0,
        recharged: 0,
        brand_held: 100,
        shop_held: 0,
        platform_held: 0,
        brand_lost: 0,
        shop_lost: 0,
        platform_lost: 0,
        brand_refunded: 0,
        shop_refunded: 0,
        platform_refunded: 0,
        taxable: 100,
        vat: 0,
        vat_bp: BasisPoints::ZERO,
        vat_country: "DE".parse().unwrap(),
        vat_seller: VatSeller::Brand,
        fee_bearer: FeeBearer::Brand,
        brand_window_days: 7,
        shop_window_days: 30,
        unknown_delivery_days: 7,
        fulfillment_id: None,
        shipped_at: None,
        delivered_at: None,
        brand_due_at: None,
        shop_due_at: None,
        brand_released_at: None,
        shop_released_at: None,
        return_id: None,
        dispute_id: None,
        refund_id: None,
        created_at: Time::UNIX_EPOCH,
    }
}
