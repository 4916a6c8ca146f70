//! What the story can sell of a brand's, and what the brand does where nothing of it is in stock.

use serde_json::{Value, json};
use vitrine_model::money::{Currency, Money};

use super::api::{Person, text};
use super::story::Brand;
use super::teller::Teller;

/// The demo's one currency.
pub(super) const EURO: Currency = Currency::Eur;
/// Prices that make a story with payouts in it, in minor units: 1.00 to 2000.00 EUR.
const USUAL: Range = Range {
    least: 100,
    most: 200_000,
    order: "TITLE",
};
/// Pieces of one product in the cart, where its price is usual.
const PIECES: i64 = 2;
/// What pieces that are cheap come to together, in minor units, if there are as many.
const ENOUGH: i64 = 200;
/// The lowest price of which a share can be told, in minor units: a commission on less rounds to nothing.
const LEAST: i64 = 10;
/// Products that a brand without stock counts anew.
const COUNTED: usize = 3;
/// How many of each it finds.
const FOUND: i64 = 20;

/// Something Anna might recommend.
pub(super) struct Offer {
    /// Whose it is.
    pub(super) brand: String,
    pub(super) product: String,
    pub(super) title: String,
    pub(super) variant: String,
    /// How many are bought.
    pub(super) quantity: i64,
    /// How many are, if there are as many.
    wanted: i64,
}

/// Prices to look for, in minor units, and what comes first.
#[derive(Debug, Clone, Copy)]
struct Range {
    least: i64,
    most: i64,
    order: &'static str,
}

impl Range {
    /// What Stripe takes: a piece of each brand's and one beside come to half of the largest charge, so that there is room
    /// for shipping. The smallest is reached by several pieces, and by shipping. The cheapest come first.
    fn of_stripe(brands: usize) -> Self {
        let pieces = i64::try_from(brands).unwrap_or(i64::MAX).saturating_add(1);
        Self {
            least: LEAST,
            most: EURO.rules().max_charge / pieces.saturating_mul(2),
            order: "PRICE_LOW_FIRST",
        }
    }

    /// The brand's own, and what Stripe takes where nothing is usual.
    fn both(brands: usize) -> [Self; 2] {
        [USUAL, Self::of_stripe(brands)]
    }

    /// How many pieces of one price go into the cart, if there are as many.
    fn pieces(self, price: i64) -> i64 {
        let enough = ENOUGH / price.max(1);
        enough.max(PIECES).min(self.most / price.max(1)).max(1)
    }

    /// The price in minor units, if it lies within.
    fn held(self, price: &Value) -> Option<i64> {
        let price = Money::parse(price.as_str()?, EURO).ok()?.minor();
        (self.least..=self.most).contains(&price).then_some(price)
    }
}

/// The prices that the demo can sell at, in words.
pub(super) fn limits(brands: usize) -> String {
    let Range { least, most, .. } = Range::of_stripe(brands);
    format!(
        "{} to {}",
        Money::new(least, EURO).decimal(),
        Money::new(most, EURO)
    )
}

/// What can be bought now of a brand's; where there is nothing, the brand counts its stock, or publishes its drafts.
pub(super) async fn of_brand(
    anna: &Person,
    brand: &Brand,
    brands: usize,
    tell: &mut Teller,
) -> anyhow::Result<Vec<Offer>> {
    let offers = of_published(anna, brand, brands, tell).await?;
    if offers.is_empty() && publish(brand, brands, tell).await? {
        return of_published(anna, brand, brands, tell).await;
    }
    Ok(offers)
}

async fn of_published(
    anna: &Person,
    brand: &Brand,
    brands: usize,
    tell: &mut Teller,
) -> anyhow::Result<Vec<Offer>> {
    for range in Range::both(brands) {
        let offers = listed(anna, brand, range, true).await?;
        if !offers.is_empty() {
            return Ok(offers);
        }
    }
    for range in Range::both(brands) {
        let mut offers = listed(anna, brand, range, false).await?;
        offers.truncate(COUNTED);
        if !offers.is_empty() {
            return count(brand, offers, tell).await;
        }
    }
    Ok(Vec::new())
}

