//! Shops, recommendations, the split.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_model::catalog::product;
use vitrine_model::id::ProductId;

use crate::support::{App, Person, Planted, on_both};

const OPEN: &str = "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { shop { id handle name about state owner { name } } userErrors { code field } } }";
const PUBLISH: &str =
    "mutation($id: ID!) { shopPublish(input: { id: $id }) { shop { state } userErrors { code } } }";
const UNPUBLISH: &str =
    "mutation($id: ID!) { shopUnpublish(input: { id: $id }) { shop { state } userErrors { code } } }";
const CLOSE: &str =
    "mutation($id: ID!) { shopClose(input: { id: $id }) { shop { state } userErrors { code } } }";
const UPDATE: &str = "mutation($in: ShopUpdateInput!) { shopUpdate(input: $in) { shop { name about } userErrors { code field } } }";
const SEE: &str = "query($handle: String!) { shop(handle: $handle) { id state } }";
const ADD: &str = "mutation($in: RecommendationAddInput!) { recommendationAdd(input: $in) { recommendation { id } userErrors { code field } } }";
const CHANGE: &str = "mutation($in: RecommendationUpdateInput!) { recommendationUpdate(input: $in) { recommendation { note discountShare } userErrors { code field } } }";
const REMOVE: &str = "mutation($id: ID!) { recommendationRemove(input: { id: $id }) { recommendation { removedAt } userErrors { code } } }";
const REORDER: &str = "mutation($in: RecommendationsReorderInput!) { recommendationsReorder(input: $in) { shop { id } userErrors { code field } } }";
const RECOMMENDED: &str = "query($handle: String!) { shop(handle: $handle) { recommendations(first: 100) { nodes { id isOffered product { handle } } } } }";

/// Most SQL statements of a shop's page, whatever it shows: the shop; its owner; its recommendations; for their prices the products, terms, brands
/// and variants; for the disclosure the owner; for what is shown of the products themselves, their brands, images and
/// variants, and the brands again for the variants' currency. One
/// less when two of them happen to be asked for at once.
const STATEMENTS: u64 = 13;

