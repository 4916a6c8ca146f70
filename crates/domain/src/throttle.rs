//! How much anybody may ask for within a minute. What is asked for costs points, and each account, each API key and each
//! address has so many of them in every window of 60 seconds.
//!
//! Several nodes hold a limit together through the database, and seldom ask it: a node takes points in slices of a
//! twentieth of the limit, by one statement each, and spends them on its own. The first slice of a window is on credit,
//! and told to the database with the second, so that whoever asks for little costs no statement at all. All nodes
//! together thus grant the limit, and a twentieth of it more for each node but the first. On SQLite there is one
//! process, which counts by itself.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter};
use vitrine_model::id::{AccountId, ApiKeyId};
use vitrine_model::rate_window;

use crate::context::Context;
use crate::secret::keyed_hash;

/// Length of a window in seconds.
pub const WINDOW: i64 = 60;
/// Points that any request costs at least.
pub const REQUEST: u32 = 100;
/// How many slices a limit is taken in.
const SLICES: u32 = 20;
/// Most accounts, keys and addresses counted at once; those beyond share one count.
const MAX_SUBJECTS: usize = 200_000;

/// Who is held to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Account(AccountId),
    ApiKey(ApiKeyId),
    /// Of IPv6 the network of 64 bits: one customer has as many addresses as it likes.
    Address(IpAddr),
    Others,
}

impl Subject {
    fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self::Address(Ipv6Addr::from(network).into())
            }
            address => Self::Address(address),
        }
    }

    fn key(self, cx: &Context) -> Vec<u8> {
        let named = match self {
            Self::Account(id) => id.to_string(),
            Self::ApiKey(id) => id.to_string(),
            Self::Address(address) => address.to_string(),
            Self::Others => "others".to_owned(),
        };
        keyed_hash(cx, "rate limit", named.as_bytes())
    }
}

/// How somebody stands with one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the limit is called: `account`, `key` or `address`.
    pub policy: &'static str,
    /// Points in each window.
    pub limit: u32,
    /// Points left in this window, as far as this node knows.
    pub remaining: u32,
    /// Seconds until the next window.
    pub resets_in: i64,
}

/// More was asked for than is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much was asked for within a minute: wait for {retry_after} seconds")]
pub struct Exceeded {
    /// Seconds until there is more.
    pub retry_after: i64,
}

/// One subject's count in the current window, on this node.
#[derive(Debug, Default)]
struct Count {
    /// Granted to this node, and not yet spent.
    left: u32,
    /// Granted to this node on credit: the database has not been told yet.
    credit: u32,
    /// Taken by all nodes, as far as this one was told.
    taken: i64,
    /// Whether there is nothing more to be had.
    exhausted: bool,
}

/// Points to be taken from what all nodes have together.
#[derive(Debug, Clone, Copy)]
struct Slice {
    /// To be spent from now on.
    fresh: u32,
    /// Granted before, on credit.
    credit: u32,
}

#[derive(Debug, Default)]
struct Windows {
    began: i64,
    counts: HashMap<Subject, Count>,
}

/// Points in each window; 0 for no limit.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Of each account.
    pub account: u32,
    /// Of each API key.
    pub key: u32,
    /// Of each address.
    pub address: u32,
}

/// The limits, and what this node granted of them.
#[derive(Debug)]
pub struct Throttle {
    limits: RateLimits,
    windows: Mutex<Windows>,
}

impl Throttle {
    /// Holds everybody to these limits.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            windows: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Windows> {
        // Counts are whole between any two statements.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self, subject: Subject) -> (&'static str, u32) {
        match subject {
            Subject::Account(_) => ("account", self.limits.account),
            Subject::ApiKey(_) => ("key", self.limits.key),
            Subject::Address(_) | Subject::Others => ("address", self.limits.address),
        }
    }

    /// Spends `points` of what this node has; says how many it should take from the database when that is too little.
    fn spend(&self, subject: Subject, began: i64, points: u32) -> Result<(), Option<Slice>> {
        let (_, limit) = self.limit(subject);
        let slice = std::cmp::max(limit / SLICES, 1);
        let mut windows = self.lock();
        let subject = windows.subject(subject, began);
        let count = windows.counts.entry(subject).or_insert_with(|| Count {
            left: slice,
            credit: slice,
            ..Count::default()
        });
        if count.left >= points {
            count.left -= points;
            return Ok(());
        }
        Err((!count.exhausted).then(|| Slice {
            fresh: std::cmp::max(slice, points - count.left),
            credit: std::mem::take(&mut count.credit),
        }))
    }

    /// Enters a slice, with which all nodes together have taken `taken`.
    fn grant(&self, subject: Subject, began: i64, slice: Slice, taken: i64) {
        let (_, limit) = self.limit(subject);
        let mut windows = self.lock();
        let subject = windows.subject(subject, began);
        let count = windows.counts.entry(subject).or_default();
        // Not beyond is nothing.
        let beyond = u32::try_from(taken - i64::from(limit)).unwrap_or(0);
        count.left += slice.fresh.saturating_sub(beyond);
        count.taken = std::cmp::max(count.taken, taken);
        count.exhausted |= beyond > 0;
    }

    fn standing(&self, subject: Subject, now: i64) -> Standing {
        let (policy, limit) = self.limit(subject);
        let began = now - now.rem_euclid(WINDOW);
        let mut windows = self.lock();
        let subject = windows.subject(subject, began);
        let count = windows.counts.get(&subject);
        let remaining = count.map_or(limit, |count| {
            let untaken = i64::from(limit) - count.taken - i64::from(count.credit);
            // Less than nothing is nothing.
            u32::try_from(untaken).unwrap_or(0).saturating_add(count.left)
        });
        Standing {
            policy,
            limit,
            remaining,
            resets_in: began + WINDOW - now,
        }
    }
}

