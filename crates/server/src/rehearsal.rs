//! Rehearsing the worst: a clock that follows a file, and a sudden death right after a given write to the database. It is
//! there in builds with debug assertions only, for tests that kill real processes; a release has none of it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::DateTime;
use clap::Args;
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
        tracing::error!(after = what.join(" "), "dying, as rehearsed");
        let pid = std::process::id().to_string();
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        tracing::error!(?killed, "still alive");
        // Nothing may happen after the death.
        loop {
            std::thread::park();
        }
    })
}

fn is_write(statement: &str) -> bool {
    let verb = ["INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|verb| statement.starts_with(verb));
    verb && !statement.starts_with("UPDATE \"job\"")
}
