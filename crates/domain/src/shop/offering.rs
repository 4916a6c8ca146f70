//! What a recommendation offers: the split of every variant's price under a discount share, from the terms in force.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr};
use vitrine_model::Time;
use vitrine_model::catalog::{brand, product, terms, variant};
use vitrine_model::id::{BrandId, ProductId};
use vitrine_model::money::BasisPoints;

use crate::catalog;
use crate::context::Context;
use crate::ledger::split::{Listing, Split, organic, split};

/// Most products of one preview.
pub const MAX_PREVIEW_PRODUCTS: usize = 100;
/// Most discount shares of one preview: every five percent, both ends included.
pub const MAX_PREVIEW_SHARES: usize = 21;

/// A product with all that its splits are computed from.
#[derive(Debug, Clone)]
pub struct Offering {
    /// The product.
    pub product: product::Model,
    /// Who sells it.
    pub brand: brand::Model,
    /// The brand's terms in force.
    pub terms: terms::Model,
    /// The variants that can be bought, in their order.
    pub variants: Vec<variant::Model>,
    /// The instant of all this.
    pub at: Time,
}

impl Offering {
    /// What `product` offers, by those of these brands and terms that are its own; `None` where they are missing.
    /// `variants` are those that can be bought, in their order, and `terms` those in force at `at`.
    pub fn of(
        product: product::Model,
        brands: &HashMap<BrandId, brand::Model>,
        terms: &HashMap<BrandId, terms::Model>,
        variants: Vec<variant::Model>,
        at: Time,
    ) -> Option<Self> {
        Some(Self {
            brand: brands.get(&product.brand_id)?.clone(),
            terms: terms.get(&product.brand_id)?.clone(),
            product,
            variants,
            at,
        })
    }

    /// One unit of `variant`, sold from a recommendation with this discount share.
    pub fn split(&self, variant: &variant::Model, share: BasisPoints) -> Split {
        split_of(
            &self.product,
            &self.brand,
            &self.terms,
            variant,
            Some(share),
            self.at,
        )
    }

    /// The variant that costs the buyer least under `share`, the first of them; `None` when none can be bought.
    pub fn cheapest(&self, share: BasisPoints) -> Option<(&variant::Model, Split)> {
        let priced = self
            .variants
            .iter()
            .map(|variant| (variant, self.split(variant, share)));
        priced.min_by_key(|(_, split)| split.price)
    }

    /// The variant that costs the buyer most under `share`, the first of them; `None` when none can be bought.
    pub fn dearest(&self, share: BasisPoints) -> Option<(&variant::Model, Split)> {
        let priced = self
            .variants
            .iter()
            .map(|variant| (variant, self.split(variant, share)));
        priced.min_by_key(|(_, split)| std::cmp::Reverse(split.price))
    }
}

/// One unit's split, everywhere the same: as shown in a shop, in a cart and in an order. `share` is the discount share of
/// whom the sale is credited to at `at`; `None` when nobody is, nor ever for a product that may not be recommended.
pub fn split_of(
    product: &product::Model,
    brand: &brand::Model,
    terms: &terms::Model,
    variant: &variant::Model,
    share: Option<BasisPoints>,
    at: Time,
) -> Split {
    let vat = catalog::vat_rate(variant, brand);
    match share.filter(|_| catalog::is_promotable(product)) {
        None => organic(variant.price, vat, terms.organic_fee_bp),
        Some(share) => split(&Listing {
            list: variant.price,
            vat,
            commission: catalog::commission(product, terms, at),
            platform_fee: terms.platform_fee_bp,
            share,
            floor: variant.floor,
        }),
    }
}

/// What recommending each of these products would offer now, in their order; `None` for one that may not be
/// recommended. Nothing is written.
///
/// # Errors
/// When the database fails.
pub async fn previews(cx: &Context, products: &[ProductId]) -> Result<Vec<Option<Arc<Offering>>>, DbErr> {
    let found = offerings(cx.db(), products, cx.now()).await?;
    let promotable: HashMap<ProductId, Arc<Offering>> = found
        .into_iter()
        .filter(|offering| catalog::is_promotable(&offering.product))
        .map(|offering| (offering.product.id, Arc::new(offering)))
        .collect();
    let previews = products.iter().map(|product| promotable.get(product).cloned());
    Ok(previews.collect())
}

/// The offerings of these products at `at`, in no order; four statements, however many. Products unknown are missing.
///
/// # Errors
/// When the database fails.
async fn offerings(
    db: &impl ConnectionTrait,
    products: &[ProductId],
    at: Time,
) -> Result<Vec<Offering>, DbErr> {
    let products = catalog::products_by_id(db, products).await?;
    let brands: Vec<BrandId> = products.iter().map(|product| product.brand_id).collect();
    let terms = catalog::terms_at(db, &brands, at).await?;
    let brands = catalog::brands_by_id(db, &brands).await?;
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let mut variants: HashMap<ProductId, Vec<variant::Model>> = HashMap::new();
    for variant in catalog::variants_of(db, &ids).await? {
        variants.entry(variant.product_id).or_default().push(variant);
    }
    let brands = brands.into_iter().map(|brand| (brand.id, brand)).collect();
    let complete = products.into_iter().filter_map(|product| {
        let variants = variants.remove(&product.id).unwrap_or_default();
        Offering::of(product, &brands, &terms, variants, at)
    });
    Ok(complete.collect())
}
