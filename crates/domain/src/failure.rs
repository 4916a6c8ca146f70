//! A refusal and a fault are different things: one is told to the person who asked, the other to the operator.

use sea_orm::{DbErr, SqlErr};

/// Why a command or query did not do what was asked.
#[derive(Debug)]
pub enum Failure<R> {
    /// The business says no. Nothing was changed.
    Refused(R),
    /// Something broke. It is logged once, at the edge, and shown only as `INTERNAL` with a request id.
    Fault(anyhow::Error),
}

impl<R, E: Into<anyhow::Error>> From<E> for Failure<R> {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl<R> Failure<R> {
    /// The same failure with its refusal put in another domain's words.
    pub fn map<S>(self, into: impl FnOnce(R) -> S) -> Failure<S> {
        match self {
            Self::Refused(refusal) => Failure::Refused(into(refusal)),
            Self::Fault(error) => Failure::Fault(error),
        }
    }
}

/// Refuses, from within a function that returns `Result<_, Failure<R>>`.
///
/// # Errors
/// Always: that is its purpose.
pub fn refuse<T, R>(refusal: R) -> Result<T, Failure<R>> {
    Err(Failure::Refused(refusal))
}

/// Turns an absent value into a refusal.
pub trait OrRefuse<T> {
    /// The value, or `refusal`.
    ///
    /// # Errors
    /// When the value is absent.
    fn or_refuse<R>(self, refusal: R) -> Result<T, Failure<R>>;
}

impl<T> OrRefuse<T> for Option<T> {
    fn or_refuse<R>(self, refusal: R) -> Result<T, Failure<R>> {
        self.ok_or(Failure::Refused(refusal))
    }
}

/// Translates the database's verdict on a race. The constraint decides; nobody checks first and inserts then.
pub trait OrRefuseDuplicate<T> {
    /// The value, or `refusal` when a unique constraint was violated, on SQLite and PostgreSQL alike. On PostgreSQL the
    /// transaction is aborted then, so a refusal must end the command.
    ///
    /// # Errors
    /// The refusal, or a fault for any other database error.
    fn or_refuse_duplicate<R>(self, refusal: R) -> Result<T, Failure<R>>;
}

impl<T> OrRefuseDuplicate<T> for Result<T, DbErr> {
    fn or_refuse_duplicate<R>(self, refusal: R) -> Result<T, Failure<R>> {
        self.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Failure::Refused(refusal),
            _ => Failure::Fault(error.into()),
        })
    }
}
