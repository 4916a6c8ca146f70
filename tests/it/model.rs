//! Anything in any order: random sequences of what people, Stripe and time can do, with a plain model beside that only
//! adds up who is owed what. After every step all invariants hold and every party's money is what the model says; once
//! events have come to rest, the sandbox's own books agree to the cent.
//!
//! A failure prints the seed and the steps; `VITRINE_MODEL_SEED=…` plays that sequence again, and `scripts/soak` plays
//! new ones until its time is up.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use chrono::TimeDelta;
use futures::FutureExt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_model::catalog::variant;
use vitrine_model::ledger::Party;

use crate::fulfillment::{SHIP, parcel};
use crate::refund::{REFUND, pieces};
use crate::support::market::{Market, Purchase, text};
use crate::support::{self, App, FRONTEND, Kind, Person};

/// What the shopholder and the brand earn on a piece, and the brand on shipping; minor units, by money.md.
const SHOP: i64 = 810;
const BRAND: i64 = 8500;
const SHIPPING: i64 = 490;
/// What the buyer pays for a piece.
const PRICE: i64 = 9460;
/// What the sandbox's bank takes for a dispute here.
const DISPUTE_FEE: i64 = 2000;
/// Longer than a worker's lease.
const LEASE: TimeDelta = TimeDelta::minutes(6);
/// Steps of a sequence.
const STEPS: u64 = 30;

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Sell {
        market: usize,
        pieces: i32,
    },
    Ship {
        order: usize,
    },
    Refund {
        order: usize,
        pieces: i32,
    },
    /// The bank sends back a refund that had arrived.
    Fail {
        order: usize,
    },
    Dispute {
        order: usize,
    },
    Decide {
        order: usize,
        won: bool,
    },
    Wait {
        days: i64,
    },
    PayOut,
    Restrict {
        party: usize,
    },
    Enable {
        party: usize,
    },
    Gift {
        party: usize,
        minor: i64,
    },
    Deliveries {
        mode: usize,
    },
}

/// How the sandbox delivers events, and in which order it lets go of what it held.
const MODES: [&str; 5] = ["normal", "duplicate", "hold", "reorder", "drop"];
/// What of the first shop's earnings is shared, in basis points.
const SHARE: i32 = 3333;
/// A worker that dies has had so many turns at most.
const TURNS: u32 = 60;

impl Step {
    fn any(chance: &mut ChaCha20Rng) -> Self {
        let order = chance.random_range(0..1000);
        let party = chance.random_range(0..4);
        match chance.random_range(0..100) {
            0..28 => Self::Sell {
                market: chance.random_range(0..2),
                pieces: chance.random_range(1..=3),
            },
            28..42 => Self::Ship { order },
            42..44 => Self::Fail { order },
            44..58 => Self::Refund {
                order,
                pieces: chance.random_range(1..=3),
            },
            58..64 => Self::Dispute { order },
            64..70 => Self::Decide {
                order,
                won: chance.random(),
            },
            70..82 => Self::Wait {
                days: [0, 1, 8, 15, 40][chance.random_range(0..5)],
            },
            82..88 => Self::PayOut,
            88..90 => Self::Restrict { party },
            90..93 => Self::Enable { party },
            93..96 => Self::Gift {
                party,
                minor: chance.random_range(1..2000),
            },
            _ => Self::Deliveries {
                mode: chance.random_range(0..MODES.len()),
            },
        }
    }
}

/// What the model knows of an order.
struct Order<'a> {
    market: usize,
    purchase: Purchase<'a>,
    charge: String,
    bought: i32,
    left: i32,
    shipped: bool,
    /// Whether the brand still has what the buyer paid for shipping: it goes back with the last piece that never left.
    shipping: bool,
    /// Stripe's id of the open dispute.
    dispute: Option<String>,
    lost: bool,
    /// Whether refunds of it failed of which the product may not have heard.
    unheard: bool,
    /// Whether it was disputed, or that was decided, of which the product may not have heard.
    untold: bool,
}

/// The world, and the plain model of who is owed what.
struct Model<'a> {
    app: &'a App,
    markets: Vec<Market<'a>>,
    /// Who curates the first shop with its owner.
    curator: Party,
    operator: Person<'a>,
    orders: Vec<Order<'a>>,
    owed: BTreeMap<Party, i64>,
    step: usize,
    /// Whether the sandbox keeps events back.
    hushed: bool,
}

