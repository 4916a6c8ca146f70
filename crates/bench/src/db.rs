//! The databases, asked from outside.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};

/// One connection to the database at `url`.
pub async fn open(url: &str) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).min_connections(1).sqlx_logging(false);
    Database::connect(options)
        .await
        .with_context(|| format!("cannot open {url}"))
}

/// The whole number that `sql` selects as `n`.
pub async fn number(db: &DatabaseConnection, sql: &str) -> anyhow::Result<i64> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db
        .query_one_raw(statement)
        .await
        .with_context(|| sql.to_owned())?;
    Ok(row.with_context(|| sql.to_owned())?.try_get("", "n")?)
}

/// The texts that `sql` selects as `t`.
pub async fn texts(db: &DatabaseConnection, sql: &str) -> anyhow::Result<Vec<String>> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db
        .query_all_raw(statement)
        .await
        .with_context(|| sql.to_owned())?;
    rows.iter().map(|row| Ok(row.try_get("", "t")?)).collect()
}

/// Runs statements by `psql`, one after the other.
pub fn psql(url: &str, statements: &[String]) -> anyhow::Result<()> {
    let mut command = Command::new("psql");
    command
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url])
        .stdout(Stdio::null());
    for statement in statements {
        command.arg("-c").arg(statement);
    }
    ensure!(
        command.status().context("psql cannot be started")?.success(),
        "psql failed: {statements:?}"
    );
    Ok(())
}
