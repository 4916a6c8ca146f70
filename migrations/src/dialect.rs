//! One SQL text for both databases: only the names of a few column types differ.

use sea_orm_migration::sea_orm::DbBackend;

/// Column types as `(placeholder, PostgreSQL, SQLite)`. SQLite's names are those sea-query gives, so that reading back
/// decodes them.
const TYPES: &[(&str, &str, &str)] = &[
    ("{uuid}", "uuid", "uuid_text"),
    ("{time}", "timestamptz", "timestamp_with_timezone_text"),
    ("{bytes}", "bytea", "blob"),
    (
        "{serial}",
        "bigserial primary key",
        "integer primary key autoincrement",
    ),
];

/// Writes `sql` for `backend`.
pub(crate) fn render(sql: &str, backend: DbBackend) -> String {
    TYPES
        .iter()
        .fold(sql.to_owned(), |sql, (placeholder, postgres, sqlite)| {
            sql.replace(
                placeholder,
                if backend == DbBackend::Postgres {
                    postgres
                } else {
                    sqlite
                },
            )
        })
}
