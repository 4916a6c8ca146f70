//! Those who load: wrk for requests as fast as they are answered, pgbench for the database alone, oha for a fixed rate.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::meter;

/// What was measured in one run, or over several.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Answers per second.
    pub rate: f64,
    /// Half of them took at most so long, in milliseconds.
    pub p50: f64,
    /// All but a hundredth.
    pub p99: f64,
    /// CPU time per answer of the process that answers, in microseconds.
    pub cpu: f64,
    /// The same of PostgreSQL.
    pub cpu_database: f64,
    /// Memory of the process that answers, in megabytes.
    pub memory: f64,
}

impl Sample {
    /// The mean of several.
    pub fn mean(of: &[Self]) -> Self {
        let mean = |what: fn(&Self) -> f64| of.iter().map(what).sum::<f64>() / of.len().max(1) as f64;
        Self {
            rate: mean(|sample| sample.rate),
            p50: mean(|sample| sample.p50),
            p99: mean(|sample| sample.p99),
            cpu: mean(|sample| sample.cpu),
            cpu_database: mean(|sample| sample.cpu_database),
            memory: mean(|sample| sample.memory),
        }
    }
}

/// Whose CPU time is counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Watched {
    /// The process that answers, with its children.
    pub process: Option<u32>,
    /// PostgreSQL's first process.
    pub postgres: Option<u32>,
}

impl Watched {
    fn read(self) -> (f64, f64) {
        let cpu = |pid: Option<u32>| pid.map_or(0.0, meter::cpu);
        (cpu(self.process), cpu(self.postgres))
    }
}

/// CPU time while something happens.
pub struct Stopwatch {
    watched: Watched,
    before: (f64, f64),
    begun: std::time::Instant,
}

impl Stopwatch {
    /// Begins.
    pub fn start(watched: Watched) -> Self {
        Self {
            watched,
            before: watched.read(),
            begun: std::time::Instant::now(),
        }
    }

    /// Ends: `count` things were done, in so many milliseconds each.
    pub fn stop(&self, count: f64, mut times: Vec<f64>) -> Sample {
        let after = self.watched.read();
        times.sort_by(f64::total_cmp);
        Sample {
            rate: count / self.begun.elapsed().as_secs_f64(),
            p50: percentile(&times, 50.0),
            p99: percentile(&times, 99.0),
            cpu: (after.0 - self.before.0).max(0.0) * 1e6 / count.max(1.0),
            cpu_database: (after.1 - self.before.1).max(0.0) * 1e6 / count.max(1.0),
            memory: self.watched.process.map_or(0.0, meter::resident),
        }
    }
}

/// Of sorted values the one below which so many percent are; 0 of none.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Requests for wrk.
#[derive(Debug, Clone)]
pub struct Requests {
    /// Where to: `http://127.0.0.1:PORT`.
    pub url: String,
    /// The lines of its file: method, path, headers, body, separated by tabs.
    pub lines: Vec<String>,
    /// What an answer must be.
    pub expected: Expected,
}

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A GraphQL answer without errors.
    Data,
    /// A redirect; every request comes from another visitor.
    Redirect,
}

/// One GraphQL request as a line of wrk's file.
pub fn graphql(query: &str, variables: &serde_json::Value, token: Option<&str>) -> String {
    let body = serde_json::json!({ "query": query, "variables": variables });
    let who = token
        .map(|token| format!("|authorization:Bearer {token}"))
        .unwrap_or_default();
    format!("POST\t/graphql\tcontent-type:application/json|accept:application/json{who}\t{body}")
}

/// Something that can be driven.
#[derive(Debug, Clone)]
pub enum Driver {
    /// A server.
    Wrk {
        /// What it is asked.
        requests: Requests,
        /// Its processes.
        watched: Watched,
    },
    /// The database alone.
    Pgbench {
        /// The database.
        url: String,
        /// The statements of one request.
        script: String,
        /// PostgreSQL's processes.
        watched: Watched,
    },
}

#[derive(Deserialize)]
struct Told {
    requests: f64,
    microseconds: f64,
    p50: f64,
    p99: f64,
    bad: f64,
    failed: f64,
}

impl Driver {
    /// Drives it by so many connections for so many seconds.
    pub async fn run(&self, room: &Path, connections: u32, seconds: u32) -> anyhow::Result<Sample> {
        match self {
            Self::Wrk { requests, watched } => wrk(room, requests, *watched, connections, seconds).await,
            Self::Pgbench { url, script, watched } => {
                pgbench(room, url, script, *watched, connections, Bound::Seconds(seconds)).await
            }
        }
    }
}

async fn wrk(
    room: &Path,
    requests: &Requests,
    watched: Watched,
    connections: u32,
    seconds: u32,
) -> anyhow::Result<Sample> {
    let (script, file) = (room.join("wrk.lua"), room.join("wrk.requests"));
    std::fs::write(&script, include_str!("wrk.lua"))?;
    std::fs::write(&file, requests.lines.join("\n") + "\n")?;
    let mode = match requests.expected {
        Expected::Data => "data",
        Expected::Redirect => "visitors",
    };
    let stopwatch = Stopwatch::start(watched);
    let output = Command::new("wrk")
        .args([
            "-t",
            "1",
            "--timeout",
            "10s",
            "-c",
            &connections.to_string(),
            "-d",
            &format!("{seconds}s"),
            "-s",
        ])
        .arg(script)
        .arg(&requests.url)
        .arg("--")
        .arg(file)
        .arg(mode)
        .output()
        .await
        .context("wrk cannot be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = said.lines().find_map(|line| line.strip_prefix("bench "));
    let told = told.with_context(|| format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)))?;
    let told: Told = serde_json::from_str(told)?;
    ensure!(
        told.bad == 0.0 && told.failed == 0.0 && told.requests > 0.0,
        "{} of {} answers were not what they should be, and {} failed: {}",
        told.bad,
        told.requests,
        told.failed,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Sample {
        rate: told.requests / told.microseconds * 1e6,
        p50: told.p50 / 1e3,
        p99: told.p99 / 1e3,
        ..stopwatch.stop(told.requests, Vec::new())
    })
}

