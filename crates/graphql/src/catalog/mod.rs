//! Brands, products, variants, stock and imports, as clients see them.

mod brand;
mod facet;
mod import;
mod inputs;
mod loaders;
mod mutation;
mod product;
mod query;
mod refusal;
mod variant;

use async_graphql::{Context, ID, Result};
use vitrine_domain::identity::By;
use vitrine_domain::{catalog, identity};
use vitrine_model::id::{BrandId, ProductId, VariantId};
use vitrine_model::identity::{Role, Scope};
use vitrine_model::text::Handle;

use crate::catalog::loaders::ImagesOf;
use crate::error::settle;
use crate::loaders::{RoleAt, load, rows};
use crate::request::{RequestContext, parse_id};

pub(crate) use brand::Brand;
pub use import::{ImportMutation, ImportQuery};
pub(crate) use import::{ProductImport, import_node};
pub(crate) use loaders::{TermsNow, VariantsOf};
pub use mutation::CatalogMutation;
pub(crate) use product::{Product, ProductImage};
pub use query::CatalogQuery;
pub(crate) use variant::ProductVariant;

/// Whether the viewer works for the brand, in any role, or runs the platform; an API key, whether it is the brand's.
pub(crate) async fn works_for(ctx: &Context<'_>, brand: BrandId) -> Result<bool> {
    match ctx.viewer().by() {
        Some(By::Account { operator: true, .. }) => Ok(true),
        Some(By::Account { id, .. }) => Ok(load(ctx, RoleAt(brand, id)).await?.is_some()),
        Some(By::ApiKey { brand: own, .. }) => Ok(own == brand),
        None => Ok(false),
    }
}

/// The same, but of an API key also whether it has the scope.
pub(crate) async fn is_staff(ctx: &Context<'_>, brand: BrandId, scope: Scope) -> Result<bool> {
    match &ctx.viewer().key {
        Some(key) => Ok(identity::allows_at(key, brand, scope)),
        None => works_for(ctx, brand).await,
    }
}

/// What the viewer may do at the brand; nothing when she does not work there.
pub(crate) async fn role_at(ctx: &Context<'_>, brand: BrandId) -> Result<Option<Role>> {
    match ctx.viewer().account_id() {
        Some(account) => load(ctx, RoleAt(brand, account)).await,
        None => Ok(None),
    }
}

/// Whether the viewer owns the brand, or runs the platform.
pub(crate) async fn is_head(ctx: &Context<'_>, brand: BrandId) -> Result<bool> {
    Ok(ctx.viewer().is_operator() || role_at(ctx, brand).await? == Some(Role::Owner))
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
    let seen = row.published || is_staff(ctx, row.brand_id, Scope::CatalogRead).await?;
    Ok(seen.then_some(Product(row)))
}

/// The variant with this id, if the viewer may see its product.
pub(crate) async fn variant_node(ctx: &Context<'_>, id: &ID) -> Result<Option<ProductVariant>> {
    variant_seen(ctx, parse_id(id)?).await
}

/// The variant `id`, if the viewer may see its product.
pub(crate) async fn variant_seen(ctx: &Context<'_>, id: VariantId) -> Result<Option<ProductVariant>> {
    let Some(row) = load(ctx, id).await? else {
        return Ok(None);
    };
    let product = product_seen(ctx, row.product_id).await?;
    Ok(product.map(|_| ProductVariant(row)))
}

/// What a variant looks like: its own image, else its product's first.
pub(crate) async fn image_of(
    ctx: &Context<'_>,
    product: ProductId,
    variant: VariantId,
) -> Result<Option<ProductImage>> {
    let own = load(ctx, variant).await?.and_then(|row| row.image_id);
    let images = rows(ctx, ImagesOf(product)).await?;
    let own = images.iter().find(|image| Some(image.id) == own);
    Ok(own.or(images.first()).cloned().map(ProductImage))
}

/// The brand's product with this handle, if the viewer may see it.
async fn product_called(ctx: &Context<'_>, brand: &ID, handle: &str) -> Result<Option<Product>> {
    let brand: BrandId = parse_id(brand)?;
    let Ok(handle) = handle.parse() else {
        return Ok(None);
    };
    let found = catalog::product_by_handle(ctx.cx().db(), brand, &handle).await;
    match settle(ctx, found)? {
        Some(row) if row.published || is_staff(ctx, brand, Scope::CatalogRead).await? => {
            Ok(Some(Product(row)))
        }
        _ => Ok(None),
    }
}
