//! The preview of splits while somebody drags a slider: thirty products by eleven shares, a hundred times a second, whatever
//! the answers take. Held against the least that can be asked, at the same rate in the same run.

use serde_json::json;

use super::Bench;
use crate::data::names::{Thing, public, token};
use crate::data::{RECOMMENDED, shopholder};
use crate::load::{Sample, graphql, open_loop};

const PREVIEW: &str = "query Preview($products: [ID!]!, $shares: [Int!]!) { splitPreview(productIds: $products, shares: $shares) { \
    product { id } shares { discountShare cheapest { price { amount currency } discount { amount } earnings { amount } } \
    dearest { price { amount currency } discount { amount } earnings { amount } } } } }";
/// Requests per second.
const RATE: u32 = 100;
/// How many times the p50 of the least request the p99 may be.
const TARGET: f64 = 3.0;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let Some(oha) = bench.options.oha.clone() else {
        bench
            .report
            .notes
            .push("The split preview was left out: there is no oha.".to_owned());
        return Ok(());
    };
    let database = bench.copy(bench.database()).await?;
    let server = bench.product(&database).await?;
    let products: Vec<String> = (0..RECOMMENDED)
        .map(|place| public(Thing::Product, bench.size.product(0, place)))
        .collect();
    let shares: Vec<u32> = (0..=10).map(|tenth| tenth * 1_000).collect();
    let who = token(shopholder(0));
    let preview = graphql(
        PREVIEW,
        &json!({ "products": products, "shares": shares }),
        Some(&who),
    );
    let least = graphql("{ __typename }", &json!({}), Some(&who));
    checked(&server.url, &preview).await?;
    let (mut previews, mut leasts) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds(true) {
        let seconds = if bench.options.quick { 3 } else { 10 };
        previews.push(open_loop(&oha, &preview, &server.url, RATE, seconds).await?);
        leasts.push(open_loop(&oha, &least, &server.url, RATE, seconds).await?);
    }
    let (preview, least) = (Sample::mean(&previews), Sample::mean(&leasts));
    let ratio = preview.p99 / least.p50;
    bench.report.verdict(
        "split preview",
        format!(
            "p99 {:.2} ms, p50 {:.2} ms at {:.0}/s on {}",
            preview.p99,
            preview.p50,
            preview.rate,
            database.kind()
        ),
        format!(
            "{{ __typename }}: p50 {:.2} ms, p99 {:.2} ms",
            least.p50, least.p99
        ),
        format!("{ratio:.1} ×, to reach ≤ {TARGET} ×"),
        Some(ratio <= TARGET),
    );
    server.stop().await
}

/// The answer has no errors, and all that was asked for.
async fn checked(url: &str, line: &str) -> anyhow::Result<()> {
    let body = line.rsplit('\t').next().unwrap_or_default().to_owned();
    let who = token(shopholder(0));
    let request = crate::servers::client()
        .post(format!("{url}/graphql"))
        .header("content-type", "application/json")
        .bearer_auth(who)
        .body(body);
    let answer: serde_json::Value = request.send().await?.json().await?;
    let shown = answer
        .pointer("/data/splitPreview")
        .and_then(serde_json::Value::as_array);
    let whole = shown.is_some_and(|shown| shown.len() == 30 && shown.iter().all(|one| !one.is_null()));
    anyhow::ensure!(whole && answer.get("errors").is_none(), "no preview: {answer}");
    Ok(())
}
