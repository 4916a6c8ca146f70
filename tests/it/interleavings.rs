//! Money's commands in pairs, interleaved one by one on PostgreSQL: the first is halted after each of its statements in
//! turn, the second does meanwhile what it can, and then both go on. Both orders of each pair are played. The commands are
//! told directly to the domain, beneath the edges that do over what a deadlock broke off: here a deadlock fails the test.
//!
//! By default it is halted after its first, 8th, 27th, 64th… statement; `VITRINE_INTERLEAVINGS=all` halts at every one.

use chrono::TimeDelta;
use sea_orm::{EntityTrait, QueryFilter};
use serde_json::json;
use vitrine_domain::checkout::{self, LineQuantity, NewCheckout, NewFulfillment, NewRefund};
use vitrine_domain::failure::Failure;
use vitrine_domain::identity::Viewer;
use vitrine_domain::{catalog, ledger, payout, reconcile, secret};
use vitrine_model::catalog::variant;
use vitrine_model::id::{AccountId, CartId, OrderId, OrderLineId};
use vitrine_model::identity::account;
use vitrine_model::job;
use vitrine_model::ledger::Party;
use vitrine_model::money::{Currency, Money};

use crate::fulfillment::{SHIP, parcel};
use crate::model::oracle::all_bring;
use crate::payout::onboard;
use crate::support::halt::interleave;
use crate::support::market::{Market, text};
use crate::support::{App, FRONTEND, Kind, Person, run};

/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);
/// No command sends more statements than this; one that does not end fails the test.
const MOST: usize = 2_000;

/// How things stand when the two begin.
#[derive(Debug, Clone, Copy)]
enum Scene {
    /// Two carts hold the last piece.
    LastPiece,
    /// A buyer has paid at Stripe; the event about it has come and is not applied.
    Charged,
    /// An order of one piece is paid.
    Paid,
    /// The piece has shipped, and all windows are past.
    Due,
    /// So are they, and the event about a dispute has come and is not applied.
    Disputed,
    /// What was earned is available, and both parties have an account at Stripe.
    Available,
    /// So it is, and the event about a dispute has come and is not applied.
    AvailableDisputed,
}

/// What one of the two does.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// Checks out her own cart.
    Start,
    /// Makes the product dearer.
    Reprice,
    /// Says that nothing is in the warehouse.
    SellOut,
    /// Calls the order off.
    Cancel,
    /// Ships the piece.
    Ship,
    /// Gives the money for the piece back.
    Refund,
    /// Comes back from Stripe's page.
    Return,
    /// Does all that is due, and so applies the events that came.
    Work,
    /// Asks Stripe about everything.
    Reconcile,
    /// Releases what is due.
    Release,
    /// Pays out what is available.
    PayOut,
    /// Seals what was written.
    Seal,
}

/// What must have become of the two.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// One was done, the other refused.
    EitherOne,
    /// Both were done.
    Both,
    /// At least the one named first in the list was done.
    TheFirstAtLeast,
}

/// What is there to act on.
struct Stage<'a> {
    app: &'a App,
    market: &'a Market<'a>,
    owner: account::Model,
    /// Each one's buyer, and her cart with what it costs while it is not ordered.
    buyers: [Buyer; 2],
    order: Option<OrderId>,
    line: Option<OrderLineId>,
    round: usize,
}

#[derive(Clone)]
struct Buyer {
    viewer: Viewer,
    cart: Option<(CartId, Money)>,
}

macro_rules! pairs {
    ($($name:ident: $scene:ident, $one:ident, $other:ident => $expected:ident;)+) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name), Scene::$scene, [Move::$one, Move::$other], Expected::$expected);
            }
        )+
    };
}

