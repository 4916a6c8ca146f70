//! Products.

use crate::Time;
use crate::id::{BrandId, ProductId};
use crate::money::{BasisPoints, Currency};
use crate::row::plain_row;
use crate::text::{Label, ProductHandle, Title};
use sea_orm::entity::prelude::*;

/// A product, without its long texts.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProductId,
    /// Who sells it.
    pub brand_id: BrandId,
    /// The brand's own name for it; unique within the brand.
    pub handle: ProductHandle,
    /// What it is called.
    pub title: Title,
    /// The maker, if the brand names one.
    pub vendor: Option<Label>,
    /// The brand's kind of product.
    pub product_type: Option<Label>,
    /// What the first option chooses, such as Size.
    pub option1_name: Option<Label>,
    /// What the second option chooses.
    pub option2_name: Option<Label>,
    /// What the third option chooses.
    pub option3_name: Option<Label>,
    /// A rate of its own, in place of the terms'.
    pub commission_bp: Option<BasisPoints>,
    /// The rate of its own, or none, from [`Model::next_commission_from`] on.
    pub next_commission_bp: Option<BasisPoints>,
    /// When a lower rate that was announced takes over; absent when none was.
    pub next_commission_from: Option<Time>,
    /// Whether it may be recommended.
    pub promotable: bool,
    /// Whether anyone may see and buy it.
    pub published: bool,
    /// The brand's currency.
    pub currency: Currency,
    /// The lowest variant's list price, minor units; kept for sorting and filtering.
    pub min_price: i64,
    /// The highest variant's list price, minor units.
    pub max_price: i64,
    /// Since when.
    pub created_at: Time,
    /// When it or a variant of it last changed.
    pub updated_at: Time,
}

plain_row!();
