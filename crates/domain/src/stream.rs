//! What is committed to the event stream, told at once to those on this node who wait for it.
//!
//! On PostgreSQL a trigger notifies every node of each event when its transaction commits, so all nodes tell the same,
//! whichever wrote it. A node whose connection broke off reads what it missed. On SQLite a commit wakes this process, and
//! once a second it looks whether another one wrote something. Nothing is read while nobody waits.
//!
//! An event is told to everyone who began to wait before it was committed. Who reads too slowly is told that she missed
//! some ([`Waiting::next`]), and must look for herself how things stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ColumnTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SqlxError};
use tokio::sync::{Mutex, Notify, broadcast};
use tokio_util::sync::CancellationToken;
use vitrine_model::checkout::order_line;
use vitrine_model::event;
use vitrine_model::id::{OrderId, PayoutId, ShopId};
use vitrine_model::ledger::Party;
use vitrine_model::payout;

use crate::context::Context;
use crate::ledger;

/// Happenings kept for those who have not read them yet.
const KEPT: usize = 1024;
/// Most events read at once.
const BATCH: u64 = 500;
/// The channel of PostgreSQL's notifications; the trigger names it too.
const CHANNEL: &str = "vitrine_event";
/// How far behind the latest event one may still be committed: transactions end in another order than they took their
/// numbers in.
const DISORDER: i64 = 10_000;
/// Numbers of told events that are kept.
const MAX_TOLD: usize = 20_000;
/// How often SQLite is asked whether another process wrote something.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait before a broken connection is made anew.
const PAUSE: Duration = Duration::from_millis(500);

/// One event, with whom it concerns.
#[derive(Debug)]
pub struct Happening {
    /// The event.
    pub event: event::Model,
    /// The shops that were credited for the order it is about.
    pub shops: Vec<ShopId>,
    /// Whose earnings it may have changed.
    pub parties: Vec<Party>,
    refs: BTreeMap<String, String>,
}

impl Happening {
    /// Whether it happened to the thing with this id, or names it.
    pub fn names(&self, id: &str) -> bool {
        self.event.subject == id || self.refs.values().any(|named| named == id)
    }

    /// The id that the event names as `name`.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.refs.get(name).map(String::as_str)
    }

    /// The order it is about, if it is about one.
    pub fn order(&self) -> Option<OrderId> {
        let named = self.named("order").unwrap_or(&self.event.subject);
        named.parse().ok()
    }
}

/// What became of waiting.
#[derive(Debug, Clone)]
pub enum Told {
    /// This happened.
    Happening(Arc<Happening>),
    /// More happened than was kept: how things stand must be read anew.
    Missed,
    /// The process stops.
    Ended,
}

/// Somebody's place in the stream.
#[derive(Debug)]
pub struct Waiting(broadcast::Receiver<Arc<Happening>>);

impl Waiting {
    /// Waits for what happens next.
    pub async fn next(&mut self) -> Told {
        match self.0.recv().await {
            Ok(happening) => Told::Happening(happening),
            Err(broadcast::error::RecvError::Lagged(_)) => Told::Missed,
            Err(broadcast::error::RecvError::Closed) => Told::Ended,
        }
    }

    /// Passes over what has happened by now.
    pub fn skip(&mut self) {
        use broadcast::error::TryRecvError::{Closed, Empty};
        while !matches!(self.0.try_recv(), Err(Empty | Closed)) {}
    }
}

/// How far the stream was read.
#[derive(Debug, Default)]
struct Position {
    /// The latest event known.
    latest: i64,
    /// The latest event that was not told, since nobody listened then.
    begun: i64,
    /// The events told lately.
    told: BTreeSet<i64>,
}

/// The stream, as this node tells it.
#[derive(Debug)]
pub struct Stream {
    sender: broadcast::Sender<Arc<Happening>>,
    position: Mutex<Position>,
    /// Told of commits of this process.
    pub(crate) committed: Arc<Notify>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(KEPT).0,
            position: Mutex::default(),
            committed: Arc::default(),
        }
    }
}

