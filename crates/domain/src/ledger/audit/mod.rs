//! The audit: whether every invariant of the books holds. It reads one snapshot of the database in chunks, so that it
//! takes as little memory for a million sales as for ten, and disturbs nobody. Each finding says what is wrong, and where.
//! What it reads is read once, or a fixed number of times: no query's work grows with the square of the books.
//!
//! The books are held against the rows of those who told them what happened (orders, charges, refunds, payouts, Stripe's
//! balance transactions), not against themselves alone.
//!
//! An audit may begin after a sealed block that an earlier one has vouched for ([`Since`]). Then it follows the transactions
//! that came since, and what they touched: their own soundness, the chain, the parties' running balances, the units and the
//! parties concerned. Checks that add up the whole history, or look for what is missing from it, which has no number,
//! still read everything, and say so.

mod accounts;
mod adjustments;
mod chain;
mod disputes;
mod effects;
mod since;
mod units;

use std::fmt;

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

pub use since::{NotSince, Since};

use crate::context::{Context, Tx};
use since::Scope;

/// Rows named one by one in a query.
const CHUNK: u64 = 500;
/// Rows read at once where a range names them.
const RANGE: u64 = 2_000;
/// Findings told per check; further ones are counted.
const MAX_TOLD: usize = 20;

/// What the audit found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Every check made, in order.
    pub checks: Vec<Check>,
    /// The block of the chain after which it began; 0 when it looked at everything.
    pub since: i64,
    /// The last block of the chain: where the next audit may begin, if this one is green.
    pub sealed: i64,
}

/// One check of an invariant.
#[derive(Debug, Clone)]
pub struct Check {
    /// Which of the design's invariants it belongs to, 1 to 12. That a refused command changes nothing, the thirteenth, is
    /// nothing that rows can tell: tests hold it.
    pub invariant: u8,
    /// What must hold.
    pub name: &'static str,
    /// How many things were looked at.
    pub examined: u64,
    /// Whether only what came since was looked at.
    pub partial: bool,
    /// What does not hold; the first twenty.
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub wrong: u64,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: an account, a transaction's key, an order, a unit.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl Report {
    /// Whether everything held.
    pub fn is_green(&self) -> bool {
        self.checks.iter().all(|check| check.wrong == 0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let verdict = if check.wrong == 0 { "ok   " } else { "WRONG" };
            let of = if self.since == 0 || check.partial {
                ""
            } else {
                ", of all"
            };
            writeln!(
                f,
                "  {verdict}  {:<84} {:>9} examined{of}",
                check.name, check.examined
            )?;
            for finding in &check.findings {
                writeln!(f, "         {}: {}", finding.place, finding.what)?;
            }
            let told = u64::try_from(check.findings.len()).unwrap_or(u64::MAX);
            if check.wrong > told {
                writeln!(f, "         and {} more", check.wrong - told)?;
            }
        }
        let wrong: u64 = self.checks.iter().map(|check| check.wrong).sum();
        match wrong {
            0 => write!(f, "All {} invariants hold.", self.checks.len()),
            _ => write!(f, "{wrong} findings: the books are not sound."),
        }
    }
}

impl Check {
    fn new(invariant: u8, name: &'static str) -> Self {
        Self {
            invariant,
            name,
            examined: 0,
            partial: false,
            findings: Vec::new(),
            wrong: 0,
        }
    }

    /// The same check, of what `scope` says.
    fn within(mut self, scope: Scope) -> Self {
        self.partial = !scope.is_whole();
        self
    }

    fn examined(&mut self, count: usize) {
        self.examined += u64::try_from(count).unwrap_or(u64::MAX);
    }

    fn find(&mut self, place: impl fmt::Display, what: impl Into<String>) {
        self.wrong += 1;
        if self.findings.len() < MAX_TOLD {
            self.findings.push(Finding {
                place: place.to_string(),
                what: what.into(),
            });
        }
    }

    /// A finding per row that `wrong` selects: however many there are, only those told are read.
    async fn find_sql(
        &mut self,
        tx: &Tx,
        wrong: &str,
        tell: impl Fn(&QueryResult) -> Result<(String, String), DbErr>,
    ) -> Result<(), DbErr> {
        let first = rows(tx, &format!("{wrong} limit {}", MAX_TOLD + 1)).await?;
        for row in first.iter().take(MAX_TOLD) {
            let (place, what) = tell(row)?;
            self.find(place, what);
        }
        if first.len() > MAX_TOLD {
            let all = count(tx, &format!("select count(*) as n from ({wrong}) found")).await?;
            self.wrong += all.saturating_sub(u64::try_from(MAX_TOLD).unwrap_or(0));
        }
        Ok(())
    }

    /// A finding unless `kept` is what it must be.
    fn expect(&mut self, place: impl fmt::Display, what: &str, kept: i64, must: i64) {
        if kept != must {
            self.find(place, format!("{what} is {kept}, and must be {must}"));
        }
    }
}

/// Checks every invariant.
///
/// # Errors
/// When the database fails. That something does not hold is no error but a finding.
pub async fn audit(cx: &Context) -> anyhow::Result<Report> {
    let tx = cx.snapshot().await?;
    let report = report(&tx, Scope::WHOLE).await?;
    tx.commit().await?;
    Ok(report)
}

/// Checks every invariant of what came after `since`, as far as a check can be limited to that; see [`Check::partial`].
///
/// # Errors
/// When there is no such block, or the database fails. That something does not hold is no error but a finding.
pub async fn audit_since(cx: &Context, since: Since) -> anyhow::Result<Report> {
    let tx = cx.snapshot().await?;
    let scope = Scope::after(&tx, since).await?;
    let report = report(&tx, scope).await?;
    tx.commit().await?;
    Ok(report)
}

async fn report(tx: &Tx, scope: Scope) -> anyhow::Result<Report> {
    let mut checks = chain::checks(tx, scope).await?;
    let (of_accounts, totals) = accounts::checks(tx, scope).await?;
    checks.extend(of_accounts);
    checks.extend(units::checks(tx, scope).await?);
    checks.extend(effects::checks(tx, &totals).await?);
    checks.extend(disputes::checks(tx, &totals).await?);
    checks.push(adjustments::check(tx).await?);
    Ok(Report {
        checks,
        since: scope.block,
        sealed: since::last_block(tx).await?,
    })
}

async fn rows(tx: &Tx, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql))
        .await
}

/// The count that `sql` selects as `n`.
async fn count(tx: &Tx, sql: &str) -> Result<u64, DbErr> {
    let counted: i64 = match rows(tx, sql).await?.first() {
        Some(row) => row.try_get("", "n")?,
        None => 0,
    };
    Ok(u64::try_from(counted).unwrap_or(0))
}

/// A check made by one query that selects what is wrong.
async fn check_sql(
    tx: &Tx,
    (invariant, name): (u8, &'static str),
    examined: &str,
    wrong: &str,
    tell: impl Fn(&QueryResult) -> Result<(String, String), DbErr>,
) -> Result<Check, DbErr> {
    let mut check = Check::new(invariant, name);
    check.examined = count(tx, &format!("select count(*) as n from {examined}")).await?;
    check.find_sql(tx, wrong, tell).await?;
    Ok(check)
}