/// Publishes some drafts, as the brand's people do once they are content; false when there is none to be sold.
async fn publish(brand: &Brand, brands: usize, tell: &mut Teller) -> anyhow::Result<bool> {
    let query = "query ($filter: ProductFilterInput, $order: ProductSort!) {
        products(filter: $filter, orderBy: $order, first: 40) { nodes { id title isPublished } } }";
    let set = "mutation ($in: ProductUpdateInput!) {
        productUpdate(input: $in) { product { id } userErrors { code message } } }";
    for range in Range::both(brands) {
        let filter = json!({ "brandId": brand.id, "visibility": "ANY",
            "priceMin": amount(range.least), "priceMax": amount(range.most) });
        let asked = json!({ "filter": filter, "order": range.order });
        let found = brand.staff.ask(query, asked).await?;
        let nodes = found["products"]["nodes"].as_array().cloned().unwrap_or_default();
        let drafts = nodes.iter().filter(|product| product["isPublished"] == false);
        let mut titles = Vec::new();
        for draft in drafts.take(COUNTED) {
            brand
                .staff
                .ask(set, json!({ "in": { "id": draft["id"], "published": true } }))
                .await?;
            titles.push(format!("\"{}\"", text(&draft["title"])?));
        }
        if !titles.is_empty() {
            let (name, titles) = (&brand.name, listing(&titles));
            tell.line(format!(
                "{name} has drafts only by its file; it publishes {titles}."
            ))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// An amount of the demo's currency as the API takes it.
fn amount(minor: i64) -> Value {
    json!({ "amount": Money::new(minor, EURO).decimal(), "currency": EURO.to_string() })
}

/// Puts pieces of each into the warehouse, as the brand's people do after counting.
async fn count(brand: &Brand, mut offers: Vec<Offer>, tell: &mut Teller) -> anyhow::Result<Vec<Offer>> {
    let set = "mutation ($in: VariantStockSetInput!) {
        variantStockSet(input: $in) { variant { id } userErrors { code message } } }";
    for offer in &mut offers {
        let key = format!("count-{}", offer.variant);
        let new = json!({ "in": { "variantId": offer.variant, "onHand": FOUND, "idempotencyKey": key } });
        brand.staff.ask(set, new).await?;
        offer.quantity = offer.wanted.min(FOUND);
    }
    let titles: Vec<String> = offers
        .iter()
        .map(|offer| format!("\"{}\"", offer.title))
        .collect();
    tell.line(format!(
        "{} has nothing in stock by its file; it counts, and finds {FOUND} each of {}.",
        brand.name,
        listing(&titles)
    ))?;
    Ok(offers)
}

async fn listed(anna: &Person, brand: &Brand, range: Range, in_stock: bool) -> anyhow::Result<Vec<Offer>> {
    let query = "query ($filter: ProductFilterInput, $order: ProductSort!) {
        products(filter: $filter, orderBy: $order, first: 40) { nodes {
        id title isPromotable variants { id isAvailable quantityAvailable price { amount } } } } }";
    let filter = json!({ "brandId": brand.id, "inStock": in_stock,
        "priceMin": amount(range.least), "priceMax": amount(range.most) });
    let found = anna
        .ask(query, json!({ "filter": filter, "order": range.order }))
        .await?;
    let products = found["products"]["nodes"].as_array().cloned().unwrap_or_default();
    Ok(products
        .iter()
        .filter(|product| product["isPromotable"] == true)
        .filter_map(|product| offer(&brand.id, product, range, in_stock))
        .collect())
}

/// The first variant of a product within the range, bought now or not.
fn offer(brand: &str, product: &Value, range: Range, in_stock: bool) -> Option<Offer> {
    let mut variants = product["variants"].as_array()?.iter();
    let (variant, price) = variants.find_map(|variant| {
        let price = range.held(&variant["price"]["amount"])?;
        (variant["isAvailable"] == in_stock).then_some((variant, price))
    })?;
    let wanted = range.pieces(price);
    Some(Offer {
        brand: brand.to_owned(),
        product: text(&product["id"]).ok()?,
        title: text(&product["title"]).ok()?,
        variant: text(&variant["id"]).ok()?,
        quantity: variant["quantityAvailable"]
            .as_i64()
            .unwrap_or(wanted)
            .clamp(1, wanted),
        wanted,
    })
}

/// "one", "one and two", "one, two and three".
pub(super) fn listing(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::MAX_BRANDS;
    use super::*;

    #[test]
    fn what_stripe_takes_leaves_room_for_a_cart_of_all_brands() {
        let most = EURO.rules().max_charge;
        for brands in 1..=MAX_BRANDS {
            let range = Range::of_stripe(brands);
            assert_eq!(range.held(&json!("0.10")), Some(10));
            assert_eq!(
                (range.held(&json!("0.09")), range.held(&Value::Null)),
                (None, None)
            );
            for price in [range.least, 30, 100, 25_000, range.most / 2, range.most] {
                let pieces = range.pieces(price);
                assert!(pieces == 1 || price * pieces <= range.most.max(ENOUGH));
                // Those of each brand's and one beside.
                let cart = price * (pieces * i64::try_from(brands).unwrap() + 1);
                assert!(
                    cart < most && price * pieces >= EURO.rules().min_charge,
                    "{price}"
                );
            }
        }
        assert!(Range::of_stripe(1).held(&json!("249999.00")).is_some());
    }

    #[test]
    fn words_are_listed_as_people_do() {
        let words: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(
            [listing(&words[..1]), listing(&words[..2]), listing(&words)],
            ["a", "a and b", "a, b and c"]
        );
    }
}
