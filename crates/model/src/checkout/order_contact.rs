//! Personal data of orders, apart from all else.

use crate::id::OrderId;
use crate::row::plain_row;
use crate::text::{AddressLine, Country, Email, Name};
use sea_orm::entity::prelude::*;

/// Buyer and delivery address of one order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_contact")]
pub struct Model {
    /// The order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    /// Where to write to.
    pub email: Option<Email>,
    /// Whom to deliver to.
    pub name: Option<Name>,
    /// Street and number.
    pub line1: Option<AddressLine>,
    /// The rest of the street address.
    pub line2: Option<AddressLine>,
    /// Postal code.
    pub postal_code: Option<AddressLine>,
    /// Town.
    pub city: Option<AddressLine>,
    /// State or province, where there is one.
    pub region: Option<AddressLine>,
    /// Country.
    pub country: Option<Country>,
}

plain_row!();
