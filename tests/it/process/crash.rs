//! Killed at any moment, the product goes on where it was: a real server process dies by SIGKILL again and again while an
//! order is bought, shipped, released, paid out and refunded; each time it is started anew. In the end everything
//! happened once, here and in the sandbox's own books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Database, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_model::identity::account;
use vitrine_model::job::{self, JobState};

use super::node::{Node, Place};
use crate::support::stripe::Stripe;
use crate::support::{FRONTEND, PASSWORD, START};

const CARD: &str = "4000000000000077";
const CATALOGUE: &str = "Handle,Title,Vendor,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Status
teapot,Teapot,Tea,TRUE,Title,Default Title,TEA-1,shopify,10,deny,100.00,active
";
/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);
/// What the shopholder earns on two teapots, and the brand on them and their shipping, less Stripe's fee; minor units.
const EARNED: [i64; 2] = [1620, 17_174];
/// A life ends after so many writes at the latest. The longest transaction must fit, or nothing would ever go on.
const MOST_WRITES: u64 = 120;
/// How often a process is started anew before the test gives up.
const LIVES: usize = 400;

/// A world in which the server dies every so many writes.
pub(super) struct World<'p> {
    pub(super) place: &'p Place,
    pub(super) stripe: Stripe,
    pub(super) db: DatabaseConnection,
    now: DateTime<Utc>,
    pub(super) node: Option<Node>,
    http: reqwest::Client,
    /// Draws after how many writes the next death comes; none while the world is being furnished, and in the end.
    fate: Option<ChaCha20Rng>,
    /// Points at which it has still to die, each once.
    pub(super) points: Vec<String>,
    /// Whether it dies at them again and again.
    pub(super) stubborn: bool,
    /// Whether the database fails now and then: what fails is asked again.
    pub(super) stormy: bool,
    /// What the server had just written when it died.
    pub(super) deaths: Vec<String>,
    /// How often the story was lived.
    stories: i64,
}

impl<'p> World<'p> {
    pub(super) async fn new(place: &'p Place) -> World<'p> {
        let now: DateTime<Utc> = START.parse().unwrap();
        place.write("clock", &now.to_rfc3339());
        let migrated = place.run(&["migrate"], &[]);
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        let mut world = Self {
            place,
            stripe: Stripe::start(now).await,
            db: Database::connect(place.database_url()).await.unwrap(),
            now,
            node: None,
            http: reqwest::Client::new(),
            fate: None,
            points: Vec::new(),
            stubborn: false,
            stormy: false,
            deaths: Vec::new(),
            stories: 0,
        };
        world.revive().await;
        world
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("STRIPE_BASE_URL", self.stripe.url()),
            ("VITRINE_ORIGINS", FRONTEND.to_owned()),
            (
                "VITRINE_REHEARSAL_CLOCK",
                self.place.path("clock").display().to_string(),
            ),
        ]
    }

    /// Starts the server until it lives long enough to say that it listens.
    async fn revive(&mut self) {
        for _ in 0..LIVES {
            let mut env = self.env();
            let death = self.fate.as_mut().map(|fate| fate.random_range(1..=MOST_WRITES));
            env.extend(death.map(|death| ("VITRINE_REHEARSAL_DEATH", death.to_string())));
            if !self.points.is_empty() {
                env.push(("VITRINE_REHEARSAL_POINTS", self.points.join(",")));
            }
            let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
            match self.place.start(&["serve"], &env).up_or_dead() {
                Ok(node) => {
                    self.stripe
                        .deliver_to(&format!("{}/webhooks/stripe", node.url()))
                        .await;
                    self.node = Some(node);
                    return;
                }
                Err(log) => self.remember(&log),
            }
        }
        panic!("it never came up");
    }

    /// Starts a server without a worker that dies after so many writes, in place of the one that lives; whether it lived
    /// long enough to listen.
    pub(super) async fn live_until(&mut self, write: u64) -> bool {
        self.retire(false);
        let mut env = self.env();
        env.push(("VITRINE_NO_WORKER", "true".to_owned()));
        env.push(("VITRINE_REHEARSAL_DEATH", write.to_string()));
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.place.start(&["serve"], &env).up_or_dead() {
            Ok(node) => {
                self.node = Some(node);
                true
            }
            Err(log) => {
                self.remember(&log);
                false
            }
        }
    }

    /// Starts a server that lives, in place of one that died or is to end.
    pub(super) async fn live_on(&mut self, died: bool) {
        self.retire(died);
        self.revive().await;
    }