impl Windows {
    /// Begins the window if it is a new one. Returns who is counted.
    fn subject(&mut self, subject: Subject, began: i64) -> Subject {
        if self.began != began {
            self.began = began;
            self.counts.clear();
        }
        if self.counts.len() < MAX_SUBJECTS || self.counts.contains_key(&subject) {
            subject
        } else {
            Subject::Others
        }
    }
}

/// Counts what one request, or one connection, asks for.
#[derive(Clone)]
pub struct Meter {
    throttle: Arc<Throttle>,
    cx: Context,
    subjects: Vec<Subject>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Meter {
    /// Counts for `address`.
    pub fn new(throttle: Arc<Throttle>, cx: Context, address: IpAddr) -> Self {
        let subjects = vec![Subject::address(address)];
        Self {
            throttle,
            cx,
            subjects,
        }
    }

    /// From now on counts for `account` too, and takes from it what any request costs.
    ///
    /// # Errors
    /// When it has not that much left.
    pub async fn of_account(&mut self, account: AccountId) -> Result<(), Exceeded> {
        self.of(Subject::Account(account)).await
    }

    /// The same for a brand's API key.
    ///
    /// # Errors
    /// When it has not that much left.
    pub async fn of_api_key(&mut self, key: ApiKeyId) -> Result<(), Exceeded> {
        self.of(Subject::ApiKey(key)).await
    }

    async fn of(&mut self, subject: Subject) -> Result<(), Exceeded> {
        self.subjects.push(subject);
        self.take_of(subject, REQUEST).await
    }

    /// Takes `points` from everyone this counts for.
    ///
    /// # Errors
    /// When somebody has not that much left: nothing more may be done in this window.
    pub async fn take(&self, points: u32) -> Result<(), Exceeded> {
        for subject in &self.subjects {
            self.take_of(*subject, points).await?;
        }
        Ok(())
    }

    /// How those this counts for stand, where there is a limit; the narrowest last.
    pub fn standings(&self) -> Vec<Standing> {
        let now = self.cx.now().timestamp();
        let limited = self
            .subjects
            .iter()
            .filter(|subject| self.throttle.limit(**subject).1 > 0);
        limited
            .map(|subject| self.throttle.standing(*subject, now))
            .collect()
    }

    async fn take_of(&self, subject: Subject, points: u32) -> Result<(), Exceeded> {
        if self.throttle.limit(subject).1 == 0 {
            return Ok(());
        }
        let now = self.cx.now().timestamp();
        let began = now - now.rem_euclid(WINDOW);
        let exceeded = Err(Exceeded {
            retry_after: began + WINDOW - now,
        });
        let slice = match self.throttle.spend(subject, began, points) {
            Ok(()) => return Ok(()),
            Err(None) => return exceeded,
            Err(Some(slice)) => slice,
        };
        let taken = self.taken(subject, began, slice.fresh + slice.credit).await;
        self.throttle.grant(subject, began, slice, taken);
        match self.throttle.spend(subject, began, points) {
            Ok(()) => Ok(()),
            Err(_) => exceeded,
        }
    }

    /// Takes `asked` points from what all nodes have together. Returns what they have taken then.
    async fn taken(&self, subject: Subject, began: i64, asked: u32) -> i64 {
        let alone = || {
            let windows = self.throttle.lock();
            let known = windows.counts.get(&subject).map_or(0, |count| count.taken);
            known + i64::from(asked)
        };
        if self.cx.backend() == DbBackend::Sqlite {
            return alone();
        }
        match register(&self.cx, subject, began, asked).await {
            Ok(taken) => taken,
            Err(error) => {
                // What protects the database must not be what fails first.
                tracing::warn!(%error, "rate limits are counted by this node alone");
                alone()
            }
        }
    }
}

async fn register(cx: &Context, subject: Subject, began: i64, asked: u32) -> Result<i64, DbErr> {
    let row = rate_window::ActiveModel {
        subject: Set(subject.key(cx)),
        began: Set(began),
        taken: Set(asked.into()),
    };
    let known = (rate_window::Entity, rate_window::Column::Taken);
    let summed = Expr::col(known).add(i64::from(asked));
    let conflict = OnConflict::columns([rate_window::Column::Subject, rate_window::Column::Began])
        .value(rate_window::Column::Taken, summed)
        .to_owned();
    let row = rate_window::Entity::insert(row)
        .on_conflict(conflict)
        .exec_with_returning(cx.db())
        .await?;
    Ok(row.taken)
}

/// Removes what was counted in windows long past.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sweep(cx: &Context) -> Result<(), DbErr> {
    let past = cx.now().timestamp() - 2 * WINDOW;
    rate_window::Entity::delete_many()
        .filter(rate_window::Column::Began.lt(past))
        .exec(cx.db())
        .await?;
    Ok(())
}