/// The connection on which PostgreSQL notifies; none on SQLite.
#[derive(Debug)]
pub struct Ear(Option<PgListener>);

impl Stream {
    /// Takes a place: everything committed from now on is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wait(&self, cx: &Context) -> Result<Waiting, DbErr> {
        let mut position = self.position.lock().await;
        if cx.backend() == DbBackend::Sqlite && self.sender.receiver_count() == 0 {
            position.begin(latest(cx).await?);
        }
        Ok(Waiting(self.sender.subscribe()))
    }

    /// Begins to listen: what is committed once this is done is told.
    ///
    /// # Errors
    /// When the database at `url` cannot be reached.
    pub async fn open(&self, cx: &Context, url: &str) -> Result<Ear, DbErr> {
        if cx.backend() == DbBackend::Sqlite {
            return Ok(Ear(None));
        }
        let ear = listen(url)
            .await
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        self.position.lock().await.begin(latest(cx).await?);
        Ok(Ear(Some(ear)))
    }

    /// Tells what happens until `stopping`.
    pub async fn run(&self, cx: &Context, url: &str, ear: Ear, stopping: &CancellationToken) {
        let told = async {
            match ear.0 {
                Some(ear) => self.follow_notifications(cx, url, ear).await,
                None => self.follow_commits(cx).await,
            }
        };
        stopping.run_until_cancelled(told).await;
    }

    async fn follow_commits(&self, cx: &Context) {
        loop {
            let _ = tokio::time::timeout(LOOK, self.committed.notified()).await;
            let mut position = self.position.lock().await;
            if self.sender.receiver_count() == 0 {
                continue;
            }
            if let Err(error) = self.read_on(cx, &mut position).await {
                tracing::warn!(%error, "the event stream cannot be read");
            }
        }
    }

    /// SQLite has one writer: events are committed in the order of their numbers.
    async fn read_on(&self, cx: &Context, position: &mut Position) -> Result<(), DbErr> {
        loop {
            let rows = event::Entity::find()
                .filter(event::Column::Sequence.gt(position.latest))
                .order_by_asc(event::Column::Sequence)
                .limit(BATCH)
                .all(cx.db())
                .await?;
            let Some(last) = rows.last() else { return Ok(()) };
            position.latest = last.sequence;
            self.tell(cx, rows).await?;
        }
    }

    async fn follow_notifications(&self, cx: &Context, url: &str, mut ear: PgListener) {
        loop {
            let first = ear.try_recv().await;
            let mut position = self.position.lock().await;
            let outcome = match first {
                Ok(Some(first)) => {
                    let others = std::iter::from_fn(|| ear.next_buffered());
                    let all = std::iter::once(first).chain(others);
                    let numbers = all.flat_map(|told| numbers(told.payload())).collect();
                    self.read(cx, &mut position, numbers).await
                }
                // The connection broke off, and was made anew where that could be done at once.
                Ok(None) => self.catch_up(cx, &mut position).await,
                Err(error) => Err(DbErr::Custom(error.to_string())),
            };
            drop(position);
            if let Err(error) = outcome {
                tracing::warn!(%error, "the event stream broke off: listening anew");
                ear = listen_again(url).await;
                let mut position = self.position.lock().await;
                if let Err(error) = self.catch_up(cx, &mut position).await {
                    tracing::warn!(%error, "what happened meanwhile cannot be read");
                }
            }
        }
    }

    /// Tells the events with these numbers.
    async fn read(&self, cx: &Context, position: &mut Position, numbers: Vec<i64>) -> Result<(), DbErr> {
        let fresh: Vec<i64> = numbers
            .into_iter()
            .filter(|number| position.note(*number))
            .collect();
        if fresh.is_empty() || self.sender.receiver_count() == 0 {
            return Ok(());
        }
        let rows = event::Entity::find()
            .filter(event::Column::Sequence.is_in(fresh))
            .order_by_asc(event::Column::Sequence)
            .all(cx.db())
            .await?;
        self.tell(cx, rows).await
    }

    /// Tells what was committed while nobody listened.
    async fn catch_up(&self, cx: &Context, position: &mut Position) -> Result<(), DbErr> {
        let mut after = position.latest - DISORDER;
        loop {
            let rows = event::Entity::find()
                .filter(event::Column::Sequence.gt(after))
                .order_by_asc(event::Column::Sequence)
                .limit(BATCH)
                .all(cx.db())
                .await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.sequence;
            let missed = |row: &event::Model| row.sequence > position.begun && position.note(row.sequence);
            let fresh = rows.into_iter().filter(missed).collect();
            self.tell(cx, fresh).await?;
        }
    }

    async fn tell(&self, cx: &Context, rows: Vec<event::Model>) -> Result<(), DbErr> {
        for event in rows {
            let happening = happening(cx, event).await?;
            // Who waited may have gone meanwhile.
            let _ = self.sender.send(Arc::new(happening));
        }
        Ok(())
    }
}

