//! The referral link: looked up, recorded durably, redirected; beside nginx, which only redirects. And what is left of the
//! answered clicks when server and database are killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::Bench;
use crate::data::names::code;
use crate::db;
use crate::load::{Driver, Expected, Requests, alternate};
use crate::servers::{self, Database};

const CONNECTIONS: [u32; 4] = [1, 16, 64, 256];
/// What of nginx's redirects is to be reached.
const TARGET: f64 = 0.25;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Links of all shops, as wrk asks for them.
pub(super) fn requests(url: &str, shops: u64) -> Requests {
    let line = |shop| format!("GET\t/r/{}\tuser-agent:{AGENT}\t", code(shop));
    Requests {
        url: url.to_owned(),
        lines: (0..shops.min(2_000)).map(line).collect(),
        expected: Expected::Redirect,
    }
}

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let nginx = servers::nginx(&bench.options).await?;
    for postgres in bench.databases() {
        let database = bench.copy(postgres).await?;
        let before = clicks(&database).await?;
        let server = bench.product(&database).await?;
        let watched = server.watched(&bench.options, &database);
        let ours = Driver::Wrk {
            requests: requests(&server.url, bench.size.shops),
            watched,
        };
        let yardstick = nginx.as_ref().map(|nginx| Driver::Wrk {
            requests: requests(&nginx.url, bench.size.shops),
            watched: crate::load::Watched {
                process: Some(nginx.pid()),
                postgres: None,
            },
        });
        let drivers: Vec<&Driver> = [&ours].into_iter().chain(&yardstick).collect();
        for connections in CONNECTIONS {
            let (seconds, rounds) = (bench.options.seconds(), bench.options.rounds(postgres));
            let samples = alternate(&bench.options.room, &drivers, connections, seconds, rounds).await?;
            bench.row(
                "referral link",
                &database,
                connections,
                &samples,
                &["nginx return 302"],
            );
        }
        if postgres {
            bench.report.at_least("referral link", 0, TARGET);
        }
        server.stop().await?;
        ensure!(clicks(&database).await? > before, "no click was recorded");
        bench.sound(&database).await?;
        durable(bench, &database).await?;
    }
    Ok(())
}

async fn clicks(database: &Database) -> anyhow::Result<i64> {
    let db = db::open(&database.url).await?;
    let count = db::number(&db, "select count(*) as n from click").await?;
    db.close().await?;
    Ok(count)
}

/// Kills the server, and PostgreSQL with it, in the midst of clicks: each that was answered must be there afterwards.
async fn durable(bench: &mut Bench, database: &Database) -> anyhow::Result<()> {
    let server = bench.product(database).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..32_u64)
        .map(|visitor| tokio::spawn(visit(server.url.clone(), visitor, bench.size.shops, stop.clone())))
        .collect();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    server.kill()?;
    if database.is_postgres() {
        crash(bench)?;
    }
    stop.store(true, Ordering::Relaxed);
    let mut answered = Vec::new();
    for visitor in visitors {
        answered.extend(visitor.await?);
    }
    if database.is_postgres() {
        revive(bench).await?;
    }
    let there = known(database, answered.len()).await?;
    let lost = answered.iter().filter(|click| !there.contains(*click)).count();
    ensure!(
        !answered.is_empty() && lost == 0,
        "{lost} of {} answered clicks are lost",
        answered.len()
    );
    bench.report.verdict(
        "clicks after kill -9",
        format!("{} answered, {lost} lost, on {}", answered.len(), database.kind()),
        if database.is_postgres() {
            "server and PostgreSQL killed"
        } else {
            "server killed"
        }
        .to_owned(),
        "none may be lost".to_owned(),
        Some(lost == 0),
    );
    bench.sound(database).await
}

/// Follows links until told to stop or nobody answers; the clicks that answers told of.
async fn visit(url: String, visitor: u64, shops: u64, stop: Arc<AtomicBool>) -> Vec<String> {
    let (http, mut clicks) = (servers::client(), Vec::new());
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let link = format!("{url}/r/{}", code((visitor * 31 + number) % shops));
        let from = format!("10.{visitor}.{}.{}", number / 250 % 250, number % 250 + 1);
        let answer = http
            .get(link)
            .header("user-agent", AGENT)
            .header("x-forwarded-for", from)
            .send()
            .await;
        let Ok(answer) = answer else { break };
        let place = answer
            .headers()
            .get("location")
            .and_then(|place| place.to_str().ok())
            .unwrap_or_default();
        if let Some((_, token)) = place.split_once("click=") {
            clicks.extend(click_of(token));
        }
    }
    clicks
}

/// The click's id is the first 16 bytes of the token, in base64 for addresses.
fn click_of(token: &str) -> Option<String> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let head = token.chars().take(21).try_fold(0_u128, |bits, letter| {
        Some((bits << 6) | u128::try_from(LETTERS.find(letter)?).ok()?)
    })?;
    let last = u128::try_from(LETTERS.find(token.chars().nth(21)?)?).ok()?;
    Some(
        uuid::Uuid::from_u128((head << 2) | (last >> 4))
            .simple()
            .to_string(),
    )
}

/// The newest clicks, more than were answered.
async fn known(database: &Database, answered: usize) -> anyhow::Result<BTreeSet<String>> {
    let db = db::open(&database.url).await?;
    let id = if database.is_postgres() {
        "replace(id::text, '-', '')"
    } else {
        "lower(hex(id))"
    };
    let sql = format!(
        "select {id} as t from click order by occurred_at desc limit {}",
        answered * 2 + 10_000
    );
    let found = db::texts(&db, &sql).await?;
    db.close().await?;
    Ok(found.into_iter().collect())
}

/// Kills PostgreSQL with all its processes: the first before the others, or it would start them again.
fn crash(bench: &Bench) -> anyhow::Result<()> {
    let first = bench.options.postmaster()?;
    let children = crate::meter::children(first);
    servers::signal("-KILL", first)?;
    for child in children {
        // One may have ended by itself meanwhile.
        let _ = servers::signal("-KILL", child);
    }
    Ok(())
}

/// Starts it again, which recovers what was committed. While a process of it lingers it does not start.
async fn revive(bench: &Bench) -> anyhow::Result<()> {
    let folder = bench.options.postgres_data.as_ref().context("no PostgreSQL")?;
    let script = folder.with_file_name("start");
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let output = tokio::process::Command::new(&script).output().await;
        if output
            .with_context(|| script.display().to_string())?
            .status
            .success()
        {
            return Ok(());
        }
    }
    anyhow::bail!("PostgreSQL does not start again")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_click_of_a_token_is_its_first_sixteen_bytes() {
        // 16 bytes of 0x01 to 0x10, then others.
        let token = "AQIDBAUGBwgJCgsMDQ4PEBESExQ";
        assert_eq!(
            super::click_of(token).as_deref(),
            Some("0102030405060708090a0b0c0d0e0f10")
        );
    }
}
