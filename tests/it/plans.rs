//! What the database does for the queries that are asked most: none of their statements may read a table that grows from
//! end to end. The statements are those that the product sends while it is asked.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use serde_json::json;

use crate::support::market::text;
use crate::support::{App, on_both};

/// Tables that stay small however long the platform runs: the queue holds what is to be done, not what was done.
const SMALL: [&str; 7] = [
    "job",
    "installation",
    "reconciliation",
    "seaql_migrations",
    "webhook_endpoint",
    "ledger_seal",
    "payout_run",
];

/// What is asked by everybody, of shops and products.
const PUBLIC: [&str; 9] = [
    "{ shop(handle: \"ale-shop\") { name about owner { name } recommendations(first: 20) { nodes { id note disclosure isOffered
        priceFrom { amount } product { title brand { name } images { url } } split { price { amount } discount { amount } } } } } }",
    "{ shops(first: 20) { nodes { handle name } } }",
    "{ shops(first: 20, orderBy: NAME, search: \"ale\") { totalCount nodes { handle } } }",
    "{ products(first: 20) { nodes { title priceRange { min { amount } } images { url } } } }",
    "{ products(first: 20, orderBy: TITLE) { nodes { title tags } } }",
    "{ products(first: 20, orderBy: PRICE_LOW_FIRST, filter: { currency: EUR }) { nodes { title } } }",
    "{ products(first: 20, search: \"ale\") { totalCount nodes { title } facets(fields: [BRAND, TAG, PRICE, AVAILABILITY]) { values { value } } } }",
    "{ products(first: 20, filter: { productType: \"Lamps\", tag: \"new\", inStock: true }) { totalCount nodes { title } } }",
    "query($product: ID!) { product(id: $product) { title descriptionHtml tags brand { name shippingRates { country } } images { url }
        isAvailable variants { id title price { amount } lowestPrice30d { amount } } } }",
];

/// What a shopholder asks.
const SHOPHOLDER: [&str; 5] = [
    "{ viewer { id name shops { handle } curatedShops { share } memberships { role } } }",
    "{ viewer { earnings { currency } payouts(first: 20) { nodes { amount { amount } } } orders(first: 20) { nodes { number } } } }",
    "{ viewer { statement(first: 20) { nodes { description orderNumber } } } }",
    "{ shop(handle: \"ale-shop\") { sales(first: 20) { nodes { title quantity } } } }",
    "{ shop(handle: \"ale-shop\") { referralLinks(first: 20) { totalCount nodes { url clicks sales } } } }",
];

/// What a brand's owner asks.
const BRAND: [&str; 3] = [
    "query($brand: ID!) { brand(id: $brand) { orders(first: 20) { nodes { number lines { title } } } } }",
    "query($brand: ID!) { brand(id: $brand) { balance { currency } statement(first: 20) { nodes { description } } payouts(first: 20) { nodes { id } } } }",
    "query($brand: ID!) { brand(id: $brand) { imports(first: 20) { nodes { fileName } } activity(first: 20) { nodes { id } } } }",
];

const PREVIEW: &str =
    "query($product: ID!) { splitPreview(productIds: [$product], shares: [0, 5000, 10000]) {
    product { title } shares { cheapest { price { amount } earnings { amount } } } } }";
const ORDER: &str =
    "query($id: ID!) { order(id: $id) { state number lines { title quantity } refunded { amount } } }";
const LINK: &str = "mutation($in: ReferralLinkCreateInput!) { referralLinkCreate(input: $in) { referralLink { code } userErrors { message } } }";

/// Asks all of it, and lets an order be paid; the statements that were sent, each once.
async fn sent(app: &App) -> BTreeSet<String> {
    let market = app.market("ale").await;
    let told = "{ shop(handle: \"ale-shop\") { id recommendations { nodes { product { id } } } } }";
    let told = market.shopholder.ask(told, json!({})).await;
    let product = &told["shop"]["recommendations"]["nodes"][0]["product"]["id"];
    let link = json!({ "shopId": told["shop"]["id"] });
    let link = market.shopholder.made(LINK, link).await;
    let code = text(&link["referralLink"]["code"]);
    // What is done every hour or every night is done now, and not meanwhile.
    app.settle().await;
    let (_, heard) = app
        .hearing(async {
            let ids = json!({ "product": product, "brand": market.brand });
            for query in PUBLIC {
                app.nobody().ask(query, ids.clone()).await;
            }
            let visit = app
                .http
                .get(app.url(&format!("/r/{code}")))
                .header("user-agent", "Mozilla/5.0 Firefox/140.0");
            assert_eq!(visit.send().await.unwrap().status(), 302);
            let bought = app.buy(&[(&market, 2)]).await;
            bought.buyer.ask(ORDER, json!({ "id": bought.order })).await;
            for query in SHOPHOLDER.iter().chain([&PREVIEW]) {
                market.shopholder.ask(query, ids.clone()).await;
            }
            for query in BRAND {
                market.owner.ask(query, ids.clone()).await;
            }
        })
        .await;
    let is_plain = |sql: &String| {
        let verb = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
        // A list of no keys is asked for as what is never true: nothing is read.
        let never = sql.ends_with("WHERE ? = ?") || sql.ends_with("WHERE $1 = $2");
        ["select", "update", "delete", "with"].contains(&&*verb) && !never
    };
    heard.into_iter().filter(is_plain).collect()
}

