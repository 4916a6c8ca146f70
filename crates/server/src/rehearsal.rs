//! Rehearsing the worst: a clock that follows a file, and a sudden death right after a given write to the database, or at a
//! point between two durable steps. It is there in builds with debug assertions only, for tests that kill real processes; a release has none of it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::DateTime;
use clap::Args;
use vitrine_domain::points::{OnPoint, Point};
use vitrine_domain::ports::Clock;
use vitrine_model::Time;

use crate::boot::{Nature, OnStatement};

/// What is rehearsed.
#[derive(Debug, Clone, Default, Args)]
pub struct Rehearsal {
    /// The time is what this file says, in RFC 3339.
    #[arg(long, env = "VITRINE_REHEARSAL_CLOCK", global = true, hide = true)]
    rehearsal_clock: Option<PathBuf>,

    /// The process is killed right after so many writes to the database.
    #[arg(long, env = "VITRINE_REHEARSAL_DEATH", global = true, hide = true)]
    rehearsal_death: Option<u64>,

    /// The process is killed at the first of these points that it passes, each told as `POINT:KIND`, such as
    /// `call_answered:refund_make`.
    #[arg(
        long,
        env = "VITRINE_REHEARSAL_POINTS",
        global = true,
        hide = true,
        value_delimiter = ','
    )]
    rehearsal_points: Vec<String>,
}

impl Rehearsal {
    /// The process's clock and chance, as far as they are to be played.
    pub(crate) fn nature(&self) -> Nature {
        let mut nature = Nature::default();
        if let Some(file) = self.rehearsal_clock.clone() {
            let last = AtomicI64::default();
            nature.clock = Arc::new(FileClock { file, last });
        }
        nature.on_statement = self.rehearsal_death.map(die_after);
        if !self.rehearsal_points.is_empty() {
            nature.on_point = Some(die_at(self.rehearsal_points.clone()));
        }
        nature
    }
}

/// The time that a file says. While the file is being written, it is what it was.
#[derive(Debug)]
struct FileClock {
    file: PathBuf,
    last: AtomicI64,
}

impl Clock for FileClock {
    fn now(&self) -> Time {
        let said = std::fs::read_to_string(&self.file).ok();
        let said = said.and_then(|said| DateTime::parse_from_rfc3339(said.trim()).ok());
        match said {
            Some(said) => self.last.store(said.timestamp_micros(), Ordering::SeqCst),
            None => std::thread::yield_now(),
        }
        DateTime::from_timestamp_micros(self.last.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Dies after so many writes. Looking for work is none: it would make the count depend on how long the test took.
fn die_after(writes: u64) -> OnStatement {
    let left = AtomicU64::new(writes);
    Arc::new(move |statement: &str| {
        if !is_write(statement) || left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        let what: Vec<&str> = statement.split_whitespace().take(4).collect();
        die(&what.join(" "));
    })
}

/// Dies at the first of the points that is passed.
fn die_at(points: Vec<String>) -> OnPoint {
    Arc::new(move |point: Point, what: &str| {
        let passed = format!("{}:{what}", point.as_str());
        if points.contains(&passed) {
            die(&passed);
        }
    })
}

fn die(after: &str) {
    tracing::error!(after, "dying, as rehearsed");
    let pid = std::process::id().to_string();
    let killed = Command::new("kill").args(["-KILL", &pid]).status();
    tracing::error!(?killed, "still alive");
    // Nothing may happen after the death.
    loop {
        std::thread::park();
    }
}

fn is_write(statement: &str) -> bool {
    let verb = ["INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|verb| statement.starts_with(verb));
    verb && !statement.starts_with("UPDATE \"job\"")
}
