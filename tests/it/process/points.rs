//! Killed at every named point between two durable steps: the server dies by SIGKILL the first time it passes each of
//! them with each kind of call, event and job, is audited as it lies there, started anew, and goes on. In the end everything
//! happened once, here and in the sandbox's own books.

use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use vitrine_domain::points::Point;
use vitrine_model::event;
use vitrine_model::id::{Id, JobId};
use vitrine_model::job::{self, JobState};

use super::crash::World;
use super::node::Place;

/// Calls that move money or open the way for it.
const CALLS: &[&str] = &["session_open", "transfer_make", "refund_make", "transfer_reverse"];
const EVENTS: &[&str] = &["transfer.created"];
const JOBS: &[&str] = &[
    "intent_drive",
    "inbox_apply",
    "event_notify",
    "release",
    "payout_run",
    "recover",
    "ledger_seal",
];

/// What passes a point.
fn passing(point: Point) -> &'static [&'static str] {
    match point {
        Point::IntentUncommitted
        | Point::IntentRecorded
        | Point::CallMarked
        | Point::CallAnswered
        | Point::OutcomeUncommitted
        | Point::OutcomeCommitted => CALLS,
        Point::EventUncommitted | Point::EventStored | Point::EventApplied | Point::EventMarked => EVENTS,
        Point::JobClaimed | Point::JobBegun | Point::JobPerformed | Point::JobFinished => JOBS,
    }
}

/// Lives through the whole story, dying once at each point.
pub(super) async fn die_at_each(place: &Place) {
    let mut world = World::new(place).await;
    let furniture = world.furnish().await;
    let all = Point::ALL.iter();
    world.points = all
        .flat_map(|point| {
            passing(*point)
                .iter()
                .map(|what| format!("{}:{what}", point.as_str()))
        })
        .collect();
    world.rest();
    world.live(&furniture).await;
    world.settle().await;
    // What Stripe could not deliver it sends again, after ever longer pauses.
    for _ in 0..10 {
        if world.points.is_empty() {
            break;
        }
        world.pass(TimeDelta::hours(8)).await;
        world.settle().await;
    }
    assert_eq!(
        world.points,
        Vec::<String>::new(),
        "points that were never passed"
    );
    world.is_sound().await;
    world.end().await;
}

/// A job that ends the process each time it is begun is laid aside in the end, and it alone.
pub(super) async fn bury_what_kills(place: &Place) {
    let mut world = World::new(place).await;
    world.rest();
    world.points = vec!["job_begun:event_notify".to_owned()];
    world.stubborn = true;
    let open = "mutation { accountCreate(input: { email: \"a@example.com\", name: \"A\", password: \"correct horse battery\" }) { account { id } } }";
    world.ask("", "", open, json!({})).await;
    let event = event::Entity::find().one(&world.db).await.unwrap().unwrap();
    let killer = job::Model {
        id: JobId::from(event.id.uuid()),
        kind: "event_notify".to_owned(),
        payload: json!({ "job": "event_notify", "event": event.id.to_string() }).to_string(),
        unique_key: None,
        every_seconds: None,
        run_at: event.occurred_at,
        attempts: 0,
        state: JobState::Queued,
        leased_until: None,
        last_error: None,
        created_at: event.occurred_at,
    };
    let killer = killer.into_active_model().reset_all();
    job::Entity::insert(killer)
        .exec_without_returning(&world.db)
        .await
        .unwrap();
    world.settle().await;
    let jobs = job::Entity::find()
        .filter(job::Column::EverySeconds.is_null())
        .all(&world.db)
        .await
        .unwrap();
    let left: Vec<_> = jobs
        .iter()
        .map(|row| (row.kind.as_str(), row.state, row.attempts))
        .collect();
    assert_eq!(left, [("event_notify", JobState::Dead, 15)]);
    assert_eq!(world.deaths.len(), 15);
    world.end().await;
}
