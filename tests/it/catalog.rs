//! Brands, terms, products, variants and stock.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::import::{import_text, state_of};
use crate::support::{App, Person, on_both};

const CREATE: &str = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id handle } userErrors { code field } } }";
const TERMS: &str = "mutation($in: BrandTermsChangeInput!) { brandTermsChange(input: $in) { terms { commissionRate memberPrice } userErrors { code field } } }";
const STOCK: &str = "mutation($in: VariantStockSetInput!) { variantStockSet(input: $in) { variant { stockOnHand isTracked } userErrors { code field } } }";

/// A brand selling in euros, with 21 % VAT, founded by `staff`; its id.
pub(crate) async fn found(staff: &Person<'_>, handle: &str) -> String {
    let new = json!({ "handle": handle, "name": handle, "country": "NL", "currency": "EUR", "defaultVatRate": 2100 });
    let made = staff.ask(CREATE, json!({ "in": new })).await;
    made["brandCreate"]["brand"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made:#}"))
        .to_owned()
}

/// The codes of a mutation's user errors.
fn codes(answer: &Value, mutation: &str) -> Vec<String> {
    let errors = answer[mutation]["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect()
}

/// A brand with one product of two variants; the ids of brand, product, and both variants.
async fn stocked(app: &App, staff: &Person<'_>) -> (String, String, Vec<String>) {
    let brand = found(staff, "velo").await;
    let file = "Handle,Title,Type,Tags,Option1 Name,Option1 Value,Variant Price,Variant Inventory Tracker,Variant Inventory Qty\n\
                shirt,Blue Shirt,Shirts,\"summer, men\",Size,Small,60.00,shopify,3\nshirt,,,,,Large,65.00,shopify,0\n";
    let import = import_text(app, staff, &brand, file).await;
    assert_eq!(state_of(staff, &import).await["state"], "DONE");
    let query = "query($id: ID!) { product(brandId: $id, handle: \"shirt\") { id variants { id } } }";
    let product = staff.ask(query, json!({ "id": brand })).await["product"].take();
    let ids = |value: &Value| value.as_str().unwrap().to_owned();
    let variants = product["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ids(&row["id"]))
        .collect();
    (brand, ids(&product["id"]), variants)
}

on_both! {
    async fn a_brand_is_founded_with_default_terms_and_its_founder_owns_it(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo-works").await;
        let query = "{ brand(handle: \"velo-works\") { id currency defaultVatRate pricesIncludeTax feeBearer
            terms { commissionRate platformFeeRate attributionDays brandWindowDays shopWindowDays memberPrice }
            announcedTerms { id } members { role account { name } } } }";
        let seen = anna.ask(query, json!({})).await["brand"].take();
        assert_eq!(seen, json!({
            "id": brand, "currency": "EUR", "defaultVatRate": 2100, "pricesIncludeTax": true, "feeBearer": "BRAND",
            "terms": { "commissionRate": 1500, "platformFeeRate": 1000, "attributionDays": 30, "brandWindowDays": 7,
                "shopWindowDays": 30, "memberPrice": false },
            "announcedTerms": null, "members": [{ "role": "OWNER", "account": { "name": "anna" } }],
        }));
        let mallory = app.someone("mallory").await;
        assert_eq!(mallory.error("{ brand(handle: \"velo-works\") { members { role } } }", json!({})).await, "FORBIDDEN");
    }

    async fn a_taken_a_reserved_and_a_malformed_handle_and_a_foreign_currency_are_refused(app) {
        let anna = app.someone("anna").await;
        found(&anna, "velo").await;
        for (field, value, code) in [
            ("handle", json!("velo"), "TAKEN"), ("handle", json!("admin"), "HANDLE_RESERVED"), ("handle", json!("Velo Works"), "INVALID"),
            ("currency", json!("GBP"), "INVALID"), ("country", json!("ZZ"), "INVALID"), ("defaultVatRate", json!(10_001), "INVALID"),
        ] {
            let mut new = json!({ "handle": "other", "name": "Other", "country": "NL", "currency": "EUR", "defaultVatRate": 0 });
            new[field] = value;
            let answer = anna.ask(CREATE, json!({ "in": new })).await;
            assert_eq!(answer["brandCreate"]["userErrors"], json!([{ "code": code, "field": ["input", field] }]));
        }
    }

    async fn of_two_who_want_one_handle_at_once_one_gets_it(app) {
        let (anna, bert) = (app.someone("anna").await, app.someone("bert").await);
        let new = json!({ "in": { "handle": "velo", "name": "Velo", "country": "NL", "currency": "EUR", "defaultVatRate": 0 } });
        let (a, b) = tokio::join!(anna.ask(CREATE, new.clone()), bert.ask(CREATE, new));
        let mut refused = [codes(&a, "brandCreate"), codes(&b, "brandCreate")].concat();
        refused.sort();
        assert_eq!(refused, ["TAKEN"]);
    }

    async fn a_higher_commission_applies_at_once_and_a_lower_one_after_thirty_days(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let rates = "query($id: ID!) { brand(id: $id) { terms { commissionRate memberPrice } announcedTerms { commissionRate } } }";
        let raised = anna.ask(TERMS, json!({ "in": { "brandId": brand, "commissionRate": 2000 } })).await;
        assert_eq!(raised["brandTermsChange"]["terms"]["commissionRate"], 2000);
        let cut = anna.ask(TERMS, json!({ "in": { "brandId": brand, "commissionRate": 1000 } })).await;
        assert_eq!(cut["brandTermsChange"]["terms"]["commissionRate"], 2000);
        app.wait(TimeDelta::days(10)).await;
        anna.ask(TERMS, json!({ "in": { "brandId": brand, "memberPrice": true } })).await;
        assert_eq!(anna.ask(rates, json!({ "id": brand })).await["brand"], json!({
            "terms": { "commissionRate": 2000, "memberPrice": true }, "announcedTerms": { "commissionRate": 1000 } }));
        let history = "query($id: ID!) { brand(id: $id) { termsHistory { commissionRate memberPrice } } }";
        let told = anna.ask(history, json!({ "id": brand })).await;
        assert_eq!(told["brand"]["termsHistory"], json!([
            { "commissionRate": 1000, "memberPrice": true },
            { "commissionRate": 2000, "memberPrice": true },
            { "commissionRate": 2000, "memberPrice": false },
        ]), "the cut is told once, as it will apply");
        app.wait(TimeDelta::days(20)).await;
        assert_eq!(anna.ask(rates, json!({ "id": brand })).await["brand"], json!({
            "terms": { "commissionRate": 1000, "memberPrice": true }, "announcedTerms": null }));
    }

    async fn a_cut_that_was_taken_back_is_no_part_of_the_history(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let history = "query($id: ID!) { brand(id: $id) { termsHistory { commissionRate } announcedTerms { commissionRate } } }";
        app.wait(TimeDelta::days(1)).await;
        anna.ask(TERMS, json!({ "in": { "brandId": brand, "commissionRate": 1000 } })).await;
        app.wait(TimeDelta::days(1)).await;
        anna.ask(TERMS, json!({ "in": { "brandId": brand, "commissionRate": 1600 } })).await;
        let told = anna.ask(history, json!({ "id": brand })).await;
        assert_eq!(told["brand"], json!({
            "termsHistory": [{ "commissionRate": 1600 }, { "commissionRate": 1500 }, { "commissionRate": 1500 }], "announcedTerms": null }));
    }

    async fn windows_outside_their_limits_and_the_platforms_fees_are_refused(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        for (field, value, code) in [
            ("shopWindowDays", 13, "INVALID"), ("brandWindowDays", 6, "INVALID"), ("attributionDays", 366, "INVALID"),
            ("commissionRate", -1, "INVALID"), ("platformFeeRate", 0, "FORBIDDEN"), ("organicFeeRate", 100, "FORBIDDEN"),
        ] {
            let mut change = json!({ "brandId": brand });
            change[field] = json!(value);
            let answer = anna.ask(TERMS, json!({ "in": change })).await;
            assert_eq!(codes(&answer, "brandTermsChange"), [code], "{field}");
        }
        let operator = app.operator().await;
        let answer = operator.ask(TERMS, json!({ "in": { "brandId": brand, "platformFeeRate": 500 } })).await;
        assert!(codes(&answer, "brandTermsChange").is_empty());
    }

    async fn a_strangers_brand_product_and_variant_cannot_be_changed(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let (brand, product, variants) = stocked(app, &anna).await;
        let answer = mallory.ask(TERMS, json!({ "in": { "brandId": brand, "commissionRate": 1 } })).await;
        assert_eq!(codes(&answer, "brandTermsChange"), ["FORBIDDEN"]);
        let nothing = json!({ "in": { "brandId": "brand_00000000000000000000000000", "commissionRate": 1 } });
        assert_eq!(codes(&mallory.ask(TERMS, nothing).await, "brandTermsChange"), ["NOT_FOUND"]);
        let update = "mutation($id: ID!) { productUpdate(input: { id: $id, title: \"Mine\" }) { userErrors { code } } }";
        let stock = |variant: &str| json!({ "in": { "variantId": variant, "onHand": 1, "idempotencyKey": "k" } });
        // Everybody sees the brand, its published product and that one's variants: what she lacks is a role.
        assert_eq!(codes(&mallory.ask(update, json!({ "id": product })).await, "productUpdate"), ["FORBIDDEN"]);
        assert_eq!(codes(&mallory.ask(STOCK, stock(&variants[0])).await, "variantStockSet"), ["FORBIDDEN"]);
        let stop = "mutation($id: ID!) { variantUpdate(input: { variantId: $id, active: false }) { userErrors { code } } }";
        assert!(codes(&anna.ask(stop, json!({ "id": variants[1] })).await, "variantUpdate").is_empty());
        assert_eq!(codes(&mallory.ask(STOCK, stock(&variants[1])).await, "variantStockSet"), ["NOT_FOUND"]);
        let hide = "mutation($id: ID!) { productUpdate(input: { id: $id, published: false }) { userErrors { code } } }";
        assert!(codes(&anna.ask(hide, json!({ "id": product })).await, "productUpdate").is_empty());
        // What she may not see is missing.
        assert_eq!(codes(&mallory.ask(update, json!({ "id": product })).await, "productUpdate"), ["NOT_FOUND"]);
        assert_eq!(codes(&mallory.ask(STOCK, stock(&variants[0])).await, "variantStockSet"), ["NOT_FOUND"]);
        let bearer = "mutation($id: ID!) { brandFeeBearerSet(input: { brandId: $id, feeBearer: PLATFORM }) { userErrors { code } } }";
        assert_eq!(anna.error(bearer, json!({ "id": brand })).await, "FORBIDDEN");
    }

    async fn a_description_that_is_nested_too_deep_is_refused(app) {
        let anna = app.someone("anna").await;
        let (_, product, _) = stocked(app, &anna).await;
        let update = "mutation($in: ProductUpdateInput!) { productUpdate(input: $in) { product { descriptionHtml } userErrors { code field message } } }";
        let set = async |html: String| anna.ask(update, json!({ "in": { "id": product, "descriptionHtml": html } })).await["productUpdate"].take();
        let deep = set("<div>".repeat(16_000)).await;
        assert_eq!(deep["userErrors"], json!([{ "code": "INVALID", "field": ["input", "descriptionHtml"],
            "message": "HTML may be nested 100 levels deep at most" }]), "{deep:#}");
        let many = set(format!("<b{}>", " a".repeat(16_000))).await;
        assert_eq!(many["userErrors"][0]["message"], "an HTML element may have 100 attributes at most");
        assert_eq!(set("<p>a<p>b".to_owned()).await["product"]["descriptionHtml"], "<p>a</p><p>b</p>");
    }

    async fn a_shipper_may_not_change_products_and_a_manager_may(app) {
        let (anna, bert) = (app.someone("anna").await, app.someone("bert").await);
        let (brand, product, _) = stocked(app, &anna).await;
        assert_eq!(app.employ(&anna, &brand, &bert, "SHIPPER").await["role"], "SHIPPER");
        let update = "mutation($id: ID!) { productUpdate(input: { id: $id, title: \"New\" }) { product { title } userErrors { code } } }";
        assert_eq!(codes(&bert.ask(update, json!({ "id": product })).await, "productUpdate"), ["FORBIDDEN"]);
        assert_eq!(anna.ask(update, json!({ "id": product })).await["productUpdate"]["product"]["title"], "New");
    }

    async fn shipping_costs_by_country_what_was_set_last(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let set = "mutation($in: ShippingRateSetInput!) { shippingRateSet(input: $in) {
            brand { shippingRates { country price { amount currency } } } userErrors { code } } }";
        for (country, amount) in [("NL", "4.95"), ("DE", "9.00"), ("NL", "5.95")] {
            let price = json!({ "amount": amount, "currency": "EUR" });
            anna.ask(set, json!({ "in": { "brandId": brand, "country": country, "price": price } })).await;
        }
        let gone = anna.ask(set, json!({ "in": { "brandId": brand, "country": "DE", "price": null } })).await;
        assert_eq!(gone["shippingRateSet"]["brand"]["shippingRates"], json!([
            { "country": "NL", "price": { "amount": "5.95", "currency": "EUR" } }]));
        for amount in [json!({ "amount": "-1", "currency": "EUR" }), json!({ "amount": "1", "currency": "USD" })] {
            let answer = anna.ask(set, json!({ "in": { "brandId": brand, "country": "NL", "price": amount } })).await;
            assert_eq!(codes(&answer, "shippingRateSet"), ["INVALID"]);
        }
    }

    async fn products_are_filtered_searched_sorted_and_paged(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let mut file = "Handle,Title,Type,Tags,Variant Price,Variant Inventory Tracker,Variant Inventory Qty,Variant SKU\n".to_owned();
        for number in 1..=5 {
            let stock = if number == 5 { 0 } else { 3 };
            let (kind, tag) = if number % 2 == 0 { ("Bells", "loud") } else { ("Lamps", "bright") };
            file.push_str(&format!("p{number},Thing {number},{kind},{tag},{number}0.00,shopify,{stock},SKU-{number}X\n"));
        }
        import_text(app, &anna, &brand, &file).await;
        let titles = async |arguments: &str| {
            let query = format!("{{ products{arguments} {{ nodes {{ title }} }} }}");
            let found = app.nobody().ask(&query, json!({})).await;
            let nodes = found["products"]["nodes"].as_array().unwrap().clone();
            nodes.iter().map(|node| node["title"].as_str().unwrap().replace("Thing ", "")).collect::<Vec<_>>().join("")
        };
        assert_eq!(titles("(orderBy: PRICE_LOW_FIRST)").await, "12345");
        assert_eq!(titles("(orderBy: PRICE_HIGH_FIRST, first: 2)").await, "54");
        assert_eq!(titles("(orderBy: TITLE, last: 2)").await, "45");
        assert_eq!(titles("(orderBy: TITLE, filter: { productType: \"Bells\" })").await, "24");
        assert_eq!(titles("(orderBy: TITLE, filter: { tag: \"bright\", inStock: true })").await, "13");
        assert_eq!(titles("(filter: { inStock: false })").await, "5");
        let between = "priceMin: { amount: \"20\", currency: EUR }, priceMax: { amount: \"30\", currency: EUR }";
        assert_eq!(titles(&format!("(orderBy: TITLE, filter: {{ {between} }})")).await, "23");
        assert_eq!(titles("(filter: { currency: USD })").await, "");
        assert_eq!(titles("(orderBy: TITLE, search: \"loud thin\")").await, "24");
        assert_eq!(titles("(search: \"sku-3x\")").await, "3");
        assert_eq!(titles("(search: \"' OR 1=1 --\")").await, "");
        assert_eq!(titles("(search: \"*\")").await, "");
        let page = "query($after: String) { products(orderBy: TITLE, first: 2, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } }";
        let (mut after, mut seen) = (json!(null), 0);
        loop {
            let slice = app.nobody().ask(page, json!({ "after": after })).await["products"].take();
            seen += slice["nodes"].as_array().unwrap().len();
            after = slice["pageInfo"]["endCursor"].clone();
            if slice["pageInfo"]["hasNextPage"] == false { break; }
        }
        assert_eq!(seen, 5);
        let other = "query($after: String) { products(orderBy: NEWEST, after: $after) { nodes { title } } }";
        assert_eq!(app.nobody().error(other, json!({ "after": after })).await, "BAD_USER_INPUT");
    }

    async fn facets_tell_how_a_list_divides_and_what_another_choice_would_give(app) {
        let anna = app.someone("anna").await;
        for (name, prices) in [("velo", [4, 6, 30]), ("moto", [6, 7, 2000])] {
            let brand = found(&anna, name).await;
            let mut file = "Handle,Title,Type,Tags,Variant Price,Variant Inventory Tracker,Variant Inventory Qty,Status\n".to_owned();
            for (number, price) in prices.iter().enumerate() {
                let kind = if number == 0 { "Bells" } else { "Lamps" };
                file.push_str(&format!("p{number},{name} {number},{kind},\"new,{name}\",{price}.00,shopify,{number},active\n"));
            }
            file.push_str("hidden,Hidden,Bells,new,1.00,shopify,1,draft\n");
            import_text(app, &anna, &brand, &file).await;
        }
        let facets = async |arguments: &str| {
            let query = format!("{{ products{arguments} {{ totalCount facets {{ field values {{ value count brand {{ handle }} priceMin {{ amount }} priceMax {{ amount }} }} }} }} }}");
            app.nobody().ask(&query, json!({})).await["products"].take()
        };
        let told = |seen: &Value, field: &str| {
            let facet = seen["facets"].as_array().unwrap().iter().find(|facet| facet["field"] == field).unwrap().clone();
            let value = |value: &Value| {
                let name = value["brand"]["handle"].as_str().or(value["value"].as_str()).unwrap().to_owned();
                (name, value["count"].as_i64().unwrap())
            };
            let mut values: Vec<(String, i64)> = facet["values"].as_array().unwrap().iter().map(value).collect();
            assert!(values.is_sorted_by_key(|(_, count)| -count), "the most first: {facet}");
            values.sort();
            values.into_iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        let all = facets("(first: 1)").await;
        assert_eq!(all["totalCount"], 6);
        assert_eq!(told(&all, "BRAND"), "moto 3, velo 3");
        assert_eq!(told(&all, "PRODUCT_TYPE"), "Bells 2, Lamps 4");
        assert_eq!(told(&all, "TAG"), "moto 3, new 6, velo 3");
        assert_eq!(told(&all, "PRICE"), "0.00-4.99 EUR 1, 1000.00- EUR 1, 25.00-49.99 EUR 1, 5.00-9.99 EUR 3");
        assert_eq!(told(&all, "AVAILABILITY"), "false 2, true 4");
        let ranges = all["facets"].as_array().unwrap().iter().find(|facet| facet["field"] == "PRICE").unwrap();
        let last = ranges["values"].as_array().unwrap().iter().find(|value| value["value"] == "1000.00- EUR").unwrap();
        assert_eq!((&last["priceMin"]["amount"], &last["priceMax"]), (&json!("1000.00"), &json!(null)));

        // What is chosen narrows the other facets, and its own not.
        let lamps = facets("(filter: { productType: \"Lamps\", inStock: true })").await;
        assert_eq!(lamps["totalCount"], 4);
        assert_eq!(told(&lamps, "PRODUCT_TYPE"), "Lamps 4");
        assert_eq!(told(&lamps, "AVAILABILITY"), "true 4");
        let cheap = "priceMin: { amount: \"5\", currency: EUR }, priceMax: { amount: \"9.99\", currency: EUR }";
        let cheap = facets(&format!("(search: \"velo\", filter: {{ {cheap} }})")).await;
        assert_eq!(told(&cheap, "BRAND"), "velo 1");
        assert_eq!(told(&cheap, "PRICE"), "0.00-4.99 EUR 1, 25.00-49.99 EUR 1, 5.00-9.99 EUR 1");
        let bells = facets("(filter: { productType: \"Bells\" })").await;
        assert_eq!(told(&bells, "PRODUCT_TYPE"), "Bells 2, Lamps 4");
        assert_eq!(told(&bells, "TAG"), "moto 1, new 2, velo 1");
        assert_eq!(told(&facets("(search: \"nothing\")").await, "BRAND"), "");

        // One statement, however many facets.
        let (_, without) = app.counting(app.nobody().ask("{ products { nodes { id } } }", json!({}))).await;
        let some = "{ products { nodes { id } facets(fields: [TAG, PRICE]) { field values { value } } } }";
        let (seen, with) = app.counting(app.nobody().ask(some, json!({}))).await;
        assert_eq!(seen["products"]["facets"].as_array().unwrap().len(), 2);
        assert_eq!(seen["products"]["facets"][0]["field"], "TAG");
        assert_eq!(with, without + 1);
    }

    async fn facets_of_unpublished_products_are_for_staff_of_the_brand_alone(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let (hers, theirs) = (found(&anna, "velo").await, found(&mallory, "moto").await);
        let hidden = "Handle,Title,Variant Price,Status\nh,Hidden,1.00,draft\n";
        import_text(app, &anna, &hers, hidden).await;
        import_text(app, &mallory, &theirs, hidden).await;
        let query = "query($brand: ID!) { products(filter: { brandId: $brand, visibility: UNPUBLISHED }) { facets(fields: [BRAND]) { values { value count } } } }";
        let seen = anna.ask(query, json!({ "brand": hers })).await;
        assert_eq!(seen["products"]["facets"], json!([{ "values": [{ "value": hers, "count": 1 }] }]));
        assert_eq!(anna.error(query, json!({ "brand": theirs })).await, "FORBIDDEN");
    }

    async fn an_unpublished_product_is_seen_by_staff_alone(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let (brand, product, variants) = stocked(app, &anna).await;
        let hide = "mutation($id: ID!) { productUpdate(input: { id: $id, published: false }) { product { isPublished } userErrors { code } } }";
        anna.ask(hide, json!({ "id": product })).await;
        let see = "query($p: ID!, $v: ID!) { product(id: $p) { title } v: node(id: $v) { id } p: node(id: $p) { id } products { nodes { id } } }";
        let ids = json!({ "p": product, "v": variants[0] });
        assert_eq!(mallory.ask(see, ids.clone()).await, json!({ "product": null, "v": null, "p": null, "products": { "nodes": [] } }));
        assert_eq!(anna.ask(see, ids).await["product"]["title"], "Blue Shirt");
        let hidden = "query($id: ID!) { products(filter: { brandId: $id, visibility: UNPUBLISHED }) { nodes { title } } }";
        assert_eq!(anna.ask(hidden, json!({ "id": brand })).await["products"]["nodes"], json!([{ "title": "Blue Shirt" }]));
        assert_eq!(mallory.error(hidden, json!({ "id": brand })).await, "FORBIDDEN");
    }

    async fn another_price_is_remembered_for_thirty_days(app) {
        let anna = app.someone("anna").await;
        let (_, _, variants) = stocked(app, &anna).await;
        let set = "mutation($in: VariantUpdateInput!) { variantUpdate(input: $in) {
            variant { price { amount } lowestPrice30d { amount } product { priceRange { min { amount } max { amount } } } } userErrors { code field } } }";
        let price = |amount: &str| json!({ "in": { "variantId": variants[0], "price": { "amount": amount, "currency": "EUR" } } });
        app.wait(TimeDelta::days(1)).await;
        let raised = anna.ask(set, price("80.00")).await["variantUpdate"]["variant"].take();
        assert_eq!(raised, json!({ "price": { "amount": "80.00" }, "lowestPrice30d": { "amount": "60.00" },
            "product": { "priceRange": { "min": { "amount": "65.00" }, "max": { "amount": "80.00" } } } }));
        app.wait(TimeDelta::days(40)).await;
        let cut = anna.ask(set, price("50.00")).await["variantUpdate"]["variant"].take();
        assert_eq!(cut["lowestPrice30d"]["amount"], "80.00");
        for (field, value) in [
            ("price", json!({ "amount": "1", "currency": "USD" })), ("price", json!({ "amount": "-1", "currency": "EUR" })),
            ("price", json!({ "amount": "12,50", "currency": "EUR" })), ("price", json!({ "amount": "1e9", "currency": "EUR" })),
            ("priceFloor", json!({ "amount": "1", "currency": "EUR" })),
        ] {
            let mut change = json!({ "variantId": variants[0] });
            change[field] = value;
            let answer = anna.ask(set, json!({ "in": change })).await;
            assert_eq!(answer["variantUpdate"]["userErrors"], json!([{ "code": "INVALID", "field": ["input", field] }]));
        }
    }

    async fn stock_is_set_once_per_key(app) {
        let anna = app.someone("anna").await;
        let (_, _, variants) = stocked(app, &anna).await;
        let set = |on_hand: i64, key: &str| json!({ "in": { "variantId": variants[1], "onHand": on_hand, "idempotencyKey": key } });
        assert_eq!(anna.ask(STOCK, set(7, "a")).await["variantStockSet"]["variant"], json!({ "stockOnHand": 7, "isTracked": true }));
        anna.ask(STOCK, set(9, "b")).await;
        assert_eq!(anna.ask(STOCK, set(7, "a")).await["variantStockSet"]["variant"]["stockOnHand"], 9);
        assert_eq!(codes(&anna.ask(STOCK, set(8, "a")).await, "variantStockSet"), ["IDEMPOTENCY_KEY_REUSED"]);
        assert_eq!(codes(&anna.ask(STOCK, set(-1, "c")).await, "variantStockSet"), ["INVALID"]);
        assert_eq!(codes(&anna.ask(STOCK, set(1, "")).await, "variantStockSet"), ["INVALID"]);
    }

    async fn the_last_piece_is_reserved_once_whoever_asks(app) {
        use vitrine_domain::catalog;
        let anna = app.someone("anna").await;
        let (_, _, variants) = stocked(app, &anna).await;
        let variant = variants[0].parse().unwrap();
        let reserve = async |name: String| {
            let cx = app.vitrine().context(&name);
            let tx = cx.begin().await.unwrap();
            let got = catalog::reserve_stock(&tx, &cx, cx.new_id(), &[(variant, 1)]).await.unwrap();
            match got {
                Ok(_) => { tx.commit().await.unwrap(); true }
                Err(short) => { assert_eq!(short.available, 0); false }
            }
        };
        let tries = (0..8).map(|number| reserve(format!("buyer-{number}")));
        let got = futures::future::join_all(tries).await;
        assert_eq!(got.iter().filter(|got| **got).count(), 3);
        let set = json!({ "in": { "variantId": variants[0], "onHand": 2, "idempotencyKey": "k" } });
        assert_eq!(codes(&anna.ask(STOCK, set).await, "variantStockSet"), ["INVALID"]);
        let cx = app.vitrine().context("pay");
        let tx = cx.begin().await.unwrap();
        catalog::consume_stock(&tx, &[(variant, 2)]).await.unwrap();
        catalog::release_stock(&tx, &[(variant, 1)]).await.unwrap();
        tx.commit().await.unwrap();
        let seen = anna.ask("query($id: ID!) { node(id: $id) { ... on ProductVariant { stockOnHand stockReserved quantityAvailable } } }", json!({ "id": variants[0] })).await;
        assert_eq!(seen["node"], json!({ "stockOnHand": 1, "stockReserved": 0, "quantityAvailable": 1 }));
    }

    async fn searching_finds_words_with_and_without_accents(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let file = "Handle,Title,Variant Price\na,Café-Größe,1.00\nb,Smørrebrød,1.00\nc,Cafe\u{301},1.00\n";
        import_text(app, &anna, &brand, file).await;
        for (search, handles) in [
            ("café", json!(["a", "c"])),
            ("CAFE", json!(["a", "c"])),
            ("grosse", json!(["a"])),
            ("größe", json!(["a"])),
            ("smorre", json!(["b"])),
            ("SMØRRE", json!(["b"])),
            ("cafes", json!([])),
        ] {
            let query = "query($search: String!) { products(search: $search, orderBy: TITLE) { nodes { handle } } }";
            let seen = app.nobody().ask(query, json!({ "search": search })).await;
            let mut seen: Vec<_> = seen["products"]["nodes"].as_array().unwrap().iter().map(|node| node["handle"].clone()).collect();
            seen.sort_by_key(ToString::to_string);
            assert_eq!(json!(seen), handles, "{search}");
        }
    }

    async fn a_page_of_products_takes_as_few_statements_however_large_it_is(app) {
        let anna = app.someone("anna").await;
        let brand = found(&anna, "velo").await;
        let rows: String = (0..40).map(|n| format!("p{n},P {n},tag,{n}.00\n")).collect();
        import_text(app, &anna, &brand, &format!("Handle,Title,Tags,Variant Price\n{rows}")).await;
        let query = |size: usize| format!("{{ products(first: {size}) {{ nodes {{ tags descriptionHtml isAvailable brand {{ name }}
            images {{ url }} variants {{ price {{ amount }} vatRate lowestPrice30d {{ amount }} product {{ title }} }} }} }} }}");
        let nobody = app.nobody();
        let (_, small) = app.counting(nobody.ask(&query(2), json!({}))).await;
        let (_, large) = app.counting(nobody.ask(&query(40), json!({}))).await;
        // A busy machine may cut a batch in two or three; one statement a product would be forty more.
        assert!(small <= 20 && large <= 30, "{small} statements for two, {large} for forty");
    }
}
