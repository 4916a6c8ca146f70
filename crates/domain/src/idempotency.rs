//! Repeated requests: the first outcome is answered again.
//!
//! A key belongs to one account, API key or guest and one mutation, and is written in the command's first transaction. What became
//! of that transaction is what becomes of the key:
//!
//! | the first attempt | the same key and input | the same key, other input |
//! |---|---|---|
//! | was committed and is done | answers what it made, as it is now | `Reused` |
//! | was committed and calls the outside | answers once the call's outcome is known, whoever found it out; until then `InProgress`; after the lease it goes on with what was begun | `Reused` |
//! | is not committed yet | waits until it is, or is not | the same |
//! | was refused, or broke | is a first attempt: nothing had been changed | is a first attempt |
//! | is longer ago than a day | is a first attempt, unless the key [lasts](Key::lasting) | is a first attempt, unless the key lasts |
//!
//! So a refusal is not remembered: whoever mends what stood in the way may repeat the request under its key. What must
//! not happen twice even a day later is kept from it by its own state: a cart makes one order, a unit is refunded once, a
//! hold stands once. Only what no state could keep from happening twice, as goodwill, has keys that last. Why so is told in `docs/decisions/0011-refusals-leave-no-key.md`.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, TryInsertResult};
use vitrine_model::Time;
use vitrine_model::idempotency::{self, Attempt};

use crate::context::{Context, Tx};
use crate::failure::{Failure, refuse};
use crate::secret;

/// How long an outcome is remembered.
const KEEP: TimeDelta = TimeDelta::hours(24);
/// When a key that lasts runs out: at the end of the last year that both databases can write.
const FOR_EVER: Time = NaiveDate::from_ymd_opt(9999, 12, 31)
    .expect("a day")
    .and_time(NaiveTime::MIN)
    .and_utc();
/// How long a repeat is told to wait while the first attempt calls the outside world.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// Longest key a client may choose.
pub const MAX_KEY: usize = 255;

/// What a request asks for, written out so that a repeat can be told from another request.
///
/// The encoding outlives the program that wrote it, so it depends on nothing but this: each field is its name and its
/// value, as two netstrings (`5:order,`: the length in bytes, the text in UTF-8), in the order in which the command names
/// them. What is absent is left out; the members of a list follow one another under the same names. Values are written as
/// the API writes them: ids with their prefix, amounts in minor units beside their currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input(String);

impl Input {
    /// One that asks for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// And so much more.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Display) -> Self {
        for text in [name, &value.to_string()] {
            self.0.extend([&*text.len().to_string(), ":", text, ","]);
        }
        self
    }

    /// The same, unless it is absent.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// SHA-256 of the encoding.
    pub fn hash(&self) -> Vec<u8> {
        secret::sha256(self.0.as_bytes())
    }
}

/// A request that may be repeated.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose key: an account's or an API key's id, or the hash of a guest's secret.
    pub scope: String,
    /// Of which mutation.
    pub mutation: &'static str,
    /// The client's key.
    pub key: String,
    /// SHA-256 over the input as it was understood.
    pub input_hash: Vec<u8>,
    /// Whether it is remembered for ever.
    pub lasts: bool,
}

impl Key {
    /// The key that `scope` chose for `mutation` with this input.
    pub fn new(scope: impl Display, mutation: &'static str, key: String, input: &Input) -> Self {
        Self {
            scope: scope.to_string(),
            mutation,
            key,
            input_hash: input.hash(),
            lasts: false,
        }
    }

    /// The same, but remembered for ever.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.lasts = true;
        self
    }

    fn expires_at(&self, now: Time) -> Time {
        if self.lasts { FOR_EVER } else { now + KEEP }
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
    /// It was begun, and whoever did so may be at it still. If what it made shows by now how the call outside ended, as
    /// when a job found that out after a death, it is done: [`finish`] and answer. If not, it is
    /// [`KeyRefusal::InProgress`].
    Begun(String),
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The same key came with other input: `IDEMPOTENCY_KEY_REUSED`.
    Reused,
    /// The first attempt is still under way: `IDEMPOTENCY_IN_PROGRESS`.
    InProgress,
    /// The key is empty or too long, or has a control character.
    Malformed,
}

/// Claims `key` within the command's first transaction. A key past its life counts as new.
///
/// # Errors
/// The outer error when the database fails, the inner when the key cannot be used.
pub async fn claim(tx: &Tx, cx: &Context, key: &Key) -> Result<Result<Claim, KeyRefusal>, DbErr> {
    if key.key.is_empty() || key.key.len() > MAX_KEY || key.key.chars().any(char::is_control) {
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
        expires_at: Set(key.expires_at(now)),
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
        (Attempt::InFlight, Some(outcome)) => Ok(Claim::Begun(outcome)),
        _ => Err(KeyRefusal::InProgress),
    })
}

/// Claims `key` for a command that finishes it in the same transaction: the id of what an earlier request with it made, or
/// nothing when this is the first.
///
/// # Errors
/// The refusal when the key cannot be used.
pub async fn earlier<T, R>(tx: &Tx, cx: &Context, key: &Key) -> Result<Option<T>, Failure<R>>
where
    T: FromStr<Err: Into<anyhow::Error>>,
    R: From<KeyRefusal>,
{
    match claim(tx, cx, key).await? {
        Ok(Claim::First) => Ok(None),
        Ok(Claim::Done(made) | Claim::Resume(made)) => {
            Ok(Some(made.parse().map_err(|error: T::Err| error.into())?))
        }
        Ok(Claim::Begun(_)) => refuse(KeyRefusal::InProgress.into()),
        Err(refusal) => refuse(refusal.into()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Input {
        Input::new()
            .field("order", "order_01jd0000000000000000000000")
            .field("line", "line_01jd0000000000000000000000")
            .field("quantity", 2)
            .maybe("carrier", None::<&str>)
            .field("reason", "the spout drips, a bit: naïve")
    }

    #[test]
    fn the_hash_of_an_input_never_changes() {
        let encoded = "5:order,32:order_01jd0000000000000000000000,4:line,31:line_01jd0000000000000000000000,8:quantity,1:2,6:reason,30:the spout drips, a bit: naïve,";
        assert_eq!(asked().0, encoded);
        // Rows written by every version before hold this: a program that makes another refuses their repeats.
        assert_eq!(
            hex::encode(asked().hash()),
            "509d459c9fae82ea3a064a0b6eeb9ee48d0ae5777ff3945254edfb44744089e4"
        );
    }

    #[test]
    fn no_two_inputs_are_written_the_same() {
        let pairs = [
            (Input::new().field("a", "b"), Input::new().field("ab", "")),
            (Input::new().field("a", "1:b,"), Input::new().field("a", "b")),
            (
                Input::new().field("a", "").field("b", ""),
                Input::new().field("a", "0:,1:b,"),
            ),
            (Input::new().maybe("a", None::<&str>), Input::new().field("a", "")),
            (
                Input::new().field("a", 1).field("b", 2),
                Input::new().field("b", 2).field("a", 1),
            ),
        ];
        for (one, other) in pairs {
            assert_ne!(one.hash(), other.hash(), "{one:?} {other:?}");
        }
    }
}
