//! Splits as clients see them: what a buyer pays is anyone's to read, what is earned is not.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use vitrine_domain::ledger::split::Split;
use vitrine_domain::shop::Offering;
use vitrine_model::catalog::variant;
use vitrine_model::id::{AccountId, ShopId, VariantId};
use vitrine_model::money::BasisPoints;

use crate::access::{Declared, Subject, Who, access};
use crate::catalog::{Product, ProductVariant};
use crate::money::Money;
use crate::request::{RequestContext, parse_id};
use crate::shop::is_run;

/// The exact division of one unit's price. It belongs to the shopholder who sets the discount share, and who curates the
/// shop with her.
#[derive(Debug, Clone)]
pub struct UnitSplit {
    offering: Arc<Offering>,
    variant: variant::Model,
    split: Split,
    shopholder: AccountId,
    shop: Option<ShopId>,
}

impl UnitSplit {
    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.offering.brand.currency)
    }

    /// What the buyer pays.
    pub(crate) fn price_shown(&self) -> Money {
        self.money(self.split.price)
    }

    /// What the shopholder earns.
    pub(crate) fn earned(&self) -> Money {
        self.money(self.split.shop)
    }
}

impl Subject for UnitSplit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Split".into()
    }

    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        match self.shop {
            Some(shop) => is_run(ctx, shop, self.shopholder).await,
            None => Ok(ctx.viewer().account_id() == Some(self.shopholder)),
        }
    }
}

/// The exact division of one unit's price, all amounts with VAT as listed:
/// `price + discount = listPrice` and `brandPart + earnings + platformFee = price`. It belongs to the shopholder who sets
/// the discount share, and who curates the shop with her.
#[Object(guard = Declared(self), name = "Split")]
impl UnitSplit {
    /// The variant that is divided.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn variant(&self) -> ProductVariant {
        ProductVariant(self.variant.clone())
    }

    /// The brand's list price, VAT included.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn list_price(&self) -> Money {
        self.money(self.variant.price)
    }

    /// What the buyer pays, VAT included.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn price(&self) -> Money {
        self.price_shown()
    }

    /// What the buyer saves, out of the shopholder's commission.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn discount(&self) -> Money {
        self.money(self.split.discount)
    }

    /// What the brand gives up of its list price.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn commission(&self) -> Money {
        self.money(self.split.commission)
    }

    /// What the shopholder earns: the commission less the platform's fee and the discount.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn earnings(&self) -> Money {
        self.earned()
    }

    /// What the platform keeps of the commission.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn platform_fee(&self) -> Money {
        self.money(self.split.platform)
    }

    /// What the brand gets, whatever the discount share.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn brand_part(&self) -> Money {
        self.money(self.split.brand)
    }
}

/// An offering under one discount share, as one account may see it.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) offering: Arc<Offering>,
    pub(crate) share: BasisPoints,
    pub(crate) shopholder: AccountId,
    /// The shop it is recommended in; none where nothing is yet.
    pub(crate) shop: Option<ShopId>,
}

impl Shared {
    fn unit(&self, variant: &variant::Model, split: Split) -> UnitSplit {
        UnitSplit {
            offering: self.offering.clone(),
            variant: variant.clone(),
            split,
            shopholder: self.shopholder,
            shop: self.shop,
        }
    }

    /// Of the variant that costs the buyer least.
    pub(crate) fn cheapest(&self) -> Option<UnitSplit> {
        let (variant, split) = self.offering.cheapest(self.share)?;
        Some(self.unit(variant, split))
    }

    /// Of the variant that costs the buyer most.
    pub(crate) fn dearest(&self) -> Option<UnitSplit> {
        let (variant, split) = self.offering.dearest(self.share)?;
        Some(self.unit(variant, split))
    }

    /// Of every variant that can be bought, in the brand's order.
    pub(crate) fn all(&self) -> Vec<UnitSplit> {
        let variants = self.offering.variants.iter();
        variants
            .map(|variant| self.unit(variant, self.offering.split(variant, self.share)))
            .collect()
    }

    /// Of the variant named; `None` when it is none of the product's that can be bought.
    pub(crate) fn of(&self, variant: &ID) -> Result<Option<UnitSplit>> {
        let id: VariantId = parse_id(variant)?;
        let variant = self.offering.variants.iter().find(|variant| variant.id == id);
        Ok(variant.map(|variant| self.unit(variant, self.offering.split(variant, self.share))))
    }
}

/// What recommending one product would mean, for several discount shares.
pub struct SplitPreview {
    pub(crate) offering: Arc<Offering>,
    pub(crate) shares: Vec<BasisPoints>,
    pub(crate) viewer: AccountId,
}

impl SplitPreview {
    fn under(&self, share: BasisPoints) -> Shared {
        Shared {
            offering: self.offering.clone(),
            share,
            shopholder: self.viewer,
            shop: None,
        }
    }
}

impl Subject for SplitPreview {}

/// What recommending one product would mean, for several discount shares. Nothing is written.
#[Object(guard = Declared(self))]
impl SplitPreview {
    /// The product.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn product(&self) -> Product {
        Product(self.offering.product.clone())
    }

    /// One entry per share asked about, in that order.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn shares(&self) -> Vec<ShareSplit> {
        let shares = self.shares.iter();
        shares.map(|share| ShareSplit(self.under(*share))).collect()
    }
}

/// What one product would cost and earn under one discount share.
pub struct ShareSplit(Shared);

impl Subject for ShareSplit {}

/// What one product would cost and earn under one discount share.
#[Object(guard = Declared(self))]
impl ShareSplit {
    /// The discount share, in basis points of the shopholder's commission.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn discount_share(&self) -> i32 {
        self.0.share.get()
    }

    /// The split of the variant that costs the buyer least; `null` when none can be bought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn cheapest(&self) -> Option<UnitSplit> {
        self.0.cheapest()
    }

    /// The split of the variant that costs the buyer most; `null` when none can be bought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn dearest(&self) -> Option<UnitSplit> {
        self.0.dearest()
    }

    /// The split of the variant named; `null` when it is none of the product's that can be bought.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn split(
        &self,
        #[graphql(desc = "A variant of the product.")] variant_id: ID,
    ) -> Result<Option<UnitSplit>> {
        self.0.of(&variant_id)
    }
}
