//! What grows with the data: each case one at a time, at a hundredth, a tenth and all of the data set.

use anyhow::Context as _;
use serde_json::json;

use super::{Bench, link, paid, reads};
use crate::buyer::Stripe;
use crate::data::names::{Thing, id, public, token};
use crate::data::{OPERATOR, Size, shopholder};
use crate::load::{Driver, Expected, Requests, graphql, percentile};
use crate::report::{Growth, MOST_GROWTH};
use crate::servers::{self, Database, Process};
use crate::{db, say, sets};

const STATEMENT: &str = "{ viewer { statement(currency: EUR, first: 20) { nodes { occurredAt description amount { amount } balance { amount } orderNumber } pageInfo { hasNextPage } } } }";
const EARNINGS: &str = "{ viewer { earnings { currency held { amount } available { amount } paidOut { amount } total { amount } nextReleaseAt } } }";
const CASES: [&str; 7] = [
    "shop page",
    "product list",
    "statement page",
    "earnings",
    "click",
    "order posting",
    "payout planning",
];
/// Payees of one payout run, the same at every scale.
const PAYEES: u64 = 2;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let postgres = bench.database();
    let all = bench.options.scale;
    let scales = if bench.options.quick {
        vec![all / 10.0, all]
    } else {
        vec![all / 100.0, all / 10.0, all]
    };
    let mut growth: Vec<Growth> = CASES.iter().map(|case| Growth { case, at: Vec::new() }).collect();
    for scale in scales {
        let measured = at(bench, postgres, scale).await?;
        for (growth, p50) in growth.iter_mut().zip(measured) {
            growth.at.push((scale, p50));
        }
    }
    for growth in growth {
        let at: Vec<String> = growth
            .at
            .iter()
            .map(|(scale, p50)| format!("{scale} ×: {p50:.2} ms"))
            .collect();
        let worst = growth.worst();
        let reached = Some(worst <= MOST_GROWTH);
        let (case, limit) = (
            format!("growth: {}", growth.case),
            format!("{worst:.2} × per 10 ×, to reach ≤ {MOST_GROWTH} ×"),
        );
        bench.report.verdict(
            &case,
            at.join(", "),
            "itself with less data".to_owned(),
            limit,
            reached,
        );
        bench.report.growth.push(growth);
    }
    Ok(())
}

/// p50 of each case in milliseconds.
async fn at(bench: &mut Bench, postgres: bool, scale: f64) -> anyhow::Result<[f64; 7]> {
    let (database, size) = (
        sets::copy(&bench.options, postgres, scale).await?,
        Size::of(scale),
    );
    let server = bench.product(&database).await?;
    let shop = reads::pages(&server.url, reads::SHOP, size.shops);
    let requests = |lines| Requests {
        url: server.url.clone(),
        lines,
        expected: Expected::Data,
    };
    let own = |query| {
        (0..size.shops.min(1_000))
            .map(|shop| graphql(query, &json!({}), Some(&token(shopholder(shop)))))
            .collect()
    };
    let list = requests(vec![graphql(reads::LIST, &json!({}), None)]);
    let clicks = link::requests(&server.url, size.shops);
    let mut p50 = Vec::new();
    for requests in [
        shop,
        list,
        requests(own(STATEMENT)),
        requests(own(EARNINGS)),
        clicks,
    ] {
        p50.push(one_at_a_time(bench, &server, &database, requests).await?);
    }
    server.stop().await?;
    let whole = bench.size;
    bench.size = size;
    let posted = posted(bench, &database, postgres).await;
    bench.size = whole;
    let (posting, planning) = posted?;
    servers::audit(&bench.options, &database).await?;
    say(&format!(
        "   at {scale}: {p50:.2?} ms, posting {posting:.2} ms, planning {planning:.2} ms"
    ));
    Ok([p50[0], p50[1], p50[2], p50[3], p50[4], posting, planning])
}

async fn one_at_a_time(
    bench: &Bench,
    server: &Process,
    database: &Database,
    requests: Requests,
) -> anyhow::Result<f64> {
    let driver = Driver::Wrk {
        requests,
        watched: server.watched(&bench.options, database),
    };
    driver.run(&bench.options.room, 1, 1).await?;
    Ok(driver
        .run(&bench.options.room, 1, bench.options.seconds().min(3))
        .await?
        .p50)
}

