//! Repeated requests: the first outcome is answered again. The key is written in the command's first transaction, so
//! that a refusal or a fault leaves no trace of it and the repeat is a first attempt.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, TryInsertResult};
use vitrine_model::idempotency::{self, Attempt};

use crate::context::{Context, Tx};
use crate::secret;

/// How long an outcome is remembered.
const KEEP: TimeDelta = TimeDelta::hours(24);
/// How long a repeat is told to wait while the first attempt calls the outside world.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// Longest key a client may choose.
pub const MAX_KEY: usize = 255;

/// A request that may be repeated.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose key: an account's id, or the hash of a guest's secret.
    pub scope: String,
    /// Of which mutation.
    pub mutation: &'static str,
    /// The client's key.
    pub key: String,
    /// SHA-256 over the input as it was understood.
    pub input_hash: Vec<u8>,
}

impl Key {
    /// A key of `scope` for `mutation`, over `input` written out in full.
    pub fn new(scope: String, mutation: &'static str, key: String, input: &impl std::fmt::Debug) -> Self {
        Self {
            scope,
            mutation,
            key,
            input_hash: secret::sha256(format!("{input:?}").as_bytes()),
        }
    }
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is new, and now ours: do the work, then [`finish`].
    First,
    /// The work was done; this is the id of what it made.
    Done(String),
    /// It was begun and its lease has run out: go on with what it made.
    Resume(String),
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The same key came with other input: `IDEMPOTENCY_KEY_REUSED`.
    Reused,
    /// The first attempt is still under way: `IDEMPOTENCY_IN_PROGRESS`.
    InProgress,
    /// The key is empty or too long.
    Malformed,
}

/// Claims `key` within the command's first transaction. A key past its life counts as new.
///
/// # Errors
/// The outer error when the database fails, the inner when the key cannot be used.
pub async fn claim(tx: &Tx, cx: &Context, key: &Key) -> Result<Result<Claim, KeyRefusal>, DbErr> {
    if key.key.is_empty() || key.key.len() > MAX_KEY {
        return Ok(Err(KeyRefusal::Malformed));
    }
    let now = cx.now();
    idempotency::Entity::delete_by_id((key.scope.clone(), key.mutation.to_owned(), key.key.clone()))
        .filter(idempotency::Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    let row = idempotency::ActiveModel {
        scope: Set(key.scope.clone()),
        mutation: Set(key.mutation.to_owned()),
        key: Set(key.key.clone()),
        input_hash: Set(key.input_hash.clone()),
        state: Set(Attempt::InFlight),
        outcome: Set(None),
        lease_until: Set(now + LEASE),
        created_at: Set(now),
        expires_at: Set(now + KEEP),
    };
    let inserted = idempotency::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    // A conflict is told as no row inserted.
    if let TryInsertResult::Inserted(1..) = inserted {
        return Ok(Ok(Claim::First));
    }
    known(tx, cx, key).await
}

async fn known(tx: &Tx, cx: &Context, key: &Key) -> Result<Result<Claim, KeyRefusal>, DbErr> {
    let id = (key.scope.clone(), key.mutation.to_owned(), key.key.clone());
    let Some(row) = idempotency::Entity::find_by_id(id)
        .lock_exclusive()
        .one(tx)
        .await?
    else {
        return Ok(Err(KeyRefusal::InProgress));
    };
    Ok(match (row.state, row.outcome) {
        _ if row.input_hash != key.input_hash => Err(KeyRefusal::Reused),
        (Attempt::Done, Some(outcome)) => Ok(Claim::Done(outcome)),
        (Attempt::InFlight, Some(outcome)) if row.lease_until <= cx.now() => Ok(Claim::Resume(outcome)),
        _ => Err(KeyRefusal::InProgress),
    })
}

/// Records what the command made. `state` is `InFlight` while a call to the outside is still to come.
///
/// # Errors
/// When the database fails.
pub async fn finish(
    db: &impl sea_orm::ConnectionTrait,
    key: &Key,
    state: Attempt,
    outcome: impl ToString,
) -> Result<(), DbErr> {
    idempotency::Entity::update_many()
        .col_expr(idempotency::Column::State, Expr::value(state))
        .col_expr(idempotency::Column::Outcome, Expr::value(outcome.to_string()))
        .filter(idempotency::Column::Scope.eq(&key.scope))
        .filter(idempotency::Column::Mutation.eq(key.mutation))
        .filter(idempotency::Column::Key.eq(&key.key))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes keys past their life.
///
/// # Errors
/// When the database fails.
pub async fn sweep(cx: &Context) -> anyhow::Result<()> {
    idempotency::Entity::delete_many()
        .filter(idempotency::Column::ExpiresAt.lte(cx.now()))
        .exec(cx.db())
        .await?;
    Ok(())
}
