//! Two pieces of work in an order that is chosen: one is halted right after one of its statements, the other does as much as
//! it can meanwhile.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::runtime::Handle;

use super::App;

thread_local! {
    /// Where the work on this thread is to halt.
    static HALT: RefCell<Option<Halt>> = const { RefCell::new(None) };
}

struct Halt {
    /// Statements until then, that one included.
    left: usize,
    reached: Sender<()>,
    go_on: Receiver<()>,
}

/// What the database's callback tells after every statement, on the thread that sent it.
pub(super) fn statement_sent() {
    HALT.with_borrow_mut(|halt| {
        let Some(halt) = halt.as_mut().filter(|halt| halt.left > 0) else {
            return;
        };
        halt.left -= 1;
        if halt.left == 0 {
            halt.reached.send(()).unwrap();
            halt.go_on.recv().unwrap();
        }
    });
}

/// Does `one` up to its statement number `after`; then `other`, until it is done or waits for a lock; then lets `one` go on,
/// and both come to their ends. When `one` sends fewer statements, `other` is not begun.
pub(crate) fn interleave<T: Send>(
    app: &App,
    after: usize,
    one: impl AsyncFnOnce() -> T + Send,
    other: impl AsyncFnOnce() -> T + Send,
) -> (T, Option<T>) {
    let runtime = Handle::current();
    let (reached, is_reached) = channel();
    let (let_go, go_on) = channel();
    let halt = Halt {
        left: after,
        reached,
        go_on,
    };
    let work = || {
        thread::scope(|scope| {
            let one = on_a_thread(scope, &runtime, Some(halt), one);
            if is_reached.recv().is_err() {
                return (one.join().unwrap(), None);
            }
            let other = on_a_thread(scope, &runtime, None, other);
            while !other.is_finished() && !runtime.block_on(somebody_waits(app)) {}
            let_go.send(()).unwrap();
            (one.join().unwrap(), Some(other.join().unwrap()))
        })
    };
    tokio::task::block_in_place(work)
}

fn on_a_thread<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    runtime: &Handle,
    halt: Option<Halt>,
    work: impl AsyncFnOnce() -> T + Send + 'scope,
) -> thread::ScopedJoinHandle<'scope, T> {
    let runtime = runtime.clone();
    let body = move || {
        HALT.set(halt);
        let outcome = runtime.block_on(work());
        HALT.set(None);
        outcome
    };
    let named = thread::Builder::new().stack_size(vitrine::STACK);
    named.spawn_scoped(scope, body).unwrap()
}

/// Whether a session of the test's own PostgreSQL database waits for somebody's lock.
async fn somebody_waits(app: &App) -> bool {
    let count = "select count(*) as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let row = Statement::from_string(DbBackend::Postgres, count);
    let row = app.db().query_one_raw(row).await.unwrap().unwrap();
    row.try_get::<i64>("", "waiting").unwrap() > 0
}
