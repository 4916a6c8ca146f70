//! What visitors read: a shop's page, lists of products, one product, a search. Beside PostGraphile on the same tables, and
//! beside the database alone, which is asked for the same rows by pgbench.

use serde_json::json;

use super::Bench;
use crate::data::Size;
use crate::data::names::{Thing, public};
use crate::load::{Driver, Expected, Requests, alternate, graphql};
use crate::servers::{self, Database};

/// A shop's page.
pub(super) const SHOP: &str = "query Shop($handle: String!) { shop(handle: $handle) { name about recommendations(first: 20) { nodes { note \
    split { listPrice { amount currency } price { amount } discount { amount } } \
    product { handle title images { url alt } brand { handle name } } } } } }";
/// The same by PostGraphile, which knows no splits: what they are made of.
const SHOP_ROWS: &str = "query Shop($handle: String!) { shopByHandle(handle: $handle) { name about \
    recommendationsByShopId(first: 20, condition: { removedAt: null }, orderBy: POSITION_ASC) { nodes { note shareBp \
    productByProductId { handle title minPrice currency commissionBp productImagesByProductId(orderBy: POSITION_ASC) { nodes { url alt } } \
    brandByBrandId { handle name defaultVatBp } } } } } }";
const SHOP_SQL: &str = "\\set n random(0, :shops - 1)
select id as shop, name, about from shop where handle = 'shop-' || :n::text and state = 'published' \\gset
select r.*, p.* from recommendation r join product p on p.id = r.product_id where r.shop_id = :shop::uuid and r.removed_at is null order by r.position, r.id limit 20;
select i.* from product_image i where i.product_id in (select product_id from recommendation where shop_id = :shop::uuid and removed_at is null order by position, id limit 20) order by i.product_id, i.position;
select v.*, b.*, t.* from variant v join brand b on b.id = v.brand_id join terms t on t.brand_id = b.id where v.position = 1 and v.product_id in (select product_id from recommendation where shop_id = :shop::uuid and removed_at is null order by position, id limit 20);
";

pub(super) const LIST: &str = "{ products(first: 20) { nodes { handle title priceRange { min { amount currency } max { amount } } images { url alt } } pageInfo { endCursor hasNextPage } } }";
const LIST_SQL: &str = "select * from product where published order by created_at desc, id desc limit 21;
select * from product_image where product_id in (select id from product where published order by created_at desc, id desc limit 20) order by product_id, position;
";
const DETAIL: &str = "query Product($id: ID!) { product(id: $id) { handle title descriptionHtml vendor productType tags optionNames isAvailable \
    brand { handle name } images { url alt } priceRange { min { amount currency } max { amount } } variants { title sku price { amount currency } } } }";
const SEARCH: &str = "query Search($words: String!) { products(first: 20, search: $words) { totalCount FACETS nodes { handle title priceRange { min { amount currency } } images { url alt } } } }";
const FACETS: &str = "facets(fields: [BRAND, PRODUCT_TYPE]) { field values { value count } }";
const FOUND: &str = "from product p join product_text t on t.product_id = p.id where p.published and to_tsvector('simple', t.search_text) @@ to_tsquery('simple', :words)";

/// A shop's page with twenty recommendations.
pub(super) async fn shop(bench: &mut Bench) -> anyhow::Result<()> {
    for postgres in bench.databases() {
        let database = bench.copy(postgres).await?;
        if !bench.options.uncached.is_empty() {
            let with = bench.options.with.clone();
            bench.options.with.extend(bench.options.uncached.clone());
            let done = page(bench, &database, "shop page, uncached", [2.0, 0.4]).await;
            bench.options.with = with;
            done?;
        }
        let target = if bench.options.uncached.is_empty() {
            2.0
        } else {
            4.0
        };
        page(bench, &database, "shop page", [target, 0.4]).await?;
    }
    Ok(())
}

async fn page(bench: &mut Bench, database: &Database, case: &str, targets: [f64; 2]) -> anyhow::Result<()> {
    let server = bench.product(database).await?;
    let watched = server.watched(&bench.options, database);
    let shops = bench.size.shops;
    let ours = Driver::Wrk {
        requests: pages(&server.url, SHOP, shops),
        watched,
    };
    let postgraphile = servers::postgraphile(&bench.options, database).await?;
    let theirs = postgraphile.as_ref().map(|server| Driver::Wrk {
        requests: pages(&server.url, SHOP_ROWS, shops),
        watched: server.watched(&bench.options, database),
    });
    let alone = database
        .is_postgres()
        .then(|| alone(bench, database, &SHOP_SQL.replace(":shops", &shops.to_string())));
    let (mut drivers, mut names) = (vec![&ours], Vec::new());
    for (driver, name) in [(&theirs, "PostGraphile 5"), (&alone, "pgbench, 4 statements")] {
        if let Some(driver) = driver {
            drivers.push(driver);
            names.push(name);
        }
    }
    warm(bench, &drivers).await?;
    for connections in bench.options.connections() {
        let (seconds, rounds) = (
            bench.options.seconds(),
            bench.options.rounds(database.is_postgres()),
        );
        let samples = alternate(&bench.options.room, &drivers, *connections, seconds, rounds).await?;
        bench.row(case, database, *connections, &samples, &names);
    }
    let targets = names.iter().map(|name| {
        if name.starts_with("PostGraphile") {
            targets[0]
        } else {
            targets[1]
        }
    });
    for (place, target) in targets.enumerate() {
        bench.report.at_least(case, place, target);
    }
    server.stop().await
}

