//! What nested fields of the catalogue need, by the batch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use vitrine_domain::catalog;
use vitrine_model::catalog::{
    brand, import, product, product_image, product_tag, product_text, shipping_rate, terms, variant,
};
use vitrine_model::id::{BrandId, ImageId, ImportId, ProductId, VariantId};

use crate::loaders::{LoadError, Loaders};

/// Key: the terms of a brand in force now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TermsNow(pub(crate) BrandId);

/// Key: the terms of a brand announced for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TermsAnnounced(pub(crate) BrandId);

/// Key: a brand's shipping rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RatesOf(pub(crate) BrandId);

/// Key: a product's active variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VariantsOf(pub(crate) ProductId);

/// Key: a product's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ImagesOf(pub(crate) ProductId);

/// Key: a product's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TagsOf(pub(crate) ProductId);

/// Key: a product's long texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TextOf(pub(crate) ProductId);

/// Key: the lowest price of a variant in the thirty days before its present one, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LowestOf(pub(crate) VariantId);

/// Declares a loader over one of the domain's batched queries: how keys become ids, and rows keys.
macro_rules! loader {
    ($key:ty => $value:ty, |$loaders:ident, $keys:ident| $query:expr, $collect:expr) => {
        impl Loader<$key> for Loaders {
            type Value = $value;
            type Error = LoadError;

            async fn load(&self, $keys: &[$key]) -> Result<HashMap<$key, $value>, LoadError> {
                let $loaders = self;
                let rows = $query.await.map_err(|error| Arc::new(error.into()))?;
                Ok($collect(rows))
            }
        }
    };
}

fn one<K: Hash + Eq, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

fn many<K: Hash + Eq, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut grouped: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        grouped.entry(key(&row)).or_default().push(row);
    }
    grouped
}

fn ids<K, I>(keys: &[K], id: impl Fn(&K) -> I) -> Vec<I> {
    keys.iter().map(id).collect()
}

loader!(BrandId => brand::Model, |to, keys| catalog::brands_by_id(to.cx.db(), keys), |rows| one(rows, |row: &brand::Model| row.id));
loader!(ProductId => product::Model, |to, keys| catalog::products_by_id(to.cx.db(), keys), |rows| one(rows, |row: &product::Model| row.id));
loader!(VariantId => variant::Model, |to, keys| catalog::variants_by_id(to.cx.db(), keys), |rows| one(rows, |row: &variant::Model| row.id));
loader!(ImageId => product_image::Model, |to, keys| catalog::images_by_id(to.cx.db(), keys), |rows| one(rows, |row: &product_image::Model| row.id));
loader!(VariantsOf => Vec<variant::Model>, |to, keys| catalog::variants_of(to.cx.db(), &ids(keys, |key| key.0)), |rows| many(rows, |row: &variant::Model| VariantsOf(row.product_id)));
loader!(ImagesOf => Vec<product_image::Model>, |to, keys| catalog::images_of(to.cx.db(), &ids(keys, |key| key.0)), |rows| many(rows, |row: &product_image::Model| ImagesOf(row.product_id)));
loader!(TagsOf => Vec<product_tag::Model>, |to, keys| catalog::tags_of(to.cx.db(), &ids(keys, |key| key.0)), |rows| many(rows, |row: &product_tag::Model| TagsOf(row.product_id)));
loader!(TextOf => product_text::Model, |to, keys| catalog::texts_of(to.cx.db(), &ids(keys, |key| key.0)), |rows| one(rows, |row: &product_text::Model| TextOf(row.product_id)));
loader!(RatesOf => Vec<shipping_rate::Model>, |to, keys| catalog::shipping_rates_of(to.cx.db(), &ids(keys, |key| key.0)), |rows| many(rows, |row: &shipping_rate::Model| RatesOf(row.brand_id)));
loader!(TermsNow => terms::Model, |to, keys| catalog::terms_at(to.cx.db(), &ids(keys, |key| key.0), to.cx.now()), |rows: HashMap<BrandId, terms::Model>| rows.into_iter().map(|(id, row)| (TermsNow(id), row)).collect());
loader!(TermsAnnounced => terms::Model, |to, keys| catalog::announced_terms(to.cx.db(), &ids(keys, |key| key.0), to.cx.now()), |rows: HashMap<BrandId, terms::Model>| rows.into_iter().map(|(id, row)| (TermsAnnounced(id), row)).collect());
loader!(LowestOf => i64, |to, keys| catalog::lowest_prices(to.cx.db(), &ids(keys, |key| key.0), to.cx.now()), |rows: Vec<catalog::LowestPrice>| rows.into_iter().map(|row| (LowestOf(row.variant), row.price)).collect());

loader!(ImportId => import::Model, |to, keys| catalog::imports_by_id(to.cx.db(), keys), |rows| one(rows, |row: &import::Model| row.id));
