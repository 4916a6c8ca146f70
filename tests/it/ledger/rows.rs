//! The rows that a world begins with.

use vitrine_domain::context::Context;
use vitrine_model::catalog::{FeeBearer, StockPolicy, brand, product, terms, variant};
use vitrine_model::id::{AccountId, BrandId};
use vitrine_model::money::{BasisPoints, Currency};
use vitrine_model::shop::{self, ShopState};

pub(super) fn bp(points: i32) -> BasisPoints {
    BasisPoints::new(points).unwrap()
}

pub(super) fn brand_row(cx: &Context, currency: Currency, bearer: FeeBearer) -> brand::Model {
    let now = cx.now();
    brand::Model {
        id: cx.new_id(),
        handle: "ocean".parse().unwrap(),
        name: "Ocean".parse().unwrap(),
        picture_url: None,
        country: "NL".parse().unwrap(),
        currency,
        default_vat_bp: bp(2100),
        prices_include_tax: true,
        fee_bearer: bearer,
        created_at: now,
        updated_at: now,
    }
}

pub(super) fn shop_row(cx: &Context, owner: AccountId) -> shop::Model {
    let now = cx.now();
    shop::Model {
        id: cx.new_id(),
        handle: "anna".parse().unwrap(),
        owner_id: owner,
        name: "Anna".parse().unwrap(),
        about: None,
        picture_url: None,
        state: ShopState::Published,
        created_at: now,
        updated_at: now,
        published_at: Some(now),
    }
}

pub(super) fn variant_row(cx: &Context, product: &product::Model) -> variant::Model {
    variant::Model {
        id: cx.new_id(),
        product_id: product.id,
        brand_id: product.brand_id,
        position: 1,
        title: "M".parse().unwrap(),
        option1: None,
        option2: None,
        option3: None,
        price: 10_000,
        compare_at: None,
        vat_bp: None,
        floor: None,
        sku: None,
        barcode: None,
        grams: 200,
        tracked: true,
        policy: StockPolicy::Deny,
        on_hand: 10,
        reserved: 0,
        imported_on_hand: None,
        image_id: None,
        active: true,
        created_at: cx.now(),
        updated_at: cx.now(),
    }
}

pub(super) fn terms_row(cx: &Context, brand: BrandId) -> terms::Model {
    let now = cx.now();
    terms::Model {
        id: cx.new_id(),
        brand_id: brand,
        commission_bp: bp(1500),
        platform_fee_bp: bp(1000),
        organic_fee_bp: bp(0),
        attribution_days: 30,
        brand_window_days: 7,
        shop_window_days: 30,
        unknown_delivery_days: 7,
        member_price: false,
        effective_from: now,
        created_at: now,
    }
}

pub(super) fn product_row(cx: &Context, brand: BrandId, currency: Currency) -> product::Model {
    let now = cx.now();
    product::Model {
        id: cx.new_id(),
        brand_id: brand,
        handle: "ocean-blue-shirt".parse().unwrap(),
        title: "Ocean Blue Shirt".parse().unwrap(),
        vendor: None,
        product_type: None,
        option1_name: None,
        option2_name: None,
        option3_name: None,
        commission_bp: None,
        next_commission_bp: None,
        next_commission_from: None,
        promotable: true,
        published: true,
        currency,
        min_price: 10_000,
        max_price: 10_000,
        created_at: now,
        updated_at: now,
    }
}