pairs! {
    two_want_the_last_piece: LastPiece, Start, Start => EitherOne;
    the_price_rises_during_a_checkout: LastPiece, Reprice, Start => TheFirstAtLeast;
    the_warehouse_empties_during_a_checkout: LastPiece, SellOut, Start => EitherOne;
    the_event_and_the_return_page: Charged, Work, Return => Both;
    the_event_and_the_reconciliation: Charged, Work, Reconcile => Both;
    the_return_page_and_the_reconciliation: Charged, Return, Reconcile => Both;
    the_event_and_a_cancellation: Charged, Work, Cancel => TheFirstAtLeast;
    two_refunds: Paid, Refund, Refund => EitherOne;
    a_refund_and_a_cancellation: Paid, Refund, Cancel => EitherOne;
    a_parcel_and_a_refund: Paid, Refund, Ship => TheFirstAtLeast;
    a_parcel_and_a_cancellation: Paid, Ship, Cancel => EitherOne;
    two_parcels: Paid, Ship, Ship => EitherOne;
    a_refund_and_a_release: Due, Refund, Release => Both;
    two_releases: Due, Release, Release => Both;
    a_refund_and_a_dispute: Disputed, Work, Refund => TheFirstAtLeast;
    a_release_and_a_dispute: Disputed, Work, Release => Both;
    a_reconciliation_and_a_dispute: Disputed, Work, Reconcile => Both;
    two_payout_runs: Available, PayOut, PayOut => Both;
    a_payout_and_a_refund: Available, PayOut, Refund => Both;
    a_payout_and_a_seal: Available, PayOut, Seal => Both;
    a_payout_and_a_dispute: AvailableDisputed, Work, PayOut => Both;
    two_workers: AvailableDisputed, Work, Work => Both;
}

#[expect(clippy::print_stderr, reason = "the figure for docs/reliability.md")]
/// Plays a pair in both orders, halting the first at one statement after the other.
fn play(name: &str, scene: Scene, pair: [Move; 2], expected: Expected) {
    run(Kind::Postgres, name, async |app| {
        let mut market = app.market("tea").await;
        // Stripe keeps its fees: another sale's money covers those of the orders that are refunded.
        app.fill_warehouse(&market, 1000).await;
        app.buy(&[(&market, 3)]).await;
        onboard(app, &market.owner, Some(&market.brand)).await;
        onboard(app, &market.shopholder, None).await;
        let mut played = 0;
        for turned in [false, true] {
            played += explore(app, &mut market, scene, pair, turned, expected).await;
        }
        eprintln!("{name}: {played} interleavings");
    });
}

/// Halts the one that begins at one of its statements after the other, until it sends no more; returns how often it was
/// halted.
async fn explore(
    app: &App,
    market: &mut Market<'_>,
    scene: Scene,
    pair: [Move; 2],
    turned: bool,
    expected: Expected,
) -> usize {
    let all = all_wanted();
    let [first, second] = if turned { [1, 0] } else { [0, 1] };
    let points = (1..MOST).map(|point| if all { point } else { point.pow(3) });
    for (count, after) in points.enumerate() {
        let stage = Stage::set(app, market, scene, after * 2 + usize::from(turned)).await;
        let act = |who: usize| {
            let stage = &stage;
            async move || stage.act(pair[who], who).await
        };
        let (one, other) = interleave(app, after, act(first), act(second));
        app.settle().await;
        let told = format!("{pair:?}, {first} halted after statement {after}: {one:?}, {other:?}");
        sound(app, market, &told).await;
        market.owner.come_back().await;
        let Some(other) = other else {
            return count;
        };
        let done = if turned { [other, one] } else { [one, other] }.map(|outcome| outcome.is_ok());
        assert!(expected.holds(done), "{told}");
    }
    panic!("{pair:?}: no end of statements");
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a test takes is no configuration of the product's"
)]
fn all_wanted() -> bool {
    std::env::var("VITRINE_INTERLEAVINGS").is_ok_and(|wanted| wanted == "all")
}

impl Expected {
    fn holds(self, done: [bool; 2]) -> bool {
        match self {
            Self::EitherOne => done[0] != done[1],
            Self::Both => done == [true; 2],
            Self::TheFirstAtLeast => done[0],
        }
    }
}