impl<'a> Model<'a> {
    async fn new(app: &'a App) -> Model<'a> {
        let markets = vec![app.market("tea").await, app.market("ink").await];
        let plenty =
            variant::Entity::update_many().col_expr(variant::Column::OnHand, Expr::value(100_000_i64));
        plenty.exec(app.db()).await.unwrap();
        // The bank has patience here: only the model decides disputes.
        let patience = json!({ "dispute_response_seconds": 400_000_000, "dispute_fee": DISPUTE_FEE });
        app.stripe.admin("settings", patience).await;
        let operator = app.operator().await;
        let curator = app.someone("cora").await;
        app.share(&markets[0], &curator, SHARE).await;
        let model = Self {
            app,
            markets,
            operator,
            curator: Party::Shopholder(curator.id.parse().unwrap()),
            orders: Vec::new(),
            owed: BTreeMap::new(),
            step: 0,
            hushed: false,
        };
        for market in &model.markets {
            model
                .onboard(&market.shopholder, json!({ "country": "DE" }))
                .await;
            model
                .onboard(&market.owner, json!({ "brandId": market.brand }))
                .await;
        }
        model
    }

    async fn onboard(&self, person: &Person<'_>, mut input: Value) {
        const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
        input["returnUrl"] = json!(FRONTEND);
        input["refreshUrl"] = json!(FRONTEND);
        let made = person.made(LINK, input).await;
        self.app
            .stripe
            .onboard(&text(&made["onboardingLink"]["url"]))
            .await;
        self.app.settle().await;
    }

    fn brand(&self, market: usize) -> Party {
        self.markets[market].brand.parse().unwrap()
    }

    fn shopholder(&self, market: usize) -> Party {
        self.markets[market].shopholder.id.parse().unwrap()
    }

    /// One of the four parties.
    fn party(&self, n: usize) -> Party {
        if n < 2 {
            self.brand(n)
        } else {
            self.shopholder(n - 2)
        }
    }

    fn owe(&mut self, party: Party, minor: i64) {
        *self.owed.entry(party).or_default() += minor;
    }

    /// A key nobody used before.
    fn key(&self) -> String {
        format!("step {}", self.step)
    }

    async fn take(&mut self, step: Step, dies_after: Option<u32>) {
        self.step += 1;
        let count = self.orders.len();
        match step {
            Step::Sell { market, pieces } => self.sell(market, pieces).await,
            Step::Deliveries { mode } => self.deliver(MODES[mode]).await,
            Step::Wait { days } => self.wait(days).await,
            Step::PayOut => {
                const RUN: &str =
                    "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { userErrors { code } } }";
                self.operator
                    .made(RUN, json!({ "idempotencyKey": self.key() }))
                    .await;
            }
            Step::Restrict { party } => self.account(party, "restrict").await,
            Step::Enable { party } => self.account(party, "enable").await,
            Step::Gift { party, minor } => self.give(party, minor).await,
            Step::Ship { order } if count > 0 => self.ship(order % count).await,
            Step::Refund { order, pieces } if count > 0 => self.refund(order % count, pieces).await,
            Step::Fail { order } if count > 0 => self.fail(order % count).await,
            Step::Dispute { order } if count > 0 => self.dispute(order % count).await,
            Step::Decide { order, won } if count > 0 => self.decide(order % count, won).await,
            _ => {}
        }
        if let Some(turns) = dies_after {
            self.die_after(turns).await;
        }
        self.app.settle().await;
    }

    /// A worker takes up what is due, and is dead after so many turns; another takes over once its lease has run out.
    async fn die_after(&self, turns: u32) {
        let mut work = Box::pin(vitrine::settle(self.app.vitrine()));
        for _ in 0..turns {
            if futures::poll!(work.as_mut()).is_ready() {
                return;
            }
            tokio::task::yield_now().await;
        }
        drop(work);
        self.app.wait(LEASE).await;
    }

    async fn sell(&mut self, market: usize, pieces: i32) {
        // Whether it is paid is asked at once: its events must come.
        self.deliver("normal").await;
        let purchase = self.app.buy(&[(&self.markets[market], pieces)]).await;
        let charges = self
            .app
            .stripe
            .api("/v1/charges?limit=1&expand[]=data.balance_transaction")
            .await;
        let charge = &charges["data"][0];
        let fee = charge["balance_transaction"]["fee"].as_i64().expect("a fee");
        let (brand, shopholder) = (self.brand(market), self.shopholder(market));
        self.owe(brand, BRAND * i64::from(pieces) + SHIPPING - fee);
        self.owe(shopholder, SHOP * i64::from(pieces));
        self.orders.push(Order {
            market,
            purchase,
            charge: text(&charge["id"]),
            bought: pieces,
            left: pieces,
            shipped: false,
            shipping: true,
            dispute: None,
            lost: false,
            unheard: false,
            untold: false,
        });
    }

    async fn ship(&mut self, order: usize) {
        self.hear_of(order).await;
        let at = &self.orders[order];
        // What a bank took back is not sent any more.
        if at.shipped || at.left == 0 || at.lost {
            return;
        }
        let made = self.markets[at.market]
            .owner
            .tried(SHIP, parcel(&at.purchase, at.left))
            .await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        self.orders[order].shipped = true;
    }

    async fn refund(&mut self, order: usize, wanted: i32) {
        self.hear_of(order).await;
        let (key, at) = (self.key(), &self.orders[order]);
        let tried = self
            .operator
            .tried(REFUND, pieces(&at.purchase, wanted, &key))
            .await;
        let code = tried["userErrors"][0]["code"].as_str();
        let allowed = at.dispute.is_none() && !at.lost && wanted <= at.left;
        if at.untold && wanted <= at.left && code.is_none() != allowed {
            // Decided although the bank claims the money, it is refused at Stripe, and fails; or it waits for the bank.
            return;
        }
        assert_eq!(
            code.is_none(),
            allowed,
            "{wanted} of {} of {}: {tried}",
            at.left,
            at.bought
        );
        if allowed {
            let market = at.market;
            let at = &mut self.orders[order];
            at.left -= wanted;
            if at.left == 0 && !at.shipped {
                at.shipping = false;
                self.owe(self.brand(market), -SHIPPING);
            }
            self.owe(self.brand(market), -BRAND * i64::from(wanted));
            self.owe(self.shopholder(market), -SHOP * i64::from(wanted));
        }
    }

    async fn dispute(&mut self, order: usize) {
        let at = &self.orders[order];
        if at.dispute.is_some() || at.lost || (at.left == 0 && !at.shipping) {
            return;
        }
        // A chargeback makes refunds fail that Stripe has not made yet, for want of balance.
        let pending = self.refunds(order, "pending").await;
        let at = &self.orders[order];
        let fee = json!({ "fee": DISPUTE_FEE });
        let made = self
            .app
            .stripe
            .admin(&format!("charges/{}/dispute", at.charge), fee)
            .await;
        self.orders[order].dispute = Some(text(&made["id"]));
        self.orders[order].untold |= self.hushed;
        for refund in pending {
            self.back(order, &refund);
        }
    }

    async fn fail(&mut self, order: usize) {
        let at = &self.orders[order];
        if at.dispute.is_some() || at.lost {
            return;
        }
        if let Some(refund) = self.refunds(order, "succeeded").await.first() {
            let fail = format!("refunds/{}/fail", text(&refund["id"]));
            self.app.stripe.admin(&fail, json!({})).await;
            self.back(order, refund);
        }
    }

    /// The order's refunds at Stripe that are so far.
    async fn refunds(&self, order: usize, status: &str) -> Vec<Value> {
        let path = format!("/v1/refunds?limit=100&charge={}", self.orders[order].charge);
        let list = self.app.stripe.api(&path).await;
        let refunds = list["data"].as_array().unwrap().iter();
        refunds
            .filter(|refund| refund["status"] == status)
            .cloned()
            .collect()
    }

    /// What went back to the buyer by the refund did not: its pieces are bought as before, and with them its shipping.
    fn back(&mut self, order: usize, refund: &Value) {
        let amount = refund["amount"].as_i64().unwrap();
        let pieces = amount / PRICE;
        let shipping = amount % PRICE;
        assert!(shipping == 0 || shipping == SHIPPING, "{refund}");
        let at = &mut self.orders[order];
        at.left += i32::try_from(pieces).unwrap();
        at.shipping |= shipping > 0;
        at.unheard = true;
        let market = at.market;
        self.owe(self.brand(market), BRAND * pieces + shipping);
        self.owe(self.shopholder(market), SHOP * pieces);
    }

    /// What people decide now depends on what the product has heard.
    async fn hear_of(&mut self, order: usize) {
        if std::mem::take(&mut self.orders[order].unheard) {
            self.deliver("normal").await;
        }
    }

    async fn decide(&mut self, order: usize, won: bool) {
        let Some(dispute) = self.orders[order].dispute.take() else {
            return;
        };
        let outcome = if won { "won" } else { "lost" };
        self.app
            .stripe
            .admin(
                &format!("disputes/{dispute}/decide"),
                json!({ "outcome": outcome }),
            )
            .await;
        self.orders[order].untold |= self.hushed;
        let (market, left) = (self.orders[order].market, i64::from(self.orders[order].left));
        self.owe(self.brand(market), -DISPUTE_FEE);
        if !won {
            self.orders[order].lost = true;
            let shipping = if self.orders[order].shipping { SHIPPING } else { 0 };
            self.owe(self.brand(market), -BRAND * left - shipping);
            self.owe(self.shopholder(market), -SHOP * left);
        }
    }

    async fn wait(&mut self, days: i64) {
        self.app
            .wait(TimeDelta::days(days) + TimeDelta::minutes(20))
            .await;
        self.operator.come_back().await;
        for market in &mut self.markets {
            market.owner.come_back().await;
            market.shopholder.come_back().await;
        }
    }

    async fn account(&self, party: usize, what: &str) {
        let accounts = self.app.stripe.api("/v1/accounts?limit=4").await;
        let account = text(&accounts["data"][party]["id"]);
        self.app
            .stripe
            .admin(&format!("accounts/{account}/{what}"), json!({}))
            .await;
    }

    async fn give(&mut self, party: usize, minor: i64) {
        const GIVE: &str =
            "mutation($in: GoodwillCreditInput!) { goodwillCredit(input: $in) { userErrors { code } } }";
        let party = self.party(party);
        let amount = json!({ "amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": "EUR" });
        let input = json!({ "partyId": party.to_string(), "amount": amount, "reason": "a kindness", "idempotencyKey": self.key() });
        self.operator.made(GIVE, input).await;
        self.owe(party, minor);
    }

    async fn deliver(&mut self, mode: &str) {
        self.hushed = matches!(mode, "hold" | "reorder");
        if mode == "drop" {
            self.app.go_deaf().await;
        } else {
            self.app.stripe.admin("deliveries", json!({ "mode": mode })).await;
        }
        if mode == "normal" {
            self.app
                .stripe
                .admin("deliveries/release", json!({ "order": "reverse" }))
                .await;
        }
        self.app.settle().await;
        if mode == "normal" {
            self.app.hear();
            for order in &mut self.orders {
                order.untold = false;
            }
        }
    }

    /// Every invariant holds, whatever is still on its way.
    async fn is_sound(&self) {
        let report = self.app.audit().await;
        assert!(report.is_green(), "{report}");
    }

    /// All events have come: everybody has what the model says, and both books agree.
    async fn is_as_told(&mut self) {
        self.deliver("normal").await;
        // Whatever failed meanwhile is tried again.
        self.wait(0).await;
        let parties: Vec<Party> = (0..4).map(|n| self.party(n)).collect();
        let all = [parties.as_slice(), &[self.curator]].concat();
        let found = ledger::earnings_of(self.app.db(), &all).await.unwrap();
        let has = |party: &Party| -> i64 {
            let of = found.get(party).into_iter().flatten();
            of.map(|of| of.total() + of.paid_out).sum()
        };
        let sharing = self.shopholder(0);
        for party in parties {
            // What the curator was passed on is the shopholder's no more. How much that is, the audit holds to each unit.
            let together = has(&party) + if party == sharing { has(&self.curator) } else { 0 };
            assert_eq!(together, self.owed.get(&party).copied().unwrap_or(0), "{party}");
        }
        self.app.assert_agreed("at rest").await;
    }
}

/// Plays the sequence that `seed` names.
fn play(kind: Kind, seed: u64) {
    support::run(kind, &format!("model {seed}"), async |app| {
        let mut chance = ChaCha20Rng::seed_from_u64(seed);
        let mut taken = Vec::new();
        let played = AssertUnwindSafe(async {
            let mut model = Model::new(app).await;
            for _ in 0..asked("VITRINE_MODEL_STEPS").unwrap_or(STEPS) {
                let step = Step::any(&mut chance);
                let dies_after = chance.random_bool(0.2).then(|| chance.random_range(1..TURNS));
                taken.push((step, dies_after));
                model.take(step, dies_after).await;
                model.is_sound().await;
            }
            model.is_as_told().await;
        });
        if let Err(panic) = played.catch_unwind().await {
            let steps: Vec<String> = taken
                .iter()
                .map(|(step, dies)| format!("  {step:?}, worker dies after {dies:?}"))
                .collect();
            let told = format!(
                "VITRINE_MODEL_SEED={seed} on {kind:?} fails at its last step:\n{}",
                steps.join("\n")
            );
            let _ = std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes());
            std::panic::resume_unwind(panic);
        }
    });
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
        (None, count) => 0..count.unwrap_or(5),
    }
}

#[test]
fn whatever_happens_in_whatever_order_everybody_gets_what_is_theirs_sqlite() {
    seeds().for_each(|seed| play(Kind::Sqlite, seed));
}

#[test]
fn whatever_happens_in_whatever_order_everybody_gets_what_is_theirs_postgres() {
    seeds().for_each(|seed| play(Kind::Postgres, seed));
}
