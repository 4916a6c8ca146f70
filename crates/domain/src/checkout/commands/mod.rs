//! What people, jobs and Stripe's events do to carts and orders.

use sea_orm::sea_query::LockType;
use sea_orm::{DbErr, EntityTrait, QuerySelect};
use vitrine_model::checkout::order;
use vitrine_model::id::OrderId;

use crate::context::Tx;
use crate::event::Actor;
use crate::identity::Viewer;
use crate::tx::Rank;

pub(super) mod again;
pub(super) mod cart;
pub(super) mod click;
pub(super) mod dispute;
pub(super) mod evidence;
pub(super) mod expire;
pub(super) mod forget;
pub(super) mod fulfill;
pub(super) mod payment;
pub(super) mod refund;
pub(super) mod returns;
pub(super) mod settle;
mod standing;
pub(super) mod start;

/// Whose idempotency key it is: an account's, or that of whoever holds a guest's secret. `None` for a stranger, who owns
/// nothing that could be repeated.
fn key_scope(by: &Viewer) -> Option<String> {
    match (by.account_id(), &by.guest) {
        (Some(account), _) => Some(account.to_string()),
        (None, Some(guest)) => Some(format!("guest_{}", hex::encode(guest))),
        (None, None) => None,
    }
}

/// Who acts, for the event stream.
fn actor(by: &Viewer) -> Actor {
    by.account_id().map_or(Actor::Guest, Actor::Account)
}

/// The order `id`, locked until the transaction ends.
async fn lock_order(tx: &Tx, id: OrderId) -> Result<Option<order::Model>, DbErr> {
    tx.locks(Rank::Order);
    let order = order::Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    order.one(tx).await
}
