//! Facets of a list of products, as clients see them.

use async_graphql::{Context, Enum, Object, Result};
use vitrine_domain::catalog::{Facet, FacetCount, FacetValue, ProductFilter, product_facets};

use crate::access::{Declared, Subject, Who, access};
use crate::catalog::brand::Brand;
use crate::error::settle;
use crate::loaders::load;
use crate::money::Money;
use crate::request::RequestContext;

/// What products are divided by.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "Facet")]
pub enum ProductFacetField {
    /// Who sells them: the filter `brandId`.
    Brand,
    /// The brand's kind of product: the filter `productType`.
    ProductType,
    /// Each of their tags: the filter `tag`.
    Tag,
    /// The range that the lowest list price is in: the filters `priceMin` and `priceMax`.
    Price,
    /// Whether a variant can be bought now: the filter `inStock`.
    Availability,
}

/// How products divide by one field.
#[derive(Debug)]
pub struct ProductFacet {
    facet: Facet,
    counts: Vec<FacetCount>,
}

impl Subject for ProductFacet {}

/// How products divide by one field.
#[Object(guard = Declared(self))]
impl ProductFacet {
    /// The field.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn field(&self) -> ProductFacetField {
        self.facet.into()
    }

    /// Its values, those with the most products first; fifty at most. A value without products is left out.
    #[graphql(directive = access::apply(Who::Anyone), complexity = "10 * child_complexity")]
    async fn values(&self, ctx: &Context<'_>) -> Result<Vec<ProductFacetValue<'_>>> {
        ctx.spend(self.counts.len())?;
        Ok(self.counts.iter().map(ProductFacetValue).collect())
    }
}

/// One value of a facet, with how many products have it.
#[derive(Debug)]
pub struct ProductFacetValue<'a>(&'a FacetCount);

impl Subject for ProductFacetValue<'_> {}

/// One value of a facet, with how many products have it.
#[Object(guard = Declared(self))]
impl ProductFacetValue<'_> {
    /// What the filter takes: a brand's id, a type, a tag, `true` or `false`; of a price its range, such as
    /// `5.00-9.99 EUR`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn value(&self) -> String {
        match &self.0.value {
            FacetValue::Brand(brand) => brand.to_string(),
            FacetValue::Word(word) => word.clone(),
            FacetValue::Available(available) => available.to_string(),
            FacetValue::Price(from, to) => {
                let to = to.map(|to| to.decimal()).unwrap_or_default();
                format!("{}-{to} {}", from.decimal(), from.currency())
            }
        }
    }

    /// How many products have it.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn count(&self) -> i32 {
        i32::try_from(self.0.count).unwrap_or(i32::MAX)
    }

    /// The brand, where the field is `BRAND`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        match &self.0.value {
            FacetValue::Brand(brand) => Ok(load(ctx, *brand).await?.map(Brand)),
            _ => Ok(None),
        }
    }

    /// The lowest price of the range, where the field is `PRICE`: for the filter `priceMin`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price_min(&self) -> Option<Money> {
        match &self.0.value {
            FacetValue::Price(from, _) => Some(Money(*from)),
            _ => None,
        }
    }

    /// The highest price of the range, where the field is `PRICE`: for the filter `priceMax`; `null` for the range that has
    /// no end.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price_max(&self) -> Option<Money> {
        match &self.0.value {
            FacetValue::Price(_, to) => to.map(Money),
            _ => None,
        }
    }
}

/// How the products that the filter lets through divide, by each of these fields; by all when none are named.
pub(super) async fn facets(
    ctx: &Context<'_>,
    filter: &ProductFilter,
    fields: Option<Vec<ProductFacetField>>,
) -> Result<Vec<ProductFacet>> {
    let mut wanted: Vec<Facet> = Vec::new();
    for facet in fields.map_or(Facet::ALL.to_vec(), |fields| {
        fields.into_iter().map(Into::into).collect()
    }) {
        if !wanted.contains(&facet) {
            wanted.push(facet);
        }
    }
    let found = settle(ctx, product_facets(ctx.cx(), filter, &wanted).await)?;
    let facets = found.into_iter();
    Ok(facets
        .map(|(facet, counts)| ProductFacet { facet, counts })
        .collect())
}
