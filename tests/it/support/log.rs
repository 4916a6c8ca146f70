//! What the product writes to its log, kept in memory for tests that look through it. All tests of the process write to it,
//! so look for words that no other test says.

use std::io::Write;
use std::sync::{Mutex, OnceLock};

use tracing_subscriber::EnvFilter;

/// What was written since somebody first listened.
static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static LISTENING: OnceLock<()> = OnceLock::new();

/// Keeps the log from now on: more of it than any operator would ask for.
pub(crate) fn listen() {
    LISTENING.get_or_init(|| {
        let filter = "info,vitrine=trace,vitrine_domain=trace,vitrine_graphql=trace,vitrine_stripe_gateway=trace,tower_http=debug,sea_orm=debug,sqlx=debug";
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(|| Kept)
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The lines that hold any of these words, in whatever case.
pub(crate) fn lines_with(words: &[&str]) -> Vec<String> {
    let written = WRITTEN.lock().unwrap();
    let text = String::from_utf8_lossy(&written);
    let telling = |line: &&str| {
        let line = line.to_lowercase();
        words.iter().any(|word| line.contains(&word.to_lowercase()))
    };
    text.lines().filter(telling).map(str::to_owned).collect()
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WRITTEN.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
