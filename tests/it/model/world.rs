//! The world that the model stands beside: two markets, whoever curates one of the shops, an operator, a Stripe.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_model::catalog::variant;
use vitrine_model::intent::{self, IntentState};
use vitrine_model::ledger::Party;
use vitrine_model::money::Currency;

use super::oracle::{Order, buyers_have_theirs, list, number};
use super::steps::{MODES, Step};
use crate::support::market::{Market, text};
use crate::support::{App, FRONTEND, Person};

/// Bank accounts: one that pays, one that does not.
pub(super) const ACCOUNTS: [&str; 2] = ["DE89370400440532013000", "DE62370400440532013001"];
/// How long banks take.
const BANKS: TimeDelta = TimeDelta::days(4);
/// What the sandbox's bank takes for a dispute here.
const DISPUTE_FEE: i64 = 2000;
/// Longer than a worker's lease.
const LEASE: TimeDelta = TimeDelta::minutes(6);
/// What of the first shop's earnings is shared, in basis points.
const SHARE: i32 = 3333;

/// The world, and the plain model of who is owed what.
pub(super) struct Model<'a> {
    pub(super) app: &'a App,
    pub(super) markets: Vec<Market<'a>>,
    /// Who curates the first shop with its owner.
    curator: Party,
    pub(super) operator: Person<'a>,
    pub(super) orders: Vec<Order<'a>>,
    /// What operators gave each party, or let it off.
    pub(super) given: BTreeMap<usize, i64>,
    /// What operators decided and did not take back: whom it concerns, and how much.
    pub(super) adjustments: Vec<(String, usize, i64)>,
    /// Whose payouts are held, and how many they had received when that began.
    pub(super) held: BTreeMap<usize, usize>,
    /// Each party's account at Stripe.
    accounts: Vec<String>,
    step: usize,
    /// Whether the sandbox keeps events back, or loses them.
    pub(super) hushed: bool,
    /// Whether events were lost for good.
    lossy: bool,
    /// Whether Stripe's answers may get lost.
    pub(super) troubled: bool,
}

