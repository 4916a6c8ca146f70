//! What the story can sell of a brand's, and what the brand does where nothing of it is in stock.

use serde_json::{Value, json};
use vitrine_model::money::{Currency, Money};

use super::api::{Person, text};
use super::catalogue::MAX_BRANDS;
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
/// Most pieces of one product in the cart.
const PIECES: i64 = 2;
/// Products that a brand without stock counts anew.
const COUNTED: usize = 3;
/// How many of each it finds.
const FOUND: i64 = 5;

/// Something Anna might recommend.
pub(super) struct Offer {
    /// Whose it is.
    pub(super) brand: String,
    pub(super) product: String,
    pub(super) title: String,
    pub(super) variant: String,
    /// How many may be bought; at most two.
    pub(super) quantity: i64,
}

/// Prices to look for, in minor units, and what comes first.
#[derive(Debug, Clone, Copy)]
struct Range {
    least: i64,
    most: i64,
    order: &'static str,
}

impl Range {
    /// What Stripe takes: one piece reaches the smallest charge, and a cart of all brands stays below a quarter of the
    /// largest, so that there is room for shipping. The cheapest come first.
    fn of_stripe() -> Self {
        let rules = EURO.rules();
        let brands = i64::try_from(MAX_BRANDS).unwrap_or(i64::MAX);
        Self {
            least: rules.min_charge,
            most: rules.max_charge / brands.saturating_mul(PIECES).saturating_mul(2),
            order: "PRICE_LOW_FIRST",
        }
    }

    fn holds(self, price: &Value) -> bool {
        let price = price.as_str().and_then(|text| Money::parse(text, EURO).ok());
        price.is_some_and(|price| (self.least..=self.most).contains(&price.minor()))
    }
}

/// The prices that the demo can sell at, in words.
pub(super) fn limits() -> String {
    let Range { least, most, .. } = Range::of_stripe();
    format!(
        "{} to {}",
        Money::new(least, EURO).decimal(),
        Money::new(most, EURO)
    )
}

/// What can be bought now of a brand's; where there is nothing, the brand counts its stock.
pub(super) async fn of_brand(anna: &Person, brand: &Brand, tell: &mut Teller) -> anyhow::Result<Vec<Offer>> {
    for range in [USUAL, Range::of_stripe()] {
        let offers = listed(anna, brand, range, true).await?;
        if !offers.is_empty() {
            return Ok(offers);
        }
    }
    for range in [USUAL, Range::of_stripe()] {
        let mut offers = listed(anna, brand, range, false).await?;
        offers.truncate(COUNTED);
        if !offers.is_empty() {
            return count(brand, offers, tell).await;
        }
    }
    Ok(Vec::new())
}

/// Puts pieces of each into the warehouse, as the brand's people do after counting.
async fn count(brand: &Brand, mut offers: Vec<Offer>, tell: &mut Teller) -> anyhow::Result<Vec<Offer>> {
    let set = "mutation ($in: VariantStockSetInput!) {
        variantStockSet(input: $in) { variant { id } userErrors { code message } } }";
    for offer in &mut offers {
        let key = format!("count-{}", offer.variant);
        let new = json!({ "in": { "variantId": offer.variant, "onHand": FOUND, "idempotencyKey": key } });
        brand.staff.ask(set, new).await?;
        offer.quantity = PIECES;
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
    let amount = |minor| json!({ "amount": Money::new(minor, EURO).decimal(), "currency": EURO.to_string() });
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
    let variant = product["variants"]
        .as_array()?
        .iter()
        .find(|variant| variant["isAvailable"] == in_stock && range.holds(&variant["price"]["amount"]))?;
    Some(Offer {
        brand: brand.to_owned(),
        product: text(&product["id"]).ok()?,
        title: text(&product["title"]).ok()?,
        variant: text(&variant["id"]).ok()?,
        quantity: variant["quantityAvailable"]
            .as_i64()
            .unwrap_or(PIECES)
            .clamp(1, PIECES),
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
    use super::*;

    #[test]
    fn what_stripe_takes_leaves_room_for_a_cart_of_all_brands() {
        let (range, rules) = (Range::of_stripe(), EURO.rules());
        assert!(range.holds(&json!("0.50")) && range.holds(&json!("8900.00")));
        assert!(!range.holds(&json!("0.49")) && !range.holds(&Value::Null));
        let brands = i64::try_from(MAX_BRANDS).unwrap();
        // Two pieces of each brand's and one beside.
        assert!(range.most * (brands * PIECES + 1) < rules.max_charge);
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
