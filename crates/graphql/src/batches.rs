//! When batches are loaded: as soon as all resolvers of a request wait, and not before.
//!
//! The data loader would rather give resolvers a millisecond to ask for what they need, in a task of its own. On a busy
//! machine that millisecond ends while they are still asking, and one batch becomes many. Here the request's own task
//! runs both: first the resolvers, until none can go on; then the batches they asked for, all of them before the next. How
//! many statements a request sends then depends on its shape alone, and nobody waits for a clock.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_graphql::runtime::Timer;
use futures::future::{BoxFuture, ready};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::task::{ArcWake, AtomicWaker, FutureObj, Spawn, SpawnError};

/// The batches of one request that are to be loaded.
#[derive(Clone, Default)]
pub(crate) struct Batches {
    waiting: Arc<Mutex<Vec<FutureObj<'static, ()>>>>,
}

impl Spawn for Batches {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.lock().push(batch);
        Ok(())
    }
}

impl Batches {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<FutureObj<'static, ()>>> {
        // A poisoned list is still a list.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `execution` to its end, and the batches whenever it waits for them.
    pub(crate) async fn drive<F: Future>(&self, execution: F) -> F::Output {
        // Without tokio's budget, which would have resolvers wait that could go on.
        let mut execution = pin!(tokio::task::unconstrained(execution));
        let mut running = FuturesUnordered::new();
        let woken = Arc::new(Woken {
            yes: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        let waker = futures::task::waker(woken.clone());
        std::future::poll_fn(|cx| {
            woken.task.register(cx.waker());
            loop {
                while woken.yes.swap(false, Ordering::AcqRel) {
                    let polled = execution.as_mut().poll(&mut Context::from_waker(&waker));
                    if polled.is_ready() {
                        return polled;
                    }
                }
                // Those under way are loaded first. What resolvers ask for meanwhile would else be one batch or several, by
                // which of these was loaded when.
                if running.is_empty() {
                    running.extend(self.lock().drain(..));
                }
                while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
                // A batch that is loaded wakes the resolvers that asked for it.
                let next = running.is_empty() && !self.lock().is_empty();
                if !next && !woken.yes.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Whether some resolver can go on. A set of futures may say that it waits although some of it could go on at once; this
/// tells the two apart.
struct Woken {
    yes: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Woken {
    fn wake_by_ref(woken: &Arc<Self>) {
        woken.yes.store(true, Ordering::Release);
        woken.task.wake();
    }
}

/// Batches wait for resolvers, not for time.
pub(crate) struct NoDelay;

impl Timer for NoDelay {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(ready(()))
    }
}
