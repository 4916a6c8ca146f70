//! The cases, each in a file of its own.

mod audit;
mod flows;
mod growth;
mod import;
mod link;
mod paid;
mod preview;
mod reads;
mod start;

use std::time::Duration;

use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;

use crate::data::Size;
use crate::options::Options;
use crate::report::{Report, Row};
use crate::servers::{Database, Process};
use crate::{db, say, servers, sets};

/// A run of the harness.
pub struct Bench {
    /// What was asked for.
    pub options: Options,
    /// The data set's size.
    pub size: Size,
    /// What was found.
    pub report: Report,
}

type Case = for<'b> fn(&'b mut Bench) -> BoxFuture<'b, anyhow::Result<()>>;

/// The cases by name, in order.
const CASES: [(&str, Case); 9] = [
    ("link", |bench| Box::pin(link::run(bench))),
    ("shop", |bench| Box::pin(reads::shop(bench))),
    ("products", |bench| Box::pin(reads::products(bench))),
    ("preview", |bench| Box::pin(preview::run(bench))),
    ("paid", |bench| Box::pin(paid::run(bench))),
    ("checkout", |bench| Box::pin(flows::run(bench))),
    ("import", |bench| Box::pin(import::run(bench))),
    ("audit", |bench| Box::pin(audit::run(bench))),
    ("start", |bench| Box::pin(start::run(bench))),
];

/// Runs what is asked for; a case that fails is told, and the others go on.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let size = Size::of(options.scale);
    let mut bench = Bench {
        options,
        size,
        report: Report::default(),
    };
    let growth: (&str, Case) = ("growth", |bench| Box::pin(growth::run(bench)));
    for (name, case) in CASES.into_iter().chain([growth]) {
        if !bench.options.wants(name) {
            continue;
        }
        say(&format!("\n== {name}"));
        if let Err(error) = case(&mut bench).await {
            say(&format!("   FAILED: {error:#}"));
            let told = format!("{error:#}");
            let first: String = told
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(300)
                .collect();
            bench.report.failures.push(format!("{name}: {first}"));
        }
    }
    if let Some(file) = &bench.options.report {
        bench.report.write(&bench.options, file)?;
        say(&format!("\nwritten to {}", file.display()));
    }
    anyhow::ensure!(
        bench.report.failures.is_empty(),
        "failed: {:?}",
        bench.report.failures
    );
    Ok(())
}

impl Bench {
    /// The databases asked for: whether each is PostgreSQL.
    fn databases(&self) -> Vec<bool> {
        let wants = |name: &str| self.options.database.as_deref().is_none_or(|only| only == name);
        let postgres = (wants("postgres") && self.options.postgres.is_some()).then_some(true);
        let sqlite = wants("sqlite").then_some(false);
        postgres.into_iter().chain(sqlite).collect()
    }

    /// The one database for cases that need only one: PostgreSQL, where there is one.
    fn database(&self) -> bool {
        self.databases().first().copied().unwrap_or(false)
    }

    /// A copy of the data set.
    async fn copy(&self, postgres: bool) -> anyhow::Result<Database> {
        sets::copy(&self.options, postgres, self.options.scale).await
    }

    /// The product on a database, without a worker.
    async fn product(&self, database: &Database) -> anyhow::Result<Process> {
        servers::product(&self.options, database, "http://127.0.0.1:9", false).await
    }

    /// The audit after a case that wrote.
    async fn sound(&self, database: &Database) -> anyhow::Result<()> {
        servers::audit(&self.options, database).await?;
        Ok(())
    }

    fn row(
        &mut self,
        case: &str,
        database: &Database,
        connections: u32,
        samples: &[crate::load::Sample],
        names: &[&'static str],
    ) {
        let (ours, others) = samples
            .split_first()
            .map_or((Default::default(), &[][..]), |(ours, others)| (*ours, others));
        self.report.row(Row {
            case: case.to_owned(),
            database: database.kind(),
            connections,
            ours,
            against: names.iter().copied().zip(others.iter().copied()).collect(),
        });
    }
}

/// Waits until nothing that is due is left in the queue.
async fn drained(db: &DatabaseConnection, postgres: bool) -> anyhow::Result<()> {
    let now = if postgres {
        "now()"
    } else {
        "strftime('%Y-%m-%dT%H:%M:%f', 'now')"
    };
    let due = format!("select count(*) as n from job where state = 'queued' and run_at <= {now}");
    for _ in 0..1_200 {
        if db::number(db, &due).await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the job queue does not run empty")
}
