//! A database transaction, and the order in which it may lock rows.
//!
//! Whoever locks rows of several kinds does so in the order of [`Rank`], and rows of one kind by id. Then two transactions
//! that want the same rows meet at the first of them, where one waits without holding what the other wants next: they
//! never wait in a circle.
//!
//! Each place that locks such rows says so first, by [`Tx::locks`], which panics in builds with debug assertions when the
//! order is broken: every test holds it. A row locked already is locked again in no order, but its place would still
//! have to say so, and should rather be handed the row.
//!
//! Two more things keep it true:
//! - Rows are locked `for no key update`, which excludes others as `for update` does, but lets them insert rows that refer
//!   to a locked one. Such inserts follow no order, so they must not wait.
//! - The release skips orders that somebody else has locked, so that it may lock several without waiting for any.
//!
//! Idempotency keys and intents are locked before all of these, and by nobody who holds any of them. SQLite has one writer
//! at a time: there the clause is left out.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use tokio::sync::Notify;

use crate::points::{self, OnPoint, Point};

/// Kinds of rows that are locked together with others, in the order in which they are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Rank {
    /// An order, and under it its refunds. Whoever changes what became of an order holds it from the start.
    Order = 1,
    /// Sold units: all of the order's at once, by id, since what happens to one may open or close another's window.
    Units,
    /// Payout accounts and payouts.
    Payouts,
    /// Parties' accounts of the ledger, by id.
    Accounts,
    /// Variants, for their stock, by id.
    Variants,
}

/// A database transaction. Only the command that began it commits it, on its last line.
pub struct Tx {
    inner: DatabaseTransaction,
    /// The highest rank of rows locked so far; 0 before any.
    highest: AtomicU8,
    /// Points passed right before and right after the commit, and what is under way there.
    points: Mutex<Vec<(Point, Point, String)>>,
    on_point: Option<OnPoint>,
    /// Told of the commit.
    committed: Option<Arc<Notify>>,
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("highest", &self.highest)
            .finish_non_exhaustive()
    }
}

impl Tx {
    pub(crate) fn new(
        inner: DatabaseTransaction,
        on_point: Option<OnPoint>,
        committed: Option<Arc<Notify>>,
    ) -> Self {
        Self {
            inner,
            highest: AtomicU8::new(0),
            points: Mutex::default(),
            on_point,
            committed,
        }
    }

    /// Says that its commit stands between two points of `what`.
    pub(crate) fn stands_between(&self, before: Point, after: Point, what: &str) {
        if self.on_point.is_some() {
            let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
            points.push((before, after, what.to_owned()));
        }
    }

    /// Says that rows of this rank are locked next.
    ///
    /// # Panics
    /// With debug assertions, when rows of a later rank are locked already.
    pub(crate) fn locks(&self, rank: Rank) {
        let before = self.highest.fetch_max(rank as u8, Ordering::Relaxed);
        debug_assert!(
            before <= rank as u8,
            "{rank:?} is locked after what comes later: see the order in tx.rs"
        );
    }

    /// Makes all that was done in it lasting.
    ///
    /// # Errors
    /// When the database refuses: then nothing was done.
    pub async fn commit(self) -> Result<(), DbErr> {
        let points = self.points.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (before, _, what) in &points {
            points::pass(self.on_point.as_ref(), *before, what);
        }
        self.inner.commit().await?;
        if let Some(committed) = &self.committed {
            committed.notify_one();
        }
        for (_, after, what) in &points {
            points::pass(self.on_point.as_ref(), *after, what);
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}
