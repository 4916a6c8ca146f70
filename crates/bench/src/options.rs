//! What the harness is told.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

/// What to measure, with what, and where.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The product, built for release.
    #[arg(long)]
    pub vitrine: PathBuf,
    /// The local Stripe, built for release.
    #[arg(long)]
    pub sandbox: PathBuf,
    /// A folder for what is made meanwhile, and for data sets to be kept.
    #[arg(long)]
    pub room: PathBuf,
    /// PostgreSQL, without a database's name: `postgres://USER@HOST:PORT`.
    #[arg(long)]
    pub postgres: Option<String>,
    /// Its data folder.
    #[arg(long)]
    pub postgres_data: Option<PathBuf>,
    /// nginx.
    #[arg(long)]
    pub nginx: Option<PathBuf>,
    /// oha.
    #[arg(long)]
    pub oha: Option<PathBuf>,
    /// Node.js, 22 or newer.
    #[arg(long)]
    pub node: Option<PathBuf>,
    /// The folder in which PostGraphile is installed.
    #[arg(long)]
    pub postgraphile: Option<PathBuf>,
    /// What data sets are known by: those of another stamp are made anew.
    #[arg(long, default_value = "0")]
    pub stamp: String,
    /// The size of the data set; 1 is the size that the targets are for.
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// Few seconds for each case, and a small data set.
    #[arg(long)]
    pub quick: bool,
    /// Seconds for one turn of a case, other than usual.
    #[arg(long)]
    pub seconds: Option<u32>,
    /// Only these cases.
    #[arg(long)]
    pub only: Vec<String>,
    /// Only this database.
    #[arg(long)]
    pub database: Option<String>,
    /// A setting of the product's, `NAME=VALUE`.
    #[arg(long)]
    pub with: Vec<String>,
    /// A setting that turns the product's cache of shops off, `NAME=VALUE`.
    #[arg(long)]
    pub uncached: Vec<String>,
    /// The commit that is measured.
    #[arg(long, default_value = "")]
    pub commit: String,
    /// How the harness was called.
    #[arg(long, default_value = "scripts/bench")]
    pub called: String,
    /// The Markdown to write; nothing is written without it.
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// What had to be left out.
    #[arg(long)]
    pub left_out: Vec<String>,
}

impl Options {
    /// Seconds for one turn of a case.
    pub fn seconds(&self) -> u32 {
        self.seconds.unwrap_or(if self.quick { 1 } else { 4 })
    }

    /// Turns of A and B; on SQLite, which is measured besides, one is enough.
    pub fn rounds(&self, postgres: bool) -> u32 {
        if postgres { 2 } else { 1 }
    }

    /// Connections that cases are driven by.
    pub fn connections(&self) -> &'static [u32] {
        &[1, 16, 64]
    }

    /// Whether the case is asked for.
    pub fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == case)
    }

    /// The process of PostgreSQL that the others are children of.
    pub fn postmaster(&self) -> anyhow::Result<u32> {
        let file = self
            .postgres_data
            .as_ref()
            .context("no PostgreSQL")?
            .join("postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        Ok(text
            .lines()
            .next()
            .context("an empty postmaster.pid")?
            .trim()
            .parse()?)
    }
}
