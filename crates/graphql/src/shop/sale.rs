//! Sales as the shopholder reads them.

use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use futures::future::try_join;
use vitrine_domain::shop;
use vitrine_model::checkout::order_line;
use vitrine_model::id::{AccountId, ShopId};

use crate::access::{Declared, Subject, Who, access};
use crate::catalog::{Product, product_seen};
use crate::connection::Listed;
use crate::loaders::load_many;
use crate::money::Money;
use crate::referral::CreditReason;
use crate::shop::loaders::FateOf;
use crate::shop::{Recommendation, is_run, recommendation_seen};

/// What became of a sale.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "shop::SaleState")]
pub enum SaleState {
    /// It stands.
    Sold,
    /// Some of its units were refunded.
    PartlyRefunded,
    /// All of its units were refunded.
    Refunded,
    /// Its order was cancelled before anything shipped.
    Cancelled,
    /// The buyer's bank disputes the payment, or asks about it: its earnings wait.
    Disputed,
    /// The buyer's bank took the payment back, or some of it, and its earnings with it.
    ChargedBack,
}

/// The lines with their orders, and with what became of their units.
pub(crate) async fn sales(ctx: &Context<'_>, lines: Listed<order_line::Model>) -> Result<Listed<shop::Sale>> {
    let rows = &lines.slice.rows;
    let (orders, fates) = try_join(
        load_many(ctx, rows.iter().map(|line| line.order_id)),
        load_many(ctx, rows.iter().map(|line| FateOf(line.id))),
    )
    .await?;
    let slice = lines.slice.filter_map(|line| {
        Some(shop::Sale {
            order: orders.get(&line.order_id)?.clone(),
            fate: fates.get(&FateOf(line.id)).copied().unwrap_or_default(),
            line,
        })
    });
    Ok(Listed {
        slice,
        count: lines.count,
    })
}

/// One line of a paid order, credited to a shop. It belongs to those who curate the shop.
pub struct Sale {
    pub(crate) sale: shop::Sale,
    pub(crate) shop: ShopId,
    pub(crate) owner: AccountId,
}

impl Sale {
    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.sale.order.currency)
    }
}

impl Subject for Sale {
    async fn is_owned(&self, ctx: &Context<'_>) -> Result<bool> {
        is_run(ctx, self.shop, self.owner).await
    }
}

/// One line of a paid order, credited to a shop, with the terms it was sold under. It tells nothing of the buyer. It
/// belongs to those who curate the shop.
#[Object(guard = Declared(self))]
impl Sale {
    /// The id of the order's line.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn id(&self) -> ID {
        self.sale.line.id.to_string().into()
    }

    /// When it was paid.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn sold_at(&self) -> Option<DateTime<Utc>> {
        self.sale.order.paid_at
    }

    /// What became of it.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn state(&self) -> SaleState {
        self.sale.state().into()
    }

    /// Why the shop was credited.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn credit_reason(&self) -> CreditReason {
        self.sale.line.credit.into()
    }

    /// The product; `null` when its brand took it down. `title` stays.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn product(&self, ctx: &Context<'_>) -> Result<Option<Product>> {
        product_seen(ctx, self.sale.line.product_id).await
    }

    /// The product's title when it was sold.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn title(&self) -> &str {
        self.sale.line.title.as_str()
    }

    /// The variant's title when it was sold.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn variant_title(&self) -> &str {
        self.sale.line.variant_title.as_str()
    }

    /// The recommendation it came from, or that the clicked link led to; `null` when there was none, or it was removed.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn recommendation(&self, ctx: &Context<'_>) -> Result<Option<Recommendation>> {
        match self.sale.line.recommendation_id {
            Some(id) => recommendation_seen(ctx, id).await,
            None => Ok(None),
        }
    }

    /// How many units were sold.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn quantity(&self) -> i32 {
        self.sale.line.quantity
    }

    /// How many of them were refunded, or are being.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn refunded_quantity(&self) -> i32 {
        self.sale.fate.refunded
    }

    /// The discount share it was sold under, in basis points of the shopholder's commission.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn discount_share(&self) -> i32 {
        self.sale.line.share_bp.get()
    }

    /// The list price of one unit, VAT included.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn list_price(&self) -> Money {
        self.money(self.sale.line.list_price)
    }

    /// What the buyer paid for one unit, VAT included.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn price(&self) -> Money {
        self.money(self.sale.line.price)
    }

    /// What the buyer saved on one unit, out of the shopholder's commission.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn discount(&self) -> Money {
        self.money(self.sale.line.discount)
    }

    /// What the shopholder earned on one unit that is not refunded.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn earnings_per_unit(&self) -> Money {
        self.money(self.sale.line.shop_part)
    }

    /// What the shopholder earns on it, less what refunds and lost disputes took back.
    #[graphql(directive = access::apply(Who::Owner))]
    async fn earnings(&self) -> Money {
        self.money(self.sale.earnings())
    }
}
