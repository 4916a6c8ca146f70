//! Previews of splits: many products under many shares, by one batch.

use async_graphql::{Context, ID, Result};
use vitrine_domain::shop::{self, MAX_PREVIEW_PRODUCTS, MAX_PREVIEW_SHARES};
use vitrine_model::id::ProductId;
use vitrine_model::money::BasisPoints;

use crate::error::{code, protocol_error, settle};
use crate::request::{RequestContext, parse_id};
use crate::shop::split::SplitPreview;

/// The cost of a preview. A split costs arithmetic only, and is a third of what a field that may read the database is.
pub(crate) fn cost(products: usize, shares: usize, child: usize) -> usize {
    1 + products * (1 + shares / 3) * child
}

/// One preview per product, in order; `None` for one that the viewer cannot recommend.
pub(crate) async fn previews(
    ctx: &Context<'_>,
    products: &[ID],
    shares: &[i32],
) -> Result<Vec<Option<SplitPreview>>> {
    let (products, shares) = parse(products, shares)?;
    let viewer = ctx.account()?.id;
    let offerings = settle(ctx, shop::previews(ctx.cx(), &products).await)?;
    let preview = |offering| SplitPreview {
        offering,
        shares: shares.clone(),
        viewer,
    };
    Ok(offerings
        .into_iter()
        .map(|offering| offering.map(preview))
        .collect())
}

fn parse(products: &[ID], shares: &[i32]) -> Result<(Vec<ProductId>, Vec<BasisPoints>)> {
    if products.len() > MAX_PREVIEW_PRODUCTS || shares.len() > MAX_PREVIEW_SHARES {
        let limit =
            format!("ask for {MAX_PREVIEW_PRODUCTS} products and {MAX_PREVIEW_SHARES} shares at most");
        return Err(protocol_error(code::BAD_USER_INPUT, limit));
    }
    let shares: Result<Vec<BasisPoints>, _> = shares.iter().map(|share| BasisPoints::new(*share)).collect();
    let shares = shares.map_err(|error| protocol_error(code::BAD_USER_INPUT, error.to_string()))?;
    let products: Result<Vec<ProductId>> = products.iter().map(parse_id).collect();
    Ok((products?, shares))
}
