//! The split of a price by the data set's terms, as the product computes it.

/// VAT within the prices, in basis points.
pub const VAT: i64 = 1_900;
/// The brands' commission.
pub const COMMISSION: i64 = 1_500;
/// The platform's part of it.
pub const FEE: i64 = 1_000;
/// The part of the rest that shopholders give away.
pub const SHARE: i64 = 4_000;

/// One unit's price, divided.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// What the brand lists it for.
    pub list: i64,
    /// What the brand gives up.
    pub commission: i64,
    /// The platform's part.
    pub platform: i64,
    /// What the buyer saves.
    pub discount: i64,
    /// The shopholder's part.
    pub shop: i64,
    /// What the buyer pays.
    pub price: i64,
    /// The brand's part.
    pub brand: i64,
}

/// Divides a list price.
pub fn split(list: i64) -> Split {
    let commission = half_up((list - vat_within(list)) * COMMISSION, 10_000);
    let platform = commission * FEE / 10_000;
    let mine = commission - platform;
    let discount = mine * SHARE / 10_000;
    Split {
        list,
        commission,
        platform,
        discount,
        shop: mine - discount,
        price: list - discount,
        brand: list - commission,
    }
}

/// The VAT within a price.
pub fn vat_within(price: i64) -> i64 {
    half_up(price * VAT, 10_000 + VAT)
}

fn half_up(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator) / (2 * denominator)
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_make_up_the_price() {
        for list in 0..20_000 {
            let split = super::split(list);
            assert_eq!(split.brand + split.shop + split.platform, split.price);
            assert_eq!(split.price + split.discount, list);
        }
    }
}