/// How long it takes until a payment is known, and until a payout run has requested what it pays.
async fn posted(bench: &Bench, database: &Database, postgres: bool) -> anyhow::Result<(f64, f64)> {
    let stripe = servers::stripe(&bench.options).await?;
    let server = servers::product(&bench.options, database, &stripe.url, true).await?;
    let db = db::open(&database.url).await?;
    super::drained(&db, postgres).await?;
    let orders = if bench.options.quick { 16 } else { 48 };
    let mut times = paid::one_by_one(bench, &db, &server, &stripe, orders).await?;
    times.sort_by(f64::total_cmp);
    super::drained(&db, postgres).await?;
    let mut planned = Vec::new();
    let runs = if bench.options.quick { 2 } else { 3 };
    for run in 0..runs {
        planned.push(payout_run(&db, &server, &stripe, run, postgres).await?);
        super::drained(&db, postgres).await?;
    }
    planned.sort_by(f64::total_cmp);
    db.close().await?;
    server.stop().await?;
    stripe.stop_now()?;
    Ok((percentile(&times, 50.0), percentile(&planned, 50.0)))
}

/// Lets a run pay some shopholders who were not paid before; milliseconds from its beginning to its last payout.
async fn payout_run(
    db: &sea_orm::DatabaseConnection,
    server: &Process,
    stripe: &Process,
    run: u64,
    postgres: bool,
) -> anyhow::Result<f64> {
    use sea_orm::{ConnectionTrait, Statement, Value};
    let (http, till) = (servers::client(), Stripe::new(&stripe.url));
    till.admin(
        "balance_transactions",
        json!({ "type": "topup", "amount": 100_000_000, "currency": "eur" }),
    )
    .await?;
    for payee in 0..PAYEES {
        let number = run * PAYEES + payee;
        let form = [
            ("type", "express"),
            ("country", "DE"),
            ("capabilities[transfers][requested]", "true"),
        ];
        let made = http
            .post(format!("{}/v1/accounts", stripe.url))
            .bearer_auth(servers::STRIPE_KEY)
            .form(&form);
        let made: serde_json::Value = made.send().await?.json().await?;
        let account = made["id"]
            .as_str()
            .context("the sandbox made no account")?
            .to_owned();
        till.admin(&format!("accounts/{account}/enable"), json!({}))
            .await?;
        let sql = "insert into payout_account (id, party, country, intent_id, stripe_account_id, details_submitted, transfers_active, requirements_due, created_at, updated_at) \
            values ($1, $2, 'DE', $1, $3, true, true, 0, $4, $4)";
        let (row, now) = (id(Thing::PayoutAccount, number), chrono::Utc::now());
        let values: Vec<Value> = vec![
            row.into(),
            public(Thing::Account, shopholder(number)).into(),
            account.into(),
            now.into(),
        ];
        db.execute_raw(Statement::from_sql_and_values(
            db.get_database_backend(),
            sql,
            values,
        ))
        .await?;
    }
    let before = db::number(db, "select count(*) as n from payout").await?;
    let asked = json!({ "query": "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { userErrors { message } } }",
        "variables": { "in": { "idempotencyKey": format!("run {run} {}", chrono::Utc::now()) } } });
    let answer = http
        .post(format!("{}/graphql", server.url))
        .bearer_auth(token(OPERATOR))
        .json(&asked);
    let answer: serde_json::Value = answer.send().await?.json().await?;
    anyhow::ensure!(answer.get("errors").is_none(), "no payout run: {answer}");
    for _ in 0..600 {
        if db::number(db, "select count(*) as n from payout").await? == before + i64::try_from(PAYEES)? {
            let took = if postgres {
                "select (extract(epoch from (select max(requested_at) from payout) - (select started_at from payout_run)) * 1000000)::bigint as n"
            } else {
                "select cast((julianday((select max(requested_at) from payout)) - julianday((select started_at from payout_run))) * 86400000000 as integer) as n"
            };
            return Ok(db::number(db, took).await? as f64 / 1e3);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("a payout run paid nobody")
}
