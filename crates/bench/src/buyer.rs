//! Buyers, who fill carts and pay at the local Stripe: what no load generator does.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::data::names::{Thing, public};
use crate::data::{Size, VARIANTS, recommendation};
use crate::servers::{FRONTEND, STRIPE_KEY, WEBHOOK_SECRET};

/// The card whose money is available at once.
const CARD: &str = "4000000000000077";

/// Whoever buys.
#[derive(Debug, Clone)]
pub struct Buyer {
    http: reqwest::Client,
    product: String,
    size: Size,
}

/// An order that was paid at Stripe, of which the product need not have heard.
#[derive(Debug, Clone)]
pub struct Bought {
    /// Its id.
    pub order: String,
    secret: String,
}

impl Buyer {
    /// A buyer at the product.
    pub fn new(product: &str, size: Size) -> Self {
        Self {
            http: crate::servers::client(),
            product: product.to_owned(),
            size,
        }
    }

    async fn ask(&self, secret: &str, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.product))
            .json(&json!({ "query": query, "variables": variables }));
        if !secret.is_empty() {
            request = request.header("vitrine-guest", secret);
        }
        let answer: Value = request.send().await?.json().await?;
        let text = answer.to_string();
        ensure!(
            answer.get("errors").is_none() && !text.contains("\"userErrors\":[{"),
            "{query}: {text}"
        );
        Ok(answer["data"].clone())
    }

    /// Buys two pieces of two brands through a shop, up to the payment at Stripe: five requests to the product.
    pub async fn buy(&self, number: u64) -> anyhow::Result<Bought> {
        let (shop, places) = self.size.places(number);
        let lines: Vec<Value> = places
            .iter()
            .map(|place| {
                let variant = self.size.product(shop, *place) * VARIANTS + number % VARIANTS;
                json!({
                    "variantId": public(Thing::Variant, variant),
                    "quantity": 1,
                    "recommendationId": public(Thing::Recommendation, recommendation(shop, *place)),
                })
            })
            .collect();
        let made = "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } guestSecret userErrors { message } } }";
        let made = self.ask("", made, json!({ "in": { "lines": lines } })).await?;
        let (cart, secret) = (
            text(&made, "/cartCreate/cart/id")?,
            text(&made, "/cartCreate/guestSecret")?,
        );
        let who =
            "mutation($in: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $in) { userErrors { message } } }";
        self.ask(
            &secret,
            who,
            json!({ "in": { "cartId": cart, "email": "berta@example.com", "name": "Berta Buyer" } }),
        )
        .await?;
        let to = "mutation($in: CartDeliveryAddressUpdateInput!) { cartDeliveryAddressUpdate(input: $in) { cart { cost { total { amount currency } } } userErrors { message } } }";
        let to = self
            .ask(&secret, to, json!({ "in": { "cartId": cart, "line1": "1 Mill Lane", "postalCode": "10115", "city": "Berlin", "country": "DE" } }))
            .await?;
        let start = "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id checkoutUrl } userErrors { message } } }";
        let started = json!({
            "cartId": cart,
            "expectedTotal": to["cartDeliveryAddressUpdate"]["cart"]["cost"]["total"],
            "successUrl": format!("{FRONTEND}/thanks"),
            "cancelUrl": format!("{FRONTEND}/cart"),
            "idempotencyKey": cart,
        });
        let started = self.ask(&secret, start, json!({ "in": started })).await?;
        let page = text(&started, "/checkoutStart/order/checkoutUrl")?;
        let form = [
            ("card_number", CARD),
            ("exp", "12/80"),
            ("cvc", "123"),
            ("name", "Berta Buyer"),
        ];
        let paid = self.http.post(page).form(&form).send().await?;
        ensure!(
            paid.status().is_redirection(),
            "the payment was answered by {}",
            paid.status()
        );
        Ok(Bought {
            order: text(&started, "/checkoutStart/order/id")?,
            secret,
        })
    }

    /// Whether the product knows that the order is paid.
    pub async fn is_paid(&self, bought: &Bought) -> anyhow::Result<bool> {
        let asked = "query($id: ID!) { order(id: $id) { state } }";
        let told = self
            .ask(&bought.secret, asked, json!({ "id": bought.order }))
            .await?;
        Ok(told.pointer("/order/state") == Some(&json!("PAID")))
    }
}

fn text(value: &Value, place: &str) -> anyhow::Result<String> {
    let found = value.pointer(place).and_then(Value::as_str);
    Ok(found
        .with_context(|| format!("no {place} in {value}"))?
        .to_owned())
}

/// What people do with the local Stripe.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    url: String,
}

impl Stripe {
    /// The local Stripe at `url`.
    pub fn new(url: &str) -> Self {
        Self {
            http: crate::servers::client(),
            url: url.to_owned(),
        }
    }

    /// Posts to one of its own routes.
    pub async fn admin(&self, route: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self
            .http
            .post(format!("{}/_sandbox/{route}", self.url))
            .json(&body)
            .send()
            .await?;
        let good = answer.status().is_success();
        let text = answer.text().await?;
        ensure!(good, "/_sandbox/{route}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Events go to the product from now on.
    pub async fn deliver_to(&self, product: &str) -> anyhow::Result<()> {
        let target = json!({ "url": format!("{product}/webhooks/stripe"), "secret": WEBHOOK_SECRET });
        self.admin("webhook", target).await?;
        Ok(())
    }

    /// All its events as it would send them, oldest first.
    pub async fn events(&self) -> anyhow::Result<Vec<Value>> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let last = events.last().and_then(|event| event["id"].as_str());
            let after = last
                .map(|last| format!("&starting_after={last}"))
                .unwrap_or_default();
            let page = self
                .http
                .get(format!("{}/v1/events?limit=100{after}", self.url))
                .bearer_auth(STRIPE_KEY);
            let page: Value = page.send().await?.json().await?;
            events.extend(page["data"].as_array().context("no events")?.iter().cloned());
            if page["has_more"] != json!(true) {
                events.reverse();
                return Ok(events);
            }
        }
    }
}

/// Sends an event to the product as Stripe would: signed.
pub async fn send(http: &reqwest::Client, product: &str, event: &Value) -> anyhow::Result<()> {
    let (body, now) = (event.to_string(), chrono::Utc::now().timestamp());
    let signature = hex::encode(hmac(
        WEBHOOK_SECRET.as_bytes(),
        format!("{now}.{body}").as_bytes(),
    ));
    let request = http
        .post(format!("{product}/webhooks/stripe"))
        .header("content-type", "application/json")
        .header("stripe-signature", format!("t={now},v1={signature}"))
        .body(body);
    let status = request.send().await?.status();
    ensure!(status.is_success(), "the product answered {status} to an event");
    Ok(())
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

#[cfg(test)]
mod tests {
    #[test]
    fn hmac_is_that_of_the_rfc() {
        // Test case 2 of RFC 4231.
        let made = super::hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(made),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
