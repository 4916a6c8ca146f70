//! Answers already given to repeated requests.

use crate::Time;
use crate::kinds::kinds;
use crate::row::plain_row;
use sea_orm::entity::prelude::*;

kinds! {
    /// How far a request with an idempotency key is.
    Attempt {
        /// Its command has begun; calls to the outside are under way.
        InFlight = "in_flight",
        /// It has an outcome.
        Done = "done",
    }
}

/// The first request under a key, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    /// Whose key: an account's id, or the hash of a guest's secret.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// Of which mutation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mutation: String,
    /// The client's key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the input.
    pub input_hash: Vec<u8>,
    /// How far it is.
    pub state: Attempt,
    /// The id of what it made.
    pub outcome: Option<String>,
    /// Until when a repeat is told to wait.
    pub lease_until: Time,
    /// When it was first asked.
    pub created_at: Time,
    /// When the key may be used anew.
    pub expires_at: Time,
}

plain_row!();
