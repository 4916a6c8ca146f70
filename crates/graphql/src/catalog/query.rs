//! Queries for brands and products.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use vitrine_domain::catalog::{self, ProductFilter, ProductOrder, ProductPlace};
use vitrine_domain::page::Page;
use vitrine_model::catalog::product;

use crate::access::{Declared, Scope, Who, access, root_part};
use crate::catalog::brand::{Brand, BrandConnection};
use crate::catalog::product::{Product, ProductConnection};
use crate::catalog::{brand_called, brand_node, is_staff, product_called, product_node};
use crate::connection::{Listed, listed, page};
use crate::error::{code, protocol_error, settle};
use crate::money::{CurrencyCode, MoneyInput};
use crate::request::{RequestContext, parse_id, parse_search};

/// What comes first in a list of products.
#[derive(Enum, Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum ProductSort {
    /// The newest.
    #[default]
    Newest,
    /// By title.
    Title,
    /// The lowest price first, currency by currency.
    PriceLowFirst,
    /// The highest price first, currency by currency; of a product's prices the lowest counts.
    PriceHighFirst,
}

impl ProductSort {
    /// The order, if the page's cursor belongs to a list in it.
    fn of_page(self, page: &Page<ProductPlace>) -> Result<ProductOrder> {
        let order = self.into();
        match &page.beyond {
            Some(place) if !place.fits(order) => Err(bad("this cursor belongs to a list in another order")),
            _ => Ok(order),
        }
    }
}

impl From<ProductSort> for ProductOrder {
    fn from(sort: ProductSort) -> Self {
        match sort {
            ProductSort::Newest => Self::Newest,
            ProductSort::Title => Self::Title,
            ProductSort::PriceLowFirst => Self::PriceLowFirst,
            ProductSort::PriceHighFirst => Self::PriceHighFirst,
        }
    }
}

/// Products published, not published, or both.
#[derive(Enum, Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum ProductVisibility {
    /// Published ones.
    #[default]
    Published,
    /// Unpublished ones. For those who work for the brand.
    Unpublished,
    /// Both. For those who work for the brand.
    Any,
}

/// Which products. All that is given must hold.
#[derive(InputObject, Default)]
pub struct ProductFilterInput {
    /// Only this brand's.
    brand_id: Option<ID>,
    /// Only of this type, exactly as the brand writes it.
    product_type: Option<String>,
    /// Only with this tag, exactly as the brand writes it.
    tag: Option<String>,
    /// Only sold in this currency.
    currency: Option<CurrencyCode>,
    /// Only with a list price at or above this, in its currency.
    price_min: Option<MoneyInput>,
    /// Only with a list price at or below this, in its currency.
    price_max: Option<MoneyInput>,
    /// Only with, or only without, a variant that can be bought now.
    in_stock: Option<bool>,
    /// Published ones, unless you work for the brand named in `brandId` and ask for others.
    #[graphql(default)]
    visibility: ProductVisibility,
}

impl ProductFilterInput {
    async fn parse(self, ctx: &Context<'_>, search: Option<String>) -> Result<ProductFilter> {
        let brand = self.brand_id.as_ref().map(parse_id).transpose()?;
        if self.visibility != ProductVisibility::Published {
            let staff = match brand {
                Some(brand) => is_staff(ctx, brand, Scope::CatalogRead.into()).await?,
                None => ctx.viewer().is_operator(),
            };
            if !staff {
                return Err(protocol_error(
                    code::FORBIDDEN,
                    "unpublished products are shown to those who work for their brand: name it in brandId",
                ));
            }
        }
        Ok(ProductFilter {
            brand,
            product_type: self
                .product_type
                .map(|text| text.parse())
                .transpose()
                .map_err(bad)?,
            tag: self.tag.map(|text| text.parse()).transpose().map_err(bad)?,
            currency: self.currency.map(Into::into),
            price_min: self
                .price_min
                .map(|money| money.parse())
                .transpose()
                .map_err(bad)?,
            price_max: self
                .price_max
                .map(|money| money.parse())
                .transpose()
                .map_err(bad)?,
            in_stock: self.in_stock,
            published: match self.visibility {
                ProductVisibility::Published => Some(true),
                ProductVisibility::Unpublished => Some(false),
                ProductVisibility::Any => None,
            },
            search: parse_search(search.as_deref())?,
        })
    }
}

fn bad(problem: impl std::fmt::Display) -> async_graphql::Error {
    protocol_error(code::BAD_USER_INPUT, problem.to_string())
}

root_part! {
    /// Query fields of this domain.
    CatalogQuery of "Query"
}

#[Object(guard = Declared(self))]
impl CatalogQuery {
    /// The brand with this id or this handle; `null` when there is none. Give one of the two.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its handle.")] handle: Option<String>,
    ) -> Result<Option<Brand>> {
        match (id, handle) {
            (Some(id), None) => brand_node(ctx, &id).await,
            (None, Some(handle)) => brand_called(ctx, &handle).await,
            _ => Err(bad("give an id or a handle")),
        }
    }

    /// All brands, by handle.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brands(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<BrandConnection> {
        let page = page::<String>(first, after, last, before)?;
        let page = page.try_map(|handle| handle.parse().map_err(bad))?;
        let brands = listed(ctx, catalog::brands(), page).await?;
        Ok(BrandConnection::new(brands, |row| row.handle.to_string(), Brand))
    }

    /// The product with this id, or with this handle at this brand; `null` when there is none, or none that you may see.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its brand, together with its handle.")] brand_id: Option<ID>,
        #[graphql(desc = "Its handle, together with its brand.")] handle: Option<String>,
    ) -> Result<Option<Product>> {
        match (id, brand_id, handle) {
            (Some(id), None, None) => product_node(ctx, &id).await,
            (None, Some(brand), Some(handle)) => product_called(ctx, &brand, &handle).await,
            _ => Err(bad("give an id, or a brand's id and a handle")),
        }
    }

    /// Products, the newest first unless sorted otherwise.
    #[allow(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<ProductFilterInput>,
        #[graphql(desc = "Words to be found, each whole or as a beginning; 200 characters at most.")]
        search: Option<String>,
        #[graphql(desc = "What comes first.", default)] order_by: ProductSort,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ProductConnection> {
        let page: Page<ProductPlace> = page(first, after, last, before)?;
        let order = order_by.of_page(&page)?;
        let filter = filter.unwrap_or_default().parse(ctx, search).await?;
        let slice = settle(ctx, catalog::products(ctx.cx(), &filter, order, &page).await)?;
        let count = catalog::product_count(ctx.cx(), &filter);
        let place = |row: &product::Model| ProductPlace::of(order, row);
        let listed = Listed { slice, count };
        Ok(ProductConnection::with(listed, place, Product, filter))
    }
}
