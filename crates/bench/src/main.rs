//! What `scripts/bench` runs: fills databases, drives the product and its yardsticks, and writes what it found.
//!
//! It knows the product from outside only, by its tables, its contract and its command line: what it measures is what
//! people get, and no change of the product's own code can make it measure something else.

mod buyer;
mod cases;
mod data;
mod db;
mod load;
mod meter;
mod options;
mod plot;
mod report;
mod servers;
mod sets;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use options::Options;

#[derive(Parser)]
#[command(about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fills a migrated, empty database.
    Fill {
        /// The database.
        #[arg(long)]
        database: String,
        /// How much: 1 is a thousand shops and a hundred thousand orders.
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
    },
    /// Measures.
    Run(Box<Options>),
}

#[tokio::main]
async fn main() -> ExitCode {
    // The only provider compiled in; a second installation would be refused, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = match Cli::parse().command {
        Command::Fill { database, scale } => data::fill(&database, data::Size::of(scale)).await,
        Command::Run(options) => cases::run(*options).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scripts/bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tells whoever watches.
fn say(line: &str) {
    println!("{line}");
}
