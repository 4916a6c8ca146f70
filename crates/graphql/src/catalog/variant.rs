//! Variants.

use async_graphql::{Context, Enum, ID, Object, Result};
use vitrine_domain::catalog;
use vitrine_model::catalog as rows;
use vitrine_model::catalog::{brand, variant};

use crate::access::{Declared, Scope, Subject, Who, access, keyed};
use crate::catalog::loaders::LowestOf;
use crate::catalog::product::{Product, ProductImage};
use crate::catalog::{is_staff, product_seen};
use crate::error::fault;
use crate::loaders::load;
use crate::money::Money;

/// What happens when no piece is left.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "rows::StockPolicy")]
pub enum StockPolicy {
    /// It cannot be bought.
    Deny,
    /// It can be bought all the same.
    Continue,
}

/// One buyable form of a product. It belongs to those who work for its brand.
#[derive(Debug, Clone)]
pub struct ProductVariant(pub(crate) variant::Model);

impl Subject for ProductVariant {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_staff(ctx, self.0.brand_id, Scope::CatalogRead.into()).await
    }
}

/// One buyable form of a product. It belongs to those who work for its brand.
#[Object(guard = Declared(self))]
impl ProductVariant {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is a form of; `null` when you may not see it any more.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        product_seen(ctx, self.0.product_id).await
    }

    /// Its options' values, such as "Small / Blue".
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn title(&self) -> &str {
        self.0.title.as_str()
    }

    /// Its options' values, in the order of the product's `optionNames`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn option_values(&self) -> Vec<&str> {
        let values = [&self.0.option1, &self.0.option2, &self.0.option3];
        values.into_iter().flatten().map(|value| value.as_str()).collect()
    }

    /// List price, VAT included.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(Money::new(self.0.price, self.brand_row(ctx).await?.currency))
    }

    /// The brand's own struck-through price.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn compare_at_price(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        let brand = self.brand_row(ctx).await?;
        Ok(self.0.compare_at.map(|amount| Money::new(amount, brand.currency)))
    }

    /// The lowest list price in the thirty days before the present price began: the only one that may be shown struck
    /// through as an earlier price in the European Union. `null` while the price has never changed.
    #[graphql(directive = access::apply(Who::Anyone), name = "lowestPrice30d")]
    async fn lowest_price_30d(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        let brand = self.brand_row(ctx).await?;
        let lowest = load(ctx, LowestOf(self.0.id)).await?;
        Ok(lowest.map(|amount| Money::new(amount, brand.currency)))
    }

    /// Its VAT rate at home, in basis points: its own, or the brand's.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn vat_rate(&self, ctx: &Context<'_>) -> Result<i32> {
        let brand = self.brand_row(ctx).await?;
        Ok(catalog::vat_rate(&self.0, &brand).get())
    }

    /// The lowest price a buyer may be given.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogRead))]
    async fn price_floor(&self, ctx: &Context<'_>) -> Result<Option<Money>> {
        let brand = self.brand_row(ctx).await?;
        Ok(self.0.floor.map(|amount| Money::new(amount, brand.currency)))
    }

    /// The brand's stock-keeping unit.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn sku(&self) -> Option<&str> {
        self.0.sku.as_ref().map(|code| code.as_str())
    }

    /// EAN, UPC or the like.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn barcode(&self) -> Option<&str> {
        self.0.barcode.as_ref().map(|code| code.as_str())
    }

    /// Weight in grams.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn weight_grams(&self) -> i64 {
        self.0.grams
    }

    /// Whether it can be bought now.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn is_available(&self) -> bool {
        catalog::pieces_left(&self.0) != Some(0)
    }

    /// How many pieces can be bought; `null` when there is no limit.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn quantity_available(&self) -> Option<i64> {
        catalog::pieces_left(&self.0)
    }

    /// Whether its stock is counted.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn is_tracked(&self) -> bool {
        self.0.tracked
    }

    /// What happens when no piece is left.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn stock_policy(&self) -> StockPolicy {
        self.0.policy.into()
    }

    /// Pieces in the warehouse, those reserved among them. Below zero when more were sold than there are.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn stock_on_hand(&self) -> i64 {
        self.0.on_hand
    }

    /// Pieces promised to orders not yet paid.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn stock_reserved(&self) -> i64 {
        self.0.reserved
    }

    /// The image that shows this variant, where one does.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<ProductImage>> {
        let Some(id) = self.0.image_id else {
            return Ok(None);
        };
        Ok(load(ctx, id).await?.map(ProductImage))
    }

    /// Whether it is still offered. One once made is never deleted.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn is_active(&self) -> bool {
        self.0.active
    }
}

impl ProductVariant {
    async fn brand_row(&self, ctx: &Context<'_>) -> Result<brand::Model> {
        let brand = load(ctx, self.0.brand_id).await?;
        brand.ok_or_else(|| fault(ctx, &anyhow::anyhow!("{} has no brand", self.0.id)))
    }
}
