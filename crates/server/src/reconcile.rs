//! `vitrine reconcile`: one run, told to the person at the terminal.

use std::fmt::Write as _;

use vitrine_domain::reconcile::{self, Attempt, Report};
use vitrine_model::Time;
use vitrine_model::money::Money;
use vitrine_model::reconciliation::difference;

use crate::boot::{Nature, Vitrine};
use crate::cli::print;
use crate::config::Config;
use crate::database;

/// Reconciles once, and prints what came of it.
///
/// # Errors
/// When Stripe cannot be asked, another run is under way, or something does not agree.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    config.check()?;
    database::ready(&config.database_url()).await?;
    let app = Vitrine::assemble(config, Nature::default(), config.listen).await?;
    let cx = app.context("cli");
    let outcome = reconcile::run(&cx).await;
    let now = cx.now();
    app.close().await;
    match outcome? {
        Attempt::Made(report) => {
            print(&told(&report, now))?;
            anyhow::ensure!(
                report.differences.is_empty(),
                "the books and Stripe do not agree: {} differences",
                report.differences.len()
            );
            Ok(())
        }
        Attempt::UnderWay => anyhow::bail!("another reconciliation is under way"),
    }
}

fn told(report: &Report, now: Time) -> String {
    let mut text = format!(
        "Asked about {} open objects; read {} balance transactions, {} of them new.\n",
        report.asked, report.read, report.applied
    );
    for cash in &report.cash {
        let (books, provider) = (
            Money::new(cash.books, cash.currency),
            Money::new(cash.provider, cash.currency),
        );
        let verdict = if books == provider { "ok   " } else { "WRONG" };
        line(
            &mut text,
            &format!("  {verdict}  the books say {books}, Stripe {provider}"),
        );
    }
    for difference in &report.differences {
        line(&mut text, &one(difference, now));
    }
    if report.differences.is_empty() {
        line(&mut text, "The books and Stripe agree.");
    }
    text
}

fn one(difference: &difference::Model, now: Time) -> String {
    let amount = match (difference.amount, difference.currency) {
        (Some(amount), Some(currency)) => format!(" {}", Money::new(amount, currency)),
        _ => String::new(),
    };
    let detail = difference.detail.as_deref().unwrap_or_default();
    format!(
        "  {:<9} {}{amount}, for {}: {detail}",
        difference.kind.as_str(),
        difference.subject,
        age(now, difference.first_seen_at)
    )
}

fn age(now: Time, since: Time) -> String {
    let age = now - since;
    match (age.num_days(), age.num_hours()) {
        (0, 0) => format!("{} minutes", age.num_minutes()),
        (0, hours) => format!("{hours} hours"),
        (days, _) => format!("{days} days"),
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
