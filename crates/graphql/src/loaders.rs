//! Batching: what nested fields need of other rows is asked for once per level, not once per row.

use std::collections::HashMap;
use std::hash::Hash;
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
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loaders: Loader<K, Error = LoadError>,
{
    let loaded = ctx.loaders().load_one(key).await;
    loaded.map_err(|error| fault(ctx, &anyhow::anyhow!("{error:#}")))
}

/// The rows under a key, each of which becomes part of the answer; none when there are none. However many there are, they
/// count towards how large an answer may be: what a list costs cannot be told before it is read.
///
/// # Errors
/// `INTERNAL` when the batch failed, `TOO_COMPLEX` when the answer becomes too large.
pub(crate) async fn rows<K, T>(ctx: &Resolving<'_>, key: K) -> Resolved<Vec<T>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loaders: Loader<K, Value = Vec<T>, Error = LoadError>,
{
    let rows = load(ctx, key).await?.unwrap_or_default();
    ctx.spend(rows.len())?;
    Ok(rows)
}

/// Loads many values at once. Keys without a value are missing from the answer.
///
/// # Errors
/// `INTERNAL` when the batch failed.
pub(crate) async fn load_many<K>(
    ctx: &Resolving<'_>,
    keys: impl IntoIterator<Item = K>,
) -> Resolved<HashMap<K, <Loaders as Loader<K>>::Value>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Loaders: Loader<K, Error = LoadError>,
{
    let loaded = ctx.loaders().load_many(keys).await;
    loaded.map_err(|error| fault(ctx, &anyhow::anyhow!("{error:#}")))
}

/// Values by their keys, or what keeps a batch from being loaded.
pub(crate) fn keyed<K: Hash + Eq, T, V, E: Into<anyhow::Error>>(
    found: Result<impl IntoIterator<Item = T>, E>,
    pair: impl Fn(T) -> (K, V),
) -> Result<HashMap<K, V>, LoadError> {
    let found = found.map_err(|error| Arc::new(error.into()))?;
    Ok(found.into_iter().map(pair).collect())
}

/// Rows grouped by their keys, each group in the order given, or what keeps a batch from being loaded.
pub(crate) fn grouped<K: Hash + Eq, V, E: Into<anyhow::Error>>(
    rows: Result<Vec<V>, E>,
    key: impl Fn(&V) -> K,
) -> Result<HashMap<K, Vec<V>>, LoadError> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows.map_err(|error| Arc::new(error.into()))? {
        groups.entry(key(&row)).or_default().push(row);
    }
    Ok(groups)
}

/// Declares what loads rows by one of the domain's queries: `Id => row, query` by their own ids; `Key(Id) => row, query,
/// column` the one row whose column has the id, and `=> Vec<row>` all those rows, under a key that is declared with it.
macro_rules! loader {
    ($(#[$doc:meta])* $key:ident($id:ty) => Vec<$row:ty>, $query:path, $column:ident) => {
        $crate::loaders::loader!(@impl $(#[$doc])* $key($id) => Vec<$row>, $query, |rows| {
            $crate::loaders::grouped(rows, |row: &$row| $key(row.$column))
        });
    };
    ($(#[$doc:meta])* $key:ident($id:ty) => $row:ty, $query:path, $column:ident) => {
        $crate::loaders::loader!(@impl $(#[$doc])* $key($id) => $row, $query, |rows| {
            $crate::loaders::keyed(rows, |row: $row| ($key(row.$column), row))
        });
    };
    (@impl $(#[$doc:meta])* $key:ident($id:ty) => $value:ty, $query:path, |$rows:ident| $collect:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) struct $key(pub(crate) $id);

        impl async_graphql::dataloader::Loader<$key> for $crate::loaders::Loaders {
            type Value = $value;
            type Error = $crate::loaders::LoadError;

            async fn load(
                &self,
                keys: &[$key],
            ) -> std::result::Result<std::collections::HashMap<$key, $value>, $crate::loaders::LoadError> {
                let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                let $rows = $query(self.cx.db(), &ids).await;
                $collect
            }
        }
    };
    ($id:ty => $row:ty, $query:path) => {
        impl async_graphql::dataloader::Loader<$id> for $crate::loaders::Loaders {
            type Value = $row;
            type Error = $crate::loaders::LoadError;

            async fn load(
                &self,
                ids: &[$id],
            ) -> std::result::Result<std::collections::HashMap<$id, $row>, $crate::loaders::LoadError> {
                $crate::loaders::keyed($query(self.cx.db(), ids).await, |row: $row| (row.id, row))
            }
        }
    };
}
pub(crate) use loader;

/// Key: what an account may do at a brand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RoleAt(pub(crate) BrandId, pub(crate) AccountId);

impl Loader<RoleAt> for Loaders {
    type Value = Role;
    type Error = LoadError;

    async fn load(&self, keys: &[RoleAt]) -> Result<HashMap<RoleAt, Role>, LoadError> {
        let (brands, accounts): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.0, key.1)).unzip();
        let rows = identity::roles_at(self.cx.db(), &brands, &accounts).await;
        keyed(rows, |row| (RoleAt(row.brand_id, row.account_id), row.role))
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

loader!(AccountId => account::Model, identity::accounts_by_id);
