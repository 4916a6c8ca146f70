//! What nested fields of the catalogue need, by the batch.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use vitrine_domain::catalog;
use vitrine_model::catalog::{
    brand, import, product, product_image, product_tag, product_text, shipping_rate, terms, variant,
};
use vitrine_model::id::{BrandId, ImageId, ImportId, ProductId, VariantId};

use crate::loaders::{LoadError, Loaders, keyed, loader};

loader!(BrandId => brand::Model, catalog::brands_by_id);
loader!(ProductId => product::Model, catalog::products_by_id);
loader!(VariantId => variant::Model, catalog::variants_by_id);
loader!(ImageId => product_image::Model, catalog::images_by_id);
loader!(ImportId => import::Model, catalog::imports_by_id);
loader! {
    /// Key: a brand's shipping rates.
    RatesOf(BrandId) => Vec<shipping_rate::Model>, catalog::shipping_rates_of, brand_id
}
loader! {
    /// Key: a product's active variants.
    VariantsOf(ProductId) => Vec<variant::Model>, catalog::variants_of, product_id
}
loader! {
    /// Key: a product's images.
    ImagesOf(ProductId) => Vec<product_image::Model>, catalog::images_of, product_id
}
loader! {
    /// Key: a product's tags.
    TagsOf(ProductId) => Vec<product_tag::Model>, catalog::tags_of, product_id
}
loader! {
    /// Key: a product's long texts.
    TextOf(ProductId) => product_text::Model, catalog::texts_of, product_id
}

/// Key: the terms of a brand in force now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TermsNow(pub(crate) BrandId);

impl Loader<TermsNow> for Loaders {
    type Value = terms::Model;
    type Error = LoadError;

    async fn load(&self, keys: &[TermsNow]) -> Result<HashMap<TermsNow, terms::Model>, LoadError> {
        let ids: Vec<BrandId> = keys.iter().map(|key| key.0).collect();
        let terms = catalog::terms_at(self.cx.db(), &ids, self.cx.now()).await;
        keyed(terms, |(brand, terms)| (TermsNow(brand), terms))
    }
}

/// Key: the terms of a brand announced for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TermsAnnounced(pub(crate) BrandId);

impl Loader<TermsAnnounced> for Loaders {
    type Value = terms::Model;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[TermsAnnounced],
    ) -> Result<HashMap<TermsAnnounced, terms::Model>, LoadError> {
        let ids: Vec<BrandId> = keys.iter().map(|key| key.0).collect();
        let terms = catalog::announced_terms(self.cx.db(), &ids, self.cx.now()).await;
        keyed(terms, |(brand, terms)| (TermsAnnounced(brand), terms))
    }
}

/// Key: the lowest price of a variant in the thirty days before its present one, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LowestOf(pub(crate) VariantId);

impl Loader<LowestOf> for Loaders {
    type Value = i64;
    type Error = LoadError;

    async fn load(&self, keys: &[LowestOf]) -> Result<HashMap<LowestOf, i64>, LoadError> {
        let ids: Vec<VariantId> = keys.iter().map(|key| key.0).collect();
        let lowest = catalog::lowest_prices(self.cx.db(), &ids, self.cx.now()).await;
        keyed(lowest, |lowest| (LowestOf(lowest.variant), lowest.price))
    }
}
