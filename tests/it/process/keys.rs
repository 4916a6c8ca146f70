//! Killed while it carries out a request with an idempotency key, the product does so once: for every such mutation a real
//! server process dies by SIGKILL after one of the request's writes, another is started, and the same request is sent
//! again under the same key. It is answered, the same a third time, and was carried out once, here and in the sandbox's
//! own books.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_model::event;

use super::crash::{Furniture, World, seed, text};
use super::node::Place;
use crate::idempotency::{CASES, Case};

/// Of so many writes one after the other, the request dies after one; the seed decides with which it begins.
const STRIDE: usize = 11;
/// No request writes more often.
const MOST_WRITES: u64 = 400;
/// Pieces of the order of which pieces are refunded and shipped one by one.
const PLENTY: i32 = 60;

/// A request, and whose it is.
struct Request {
    token: String,
    guest: String,
    input: Value,
}

/// What requests are about.
struct Stage {
    furniture: Furniture,
    operator: String,
    keeper: String,
    /// A paid order of many pieces: its id, and its line's.
    order: (String, String),
    /// How many requests were made so far: each has a key of its own.
    made: usize,
}

impl Stage {
    async fn new(world: &mut World<'_>) -> Self {
        let furniture = world.furnish().await;
        let operator = world.sign_in("operator@example.com").await;
        let stock =
            "mutation($in: VariantStockSetInput!) { variantStockSet(input: $in) { userErrors { code } } }";
        let full = json!({ "variantId": furniture.variant, "onHand": 5000, "idempotencyKey": "full" });
        world.made(&furniture.owner, "", stock, full).await;
        let (order, guest) = world.buy(&furniture, PLENTY).await;
        let lines = "query($id: ID!) { order(id: $id) { lines { id } } }";
        let seen = world.ask("", &guest, lines, json!({ "id": order })).await;
        let line = text(&seen["order"]["lines"][0]["id"]);
        let keeper = world.sign_in("keeper@example.com").await;
        let who = world.ask(&keeper, "", "{ viewer { id } }", json!({})).await;
        Self {
            furniture,
            operator,
            keeper: text(&who["viewer"]["id"]),
            order: (order, line),
            made: 0,
        }
    }

    /// What must be there before, and the request.
    async fn request(&mut self, world: &mut World<'_>, case: &Case) -> Request {
        let (token, guest, mut input) = match (case.mutation, case.event) {
            ("checkoutStart", _) => {
                let (guest, input) = world.fill_cart(&self.furniture, 1).await;
                (String::new(), guest, input)
            }
            ("orderCancel", "order.cancelled") => {
                let (order, guest) = world.buy(&self.furniture, 1).await;
                (String::new(), guest, json!({ "orderId": order }))
            }
            ("orderCancel", _) => {
                let (order, guest) = self.order_unpaid(world).await;
                (String::new(), guest, json!({ "orderId": order }))
            }
            ("orderLinesRefund" | "fulfillmentCreate", _) => {
                let lines = json!([{ "orderLineId": self.order.1, "quantity": 1 }]);
                let mut input = json!({ "orderId": self.order.0, "lines": lines });
                if case.mutation == "orderLinesRefund" {
                    input["reason"] = json!("the spout drips");
                }
                (self.furniture.owner.clone(), String::new(), input)
            }
            ("variantStockSet", _) => {
                let input = json!({ "variantId": self.furniture.variant, "onHand": 4000 + self.made });
                (self.furniture.owner.clone(), String::new(), input)
            }
            _ => (
                self.operator.clone(),
                String::new(),
                self.decision(world, case).await,
            ),
        };
        self.made += 1;
        input["idempotencyKey"] = json!(format!("{} {}", case.mutation, self.made));
        Request { token, guest, input }
    }

    /// What an operator decides.
    async fn decision(&mut self, world: &mut World<'_>, case: &Case) -> Value {
        let gift = json!({
            "partyId": self.keeper,
            "amount": { "amount": "1.00", "currency": "EUR" },
            "reason": "an apology",
        });
        match case.mutation {
            "payoutRun" => json!({}),
            "payoutHold" => {
                self.hold(world, false).await;
                json!({ "partyId": self.keeper, "reason": "a complaint" })
            }
            "payoutHoldRelease" => {
                self.hold(world, true).await;
                json!({ "partyId": self.keeper, "reason": "no complaint" })
            }
            "goodwillCredit" => gift,
            "adjustmentCorrect" => {
                let give = operation("goodwillCredit");
                let mut gift = gift;
                gift["idempotencyKey"] = json!(format!("gift {}", self.made));
                let given = world.made(&self.operator, "", give, gift).await;
                json!({ "adjustmentId": given["adjustment"]["id"], "reason": "wrong Anna" })
            }
            "disputeAccept" => {
                let (order, guest) = world.buy(&self.furniture, 1).await;
                let charge = text(&world.stripe.api("/v1/charges?limit=1").await["data"][0]["id"]);
                let path = format!("charges/{charge}/dispute");
                world.stripe.admin(&path, json!({})).await;
                json!({ "disputeId": told_of_dispute(world, &order, &guest).await })
            }
            other => panic!("no scene for {other}"),
        }
    }