    /// Lets go of the server; one that died may not be known to have ended yet.
    fn retire(&mut self, died: bool) {
        match self.node.take() {
            Some(node) if died || node.has_died() => {
                let log = node.remains();
                self.remember(&log);
            }
            Some(node) => {
                node.stop(super::Signal::Term);
            }
            None => {}
        }
    }

    fn remember(&mut self, log: &str) {
        let died = log.lines().find(|line| line.contains("dying, as rehearsed"));
        let died = died.unwrap_or_else(|| panic!("it died by itself:\n{log}"));
        let died = died.split("after=").nth(1).unwrap_or(died).replace('"', "");
        let points = self.points.len();
        self.points.retain(|point| self.stubborn || *point != died.trim());
        if self.points.len() < points {
            // Whatever it left behind, what is committed is sound.
            let audit = self.place.run(&["audit"], &[]);
            assert!(
                audit.status.success(),
                "{died}\n{}",
                String::from_utf8_lossy(&audit.stdout)
            );
        }
        self.deaths.push(died);
    }

    /// Starts the server anew if it is dead; whether it was.
    async fn tend(&mut self) -> bool {
        let dead = self.node.as_ref().is_none_or(Node::has_died);
        if dead {
            if let Some(node) = self.node.take() {
                let log = node.remains();
                self.remember(&log);
            }
            self.revive().await;
        }
        dead
    }

    /// Sends one operation once; nothing when the server dies of it.
    pub(super) async fn ask_once(
        &self,
        token: &str,
        guest: &str,
        query: &str,
        variables: Value,
    ) -> Option<Value> {
        let url = format!("{}/graphql", self.node.as_ref()?.url());
        let body = json!({ "query": query, "variables": variables });
        let mut request = self.http.post(url).json(&body);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !guest.is_empty() {
            request = request.header("Vitrine-Guest", guest);
        }
        request.send().await.ok()?.json().await.ok()
    }

    /// Sends one operation, again and again until a living server answers it.
    pub(super) async fn ask(&mut self, token: &str, guest: &str, query: &str, variables: Value) -> Value {
        for _ in 0..LIVES {
            self.tend().await;
            let Some(answer) = self.ask_once(token, guest, query, variables.clone()).await else {
                // A killed process listens no more some time before it is seen to be dead.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            if self.stormy && answer["errors"][0]["extensions"]["code"] == "INTERNAL" {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            if in_progress(&answer) {
                // Whoever began it is dead: his lease must run out.
                self.pass(TimeDelta::minutes(2)).await;
                continue;
            }
            assert!(
                answer.get("errors").is_none(),
                "{query}\n{answer:#}\n{}",
                self.node.as_ref().map(Node::said).unwrap_or_default()
            );
            return answer["data"].clone();
        }
        panic!("nobody answers {query}");
    }

    /// Sends a mutation with the variable `in`; returns its payload, free of user errors.
    pub(super) async fn made(&mut self, token: &str, guest: &str, mutation: &str, input: Value) -> Value {
        let data = self.ask(token, guest, mutation, json!({ "in": input })).await;
        let payload = data.as_object().unwrap().values().next().unwrap().clone();
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload
    }

    /// Moves the clock here and at Stripe.
    pub(super) async fn pass(&mut self, by: TimeDelta) {
        self.now += by;
        self.place.write("clock", &self.now.to_rfc3339());
        self.stripe.advance(by).await;
    }

