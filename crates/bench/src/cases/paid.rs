//! Paid orders: Stripe's events come in, and end as sold units, postings and events. Held against pgbench, which writes the
//! rows that the product has just written, into tables like those they are in, in as many commits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::Bench;
use crate::buyer::{Buyer, Stripe, send};
use crate::load::{Bound, Sample, Stopwatch, Watched, pgbench};
use crate::servers::{self, Database, Process};
use crate::{db, say};

/// Events sent at once, and connections of pgbench.
const AT_ONCE: usize = 16;
/// What of pgbench's rate is to be reached.
const TARGET: f64 = 0.5;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for postgres in bench.databases() {
        let database = bench.copy(postgres).await?;
        let stripe = servers::stripe(&bench.options).await?;
        let server = servers::product(&bench.options, &database, &stripe.url, true).await?;
        let db = db::open(&database.url).await?;
        let orders = if bench.options.quick { 96 } else { 960 };
        let events = bought(bench, &server, &stripe, orders).await?;
        super::drained(&db, postgres).await?;
        let before = if postgres {
            Some(Written::now(&db).await?)
        } else {
            None
        };
        let stopwatch = Stopwatch::start(server.watched(&bench.options, &database));
        let http = servers::client();
        stream::iter(events)
            .map(|event| {
                let (http, url) = (http.clone(), server.url.clone());
                async move { send(&http, &url, &event).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let awaiting = "select count(*) as n from orders where state = 'awaiting_payment'";
        while db::number(&db, awaiting).await? > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        super::drained(&db, postgres).await?;
        let sample = stopwatch.stop(orders as f64, Vec::new());
        server.stop().await?;
        stripe.stop_now()?;
        bench.sound(&database).await?;
        let (mut samples, mut names) = (vec![sample], Vec::new());
        if let Some(before) = before {
            samples.push(yardstick(bench, &database, &db, &before, orders).await?);
            names.push("pgbench, the same rows and commits");
        }
        bench.row("paid order", &database, AT_ONCE as u32, &samples, &names);
        if postgres {
            bench.report.at_least("paid order", 0, TARGET);
        }
        db.close().await?;
    }
    Ok(())
}

/// Orders that are paid at Stripe, and the events about them that the product has not been told.
async fn bought(
    bench: &Bench,
    server: &Process,
    stripe: &Process,
    orders: u64,
) -> anyhow::Result<Vec<serde_json::Value>> {
    let (buyer, till) = (Buyer::new(&server.url, bench.size), Stripe::new(&stripe.url));
    till.deliver_to(&server.url).await?;
    till.admin("deliveries", serde_json::json!({ "mode": "hold" }))
        .await?;
    stream::iter(0..orders)
        .map(|number| buyer.buy(number))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    let events = till.events().await?;
    ensure!(
        events.len() as u64 >= orders,
        "{} events of {orders} orders",
        events.len()
    );
    Ok(events)
}

/// How much was written so far.
struct Written {
    /// The number of the next transaction that writes.
    transaction: i64,
    /// Rows inserted, updated and deleted, by table.
    rows: BTreeMap<String, [i64; 3]>,
}

impl Written {
    async fn now(db: &DatabaseConnection) -> anyhow::Result<Self> {
        // Each connection tells its counts when it has had nothing to do for a second.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let transaction = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as n";
        let transaction = db::number(db, transaction).await?;
        let counts = "select relname || ' ' || n_tup_ins || ' ' || n_tup_upd || ' ' || n_tup_del as t from pg_stat_user_tables where schemaname = 'public'";
        let mut rows = BTreeMap::new();
        for line in db::texts(db, counts).await? {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |place: usize| words.get(place).and_then(|word| word.parse().ok()).unwrap_or(0);
            rows.insert(words[0].to_owned(), [number(1), number(2), number(3)]);
        }
        Ok(Self { transaction, rows })
    }
}

/// What is written of one table for each order.
struct Share {
    table: String,
    inserts: i64,
    updates: i64,
    deletes: i64,
}

/// Writes the same rows once more, by pgbench.
async fn yardstick(
    bench: &Bench,
    database: &Database,
    db: &DatabaseConnection,
    before: &Written,
    orders: u64,
) -> anyhow::Result<Sample> {
    let after = Written::now(db).await?;
    let each = |count: i64| (count as f64 / orders as f64).round() as i64;
    let commits = each(after.transaction - before.transaction).max(1);
    let mut shares = Vec::new();
    for (table, now) in &after.rows {
        let then = before.rows.get(table).copied().unwrap_or([0; 3]);
        let [inserts, updates, deletes] = [0, 1, 2].map(|place| each(now[place] - then[place]));
        if inserts + updates + deletes > 0 {
            shares.push(Share {
                table: table.clone(),
                inserts,
                updates,
                deletes,
            });
        }
    }
    let told: Vec<String> = shares
        .iter()
        .map(|share| {
            format!(
                "{} {}+{}+{}",
                share.table, share.inserts, share.updates, share.deletes
            )
        })
        .collect();
    say(&format!(
        "   an order is {commits} commits; rows inserted+updated+deleted: {}",
        told.join(", ")
    ));
    db.execute_unprepared("create schema yard").await?;
    db.execute_unprepared("create sequence yard.turn minvalue 0")
        .await?;
    let mut statements = Vec::new();
    for share in &shares {
        statements.extend(prepared(db, share, before.transaction).await?);
    }
    db.execute_unprepared("analyze").await?;
    db.execute_unprepared("checkpoint").await?;
    let watched = Watched {
        process: None,
        postgres: bench.options.postmaster().ok(),
    };
    let turns = u32::try_from(orders)? / AT_ONCE as u32;
    let script = script(&statements, usize::try_from(commits)?);
    pgbench(
        &bench.options.room,
        &database.url,
        &script,
        watched,
        AT_ONCE as u32,
        Bound::Transactions(turns),
    )
    .await
}

/// Makes a table like the one written, with the rows to be written beside it; the statements that write an order's.
async fn prepared(db: &DatabaseConnection, share: &Share, since: i64) -> anyhow::Result<Vec<String>> {
    let Share {
        table,
        inserts,
        updates,
        deletes,
    } = share;
    let columns = format!(
        "select column_name::text as t from information_schema.columns where table_schema = 'public' and table_name = '{table}' order by ordinal_position"
    );
    let columns = db::texts(db, &columns).await?;
    let keys = format!(
        "select a.attname::text as t from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) where i.indrelid = 'public.{table}'::regclass and i.indisprimary"
    );
    let keys = db::texts(db, &keys).await?;
    db.execute_unprepared(&format!(
        "create table yard.{table} (like public.{table} including all)"
    ))
    .await?;
    db.execute_unprepared(&format!(
        "create table yard.{table}_source as select row_number() over () - 1 as turn, t.* from public.{table} t where t.xmin::text::bigint >= {since}"
    ))
    .await?;
    db.execute_unprepared(&format!("alter table yard.{table}_source add primary key (turn)"))
        .await?;
    let source = db::number(db, &format!("select count(*) as n from yard.{table}_source")).await?;
    let (all, column) = (
        columns.join(", "),
        columns
            .iter()
            .find(|column| !keys.contains(column))
            .unwrap_or(&columns[0]),
    );
    let mut statements = Vec::new();
    if table == "job" || (source == 0 && *deletes > 0) {
        return Ok(passing(share));
    }
    let here = keys
        .iter()
        .map(|key| format!("w.{key} = s.{key}"))
        .collect::<Vec<_>>()
        .join(" and ");
    if *inserts > 0 {
        statements.push(format!(
            "insert into yard.{table} ({all}) select {all} from yard.{table}_source where turn between :turn::bigint * {inserts} and :turn::bigint * {inserts} + {inserts} - 1"
        ));
    } else if source > 0 {
        db.execute_unprepared(&format!(
            "insert into yard.{table} ({all}) select {all} from yard.{table}_source"
        ))
        .await?;
    }
    if source > 0 {
        let step = inserts.max(&1);
        for number in 0..*updates {
            let turn = if *inserts > 0 {
                format!(":turn::bigint * {step} + {}", number % step)
            } else {
                format!("(:turn::bigint * {updates} + {number}) % {source}")
            };
            statements.push(format!("update yard.{table} w set {column} = s.{column} from yard.{table}_source s where {here} and s.turn = {turn}"));
        }
    }
    Ok(statements)
}

/// Jobs come and go within an order, and leave no rows to be written again.
fn passing(share: &Share) -> Vec<String> {
    const JOB: &str = "insert into yard.job (id, kind, payload, run_at, attempts, state, created_at) values (gen_random_uuid(), \
        'event_notify', '{\"job\":\"event_notify\",\"event\":\"evt_00000000000000000000000000\"}', now(), 0, 'queued', now()) \
        returning id as job \\gset";
    let many = share.inserts.max(share.deletes).max(1);
    let claim = "update yard.job set attempts = attempts + 1, leased_until = now() where id = :job::uuid";
    let mut statements = Vec::new();
    for _ in 0..many {
        statements.push(JOB.to_owned());
        statements.extend((0..share.updates / many).map(|_| claim.to_owned()));
        statements.push("delete from yard.job where id = :job::uuid".to_owned());
    }
    statements
}

/// The statements of one order, spread over its commits.
fn script(statements: &[String], commits: usize) -> String {
    let mut text = "select nextval('yard.turn') as turn \\gset\n".to_owned();
    let each = statements.len().div_ceil(commits).max(1);
    for some in statements.chunks(each) {
        text += "begin;\n";
        for statement in some {
            let end = if statement.ends_with("\\gset") { "" } else { ";" };
            let _ = writeln!(text, "{statement}{end}");
        }
        text += "commit;\n";
    }
    text
}

/// Pays one order after the other; how long the product took to know each, in milliseconds.
pub(super) async fn one_by_one(
    bench: &Bench,
    db: &DatabaseConnection,
    server: &Process,
    stripe: &Process,
    orders: u64,
) -> anyhow::Result<Vec<f64>> {
    let events = bought(bench, server, stripe, orders).await?;
    let mut by_order: Vec<serde_json::Value> = events
        .into_iter()
        .filter(|event| event["type"] == "checkout.session.completed")
        .collect();
    by_order.truncate(usize::try_from(orders)?);
    let (http, mut times) = (servers::client(), Vec::new());
    let awaiting = "select count(*) as n from orders where state = 'awaiting_payment'";
    for event in by_order {
        let (left, begun) = (db::number(db, awaiting).await?, std::time::Instant::now());
        send(&http, &server.url, &event).await?;
        while db::number(db, awaiting).await? == left {
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "an order is not paid after half a minute"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.first().context("no order was paid")?;
    Ok(times)
}
