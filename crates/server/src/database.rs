//! Opening the database, and bringing its schema up to date while other nodes may be doing the same.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::PgConnection;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, SqlxError, Statement,
};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use tokio::time::Instant;
use vitrine_migrations::Migrator;

use crate::config::Config;

/// How long a writer waits for another on SQLite.
const BUSY: Duration = Duration::from_secs(30);
/// How long anyone waits for a connection, and start-up for a database that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long between the first two attempts to reach a database that does not answer; each pause is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Names our advisory lock on PostgreSQL: "vitrine" in ASCII.
const MIGRATION_LOCK: i64 = 0x0076_6974_7269_6e65;

/// Opens the database at `url`.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn open(url: &str, connections: u32) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .sqlx_logging(false);
    if let Some(file) = sqlite_file(url) {
        make_folder_of(Path::new(file))?;
        options.map_sqlx_sqlite_opts(sqlite);
        options.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|conn, _| Box::pin(unstuck(conn))));
    }
    let named = || format!("cannot open the database {}", without_password(url));
    if sqlite_file(url).is_none() {
        reach(url)
            .await
            .map_err(|cause| anyhow::anyhow!("{}: {cause}", named()))?;
    }
    // The error's own text holds that of its source: once is enough.
    let opened = Database::connect(options).await;
    opened.map_err(|error| anyhow::anyhow!("{}: {error}", named()))
}

/// Waits until the server at `url` lets one connection in: it may be starting beside us. Each attempt that fails is
/// logged with its cause; a pool would keep the causes to itself and tell only that it waited.
///
/// # Errors
/// The last cause: when the time is up, or at once when waiting would not help, as with a wrong password.
async fn reach(url: &str) -> Result<(), SqlxError> {
    let (until, mut pause) = (Instant::now() + PATIENCE, FIRST_PAUSE);
    loop {
        let attempt = tokio::time::timeout_at(until, PgConnection::connect(url)).await;
        let error = match attempt {
            Ok(Ok(connection)) => {
                // It answered, which is all that was asked.
                let _ = connection.close().await;
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(_) => SqlxError::Io(ErrorKind::TimedOut.into()),
        };
        if !passes_by_itself(&error) || Instant::now() + pause >= until {
            return Err(error);
        }
        tracing::warn!(database = without_password(url), %error, "the database cannot be reached: trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Nobody listens yet, or the server is starting or stopping (`cannot_connect_now`), or is full (`too_many_connections`).
fn passes_by_itself(error: &SqlxError) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(error, SqlxError::Io(_)) || matches!(code.as_deref(), Some("57P03" | "53300"))
}

/// The file that `sqlite://FILE?OPTIONS` names.
fn sqlite_file(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite://")?.split('?').next()
}

fn make_folder_of(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
    })
}

/// Readers and one writer at a time, every commit on the disk, references enforced. Triggers see what a replacing insert
/// removes, too: what may only be added to is not replaced either.
fn sqlite(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .pragma("recursive_triggers", "on")
}

/// Makes sure that the database keeps what it is given, and brings its schema up to date.
///
/// # Errors
/// When it would not keep it, or as [`migrate`].
pub(crate) async fn prepare(config: &Config) -> anyhow::Result<()> {
    let url = config.database_url();
    check_durable(&url, config.allow_unsafe_database).await?;
    migrate(&url).await
}

/// What must be on for PostgreSQL to keep the books in a crash. Without the first two it may come back corrupted. Without
/// the third it comes back sound, but may have forgotten its last commits: that money was about to be moved is committed
/// before it is moved, and to forget that is to move it again. SQLite is told for each connection.
const DURABLE: &str = "
select name from pg_settings
where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off' order by name";

async fn check_durable(url: &str, allowed: bool) -> anyhow::Result<()> {
    if sqlite_file(url).is_some() {
        return Ok(());
    }
    let db = open(url, 1).await?;
    let asked = Statement::from_string(DbBackend::Postgres, DURABLE);
    let off = db.query_all_raw(asked).await;
    db.close().await.context("closing the database failed")?;
    let off: Result<Vec<String>, _> = off?.iter().map(|row| row.try_get("", "name")).collect();
    let off = off?.join(", ");
    if off.is_empty() {
        return Ok(());
    }
    anyhow::ensure!(
        allowed,
        "a crash may cost this database its last commits, or all of it: {off} is off. Turn it on, \
         or start with --allow-unsafe-database if what is committed is kept by other means"
    );
    tracing::warn!(off, "the database may lose what is committed, as allowed");
    Ok(())
}

/// Whether a connection can be used again. When a write fails, as on a full disk, SQLite ends the transaction by itself;
/// the driver's own rollback finds none then, and the driver takes the connection for one within a transaction for ever.
async fn unstuck(connection: &mut SqliteConnection) -> Result<bool, SqlxError> {
    // A rollback that was asked for comes first.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Applies the migrations that are missing. Nodes that start together take turns: by an advisory lock on PostgreSQL, by a
/// locked file beside the database on SQLite.
///
/// # Errors
/// When the lock or a migration fails.
pub(crate) async fn migrate(url: &str) -> anyhow::Result<()> {
    // A file is locked before it is opened: to turn a new one's journal into a log is a thing SQLite lets nobody wait for.
    let _turn = match sqlite_file(url) {
        Some(file) => Some(file_lock(file).await?),
        None => None,
    };
    // One connection: an advisory lock belongs to the session that took it.
    let db = open(url, 1).await?;
    let outcome = match db.get_database_backend() {
        DbBackend::Postgres => {
            lock(&db, "select pg_advisory_lock($1)").await?;
            let outcome = Migrator::up(&db, None).await;
            // Closing the session releases the lock too: the migration's own error must not be lost to this one's.
            let _ = lock(&db, "select pg_advisory_unlock($1)").await;
            outcome
        }
        _ => Migrator::up(&db, None).await,
    };
    let closed = db.close().await;
    outcome.context("migrating the database failed")?;
    closed.context("closing the database failed")
}

/// Makes sure that nobody's data is in the way of a story.
///
/// # Errors
/// When there is a schema of ours already, or the database cannot be opened.
pub(crate) async fn check_empty(url: &str) -> anyhow::Result<()> {
    let db = open(url, 1).await?;
    let migrated = SchemaManager::new(&db).has_table("seaql_migrations").await;
    db.close().await.context("closing the database failed")?;
    anyhow::ensure!(
        !migrated?,
        "{} is in use: the demo plays in an empty database",
        without_password(url)
    );
    Ok(())
}

/// For commands that look or decide, and must neither make a database by mistake nor change the schema beneath nodes that
/// run: says what is wrong unless the database is there and up to date.
///
/// # Errors
/// When it is not, or cannot be opened.
pub(crate) async fn ready(url: &str) -> anyhow::Result<()> {
    if let Some(file) = sqlite_file(url) {
        anyhow::ensure!(
            Path::new(file).exists(),
            "there is no database {file}: name yours with --database-url or --data-dir, or make one with `vitrine migrate`"
        );
    }
    let db = open(url, 1).await?;
    let outcome = current(&db).await;
    db.close().await.context("closing the database failed")?;
    outcome
}

async fn current(db: &DatabaseConnection) -> anyhow::Result<()> {
    let advice = "bring it up to date with `vitrine migrate`";
    let migrated = db
        .execute_unprepared("select count(*) from seaql_migrations")
        .await;
    anyhow::ensure!(
        migrated.is_ok(),
        "the database holds nothing of Vitrine's: {advice}"
    );
    let pending = Migrator::get_pending_migrations(db).await?;
    anyhow::ensure!(
        pending.is_empty(),
        "the database is older than this program: {advice}"
    );
    Ok(())
}

async fn lock(db: &DatabaseConnection, sql: &str) -> anyhow::Result<()> {
    db.query_one_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        sql,
        [MIGRATION_LOCK.into()],
    ))
    .await?;
    Ok(())
}