/// The lines of the plan that read a growing table from end to end; `None` where there is no plan.
async fn end_to_end(app: &App, sql: &str) -> Option<Vec<String>> {
    let plan = match app.db().get_database_backend() {
        DbBackend::Sqlite => planned_by_sqlite(app, sql).await,
        _ => planned_by_postgres(app, sql).await?,
    };
    let grows = |table: &&str| !SMALL.contains(table);
    let lines = plan
        .into_iter()
        .filter(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let scanned = match &*words {
                ["SCAN", table, rest @ ..] if !rest.contains(&"USING") && !rest.contains(&"VIRTUAL") => {
                    Some(*table)
                }
                _ => words
                    .windows(4)
                    .find(|at| at[..3] == ["Seq", "Scan", "on"])
                    .map(|at| at[3]),
            };
            scanned.filter(grows).is_some_and(is_table)
        })
        .collect();
    Some(lines)
}

/// Whether it is a table of the schema, and not a name that the statement or the database gave to something.
fn is_table(name: &str) -> bool {
    let made_up = ["list", "asked", "part", "found", "ranked", "of_"];
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && !made_up.iter().any(|beginning| name.starts_with(beginning))
}

async fn planned_by_sqlite(app: &App, sql: &str) -> Vec<String> {
    let explain = Statement::from_string(DbBackend::Sqlite, format!("explain query plan {sql}"));
    let rows = app
        .db()
        .query_all_raw(explain)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter()
        .map(|row| row.try_get("", "detail").unwrap())
        .collect()
}

/// The plan for whatever parameters come, by a planner that reads a table from end to end only where nothing else is left.
/// `None` where nothing but the driver knows of what types the parameters are.
async fn planned_by_postgres(app: &App, sql: &str) -> Option<Vec<String>> {
    let tx = app.vitrine().context("plans").begin().await.unwrap();
    tx.execute_unprepared("set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    let parameters = (1..)
        .take_while(|number| sql.contains(&format!("${number}")))
        .count();
    // In a list of values nothing tells of what type a parameter is: there they are links and visitors.
    let pairs = sql.split("VALUES (").nth(1).map_or(0, |values| {
        values
            .split(") AS")
            .next()
            .unwrap_or_default()
            .matches('$')
            .count()
            / 2
    });
    let mut types = vec!["unknown"; parameters];
    if sql.starts_with("SELECT") {
        for pair in 0..pairs {
            (types[2 * pair], types[2 * pair + 1]) = ("uuid", "bytea");
        }
    }
    let types = if parameters == 0 {
        String::new()
    } else {
        format!("({})", types.join(", "))
    };
    let prepared = tx
        .execute_unprepared(&format!("prepare planned {types} as {sql}"))
        .await;
    if let Err(error) = prepared {
        assert!(
            error.to_string().contains("operator does not exist"),
            "cannot be planned: {sql}: {error}"
        );
        return None;
    }
    let nulls = vec!["null"; parameters].join(", ");
    let nulls = if parameters == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let explain = Statement::from_string(DbBackend::Postgres, format!("explain execute planned {nulls}"));
    let rows: Vec<QueryResult> = tx
        .query_all_raw(explain)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let plan = rows
        .iter()
        .map(|row| row.try_get("", "QUERY PLAN").unwrap())
        .collect();
    tx.execute_unprepared("deallocate planned").await.unwrap();
    Some(plan)
}

on_both! {
    async fn no_statement_of_what_is_asked_most_reads_a_growing_table_from_end_to_end(app) {
        let statements = sent(app).await;
        assert!(statements.len() > 50, "{}", statements.len());
        let (mut found, mut unplanned) = (Vec::new(), 0);
        for sql in &statements {
            let Some(lines) = end_to_end(app, sql).await else {
                unplanned += 1;
                continue;
            };
            if !lines.is_empty() {
                found.push(format!("{}\n    {sql}", lines.join("\n")));
            }
        }
        assert!(unplanned * 20 < statements.len(), "{unplanned} of {}", statements.len());
        assert!(found.is_empty(), "{} of {}:\n{}", found.len(), statements.len(), found.join("\n"));
    }
}
