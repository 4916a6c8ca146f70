//! Lists of every kind: their lengths, and how few statements they take when they nest in other lists.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use vitrine_model::catalog::{NoteKind, import_note};

use crate::support::market::text;
use crate::support::{App, on_both};

/// Every list of a brand.
const BRANDS: &str = "query($first: Int!) { brands(first: $first) { totalCount nodes { handle
    balance { currency } termsHistory { id } members { role } shippingRates { country } payoutAccount { status }
    payouts(first: 5) { totalCount nodes { amount { amount } } }
    statement(first: 5) { totalCount nodes { description orderNumber } pageInfo { hasNextPage } }
    orders(first: 5) { totalCount nodes { number } }
    imports(first: 5) { totalCount nodes { fileName errors(first: 5) { totalCount nodes { line } } } } } } }";
/// Every list of a shop and its owner.
const SHOPS: &str = "query($first: Int!) { shops(first: $first) { totalCount nodes { handle
    recommendations(first: 5) { totalCount nodes { id } }
    sales(first: 5) { totalCount nodes { title quantity refundedQuantity } }
    referralLinks(first: 5) { totalCount nodes { url clicks } }
    owner { shops { handle } memberships { role } sessions { id } earnings { currency }
        payouts(first: 5) { totalCount nodes { id } }
        statement(last: 3) { totalCount nodes { description } pageInfo { hasPreviousPage } }
        orders(first: 5) { totalCount nodes { number } } } } } }";
const IMPORT: &str = "mutation($in: ProductImportCreateInput!) { productImportCreate(input: $in) {
    productImport { id } userErrors { message } } }";

/// Three brands, each with a shop that sold two pieces of its product.
async fn three_markets(app: &App) {
    for name in ["ale", "bun", "cup"] {
        let market = app.market(name).await;
        app.buy(&[(&market, 2)]).await;
        let import = json!({ "brandId": market.brand, "fileName": "products.csv" });
        market.owner.made(IMPORT, import).await;
    }
}

on_both! {
    async fn lists_in_lists_take_as_many_statements_for_three_parents_as_for_one(app) {
        three_markets(app).await;
        let operator = app.operator().await;
        for (query, parents) in [(BRANDS, "brands"), (SHOPS, "shops")] {
            // A session's first request notes that it was used.
            operator.ask(query, json!({ "first": 1 })).await;
            let (seen, one) = app.counting(operator.ask(query, json!({ "first": 1 }))).await;
            assert_eq!(seen[parents]["nodes"].as_array().unwrap().len(), 1);
            let (seen, three) = app.counting(operator.ask(query, json!({ "first": 3 }))).await;
            assert_eq!(seen[parents]["nodes"].as_array().unwrap().len(), 3);
            assert_eq!(one, three, "{parents}: {one} statements for one, {three} for three");
        }
    }

    async fn every_parent_gets_its_own_page_and_its_own_count(app) {
        three_markets(app).await;
        let operator = app.operator().await;
        let brands = operator.ask(BRANDS, json!({ "first": 3 })).await;
        assert_eq!(brands["brands"]["totalCount"], 3);
        for (brand, handle) in brands["brands"]["nodes"].as_array().unwrap().iter().zip(["ale", "bun", "cup"]) {
            assert_eq!(brand["handle"], handle);
            assert_eq!(brand["members"], json!([{ "role": "OWNER" }]));
            assert_eq!(brand["orders"]["totalCount"], 1);
            assert_eq!(brand["imports"]["totalCount"], 1);
            assert_eq!(brand["payouts"], json!({ "totalCount": 0, "nodes": [] }));
            let lines = brand["statement"]["nodes"].as_array().unwrap();
            assert_eq!((lines.len(), &brand["statement"]["totalCount"]), (2, &json!(2)), "a sale and its fee");
            let number = &brand["orders"]["nodes"][0]["number"];
            assert!(lines.iter().all(|line| line["orderNumber"] == *number), "{brand:#}");
            assert!(lines.iter().any(|line| text(&line["description"]).contains(handle)), "{brand:#}");
        }
        let shops = operator.ask(SHOPS, json!({ "first": 3 })).await;
        for shop in shops["shops"]["nodes"].as_array().unwrap() {
            let name = text(&shop["handle"]).replace("-shop", "");
            assert_eq!(shop["recommendations"]["totalCount"], 1);
            assert_eq!(shop["sales"]["totalCount"], 1);
            assert!(text(&shop["sales"]["nodes"][0]["title"]).contains(&name), "{shop:#}");
            assert_eq!(shop["sales"]["nodes"][0]["quantity"], 2);
            assert_eq!(shop["owner"]["shops"], json!([{ "handle": shop["handle"] }]));
        }
    }

    async fn a_list_is_counted_only_when_its_length_is_asked_for(app) {
        three_markets(app).await;
        let nobody = app.nobody();
        let plain = "{ products(first: 1, search: \"ale\") { nodes { id } } }";
        let counted = "{ products(first: 1, search: \"ale\") { totalCount nodes { id } } }";
        let (_, without) = app.counting(nobody.ask(plain, json!({}))).await;
        let (seen, with) = app.counting(nobody.ask(counted, json!({}))).await;
        assert_eq!(seen["products"]["totalCount"], 1);
        assert_eq!(with, without + 1);
        let seen = nobody.ask("{ products(first: 1) { totalCount } shops { totalCount } }", json!({})).await;
        assert_eq!(seen, json!({ "products": { "totalCount": 3 }, "shops": { "totalCount": 3 } }));
    }

    async fn a_long_list_is_counted_as_far_as_ten_thousand(app) {
        let market = app.market("tea").await;
        let made = market
            .owner
            .made(IMPORT, json!({ "brandId": market.brand, "fileName": "products.csv" }))
            .await;
        let import = text(&made["productImport"]["id"]);
        let note = |line: i64| {
            let note = import_note::Model {
                seq: line,
                import_id: import.parse().unwrap(),
                kind: NoteKind::Error,
                line,
                column_name: None,
                handle: None,
                message: "something is wrong".to_owned(),
            };
            note.into_active_model()
        };
        for thousand in 0..10 {
            let notes = (1..=1000).map(|line| note(thousand * 1000 + line));
            import_note::Entity::insert_many(notes).exec_without_returning(app.db()).await.unwrap();
        }
        let count = async || -> Value {
            let query = "query($id: ID!) { productImport(id: $id) { errors(first: 1) { totalCount nodes { line } } } }";
            market.owner.ask(query, json!({ "id": import })).await["productImport"]["errors"].clone()
        };
        assert_eq!(count().await, json!({ "totalCount": 10_000, "nodes": [{ "line": 1 }] }));
        note(10_001).insert(app.db()).await.unwrap();
        assert_eq!(count().await["totalCount"], 10_000);
    }
}
