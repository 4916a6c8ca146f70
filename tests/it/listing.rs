//! Products listed by hand, and how what is listed looks from then on: on its page, in an order, in a cart on another
//! device.

use serde_json::{Value, json};

use crate::catalog::found;
use crate::support::market::text;
use crate::support::{Person, on_both};

const CREATE: &str = "mutation($in: ProductCreateInput!) { productCreate(input: $in) { product { id handle isPublished
    optionNames priceRange { min { amount } max { amount } } images { url alt } tags
    variants { id title price { amount } sku stockOnHand isTracked isAvailable } } userErrors { code field message } } }";

/// A shirt of three variants with two pictures.
fn shirt(brand: &str) -> Value {
    let euros = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    json!({
        "brandId": brand, "handle": "linen-shirt", "title": "Linen Shirt", "descriptionHtml": "<p>Cool.</p><script>x</script>",
        "tags": ["summer", "linen"], "optionNames": ["Size", "Colour"],
        "variants": [
            { "options": ["S", "Blue"], "price": euros("60.00"), "sku": "LS-S", "onHand": 3 },
            { "options": ["M", "Blue"], "price": euros("62.00"), "onHand": 0 },
            { "options": ["M", "Sand"], "price": euros("65.50"), "compareAtPrice": euros("70.00") },
        ],
        "images": [{ "url": "https://cdn.example.com/front.jpg", "alt": "The front" }, { "url": "https://cdn.example.com/back.jpg" }],
    })
}

