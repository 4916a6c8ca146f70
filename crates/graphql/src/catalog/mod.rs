//! Brands, products, variants, stock and imports, as clients see them.

mod brand;
mod loaders;
mod product;
mod variant;

use async_graphql::{Context, ID, Object, Result};
use vitrine_domain::catalog;
use vitrine_model::id::{BrandId, ProductId, VariantId};
use vitrine_model::text::Handle;

use crate::access::{Declared, Subject, Who, access};
use crate::error::{code, protocol_error, settle};
use crate::loaders::{RoleAt, load};
use crate::request::{RequestContext, parse_id};

pub(crate) use brand::Brand;
pub(crate) use product::Product;
pub(crate) use variant::ProductVariant;

/// Query fields of this domain.
#[derive(Default)]
pub struct CatalogQuery;

impl Subject for CatalogQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Query".into()
    }
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
            _ => Err(protocol_error(code::BAD_USER_INPUT, "give an id or a handle")),
        }
    }
}

/// Mutation fields of this domain.
#[derive(Default)]
pub struct CatalogMutation;

impl Subject for CatalogMutation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mutation".into()
    }
}

#[Object(guard = Declared(self))]
impl CatalogMutation {
    /// Placeholder.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn catalog_mutation_placeholder(&self) -> bool {
        true
    }
}

/// Whether the viewer works for the brand, in any role, or runs the platform.
pub(crate) async fn is_staff(ctx: &Context<'_>, brand: BrandId) -> Result<bool> {
    let viewer = ctx.viewer();
    match viewer.account_id() {
        _ if viewer.is_operator() => Ok(true),
        Some(account) => Ok(load(ctx, RoleAt(brand, account)).await?.is_some()),
        None => Ok(false),
    }
}

/// The brand with this id.
pub(crate) async fn brand_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Brand>> {
    let id: BrandId = parse_id(id)?;
    Ok(load(ctx, id).await?.map(Brand))
}

/// The brand with this handle: a malformed one belongs to nobody.
async fn brand_called(ctx: &Context<'_>, handle: &str) -> Result<Option<Brand>> {
    let Ok(handle) = handle.parse::<Handle>() else {
        return Ok(None);
    };
    let found = settle(ctx, catalog::brand_by_handle(ctx.cx().db(), &handle).await)?;
    Ok(found.map(Brand))
}

/// The product with this id, if the viewer may see it: it is published, or she works for the brand.
pub(crate) async fn product_node(ctx: &Context<'_>, id: &ID) -> Result<Option<Product>> {
    let id: ProductId = parse_id(id)?;
    product_seen(ctx, id).await
}

/// The product `id`, if the viewer may see it.
pub(crate) async fn product_seen(ctx: &Context<'_>, id: ProductId) -> Result<Option<Product>> {
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let seen = row.published || is_staff(ctx, row.brand_id).await?;
    Ok(seen.then_some(Product(row)))
}

/// The variant with this id, if the viewer may see its product.
pub(crate) async fn variant_node(ctx: &Context<'_>, id: &ID) -> Result<Option<ProductVariant>> {
    let id: VariantId = parse_id(id)?;
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let product = product_seen(ctx, row.product_id).await?;
    Ok(product.map(|_| ProductVariant(row)))
}
