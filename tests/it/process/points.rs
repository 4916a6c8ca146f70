//! Killed at every named point between two durable steps: the server dies by SIGKILL the first time it passes each of
//! them with each kind of call, event and job, is audited as it lies there, started anew, and goes on. In the end everything
//! happened once, here and in the sandbox's own books.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use vitrine_domain::points::Point;
use vitrine_model::event;
use vitrine_model::job::{self, JobState};

use super::crash::{Furniture, World, text};
use super::node::Place;

/// Calls that move money or open the way for it.
const CALLS: &[&str] = &[
    "session_open",
    "session_expire",
    "transfer_make",
    "refund_make",
    "transfer_reverse",
    "account_open",
    "dispute_evidence",
    "dispute_accept",
];
const EVENTS: &[&str] = &[
    "checkout.session.completed",
    "charge.succeeded",
    "refund.created",
    "transfer.created",
    "transfer.reversed",
    "charge.dispute.created",
    "charge.dispute.closed",
    "account.updated",
];
const JOBS: &[&str] = &[
    "intent_drive",
    "inbox_apply",
    "event_notify",
    "release",
    "payout_run",
    "recover",
    "ledger_seal",
    "order_expire",
    "charge_settle",
    "refund_settle",
    "dispute_settle",
    "recover_dispute",
    "reconcile",
    "sweep",
];
const CANCEL: &str =
    "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { order { state } userErrors { code } } }";
const REFUND: &str =
    "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { userErrors { code message } } }";
const NOTE: &str =
    "mutation($in: DisputeEvidenceNoteInput!) { disputeEvidenceNote(input: $in) { userErrors { code } } }";
const SUBMIT: &str = "mutation($in: DisputeEvidenceSubmitInput!) { disputeEvidenceSubmit(input: $in) { userErrors { code } } }";
const ACCEPT: &str =
    "mutation($in: DisputeAcceptInput!) { disputeAccept(input: $in) { userErrors { code } } }";
/// Charges and refunds of what happens beside the story.
const BESIDE: [i64; 2] = [3, 1];

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
    live_beside(&mut world, &furniture).await;
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
    world.happened_once(BESIDE).await;
    world.end().await;
}

/// What else happens to money: an order is called off before it is paid, Stripe tells a fee late, a refund takes its time, a
/// bank is answered, a claim accepted; and somebody opens a payout account.
async fn live_beside(world: &mut World<'_>, furniture: &Furniture) {
    let another = world.someone("another@example.com").await;
    world.onboard(&another, None).await;
    let (guest, wish) = world.fill_cart(furniture, 1).await;
    let order = world.start(&guest, &wish, "called off").await;
    let off = json!({ "orderId": order["id"], "idempotencyKey": "off" });
    world.made("", &guest, CANCEL, off).await;
    let late = json!({ "balance_transaction_delay_seconds": 7200 });
    world.stripe.admin("settings", late).await;
    let (order, operator) = bought(world, furniture).await;
    world.pass(TimeDelta::hours(3)).await;
    world.settle().await;
    let charge = latest_charge(world).await;
    let plan = json!({ "plan": "pending" });
    world
        .stripe
        .admin(&format!("charges/{charge}/refunds"), plan)
        .await;
    let seen = "query($id: ID!) { order(id: $id) { lines { id } disputes { id } } }";
    let lines = world.ask(&operator, "", seen, json!({ "id": order })).await["order"]["lines"].clone();
    let line = json!([{ "orderLineId": lines[0]["id"], "quantity": 1 }]);
    let back =
        json!({ "orderId": order, "lines": line, "reason": "the spout drips", "idempotencyKey": "beside" });
    world.made(&operator, "", REFUND, back).await;
    world.settle().await;
    world.pass(TimeDelta::hours(2)).await;
    world.settle().await;
    for answer in [SUBMIT, ACCEPT] {
        let (order, operator) = bought(world, furniture).await;
        let charge = latest_charge(world).await;
        let disputed = json!({ "fee": 2000 });
        world
            .stripe
            .admin(&format!("charges/{charge}/dispute"), disputed)
            .await;
        world.settle().await;
        let seen = world.ask(&operator, "", seen, json!({ "id": order })).await;
        let dispute = seen["order"]["disputes"][0]["id"].clone();
        if answer == SUBMIT {
            let note = json!({ "disputeId": dispute, "note": "losing_evidence" });
            let owner = world.sign_in("owner@example.com").await;
            world.made(&owner, "", NOTE, note).await;
        }
        let answered = json!({ "disputeId": dispute, "idempotencyKey": charge });
        world.made(&operator, "", answer, answered).await;
        world.settle().await;
    }
}

/// A teapot is bought and paid; the order, and an operator just signed in.
async fn bought(world: &mut World<'_>, furniture: &Furniture) -> (String, String) {
    let (order, _) = world.buy(furniture, 1).await;
    let operator = world.sign_in("operator@example.com").await;
    (order, operator)
}

async fn latest_charge(world: &World<'_>) -> String {
    let list = world.stripe.api("/v1/charges?limit=1").await;
    text(&list["data"][0]["id"])
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
