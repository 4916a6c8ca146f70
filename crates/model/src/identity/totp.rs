//! Second factors: apps that count time.

use crate::Time;
use crate::id::{AccountId, FactorId};
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

/// An authenticator app of an account's. Its secret is never stored: it is made anew, from the factor's id and the
/// platform's key, when a code is checked.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "totp")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// What its secret is made of; another for every enrolment.
    pub factor_id: FactorId,
    /// When a code of it was first shown; until then it asks for nothing.
    pub confirmed_at: Option<Time>,
    /// The latest step of time whose code was used: no code is good twice.
    pub last_step: i64,
    /// When it was enrolled.
    pub created_at: Time,
}

plain_row!();
