//! What was sold through a shop, as its owner reads it.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use vitrine_model::checkout::{OrderState, order, order_line};
use vitrine_model::id::{OrderId, OrderLineId, ShopId};
use vitrine_model::ledger::unit;

use crate::list::List;

/// A sale's place in the list: its order, whose id tells when checkout started, and its line's place in it.
pub type SalePlace = (OrderId, i32);

/// One line of a paid order, credited to a shop.
#[derive(Debug, Clone)]
pub struct Sale {
    /// The line, with the snapshot it was sold under.
    pub line: order_line::Model,
    /// Its order.
    pub order: order::Model,
    /// How many of its units were refunded, or are being.
    pub refunded: i32,
}

/// What became of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleState {
    /// It stands.
    Sold,
    /// Some of its units were refunded.
    PartlyRefunded,
    /// All of its units were refunded.
    Refunded,
    /// Its order was cancelled before anything shipped.
    Cancelled,
}

impl Sale {
    /// What the shopholder earns on the units that are not refunded, minor units of the order's currency.
    pub fn earnings(&self) -> i64 {
        let kept = match self.state() {
            SaleState::Cancelled => 0,
            _ => self.line.quantity - self.refunded,
        };
        self.line.shop_part * i64::from(Ord::max(kept, 0))
    }

    /// What became of it.
    pub fn state(&self) -> SaleState {
        match self.order.state {
            OrderState::Cancelled => SaleState::Cancelled,
            _ if self.refunded == 0 => SaleState::Sold,
            _ if self.refunded < self.line.quantity => SaleState::PartlyRefunded,
            _ => SaleState::Refunded,
        }
    }
}

/// The lines sold through a shop and paid, the newest first.
pub fn sales_of(shop: ShopId) -> List<order_line::Model, SalePlace> {
    // Per line, by the order's key: the page costs what it shows, not what was ever paid.
    let paid = Query::select()
        .expr(Expr::val(1))
        .from(order::Entity)
        .and_where(
            Expr::col((order::Entity, order::Column::Id))
                .eq(Expr::col((order_line::Entity, order_line::Column::OrderId))),
        )
        .and_where(order::Column::PaidAt.is_not_null())
        .to_owned();
    let lines = order_line::Entity::find()
        .filter(order_line::Column::ShopId.eq(shop))
        .filter(Expr::exists(paid));
    let columns = [order_line::Column::OrderId, order_line::Column::Position];
    List::new(lines, true, &columns, |place: &SalePlace| {
        vec![place.0.into(), place.1.into()]
    })
}

/// How many units of these order lines were refunded, or are being. Lines without any are missing from the answer.
///
/// # Errors
/// When the database fails.
pub async fn refunded_of(
    db: &impl ConnectionTrait,
    lines: &[OrderLineId],
) -> Result<HashMap<OrderLineId, i32>, DbErr> {
    let counted: Vec<(OrderLineId, i64)> = unit::Entity::find()
        .select_only()
        .column(unit::Column::LineId)
        .column_as(unit::Column::Id.count(), "refunded")
        .filter(unit::Column::LineId.is_in(lines.iter().copied()))
        .filter(unit::Column::RefundId.is_not_null())
        .group_by(unit::Column::LineId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(counted
        .into_iter()
        .map(|(line, count)| (line, i32::try_from(count).unwrap_or(i32::MAX)))
        .collect())
}