impl<'a> Stage<'a> {
    async fn set(app: &'a App, market: &'a Market<'a>, scene: Scene, round: usize) -> Self {
        let mut stage = Self {
            app,
            market,
            owner: account(app, &market.owner).await,
            buyers: [Buyer::nobody(), Buyer::nobody()],
            order: None,
            line: None,
            round,
        };
        match scene {
            Scene::LastPiece => stage.one_piece_left().await,
            Scene::Charged => stage.charged().await,
            Scene::Paid => stage.paid().await,
            Scene::Due => stage.due().await,
            Scene::Disputed => stage.due().await,
            Scene::Available | Scene::AvailableDisputed => {
                stage.due().await;
                ledger::release_due(&app.vitrine().context("released"))
                    .await
                    .unwrap();
            }
        }
        if matches!(scene, Scene::Disputed | Scene::AvailableDisputed) {
            stage.disputed().await;
        }
        stage
    }

    async fn one_piece_left(&mut self) {
        let piece = variant::Entity::find_by_id(self.market.variant);
        let reserved = piece.one(self.app.db()).await.unwrap().unwrap().reserved;
        self.app.fill_warehouse(self.market, reserved + 1).await;
        for buyer in &mut self.buyers {
            let (person, input) = self.app.filled_cart(&[(self.market, 1)]).await;
            let total = Money::parse(&text(&input["expectedTotal"]["amount"]), Currency::Eur).unwrap();
            *buyer = Buyer::holding(&person);
            buyer.cart = Some((text(&input["cartId"]).parse().unwrap(), total));
        }
    }

    async fn charged(&mut self) {
        let (buyer, order) = self.app.pay(&[(self.market, 1)]).await;
        self.app.stripe.settle().await;
        self.bought(&buyer, &order);
    }

    async fn paid(&mut self) {
        let purchase = self.app.buy(&[(self.market, 1)]).await;
        self.bought(&purchase.buyer, &purchase.order);
        self.line = Some(purchase.lines[0].parse().unwrap());
    }

    async fn due(&mut self) {
        let purchase = self.app.buy(&[(self.market, 1)]).await;
        self.market.owner.made(SHIP, parcel(&purchase, 1)).await;
        self.bought(&purchase.buyer, &purchase.order);
        self.line = Some(purchase.lines[0].parse().unwrap());
        self.app.clock.advance(WINDOWS);
        self.app.stripe.advance(WINDOWS).await;
    }

    async fn disputed(&self) {
        let charges = self.app.stripe.api("/v1/charges?limit=1").await;
        let dispute = format!("charges/{}/dispute", text(&charges["data"][0]["id"]));
        self.app.stripe.admin(&dispute, json!({ "fee": 1500 })).await;
        self.app.stripe.settle().await;
    }

    fn bought(&mut self, buyer: &Person<'_>, order: &str) {
        self.buyers = [Buyer::holding(buyer), Buyer::holding(buyer)];
        self.order = Some(order.parse().unwrap());
    }

    /// Does one of the two's part. A fault fails the test; a refusal is told.
    async fn act(&self, what: Move, who: usize) -> Result<(), String> {
        let name = format!("{} {who}", self.round);
        let cx = self.app.vitrine().context(&name);
        let viewer = &self.buyers[who].viewer;
        match what {
            Move::Start => told(self.start(&name, who).await),
            Move::Reprice => told(self.reprice(&name).await),
            Move::SellOut => {
                let count = catalog::StockCount {
                    variant: self.market.variant,
                    on_hand: 0,
                };
                told(catalog::set_stock(&cx, (&self.owner).into(), &name, count).await)
            }
            Move::Cancel => told(checkout::cancel_order(&cx, viewer, self.order.unwrap(), name).await),
            Move::Ship => {
                told(checkout::create_fulfillment(&cx, (&self.owner).into(), self.parcel(name)).await)
            }
            Move::Refund => told(checkout::refund_lines(&cx, (&self.owner).into(), self.refund(name)).await),
            Move::Return => told(checkout::payment_returned(&cx, viewer, self.order.unwrap()).await),
            Move::Work => done(vitrine::settle(self.app.vitrine()).await),
            Move::Reconcile => done(reconcile::run(&cx).await),
            Move::Release => done(ledger::release_due(&cx).await),
            Move::PayOut => done(payout::run(&cx).await),
            Move::Seal => done(ledger::seal(&cx).await),
        }
    }

