//! Batching: what nested fields need of other rows is asked for once per level, not once per row.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::{TokioSpawner, TokioTimer};
use vitrine_domain::context::Context;
use vitrine_domain::identity;
use vitrine_model::id::AccountId;
use vitrine_model::identity::account;

/// Loads rows by id for one request.
pub struct Loaders {
    cx: Context,
}

impl Loaders {
    /// The loaders of one request.
    pub fn of_request(cx: Context) -> DataLoader<Self> {
        DataLoader::new(Self { cx }, TokioSpawner::current(), TokioTimer::default())
    }
}

/// Why a batch failed. Cloned to every field that waited for it.
pub(crate) type LoadError = Arc<anyhow::Error>;

impl Loader<AccountId> for Loaders {
    type Value = account::Model;
    type Error = LoadError;

    async fn load(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, account::Model>, LoadError> {
        let rows = identity::accounts_by_id(self.cx.db(), ids)
            .await
            .map_err(|error| Arc::new(error.into()))?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}
