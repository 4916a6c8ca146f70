//! Data sets: made once for each scale, held for sound, kept, and copied for each case that uses them.

use anyhow::Context as _;
use sea_orm::ConnectionTrait;

use crate::data::{Size, fill};
use crate::options::Options;
use crate::servers::{Database, audit, command};
use crate::{db, say};

/// A database to work on, with a data set of this scale in it.
pub async fn copy(options: &Options, postgres: bool, scale: f64) -> anyhow::Result<Database> {
    if postgres {
        postgres_copy(options, scale).await
    } else {
        sqlite_copy(options, scale).await
    }
}

/// What the database of a data set is called.
pub fn name(options: &Options, scale: f64) -> String {
    format!("set_{}_{}", options.stamp, scale.to_string().replace('.', "_"))
}

async fn postgres_copy(options: &Options, scale: f64) -> anyhow::Result<Database> {
    let server = options.postgres.as_deref().context("no PostgreSQL")?;
    let admin = db::open(&format!("{server}/postgres")).await?;
    let set = name(options, scale);
    let there = db::texts(
        &admin,
        "select datname::text as t from pg_database where datname like 'set\\_%'",
    )
    .await?;
    for old in there
        .iter()
        .filter(|there| !there.starts_with(&format!("set_{}_", options.stamp)))
    {
        admin.execute_unprepared(&format!("drop database {old}")).await?;
    }
    if !there.contains(&set) {
        admin
            .execute_unprepared("drop database if exists making with (force)")
            .await?;
        admin.execute_unprepared("create database making").await?;
        make(
            options,
            &Database {
                url: format!("{server}/making"),
            },
            scale,
        )
        .await?;
        admin
            .execute_unprepared(&format!("alter database making rename to {set}"))
            .await?;
    }
    for sql in [
        "drop database if exists work with (force)".to_owned(),
        format!("create database work template {set} strategy file_copy"),
        "checkpoint".to_owned(),
    ] {
        admin.execute_unprepared(&sql).await?;
    }
    admin.close().await?;
    Ok(Database {
        url: format!("{server}/work"),
    })
}

async fn sqlite_copy(options: &Options, scale: f64) -> anyhow::Result<Database> {
    let folder = options.room.join("sqlite");
    std::fs::create_dir_all(&folder)?;
    let set = folder.join(format!("{}.db", name(options, scale)));
    if !set.exists() {
        for old in std::fs::read_dir(&folder)? {
            let old = old?.path();
            let known = old.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !known.starts_with(&format!("set_{}_", options.stamp)) {
                std::fs::remove_file(old)?;
            }
        }
        let making = folder.join("making.db");
        make(
            options,
            &Database {
                url: format!("sqlite://{}", making.display()),
            },
            scale,
        )
        .await?;
        std::fs::rename(making, &set)?;
    }
    let work = folder.join("work.db");
    for rest in ["work.db", "work.db-wal", "work.db-shm"] {
        let _ = std::fs::remove_file(folder.join(rest));
    }
    std::fs::copy(set, &work)?;
    Ok(Database {
        url: format!("sqlite://{}", work.display()),
    })
}

async fn make(options: &Options, database: &Database, scale: f64) -> anyhow::Result<()> {
    let (size, begun) = (Size::of(scale), std::time::Instant::now());
    say(&format!(
        "making the data set of scale {scale} for {}: {size:?}",
        database.kind()
    ));
    command(options, database, &["migrate"]).await?;
    fill(&database.url, size).await?;
    let (took, _) = audit(options, database).await?;
    say(&format!("made in {:.0?}, audited in {took:.1?}", begun.elapsed()));
    Ok(())
}
