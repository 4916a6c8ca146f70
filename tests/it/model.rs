//! Anything in any order: random sequences of what people, Stripe and time can do, with a plain model beside that only
//! adds up who is owed what. After every step the new transactions and the balances they touched are checked, after every
//! tenth all invariants; once events have come to rest, every party's money is what the model says, every payment that was
//! not awaited has gone back once, and the sandbox's own books agree to the cent.
//!
//! A failure prints the seed and the steps; `VITRINE_MODEL_SEED=…` plays that sequence again, and `scripts/soak` plays
//! new ones until its time is up.

mod bank;
pub(crate) mod oracle;
mod people;
mod steps;
mod watch;
mod world;

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::support::{self, App, Kind};
use steps::Step;
use watch::Watch;
use world::Model;

/// Steps of a sequence, unless told otherwise.
const STEPS: u64 = 50;
/// Sequences for each database, unless told otherwise.
const COUNT: u64 = 16;
/// A worker that dies has had so many turns at most.
const TURNS: u32 = 60;

/// A step, and after how many turns a worker dies then, if one does.
type Taken = (Step, Option<u32>);

/// Where the time of a sequence goes.
#[derive(Debug, Default)]
struct Spent {
    furnishing: Duration,
    steps: Duration,
    watching: Duration,
    auditing: Duration,
    resting: Duration,
    /// What there is in the sandbox's books by then.
    counts: String,
}

/// Plays the sequence that `seed` names.
fn play(kind: Kind, seed: u64) {
    support::run(kind, &format!("model {seed}"), async |app| {
        let mut taken = Vec::new();
        let played = AssertUnwindSafe(lived(app, seed, &mut taken))
            .catch_unwind()
            .await;
        match played {
            Ok(spent) if asked("VITRINE_MODEL_TIMES").is_some() => {
                complain(&format!("{seed} on {kind:?}: {spent:?}\n"));
            }
            Ok(_) => {}
            Err(panic) => {
                complain(&told(kind, seed, &taken));
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Says something beside what the harness of the tests keeps for those that fail.
fn complain(text: &str) {
    // Where nobody listens nothing is lost.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

async fn lived(app: &App, seed: u64, taken: &mut Vec<Taken>) -> Spent {
    let mut chance = ChaCha20Rng::seed_from_u64(seed);
    let mut spent = Spent::default();
    let mut model = timed(&mut spent.furnishing, Box::pin(Model::new(app, seed))).await;
    let mut watch = Watch::default();
    for step in 1..=steps() {
        let next = Step::any(&mut chance);
        let dies_after = chance.random_bool(0.15).then(|| chance.random_range(1..TURNS));
        taken.push((next, dies_after));
        timed(&mut spent.steps, Box::pin(model.take(next, dies_after))).await;
        timed(&mut spent.watching, watch.look(app)).await;
        if step % watch::AUDITED == 0 {
            timed(&mut spent.auditing, is_sound(app)).await;
        }
    }
    timed(&mut spent.resting, Box::pin(model.is_as_told())).await;
    watch.look(app).await;
    spent.counts = app.stripe.books().await["counts"].to_string();
    spent
}

async fn timed<T>(spent: &mut Duration, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    *spent += begun.elapsed();
    done
}

/// Every invariant holds, whatever is still on its way.
async fn is_sound(app: &App) {
    let report = app.audit().await;
    assert!(report.is_green(), "{report}");
}

/// How a sequence that fails is played again, and what happened in it.
fn told(kind: Kind, seed: u64, taken: &[Taken]) -> String {
    let database = format!("{kind:?}").to_lowercase();
    let mut told = format!(
        "\nThe sequence fails at its last step here. Play it again:\n  \
         VITRINE_MODEL_SEED={seed} VITRINE_MODEL_STEPS={} scripts/with-postgres cargo test -p vitrine --test it -- gets_what_is_theirs_{database}\n",
        steps()
    );
    for (number, (step, dies)) in (1..).zip(taken) {
        let dies = dies.map_or(String::new(), |turns| {
            format!(", and a worker dies after {turns} turns")
        });
        let _ = writeln!(told, "  {number}. {step:?}{dies}");
    }
    told
}

fn steps() -> u64 {
    asked("VITRINE_MODEL_STEPS").unwrap_or(STEPS)
}

/// A number that the environment asks for.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration but this")]
fn asked(name: &str) -> Option<u64> {
    let asked = std::env::var(name).ok()?;
    Some(asked.parse().expect("it is a number"))
}

/// The seeds to play: the one asked for, or as many as there are from a first one on, or a few that never change.
fn seeds() -> std::ops::Range<u64> {
    match (asked("VITRINE_MODEL_SEED"), asked("VITRINE_MODEL_COUNT")) {
        (Some(seed), count) => seed..seed + count.unwrap_or(1),
        (None, count) => 0..count.unwrap_or(COUNT),
    }
}

/// Plays them all, also where one fails.
fn play_all(kind: Kind) {
    let fails = |seed: &u64| std::panic::catch_unwind(|| play(kind, *seed)).is_err();
    let failed: Vec<u64> = seeds().filter(fails).collect();
    assert!(
        failed.is_empty(),
        "of {:?}, {failed:?} failed on {kind:?}",
        seeds()
    );
}

#[test]
fn whatever_happens_in_whatever_order_everybody_gets_what_is_theirs_sqlite() {
    play_all(Kind::Sqlite);
}

#[test]
fn whatever_happens_in_whatever_order_everybody_gets_what_is_theirs_postgres() {
    play_all(Kind::Postgres);
}

#[test]
fn a_sequence_that_fails_says_how_to_play_it_again() {
    let mut chance = ChaCha20Rng::seed_from_u64(7);
    let taken = [(Step::any(&mut chance), None), (Step::Rest, Some(3))];
    let told = told(Kind::Postgres, 7, &taken);
    assert!(
        told.contains("VITRINE_MODEL_SEED=7 VITRINE_MODEL_STEPS="),
        "{told}"
    );
    assert!(told.contains("gets_what_is_theirs_postgres\n"), "{told}");
    assert!(
        told.contains("2. Rest, and a worker dies after 3 turns"),
        "{told}"
    );
}
