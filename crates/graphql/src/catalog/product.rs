//! Products and their images.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitrine_domain::catalog::{self, ProductFilter};
use vitrine_model::catalog::{product, product_image};

use crate::access::{Declared, Scope, Subject, Who, access, keyed};
use crate::catalog::brand::Brand;
use crate::catalog::facet::{ProductFacet, ProductFacetField, facets};
use crate::catalog::is_staff;
use crate::catalog::loaders::{ImagesOf, TagsOf, TermsNow, TextOf, VariantsOf};
use crate::catalog::variant::ProductVariant;
use crate::connection::connection;
use crate::loaders::{load, rows};
use crate::money::{CurrencyCode, Money};
use crate::request::RequestContext;

/// A product. It belongs to those who work for its brand; others see it while it is published.
#[derive(Debug, Clone)]
pub struct Product(pub(crate) product::Model);

impl Subject for Product {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_staff(ctx, self.0.brand_id, Scope::CatalogRead.into()).await
    }
}

/// A product. It belongs to those who work for its brand; others see it while it is published.
#[Object(guard = Declared(self))]
impl Product {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The brand's own name for it; unique within the brand.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn handle(&self) -> &str {
        self.0.handle.as_str()
    }

    /// What it is called.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn title(&self) -> &str {
        self.0.title.as_str()
    }

    /// Its description: HTML with nothing in it but harmless markup.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn description_html(&self, ctx: &Context<'_>) -> Result<String> {
        let text = load(ctx, TextOf(self.0.id)).await?;
        Ok(text.map(|text| text.description_html).unwrap_or_default())
    }

    /// Who sells it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.0.brand_id).await?.map(Brand))
    }

    /// The maker, if the brand names one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn vendor(&self) -> Option<&str> {
        self.0.vendor.as_ref().map(|vendor| vendor.as_str())
    }

    /// The brand's kind of product, such as "Shirts".
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product_type(&self) -> Option<&str> {
        self.0.product_type.as_ref().map(|kind| kind.as_str())
    }

    /// Its tags, in alphabetical order.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let tags = rows(ctx, TagsOf(self.0.id)).await?;
        Ok(tags.into_iter().map(|row| row.tag.to_string()).collect())
    }

    /// What its options choose, such as `["Size", "Colour"]`; empty when there is one variant only.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn option_names(&self) -> Vec<&str> {
        let names = [&self.0.option1_name, &self.0.option2_name, &self.0.option3_name];
        names.into_iter().flatten().map(|name| name.as_str()).collect()
    }

    /// The variants that can be bought, in the brand's order.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "10 * child_complexity")]
    async fn variants(&self, ctx: &Context<'_>) -> Result<Vec<ProductVariant>> {
        let variants = rows(ctx, VariantsOf(self.0.id)).await?;
        Ok(variants.into_iter().map(ProductVariant).collect())
    }

    /// Its images, in the brand's order.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "10 * child_complexity")]
    async fn images(&self, ctx: &Context<'_>) -> Result<Vec<ProductImage>> {
        let images = rows(ctx, ImagesOf(self.0.id)).await?;
        Ok(images.into_iter().map(ProductImage).collect())
    }

    /// The list prices of its variants, from the lowest to the highest, VAT included.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price_range(&self) -> PriceRange {
        PriceRange {
            min: Money::new(self.0.min_price, self.0.currency),
            max: Money::new(self.0.max_price, self.0.currency),
        }
    }

    /// The brand's currency.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn currency(&self) -> CurrencyCode {
        self.0.currency.into()
    }

    /// Whether at least one variant can be bought now.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn is_available(&self, ctx: &Context<'_>) -> Result<bool> {
        let variants = rows(ctx, VariantsOf(self.0.id)).await?;
        let left = |row| catalog::pieces_left(row) != Some(0);
        Ok(self.0.published && variants.iter().any(left))
    }

    /// What the brand pays on a sale: basis points of the price without VAT. The product's own rate, or the brand's.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogRead))]
    async fn commission_rate(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let terms = load(ctx, TermsNow(self.0.brand_id)).await?;
        let now = ctx.cx().now();
        Ok(terms.map(|terms| catalog::commission(&self.0, &terms, now).get()))
    }

    /// The product's own rate, in basis points, where it has one.
    #[graphql(directive = keyed::apply(Who::Owner, Scope::CatalogRead))]
    async fn own_commission_rate(&self, ctx: &Context<'_>) -> Option<i32> {
        catalog::own_commission(&self.0, ctx.cx().now()).map(|rate| rate.get())
    }

    /// When a lower rate of its own that was announced takes over; `null` when none was.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogRead))]
    async fn commission_cut_at(&self, ctx: &Context<'_>) -> Option<DateTime<Utc>> {
        let now = ctx.cx().now();
        self.0.next_commission_from.filter(|from| *from > now)
    }

    /// Whether a shop may recommend it now.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn is_promotable(&self) -> bool {
        catalog::is_promotable(&self.0)
    }

    /// Whether anyone may see and buy it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn is_published(&self) -> bool {
        self.0.published
    }

    /// When it came into the catalogue.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it or one of its variants last changed.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

connection!(ProductConnection, ProductEdge, Product, "products", beside: ProductFilter, {
    /// How all the products of the list divide, by each of these fields: for filters that say what they would leave. A
    /// facet disregards the filter on its own field. At most 10 000 products are looked at, and a facet has its fifty
    /// largest values.
    facets(
        fields: Option<Vec<ProductFacetField>>,
        "Which facets, in this order; all of them when left out."
    ) -> Vec<ProductFacet>, facets
});

/// The lowest and the highest of several prices.
pub struct PriceRange {
    min: Money,
    max: Money,
}

impl Subject for PriceRange {}

/// The lowest and the highest of several prices.
#[Object(guard = Declared(self))]
impl PriceRange {
    /// The lowest.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn min(&self) -> Money {
        self.min
    }

    /// The highest.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn max(&self) -> Money {
        self.max
    }
}

/// An image of a product.
#[derive(Debug, Clone)]
pub struct ProductImage(pub(crate) product_image::Model);

impl Subject for ProductImage {}

/// An image of a product.
#[Object(guard = Declared(self))]
impl ProductImage {
    /// Its id.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Where it is.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn url(&self) -> &str {
        self.0.url.as_str()
    }

    /// What it shows, in words.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn alt(&self) -> Option<&str> {
        self.0.alt.as_ref().map(|alt| alt.as_str())
    }

    /// Its place among the product's images, from 1.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn position(&self) -> i32 {
        self.0.position
    }
}
