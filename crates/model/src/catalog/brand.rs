//! Brands.

use crate::Time;
use crate::catalog::FeeBearer;
use crate::id::BrandId;
use crate::money::{BasisPoints, Currency};
use crate::row::plain_row;
use crate::text::{Country, Handle, Name, WebUrl};
use sea_orm::entity::prelude::*;

/// A brand: who sells and ships.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "brand")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BrandId,
    /// Its address; unique.
    pub handle: Handle,
    /// What people call it.
    pub name: Name,
    /// Where its picture is.
    pub picture_url: Option<WebUrl>,
    /// Where it is established and ships from.
    pub country: Country,
    /// The one currency it sells in; fixed.
    pub currency: Currency,
    /// The VAT rate of variants that name none.
    pub default_vat_bp: BasisPoints,
    /// Whether its prices contain VAT; imports of other brands are refused for now.
    pub prices_include_tax: bool,
    /// Who bears Stripe's fee; set by the operator.
    pub fee_bearer: FeeBearer,
    /// Since when.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

plain_row!();
