//! What an import has to say, row by row.

use crate::catalog::NoteKind;
use crate::id::ImportId;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One error or change that an import found.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_import_note")]
pub struct Model {
    /// The import.
    #[sea_orm(primary_key, auto_increment = false)]
    pub import_id: ImportId,
    /// Its place, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// Error or change.
    pub kind: NoteKind,
    /// The line of the file, from 1.
    pub line: i64,
    /// The column's name, for an error in one.
    pub column_name: Option<String>,
    /// The product's handle, where known.
    pub handle: Option<String>,
    /// What is wrong and would be right, or what changed.
    pub message: String,
}

plain_row!();
