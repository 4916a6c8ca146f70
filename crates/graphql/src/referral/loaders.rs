//! What nested fields need of links, by the batch.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use vitrine_domain::referral::{self, LinkCounts};
use vitrine_model::id::LinkId;
use vitrine_model::referral::link;

use crate::loaders::{LoadError, Loaders, by_key};

/// Key: what came of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountsOf(pub(crate) LinkId);

impl Loader<LinkId> for Loaders {
    type Value = link::Model;
    type Error = LoadError;

    async fn load(&self, ids: &[LinkId]) -> Result<HashMap<LinkId, link::Model>, LoadError> {
        by_key(referral::links_by_id(self.cx.db(), ids).await, |row| row.id)
    }
}

impl Loader<CountsOf> for Loaders {
    type Value = LinkCounts;
    type Error = LoadError;

    async fn load(&self, keys: &[CountsOf]) -> Result<HashMap<CountsOf, LinkCounts>, LoadError> {
        let ids: Vec<LinkId> = keys.iter().map(|key| key.0).collect();
        let counts = referral::link_counts(self.cx.db(), &ids).await;
        let counts = counts.map_err(|error| Arc::new(error.into()))?;
        Ok(counts
            .into_iter()
            .map(|(id, counts)| (CountsOf(id), counts))
            .collect())
    }
}
