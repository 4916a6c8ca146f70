//! Idempotency keys under fire: every mutation that moves money or stock is sent many times at once under one key, on two
//! nodes, then once more, with other input, by somebody else, and after the key has run out. The table of them is held
//! against the contract, so that none is forgotten. What a crash leaves is tried in `process/keys.rs`.

mod scenes;

use std::collections::BTreeSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, TypeKind, TypeSystemDefinition};
use chrono::TimeDelta;
use futures::future::{LocalBoxFuture, join_all};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_domain::ports::Clock;
use vitrine_model::event;
use vitrine_model::idempotency::{self, Attempt};
use vitrine_model::intent::{self, IntentState};

use crate::invariants::rows;
use crate::support::market::{CARD, text};
use crate::support::{App, Person, on_both};

/// How many send the same at once.
const AT_ONCE: usize = 6;
/// How often one who is told to wait asks again.
const PATIENCE: usize = 1000;
/// Longer than a key is remembered.
const A_DAY_AND_MORE: TimeDelta = TimeDelta::hours(25);

/// A mutation with a key, and what its repeats are answered.
pub(crate) struct Case {
    /// The mutation.
    pub(crate) mutation: &'static str,
    /// Its operation, whose input is the variable `in`; it selects what tells one outcome from another.
    pub(crate) operation: &'static str,
    /// The event that is written each time it is carried out.
    pub(crate) event: &'static str,
    /// What must be there before.
    scene: for<'a> fn(&'a App) -> LocalBoxFuture<'a, Scene<'a>>,
    /// What somebody else is answered under the same key; none when it is carried out for her.
    another: Option<&'static str>,
    /// What comes of it a day later.
    later: Later,
}

/// What comes of a request that is sent again when a key that does not last has run out.
enum Later {
    /// It is carried out anew.
    Anew,
    /// How things stand refuses it.
    Refused(&'static str),
    /// Its key lasts: what the first made is answered.
    TheSame,
}

/// Who sends what.
struct Scene<'a> {
    /// Who may do it.
    by: Person<'a>,
    /// Somebody else who sends the same.
    another: Person<'a>,
    /// What is asked for, without its key.
    input: Value,
    /// What might be asked for instead, if there is anything.
    otherwise: Option<Value>,
}

/// Declares the table, and a test of each of its rows on both databases.
macro_rules! table {
    ($($test:ident: $case:expr;)+) => {
        /// Every mutation that takes a key.
        pub(crate) const CASES: &[Case] = &[$($case),+];

        on_both! {
            $(async fn $test(app) {
                drill(app, &$case).await;
            })+
        }
    };
}

