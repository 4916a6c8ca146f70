//! The first schema, a file for each domain. Constraints that decide races or hold money's invariants stand here, not in
//! code alone.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect::render;

mod append_only;
mod catalog;
mod checkout;
mod identity;
mod ledger;
mod mechanism;
mod notification;
mod payout;
mod privacy;
mod referral;
mod search;
mod shop;
mod webhook;

/// Tables in the order in which they refer to one another.
const TABLES: [&str; 10] = [
    identity::TABLES,
    catalog::TABLES,
    shop::TABLES,
    referral::TABLES,
    checkout::TABLES,
    ledger::TABLES,
    payout::TABLES,
    mechanism::TABLES,
    webhook::TABLES,
    privacy::TABLES,
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let own: &[&str] = match backend {
            DbBackend::Postgres => &[search::POSTGRES, append_only::POSTGRES, notification::POSTGRES],
            _ => &[search::SQLITE, append_only::SQLITE],
        };
        for part in TABLES.iter().chain(own) {
            manager
                .get_connection()
                .execute_unprepared(&render(part, backend))
                .await?;
        }
        Ok(())
    }
}
