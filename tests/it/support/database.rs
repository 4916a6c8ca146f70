//! A fresh database per test, copied from one that was migrated once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, Database};
use tokio::sync::OnceCell;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A test's own database.
pub(crate) struct Handle {
    pub(crate) url: String,
    postgres: Option<(String, String)>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A database of `kind` with the current schema and nothing in it.
pub(crate) async fn fresh(kind: Kind, folder: &Path) -> Handle {
    match kind {
        Kind::Sqlite => {
            let file = folder.join("vitrine.db");
            std::fs::copy(sqlite_template().await, &file).unwrap();
            Handle {
                url: format!("sqlite://{}", file.display()),
                postgres: None,
            }
        }
        Kind::Postgres => {
            let server = server();
            let template = postgres_template(&server).await;
            let name = format!(
                "vitrine_{}_{}",
                std::process::id(),
                NUMBER.fetch_add(1, Ordering::Relaxed)
            );
            admin(&server, &format!("create database {name} template {template}")).await;
            Handle {
                url: format!("{server}/{name}"),
                postgres: Some((server, name)),
            }
        }
    }
}

/// A PostgreSQL database with nothing in it at all.
pub(crate) async fn empty() -> Handle {
    let server = server();
    let name = format!(
        "vitrine_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    admin(&server, &format!("create database {name}")).await;
    Handle {
        url: format!("{server}/{name}"),
        postgres: Some((server, name)),
    }
}

impl Handle {
    pub(crate) fn kind(&self) -> Kind {
        match self.postgres {
            Some(_) => Kind::Postgres,
            None => Kind::Sqlite,
        }
    }

    pub(crate) async fn remove(self) {
        if let Some((server, name)) = self.postgres {
            admin(&server, &format!("drop database if exists {name} with (force)")).await;
        }
    }
}

async fn sqlite_template() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
            let file = folder.path().join("template.db");
            vitrine::boot::migrate(&format!("sqlite://{}", file.display()))
                .await
                .unwrap();
            file
        })
        .await
}

async fn postgres_template(server: &str) -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("vitrine_template_{}", std::process::id());
            admin(server, &format!("create database {name}")).await;
            vitrine::boot::migrate(&format!("{server}/{name}")).await.unwrap();
            name
        })
        .await
}

/// The PostgreSQL server's address without a database's name.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration but this")]
fn server() -> String {
    let url = std::env::var("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL names no PostgreSQL server: run scripts/test, which starts one, \
         or set it to postgres://USER@HOST/postgres",
    );
    url.rsplit_once('/')
        .expect("TEST_DATABASE_URL must end with a database's name")
        .0
        .to_owned()
}

async fn admin(server: &str, sql: &str) {
    let db = Database::connect(format!("{server}/postgres")).await.unwrap();
    db.execute_unprepared(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    db.close().await.unwrap();
}
