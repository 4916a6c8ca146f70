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
    /// What became of its units.
    pub fate: Fate,
}

/// What became of a line's units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// How many were refunded, or are being.
    pub refunded: i32,
    /// Whether a buyer's bank disputes their payment, or asks about it.
    pub disputed: bool,
    /// What refunds took of the shopholder's parts, minor units.
    pub given_back: i64,
    /// What lost disputes took of the shopholder's parts, minor units.
    pub lost: i64,
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
    /// The buyer's bank disputes the payment, or asks about it: its earnings wait.
    Disputed,
    /// The buyer's bank took the payment back, or some of it, and its earnings with it.
    ChargedBack,
}

impl Sale {
    /// What the shopholder earns on it, less what refunds and lost disputes took, minor units of the order's currency.
    pub fn earnings(&self) -> i64 {
        match self.state() {
            SaleState::Cancelled => 0,
            _ => self.line.shop_part * i64::from(self.line.quantity) - self.fate.given_back - self.fate.lost,
        }
    }

    /// What became of it.
    pub fn state(&self) -> SaleState {
        match self.order.state {
            OrderState::Cancelled => SaleState::Cancelled,
            _ if self.fate.disputed => SaleState::Disputed,
            _ if self.fate.lost > 0 => SaleState::ChargedBack,
            _ if self.fate.refunded == 0 => SaleState::Sold,
            _ if self.fate.refunded < self.line.quantity => SaleState::PartlyRefunded,
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

/// What became of the units of these order lines.
///
/// # Errors
/// When the database fails.
pub async fn fates_of(
    db: &impl ConnectionTrait,
    lines: &[OrderLineId],
) -> Result<HashMap<OrderLineId, Fate>, DbErr> {
    let sum = |what: &str| Expr::cust(format!("cast(coalesce(sum({what}), 0) as bigint)"));
    let counted: Vec<(OrderLineId, i64, i64, i64, i64)> = unit::Entity::find()
        .select_only()
        .column(unit::Column::LineId)
        .column_as(unit::Column::RefundId.count(), "refunded")
        .column_as(unit::Column::DisputeId.count(), "disputed")
        .column_as(sum("shop_refunded"), "given_back")
        .column_as(sum("shop_lost"), "lost")
        .filter(unit::Column::LineId.is_in(lines.iter().copied()))
        .group_by(unit::Column::LineId)
        .into_tuple()
        .all(db)
        .await?;
    let fate = |(line, refunded, disputed, given_back, lost)| {
        let fate = Fate {
            refunded: i32::try_from(refunded).unwrap_or(i32::MAX),
            disputed: disputed > 0,
            given_back,
            lost,
        };
        (line, fate)
    };
    Ok(counted.into_iter().map(fate).collect())
}
