//! Killed at every named point between two durable steps: the server dies by SIGKILL the first time it passes each of
//! them with each kind of call, event and job, is audited as it lies there, started anew, and goes on. In the end everything
//! happened once, here and in the sandbox's own books.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use vitrine_domain::points::Point;
use vitrine_model::event;
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
    // Two things may be under way at once: the death of one hides what the other passed just then, for good if it happens
    // once in the story. Then the story is lived again.
    if !world.points.is_empty() {
        world.live(&furniture).await;
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
    // A letter is to be written to whoever opens an account.
    let open = "mutation { accountCreate(input: { email: \"a@example.com\", name: \"A\", password: \"correct horse battery\" }) { account { id } } }";
    world.ask("", "", open, json!({})).await;
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
    put_back(&mut world, &jobs[0].id.to_string()).await;
    world.end().await;
}

/// The dead job is counted and told with its reason, and an operator puts it back, on record.
async fn put_back(world: &mut World<'_>, dead: &str) {
    let place = world.place;
    let clock = place.path("clock").display().to_string();
    let vitrine = |args: &[&str]| {
        let ended = place.run(args, &[("VITRINE_REHEARSAL_CLOCK", &clock)]);
        let said = [ended.stdout, ended.stderr].concat();
        (
            ended.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let metrics = format!("{}/metrics", world.node.as_ref().unwrap().url());
    let counted = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    for line in [
        "vitrine_jobs_dead 1\n",
        "vitrine_jobs_queued ",
        "vitrine_jobs_overdue 0\n",
    ] {
        assert!(counted.contains(line), "no {line} in {counted}");
    }
    let (listed, told) = vitrine(&["jobs"]);
    assert!(listed, "{told}");
    for words in [
        dead,
        "event_notify evt_",
        "dead; 15 attempts",
        "the process ended",
        "1 dead, 0 failing",
    ] {
        assert!(told.contains(words), "no {words} in {told}");
    }

    let by = "a@example.com";
    let (done, told) = vitrine(&["jobs", "retry", dead, "--by", by]);
    assert!(!done && told.contains("is no operator"), "{told}");
    assert!(vitrine(&["operator", by]).0);
    for wrong in [
        &["jobs", "retry", "--by", by][..],
        &["jobs", "retry", dead, "--all", "--by", by],
        &["jobs", "retry", dead],
    ] {
        assert!(!vitrine(wrong).0, "{wrong:?}");
    }
    let (done, told) = vitrine(&["jobs", "retry", "job_00000000000000000000000000", "--by", by]);
    assert!(!done && told.contains("there is no such job"), "{told}");

    world.points = Vec::new();
    world.stubborn = false;
    world.live_on(false).await;
    let (done, told) = vitrine(&["jobs", "retry", "--all", "--by", by]);
    assert!(
        done && told.contains("is due now") && told.contains("1 put back"),
        "{told}"
    );
    world.settle().await;
    let (_, told) = vitrine(&["jobs"]);
    assert!(told.starts_with("0 dead, 0 failing"), "{told}");
    let retried = event::Entity::find().filter(event::Column::Kind.eq("job.retried"));
    let retried = retried.one(&world.db).await.unwrap().expect("an event");
    assert_eq!(retried.subject, dead);
    assert!(retried.actor.starts_with("acct_"), "{}", retried.actor);
}
