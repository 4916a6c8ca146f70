//! How often something was tried that may not be tried without end.

use crate::Time;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// The tries made within one window, of one kind, for one account or from one address. Whose they are is a keyed hash.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    /// What is tried, and for or from whom: a keyed hash.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Vec<u8>,
    /// How often within the window.
    pub tries: i32,
    /// When the window ends, and counting begins anew.
    pub ends_at: Time,
}

plain_row!();