/// Released when dropped.
async fn file_lock(database: &str) -> anyhow::Result<std::fs::File> {
    make_folder_of(Path::new(database))?;
    let path = format!("{database}.lock");
    tokio::task::spawn_blocking(move || {
        let file = std::fs::File::create(&path).with_context(|| format!("cannot make {path}"))?;
        file.lock().with_context(|| format!("cannot lock {path}"))?;
        Ok(file)
    })
    .await?
}

fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Fails only for addresses that cannot have a password.
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}

/// Refuses to start with a live key beside a test database, or the reverse: the first start decides which it is.
///
/// # Errors
/// When the two do not match.
pub(crate) async fn check_mode(cx: &vitrine_domain::context::Context) -> anyhow::Result<()> {
    use sea_orm::{ActiveValue::Set, EntityTrait};
    use vitrine_model::installation;

    let livemode = cx.payments().livemode();
    let row = installation::ActiveModel {
        id: Set(1),
        livemode: Set(livemode),
        created_at: Set(cx.now()),
    };
    installation::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(cx.db())
        .await?;
    let installation = installation::Entity::find_by_id(1)
        .one(cx.db())
        .await?
        .context("no installation row")?;
    let word = |live: bool| if live { "live" } else { "test" };
    anyhow::ensure!(
        installation.livemode == livemode,
        "this database holds {} data, but STRIPE_SECRET_KEY is a {} key: use the other key or another database",
        word(installation.livemode),
        word(livemode)
    );
    Ok(())
}
