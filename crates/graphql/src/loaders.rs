//! Batching: what nested fields need of other rows is asked for once per level, not once per row.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context as Resolving, Result as Resolved};
use vitrine_domain::context::Context;
use vitrine_domain::identity;
use vitrine_domain::list::{CountOf, PageOf, Row};
use vitrine_domain::page::Slice;
use vitrine_model::id::{AccountId, BrandId};
use vitrine_model::identity::{Role, account};

use crate::batches::{Batches, NoDelay};
use crate::error::fault;
use crate::request::RequestContext;

/// Loads rows by id for one request.
pub struct Loaders {
    pub(crate) cx: Context,
}

impl Loaders {
    /// The loaders of one request, whose batches are run by `batches`.
    pub(crate) fn of_request(cx: Context, batches: Batches) -> DataLoader<Self> {
        DataLoader::new(Self { cx }, batches, NoDelay)
    }
}

/// Why a batch failed. Cloned to every field that waited for it.
pub(crate) type LoadError = Arc<anyhow::Error>;

/// Loads one value by its key, together with all others asked for at the same level of the query. `None` when there is
/// none.
///
/// # Errors
/// `INTERNAL` when the batch failed.
pub(crate) async fn load<K>(ctx: &Resolving<'_>, key: K) -> Resolved<Option<<Loaders as Loader<K>>::Value>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Loaders: Loader<K, Error = LoadError>,
{
    let loaded = ctx.loaders().load_one(key).await;
    loaded.map_err(|error| fault(ctx, &anyhow::anyhow!("{error:#}")))
}

/// The same for many values at once. Keys without a value are missing from the answer.
///
/// # Errors
/// `INTERNAL` when the batch failed.
pub(crate) async fn load_many<K>(
    ctx: &Resolving<'_>,
    keys: impl IntoIterator<Item = K>,
) -> Resolved<HashMap<K, <Loaders as Loader<K>>::Value>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Loaders: Loader<K, Error = LoadError>,
{
    let loaded = ctx.loaders().load_many(keys).await;
    loaded.map_err(|error| fault(ctx, &anyhow::anyhow!("{error:#}")))
}

/// Rows by key, or what keeps a batch from being loaded.
pub(crate) fn by_key<K: std::hash::Hash + Eq, V, E: Into<anyhow::Error>>(
    rows: Result<Vec<V>, E>,
    key: impl Fn(&V) -> K,
) -> Result<HashMap<K, V>, LoadError> {
    let rows = rows.map_err(|error| Arc::new(error.into()))?;
    Ok(rows.into_iter().map(|row| (key(&row), row)).collect())
}

/// Key: what an account may do at a brand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RoleAt(pub(crate) BrandId, pub(crate) AccountId);

impl Loader<RoleAt> for Loaders {
    type Value = Role;
    type Error = LoadError;

    async fn load(&self, keys: &[RoleAt]) -> Result<HashMap<RoleAt, Role>, LoadError> {
        let (brands, accounts): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.0, key.1)).unzip();
        let rows = identity::roles_at(self.cx.db(), &brands, &accounts)
            .await
            .map_err(|error| Arc::new(error.into()))?;
        let roles = rows.into_iter();
        Ok(roles
            .map(|row| (RoleAt(row.brand_id, row.account_id), row.role))
            .collect())
    }
}

impl<M: Row> Loader<PageOf<M>> for Loaders {
    type Value = Slice<M>;
    type Error = LoadError;

    async fn load(&self, pages: &[PageOf<M>]) -> Result<HashMap<PageOf<M>, Slice<M>>, LoadError> {
        let read = PageOf::read(self.cx.db(), pages).await;
        read.map_err(|error| Arc::new(error.into()))
    }
}

impl Loader<CountOf> for Loaders {
    type Value = i64;
    type Error = LoadError;

    async fn load(&self, lists: &[CountOf]) -> Result<HashMap<CountOf, i64>, LoadError> {
        let counted = CountOf::read(self.cx.db(), lists).await;
        counted.map_err(|error| Arc::new(error.into()))
    }
}

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
