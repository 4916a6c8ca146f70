//! What is to be said against disputes.

use crate::Time;
use crate::id::{AccountId, DisputeId};
use crate::row::plain_row;
use crate::text::Evidence;
use sea_orm::entity::prelude::*;

/// One side's evidence against a dispute, as written last.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dispute_note")]
pub struct Model {
    /// The dispute.
    #[sea_orm(primary_key, auto_increment = false)]
    pub dispute_id: DisputeId,
    /// Whose side: a brand's id, or "platform".
    #[sea_orm(primary_key, auto_increment = false)]
    pub side: String,
    /// What it says.
    pub note: Evidence,
    /// Who wrote it.
    pub written_by: AccountId,
    /// When.
    pub written_at: Time,
}

plain_row!();