impl Position {
    fn begin(&mut self, latest: i64) {
        (self.latest, self.begun) = (latest, latest);
    }

    /// Notes that the event with this number is told; false when it was told before.
    fn note(&mut self, number: i64) -> bool {
        self.latest = std::cmp::max(self.latest, number);
        let fresh = self.told.insert(number);
        while self.told.len() > MAX_TOLD {
            self.begun = std::cmp::max(self.begun, self.told.pop_first().unwrap_or_default());
        }
        fresh
    }
}

/// The events that a notification tells of: the numbers of all that one statement inserted.
fn numbers(told: &str) -> Vec<i64> {
    told.split(',').filter_map(|number| number.parse().ok()).collect()
}

async fn latest(cx: &Context) -> Result<i64, DbErr> {
    let latest = event::Entity::find()
        .select_only()
        .column(event::Column::Sequence)
        .order_by_desc(event::Column::Sequence)
        .into_tuple::<i64>()
        .one(cx.db())
        .await?;
    Ok(latest.unwrap_or(0))
}

async fn listen(url: &str) -> Result<PgListener, SqlxError> {
    let mut ear = PgListener::connect(url).await?;
    ear.listen(CHANNEL).await?;
    Ok(ear)
}

async fn listen_again(url: &str) -> PgListener {
    loop {
        tokio::time::sleep(PAUSE).await;
        match listen(url).await {
            Ok(ear) => return ear,
            Err(error) => tracing::warn!(%error, "the database cannot be listened to: trying again"),
        }
    }
}

/// The event, with the shops and parties it concerns.
async fn happening(cx: &Context, event: event::Model) -> Result<Happening, DbErr> {
    let refs: BTreeMap<String, String> = serde_json::from_str(&event.payload)
        .map_err(|error| DbErr::Custom(format!("event {}: {error}", event.sequence)))?;
    let mut happening = Happening {
        event,
        shops: Vec::new(),
        parties: Vec::new(),
        refs,
    };
    let named = [Some(happening.event.subject.as_str()), happening.named("party")];
    happening.parties = named
        .into_iter()
        .flatten()
        .filter_map(|id| id.parse().ok())
        .collect();
    if let Some(order) = happening.order() {
        credited(cx, order, &mut happening).await?;
    }
    let payout: Option<PayoutId> = happening.event.subject.parse().ok();
    if let Some(payout) = payout {
        let row = payout::Entity::find_by_id(payout).one(cx.db()).await?;
        happening.parties.extend(row.map(|row| row.party));
    }
    Ok(happening)
}

async fn credited(cx: &Context, order: OrderId, happening: &mut Happening) -> Result<(), DbErr> {
    let lines = order_line::Entity::find()
        .filter(order_line::Column::OrderId.eq(order))
        .all(cx.db())
        .await?;
    for line in lines {
        happening.shops.extend(line.shop_id);
        happening.parties.extend(line.shopholder);
        happening.parties.push(Party::Brand(line.brand_id));
    }
    happening
        .parties
        .extend(ledger::sharers_of(cx.db(), order).await?);
    happening.shops.sort();
    happening.shops.dedup();
    Ok(())
}
