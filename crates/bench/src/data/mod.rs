//! The data set: shops that recommend, products, orders with their books, clicks. Written in bulk into a migrated
//! database, and so that `vitrine audit` holds it for sound.

mod books;
mod catalog;
pub mod names;
mod orders;
mod shops;
mod sink;
pub mod split;

use chrono::{DateTime, TimeDelta, Utc};

use sink::Sink;

/// Products that each shop recommends.
pub const RECOMMENDED: u64 = 30;
/// Variants of each product.
pub const VARIANTS: u64 = 3;
/// Accounts before those of the shopholders: the operator, who owns the brands, and a buyer.
pub const OPERATOR: u64 = 0;

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Published shops, each of an account of its own.
    pub shops: u64,
    /// Brands.
    pub brands: u64,
    /// Published products.
    pub products: u64,
    /// Paid orders of two lines of two brands.
    pub orders: u64,
    /// Clicks.
    pub clicks: u64,
}

impl Size {
    /// The size of a scale; 1 is the size that the targets are for.
    pub fn of(scale: f64) -> Self {
        let scaled = |full: u64| ((full as f64 * scale).round() as u64).max(1);
        let products = scaled(10_000).max(2 * RECOMMENDED);
        Self {
            shops: scaled(1_000).max(4),
            brands: (products / 100).max(4),
            products,
            orders: scaled(100_000),
            clicks: scaled(1_000_000),
        }
    }

    /// The product at a place of a shop: neighbouring places are of different brands.
    pub fn product(&self, shop: u64, place: u64) -> u64 {
        (shop * 37 + place % RECOMMENDED) % self.products
    }

    /// Whose the product is.
    pub fn brand(&self, product: u64) -> u64 {
        product % self.brands
    }

    /// The two places that an order is of.
    pub fn places(&self, order: u64) -> (u64, [u64; 2]) {
        let (shop, round) = (order % self.shops, order / self.shops);
        (shop, [round % RECOMMENDED, (round + 1) % RECOMMENDED])
    }
}

/// The shopholder of a shop.
pub fn shopholder(shop: u64) -> u64 {
    shop + 10
}

/// The recommendation at a place of a shop.
pub fn recommendation(shop: u64, place: u64) -> u64 {
    shop * RECOMMENDED + place
}

/// The list price of a product in minor units.
pub fn price(product: u64) -> i64 {
    i64::try_from(1_000 + product * 137 % 9_000).unwrap_or(1_000)
}

/// A writer of a data set.
struct Writer {
    sink: Sink,
    size: Size,
    now: DateTime<Utc>,
}

impl Writer {
    fn ago(&self, days: i64) -> DateTime<Utc> {
        self.now - TimeDelta::days(days)
    }
}

macro_rules! put {
    ($writer:expr, $table:expr, $($cell:expr),* $(,)?) => {
        $writer.sink.put($table, vec![$(crate::data::sink::Cell::from($cell)),*]).await?
    };
}
use put;

/// Fills the migrated, empty database at `url`.
pub async fn fill(url: &str, size: Size) -> anyhow::Result<()> {
    let now = DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap_or_default();
    let sink = Sink::open(url).await?;
    let mut writer = Writer { sink, size, now };
    catalog::write(&mut writer).await?;
    shops::write(&mut writer).await?;
    orders::write(&mut writer).await?;
    let numbered = [
        "product_text.id",
        "shop_text.id",
        "ledger_account.id",
        "ledger_transaction.id",
        "posting.id",
        "event.sequence",
    ];
    writer.sink.finish(&numbered).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_of_two_brands_at_every_scale() {
        for scale in [0.01, 0.1, 1.0] {
            let size = Size::of(scale);
            for order in 0..size.orders {
                let (shop, [one, two]) = size.places(order);
                let brands = [one, two].map(|place| size.brand(size.product(shop, place)));
                assert_ne!(brands[0], brands[1], "order {order} at {scale}");
            }
        }
    }

    #[test]
    fn a_shop_recommends_a_product_once() {
        let size = Size::of(0.01);
        for shop in 0..size.shops {
            let mut products: Vec<u64> = (0..RECOMMENDED).map(|place| size.product(shop, place)).collect();
            products.sort_unstable();
            products.dedup();
            assert_eq!(products.len(), 30);
        }
    }
}
