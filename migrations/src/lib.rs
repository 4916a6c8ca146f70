//! The history of the database's schema, frozen: a migration that has been released is never edited. This crate may not
//! know any other of ours, so that a change of theirs cannot rewrite history.

use sea_orm_migration::prelude::*;

mod dialect;
mod m20261122_000001_first;

/// All migrations in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261122_000001_first::Migration)]
    }
}