    /// Sees to it that the shopholder's payouts are held, or are not.
    async fn hold(&mut self, world: &mut World<'_>, held: bool) {
        let name = if held { "payoutHold" } else { "payoutHoldRelease" };
        let key = format!("before {}", self.made);
        let input = json!({ "partyId": self.keeper, "reason": "the scene", "idempotencyKey": key });
        let said = json!({ "in": input });
        // Refused when it is so already.
        world.ask(&self.operator, "", operation(name), said).await;
    }

    async fn order_unpaid(&self, world: &mut World<'_>) -> (String, String) {
        let (guest, mut input) = world.fill_cart(&self.furniture, 1).await;
        input["idempotencyKey"] = json!("order");
        let started = world.made("", &guest, operation("checkoutStart"), input).await;
        (text(&started["order"]["id"]), guest)
    }
}

/// The id of the order's dispute, once Stripe has told of it.
async fn told_of_dispute(world: &mut World<'_>, order: &str, guest: &str) -> String {
    let disputes = "query($id: ID!) { order(id: $id) { disputes { id } } }";
    for _ in 0..20 {
        world.settle_a_little().await;
        let seen = world.ask("", guest, disputes, json!({ "id": order })).await;
        if let Some(id) = seen["order"]["disputes"][0]["id"].as_str() {
            return id.to_owned();
        }
    }
    panic!("{order} was never disputed");
}

fn operation(mutation: &str) -> &'static str {
    let mut cases = CASES.iter();
    cases.find(|case| case.mutation == mutation).unwrap().operation
}

async fn events(world: &World<'_>, kind: &str) -> u64 {
    let events = event::Entity::find().filter(event::Column::Kind.eq(kind));
    events.count(&world.db).await.unwrap()
}

/// The first write after which a server without a worker lives long enough to listen.
async fn first_breath(world: &mut World<'_>) -> u64 {
    for write in 1..MOST_WRITES {
        if world.live_until(write).await {
            return write;
        }
    }
    panic!("it never came up");
}

/// Dies under requests of this case, each time later, until one is carried out before its server could die; returns how
/// often.
async fn die_under(world: &mut World<'_>, stage: &mut Stage, case: &Case, first: u64) -> usize {
    for (deaths, write) in (first..MOST_WRITES).step_by(STRIDE).enumerate() {
        let request = stage.request(world, case).await;
        let times = events(world, case.event).await;
        let died = !world.live_until(write).await || {
            let asked = json!({ "in": request.input });
            world
                .ask_once(&request.token, &request.guest, case.operation, asked)
                .await
                .is_none()
        };
        world.live_on(died).await;
        let Request { token, guest, input } = request;
        let made = world.made(&token, &guest, case.operation, input.clone()).await;
        let again = world.made(&token, &guest, case.operation, input).await;
        assert_eq!(made, again, "after write {write}");
        assert_eq!(events(world, case.event).await, times + 1, "after write {write}");
        if !died {
            return deaths;
        }
    }
    panic!("{} writes without end", case.mutation);
}

/// Dies under every mutation that takes a key.
pub(super) async fn die_under_keys(place: &Place) {
    let mut world = World::new(place).await;
    let mut stage = Stage::new(&mut world).await;
    world.settle().await;
    let first = first_breath(&mut world).await + seed() % u64::try_from(STRIDE).unwrap();
    world.live_on(false).await;
    for case in CASES {
        // These are carried out by the command that gives goodwill.
        if ["debtWriteOff", "suspenseExplain", "movementExplain"].contains(&case.mutation) {
            continue;
        }
        let deaths = die_under(&mut world, &mut stage, case, first).await;
        assert!(deaths > 0, "nothing died under {}", case.mutation);
        world.settle().await;
    }
    let books = world.stripe.books().await;
    for (object, kind) in [
        ("checkout_sessions", "order.created"),
        ("refunds", "order.refund_requested"),
    ] {
        assert_eq!(
            books["counts"][object],
            events(&world, kind).await,
            "{object}\n{books:#}"
        );
    }
    world.is_audited();
    world.stripe.assert_agrees(&world.db, "in the end").await;
    world.end().await;
}
