//! The audit of a long history: how much it reads, how long it takes, and what it finds when it looks only at what is new.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use vitrine_domain::ledger::{self, Report, Since};
use vitrine_model::catalog::FeeBearer;
use vitrine_model::money::Currency;

use super::books::{FIRST_ROW, World};
use super::history;
use super::tampering::{lived_in, unguard};
use crate::support::{App, on_both};

/// Names of the checks that found something.
fn wrong(report: &Report) -> BTreeSet<&'static str> {
    let wrong = report.checks.iter().filter(|check| check.wrong > 0);
    wrong.map(|check| check.name).collect()
}

async fn since(app: &App, block: i64) -> Report {
    let cx = app.vitrine().context("audit");
    ledger::audit_since(&cx, Since::Block(block)).await.unwrap()
}

async fn sql(app: &App, statement: &str) {
    let done = app.db().execute_unprepared(statement).await.unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
}

/// The number that a query selects as `n`.
async fn number(app: &App, sql: &str) -> i64 {
    let statement = Statement::from_string(app.db().get_database_backend(), sql);
    app.db()
        .query_one_raw(statement)
        .await
        .unwrap()
        .unwrap()
        .try_get("", "n")
        .unwrap()
}

/// The statements that an audit sends whose work grows with the square of the books: SQLite tells where it would read a
/// whole table once for each row of another.
async fn squares(app: &App, statements: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for sent in statements
        .iter()
        .filter(|sent| sent.trim_start().to_lowercase().starts_with("select"))
    {
        let statement = Statement::from_string(DbBackend::Sqlite, format!("explain query plan {sent}"));
        let plan = app.db().query_all_raw(statement).await.unwrap();
        let steps: Vec<(i64, i64, String)> = plan
            .iter()
            .map(|row| {
                (
                    row.try_get("", "id").unwrap(),
                    row.try_get("", "parent").unwrap(),
                    row.try_get("", "detail").unwrap(),
                )
            })
            .collect();
        let within_each_row = |id: i64| {
            let mut above = steps.iter().find(|step| step.0 == id);
            while let Some(step) = above {
                if step.2.contains("CORRELATED") {
                    return true;
                }
                above = steps.iter().find(|other| other.0 == step.1);
            }
            false
        };
        let mut loops = BTreeSet::new();
        for (_, parent, detail) in steps
            .iter()
            .filter(|step| step.2.starts_with("SCAN") || step.2.starts_with("SEARCH"))
        {
            let inner = !loops.insert(*parent) || within_each_row(*parent);
            if inner && detail.starts_with("SCAN") && !detail.contains("CONSTANT ROW") {
                found.push(format!("{detail}\n{sent}"));
            }
        }
    }
    found
}

/// How long something took, and what the process held in memory at most, in kilobytes.
struct Measured {
    took: Duration,
    peak: u64,
    told: String,
}

/// Runs the binary and watches it.
fn measured(mut command: Command) -> Measured {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut told = String::new();
        stdout.read_to_string(&mut told).map(|_| told).unwrap()
    });
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let said = std::fs::read_to_string(&status).unwrap_or_default();
        let line = said
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or_default();
        let kilobytes = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok());
        peak = kilobytes.unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    Measured {
        took: begun.elapsed(),
        peak,
        told: reader.join().unwrap(),
    }
}

#[expect(clippy::print_stderr, reason = "the figures for docs/reliability.md")]
fn tell(figures: &str) {
    eprintln!("{figures}");
}

/// How many postings are asked for; a moderate number unless told otherwise.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration but this")]
fn postings_asked() -> usize {
    let asked = std::env::var("VITRINE_AUDIT_POSTINGS").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(6_000)
}

