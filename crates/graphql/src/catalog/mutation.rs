//! Mutations of brands, products, variants and stock.

use async_graphql::{Context, Object, Result};
use vitrine_domain::catalog::{self, StockCount};

use crate::access::{Declared, Scope, Who, access, keyed, root_part};
use crate::catalog::brand::{Brand, Terms};
use crate::catalog::inputs::{
    BrandCreateInput, BrandFeeBearerSetInput, BrandTermsChangeInput, BrandUpdateInput, ProductCreateInput,
    ProductUpdateInput, ShippingRateSetInput, VariantStockSetInput, VariantUpdateInput,
};
use crate::catalog::product::Product;
use crate::catalog::variant::ProductVariant;
use crate::error::{answer, at, payload};
use crate::request::{RequestContext, parse_id};

payload! {
    /// What came of `brandCreate`.
    BrandCreatePayload {
        /// The new brand.
        brand: Brand
    }
}

payload! {
    /// What came of `brandUpdate`.
    BrandUpdatePayload {
        /// The brand as it is now.
        brand: Brand
    }
}

payload! {
    /// What came of `brandTermsChange`.
    BrandTermsChangePayload {
        /// The terms in force now. A lower commission stands in the brand's `announcedTerms`.
        terms: Terms
    }
}

payload! {
    /// What came of `brandFeeBearerSet`.
    BrandFeeBearerSetPayload {
        /// The brand as it is now.
        brand: Brand
    }
}

payload! {
    /// What came of `shippingRateSet`.
    ShippingRateSetPayload {
        /// The brand, with its new shipping rates.
        brand: Brand
    }
}

payload! {
    /// What came of `productCreate`.
    ProductCreatePayload {
        /// The new product.
        product: Product
    }
}

payload! {
    /// What came of `productUpdate`.
    ProductUpdatePayload {
        /// The product as it is now.
        product: Product
    }
}

payload! {
    /// What came of `variantUpdate`.
    VariantUpdatePayload {
        /// The variant as it is now.
        variant: ProductVariant
    }
}

payload! {
    /// What came of `variantStockSet`.
    VariantStockSetPayload {
        /// The variant as it is now.
        variant: ProductVariant
    }
}

root_part! {
    /// Mutation fields of this domain.
    CatalogMutation of "Mutation"
}

#[Object(guard = Declared(self))]
impl CatalogMutation {
    /// Founds a brand, with the platform's default terms; you become its owner. Codes: `INVALID`, `TAKEN`,
    /// `HANDLE_RESERVED`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_create(&self, ctx: &Context<'_>, input: BrandCreateInput) -> Result<BrandCreatePayload> {
        answer(ctx, async {
            let (by, new) = (ctx.account()?, input.parse()?);
            Ok(Brand(catalog::create_brand(ctx.cx(), by, new).await?))
        })
        .await
    }

    /// Changes what a brand is called, where it is, and its default VAT rate. For owners and managers. Codes: `INVALID`,
    /// `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_update(&self, ctx: &Context<'_>, input: BrandUpdateInput) -> Result<BrandUpdatePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.brand_id)?);
            Ok(Brand(
                catalog::update_brand(ctx.cx(), by, id, input.parse()?).await?,
            ))
        })
        .await
    }

    /// Changes a brand's terms: a lower commission applies after the notice, everything else at once. For owners and
    /// managers. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn brand_terms_change(
        &self,
        ctx: &Context<'_>,
        input: BrandTermsChangeInput,
    ) -> Result<BrandTermsChangePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.brand_id)?);
            Ok(Terms(
                catalog::change_terms(ctx.cx(), by, id, input.parse()?).await?,
            ))
        })
        .await
    }

    /// Decides who bears the payment provider's fee on a brand's sales from now on. Codes: `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = access::apply(Who::Operator))]
    async fn brand_fee_bearer_set(
        &self,
        ctx: &Context<'_>,
        input: BrandFeeBearerSetInput,
    ) -> Result<BrandFeeBearerSetPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.brand_id)?);
            let bearer = input.fee_bearer.into();
            Ok(Brand(catalog::set_fee_bearer(ctx.cx(), by, id, bearer).await?))
        })
        .await
    }

    /// Sets what a brand charges for sending one order to a country. For owners and managers. Codes: `INVALID`,
    /// `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = access::apply(Who::Account))]
    async fn shipping_rate_set(
        &self,
        ctx: &Context<'_>,
        input: ShippingRateSetInput,
    ) -> Result<ShippingRateSetPayload> {
        answer(ctx, async {
            let (by, id) = (ctx.account()?, parse_id(&input.brand_id)?);
            let country = at("country", input.country.parse())?;
            let price = input.parse_price()?;
            Ok(Brand(
                catalog::set_shipping_rate(ctx.cx(), by, id, country, price).await?,
            ))
        })
        .await
    }

    /// Lists a product, with its variants and images. Many at once are better imported (`productImportCreate`). For owners
    /// and managers of the brand. Codes: `INVALID`, `TAKEN` (the handle), `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogWrite))]
    async fn product_create(
        &self,
        ctx: &Context<'_>,
        input: ProductCreateInput,
    ) -> Result<ProductCreatePayload> {
        answer(ctx, async {
            let (by, brand) = (ctx.by()?, parse_id(&input.brand_id)?);
            let new = input.parse(brand)?;
            Ok(Product(catalog::create_product(ctx.cx(), by, new).await?))
        })
        .await
    }

    /// Changes a product. For owners and managers of its brand. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogWrite))]
    async fn product_update(
        &self,
        ctx: &Context<'_>,
        input: ProductUpdateInput,
    ) -> Result<ProductUpdatePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.id)?);
            Ok(Product(
                catalog::update_product(ctx.cx(), by, id, input.parse()?).await?,
            ))
        })
        .await
    }

    /// Changes a variant. For owners and managers of its brand. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::CatalogWrite))]
    async fn variant_update(
        &self,
        ctx: &Context<'_>,
        input: VariantUpdateInput,
    ) -> Result<VariantUpdatePayload> {
        answer(ctx, async {
            let (by, id) = (ctx.by()?, parse_id(&input.variant_id)?);
            let change = input.parse()?;
            Ok(ProductVariant(
                catalog::update_variant(ctx.cx(), by, id, change).await?,
            ))
        })
        .await
    }

    /// Sets how many pieces of a variant there are, and has them counted from now on. For owners and managers of its
    /// brand. Codes: `INVALID`, `NOT_FOUND`, `FORBIDDEN`, `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`.
    #[graphql(directive = keyed::apply(Who::Account, Scope::StockWrite))]
    async fn variant_stock_set(
        &self,
        ctx: &Context<'_>,
        input: VariantStockSetInput,
    ) -> Result<VariantStockSetPayload> {
        answer(ctx, async {
            let (by, variant) = (ctx.by()?, parse_id(&input.variant_id)?);
            let on_hand = input.on_hand;
            let count = StockCount { variant, on_hand };
            let key = &input.idempotency_key;
            Ok(ProductVariant(
                catalog::set_stock(ctx.cx(), by, key, count).await?,
            ))
        })
        .await
    }
}
