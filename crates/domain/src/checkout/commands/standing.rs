//! Who may do what to a paid order, and the order locked for doing it.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use vitrine_model::checkout::{OrderState, order, order_line};
use vitrine_model::id::{BrandId, OrderId};
use vitrine_model::identity::{Role, brand_member};

use crate::checkout::commands::lock_order;
use crate::checkout::queries;
use crate::checkout::refusal::Refusal;
use crate::context::{Context, Tx};
use crate::failure::{Failure, OrRefuse, refuse};
use crate::identity::{self, By, Viewer};

/// At which brands of an order someone may act.
pub(super) enum Standing {
    /// At all of them.
    Operator,
    /// At those she works for: whether her role suffices.
    Staff(BTreeMap<BrandId, bool>),
}

impl Standing {
    /// Whether she may act for `brand`: not at all for a brand she does not work for, refused where her role does not
    /// suffice.
    pub(super) fn may(&self, brand: BrandId) -> Result<bool, Refusal> {
        match self {
            Self::Operator => Ok(true),
            Self::Staff(brands) => match brands.get(&brand) {
                None => Ok(false),
                Some(true) => Ok(true),
                Some(false) => Err(Refusal::Staff(identity::Refusal::RoleLacking)),
            },
        }
    }
}

/// What `by` may do that takes `needed`, at the brands of `lines`: a key acts for its own brand.
///
/// # Errors
/// `OrderNotFound` for one who works for none of them.
pub(super) async fn standing(
    tx: &Tx,
    by: impl Into<By>,
    lines: &[order_line::Model],
    needed: Role,
) -> Result<Standing, Failure<Refusal>> {
    let brands: BTreeSet<BrandId> = lines.iter().map(|line| line.brand_id).collect();
    let roles: BTreeMap<BrandId, bool> = match by.into() {
        By::Account { operator: true, .. } => return Ok(Standing::Operator),
        By::Account { id, .. } => {
            let roles = brand_member::Entity::find()
                .filter(brand_member::Column::AccountId.eq(id))
                .filter(brand_member::Column::BrandId.is_in(brands));
            let roles = roles.all(tx).await?.into_iter();
            roles.map(|row| (row.brand_id, row.role <= needed)).collect()
        }
        By::ApiKey { brand, .. } => {
            let own = brands.into_iter().filter(|one| *one == brand);
            own.map(|brand| (brand, Role::Manager <= needed)).collect()
        }
    };
    if roles.is_empty() {
        return refuse(Refusal::OrderNotFound);
    }
    Ok(Standing::Staff(roles))
}

/// The order, locked, with its lines. One that was never paid is missing to everyone but its buyer.
///
/// # Errors
/// `OrderNotFound`.
pub(super) async fn lock_paid(
    tx: &Tx,
    id: OrderId,
) -> Result<(order::Model, Vec<order_line::Model>), Failure<Refusal>> {
    let order = lock_order(tx, id).await?;
    let order = order
        .filter(|order| order.paid_at.is_some())
        .or_refuse(Refusal::OrderNotFound)?;
    let lines = queries::lines_of(tx, &[id]).await?;
    Ok((order, lines))
}

/// Passes when the order is paid and was not called off.
pub(super) fn live(order: &order::Model) -> Result<(), Failure<Refusal>> {
    if order.state == OrderState::Paid {
        Ok(())
    } else {
        refuse(Refusal::OrderState(order.state))
    }
}

/// Whether `by` may act as the order's buyer: herself, or an operator in her stead.
pub(super) fn for_buyer(cx: &Context, by: &Viewer, order: &order::Model) -> bool {
    by.is_operator() || queries::is_buyer(cx, by, order)
}
