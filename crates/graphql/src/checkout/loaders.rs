//! What nested fields of orders need, by the batch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use vitrine_domain::{checkout, ledger};
use vitrine_model::checkout::{order, order_contact, order_line, order_shipping};
use vitrine_model::id::OrderId;
use vitrine_model::ledger::unit;

use crate::loaders::{LoadError, Loaders};

/// Key: an order's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OrderLinesOf(pub(crate) OrderId);

/// Key: what each brand charges for sending an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OrderShippingOf(pub(crate) OrderId);

/// Key: an order's buyer and delivery address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OrderContactOf(pub(crate) OrderId);

/// Key: an order's sold units; none before it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UnitsOf(pub(crate) OrderId);

impl Loader<OrderId> for Loaders {
    type Value = order::Model;
    type Error = LoadError;

    async fn load(&self, ids: &[OrderId]) -> Result<HashMap<OrderId, order::Model>, LoadError> {
        let rows = checkout::orders_by_id(self.cx.db(), ids).await.map_err(failed)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<OrderLinesOf> for Loaders {
    type Value = Vec<order_line::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[OrderLinesOf]) -> Result<HashMap<OrderLinesOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::lines_of(self.cx.db(), &orders).await.map_err(failed)?;
        Ok(grouped(rows, |row| OrderLinesOf(row.order_id)))
    }
}

impl Loader<OrderShippingOf> for Loaders {
    type Value = Vec<order_shipping::Model>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[OrderShippingOf],
    ) -> Result<HashMap<OrderShippingOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::shipping_of(self.cx.db(), &orders)
            .await
            .map_err(failed)?;
        Ok(grouped(rows, |row| OrderShippingOf(row.order_id)))
    }
}

impl Loader<OrderContactOf> for Loaders {
    type Value = order_contact::Model;
    type Error = LoadError;

    async fn load(&self, keys: &[OrderContactOf]) -> Result<HashMap<OrderContactOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::contacts_of(self.cx.db(), &orders)
            .await
            .map_err(failed)?;
        let keyed = rows.into_iter().map(|row| (OrderContactOf(row.order_id), row));
        Ok(keyed.collect())
    }
}

impl Loader<UnitsOf> for Loaders {
    type Value = Vec<unit::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[UnitsOf]) -> Result<HashMap<UnitsOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = ledger::units_of(self.cx.db(), &orders).await.map_err(failed)?;
        Ok(grouped(rows, |row| UnitsOf(row.order_id)))
    }
}

fn failed(error: sea_orm::DbErr) -> LoadError {
    Arc::new(error.into())
}

fn grouped<K: Hash + Eq, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}
