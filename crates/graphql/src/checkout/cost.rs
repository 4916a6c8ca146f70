//! What things cost, in carts and in orders alike.

use async_graphql::{Context, Enum, Object, Result};
use vitrine_domain::checkout::{self, PricedCart};
use vitrine_model::checkout::{order, order_line, order_shipping};
use vitrine_model::id::BrandId;
use vitrine_model::money::Currency;
use vitrine_model::text::{AddressLine, Country};

use crate::access::{Declared, Subject, Who, access};
use crate::catalog::Brand;
use crate::loaders::load;
use crate::money::Money;

/// Whose pocket a discount comes from.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum DiscountFunder {
    /// The shopholder gives a part of her commission.
    Shopholder,
    /// The brand.
    Brand,
    /// The platform.
    Platform,
}

/// A part of a discount, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct DiscountAllocation {
    amount: Money,
    funded_by: DiscountFunder,
}

impl Subject for DiscountAllocation {}

/// A part of a discount, and whose it is.
#[Object(guard = Declared(self))]
impl DiscountAllocation {
    /// How much, for the line as a whole.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn amount(&self) -> Money {
        self.amount
    }

    /// Whose pocket it comes from.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn funded_by(&self) -> DiscountFunder {
        self.funded_by
    }
}

/// What a line costs.
#[derive(Debug, Clone, Copy)]
pub struct LineCost {
    /// Of all amounts.
    pub(super) currency: Currency,
    /// Of one piece, minor units.
    pub(super) list_price: i64,
    /// Of one piece, minor units.
    pub(super) price: i64,
    /// How many.
    pub(super) quantity: i32,
    /// The VAT contained in the line, minor units.
    pub(super) vat: i64,
}

impl LineCost {
    fn of_all(&self, amount: i64) -> Money {
        Money::new(amount * i64::from(self.quantity), self.currency)
    }
}

impl Subject for LineCost {}

/// What a line costs, VAT included.
#[Object(guard = Declared(self))]
impl LineCost {
    /// List price of one piece.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn list_price(&self) -> Money {
        Money::new(self.list_price, self.currency)
    }

    /// What the buyer pays for one piece.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price(&self) -> Money {
        Money::new(self.price, self.currency)
    }

    /// What the buyer saves on the line, and who gives it; empty without a discount.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn discount_allocations(&self) -> Vec<DiscountAllocation> {
        let amount = self.of_all(self.list_price - self.price);
        let allocation = DiscountAllocation {
            amount,
            funded_by: DiscountFunder::Shopholder,
        };
        let given = amount.0.minor() > 0;
        given.then_some(allocation).into_iter().collect()
    }

    /// What the buyer pays for the line.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn total(&self) -> Money {
        self.of_all(self.price)
    }

    /// The VAT contained in it, at the rate of the seller's country.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn vat(&self) -> Money {
        Money::new(self.vat, self.currency)
    }
}

/// What one brand charges for sending an order.
#[derive(Debug, Clone, Copy)]
pub struct ShippingCost {
    pub(super) brand: BrandId,
    pub(super) amount: Option<i64>,
    pub(super) currency: Currency,
}

impl Subject for ShippingCost {}

/// What one brand charges for sending an order.
#[Object(guard = Declared(self))]
impl ShippingCost {
    /// Who ships.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn brand(&self, ctx: &Context<'_>) -> Result<Option<Brand>> {
        Ok(load(ctx, self.brand).await?.map(Brand))
    }

    /// VAT included; `null` while there is no delivery address, or when the brand does not ship there.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn amount(&self) -> Option<Money> {
        self.amount.map(|amount| Money::new(amount, self.currency))
    }
}

/// What a cart or an order costs.
#[derive(Debug, Clone)]
pub struct Cost {
    pub(super) currency: Currency,
    /// Minor units.
    pub(super) list: i64,
    /// Minor units.
    pub(super) goods: i64,
    /// Minor units.
    pub(super) shipping_total: i64,
    /// Minor units.
    pub(super) vat: i64,
    pub(super) shipping: Vec<ShippingCost>,
}

