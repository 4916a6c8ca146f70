//! What brands charge for shipping.

use crate::Time;
use crate::id::BrandId;
use crate::row::plain_row;
use crate::text::Country;
use sea_orm::entity::prelude::*;

/// A brand's flat price for sending one order to one country.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipping_rate")]
pub struct Model {
    /// Who ships.
    #[sea_orm(primary_key, auto_increment = false)]
    pub brand_id: BrandId,
    /// Whither.
    #[sea_orm(primary_key, auto_increment = false)]
    pub country: Country,
    /// VAT included, minor units of the brand's currency; 0 is free.
    pub amount: i64,
    /// When it was set.
    pub updated_at: Time,
}

plain_row!();