impl<'a> Model<'a> {
    pub(super) async fn new(app: &'a App, seed: u64) -> Model<'a> {
        let markets = vec![app.market("tea").await, app.market("ink").await];
        let plenty =
            variant::Entity::update_many().col_expr(variant::Column::OnHand, Expr::value(100_000_i64));
        plenty.exec(app.db()).await.unwrap();
        let operator = app.operator().await;
        let curator = app.someone("cora").await;
        app.share(&markets[0], &curator, SHARE).await;
        let mut model = Self {
            app,
            markets,
            operator,
            curator: Party::Shopholder(curator.id.parse().unwrap()),
            orders: Vec::new(),
            given: BTreeMap::new(),
            adjustments: Vec::new(),
            held: BTreeMap::new(),
            accounts: Vec::new(),
            step: 0,
            hushed: false,
            lossy: false,
            troubled: false,
        };
        for market in &model.markets {
            onboard(app, &market.owner, json!({ "brandId": market.brand })).await;
            onboard(app, &market.shopholder, json!({ "country": "DE" })).await;
        }
        app.settle().await;
        model.accounts = model.accounts().await;
        // The bank has patience here: only the model decides disputes. Stripe tells its fees at once, or later.
        let fees_late = if seed.is_multiple_of(2) { 0 } else { 300 };
        let settings = json!({
            "dispute_response_seconds": 400_000_000, "inquiry_close_seconds": 400_000_000, "dispute_fee": DISPUTE_FEE,
            "async_payment_seconds": BANKS.num_seconds(), "balance_transaction_delay_seconds": fees_late,
        });
        app.stripe.admin("settings", settings).await;
        model
    }

    async fn accounts(&self) -> Vec<String> {
        let found = self.app.stripe.api("/v1/accounts?limit=10").await;
        let of = |party: Party| {
            let mut all = found["data"].as_array().unwrap().iter();
            let own = all.find(|account| account["metadata"]["party"] == party.to_string().as_str());
            text(&own.unwrap_or_else(|| panic!("{party} has no account: {found}"))["id"])
        };
        (0..4).map(|n| of(self.party(n))).collect()
    }

    /// One of the four parties: the first market's brand and shopholder have even numbers, the second's odd ones.
    pub(super) fn party(&self, n: usize) -> Party {
        let market = &self.markets[n % 2];
        match n {
            0 | 1 => market.brand.parse().unwrap(),
            _ => market.shopholder.id.parse().unwrap(),
        }
    }

    /// A key nobody used before.
    pub(super) fn key(&self) -> String {
        format!("step {}", self.step)
    }

    pub(super) async fn take(&mut self, step: Step, dies_after: Option<u32>) {
        self.step += 1;
        self.happen(step).await;
        if let Some(turns) = dies_after {
            self.die_after(turns).await;
        }
        self.app.settle().await;
        self.holds_are_kept().await;
    }

    async fn happen(&mut self, step: Step) {
        match step {
            Step::Sell { market, pieces, way } => self.sell(market, pieces, way).await,
            Step::Deliveries { mode } => self.deliver(MODES[mode]).await,
            Step::Again { event } => self.again(event).await,
            Step::Trouble { call, kind, times } => self.trouble(call, kind, times).await,
            Step::Wait { days } => self.wait(days).await,
            Step::PayOut => self.pay_out().await,
            Step::Restrict { party } => self.account(party, "restrict").await,
            Step::Enable { party } => self.account(party, "enable").await,
            Step::Hold { party } => self.hold(party).await,
            Step::LetGo { party } => self.let_go(party).await,
            Step::Gift { party, minor } => self.give(party, minor).await,
            Step::WriteOff { party } => self.write_off(party).await,
            Step::Correct { decision } => self.correct(decision).await,
            Step::Rest => self.is_as_told().await,
            _ if self.orders.is_empty() => {}
            _ => self.happen_to_an_order(step).await,
        }
    }

    async fn happen_to_an_order(&mut self, step: Step) {
        let count = self.orders.len();
        match step {
            Step::Answer { order, pays } => self.answer(order % count, pays).await,
            Step::ComeBack { order } => self.come_back(order % count).await,
            Step::Behind { order, exact } => self.behind(order % count, exact).await,
            Step::Ship { order, pieces } => self.ship(order % count, pieces).await,
            Step::Refund {
                order,
                pieces,
                shipping,
            } => self.refund(order % count, pieces, shipping).await,
            Step::Cancel { order } => self.cancel(order % count).await,
            Step::Return {
                order,
                pieces,
                verdict,
            } => self.send_back(order % count, pieces, verdict).await,
            Step::Fail { order } => self.fail(order % count).await,
            Step::Plan { order, plan } => self.plan(order % count, plan).await,
            Step::Dispute {
                order,
                complaint,
                claimed,
            } => self.dispute(order % count, complaint, claimed).await,
            Step::Decide { order, verdict } => self.decide(order % count, verdict).await,
            other => panic!("{other:?} happens to no order"),
        }
    }

    /// A worker takes up what is due, and is dead after so many turns; another takes over once its lease has run out.
    async fn die_after(&mut self, turns: u32) {
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

    /// Finds out which orders were paid by now: a payment made on an order's page pays it, if the page was open still.
    pub(super) async fn learn(&mut self) {
        let waiting: Vec<usize> = (0..self.orders.len())
            .filter(|order| self.orders[*order].charge.is_none() && !self.orders[*order].over)
            .collect();
        for order in waiting {
            let path = format!("/v1/checkout/sessions/{}", self.orders[order].session);
            let page = self.app.stripe.api(&path).await;
            let at = &mut self.orders[order];
            match (page["status"].as_str(), page["payment_status"].as_str()) {
                (Some("complete"), Some("paid")) => {
                    let intent = text(&page["payment_intent"]);
                    let intent = self
                        .app
                        .stripe
                        .api(&format!("/v1/payment_intents/{intent}"))
                        .await;
                    at.charge = Some(text(&intent["latest_charge"]));
                    at.unheard = true;
                }
                (Some("complete"), _) => {
                    let intent = text(&page["payment_intent"]);
                    let intent = self
                        .app
                        .stripe
                        .api(&format!("/v1/payment_intents/{intent}"))
                        .await;
                    at.over = intent["status"] != "processing";
                }
                (Some("expired"), _) => at.over = true,
                _ => {}
            }
        }
    }

    /// What people decide now depends on what the product has heard: it hears all there is. Stripe's books then, if the
    /// order is paid.
    pub(super) async fn heard_of(&mut self, order: usize) -> Option<Value> {
        self.learn().await;
        if self.orders[order].unheard {
            self.deliver("normal").await;
        }
        self.orders[order].charge.as_ref()?;
        let books = self.app.stripe.books().await;
        if !self.orders[order].has_refunds_unmade(&books) || !self.troubled {
            return Some(books);
        }
        self.quiet().await;
        self.wait(0).await;
        Some(self.app.stripe.books().await)
    }

    /// So many days pass, and a little more.
    pub(super) async fn wait(&mut self, days: i64) {
        self.app
            .wait(TimeDelta::days(days) + TimeDelta::minutes(20))
            .await;
    }

    async fn account(&self, party: usize, what: &str) {
        let account = &self.accounts[party];
        self.app
            .stripe
            .admin(&format!("accounts/{account}/{what}"), json!({}))
            .await;
    }

    pub(super) async fn deliver(&mut self, mode: &str) {
        match mode {
            "drop" => self.app.go_deaf().await,
            "random" => {
                let random = json!({ "mode": mode, "seed": self.step, "drop_percent": 30, "duplicate_percent": 20, "delay_percent": 20 });
                self.app.stripe.admin("deliveries", random).await;
            }
            _ => drop(self.app.stripe.admin("deliveries", json!({ "mode": mode })).await),
        }
        self.hushed = !matches!(mode, "normal" | "duplicate");
        self.lossy |= mode == "random";
        if mode != "normal" {
            return self.app.settle().await;
        }
        let reverse = json!({ "order": "reverse" });
        self.app.stripe.admin("deliveries/release", reverse).await;
        if std::mem::take(&mut self.lossy) {
            self.app.go_deaf().await;
            self.app.stripe.admin("deliveries", json!({ "mode": mode })).await;
        }
        self.app.settle().await;
        self.app.hear();
        for order in &mut self.orders {
            order.unheard = order.fickle;
        }
    }

    /// What the party owes, as the operator sees it.
    pub(super) async fn owes(&self, party: usize) -> i64 {
        let party = self.party(party);
        ledger::receivable(self.app.db(), party, Currency::Eur)
            .await
            .unwrap()
    }

    /// How many transfers Stripe has made to the party.
    pub(super) fn sent_to(&self, party: usize, books: &Value) -> usize {
        let account = self.accounts[party].as_str();
        let transfers = list(books, "transfers").iter();
        transfers
            .filter(|transfer| transfer["destination"] == account)
            .count()
    }

    /// Nothing is sent to those whose payouts are held.
    async fn holds_are_kept(&self) {
        if self.held.is_empty() {
            return;
        }
        let books = self.app.stripe.books().await;
        for (party, sent) in &self.held {
            assert_eq!(
                self.sent_to(*party, &books),
                *sent,
                "payouts of {party} are held: {books:#}"
            );
        }
    }

    /// All events have come: everybody has what the model says, and both books agree.
    pub(super) async fn is_as_told(&mut self) {
        self.quiet().await;
        self.deliver("normal").await;
        // Whatever failed meanwhile is tried again, and what comes of that too.
        self.wait(0).await;
        for _ in 0..12 {
            self.wait(0).await;
            if self.answered().await {
                break;
            }
        }
        self.learn().await;
        let books = self.app.stripe.books().await;
        let mut owed = self.given.clone();
        for order in &self.orders {
            let [brand, shop] = order.brings(&books);
            *owed.entry(order.market).or_default() += brand;
            *owed.entry(order.market + 2).or_default() += shop;
        }
        let parties: Vec<Party> = (0..4).map(|n| self.party(n)).collect();
        let all = [parties.as_slice(), &[self.curator]].concat();
        let found = ledger::earnings_of(self.app.db(), &all).await.unwrap();
        let has = |party: &Party| -> i64 {
            let of = found.get(party).into_iter().flatten();
            of.map(|of| of.total() + of.paid_out).sum()
        };
        let paid_out = |party: &Party| -> i64 {
            let of = found.get(party).into_iter().flatten();
            of.map(|of| of.paid_out).sum()
        };
        for (n, party) in parties.iter().enumerate() {
            // What the curator was passed on is the shopholder's no more. How much that is, the audit holds to each unit.
            let together = has(party) + if n == 2 { has(&self.curator) } else { 0 };
            assert_eq!(
                together,
                owed.get(&n).copied().unwrap_or(0),
                "{party}, number {n}"
            );
            assert_eq!(paid_out(party), self.received(n, &books), "what {party} was sent");
        }
        buyers_have_theirs(&self.orders, &books);
        self.app.assert_agreed("at rest").await;
    }

    /// Whether it is known what became of every call.
    async fn answered(&self) -> bool {
        let open = intent::Entity::find().filter(intent::Column::State.eq(IntentState::Open));
        open.count(self.app.db()).await.unwrap() == 0
    }

    /// What Stripe has sent the party, less what it took back.
    fn received(&self, party: usize, books: &Value) -> i64 {
        let account = self.accounts[party].as_str();
        let transfers = list(books, "transfers").iter();
        transfers
            .filter(|transfer| transfer["destination"] == account)
            .map(|transfer| number(&transfer["amount"]) - number(&transfer["amount_reversed"]))
            .sum()
    }
}

async fn onboard(app: &App, person: &Person<'_>, mut input: Value) {
    const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
    input["returnUrl"] = json!(FRONTEND);
    input["refreshUrl"] = json!(FRONTEND);
    let made = person.made(LINK, input).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
}