    /// Lets everything happen that is due or falls due within some minutes: leases of the dead run out, deliveries and
    /// jobs that failed are tried again.
    pub(super) async fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 2 {
            let died = self.tend().await;
            let delivered = self.stripe.settle().await;
            let begun = self.due(Due::Once).await;
            self.idle().await;
            let busy = died || delivered > 0 || begun > 0;
            quiet = if busy { 0 } else { quiet + 1 };
            self.pass(TimeDelta::minutes(7)).await;
        }
        self.idle().await;
    }

    /// Waits until the server has done all that is due, reviving it meanwhile.
    async fn idle(&mut self) {
        while self.waiting().await > 0 {
            self.tend().await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Jobs due now. Where a dead process still holds them all, time passes until its leases end.
    async fn waiting(&mut self) -> u64 {
        let due = self.due(Due::Any).await;
        if due > 0 && self.due(Due::Held).await == due && !self.node.as_ref().is_none_or(Node::has_died) {
            // Perhaps someone is at it this very moment.
            tokio::time::sleep(Duration::from_millis(300)).await;
            if self.due(Due::Held).await == due {
                self.pass(TimeDelta::minutes(6)).await;
            }
        }
        due
    }

    /// How many jobs of this sort are due now.
    async fn due(&self, which: Due) -> u64 {
        let due = job::Entity::find()
            .filter(job::Column::State.eq(JobState::Queued))
            .filter(job::Column::RunAt.lte(self.now));
        let due = match which {
            Due::Any => due,
            Due::Held => due.filter(job::Column::LeasedUntil.gt(self.now)),
            Due::Once => due.filter(job::Column::EverySeconds.is_null()),
        };
        loop {
            match due.clone().count(&self.db).await {
                Err(_) if self.stormy => tokio::time::sleep(Duration::from_millis(50)).await,
                counted => return counted.unwrap(),
            }
        }
    }

    pub(super) async fn sign_in(&mut self, email: &str) -> String {
        let sign_in = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) { session { accessToken } userErrors { code } } }";
        let made = self
            .made("", "", sign_in, json!({ "email": email, "password": PASSWORD }))
            .await;
        text(&made["session"]["accessToken"])
    }

    async fn someone(&mut self, email: &str) -> String {
        let open = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) { userErrors { code } } }";
        self.made(
            "",
            "",
            open,
            json!({ "email": email, "name": email, "password": PASSWORD }),
        )
        .await;
        // Her letter would lead to a page that nobody has here.
        let proved = account::Entity::update_many()
            .col_expr(account::Column::EmailVerifiedAt, Expr::value(self.now))
            .filter(account::Column::Email.eq(email));
        proved.exec(&self.db).await.unwrap();
        self.sign_in(email).await
    }

    async fn onboard(&mut self, token: &str, brand: Option<&str>) {
        const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
        let wish =
            json!({ "brandId": brand, "country": "DE", "returnUrl": FRONTEND, "refreshUrl": FRONTEND });
        let step_up =
            "mutation($in: SessionStepUpInput!) { sessionStepUp(input: $in) { userErrors { code } } }";
        self.made(token, "", step_up, json!({ "password": PASSWORD }))
            .await;
        let link = self.made(token, "", LINK, wish).await;
        self.stripe.onboard(&text(&link["onboardingLink"]["url"])).await;
        self.settle().await;
    }

    /// A brand with a teapot for 100.00 EUR, a shop that recommends it, both with payout accounts, and an operator.
    pub(super) async fn furnish(&mut self) -> Furniture {
        let owner = self.someone("owner@example.com").await;
        let create = "mutation($in: BrandCreateInput!) { brandCreate(input: $in) { brand { id } userErrors { message } } }";
        let brand = self.made(&owner, "", create, json!({ "handle": "tea", "name": "Tea", "country": "DE", "currency": "EUR", "defaultVatRate": 0 })).await;
        let brand = text(&brand["brand"]["id"]);
        let rate =
            "mutation($in: ShippingRateSetInput!) { shippingRateSet(input: $in) { userErrors { message } } }";
        self.made(
            &owner,
            "",
            rate,
            json!({ "brandId": brand, "country": "DE", "price": { "amount": "4.90", "currency": "EUR" } }),
        )
        .await;
        self.place.write("tea.csv", CATALOGUE);
        let file = self.place.path("tea.csv").display().to_string();
        let imported = self.place.run(&["import", "--brand", "tea", &file], &[]);
        assert!(
            imported.status.success(),
            "{}",
            String::from_utf8_lossy(&imported.stderr)
        );
        let products = "{ products(first: 1) { nodes { id variants { id } } } }";
        let product = self.ask(&owner, "", products, json!({})).await["products"]["nodes"][0].clone();
        let keeper = self.someone("keeper@example.com").await;
        let open =
            "mutation($in: ShopOpenInput!) { shopOpen(input: $in) { shop { id } userErrors { message } } }";
        let shop = text(
            &self
                .made(
                    &keeper,
                    "",
                    open,
                    json!({ "handle": "tea-shop", "name": "Tea shop" }),
                )
                .await["shop"]["id"],
        );
        let publish =
            "mutation($in: ShopPublishInput!) { shopPublish(input: $in) { userErrors { message } } }";
        self.made(&keeper, "", publish, json!({ "id": shop })).await;
        let add = "mutation($in: RecommendationAddInput!) { recommendationAdd(input: $in) { recommendation { id } userErrors { message } } }";
        let added = self
            .made(
                &keeper,
                "",
                add,
                json!({ "shopId": shop, "productId": product["id"], "discountShare": 4000 }),
            )
            .await;
        self.onboard(&keeper, None).await;
        self.onboard(&owner, Some(&brand)).await;
        self.someone("operator@example.com").await;
        let granted = self.place.run(&["operator", "operator@example.com"], &[]);
        assert!(granted.status.success());
        Furniture {
            owner,
            variant: text(&product["variants"][0]["id"]),
            recommendation: text(&added["recommendation"]["id"]),
        }
    }

    /// Two teapots bought, paid and shipped; their money released and paid out; then one of them given back. It may be lived
    /// again.
    pub(super) async fn live(&mut self, furniture: &Furniture) {
        self.stories += 1;
        let story = self.stories;
        // By the end of a story the token she had at its beginning has run out.
        let owner = match story {
            1 => furniture.owner.clone(),
            _ => self.sign_in("owner@example.com").await,
        };
        let (order, guest) = self.buy(furniture, 2).await;
        let seen = "query($id: ID!) { order(id: $id) { state lines { id } } }";
        let paid = self.ask("", &guest, seen, json!({ "id": order })).await["order"].clone();
        assert_eq!(paid["state"], "PAID");
        let line = json!([{ "orderLineId": paid["lines"][0]["id"], "quantity": 2 }]);
        let ship = "mutation($in: FulfillmentCreateInput!) { fulfillmentCreate(input: $in) { userErrors { code message } } }";
        let parcel = json!({ "orderId": order, "lines": line, "carrier": "DHL", "trackingCode": "T-1", "idempotencyKey": format!("ship {story}") });
        self.made(&owner, "", ship, parcel).await;
        self.settle().await;
        self.pass(WINDOWS).await;
        self.settle().await;
        let operator = self.sign_in("operator@example.com").await;
        let run = "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { userErrors { code } } }";
        self.made(
            &operator,
            "",
            run,
            json!({ "idempotencyKey": format!("run {story}") }),
        )
        .await;
        self.settle().await;
        let refund = "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { userErrors { code message } } }";
        let one = json!([{ "orderLineId": paid["lines"][0]["id"], "quantity": 1 }]);
        let back = json!({ "orderId": order, "lines": one, "reason": "the spout drips", "idempotencyKey": format!("back {story}") });
        self.made(&operator, "", refund, back).await;
        self.settle().await;
    }

    /// Fills a cart with so many teapots; its guest's secret, and the input that orders it.
    pub(super) async fn fill_cart(&mut self, furniture: &Furniture, quantity: i32) -> (String, Value) {
        let create = "mutation($in: CartCreateInput!) { cartCreate(input: $in) { cart { id } guestSecret userErrors { message } } }";
        let line = json!({ "variantId": furniture.variant, "quantity": quantity, "recommendationId": furniture.recommendation });
        let made = self.made("", "", create, json!({ "lines": [line] })).await;
        let (cart, guest) = (text(&made["cart"]["id"]), text(&made["guestSecret"]));
        let buyer =
            "mutation($in: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $in) { userErrors { message } } }";
        self.made(
            "",
            &guest,
            buyer,
            json!({ "cartId": cart, "email": "berta@example.com", "name": "Berta" }),
        )
        .await;
        let address = "mutation($in: CartDeliveryAddressUpdateInput!) { cartDeliveryAddressUpdate(input: $in) { cart { cost { total { amount currency } } } userErrors { message } } }";
        let updated = self.made("", &guest, address, json!({ "cartId": cart, "line1": "1 Mill Lane", "postalCode": "10115", "city": "Berlin", "country": "DE" })).await;
        let wish = json!({ "cartId": cart, "expectedTotal": updated["cart"]["cost"]["total"], "successUrl": FRONTEND, "cancelUrl": FRONTEND, "idempotencyKey": "start" });
        (guest, wish)
    }

    /// So many teapots bought and paid: the order, and its guest's secret.
    pub(super) async fn buy(&mut self, furniture: &Furniture, quantity: i32) -> (String, String) {
        let (guest, wish) = self.fill_cart(furniture, quantity).await;
        let mut order = self.start(&guest, &wish, "start").await;
        let seen = "query($id: ID!) { order(id: $id) { id state checkoutUrl } }";
        for again in 0..LIVES {
            // A page that was not open yet when the server died is opened by a job.
            self.settle_a_little().await;
            order = self.ask("", &guest, seen, json!({ "id": order["id"] })).await["order"].clone();
            match (order["state"].as_str(), order["checkoutUrl"].as_str()) {
                (Some("PAID"), _) => return (text(&order["id"]), guest),
                (Some("EXPIRED"), _) => {
                    order = self.start(&guest, &wish, &format!("start {again}")).await;
                }
                (_, Some(url)) => {
                    self.stripe.pay(url, CARD).await;
                }
                _ => {}
            }
        }
        panic!("she cannot pay: {order:#}");
    }

    /// Starts a checkout under `key`; under others if the server was dead for so long that the page would have been open too
    /// short for Stripe, which undoes the order.
    async fn start(&mut self, guest: &str, wish: &Value, key: &str) -> Value {
        let start = "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id checkoutUrl } userErrors { message } } }";
        for again in 0..LIVES {
            let mut wish = wish.clone();
            wish["idempotencyKey"] = json!(format!("{key}/{again}"));
            let made = self.ask("", guest, start, json!({ "in": wish })).await["checkoutStart"].clone();
            if made["userErrors"] == json!([]) {
                return made["order"].clone();
            }
            assert!(
                made.to_string().contains("the payment provider refused"),
                "{made:#}"
            );
        }
        panic!("she cannot start");
    }

    /// As [`World::settle`], without letting an order's half hour run out.
    pub(super) async fn settle_a_little(&mut self) {
        for _ in 0..10 {
            self.tend().await;
            self.stripe.settle().await;
            if self.waiting().await == 0 {
                self.pass(TimeDelta::seconds(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it, to be started anew with what was changed meanwhile.
    pub(super) fn rest(&mut self) {
        self.retire(false);
    }

    /// No server lives any more, and the books are sound.
    pub(super) fn is_audited(&mut self) {
        self.fate = None;
        self.stormy = false;
        self.retire(false);
        let audit = self.place.run(&["audit"], &[]);
        let told = String::from_utf8_lossy(&audit.stdout);
        assert!(audit.status.success(), "{told}\n{:#?}", self.deaths);
    }

    /// The end of this world.
    pub(super) async fn end(self) {
        self.stripe.stop().await;
        self.db.close().await.unwrap();
    }

    /// Everything happened once, here and at Stripe, and both books agree.
    pub(super) async fn is_sound(&mut self) {
        self.is_audited();
        self.stripe.assert_agrees(&self.db, "in the end").await;
        let books = self.stripe.books().await;
        for kind in ["charges", "refunds"] {
            assert_eq!(
                books["counts"][kind], self.stories,
                "{kind}\n{books:#}\n{:#?}",
                self.deaths
            );
        }
        // How many runs it took depends on when the server died; that each sent its part once does not.
        let (mut sent, mut payouts) = (BTreeMap::new(), BTreeSet::new());
        for transfer in books["transfers"].as_array().unwrap() {
            *sent.entry(text(&transfer["destination"])).or_default() += transfer["amount"].as_i64().unwrap();
            assert!(
                payouts.insert(text(&transfer["metadata"]["payout"])),
                "{books:#}\n{:#?}",
                self.deaths
            );
        }
        let sent: BTreeSet<i64> = sent.into_values().collect();
        assert_eq!(
            sent,
            EARNED.map(|earned| earned * self.stories).into(),
            "{books:#}\n{:#?}",
            self.deaths
        );
        let dead = job::Entity::find().filter(job::Column::State.eq(JobState::Dead));
        assert_eq!(dead.count(&self.db).await.unwrap(), 0, "dead jobs");
    }
}

/// Whether the first request under a key is being carried out still, as far as that request's answer tells.
fn in_progress(answer: &Value) -> bool {
    let answer = answer.to_string();
    answer.contains("IDEMPOTENCY_IN_PROGRESS")
        || answer.contains("the first request with this key is under way")
}

/// Which of the jobs that are due.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// All of them.
    Any,
    /// Those that somebody holds, dead or alive.
    Held,
    /// Those that do not come back by themselves.
    Once,
}

/// What a world is furnished with.
pub(super) struct Furniture {
    pub(super) owner: String,
    pub(super) variant: String,
    recommendation: String,
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// The seed asked for, or one that never changes.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration but this")]
pub(super) fn seed() -> u64 {
    let asked = std::env::var("VITRINE_CRASH_SEED").ok();
    asked.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Lives through the whole story, dying again and again after as many writes as chance decides.
pub(super) async fn die_often(place: &Place) {
    let seed = seed();
    let mut world = World::new(place).await;
    let furniture = world.furnish().await;
    world.fate = Some(ChaCha20Rng::seed_from_u64(seed));
    if let Some(node) = world.node.take() {
        node.stop(super::Signal::Term);
    }
    world.live(&furniture).await;
    world.is_sound().await;
    assert!(world.deaths.len() > 3, "it hardly died: {:#?}", world.deaths);
    world.end().await;
}
