//! Where clicks wait to be written, and the one who writes them. Whoever follows a link waits until her click is on the
//! disk, and a disk takes as long for one click as for hundreds: those that come while a group is being committed are the
//! next group. Nobody waits for a clock: a click that comes alone is written at once.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use futures::FutureExt;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::failure::persistently;
use crate::referral::recording::{Destination, NewClick, write};

/// Most clicks that wait; whoever comes then is told to come again.
const MAX_WAITING: usize = 8192;
/// Most clicks of one transaction.
const MAX_GROUP: usize = 512;

/// Why a click was not recorded.
#[derive(Debug, Clone)]
pub enum Unrecorded {
    /// Too many wait already.
    Busy,
    /// The group that it was written with failed, and nothing of it is kept.
    Fault(Arc<anyhow::Error>),
}

impl Unrecorded {
    pub(super) fn fault(error: impl Into<anyhow::Error>) -> Self {
        Self::Fault(Arc::new(error.into()))
    }
}

/// What came of a click: where its link leads, or nothing where it leads nowhere.
type Outcome = Result<Option<Arc<Destination>>, Unrecorded>;

struct Waiting {
    click: NewClick,
    answer: oneshot::Sender<Outcome>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    closed: bool,
}

/// The clicks that wait to be written on this node.
#[derive(Default)]
pub struct Clicks {
    queue: Mutex<Queue>,
    come: Notify,
}

impl std::fmt::Debug for Clicks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clicks").finish_non_exhaustive()
    }
}

impl Clicks {
    /// Waits until `click` is written and committed; says where its link leads.
    pub(super) async fn record(&self, click: NewClick) -> Outcome {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.lock();
            if queue.closed || queue.waiting.len() >= MAX_WAITING {
                return Err(Unrecorded::Busy);
            }
            queue.waiting.push(Waiting { click, answer });
        }
        self.come.notify_one();
        answered
            .await
            .unwrap_or_else(|_| Err(Unrecorded::fault(anyhow!("the group of clicks was given up"))))
    }

    /// Writes what comes until `stopping`, then what still waits.
    pub async fn write(&self, cx: &Context, stopping: &CancellationToken) {
        while stopping.run_until_cancelled(self.come.notified()).await.is_some() {
            self.write_waiting(cx).await;
        }
        self.lock().closed = true;
        self.write_waiting(cx).await;
    }

    async fn write_waiting(&self, cx: &Context) {
        loop {
            let group = self.next_group();
            if group.is_empty() {
                return;
            }
            let (clicks, answers): (Vec<_>, Vec<_>) = group
                .into_iter()
                .map(|waiting| (waiting.click, waiting.answer))
                .unzip();
            // Whatever happens to one group, the next is written.
            let written = AssertUnwindSafe(persistently(|| write(cx, &clicks))).catch_unwind();
            let written = written
                .await
                .unwrap_or_else(|_| Err(anyhow!("writing clicks panicked")));
            let written = written.map_err(|error| {
                tracing::error!(
                    clicks = clicks.len(),
                    error = format!("{error:#}"),
                    "clicks were lost"
                );
                Unrecorded::fault(error)
            });
            for (click, answer) in clicks.iter().zip(answers) {
                let found = written.as_ref().map(|found| found.get(&click.code).cloned());
                // Who asked may have gone meanwhile.
                let _ = answer.send(found.map_err(Clone::clone));
            }
        }
    }

    /// The clicks of the next transaction, the oldest first. Whoever has gone while she waited leaves no trace.
    fn next_group(&self) -> Vec<Waiting> {
        let mut queue = self.lock();
        let size = queue.waiting.len().min(MAX_GROUP);
        let rest = queue.waiting.split_off(size);
        let mut group = std::mem::replace(&mut queue.waiting, rest);
        drop(queue);
        group.retain(|waiting| !waiting.answer.is_closed());
        group
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // A queue is whole between any two statements.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use vitrine_model::Time;

    use super::*;

    fn click() -> NewClick {
        NewClick {
            id: Uuid::nil().into(),
            code: "0000000000".to_owned(),
            counts: true,
            visitor: Vec::new(),
            lately: Vec::new(),
            at: Time::UNIX_EPOCH,
        }
    }

    #[test]
    fn whoever_comes_when_too_many_wait_is_told_so() {
        let clicks = Clicks::default();
        let others: Vec<_> = (0..MAX_WAITING)
            .map(|_| Box::pin(clicks.record(click())))
            .collect();
        let mut waiting: Vec<_> = others
            .into_iter()
            .map(|mut other| (other.as_mut().now_or_never(), other))
            .collect();
        assert!(waiting.iter().all(|(answered, _)| answered.is_none()));
        let told = clicks.record(click()).now_or_never();
        assert!(matches!(told, Some(Err(Unrecorded::Busy))), "{told:?}");
        // Those who went while they waited are not written.
        waiting.truncate(3);
        assert_eq!(clicks.next_group().len(), 3);
        assert_eq!(clicks.next_group().len(), 0);
    }

    #[test]
    fn what_comes_after_the_last_group_is_refused_and_not_forgotten() {
        let clicks = Clicks::default();
        clicks.lock().closed = true;
        let told = clicks.record(click()).now_or_never();
        assert!(matches!(told, Some(Err(Unrecorded::Busy))), "{told:?}");
    }
}
