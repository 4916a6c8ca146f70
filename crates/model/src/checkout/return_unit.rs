//! Which units a return asks to send back.

use crate::id::{ReturnId, UnitId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// One unit of one return. It stays when the return is closed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "return_unit")]
pub struct Model {
    /// The return.
    #[sea_orm(primary_key, auto_increment = false)]
    pub return_id: ReturnId,
    /// The unit; in one open return at most.
    #[sea_orm(primary_key, auto_increment = false)]
    pub unit_id: UnitId,
}

plain_row!();