table! {
    a_checkout_starts_once: Case {
        mutation: "checkoutStart",
        operation: "mutation($in: CheckoutStartInput!) { checkoutStart(input: $in) { order { id } userErrors { code } } }",
        event: "order.created",
        scene: |app| Box::pin(scenes::cart(app)),
        another: Some("NOT_FOUND"),
        later: Later::Refused("CART_PAID"),
    };
    an_unpaid_order_is_called_off_once: Case {
        mutation: "orderCancel",
        operation: CANCEL,
        event: "order.cancel_requested",
        scene: |app| Box::pin(scenes::unpaid(app)),
        another: Some("NOT_FOUND"),
        later: Later::Refused("WRONG_STATE"),
    };
    a_paid_order_is_called_off_once: Case {
        mutation: "orderCancel",
        operation: CANCEL,
        event: "order.cancelled",
        scene: |app| Box::pin(scenes::paid(app)),
        another: Some("NOT_FOUND"),
        later: Later::Refused("WRONG_STATE"),
    };
    pieces_are_refunded_once: Case {
        mutation: "orderLinesRefund",
        operation: "mutation($in: OrderLinesRefundInput!) { orderLinesRefund(input: $in) { refund { id } userErrors { code } } }",
        event: "order.refund_requested",
        scene: |app| Box::pin(scenes::to_refund(app)),
        another: Some("TOO_FEW_UNITS"),
        later: Later::Refused("TOO_FEW_UNITS"),
    };
    pieces_are_shipped_once: Case {
        mutation: "fulfillmentCreate",
        operation: "mutation($in: FulfillmentCreateInput!) { fulfillmentCreate(input: $in) { fulfillment { id } userErrors { code } } }",
        event: "order.shipped",
        scene: |app| Box::pin(scenes::to_ship(app)),
        another: Some("TOO_FEW_UNITS"),
        later: Later::Refused("TOO_FEW_UNITS"),
    };
    a_stock_is_set_once: Case {
        mutation: "variantStockSet",
        operation: "mutation($in: VariantStockSetInput!) { variantStockSet(input: $in) { variant { id } userErrors { code } } }",
        event: "variant.stock_set",
        scene: |app| Box::pin(scenes::stock(app)),
        another: None,
        later: Later::Anew,
    };
    a_payout_run_is_asked_for_once: Case {
        mutation: "payoutRun",
        operation: "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { payoutRun { requestedAt } userErrors { code } } }",
        event: "payout.run_requested",
        scene: |app| Box::pin(scenes::earnings(app)),
        another: None,
        later: Later::Anew,
    };
    payouts_are_held_once: Case {
        mutation: "payoutHold",
        operation: "mutation($in: PayoutHoldInput!) { payoutHold(input: $in) { payoutHold { partyId heldAt } userErrors { code } } }",
        event: "payout.held",
        scene: |app| Box::pin(scenes::party(app)),
        another: Some("WRONG_STATE"),
        later: Later::Refused("WRONG_STATE"),
    };
    payouts_are_let_go_once: Case {
        mutation: "payoutHoldRelease",
        operation: "mutation($in: PayoutHoldReleaseInput!) { payoutHoldRelease(input: $in) { payoutHold { partyId releasedAt } userErrors { code } } }",
        event: "payout.hold_released",
        scene: |app| Box::pin(scenes::held(app)),
        another: Some("WRONG_STATE"),
        later: Later::Refused("WRONG_STATE"),
    };
    goodwill_is_given_once: Case {
        mutation: "goodwillCredit",
        operation: "mutation($in: GoodwillCreditInput!) { goodwillCredit(input: $in) { adjustment { id } userErrors { code } } }",
        event: "adjustment.made",
        scene: |app| Box::pin(scenes::gift(app)),
        another: None,
        later: Later::TheSame,
    };
    a_debt_is_written_off_once: Case {
        mutation: "debtWriteOff",
        operation: "mutation($in: DebtWriteOffInput!) { debtWriteOff(input: $in) { adjustment { id } userErrors { code } } }",
        event: "adjustment.made",
        scene: |app| Box::pin(scenes::debt(app)),
        another: Some("MORE_THAN_OWED"),
        later: Later::TheSame,
    };
    suspense_is_explained_once: Case {
        mutation: "suspenseExplain",
        operation: "mutation($in: SuspenseExplainInput!) { suspenseExplain(input: $in) { adjustment { id } userErrors { code } } }",
        event: "adjustment.made",
        scene: |app| Box::pin(scenes::suspense(app)),
        another: Some("NOT_FOUND"),
        later: Later::TheSame,
    };
    what_was_moved_by_hand_is_explained_once: Case {
        mutation: "movementExplain",
        operation: "mutation($in: MovementExplainInput!) { movementExplain(input: $in) { adjustment { id } userErrors { code } } }",
        event: "adjustment.made",
        scene: |app| Box::pin(scenes::moved_by_hand(app)),
        another: Some("NOT_FOUND"),
        later: Later::TheSame,
    };
    an_adjustment_is_taken_back_once: Case {
        mutation: "adjustmentCorrect",
        operation: "mutation($in: AdjustmentCorrectInput!) { adjustmentCorrect(input: $in) { adjustment { id } userErrors { code } } }",
        event: "adjustment.made",
        scene: |app| Box::pin(scenes::given(app)),
        another: Some("WRONG_STATE"),
        later: Later::TheSame,
    };
    a_dispute_is_given_in_to_once: Case {
        mutation: "disputeAccept",
        operation: "mutation($in: DisputeAcceptInput!) { disputeAccept(input: $in) { dispute { id } userErrors { code } } }",
        event: "dispute.accepted",
        scene: |app| Box::pin(scenes::disputed(app)),
        another: Some("WRONG_STATE"),
        later: Later::Refused("WRONG_STATE"),
    };
}

const CANCEL: &str =
    "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { order { id } userErrors { code } } }";

/// Mutations that move money or stock without a key, since what they do can be done once only.
const ONCE_BY_NATURE: [&str; 2] = ["returnApprove", "fulfillmentDelivered"];

/// The input with the key that everybody chooses.
fn keyed(input: &Value) -> Value {
    let mut input = input.clone();
    input["idempotencyKey"] = json!("the button");
    input
}

