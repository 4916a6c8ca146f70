//! What nested fields need of shops, by the batch.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use vitrine_domain::shop::{self, Fate};
use vitrine_model::id::{OrderLineId, RecommendationId, ShopId};
use vitrine_model::shop::{Model as ShopRow, recommendation};

use crate::loaders::{LoadError, Loaders, keyed, loader};

loader!(ShopId => ShopRow, shop::shops_by_id);
loader!(RecommendationId => recommendation::Model, shop::recommendations_by_id);

/// Key: what became of the units of an order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FateOf(pub(crate) OrderLineId);

impl Loader<FateOf> for Loaders {
    type Value = Fate;
    type Error = LoadError;

    async fn load(&self, keys: &[FateOf]) -> Result<HashMap<FateOf, Fate>, LoadError> {
        let ids: Vec<OrderLineId> = keys.iter().map(|key| key.0).collect();
        let found = shop::fates_of(self.cx.db(), &ids).await;
        keyed(found, |(line, fate)| (FateOf(line), fate))
    }
}