/// Opens a shop and publishes it; returns its id.
pub(crate) async fn open_shop(who: &Person<'_>, handle: &str) -> String {
    let made = who
        .ask(OPEN, json!({ "in": { "handle": handle, "name": handle } }))
        .await;
    let id = made["shopOpen"]["shop"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned();
    who.ask(PUBLISH, json!({ "id": id })).await;
    id
}

/// Recommends a product with a discount share; returns the recommendation's id.
pub(crate) async fn recommend(who: &Person<'_>, shop: &str, product: &Planted, share: i32) -> String {
    let new = json!({ "shopId": shop, "productId": product.product, "discountShare": share });
    let made = who.ask(ADD, json!({ "in": new })).await;
    made["recommendationAdd"]["recommendation"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned()
}

/// What a brand does to its product behind the API's back.
pub(crate) async fn set_product(app: &App, product: &Planted, column: product::Column, value: bool) {
    let id: ProductId = product.product.parse().unwrap();
    let update = product::Entity::update_many().col_expr(column, Expr::value(value));
    update
        .filter(product::Column::Id.eq(id))
        .exec(app.db())
        .await
        .unwrap();
}

fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}

/// The handles of what a shop recommends, in order.
async fn recommended(who: &Person<'_>, handle: &str) -> Vec<String> {
    let seen = who.ask(RECOMMENDED, json!({ "handle": handle })).await;
    let nodes = seen["shop"]["recommendations"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    nodes
        .iter()
        .map(|node| node["product"]["handle"].as_str().unwrap_or("-").to_owned())
        .collect()
}

on_both! {
    async fn a_shopholder_opens_a_shop_and_publishes_it(app) {
        let anna = app.someone("anna").await;
        let new = json!({ "handle": "annas-kitchen", "name": "Anna's kitchen", "about": "What I cook with." });
        let made = anna.ask(OPEN, json!({ "in": new })).await;
        let shop = &made["shopOpen"]["shop"];
        assert_eq!(codes(&made["shopOpen"]), Vec::<&str>::new());
        assert_eq!(
            (&shop["handle"], &shop["name"], &shop["about"], &shop["state"], &shop["owner"]["name"]),
            (&json!("annas-kitchen"), &json!("Anna's kitchen"), &json!("What I cook with."), &json!("DRAFT"), &json!("anna"))
        );
        let published = anna.ask(PUBLISH, json!({ "id": shop["id"] })).await;
        assert_eq!(published["shopPublish"]["shop"]["state"], "PUBLISHED");
        let seen = app.nobody().ask(SEE, json!({ "handle": "annas-kitchen" })).await;
        assert_eq!(seen["shop"]["id"], shop["id"]);
    }

    async fn a_malformed_reserved_or_taken_handle_is_refused(app) {
        let anna = app.someone("anna").await;
        open_shop(&anna, "anna").await;
        for (handle, code) in
            [("", "INVALID"), ("Anna", "INVALID"), ("-anna", "INVALID"), ("an na", "INVALID"), ("admin", "HANDLE_RESERVED"), ("graphql", "HANDLE_RESERVED"), ("anna", "TAKEN")]
        {
            let made = anna.ask(OPEN, json!({ "in": { "handle": handle, "name": "Anna" } })).await;
            let refused = json!([{ "code": code, "field": ["input", "handle"] }]);
            assert_eq!(made["shopOpen"], json!({ "shop": null, "userErrors": refused }), "{handle}");
        }
        let seen = anna.ask("{ viewer { shops { handle } } }", json!({})).await;
        assert_eq!(seen["viewer"]["shops"], json!([{ "handle": "anna" }]));
    }

    async fn two_who_want_one_handle_at_once_get_one_shop(app) {
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let new = json!({ "in": { "handle": "kitchen", "name": "Kitchen" } });
        let (one, two) = tokio::join!(anna.ask(OPEN, new.clone()), berta.ask(OPEN, new));
        let mut outcomes = [codes(&one["shopOpen"]), codes(&two["shopOpen"])];
        outcomes.sort();
        assert_eq!(outcomes, [vec![], vec!["TAKEN"]]);
    }

    async fn an_account_opens_twenty_shops_at_most(app) {
        let anna = app.someone("anna").await;
        for number in 0..20 {
            let id = open_shop(&anna, &format!("shop-{number}")).await;
            anna.ask(CLOSE, json!({ "id": id })).await;
        }
        let made = anna.ask(OPEN, json!({ "in": { "handle": "one-more", "name": "One more" } })).await;
        assert_eq!(codes(&made["shopOpen"]), ["LIMIT_REACHED"]);
    }

    async fn a_draft_is_seen_by_its_owner_and_a_closed_shop_by_nobody(app) {
        let anna = app.someone("anna").await;
        let id = open_shop(&anna, "anna").await;
        let hidden = anna.ask(UNPUBLISH, json!({ "id": id })).await;
        assert_eq!(hidden["shopUnpublish"]["shop"]["state"], "DRAFT");
        let handle = json!({ "handle": "anna" });
        assert_eq!(app.nobody().ask(SEE, handle.clone()).await["shop"], Value::Null);
        assert_eq!(anna.ask(SEE, handle.clone()).await["shop"]["state"], "DRAFT");

        let closed = anna.ask(CLOSE, json!({ "id": id })).await;
        assert_eq!(closed["shopClose"]["shop"]["state"], "CLOSED");
        assert_eq!(anna.ask(SEE, handle).await["shop"], Value::Null);
        let node = anna.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(node["node"], Value::Null);
        let again = anna.ask(PUBLISH, json!({ "id": id })).await;
        assert_eq!(codes(&again["shopPublish"]), ["NOT_FOUND"]);
        let taken = anna.ask(OPEN, json!({ "in": { "handle": "anna", "name": "Anna" } })).await;
        assert_eq!(codes(&taken["shopOpen"]), ["TAKEN"]);
    }

    async fn an_update_changes_what_it_names_and_leaves_the_rest(app) {
        let anna = app.someone("anna").await;
        let new = json!({ "handle": "anna", "name": "Anna", "about": "About me." });
        let made = anna.ask(OPEN, json!({ "in": new })).await;
        let id = &made["shopOpen"]["shop"]["id"];
        let renamed = anna.ask(UPDATE, json!({ "in": { "id": id, "name": "Anna's" } })).await;
        assert_eq!(renamed["shopUpdate"]["shop"], json!({ "name": "Anna's", "about": "About me." }));
        let silent = anna.ask(UPDATE, json!({ "in": { "id": id, "about": null } })).await;
        assert_eq!(silent["shopUpdate"]["shop"], json!({ "name": "Anna's", "about": null }));
        let blank = anna.ask(UPDATE, json!({ "in": { "id": id, "name": " " } })).await;
        assert_eq!(blank["shopUpdate"]["userErrors"], json!([{ "code": "INVALID", "field": ["input", "name"] }]));
    }

    async fn anothers_shop_is_as_if_it_were_not_there(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let brand = app.brand("potters").await;
        let product = app.plant(&brand, "pan", &[1000]).await;
        let shop = open_shop(&anna, "anna").await;
        let recommendation = recommend(&anna, &shop, &product, 0).await;
        for name in ["shopPublish", "shopUnpublish", "shopClose", "recommendationRemove"] {
            let mutation = format!("mutation($id: ID!) {{ {name}(input: {{ id: $id }}) {{ userErrors {{ code field }} }} }}");
            let id = if name == "recommendationRemove" { &recommendation } else { &shop };
            let answer = mallory.ask(&mutation, json!({ "id": id })).await;
            assert_eq!(answer[name]["userErrors"], json!([{ "code": "NOT_FOUND", "field": ["input", "id"] }]), "{name}");
        }
        let hers = open_shop(&mallory, "mallory").await;
        for (mutation, name, field, input) in [
            (UPDATE, "shopUpdate", "id", json!({ "id": shop, "name": "Mallory's" })),
            (ADD, "recommendationAdd", "shopId", json!({ "shopId": shop, "productId": product.product })),
            (CHANGE, "recommendationUpdate", "id", json!({ "id": recommendation, "discountShare": 1 })),
            (REORDER, "recommendationsReorder", "shopId", json!({ "shopId": shop, "recommendationIds": [recommendation] })),
            (REORDER, "recommendationsReorder", "recommendationIds", json!({ "shopId": hers, "recommendationIds": [recommendation] })),
        ] {
            let answer = mallory.ask(mutation, json!({ "in": input })).await;
            assert_eq!(answer[name]["userErrors"], json!([{ "code": "NOT_FOUND", "field": ["input", field] }]), "{name}");
        }
        assert_eq!(app.nobody().error(PUBLISH, json!({ "id": shop })).await, "UNAUTHENTICATED");
    }

    async fn a_recommendation_shows_its_price_to_all_and_its_earnings_to_its_shopholder(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        let brand = app.brand("potters").await;
        let product = app.plant(&brand, "pan", &[24_200, 12_100]).await;
        let shop = open_shop(&anna, "anna").await;
        let id = recommend(&anna, &shop, &product, 4000).await;
        let public = "query($id: ID!) { node(id: $id) { ... on Recommendation {
            disclosure priceFrom { amount currency } priceTo { amount } split { listPrice { amount } price { amount } discount { amount } } splits { price { amount } } } } }";
        let seen = app.nobody().ask(public, json!({ "id": id })).await;
        assert_eq!(
            seen["node"],
            json!({
                "disclosure": "anna earns a commission on what you buy through this recommendation.",
                "priceFrom": { "amount": "115.60", "currency": "EUR" },
                "priceTo": { "amount": "231.20" },
                "split": { "listPrice": { "amount": "121.00" }, "price": { "amount": "115.60" }, "discount": { "amount": "5.40" } },
                "splits": [{ "price": { "amount": "231.20" } }, { "price": { "amount": "115.60" } }],
            })
        );
        let private = "query($id: ID!, $variant: ID) { node(id: $id) { ... on Recommendation { discountShare earningsFrom { amount }
            split(variantId: $variant) { commission { amount } earnings { amount } platformFee { amount } brandPart { amount } } } } }";
        let seen = anna.ask(private, json!({ "id": id, "variant": product.variants[1] })).await;
        assert_eq!(
            seen["node"],
            json!({
                "discountShare": 4000,
                "earningsFrom": { "amount": "8.10" },
                "split": { "commission": { "amount": "15.00" }, "earnings": { "amount": "8.10" }, "platformFee": { "amount": "1.50" }, "brandPart": { "amount": "106.00" } },
            })
        );
        for field in ["discountShare", "earningsFrom { amount }", "split { earnings { amount } }", "split { commission { amount } }", "split { brandPart { amount } }"] {
            let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on Recommendation {{ {field} }} }} }}");
            assert_eq!(mallory.error(&query, json!({ "id": id })).await, "FORBIDDEN", "{field}");
            assert_eq!(app.nobody().error(&query, json!({ "id": id })).await, "UNAUTHENTICATED", "{field}");
        }
    }

    async fn what_cannot_be_recommended_is_refused_and_changes_nothing(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let shop = open_shop(&anna, "anna").await;
        let [fine, hidden, unwilling] = [
            app.plant(&brand, "fine", &[1000]).await,
            app.plant(&brand, "hidden", &[1000]).await,
            app.plant(&brand, "unwilling", &[1000]).await,
        ];
        set_product(app, &hidden, product::Column::Published, false).await;
        set_product(app, &unwilling, product::Column::Promotable, false).await;
        recommend(&anna, &shop, &fine, 0).await;
        let nothing = "prod_00000000000000000000000000".to_owned();
        for (product, share, place, code, field) in [
            (&nothing, 0, json!(null), "NOT_FOUND", "productId"),
            (&hidden.product, 0, json!(null), "NOT_FOUND", "productId"),
            (&unwilling.product, 0, json!(null), "NOT_PROMOTABLE", "productId"),
            (&fine.product, 0, json!(null), "TAKEN", "productId"),
            (&fine.product, 10_001, json!(null), "INVALID", "discountShare"),
            (&fine.product, -1, json!(null), "INVALID", "discountShare"),
            (&fine.product, 0, json!(0), "INVALID", "position"),
        ] {
            let new = json!({ "shopId": shop, "productId": product, "discountShare": share, "position": place });
            let answer = anna.ask(ADD, json!({ "in": new })).await;
            let refused = json!([{ "code": code, "field": ["input", field] }]);
            assert_eq!(answer["recommendationAdd"], json!({ "recommendation": null, "userErrors": refused }));
        }
        assert_eq!(recommended(&anna, "anna").await, ["fine"]);
        let wrong_kind = json!({ "in": { "shopId": shop, "productId": shop } });
        assert_eq!(anna.error(ADD, wrong_kind).await, "BAD_USER_INPUT");
    }

    async fn one_product_added_twice_at_once_stands_once(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let product = app.plant(&brand, "pan", &[1000]).await;
        let shop = open_shop(&anna, "anna").await;
        let new = json!({ "in": { "shopId": shop, "productId": product.product } });
        let (one, two) = tokio::join!(anna.ask(ADD, new.clone()), anna.ask(ADD, new));
        let mut outcomes = [codes(&one["recommendationAdd"]), codes(&two["recommendationAdd"])];
        outcomes.sort();
        assert_eq!(outcomes, [vec![], vec!["TAKEN"]]);
    }

    async fn a_shop_recommends_a_thousand_products_at_most(app) {
        use sea_orm::ActiveValue::Set;
        use vitrine_model::shop::recommendation;
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let handles: Vec<String> = (0..=1000).map(|number| format!("p{number}")).collect();
        let products = app.plant_many(&brand, &handles, &[1000]).await;
        let shop = open_shop(&anna, "anna").await;
        let cx = app.vitrine().context("plant");
        let rows: Vec<_> = (1..)
            .zip(&products[..999])
            .map(|(position, product)| recommendation::ActiveModel {
                id: Set(cx.new_id()),
                shop_id: Set(shop.parse().unwrap()),
                product_id: Set(product.product.parse().unwrap()),
                note: Set(None),
                share_bp: Set(vitrine_model::money::BasisPoints::ZERO),
                position: Set(position),
                created_at: Set(cx.now()),
                updated_at: Set(cx.now()),
                removed_at: Set(None),
            })
            .collect();
        let last = rows[998].id.as_ref().to_string();
        for some in rows.chunks(500) {
            recommendation::Entity::insert_many(some.to_vec()).exec_without_returning(app.db()).await.unwrap();
        }
        recommend(&anna, &shop, &products[999], 0).await;
        let one_more = json!({ "in": { "shopId": shop, "productId": products[1000].product } });
        assert_eq!(codes(&anna.ask(ADD, one_more.clone()).await["recommendationAdd"]), ["LIMIT_REACHED"]);

        // A thousand move in one statement.
        let mut ids: Vec<String> = rows.iter().map(|row| row.id.as_ref().to_string()).collect();
        ids.reverse();
        let order = json!({ "in": { "shopId": shop, "recommendationIds": ids } });
        let (answer, statements) = app.counting(anna.ask(REORDER, order)).await;
        assert_eq!(codes(&answer["recommendationsReorder"]), Vec::<&str>::new());
        assert!(statements < 15, "{statements} statements");
        assert_eq!(recommended(&anna, "anna").await[..2], ["p998", "p997"]);

        anna.ask(REMOVE, json!({ "id": last })).await;
        assert_eq!(codes(&anna.ask(ADD, one_more).await["recommendationAdd"]), Vec::<&str>::new());
    }

    async fn recommendations_stand_where_they_are_put(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let shop = open_shop(&anna, "anna").await;
        let mut ids = Vec::new();
        for handle in ["a", "b", "c", "d"] {
            let product = app.plant(&brand, handle, &[1000]).await;
            ids.push(recommend(&anna, &shop, &product, 0).await);
        }
        anna.ask(REMOVE, json!({ "id": ids[1] })).await;
        let e = app.plant(&brand, "e", &[1000]).await;
        let second = json!({ "shopId": shop, "productId": e.product, "position": 2 });
        anna.ask(ADD, json!({ "in": second })).await;
        assert_eq!(recommended(&anna, "anna").await, ["a", "e", "c", "d"]);

        let some = json!({ "shopId": shop, "recommendationIds": [ids[3], ids[0]] });
        anna.ask(REORDER, json!({ "in": some })).await;
        assert_eq!(recommended(&anna, "anna").await, ["d", "e", "c", "a"]);

        for (order, code) in [(json!([]), "INVALID"), (json!([ids[0], ids[0]]), "INVALID"), (json!([ids[0], ids[1]]), "NOT_FOUND")] {
            let answer = anna.ask(REORDER, json!({ "in": { "shopId": shop, "recommendationIds": order } })).await;
            assert_eq!(codes(&answer["recommendationsReorder"]), [code]);
        }
        assert_eq!(recommended(&anna, "anna").await, ["d", "e", "c", "a"]);
    }

    async fn a_recommendation_is_changed_and_removed_and_made_anew(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let product = app.plant(&brand, "pan", &[1000]).await;
        let shop = open_shop(&anna, "anna").await;
        let id = recommend(&anna, &shop, &product, 0).await;
        let changed = anna.ask(CHANGE, json!({ "in": { "id": id, "note": "Sears well.", "discountShare": 2500 } })).await;
        assert_eq!(changed["recommendationUpdate"]["recommendation"], json!({ "note": "Sears well.", "discountShare": 2500 }));
        let bad = anna.ask(CHANGE, json!({ "in": { "id": id, "discountShare": 10_001 } })).await;
        assert_eq!(bad["recommendationUpdate"]["userErrors"], json!([{ "code": "INVALID", "field": ["input", "discountShare"] }]));

        anna.ask(REMOVE, json!({ "id": id })).await;
        assert_eq!(recommended(&anna, "anna").await, Vec::<String>::new());
        assert_eq!(codes(&anna.ask(REMOVE, json!({ "id": id })).await["recommendationRemove"]), ["NOT_FOUND"]);
        let again = recommend(&anna, &shop, &product, 0).await;
        assert_ne!(again, id);
    }

    async fn what_a_brand_takes_down_is_shown_to_the_shopholder_only(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let (pan, pot) = (app.plant(&brand, "pan", &[1000]).await, app.plant(&brand, "pot", &[12_100]).await);
        let shop = open_shop(&anna, "anna").await;
        let pan_id = recommend(&anna, &shop, &pan, 4000).await;
        let pot_id = recommend(&anna, &shop, &pot, 4000).await;
        set_product(app, &pan, product::Column::Published, false).await;
        set_product(app, &pot, product::Column::Promotable, false).await;
        assert_eq!(recommended(&app.nobody(), "anna").await, Vec::<String>::new());
        let seen = anna.ask(RECOMMENDED, json!({ "handle": "anna" })).await;
        let offered: Vec<_> = seen["shop"]["recommendations"]["nodes"].as_array().unwrap().iter().map(|node| &node["isOffered"]).collect();
        assert_eq!(offered, [false, false]);
        let node = "query($id: ID!) { node(id: $id) { ... on Recommendation { priceFrom { amount } } } }";
        assert_eq!(app.nobody().ask(node, json!({ "id": pan_id })).await["node"], Value::Null);
        // Never credited, so never discounted.
        assert_eq!(anna.ask(node, json!({ "id": pot_id })).await["node"]["priceFrom"]["amount"], "121.00");
    }

    async fn a_preview_splits_many_products_under_many_shares_at_once(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let handles: Vec<String> = (0..100).map(|number| format!("p{number}")).collect();
        let products = app.plant_many(&brand, &handles, &[12_100, 24_200]).await;
        let query = "query($ids: [ID!]!, $shares: [Int!]!) { splitPreview(productIds: $ids, shares: $shares) {
            product { id } shares { discountShare cheapest { price { amount } earnings { amount } } dearest { earnings { amount } } } } }";
        let ids: Vec<_> = products.iter().map(|product| product.product.clone()).collect();
        let one = json!({ "ids": ids[..1], "shares": [4000] });
        let (seen, few) = app.counting(anna.ask(query, one.clone())).await;
        assert_eq!(
            seen["splitPreview"],
            json!([{ "product": { "id": ids[0] }, "shares": [{
                "discountShare": 4000,
                "cheapest": { "price": { "amount": "115.60" }, "earnings": { "amount": "8.10" } },
                "dearest": { "earnings": { "amount": "16.20" } },
            }] }])
        );
        let shares: Vec<i32> = (0..=20).map(|step| step * 500).collect();
        let (seen, many) = app.counting(anna.ask(query, json!({ "ids": ids, "shares": shares }))).await;
        assert_eq!(seen["splitPreview"].as_array().unwrap().len(), 100);
        assert_eq!(seen["splitPreview"][99]["shares"][20]["cheapest"]["earnings"]["amount"], "0.00");
        assert_eq!(few, many, "a preview must not ask per product");

        let unknown = json!({ "ids": ["prod_00000000000000000000000000".to_owned()], "shares": [0] });
        assert_eq!(anna.ask(query, unknown).await["splitPreview"], json!([null]));
        let too_many: Vec<i32> = (0..22).collect();
        for bad in [json!({ "ids": ids[..1], "shares": too_many }), json!({ "ids": ids[..1], "shares": [-1] }), json!({ "ids": ["shop_1"], "shares": [0] })] {
            assert_eq!(anna.error(query, bad).await, "BAD_USER_INPUT");
        }
        assert_eq!(app.nobody().error(query, one).await, "UNAUTHENTICATED");
    }

    async fn a_shop_page_takes_the_same_number_of_statements_whatever_it_shows(app) {
        let anna = app.someone("anna").await;
        let brands = [app.brand("brand-one").await, app.brand("brand-two").await];
        let (small, large) = (open_shop(&anna, "small").await, open_shop(&anna, "large").await);
        for number in 0..50 {
            let product = app.plant(&brands[number % 2], &format!("p{number}"), &[1000, 2000]).await;
            recommend(&anna, &large, &product, 5000).await;
            if number < 2 {
                recommend(&anna, &small, &product, 5000).await;
            }
        }
        let page = "query($handle: String!) { shop(handle: $handle) { name owner { name } recommendations(first: 50) {
            edges { cursor node { note disclosure isOffered priceFrom { amount } priceTo { amount } splits { price { amount } discount { amount } }
                product { title brand { name } images { url } variants { title price { amount } } } } }
            pageInfo { hasNextPage } } } }";
        let (seen, few) = app.counting(app.nobody().ask(page, json!({ "handle": "small" }))).await;
        assert_eq!(seen["shop"]["recommendations"]["edges"].as_array().unwrap().len(), 2);
        let (seen, many) = app.counting(app.nobody().ask(page, json!({ "handle": "large" }))).await;
        assert_eq!(seen["shop"]["recommendations"]["edges"].as_array().unwrap().len(), 50);
        assert!(few.max(many) <= STATEMENTS, "{few} and {many} statements");
    }

    async fn recommendations_are_paged_in_both_directions(app) {
        let anna = app.someone("anna").await;
        let brand = app.brand("potters").await;
        let shop = open_shop(&anna, "anna").await;
        for handle in ["a", "b", "c", "d", "e"] {
            let product = app.plant(&brand, handle, &[1000]).await;
            recommend(&anna, &shop, &product, 0).await;
        }
        let query = "query($first: Int, $after: String, $last: Int, $before: String) { shop(handle: \"anna\") { recommendations(first: $first, after: $after, last: $last, before: $before) {
            nodes { product { handle } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
        let page = async |arguments: Value| {
            let seen = app.nobody().ask(query, arguments).await["shop"]["recommendations"].clone();
            let handles: String = seen["nodes"].as_array().unwrap().iter().map(|node| node["product"]["handle"].as_str().unwrap().to_owned()).collect();
            (handles, seen["pageInfo"].clone())
        };
        let (handles, info) = page(json!({ "first": 2 })).await;
        assert_eq!((&*handles, &info["hasNextPage"], &info["hasPreviousPage"]), ("ab", &json!(true), &json!(false)));
        let (handles, info) = page(json!({ "first": 2, "after": info["endCursor"] })).await;
        assert_eq!((&*handles, &info["hasNextPage"], &info["hasPreviousPage"]), ("cd", &json!(true), &json!(true)));
        let (handles, _) = page(json!({ "first": 2, "after": info["endCursor"] })).await;
        assert_eq!(handles, "e");
        let (handles, _) = page(json!({ "last": 2, "before": info["startCursor"] })).await;
        assert_eq!(handles, "ab");
        let (handles, _) = page(json!({ "last": 2 })).await;
        assert_eq!(handles, "de");
        for bad in [json!({ "first": 101 }), json!({ "first": 0 }), json!({ "first": 1, "last": 1 }), json!({ "after": "nonsense" })] {
            assert_eq!(app.nobody().error(query, bad).await, "BAD_USER_INPUT");
        }
    }

    async fn the_list_of_shops_shows_those_published_newest_first(app) {
        let anna = app.someone("anna").await;
        for handle in ["one", "two", "three"] {
            open_shop(&anna, handle).await;
            app.wait(chrono::TimeDelta::minutes(1)).await;
        }
        anna.ask(OPEN, json!({ "in": { "handle": "draft", "name": "Draft" } })).await;
        let query = "query($after: String) { shops(first: 2, after: $after) { nodes { handle } pageInfo { endCursor hasNextPage } } }";
        let first = app.nobody().ask(query, json!({})).await;
        assert_eq!(first["shops"]["nodes"], json!([{ "handle": "three" }, { "handle": "two" }]));
        let rest = app.nobody().ask(query, json!({ "after": first["shops"]["pageInfo"]["endCursor"] })).await;
        assert_eq!(rest["shops"]["nodes"], json!([{ "handle": "one" }]));
    }

    async fn a_shopholder_reads_what_was_sold_and_why_it_is_hers(app) {
        let market = app.market("tea").await;
        app.buy(&[(&market, 2)]).await;
        app.wait(chrono::TimeDelta::hours(1)).await;
        app.buy(&[(&market, 1)]).await;
        let query = "query($after: String) { shop(handle: \"tea-shop\") { sales(first: 1, after: $after) {
            nodes { title quantity refundedQuantity state creditReason discountShare recommendation { id }
                listPrice { amount } price { amount } discount { amount } earningsPerUnit { amount } earnings { amount } }
            pageInfo { endCursor hasNextPage } } } }";
        let newest = market.shopholder.ask(query, json!({})).await["shop"]["sales"].clone();
        assert_eq!((&newest["nodes"][0]["quantity"], &newest["pageInfo"]["hasNextPage"]), (&json!(1), &json!(true)));
        let after = json!({ "after": newest["pageInfo"]["endCursor"] });
        let first = market.shopholder.ask(query, after).await["shop"]["sales"].clone();
        assert_eq!(first["pageInfo"]["hasNextPage"], false);
        assert_eq!(
            first["nodes"],
            json!([{
                "title": "tea teapot", "quantity": 2, "refundedQuantity": 0, "state": "SOLD",
                "creditReason": "RECOMMENDATION", "discountShare": 4000, "recommendation": { "id": market.recommendation },
                "listPrice": { "amount": "100.00" }, "price": { "amount": "94.60" }, "discount": { "amount": "5.40" },
                "earningsPerUnit": { "amount": "8.10" }, "earnings": { "amount": "16.20" },
            }])
        );
    }

    async fn sales_and_links_are_the_shopholders_alone(app) {
        let (anna, mallory) = (app.someone("anna").await, app.someone("mallory").await);
        open_shop(&anna, "anna").await;
        for field in ["sales { nodes { id } }", "referralLinks { nodes { id } }"] {
            let query = format!("{{ shop(handle: \"anna\") {{ {field} }} }}");
            anna.ask(&query, json!({})).await;
            assert_eq!(mallory.error(&query, json!({})).await, "FORBIDDEN", "{field}");
            assert_eq!(app.nobody().error(&query, json!({})).await, "UNAUTHENTICATED", "{field}");
        }
    }

    async fn shops_are_found_by_their_words_and_by_what_they_recommend(app) {
        let (anna, berta) = (app.someone("anna").await, app.someone("berta").await);
        let (potters, knitters) = (app.brand("potters").await, app.brand("knitters").await);
        let (pan, sock) = (app.plant(&potters, "pan", &[1000]).await, app.plant(&knitters, "sock", &[1000]).await);
        let kitchen = open_shop(&anna, "kitchen").await;
        let hall = open_shop(&berta, "a-hall").await;
        recommend(&anna, &kitchen, &pan, 0).await;
        recommend(&berta, &hall, &sock, 0).await;
        recommend(&berta, &hall, &pan, 0).await;
        let rename = json!({ "id": kitchen, "name": "zoe's küche", "about": "Pots, and what to do with them." });
        anna.ask(UPDATE, json!({ "in": rename })).await;
        let draft = anna.ask(OPEN, json!({ "in": { "handle": "draft", "name": "Pots in secret" } })).await;
        assert!(draft["shopOpen"]["shop"]["id"].is_string());

        let list = "query($filter: ShopFilterInput, $search: String, $by: ShopSort! = NEWEST) { shops(filter: $filter, search: $search, orderBy: $by) { nodes { handle } } }";
        let found = async |variables: Value| {
            let seen = app.nobody().ask(list, variables).await;
            let nodes = seen["shops"]["nodes"].as_array().unwrap().clone();
            nodes.iter().map(|node| node["handle"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let mut both = found(json!({})).await;
        both.sort();
        assert_eq!(both, ["a-hall", "kitchen"]);
        assert_eq!(found(json!({ "by": "NAME" })).await, ["a-hall", "kitchen"]);
        for (search, expected) in [("pot", vec!["kitchen"]), ("küche zoe", vec!["kitchen"]), ("hall", vec!["a-hall"]), ("secret", vec![]), ("\" or *", vec![])] {
            assert_eq!(found(json!({ "search": search })).await, expected, "{search}");
        }
        assert_eq!(found(json!({ "search": " " })).await.len(), 2);
        assert_eq!(found(json!({ "filter": { "brandId": knitters } })).await, ["a-hall"]);
        assert_eq!(found(json!({ "filter": { "productId": pan.product }, "search": "kitchen" })).await, ["kitchen"]);
        set_product(app, &sock, product::Column::Promotable, false).await;
        assert_eq!(found(json!({ "filter": { "productId": sock.product } })).await, Vec::<String>::new());
    }

    async fn shops_are_paged_by_name_and_a_cursor_keeps_to_its_order(app) {
        let anna = app.someone("anna").await;
        for handle in ["cc", "aa", "dd", "bb"] {
            open_shop(&anna, handle).await;
        }
        let list = "query($after: String, $by: ShopSort!) { shops(first: 2, after: $after, orderBy: $by) { nodes { handle } pageInfo { endCursor hasNextPage } } }";
        let first = app.nobody().ask(list, json!({ "by": "NAME" })).await;
        assert_eq!(first["shops"]["nodes"], json!([{ "handle": "aa" }, { "handle": "bb" }]));
        let after = &first["shops"]["pageInfo"]["endCursor"];
        let second = app.nobody().ask(list, json!({ "by": "NAME", "after": after })).await;
        assert_eq!(second["shops"]["nodes"], json!([{ "handle": "cc" }, { "handle": "dd" }]));
        assert_eq!(second["shops"]["pageInfo"]["hasNextPage"], false);
        assert_eq!(app.nobody().error(list, json!({ "by": "NEWEST", "after": after })).await, "BAD_USER_INPUT");
    }

    async fn a_page_of_a_shop_takes_seven_statements_however_much_it_shows(app) {
        let anna = app.someone("anna").await;
        let shop = open_shop(&anna, "anna").await;
        for name in ["potters", "smiths"] {
            let brand = app.brand(name).await;
            for product in ["pan", "pot", "pin"] {
                let product = app.plant(&brand, &format!("{name}-{product}"), &[1000, 2000]).await;
                recommend(&anna, &shop, &product, 0).await;
            }
        }
        let page = "query($first: Int!) { shop(handle: \"anna\") { name recommendations(first: $first) { nodes { note isOffered
            priceFrom { amount } priceTo { amount } product { title brand { name } images { url } variants { title } }
            split { price { amount } discount { amount } } } pageInfo { hasNextPage } } } }";
        for first in [1, 6] {
            let (seen, statements) = app.counting(app.nobody().ask(page, json!({ "first": first }))).await;
            assert_eq!(seen["shop"]["recommendations"]["nodes"].as_array().unwrap().len(), first);
            // The shop, its recommendations, products, brands, terms, variants, images.
            assert_eq!(statements, 7, "{first}");
        }
    }
}
