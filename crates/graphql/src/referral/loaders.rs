//! What nested fields need of links, by the batch.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use vitrine_domain::referral::{self, LinkCounts};
use vitrine_model::id::LinkId;
use vitrine_model::referral::link;

use crate::loaders::{LoadError, Loaders, keyed, loader};

loader!(LinkId => link::Model, referral::links_by_id);

/// Key: what came of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CountsOf(pub(crate) LinkId);

impl Loader<CountsOf> for Loaders {
    type Value = LinkCounts;
    type Error = LoadError;

    async fn load(&self, keys: &[CountsOf]) -> Result<HashMap<CountsOf, LinkCounts>, LoadError> {
        let ids: Vec<LinkId> = keys.iter().map(|key| key.0).collect();
        let counts = referral::link_counts(self.cx.db(), &ids).await;
        keyed(counts, |(link, counts)| (CountsOf(link), counts))
    }
}
