//! Where rows go: COPY on PostgreSQL, statements of many rows on SQLite.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, Value};
use uuid::Uuid;

/// Values that one statement may bind on SQLite.
const VALUES: usize = 30_000;

/// One value of a row.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A truth.
    Bool(bool),
    /// Text.
    Text(String),
    /// An id.
    Id(Uuid),
    /// An instant.
    Time(DateTime<Utc>),
    /// Bytes.
    Bytes(Vec<u8>),
}

macro_rules! cells {
    ($($from:ty => $cell:ident),*) => {$(
        impl From<$from> for Cell {
            fn from(value: $from) -> Self {
                Self::$cell(value.into())
            }
        }
    )*};
}
cells!(i64 => Int, i32 => Int, bool => Bool, &str => Text, String => Text, Uuid => Id, DateTime<Utc> => Time, Vec<u8> => Bytes);

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A table to be filled: its name, and the columns in the order of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, separated by commas.
    pub columns: &'static str,
}

/// A database being filled.
pub enum Sink {
    /// A `psql` for each table, which copies.
    Postgres {
        /// The database.
        url: String,
        /// Those that copy now.
        copies: BTreeMap<&'static str, Copy>,
    },
    /// One connection, in one transaction.
    Sqlite {
        /// The connection.
        db: DatabaseConnection,
        /// Rows that wait for others.
        waiting: BTreeMap<&'static str, Waiting>,
    },
}

/// One table being copied.
pub struct Copy {
    child: Child,
    input: BufWriter<ChildStdin>,
}

/// Rows of one table that wait for others.
pub struct Waiting {
    table: Table,
    width: usize,
    values: Vec<Value>,
}

impl Sink {
    /// Begins to fill the database at `url`, in which nothing checks references meanwhile: the rows are known to be whole.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        if !url.starts_with("sqlite:") {
            let (url, copies) = (url.to_owned(), BTreeMap::new());
            return Ok(Self::Postgres { url, copies });
        }
        let db = crate::db::open(url).await?;
        for sql in ["pragma foreign_keys = off", "pragma synchronous = off", "begin"] {
            db.execute_unprepared(sql).await?;
        }
        let waiting = BTreeMap::new();
        Ok(Self::Sqlite { db, waiting })
    }

    /// Adds one row.
    pub async fn put(&mut self, table: Table, row: Vec<Cell>) -> anyhow::Result<()> {
        match self {
            Self::Postgres { url, copies } => {
                if !copies.contains_key(table.name) {
                    copies.insert(table.name, Copy::begin(url, table)?);
                }
                let copy = copies.get_mut(table.name).context("begun above")?;
                copy.write(&row)
                    .with_context(|| format!("copying into {}", table.name))
            }
            Self::Sqlite { db, waiting } => {
                let width = row.len();
                let rows = waiting.entry(table.name).or_insert_with(|| Waiting {
                    table,
                    width,
                    values: Vec::new(),
                });
                rows.values.extend(row.into_iter().map(value));
                if rows.values.len() + width > VALUES {
                    rows.insert(db).await?;
                }
                Ok(())
            }
        }
    }

    /// Ends it: everything is committed, and the database knows how much there is.
    pub async fn finish(self, numbered: &[&str]) -> anyhow::Result<()> {
        match self {
            Self::Postgres { url, copies } => {
                for (table, copy) in copies {
                    copy.end().with_context(|| format!("copying into {table}"))?;
                }
                let counters = numbered.iter().map(|column| {
                    let (table, column) = column.split_once('.').unwrap_or((column, "id"));
                    format!("select setval(pg_get_serial_sequence('{table}', '{column}'), (select coalesce(max({column}), 0) + 1 from {table}), false)")
                });
                let sql: Vec<String> = counters
                    .chain(["vacuum (analyze)".to_owned(), "checkpoint".to_owned()])
                    .collect();
                crate::db::psql(&url, &sql)
            }
            Self::Sqlite { db, waiting } => {
                for (_, mut rows) in waiting {
                    rows.insert(&db).await?;
                }
                for sql in ["commit", "analyze", "pragma wal_checkpoint(truncate)"] {
                    db.execute_unprepared(sql).await?;
                }
                db.close().await?;
                Ok(())
            }
        }
    }
}

impl Copy {
    fn begin(url: &str, table: Table) -> anyhow::Result<Self> {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url])
            .args(["-c", "set session_replication_role = replica", "-c"])
            .arg(format!("copy {} ({}) from stdin", table.name, table.columns))
            .stdin(Stdio::piped())
            .spawn()
            .context("psql cannot be started")?;
        let input = child.stdin.take().context("psql has no input")?;
        let input = BufWriter::with_capacity(1 << 16, input);
        Ok(Self { child, input })
    }

    fn write(&mut self, row: &[Cell]) -> anyhow::Result<()> {
        for (place, cell) in row.iter().enumerate() {
            if place > 0 {
                self.input.write_all(b"\t")?;
            }
            copied(&mut self.input, cell)?;
        }
        self.input.write_all(b"\n")?;
        Ok(())
    }

    fn end(self) -> anyhow::Result<()> {
        let Self { mut child, mut input } = self;
        input.flush()?;
        drop(input);
        ensure!(child.wait()?.success(), "psql failed");
        Ok(())
    }
}

fn copied(out: &mut impl Write, cell: &Cell) -> anyhow::Result<()> {
    match cell {
        Cell::Null => out.write_all(b"\\N")?,
        Cell::Int(number) => write!(out, "{number}")?,
        Cell::Bool(truth) => out.write_all(if *truth { b"t" } else { b"f" })?,
        Cell::Id(id) => write!(out, "{id}")?,
        Cell::Time(time) => out.write_all(time.to_rfc3339_opts(SecondsFormat::Micros, true).as_bytes())?,
        Cell::Bytes(bytes) => write!(out, "\\\\x{}", hex::encode(bytes))?,
        Cell::Text(text) if text.contains(['\\', '\t', '\n', '\r']) => {
            let text = text
                .replace('\\', "\\\\")
                .replace('\t', "\\t")
                .replace('\n', "\\n")
                .replace('\r', "\\r");
            out.write_all(text.as_bytes())?;
        }
        Cell::Text(text) => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

impl Waiting {
    async fn insert(&mut self, db: &DatabaseConnection) -> anyhow::Result<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        let values = std::mem::take(&mut self.values);
        let row = format!("({})", vec!["?"; self.width].join(","));
        let rows = vec![row; values.len() / self.width].join(",");
        let sql = format!(
            "insert into {} ({}) values {rows}",
            self.table.name, self.table.columns
        );
        let filled = db
            .execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values))
            .await;
        filled.with_context(|| format!("filling {}", self.table.name))?;
        Ok(())
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::String(None),
        Cell::Int(number) => number.into(),
        Cell::Bool(truth) => truth.into(),
        Cell::Text(text) => text.into(),
        Cell::Id(id) => id.into(),
        Cell::Time(time) => time.into(),
        Cell::Bytes(bytes) => bytes.into(),
    }
}