impl Cost {
    /// What a cart costs now; none while it is empty.
    pub(super) fn of_cart(cart: &PricedCart) -> Option<Self> {
        let (currency, totals) = (cart.cart.currency?, cart.totals);
        let shipping = cart.shipping.iter().map(|entry| ShippingCost {
            brand: entry.brand.id,
            amount: entry.amount,
            currency,
        });
        Some(Self {
            currency,
            list: totals.list,
            goods: totals.goods,
            shipping_total: totals.shipping,
            vat: totals.vat,
            shipping: shipping.collect(),
        })
    }

    /// What an order of these lines cost.
    pub(super) fn of_order(
        order: &order::Model,
        lines: &[order_line::Model],
        shipping: &[order_shipping::Model],
    ) -> Self {
        let currency = order.currency;
        let list = lines
            .iter()
            .map(|line| line.list_price * i64::from(line.quantity));
        let charged = shipping.iter().map(|entry| ShippingCost {
            brand: entry.brand_id,
            amount: Some(entry.amount),
            currency,
        });
        Self {
            currency,
            list: list.sum(),
            goods: order.goods_total,
            shipping_total: order.shipping_total,
            vat: checkout::order_vat(lines, shipping),
            shipping: charged.collect(),
        }
    }
}

impl Subject for Cost {}

/// What a cart or an order costs, VAT included.
#[Object(guard = Declared(self))]
impl Cost {
    /// The goods at list prices.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn list_total(&self) -> Money {
        Money::new(self.list, self.currency)
    }

    /// What the buyer saves.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn discount_total(&self) -> Money {
        Money::new(self.list - self.goods, self.currency)
    }

    /// The goods at the buyer's prices.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn subtotal(&self) -> Money {
        Money::new(self.goods, self.currency)
    }

    /// Shipping, brand by brand.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shipping(&self) -> &[ShippingCost] {
        &self.shipping
    }

    /// Shipping, all brands together, as far as it is known.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shipping_total(&self) -> Money {
        Money::new(self.shipping_total, self.currency)
    }

    /// What is to be paid: pass it to `checkoutStart`.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn total(&self) -> Money {
        Money::new(self.goods + self.shipping_total, self.currency)
    }

    /// The VAT contained in the total, at the rates of the sellers' countries.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn vat(&self) -> Money {
        Money::new(self.vat, self.currency)
    }
}

/// Where a parcel goes.
#[derive(Debug, Clone)]
pub struct PostalAddress {
    pub(super) line1: Option<AddressLine>,
    pub(super) line2: Option<AddressLine>,
    pub(super) postal_code: Option<AddressLine>,
    pub(super) city: Option<AddressLine>,
    pub(super) region: Option<AddressLine>,
    pub(super) country: Country,
}

/// The address in the columns of a contact row; none without a country.
macro_rules! address_of {
    ($contact:expr) => {{
        let contact = $contact;
        contact
            .country
            .clone()
            .map(|country| $crate::checkout::cost::PostalAddress {
                line1: contact.line1.clone(),
                line2: contact.line2.clone(),
                postal_code: contact.postal_code.clone(),
                city: contact.city.clone(),
                region: contact.region.clone(),
                country,
            })
    }};
}
pub(crate) use address_of;

impl Subject for PostalAddress {}

/// Where a parcel goes. Who may read the object that carries it may read it.
#[Object(guard = Declared(self))]
impl PostalAddress {
    /// Street and number.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn line1(&self) -> Option<&str> {
        self.line1.as_ref().map(|line| line.as_str())
    }

    /// The rest of the street address.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn line2(&self) -> Option<&str> {
        self.line2.as_ref().map(|line| line.as_str())
    }

    /// Postal code.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn postal_code(&self) -> Option<&str> {
        self.postal_code.as_ref().map(|line| line.as_str())
    }

    /// Town.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn city(&self) -> Option<&str> {
        self.city.as_ref().map(|line| line.as_str())
    }

    /// State or province, where there is one.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn region(&self) -> Option<&str> {
        self.region.as_ref().map(|line| line.as_str())
    }

    /// Country, an ISO 3166-1 alpha-2 code.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn country(&self) -> &str {
        self.country.as_str()
    }
}
