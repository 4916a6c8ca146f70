//! Imports of product files.

use crate::Time;
use crate::catalog::ImportState;
use crate::id::{AccountId, ApiKeyId, BrandId, ImportId};
use crate::row::plain_row;
use crate::text::Label;
use sea_orm::entity::prelude::*;

/// One file of products on its way into a brand's catalogue.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_import")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ImportId,
    /// Whose products.
    pub brand_id: BrandId,
    /// Who asked; nobody when it came by an API key, or from the command line.
    pub account_id: Option<AccountId>,
    /// The brand's key that asked, if one did.
    pub api_key_id: Option<ApiKeyId>,
    /// What the file was called.
    pub file_name: Label,
    /// How far it is.
    pub state: ImportState,
    /// SHA-256 of the secret in the upload address, until the file is there.
    pub upload_secret_hash: Option<Vec<u8>>,
    /// The file's size once uploaded.
    pub bytes_total: i64,
    /// How much of it has been read.
    pub bytes_done: i64,
    /// Data rows read.
    pub rows_read: i64,
    /// Products that are new.
    pub products_created: i64,
    /// Products that differ from before.
    pub products_updated: i64,
    /// Products just as they were.
    pub products_unchanged: i64,
    /// Rows that did not land, each with a note.
    pub rows_failed: i64,
    /// Why the whole file was refused.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When reading began.
    pub started_at: Option<Time>,
    /// Until when a worker has it for itself, while it is being read.
    pub leased_until: Option<Time>,
    /// When it ended, well or not.
    pub finished_at: Option<Time>,
}

plain_row!();