async fn refused(who: &Person<'_>, input: Value) -> (String, Vec<String>) {
    let answer = who.ask(CREATE, json!({ "in": input })).await;
    let error = &answer["productCreate"]["userErrors"][0];
    assert!(answer["productCreate"]["product"].is_null(), "{answer:#}");
    let path = error["field"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    (text(&error["code"]), path)
}

on_both! {
    async fn a_product_is_listed_with_its_variants_and_pictures(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "linen").await;
        let made = anna.made(CREATE, shirt(&brand)).await["product"].take();
        assert_eq!(made["priceRange"], json!({ "min": { "amount": "60.00" }, "max": { "amount": "65.50" } }));
        assert_eq!(made["tags"], json!(["linen", "summer"]));
        assert_eq!(made["images"], json!([
            { "url": "https://cdn.example.com/front.jpg", "alt": "The front" },
            { "url": "https://cdn.example.com/back.jpg", "alt": null },
        ]));
        let variants: Vec<_> = made["variants"].as_array().unwrap().iter()
            .map(|row| (text(&row["title"]), text(&row["price"]["amount"]), row["stockOnHand"].clone(), row["isAvailable"].clone()))
            .collect();
        assert_eq!(variants, [
            ("S / Blue".to_owned(), "60.00".to_owned(), json!(3), json!(true)),
            ("M / Blue".to_owned(), "62.00".to_owned(), json!(0), json!(false)),
            ("M / Sand".to_owned(), "65.50".to_owned(), made["variants"][2]["stockOnHand"].clone(), json!(true)),
        ]);
        // Whoever looks around finds it, without what was not harmless.
        let found = "{ products(first: 5, search: \"linen summer\") { nodes { id descriptionHtml variants { lowestPrice30d { amount } } } } }";
        let seen = app.nobody().ask(found, json!({})).await["products"]["nodes"].take();
        assert_eq!(seen[0]["id"], made["id"]);
        assert_eq!(seen[0]["descriptionHtml"], "<p>Cool.</p>");
        // A second one under its handle is refused, and nothing of it stays.
        assert_eq!(refused(&anna, shirt(&brand)).await, ("TAKEN".to_owned(), vec!["input".to_owned(), "handle".to_owned()]));
    }

    async fn a_product_whose_parts_do_not_fit_is_refused_with_the_place_that_is_wrong(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "linen").await;
        let path = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        let euros = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
        for (place, value, wrong) in [
            ("/variants", json!([]), "input.variants"),
            ("/optionNames", json!(["Size", "Size"]), "input.optionNames"),
            ("/optionNames", json!(["Size"]), "input.variants.0.options"),
            ("/variants/1/options", json!(["S", "Blue"]), "input.variants.1.options"),
            ("/variants/1/price", json!({ "amount": "1.00", "currency": "USD" }), "input.variants.1.price"),
            ("/variants/2/compareAtPrice", euros("100000000.00"), "input.variants.2.compareAtPrice"),
            ("/variants/2/onHand", json!(-1), "input.variants.2.onHand"),
            ("/variants/0/sku", json!(""), "input.variants.0.sku"),
            ("/images/1/url", json!("ftp://example.com/a.jpg"), "input.images.1.url"),
            ("/handle", json!("not a handle\u{7}"), "input.handle"),
        ] {
            let mut input = shirt(&brand);
            if place == "/variants/2/onHand" || place == "/variants/0/sku" {
                let (row, field) = place.rsplit_once('/').unwrap();
                input.pointer_mut(row).unwrap()[field] = value;
            } else {
                *input.pointer_mut(place).unwrap() = value;
            }
            assert_eq!(refused(&anna, input).await, ("INVALID".to_owned(), path(wrong)), "{place}");
        }
        let mallory = app.someone("mallory").await;
        assert_eq!(refused(&mallory, shirt(&brand)).await.0, "FORBIDDEN");
        let none = "query($id: ID!) { products(first: 5, filter: { brandId: $id }) { nodes { id } } }";
        assert_eq!(anna.ask(none, json!({ "id": brand })).await["products"]["nodes"], json!([]));
    }

    async fn an_order_shows_what_was_bought_and_a_cart_goes_on_on_another_device(app) {
        let tea = app.market("tea").await;
        let product = "mutation($in: ProductCreateInput!) { productCreate(input: $in) { product { variants { id } } userErrors { message } } }";
        let mut new = shirt(&tea.brand);
        new["handle"] = json!("apron");
        let variant = text(&tea.owner.made(product, new).await["product"]["variants"][0]["id"]);
        let carla = app.someone("carla").await;
        let none = carla.ask("{ viewer { cart { id } } }", json!({})).await;
        assert!(none["viewer"]["cart"].is_null());
        let create = "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } userErrors { message } } }";
        let made = carla.made(create, json!({ "lines": [{ "variantId": variant, "quantity": 2 }] })).await;
        let mut phone = app.nobody();
        carla.email.clone_into(&mut phone.email);
        phone.come_back().await;
        let seen = phone.ask("{ viewer { cart { id lines { quantity } } } }", json!({})).await;
        assert_eq!(seen["viewer"]["cart"], json!({ "id": made["cart"]["id"], "lines": [{ "quantity": 2 }] }));
        let purchase = app.buy(&[(&tea, 1)]).await;
        let lines = "query($id: ID!) { order(id: $id) { lines { variantId variant { id } image { url } product { images { url } } } } }";
        let line = purchase.buyer.ask(lines, json!({ "id": purchase.order })).await["order"]["lines"][0].take();
        assert_eq!(line["variantId"], json!(tea.variant.to_string()));
        assert_eq!(line["variant"]["id"], line["variantId"]);
        assert_eq!(line["image"], line["product"]["images"].get(0).cloned().unwrap_or(Value::Null));
    }

    async fn shops_and_brands_have_pictures(app) {
        let tea = app.market("tea").await;
        let shops = "{ shop(handle: \"tea-shop\") { id pictureUrl } brand(handle: \"tea\") { pictureUrl } }";
        let seen = app.nobody().ask(shops, json!({})).await;
        assert_eq!((&seen["shop"]["pictureUrl"], &seen["brand"]["pictureUrl"]), (&Value::Null, &Value::Null));
        let shop = "mutation($in: ShopUpdateInput!) { shopUpdate(input: $in) { shop { pictureUrl } userErrors { code field message } } }";
        let brand = "mutation($in: BrandUpdateInput!) { brandUpdate(input: $in) { brand { pictureUrl } userErrors { message } } }";
        let url = "https://cdn.example.com/anna.jpg";
        tea.shopholder.made(shop, json!({ "id": seen["shop"]["id"], "pictureUrl": url })).await;
        tea.owner.made(brand, json!({ "brandId": tea.brand, "pictureUrl": url })).await;
        let seen = app.nobody().ask(shops, json!({})).await;
        assert_eq!((&seen["shop"]["pictureUrl"], &seen["brand"]["pictureUrl"]), (&json!(url), &json!(url)));
        let wrong = json!({ "id": seen["shop"]["id"], "pictureUrl": "javascript:alert(1)" });
        assert_eq!(tea.shopholder.refused(shop, wrong).await, "INVALID");
        tea.shopholder.made(shop, json!({ "id": seen["shop"]["id"], "pictureUrl": null })).await;
        assert!(app.nobody().ask(shops, json!({})).await["shop"]["pictureUrl"].is_null());
    }
}