/// Caches fill, and plans are made.
async fn warm(bench: &Bench, drivers: &[&Driver]) -> anyhow::Result<()> {
    for driver in drivers {
        driver
            .run(&bench.options.room, 4, bench.options.seconds().min(2))
            .await?;
    }
    Ok(())
}

/// The database asked alone.
fn alone(bench: &Bench, database: &Database, script: &str) -> Driver {
    let postgres = bench.options.postmaster().ok();
    Driver::Pgbench {
        url: database.url.clone(),
        script: script.to_owned(),
        watched: crate::load::Watched {
            process: None,
            postgres,
        },
    }
}

/// Pages of the shops, as wrk asks for them.
pub(super) fn pages(url: &str, query: &str, shops: u64) -> Requests {
    let line = |shop| graphql(query, &json!({ "handle": format!("shop-{shop}") }), None);
    Requests {
        url: url.to_owned(),
        lines: (0..shops.min(2_000)).map(line).collect(),
        expected: Expected::Data,
    }
}

/// Lists, details, searches.
pub(super) async fn products(bench: &mut Bench) -> anyhow::Result<()> {
    let postgres = bench.database();
    let database = bench.copy(postgres).await?;
    let server = bench.product(&database).await?;
    let watched = server.watched(&bench.options, &database);
    let facets = facets(&server.url).await?;
    if !facets {
        bench
            .report
            .notes
            .push("The contract has no facets yet: the search counts what it finds, and no more.".to_owned());
    }
    for (case, lines, script) in asked(bench.size, facets) {
        let requests = Requests {
            url: server.url.clone(),
            lines,
            expected: Expected::Data,
        };
        let ours = Driver::Wrk { requests, watched };
        let alone = postgres.then(|| alone(bench, &database, &script));
        let drivers: Vec<&Driver> = [&ours].into_iter().chain(&alone).collect();
        warm(bench, &drivers).await?;
        let all = bench.options.connections();
        let connections = if bench.options.quick { &all[1..2] } else { all };
        for connections in connections {
            let (seconds, rounds) = (bench.options.seconds().min(3), bench.options.rounds(postgres));
            let samples = alternate(&bench.options.room, &drivers, *connections, seconds, rounds).await?;
            bench.row(
                case,
                &database,
                *connections,
                &samples,
                &["pgbench, the same rows"],
            );
        }
        bench.report.at_least(case, 0, 0.4);
    }
    server.stop().await
}

/// Whether lists of products tell facets.
async fn facets(url: &str) -> anyhow::Result<bool> {
    let query = json!({ "query": "{ __type(name: \"ProductConnection\") { fields { name } } }" });
    let answer: serde_json::Value = servers::client()
        .post(format!("{url}/graphql"))
        .json(&query)
        .send()
        .await?
        .json()
        .await?;
    Ok(answer.to_string().contains("\"facets\""))
}

/// The cases: name, requests, and the same in SQL.
fn asked(size: Size, facets: bool) -> [(&'static str, Vec<String>, String); 3] {
    let product = |number| graphql(DETAIL, &json!({ "id": public(Thing::Product, number) }), None);
    let some = (0..size.products.min(2_000)).map(product).collect();
    let words: Vec<String> = ["linen", "walnut", "copper", "wool", "oak"]
        .iter()
        .flat_map(|word| ["shirt", "bowl", "lamp", "mug", "vase"].map(|thing| format!("{word} {thing}")))
        .collect();
    let query = SEARCH.replace("FACETS", if facets { FACETS } else { "" });
    let searches = words
        .iter()
        .map(|words| graphql(&query, &json!({ "words": words }), None))
        .collect();
    let counts = if facets {
        format!(
            "select p.brand_id, count(*) {FOUND} group by p.brand_id order by 2 desc limit 50;\n\
             select p.product_type, count(*) {FOUND} group by p.product_type order by 2 desc limit 50;\n"
        )
    } else {
        String::new()
    };
    let chance = "\\set w random(1, 5)\n\\set t random(1, 5)\n\
        select (array['linen','walnut','copper','wool','oak'])[:w] || ':* & ' || (array['shirt','bowl','lamp','mug','vase'])[:t] || ':*' as words \\gset\n";
    let search = format!(
        "{chance}select p.* {FOUND} order by p.created_at desc, p.id desc limit 21;\nselect count(*) {FOUND};\n{counts}\
         select * from product_image where product_id in (select p.id {FOUND} order by p.created_at desc, p.id desc limit 20) order by product_id, position;\n"
    );
    let known = format!(
        "\\set n random(0, {} - 1)\nselect p.id as product, p.*, t.description_html from product p join product_text t on t.product_id = p.id where p.handle = 'product-' || :n::text and p.brand_id = (select id from brand where handle = 'brand-' || (:n::bigint % {})::text) \\gset\n\
         select * from product_image where product_id = :product::uuid order by position;\nselect * from variant where product_id = :product::uuid order by position;\n\
         select * from product_tag where product_id = :product::uuid;\nselect b.* from brand b where b.handle = 'brand-' || (:n::bigint % {})::text;\n",
        size.products, size.brands, size.brands
    );
    [
        (
            "product list",
            vec![graphql(LIST, &json!({}), None)],
            LIST_SQL.to_owned(),
        ),
        ("product detail", some, known),
        ("search", searches, search),
    ]
}
