//! What nested fields of paid orders need, by the batch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use vitrine_domain::{checkout, ledger};
use vitrine_model::checkout::{
    dispute, dispute_note, fulfillment, refund, refund_unit, return_request, return_unit,
};
use vitrine_model::id::{DisputeId, OrderId, RefundId, ReturnId};
use vitrine_model::ledger::dispute_part;

use crate::loaders::{LoadError, Loaders};

/// Key: an order's parcels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FulfillmentsOf(pub(crate) OrderId);

/// Key: an order's returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReturnsOf(pub(crate) OrderId);

/// Key: which units a return asks to send back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReturnUnitsOf(pub(crate) ReturnId);

/// Key: an order's refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RefundsOf(pub(crate) OrderId);

/// Key: which units a refund gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RefundUnitsOf(pub(crate) RefundId);

/// Key: an order's disputes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DisputesOf(pub(crate) OrderId);

/// Key: what a dispute claims of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DisputePartsOf(pub(crate) DisputeId);

/// Key: what the sides have to say against a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DisputeNotesOf(pub(crate) DisputeId);

impl Loader<FulfillmentsOf> for Loaders {
    type Value = Vec<fulfillment::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[FulfillmentsOf]) -> Result<HashMap<FulfillmentsOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::fulfillments_of(self.cx.db(), &orders).await;
        grouped(rows, |row| FulfillmentsOf(row.order_id))
    }
}

impl Loader<ReturnsOf> for Loaders {
    type Value = Vec<return_request::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[ReturnsOf]) -> Result<HashMap<ReturnsOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::returns_of(self.cx.db(), &orders).await;
        grouped(rows, |row| ReturnsOf(row.order_id))
    }
}

impl Loader<ReturnUnitsOf> for Loaders {
    type Value = Vec<return_unit::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[ReturnUnitsOf]) -> Result<HashMap<ReturnUnitsOf, Self::Value>, LoadError> {
        let returns: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::return_units_of(self.cx.db(), &returns).await;
        grouped(rows, |row| ReturnUnitsOf(row.return_id))
    }
}

impl Loader<RefundsOf> for Loaders {
    type Value = Vec<refund::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[RefundsOf]) -> Result<HashMap<RefundsOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::refunds_of(self.cx.db(), &orders).await;
        grouped(rows, |row| RefundsOf(row.order_id))
    }
}

impl Loader<RefundUnitsOf> for Loaders {
    type Value = Vec<refund_unit::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[RefundUnitsOf]) -> Result<HashMap<RefundUnitsOf, Self::Value>, LoadError> {
        let refunds: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::refund_units_of(self.cx.db(), &refunds).await;
        grouped(rows, |row| RefundUnitsOf(row.refund_id))
    }
}

impl Loader<DisputesOf> for Loaders {
    type Value = Vec<dispute::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[DisputesOf]) -> Result<HashMap<DisputesOf, Self::Value>, LoadError> {
        let orders: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::disputes_of(self.cx.db(), &orders).await;
        grouped(rows, |row| DisputesOf(row.order_id))
    }
}

impl Loader<DisputePartsOf> for Loaders {
    type Value = Vec<dispute_part::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[DisputePartsOf]) -> Result<HashMap<DisputePartsOf, Self::Value>, LoadError> {
        let disputes: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = ledger::dispute_parts_of(self.cx.db(), &disputes).await;
        grouped(rows, |row| DisputePartsOf(row.dispute_id))
    }
}

impl Loader<DisputeNotesOf> for Loaders {
    type Value = Vec<dispute_note::Model>;
    type Error = LoadError;

    async fn load(&self, keys: &[DisputeNotesOf]) -> Result<HashMap<DisputeNotesOf, Self::Value>, LoadError> {
        let disputes: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows = checkout::dispute_notes_of(self.cx.db(), &disputes).await;
        grouped(rows, |row| DisputeNotesOf(row.dispute_id))
    }
}

fn grouped<K: Hash + Eq, V>(
    rows: Result<Vec<V>, sea_orm::DbErr>,
    key: impl Fn(&V) -> K,
) -> Result<HashMap<K, Vec<V>>, LoadError> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows.map_err(|error| Arc::new(error.into()))? {
        groups.entry(key(&row)).or_default().push(row);
    }
    Ok(groups)
}
