//! The whole way of a buyer: cart, address, checkout, payment at the local Stripe, until the order is paid.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Bench;
use crate::buyer::{Buyer, Stripe};
use crate::load::Stopwatch;
use crate::{meter, servers};

/// Buyers at once.
const BUYERS: u32 = 16;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for postgres in bench.databases() {
        let database = bench.copy(postgres).await?;
        let stripe = servers::stripe(&bench.options).await?;
        let server = servers::product(&bench.options, &database, &stripe.url, true).await?;
        Stripe::new(&stripe.url).deliver_to(&server.url).await?;
        let db = crate::db::open(&database.url).await?;
        super::drained(&db, postgres).await?;
        let seconds = if bench.options.quick { 3 } else { 15 };
        let until = Instant::now() + Duration::from_secs(seconds);
        let (stopwatch, next) = (
            Stopwatch::start(server.watched(&bench.options, &database)),
            Arc::new(AtomicU64::new(0)),
        );
        let (of_stripe, size) = (meter::cpu(stripe.pid()), bench.size);
        let buyers: Vec<_> = (0..BUYERS)
            .map(|_| tokio::spawn(flows(Buyer::new(&server.url, size), next.clone(), until)))
            .collect();
        let mut times = Vec::new();
        for buyer in buyers {
            times.extend(buyer.await??);
        }
        let count = times.len() as f64;
        let sample = stopwatch.stop(count, times);
        let of_stripe = (meter::cpu(stripe.pid()) - of_stripe) * 1e6 / count;
        super::drained(&db, postgres).await?;
        db.close().await?;
        bench.row("checkout flow", &database, BUYERS, &[sample], &[]);
        bench.report.verdict(
            "checkout flow",
            format!(
                "{:.0} flows/s on {}, p50 {:.0} ms",
                sample.rate,
                database.kind(),
                sample.p50
            ),
            "none".to_owned(),
            format!(
                "CPU per flow: {:.1} ms, PostgreSQL {:.1} ms, the local Stripe {:.1} ms",
                sample.cpu / 1e3,
                sample.cpu_database / 1e3,
                of_stripe / 1e3
            ),
            None,
        );
        server.stop().await?;
        stripe.stop_now()?;
        bench.sound(&database).await?;
    }
    Ok(())
}

/// Goes the way again and again; how long it took each time, in milliseconds.
async fn flows(buyer: Buyer, next: Arc<AtomicU64>, until: Instant) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        let bought = buyer.buy(next.fetch_add(1, Ordering::Relaxed)).await?;
        while !buyer.is_paid(&bought).await? {
            anyhow::ensure!(
                begun.elapsed() < Duration::from_secs(60),
                "{} is not paid after a minute",
                bought.order
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}