/// How long pgbench goes on.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// For so many seconds.
    Seconds(u32),
    /// Until each connection has made so many transactions.
    Transactions(u32),
}

/// Runs pgbench with prepared statements; percentiles are taken from its log of every transaction.
pub async fn pgbench(
    room: &Path,
    url: &str,
    script: &str,
    watched: Watched,
    connections: u32,
    bound: Bound,
) -> anyhow::Result<Sample> {
    let (file, logs) = (room.join("pgbench.sql"), room.join("pgbench.logs"));
    std::fs::write(&file, script)?;
    let _ = std::fs::remove_dir_all(&logs);
    std::fs::create_dir_all(&logs)?;
    let (flag, many) = match bound {
        Bound::Seconds(seconds) => ("-T", seconds),
        Bound::Transactions(transactions) => ("-t", transactions),
    };
    let stopwatch = Stopwatch::start(watched);
    let output = Command::new("pgbench")
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "1",
            "-c",
            &connections.to_string(),
            flag,
            &many.to_string(),
            "-l",
        ])
        .arg("--log-prefix")
        .arg(logs.join("log"))
        .arg("-f")
        .arg(file)
        .arg(url)
        .output()
        .await
        .context("pgbench cannot be started")?;
    let (said, wrong) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(
        output.status.success() && !wrong.contains("ERROR"),
        "pgbench: {said}{wrong}"
    );
    let rate = said.lines().find_map(|line| {
        line.strip_prefix("tps = ")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    let rate = rate.with_context(|| format!("pgbench: {said}{wrong}"))?;
    let times = logged(&logs)?;
    let sample = stopwatch.stop(times.len() as f64, times);
    Ok(Sample {
        rate,
        memory: 0.0,
        ..sample
    })
}

/// The times of all transactions in milliseconds: the third word of each line is in microseconds.
fn logged(folder: &Path) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        times.extend(
            text.lines()
                .filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok())
                .map(|time| time / 1e3),
        );
    }
    Ok(times)
}

/// A and its yardsticks, in turns: A B A B. One sample for each, the mean of its turns.
pub async fn alternate(
    room: &Path,
    drivers: &[&Driver],
    connections: u32,
    seconds: u32,
    rounds: u32,
) -> anyhow::Result<Vec<Sample>> {
    let mut samples = vec![Vec::new(); drivers.len()];
    for _ in 0..rounds {
        for (driver, samples) in drivers.iter().zip(&mut samples) {
            samples.push(driver.run(room, connections, seconds).await?);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(samples.iter().map(|samples| Sample::mean(samples)).collect())
}

/// Sends one GraphQL request again and again at a fixed rate, whatever the answers take; times count from when a request
/// was due. Returns p50 and p99 in milliseconds.
pub async fn open_loop(
    oha: &PathBuf,
    line: &str,
    url: &str,
    rate: u32,
    seconds: u32,
) -> anyhow::Result<Sample> {
    let mut words = line.splitn(4, '\t').skip(1);
    let (path, headers, body) = (
        words.next(),
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut command = Command::new(oha);
    command
        .args([
            "--no-tui",
            "--output-format",
            "json",
            "--latency-correction",
            "--disable-color",
            "-m",
            "POST",
            "-c",
            "64",
        ])
        .args(["-q", &rate.to_string(), "-z", &format!("{seconds}s"), "-d", body]);
    for header in headers.split('|') {
        let mut shown = String::new();
        let (name, value) = header.split_once(':').context("a header")?;
        write!(shown, "{name}: {value}")?;
        command.args(["-H", &shown]);
    }
    let output = command
        .arg(format!("{url}{}", path.unwrap_or_default()))
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let told: serde_json::Value = serde_json::from_str(&said)
        .with_context(|| format!("oha: {said}{}", String::from_utf8_lossy(&output.stderr)))?;
    let number = |place: &str| {
        told.pointer(place)
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(0.0)
    };
    let statuses = told
        .pointer("/statusCodeDistribution")
        .cloned()
        .unwrap_or_default();
    let only_good = statuses
        .as_object()
        .is_some_and(|all| all.len() == 1 && all.contains_key("200"));
    ensure!(only_good, "oha: answers had the statuses {statuses}");
    Ok(Sample {
        rate: number("/summary/requestsPerSec"),
        p50: number("/latencyPercentiles/p50") * 1e3,
        p99: number("/latencyPercentiles/p99") * 1e3,
        ..Sample::default()
    })
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 50.0), percentile(&values, 99.0)),
            (50.0, 99.0)
        );
        assert_eq!((percentile(&[7.0], 99.0), percentile(&[], 50.0)), (7.0, 0.0));
    }
}