on_both! {
    async fn a_long_history_is_audited_by_few_statements_that_read_nothing_twice(app) {
        let begun = Instant::now();
        let postings = history::fill(app, postings_asked(), 700).await;
        let filled = begun.elapsed();
        let (report, statements) = app.hearing(app.audit()).await;
        assert!(report.is_green(), "{report}");
        assert_eq!(number(app, "select count(*) as n from posting").await, i64::try_from(postings).unwrap());
        // Three for 500 units, two for 2000 transactions, one for a block of 500, and a dozen for 500 parties.
        let most = 120 + postings / 200;
        assert!(statements.len() < most, "{} statements for {postings} postings", statements.len());
        if app.db().get_database_backend() == DbBackend::Sqlite {
            assert_eq!(squares(app, &statements).await, Vec::<String>::new());
        }
        let whole = tokio::task::block_in_place(|| measured(app.prepared(&["audit"])));
        let block = report.sealed.to_string();
        let new = tokio::task::block_in_place(|| measured(app.prepared(&["audit", "--since", &block])));
        assert!(new.told.contains("invariants hold.") && whole.told.contains("invariants hold."));
        let begun = Instant::now();
        number(app, "select cast(sum(amount) as bigint) as n from posting").await;
        tell(&format!(
            "{postings} postings, filled in {filled:?}: audited in {:?} with {} MB at most by {} statements; since the last block in {:?} with {} MB; one sum takes {:?}",
            whole.took, whole.peak / 1024, statements.len(), new.took, new.peak / 1024, begun.elapsed()
        ));
    }

    async fn what_came_since_a_block_is_audited_by_the_same_checks(app) {
        let world = lived_in(app).await;
        let old = app.audit().await;
        assert!(old.sealed > 0 && old.since == 0 && old.checks.iter().all(|check| !check.partial));
        world.paid("ch_5", FIRST_ROW, 490).await;
        world.txn("txn_5", "charge", "ch_5", 9950, 0).await;
        let new = since(app, old.sealed).await;
        assert!(new.is_green(), "{new}");
        let names = |report: &Report| report.checks.iter().map(|check| check.name).collect::<Vec<_>>();
        assert_eq!(names(&new), names(&old));
        let of = |report: &Report, words: &str| report.checks.iter().find(|check| check.name.contains(words)).unwrap().clone();
        assert_eq!(of(&new, "debits equal credits").examined, 2, "the payment, and what it moved");
        assert_eq!(of(&new, "each unit's parts").examined, 2, "a piece, and its shipping");
        assert_eq!(of(&new, "chain of sealed blocks").examined, 1, "the block that is vouched for");
        assert!(of(&new, "debits equal credits").partial && !of(&new, "stripe_cash is the sum").partial);
        assert!(new.to_string().contains(", of all"));
        ledger::seal(&world.cx).await.unwrap();
        let sealed = since(app, old.sealed).await;
        assert!(sealed.is_green() && of(&sealed, "chain of sealed blocks").examined == 2, "{sealed}");
        let nothing = since(app, sealed.sealed).await;
        assert!(nothing.is_green() && of(&nothing, "each unit's parts").examined == 0, "{nothing}");
        let by_time = ledger::audit_since(&world.cx, Since::Time(world.cx.now())).await.unwrap();
        assert_eq!(by_time.since, sealed.sealed);
        assert!(ledger::audit_since(&world.cx, Since::Block(99)).await.is_err());
    }

    async fn what_is_planted_among_what_is_new_is_found_and_what_is_old_is_left_to_the_whole_audit(app) {
        app.will_be_corrupted();
        let world = lived_in(app).await;
        let block = app.audit().await.sealed;
        let floor = number(app, "select max(id) as n from ledger_transaction").await;
        world.paid("ch_5", FIRST_ROW, 490).await;
        world.txn("txn_5", "charge", "ch_5", 9950, 0).await;
        ledger::seal(&world.cx).await.unwrap();
        unguard(app).await;
        let planted = [
            (format!("update posting set amount = amount {{}} 1 where id = (select max(id) from posting where transaction_id = {floor} + 1)"), "debits equal credits"),
            (format!("update posting set balance_after = balance_after {{}} 1 where transaction_id = {floor} + 1 and balance_after is not null"), "balance after it"),
            (format!("update ledger_block set transactions = transactions {{}} 1 where id = {block} + 1"), "chain of sealed blocks"),
            ("update unit set recharged = recharged {} 1 where order_id = (select order_id from charge where id = 'ch_5')".to_owned(), "each unit's parts"),
            ("update unit set recharged = recharged {} 1 where order_id = (select order_id from charge where id = 'ch_5')".to_owned(), "each party's balances"),
        ];
        for (plant, words) in &planted {
            sql(app, &plant.replace("{}", "+")).await;
            let report = since(app, block).await;
            assert!(wrong(&report).iter().any(|name| name.contains(words)), "{plant}\n{report}");
            sql(app, &plant.replace("{}", "-")).await;
            assert!(since(app, block).await.is_green(), "{plant}");
        }
        sql(app, &format!("update ledger_transaction set refs = '[]' where id = {floor} + 1")).await;
        assert!(wrong(&since(app, block).await).iter().any(|name| name.contains("was changed")));
        let later = app.audit().await.sealed;
        assert!(since(app, later).await.is_green(), "that is older than the last block");
        assert!(!app.audit().await.is_green(), "and the whole audit still finds it");
    }

    async fn balances_before_what_is_new_are_taken_from_the_last_posting_before(app) {
        let world = World::new(app, Currency::Eur, FeeBearer::Brand).await;
        for n in 1..4 {
            world.paid(&format!("ch_{n}"), FIRST_ROW, 0).await;
            world.txn(&format!("txn_{n}"), "charge", &format!("ch_{n}"), 9460, 167).await;
            ledger::seal(&world.cx).await.unwrap();
        }
        let last = app.audit().await.sealed;
        for block in 0..=last {
            let report = since(app, block).await;
            assert!(report.is_green(), "{report}");
        }
    }
}
