//! The audit of the books, beside one sum over the same postings.

use std::time::Instant;

use super::Bench;
use crate::{db, servers};

/// How many times one sum it may take.
const TARGET: f64 = 20.0;
/// Sums and audits in turns.
const ROUNDS: usize = 2;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for postgres in bench.databases() {
        let database = bench.copy(postgres).await?;
        let db = db::open(&database.url).await?;
        let (postings, units) = (
            "select count(*) as n from posting",
            "select count(*) as n from unit",
        );
        let (postings, units) = (db::number(&db, postings).await?, db::number(&db, units).await?);
        let (mut audits, mut sums, mut most) = (0.0, 0.0, 0.0_f64);
        for _ in 0..ROUNDS {
            let (took, peak) = servers::audit(&bench.options, &database).await?;
            (audits, most) = (audits + took.as_secs_f64(), most.max(peak));
            let begun = Instant::now();
            db::number(&db, "select cast(sum(amount) as bigint) as n from posting").await?;
            sums += begun.elapsed().as_secs_f64();
        }
        db.close().await?;
        let ratio = audits / sums;
        let each = ROUNDS as f64;
        bench.report.verdict(
            "audit",
            format!(
                "{postings} postings of {units} units in {:.2} s on {}, {most:.0} MB at most",
                audits / each,
                database.kind()
            ),
            format!("select sum(amount): {:.0} ms", sums / each * 1e3),
            format!("{ratio:.0} ×, to reach ≤ {TARGET} ×"),
            Some(ratio <= TARGET),
        );
    }
    Ok(())
}
