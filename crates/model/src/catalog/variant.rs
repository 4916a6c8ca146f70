//! Variants: what has a price and a stock.

use crate::Time;
use crate::catalog::StockPolicy;
use crate::id::{BrandId, ImageId, ProductId, VariantId};
use crate::money::BasisPoints;
use crate::row::plain_row;
use crate::text::{Code, Label, Title};
use sea_orm::entity::prelude::*;

/// One buyable form of a product.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "variant")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VariantId,
    /// What it is a form of.
    pub product_id: ProductId,
    /// Who sells it.
    pub brand_id: BrandId,
    /// Its place among the product's variants, from 1.
    pub position: i32,
    /// Its options' values, such as "Small / Blue".
    pub title: Title,
    /// Value of the first option.
    pub option1: Option<Label>,
    /// Value of the second option.
    pub option2: Option<Label>,
    /// Value of the third option.
    pub option3: Option<Label>,
    /// List price, VAT included, minor units of the brand's currency.
    pub price: i64,
    /// The brand's own struck-through price, minor units.
    pub compare_at: Option<i64>,
    /// Its VAT rate at home; the brand's default when absent.
    pub vat_bp: Option<BasisPoints>,
    /// The lowest price a buyer may be given, minor units.
    pub floor: Option<i64>,
    /// The brand's stock-keeping unit.
    pub sku: Option<Code>,
    /// EAN, UPC or the like.
    pub barcode: Option<Code>,
    /// Weight.
    pub grams: i64,
    /// Whether stock is counted at all.
    pub tracked: bool,
    /// What happens when none is left.
    pub policy: StockPolicy,
    /// Pieces in the warehouse, those reserved among them.
    pub on_hand: i64,
    /// Pieces promised to orders not yet paid.
    pub reserved: i64,
    /// How many pieces the last file that stated a number stated, whatever was counted and sold since.
    pub imported_on_hand: Option<i64>,
    /// The image that shows this variant.
    pub image_id: Option<ImageId>,
    /// Whether it can still be bought; a variant once sold is never deleted.
    pub active: bool,
    /// Since when.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

plain_row!();
