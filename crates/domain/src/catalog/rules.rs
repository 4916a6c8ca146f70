//! Pure decisions about what can be sold.

use vitrine_model::catalog::{StockPolicy, brand, product, terms, variant};
use vitrine_model::money::BasisPoints;

/// Whether a shop may recommend the product, and a sale of it be credited.
pub fn is_promotable(product: &product::Model) -> bool {
    product.published && product.promotable
}

/// The commission rate of a product: its own, or else its brand's.
pub fn commission(product: &product::Model, terms: &terms::Model) -> BasisPoints {
    product.commission_bp.unwrap_or(terms.commission_bp)
}

/// The VAT rate of a variant at home: its own, or else its brand's.
pub fn vat_rate(variant: &variant::Model, brand: &brand::Model) -> BasisPoints {
    variant.vat_bp.unwrap_or(brand.default_vat_bp)
}

/// How many pieces can still be bought; `None` when there is no limit. An inactive variant has none.
pub fn pieces_left(variant: &variant::Model) -> Option<i64> {
    if !variant.active {
        return Some(0);
    }
    let limited = variant.tracked && variant.policy == StockPolicy::Deny;
    limited.then(|| (variant.on_hand - variant.reserved).max(0))
}
