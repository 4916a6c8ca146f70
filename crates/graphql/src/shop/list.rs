//! Which shops a list shows, and in what order.

use async_graphql::{Enum, ID, InputObject, Result};
use vitrine_domain::page::Page;
use vitrine_domain::shop::{ShopFilter, ShopOrder, ShopPlace};

use crate::error::{code, protocol_error};
use crate::request::{parse_id, parse_search};

/// What comes first in a list of shops.
#[derive(Enum, Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum ShopSort {
    /// The latest published.
    #[default]
    Newest,
    /// By name.
    Name,
}

impl ShopSort {
    /// The order, if the page's cursor belongs to a list in it.
    pub(super) fn of_page(self, page: &Page<ShopPlace>) -> Result<ShopOrder> {
        let order = match self {
            Self::Newest => ShopOrder::Newest,
            Self::Name => ShopOrder::Name,
        };
        match &page.beyond {
            Some(place) if !place.fits(order) => Err(protocol_error(
                code::BAD_USER_INPUT,
                "this cursor belongs to a list in another order",
            )),
            _ => Ok(order),
        }
    }
}

/// Which shops. All that is given must hold.
#[derive(InputObject, Default)]
pub struct ShopFilterInput {
    /// Only those where this product is offered.
    product_id: Option<ID>,
    /// Only those where a product of this brand is offered.
    brand_id: Option<ID>,
}

impl ShopFilterInput {
    pub(super) fn parse(&self, search: Option<&str>) -> Result<ShopFilter> {
        Ok(ShopFilter {
            product: self.product_id.as_ref().map(parse_id).transpose()?,
            brand: self.brand_id.as_ref().map(parse_id).transpose()?,
            search: parse_search(search)?,
        })
    }
}
