//! What nested fields need of shops, by the batch.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use vitrine_domain::shop::{self, Offering};
use vitrine_model::id::{OrderLineId, ProductId, RecommendationId, ShopId};
use vitrine_model::shop::{Model as ShopRow, recommendation};

use crate::loaders::{LoadError, Loaders, by_key};

/// Key: a product with what its splits are computed from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OfferingOf(pub(crate) ProductId);

impl Loader<ShopId> for Loaders {
    type Value = ShopRow;
    type Error = LoadError;

    async fn load(&self, ids: &[ShopId]) -> Result<HashMap<ShopId, ShopRow>, LoadError> {
        by_key(shop::shops_by_id(self.cx.db(), ids).await, |row| row.id)
    }
}

impl Loader<RecommendationId> for Loaders {
    type Value = recommendation::Model;
    type Error = LoadError;

    async fn load(
        &self,
        ids: &[RecommendationId],
    ) -> Result<HashMap<RecommendationId, recommendation::Model>, LoadError> {
        by_key(shop::recommendations_by_id(self.cx.db(), ids).await, |row| row.id)
    }
}

impl Loader<OfferingOf> for Loaders {
    type Value = Arc<Offering>;
    type Error = LoadError;

    async fn load(&self, keys: &[OfferingOf]) -> Result<HashMap<OfferingOf, Arc<Offering>>, LoadError> {
        let products: Vec<ProductId> = keys.iter().map(|key| key.0).collect();
        let rows = shop::offerings(self.cx.db(), &products, self.cx.now()).await;
        let rows = rows.map(|rows| rows.into_iter().map(Arc::new).collect());
        by_key(rows, |row| OfferingOf(row.product.id))
    }
}

/// Key: what became of the units of an order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FateOf(pub(crate) OrderLineId);

impl Loader<FateOf> for Loaders {
    type Value = shop::Fate;
    type Error = LoadError;

    async fn load(&self, keys: &[FateOf]) -> Result<HashMap<FateOf, shop::Fate>, LoadError> {
        let lines: Vec<_> = keys.iter().map(|key| key.0).collect();
        let found = shop::fates_of(self.cx.db(), &lines).await;
        let found = found.map_err(|error| Arc::new(error.into()))?;
        Ok(found
            .into_iter()
            .map(|(line, fate)| (FateOf(line), fate))
            .collect())
    }
}
