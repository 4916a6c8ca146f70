//! A refusal and a fault are different things: one is told to the person who asked, the other to the operator. A fault
//! that came only of others being at the same rows is told to nobody: what it broke off is done over.

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError};

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

/// How often work is begun that the database breaks off every time.
const TRIES: u32 = 4;

/// PostgreSQL: a transaction could not be serialised, or was the victim of a deadlock
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>). SQLite: the write lock was not to be had, with its
/// extended codes (<https://sqlite.org/rescode.html>). Those of PostgreSQL have five characters, so they never meet.
const BROKEN_OFF: [&str; 6] = ["40001", "40P01", "5", "261", "517", "773"];

/// Whether work failed for nothing but others being at the same rows. Then its transaction was rolled back.
pub trait BrokenOff {
    /// Whether doing it over may go well.
    fn is_broken_off(&self) -> bool;
}

impl BrokenOff for anyhow::Error {
    fn is_broken_off(&self) -> bool {
        let mut causes = self.chain().filter_map(|cause| cause.downcast_ref::<DbErr>());
        causes.any(|error| match error {
            DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error))
            | DbErr::Conn(RuntimeErr::SqlxError(error)) => match &**error {
                SqlxError::Database(error) => error.code().is_some_and(|code| BROKEN_OFF.contains(&&*code)),
                _ => false,
            },
            _ => false,
        })
    }
}

impl<R> BrokenOff for Failure<R> {
    fn is_broken_off(&self) -> bool {
        matches!(self, Self::Fault(error) if error.is_broken_off())
    }
}

/// Does `work`, and does it over, a few times at most, while the database breaks it off. The rows are locked in an order
/// that leaves no circle (see `Tx`); this is for what no order covers, such as two first uses of an account at once. What
/// stays broken off is a fault like any other.
///
/// It stands at the two edges, where mutations call commands and where jobs are performed: a command never begins again by
/// itself.
///
/// # Errors
/// Those of `work`.
pub async fn persistently<T, E: BrokenOff, F: Future<Output = Result<T, E>>>(
    mut work: impl FnMut() -> F,
) -> Result<T, E> {
    // Boxed: a command's future is large, and would lie on the stack of whoever waits for it.
    for again in 1..TRIES {
        match Box::pin(work()).await {
            Err(error) if error.is_broken_off() => {
                tracing::info!(again, "broken off by the database; done over")
            }
            outcome => return outcome,
        }
    }
    Box::pin(work()).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use anyhow::Context as _;

    use super::*;

    /// What a database says.
    #[derive(Debug)]
    struct Said(&'static str);

    impl std::fmt::Display for Said {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Said {}

    impl sea_orm::sqlx::error::DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> sea_orm::sqlx::error::ErrorKind {
            sea_orm::sqlx::error::ErrorKind::Other
        }
    }

    fn said(code: &'static str) -> anyhow::Error {
        let error = SqlxError::Database(Box::new(Said(code)));
        DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into()
    }

    #[test]
    fn deadlocks_and_busy_databases_are_no_failures_of_the_work() {
        for code in ["40P01", "40001", "5", "517"] {
            assert!(said(code).is_broken_off(), "{code}");
        }
        for code in ["23505", "25P02", "1555", "57014"] {
            assert!(!said(code).is_broken_off(), "{code}");
        }
        let told = Err::<(), _>(said("40P01"))
            .context("while refunding")
            .unwrap_err();
        assert!(told.is_broken_off(), "whatever is said about it");
        assert!(!anyhow::anyhow!("40P01").is_broken_off());
        assert!(!Failure::Refused("40P01").is_broken_off());
    }

    #[test]
    fn what_is_broken_off_is_done_over_but_not_for_ever() {
        let begun = AtomicU32::new(0);
        let fails = |times: u32, code: &'static str| {
            begun.store(0, Ordering::Relaxed);
            let work = || async {
                let failed = begun.fetch_add(1, Ordering::Relaxed) < times;
                if failed { Err(said(code)) } else { Ok(()) }
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let outcome = runtime.block_on(persistently(work));
            (outcome.is_ok(), begun.load(Ordering::Relaxed))
        };
        assert_eq!(fails(2, "40P01"), (true, 3));
        assert_eq!(fails(9, "40P01"), (false, TRIES));
        assert_eq!(fails(1, "23505"), (false, 1));
    }
}
