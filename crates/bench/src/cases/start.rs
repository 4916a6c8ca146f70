//! How long the process takes to its first answer on a migrated database, and what it holds when nobody asks.

use std::time::{Duration, Instant};

use super::Bench;
use crate::meter;
use crate::report::earlier;

/// Starts that are measured.
const TIMES: usize = 5;
/// What a start may differ from one run to the next on a machine that does other things.
const SLACK: f64 = 1.25;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let database = bench.copy(bench.database()).await?;
    let mut times = Vec::new();
    let mut idle = 0.0;
    for time in 0..TIMES {
        let begun = Instant::now();
        let server = bench.product(&database).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if time + 1 == TIMES {
            tokio::time::sleep(Duration::from_secs(2)).await;
            idle = meter::resident(server.pid());
        }
        server.stop().await?;
    }
    times.sort_by(f64::total_cmp);
    let start = times[TIMES / 2];
    let before = bench.options.report.as_deref().and_then(earlier);
    let told = before.map_or("no run before".to_owned(), |(start, idle)| {
        format!("last run: {start:.0} ms, {idle:.0} MB")
    });
    let reached = before.map(|(then, held)| start <= then * SLACK && idle <= held * SLACK);
    bench.report.start = Some((start, idle));
    bench.report.verdict(
        "start, idle",
        format!(
            "{start:.0} ms to the first answer, {idle:.0} MB resident on {}",
            database.kind()
        ),
        told,
        "no increase".to_owned(),
        reached,
    );
    Ok(())
}