/// Sends the operation to the node at `url`, and again while an earlier one under its key is under way there or elsewhere;
/// returns its payload.
async fn insist(app: &App, url: &str, by: &Person<'_>, operation: &str, input: &Value) -> Value {
    for _ in 0..PATIENCE {
        let mut request = app.http.post(url);
        if let Some(token) = by.token().await {
            request = request.bearer_auth(token);
        }
        if let Some(guest) = &by.guest {
            request = request.header("Vitrine-Guest", guest);
        }
        let body = json!({ "query": operation, "variables": { "in": input } });
        let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{operation}\n{answer:#}");
        let payload = answer["data"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone();
        if payload["userErrors"][0]["code"] != "IDEMPOTENCY_IN_PROGRESS" {
            return payload;
        }
    }
    panic!("it stays in progress: {operation}");
}

/// How often the case was carried out so far.
async fn carried_out(app: &App, case: &Case) -> u64 {
    let events = event::Entity::find().filter(event::Column::Kind.eq(case.event));
    events.count(app.db()).await.unwrap()
}

/// Settles; then the books must be sound.
async fn is_sound(app: &App) {
    app.settle().await;
    let report = app.audit().await;
    assert!(report.is_green(), "{report}");
}

/// Sends a request that `refusal` names the refusal of, or that is carried out. A refused one changes nothing.
async fn sent(app: &App, case: &Case, by: &Person<'_>, input: &Value, refusal: Option<&str>) {
    let (before, times) = (rows(app).await, carried_out(app, case).await);
    let url = app.url("/graphql");
    let payload = insist(app, &url, by, case.operation, input).await;
    match refusal {
        Some(code) => {
            assert_eq!(payload["userErrors"][0]["code"], code, "{payload:#}");
            assert_eq!(rows(app).await, before);
        }
        None => {
            assert_eq!(payload["userErrors"], json!([]));
            assert_eq!(carried_out(app, case).await, times + 1);
        }
    }
    is_sound(app).await;
}

async fn drill(app: &App, case: &Case) {
    let beside = app.second_node().await;
    let mut scene = (case.scene)(app).await;
    app.settle().await;
    let input = keyed(&scene.input);
    let times = carried_out(app, case).await;
    let nodes = [app.url("/graphql"), format!("{}/graphql", beside.url())];

    let ask = |turn: usize| insist(app, &nodes[turn % nodes.len()], &scene.by, case.operation, &input);
    let answers = join_all((0..AT_ONCE).map(ask)).await;
    for answer in &answers {
        assert_eq!(answer["userErrors"], json!([]));
        assert_eq!(answer, &answers[0], "all are answered what the first made");
    }
    assert_eq!(carried_out(app, case).await, times + 1);
    if case.mutation == "checkoutStart" {
        pay(app, &scene.by, &answers[0]).await;
    }
    is_sound(app).await;

    let before = rows(app).await;
    assert_eq!(ask(1).await, answers[0]);
    assert_eq!(rows(app).await, before, "a repeat changes nothing");
    if let Some(otherwise) = &scene.otherwise {
        sent(
            app,
            case,
            &scene.by,
            &keyed(otherwise),
            Some("IDEMPOTENCY_KEY_REUSED"),
        )
        .await;
    }
    sent(app, case, &scene.another, &input, case.another).await;

    app.wait(A_DAY_AND_MORE).await;
    if scene.by.guest.is_none() {
        scene.by.come_back().await;
    }
    match case.later {
        Later::Anew => sent(app, case, &scene.by, &input, None).await,
        Later::Refused(code) => sent(app, case, &scene.by, &input, Some(code)).await,
        Later::TheSame => {
            let times = carried_out(app, case).await;
            assert_eq!(
                insist(app, &nodes[0], &scene.by, case.operation, &input).await,
                answers[0]
            );
            assert_eq!(carried_out(app, case).await, times);
        }
    }
    beside.stop().await;
}

/// Makes the mutation's key one whose request is under way, its lease just begun.
async fn as_under_way(app: &App, mutation: &str) {
    let lease = app.clock.now() + TimeDelta::seconds(90);
    let moved = idempotency::Entity::update_many()
        .col_expr(idempotency::Column::State, Expr::value(Attempt::InFlight))
        .col_expr(idempotency::Column::LeaseUntil, Expr::value(lease))
        .filter(idempotency::Column::Mutation.eq(mutation))
        .exec(app.db())
        .await
        .unwrap();
    assert_eq!(moved.rows_affected, 1);
}

/// The order that was made is paid.
async fn pay(app: &App, buyer: &Person<'_>, made: &Value) {
    let query = "query($id: ID!) { order(id: $id) { checkoutUrl } }";
    let order = buyer.ask(query, json!({ "id": made["order"]["id"] })).await;
    app.stripe.pay(&text(&order["order"]["checkoutUrl"]), CARD).await;
}

/// The mutations of the contract whose input takes a key.
fn keyed_mutations() -> BTreeSet<String> {
    let document = parse_schema(vitrine_graphql::sdl()).unwrap();
    let (mut inputs, mut mutations) = (BTreeSet::new(), Vec::new());
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.to_string();
        match definition.node.kind {
            TypeKind::InputObject(input) => {
                let mut fields = input.fields.iter();
                if fields.any(|field| field.node.name.node == "idempotencyKey") {
                    inputs.insert(name);
                }
            }
            TypeKind::Object(object) if name == "Mutation" => mutations = object.fields,
            _ => {}
        }
    }
    let takes_key = |field: &async_graphql::parser::types::FieldDefinition| {
        field
            .arguments
            .iter()
            .any(|argument| match &argument.node.ty.node.base {
                BaseType::Named(name) => inputs.contains(name.as_str()),
                BaseType::List(_) => false,
            })
    };
    let keyed = mutations.into_iter().filter(|field| takes_key(&field.node));
    keyed.map(|field| field.node.name.node.to_string()).collect()
}

#[test]
fn every_mutation_that_takes_a_key_is_in_the_table() {
    let drilled: BTreeSet<String> = CASES.iter().map(|case| case.mutation.to_owned()).collect();
    assert_eq!(drilled, keyed_mutations());
    assert!(ONCE_BY_NATURE.iter().all(|name| !drilled.contains(*name)));
}

on_both! {
    async fn a_refused_request_leaves_its_key_free(app) {
        let scene = scenes::gift(app).await;
        let before = rows(app).await;
        let mut wrong = keyed(&scene.input);
        wrong["amount"]["currency"] = json!("GBP");
        let give = CASES.iter().find(|case| case.mutation == "goodwillCredit").unwrap();
        assert_eq!(scene.by.refused(give.operation, wrong).await, "CURRENCY_NOT_SUPPORTED");
        assert_eq!(rows(app).await, before, "not even its key is kept");
        scene.by.made(give.operation, keyed(&scene.input)).await;
    }

    async fn one_key_serves_each_mutation(app) {
        let scene = scenes::gift(app).await;
        let give = CASES.iter().find(|case| case.mutation == "goodwillCredit").unwrap();
        let back = CASES.iter().find(|case| case.mutation == "adjustmentCorrect").unwrap();
        let given = scene.by.made(give.operation, keyed(&scene.input)).await;
        let which = json!({ "adjustmentId": given["adjustment"]["id"], "reason": "wrong Anna" });
        scene.by.made(back.operation, keyed(&which)).await;
    }

    async fn who_repeats_what_a_death_broke_off_waits_no_longer_than_until_its_outcome_is_known(app) {
        let start = CASES.iter().find(|case| case.mutation == "checkoutStart").unwrap();
        let scene = scenes::cart(app).await;
        let input = keyed(&scene.input);
        let made = scene.by.made(start.operation, input.clone()).await;
        // As a death leaves it after the call was written down, and before its answer came.
        as_under_way(app, "checkoutStart").await;
        let asked = intent::Entity::find().one(app.db()).await.unwrap().unwrap();
        let known = asked.state;
        let mut unknown = asked.into_active_model();
        unknown.state = Set(IntentState::Open);
        let unknown = unknown.update(app.db()).await.unwrap();
        assert_eq!(scene.by.refused(start.operation, input.clone()).await, "IDEMPOTENCY_IN_PROGRESS");
        // Another node's job found out.
        let mut found = unknown.into_active_model();
        found.state = Set(known);
        found.update(app.db()).await.unwrap();
        assert_eq!(scene.by.made(start.operation, input.clone()).await, made);
        assert_eq!(scene.by.made(start.operation, input).await, made);

        let cancel = keyed(&json!({ "orderId": made["order"]["id"] }));
        let cancelled = scene.by.made(CANCEL, cancel.clone()).await;
        as_under_way(app, "orderCancel").await;
        assert_eq!(scene.by.made(CANCEL, cancel).await, cancelled);
        is_sound(app).await;
    }

    async fn a_cancellation_that_a_payment_overtook_is_refused_again(app) {
        let tea = app.market("tea").await;
        let (buyer, order) = app.pay(&[(&tea, 1)]).await;
        let input = keyed(&json!({ "orderId": order }));
        assert_eq!(buyer.refused(CANCEL, input.clone()).await, "WRONG_STATE");
        app.settle().await;
        assert_eq!(buyer.refused(CANCEL, input).await, "WRONG_STATE");
    }

    async fn a_return_is_refunded_once_without_a_key(app) {
        let (operator, approval) = scenes::to_approve(app).await;
        let approve = "mutation($in: ReturnApproveInput!) { returnApprove(input: $in) { return { id state } userErrors { code } } }";
        let answers = join_all((0..AT_ONCE).map(|_| operator.made(approve, approval.clone()))).await;
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
        is_sound(app).await;
        let refunds = event::Entity::find().filter(event::Column::Kind.eq("order.refund_requested"));
        assert_eq!(refunds.count(app.db()).await.unwrap(), 1);
        assert_eq!(app.stripe.books().await["counts"]["refunds"], 1);
    }
}
