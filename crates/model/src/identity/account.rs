//! Accounts.

use crate::Time;
use crate::id::AccountId;
use crate::row::plain_row;
use crate::text::{Email, Name};
use sea_orm::entity::prelude::*;

/// A person who signs in; the same account may be shopholder, buyer and brand staff.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    /// The address it signs in with; unique.
    pub email: Email,
    /// When she proved that she reads what is sent there; none before.
    pub email_verified_at: Option<Time>,
    /// What others see.
    pub name: Name,
    /// Whether it runs the platform; granted from the command line only.
    pub operator: bool,
    /// When it was opened.
    pub created_at: Time,
    /// When it was erased: address and name are nobody's since.
    pub erased_at: Option<Time>,
}

plain_row!();