    async fn start(&self, name: &str, who: usize) -> Result<impl Sized, Failure<checkout::Refusal>> {
        let buyer = &self.buyers[who];
        let (cart, total) = buyer.cart.unwrap();
        let new = NewCheckout {
            cart,
            expected_total: total,
            success_url: format!("{FRONTEND}/thanks").parse().unwrap(),
            cancel_url: format!("{FRONTEND}/cart").parse().unwrap(),
        };
        let cx = self.app.vitrine().context(name);
        checkout::start_checkout(&cx, &buyer.viewer, new, name.to_owned()).await
    }

    /// A cent dearer than in the round before.
    async fn reprice(&self, name: &str) -> Result<impl Sized, Failure<catalog::Refusal>> {
        let cents = i64::try_from(self.round).unwrap();
        let change = catalog::VariantChange {
            price: Some(Money::new(10_000 + cents, Currency::Eur)),
            ..Default::default()
        };
        let cx = self.app.vitrine().context(name);
        catalog::update_variant(&cx, (&self.owner).into(), self.market.variant, change).await
    }

    fn piece(&self) -> Vec<LineQuantity> {
        vec![LineQuantity {
            line: self.line.unwrap(),
            quantity: 1,
        }]
    }

    fn parcel(&self, name: String) -> NewFulfillment {
        NewFulfillment {
            order: self.order.unwrap(),
            lines: self.piece(),
            carrier: None,
            tracking_code: None,
            key: Some(name),
        }
    }

    fn refund(&self, name: String) -> NewRefund {
        NewRefund {
            order: self.order.unwrap(),
            lines: self.piece(),
            shipping: false,
            reason: "the spout drips".parse().unwrap(),
            restock: true,
            key: name,
        }
    }
}

impl Buyer {
    fn nobody() -> Self {
        Self {
            viewer: Viewer::default(),
            cart: None,
        }
    }

    fn holding(person: &Person<'_>) -> Self {
        let mut buyer = Self::nobody();
        let guest = person.guest.clone().expect("a guest's secret");
        buyer.viewer.guest = Some(secret::hash_secret(&guest.into()));
        buyer
    }
}

fn told<T, R: std::fmt::Debug>(outcome: Result<T, Failure<R>>) -> Result<(), String> {
    match outcome {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refusal)) => Err(format!("{refusal:?}")),
        Err(Failure::Fault(error)) => panic!("{error:#}"),
    }
}

fn done<T>(outcome: anyhow::Result<T>) -> Result<(), String> {
    outcome.unwrap();
    Ok(())
}

async fn account(app: &App, person: &Person<'_>) -> account::Model {
    let id: AccountId = person.id.parse().unwrap();
    let found = account::Entity::find_by_id(id);
    found.one(app.db()).await.unwrap().unwrap()
}

/// The books are sound, no job failed, Stripe holds what they say it holds, and both parties have what plain sums over
/// Stripe's books say: whoever came first.
async fn sound(app: &App, market: &Market<'_>, told: &str) {
    use sea_orm::ColumnTrait;
    let failed = job::Entity::find().filter(job::Column::LastError.is_not_null());
    let failed = failed.all(app.db()).await.unwrap();
    assert!(failed.is_empty(), "{told}: {failed:#?}");
    app.assert_agreed(told).await;
    let parties: [Party; 2] = [
        market.brand.parse().unwrap(),
        market.shopholder.id.parse().unwrap(),
    ];
    let found = ledger::earnings_of(app.db(), &parties).await.unwrap();
    let has = parties.map(|party| {
        let of = found.get(&party).into_iter().flatten();
        of.map(|of| of.total() + of.paid_out).sum::<i64>()
    });
    assert_eq!(has, all_bring(&app.stripe.books().await), "{told}");
}
