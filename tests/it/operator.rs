//! What operators decide about money: payouts held, goodwill, debts written off, suspense explained, and all of it taken
//! back; each with a reason, on record, and in the books.

use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};
use vitrine_domain::ports::Clock;
use vitrine_domain::{jobs, ledger};
use vitrine_model::job::{self, JobState};

use crate::dispute::{decided, disputed};
use crate::fulfillment::{SHIP, parcel};
use crate::refund::refund;
use crate::support::market::{Market, text};
use crate::support::{App, FRONTEND, Person, on_both};

pub(crate) const GIVE: &str = "mutation($in: GoodwillCreditInput!) { goodwillCredit(input: $in) { adjustment { id kind reason amount { amount } } userErrors { code field } } }";
const LET_OFF: &str = "mutation($in: DebtWriteOffInput!) { debtWriteOff(input: $in) { adjustment { id } userErrors { code field message } } }";
const EXPLAIN: &str = "mutation($in: SuspenseExplainInput!) { suspenseExplain(input: $in) { adjustment { id amount { amount } target } userErrors { code field } } }";
const CORRECT: &str = "mutation($in: AdjustmentCorrectInput!) { adjustmentCorrect(input: $in) { adjustment { kind corrects { id } } userErrors { code field } } }";
pub(crate) const HOLD: &str = "mutation($in: PayoutHoldInput!) { payoutHold(input: $in) { payoutHold { reason heldAt } userErrors { code field } } }";
const LIFT: &str = "mutation($in: PayoutHoldReleaseInput!) { payoutHoldRelease(input: $in) { payoutHold { releaseReason } userErrors { code field } } }";
const RUN: &str = "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { userErrors { code } } }";
const OWN: &str = "{ viewer { id payoutHold { reason } earnings { available { amount } owed { amount } }
    payouts(first: 10) { nodes { amount { amount } } } } }";
const ALL: &str =
    "{ adjustments(first: 10) { nodes { kind reason partyId madeBy { name } amount { amount currency } } } }";

/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);

pub(crate) fn gift(party: &str, amount: &str, key: &str) -> Value {
    json!({
        "partyId": party,
        "amount": { "amount": amount, "currency": "EUR" },
        "reason": "the parcel service lost her sample",
        "idempotencyKey": key,
    })
}

pub(crate) fn hold(party: &str, key: &str) -> Value {
    json!({ "partyId": party, "reason": "we look into a complaint", "idempotencyKey": key })
}

async fn own(person: &Person<'_>) -> Value {
    person.ask(OWN, json!({})).await["viewer"].clone()
}

pub(crate) async fn id(person: &Person<'_>) -> String {
    text(&own(person).await["id"])
}

/// What she has available and what she owes.
async fn purse(person: &Person<'_>) -> (String, String) {
    let own = own(person).await;
    let euros = &own["earnings"][0];
    (
        text(&euros["available"]["amount"]),
        text(&euros["owed"]["amount"]),
    )
}

pub(crate) async fn onboard(app: &App, person: &Person<'_>) {
    const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
    let back = format!("{FRONTEND}/back");
    let wish = json!({ "country": "DE", "returnUrl": back, "refreshUrl": back });
    let made = person.made(LINK, wish).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
    app.settle().await;
}

/// One piece sold, shipped, and every window past; the shopholder has 8.10 EUR available.
pub(crate) async fn earned(app: &App, market: &mut Market<'_>) {
    let purchase = app.buy(&[(market, 1)]).await;
    market.owner.made(SHIP, parcel(&purchase, 1)).await;
    app.wait(WINDOWS).await;
    market.owner.come_back().await;
    market.shopholder.come_back().await;
}

/// She owes what a refund after her payout left: 8.10 EUR, which no reversal brings back.
pub(crate) async fn indebted(app: &App, market: &mut Market<'_>) {
    onboard(app, &market.shopholder).await;
    let purchase = app.buy(&[(market, 1)]).await;
    market.owner.made(SHIP, parcel(&purchase, 1)).await;
    app.wait(WINDOWS).await;
    market.owner.come_back().await;
    market.shopholder.come_back().await;
    let operator = app.operator().await;
    operator.made(RUN, json!({ "idempotencyKey": "run" })).await;
    app.settle().await;
    let refuse = json!({ "kind": "fail_before", "times": 50, "status": 400, "match": { "method": "POST", "path_prefix": "/v1/transfers/" } });
    app.stripe.admin("faults", refuse).await;
    refund(&market.owner, &purchase, 1, "refund").await;
    app.settle().await;
    assert_eq!(
        purse(&market.shopholder).await,
        ("0.00".to_owned(), "8.10".to_owned())
    );
}

/// The order that Stripe's latest refund is about.
async fn order_of_latest_refund(app: &App) -> String {
    let list = app.stripe.api("/v1/refunds?limit=1").await;
    text(&list["data"][0]["metadata"]["order"])
}

on_both! {
    async fn a_clock_that_was_ahead_for_a_moment_puts_off_nothing_that_comes_back(app) {
        let cx = app.vitrine().context("test");
        jobs::ensure_recurring(&cx).await.unwrap();
        app.clock.advance(TimeDelta::days(365));
        app.settle().await;
        app.clock.advance(TimeDelta::days(-365));
        let recurring = async || job::Entity::find().filter(job::Column::EverySeconds.is_not_null()).all(app.db()).await.unwrap();
        let far = |job: &job::Model| job.run_at > cx.now() + TimeDelta::seconds(job.every_seconds.unwrap()).max(TimeDelta::hours(1));
        assert!(recurring().await.iter().any(far), "the test shows nothing");
        jobs::ensure_recurring(&cx).await.unwrap();
        assert!(!recurring().await.iter().any(far), "they wait for the clock to be right again");
    }

    async fn operators_see_which_jobs_were_laid_aside(app) {
        const DEAD: &str = "{ deadJobs(first: 5) { totalCount nodes { id kind subject attempts lastError createdAt } } }";
        let (operator, anna) = (app.operator().await, app.someone("anna").await);
        app.settle().await;
        let at = app.clock.now();
        let cx = app.vitrine().context("test");
        let row = |kind: &str, payload: Value| job::Model {
            id: cx.new_id(),
            kind: kind.to_owned(),
            payload: payload.to_string(),
            unique_key: None,
            group_key: None,
            every_seconds: None,
            run_at: at,
            attempts: 15,
            state: JobState::Dead,
            leased_until: None,
            last_error: Some("nobody answers".to_owned()),
            created_at: at,
        };
        let settle = row("refund_settle", json!({ "job": "refund_settle", "refund": "rf_1" }));
        for row in [settle.clone(), row("sweep", json!({ "job": "sweep" }))] {
            let row = row.into_active_model().reset_all();
            job::Entity::insert(row).exec_without_returning(app.db()).await.unwrap();
        }
        let seen = operator.ask(DEAD, json!({})).await["deadJobs"].clone();
        assert_eq!(seen["totalCount"], 2);
        assert_eq!(seen["nodes"][0]["id"], settle.id.to_string());
        assert_eq!(seen["nodes"][0]["subject"], "rf_1");
        assert_eq!(seen["nodes"][0]["lastError"], "nobody answers");
        assert_eq!(seen["nodes"][0]["attempts"], 15);
        assert_eq!(seen["nodes"][1]["kind"], "sweep");
        assert_eq!(seen["nodes"][1]["subject"], Value::Null);
        let refused = anna.send(DEAD, json!({})).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused:#}");
        job::Entity::delete_many().filter(job::Column::State.eq(JobState::Dead)).exec(app.db()).await.unwrap();
    }

    async fn goodwill_is_hers_to_be_paid_out_and_says_why(app) {
        let mut tea = app.market("tea").await;
        earned(app, &mut tea).await;
        let (anna, operator) = (id(&tea.shopholder).await, app.operator().await);
        let made = operator.made(GIVE, gift(&anna, "5.00", "one")).await;
        assert_eq!(made["adjustment"]["kind"], "GOODWILL");
        assert_eq!(operator.made(GIVE, gift(&anna, "5.00", "one")).await, made, "once");
        assert_eq!(purse(&tea.shopholder).await.0, "13.10");
        let node = "query($id: ID!) { node(id: $id) { ... on Adjustment { reason } } }";
        let seen = tea.shopholder.ask(node, json!({ "id": made["adjustment"]["id"] })).await;
        assert_eq!(seen["node"]["reason"], "the parcel service lost her sample");
        let stranger = tea.owner.ask(node, json!({ "id": made["adjustment"]["id"] })).await;
        assert_eq!(stranger["node"], Value::Null);
        let all = operator.ask(ALL, json!({})).await;
        assert_eq!(all["adjustments"]["nodes"][0]["madeBy"]["name"], "operator");
        assert_eq!(tea.shopholder.error(ALL, json!({})).await, "FORBIDDEN");
    }

    async fn goodwill_pays_what_she_owes_first(app) {
        let mut tea = app.market("tea").await;
        indebted(app, &mut tea).await;
        let operator = app.vitrine().context("test");
        let operator = vitrine_domain::identity::account_with_email(operator.db(), &"operator@example.com".parse().unwrap()).await.unwrap().unwrap();
        let party = id(&tea.shopholder).await.parse().unwrap();
        let give = |minor: i64, key: &str| ledger::NewAdjustment {
            decision: ledger::Decision::Goodwill { party, amount: vitrine_model::money::Money::new(minor, vitrine_model::money::Currency::Eur) },
            reason: "an apology".parse().unwrap(),
            key: key.to_owned(),
        };
        let cx = app.vitrine().context("test");
        ledger::adjust(&cx, &operator, give(500, "first")).await.unwrap();
        assert_eq!(purse(&tea.shopholder).await, ("0.00".to_owned(), "3.10".to_owned()));
        ledger::adjust(&cx, &operator, give(500, "second")).await.unwrap();
        assert_eq!(purse(&tea.shopholder).await, ("1.90".to_owned(), "0.00".to_owned()));
    }

    async fn a_debt_is_written_off_as_far_as_it_goes(app) {
        let mut tea = app.market("tea").await;
        indebted(app, &mut tea).await;
        let operator = app.returning("operator@example.com").await;
        let anna = id(&tea.shopholder).await;
        let too_much = operator.tried(LET_OFF, gift(&anna, "8.11", "much")).await;
        assert_eq!(too_much["userErrors"][0]["code"], "MORE_THAN_OWED");
        assert_eq!(too_much["userErrors"][0]["message"], "8.10 EUR is owed now");
        let made = operator.made(LET_OFF, gift(&anna, "8.00", "off")).await;
        assert_eq!(purse(&tea.shopholder).await.1, "0.10");
        let back = json!({ "adjustmentId": made["adjustment"]["id"], "reason": "she paid after all", "idempotencyKey": "back" });
        let corrected = operator.made(CORRECT, back.clone()).await;
        assert_eq!(corrected["adjustment"]["corrects"]["id"], made["adjustment"]["id"]);
        assert_eq!(purse(&tea.shopholder).await.1, "8.10");
        let again = json!({ "adjustmentId": made["adjustment"]["id"], "reason": "twice", "idempotencyKey": "twice" });
        assert_eq!(operator.refused(CORRECT, again).await, "WRONG_STATE");
    }

    async fn a_debt_written_off_is_due_again_as_far_as_its_cause_comes_to_nothing(app) {
        let mut tea = app.market("tea").await;
        indebted(app, &mut tea).await;
        let operator = app.returning("operator@example.com").await;
        let anna = id(&tea.shopholder).await;
        let made = operator.made(LET_OFF, gift(&anna, "5.00", "off")).await;
        assert_eq!(purse(&tea.shopholder).await, ("0.00".to_owned(), "3.10".to_owned()));
        let list = app.stripe.api("/v1/refunds?limit=1").await;
        app.stripe.admin(&format!("refunds/{}/fail", text(&list["data"][0]["id"])), json!({})).await;
        app.settle().await;
        // She was paid 8.10 for the piece, and it stays sold: she has that, and no more.
        assert_eq!(purse(&tea.shopholder).await, ("0.00".to_owned(), "0.00".to_owned()));
        assert!(app.audit().await.is_green(), "{}", app.audit().await);
        let back = json!({ "adjustmentId": made["adjustment"]["id"], "reason": "twice", "idempotencyKey": "back" });
        assert_eq!(operator.refused(CORRECT, back).await, "WRONG_STATE", "nothing is left to take back");
        let cx = app.vitrine().context("test");
        let told = ledger::explain(cx.db(), &order_of_latest_refund(app).await).await.unwrap().unwrap().to_string();
        assert!(told.contains("What parties had been let off is due again"), "{told}");
    }

    async fn a_debt_written_off_before_is_no_matter_of_a_refund_that_fails(app) {
        let mut tea = app.market("tea").await;
        indebted(app, &mut tea).await;
        let operator = app.returning("operator@example.com").await;
        let anna = id(&tea.shopholder).await;
        operator.made(LET_OFF, gift(&anna, "8.10", "off")).await;
        earned(app, &mut tea).await;
        let another = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&another, 1)).await;
        app.wait(WINDOWS).await;
        tea.owner.come_back().await;
        refund(&tea.owner, &another, 1, "another").await;
        app.settle().await;
        tea.shopholder.come_back().await;
        let before = purse(&tea.shopholder).await;
        let list = app.stripe.api("/v1/refunds?limit=1").await;
        app.stripe.admin(&format!("refunds/{}/fail", text(&list["data"][0]["id"])), json!({})).await;
        app.settle().await;
        let cents = |amount: &str| amount.replace('.', "").parse::<i64>().unwrap();
        let worth = |(available, owed): &(String, String)| cents(available) - cents(owed);
        assert_eq!(worth(&purse(&tea.shopholder).await) - worth(&before), 810);
    }

    async fn goodwill_taken_back_after_it_was_spent_is_owed(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder).await;
        earned(app, &mut tea).await;
        let (anna, operator) = (id(&tea.shopholder).await, app.operator().await);
        // Payouts requested in one moment of the test's clock have no order.
        app.wait(TimeDelta::minutes(1)).await;
        let given = operator.made(GIVE, gift(&anna, "5.00", "gift")).await;
        operator.made(RUN, json!({ "idempotencyKey": "run" })).await;
        app.settle().await;
        assert_eq!(purse(&tea.shopholder).await.0, "0.00");
        assert_eq!(own(&tea.shopholder).await["payouts"]["nodes"].as_array().unwrap().len(), 2);
        let back = json!({ "adjustmentId": given["adjustment"]["id"], "reason": "wrong Anna", "idempotencyKey": "back" });
        operator.made(CORRECT, back).await;
        assert_eq!(purse(&tea.shopholder).await, ("0.00".to_owned(), "5.00".to_owned()));
    }

    async fn what_is_in_suspense_is_explained_and_leaves_it(app) {
        let operator = app.operator().await;
        let cx = app.vitrine().context("test");
        let tx = cx.begin().await.unwrap();
        let facts = vitrine_domain::ports::BalanceTransactionFacts {
            id: "txn_odd".to_owned(),
            kind: "climate_order_purchase".to_owned(),
            source: "climorder_1".to_owned(),
            amount: -500,
            fee: 0,
            net: -500,
            currency: vitrine_model::money::Currency::Eur,
            available_on: cx.now(),
            created: cx.now(),
        };
        ledger::apply_balance_transaction(&tx, &cx, &facts).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!app.audit().await.is_green());
        let told = |kind: &str, key: &str| json!({ "suspended": kind, "currency": "EUR", "target": "STRIPE_FEES", "reason": "carbon removal that finance ordered", "idempotencyKey": key });
        assert_eq!(operator.refused(EXPLAIN, told("climate_order_refund", "none")).await, "NOT_FOUND");
        let made = operator.made(EXPLAIN, told("climate_order_purchase", "one")).await;
        assert_eq!(made["adjustment"]["amount"]["amount"], "-5.00");
        assert_eq!(made["adjustment"]["target"], "STRIPE_FEES");
        assert_eq!(operator.refused(EXPLAIN, told("climate_order_purchase", "two")).await, "NOT_FOUND");
        assert!(app.audit().await.is_green());
    }

    async fn held_payouts_wait_and_go_on(app) {
        let mut tea = app.market("tea").await;
        onboard(app, &tea.shopholder).await;
        let (anna, mut operator) = (id(&tea.shopholder).await, app.operator().await);
        operator.made(HOLD, hold(&anna, "stop")).await;
        operator.made(HOLD, hold(&anna, "stop")).await;
        assert_eq!(operator.refused(HOLD, hold(&anna, "stop again")).await, "WRONG_STATE");
        earned(app, &mut tea).await;
        operator.come_back().await;
        operator.made(RUN, json!({ "idempotencyKey": "held" })).await;
        app.settle().await;
        let seen = own(&tea.shopholder).await;
        assert_eq!(seen["payoutHold"]["reason"], "we look into a complaint");
        assert_eq!(seen["payouts"]["nodes"], json!([]));
        operator.made(LIFT, hold(&anna, "go")).await;
        assert_eq!(operator.refused(LIFT, hold(&anna, "go again")).await, "WRONG_STATE");
        operator.made(RUN, json!({ "idempotencyKey": "free" })).await;
        app.settle().await;
        let seen = own(&tea.shopholder).await;
        assert_eq!(seen["payoutHold"], Value::Null);
        assert_eq!(seen["payouts"]["nodes"], json!([{ "amount": { "amount": "8.10" } }]));
    }

    async fn only_operators_decide_and_bad_input_changes_nothing(app) {
        let tea = app.market("tea").await;
        let (anna, operator) = (id(&tea.shopholder).await, app.operator().await);
        for (mutation, input) in [(GIVE, gift(&anna, "5.00", "k")), (LET_OFF, gift(&anna, "5.00", "k")), (HOLD, hold(&anna, "k"))] {
            assert_eq!(tea.shopholder.error(mutation, json!({ "in": input })).await, "FORBIDDEN");
        }
        for amount in ["0.00", "-5.00", "5.001", "NaN"] {
            assert_eq!(operator.refused(GIVE, gift(&anna, amount, "k")).await, "INVALID", "{amount}");
        }
        let mut dollars = gift(&anna, "5.00", "k");
        dollars["amount"]["currency"] = json!("GBP");
        assert_eq!(operator.refused(GIVE, dollars).await, "CURRENCY_NOT_SUPPORTED");
        let nobody = anna.replace(&anna[10..], "00000000000000000000000000")[..31].to_owned();
        assert_eq!(operator.refused(GIVE, gift(&nobody, "5.00", "k")).await, "NOT_FOUND");
        assert_eq!(operator.error(GIVE, json!({ "in": gift(&text(&json!("shop_1")), "5.00", "k") })).await, "BAD_USER_INPUT");
        assert_eq!(operator.refused(LET_OFF, gift(&anna, "5.00", "k")).await, "MORE_THAN_OWED");
        assert_eq!(operator.ask(ALL, json!({})).await["adjustments"]["nodes"], json!([]));
    }

    async fn an_orders_money_is_told_in_plain_words(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        refund(&tea.owner, &purchase, 1, "one").await;
        app.settle().await;
        let cx = app.vitrine().context("test");
        let told = ledger::explain(cx.db(), &purchase.order).await.unwrap().unwrap();
        let number = told.number.clone();
        let told = told.to_string();
        for words in [
            "The buyer paid",
            "+85.00 EUR  tea: held until the return window closes, for piece 1, tea teapot",
            "+8.10 EUR  tea-shopholder: held until the return window closes, for piece 1, tea teapot",
            "+4.90 EUR  tea: held until the return window closes, for shipping",
            "Stripe's fee was charged on to the brands that bear it",
            "A refund was decided",
            "+94.60 EUR  platform: owed to the buyer",
            "-94.60 EUR  platform: balance at Stripe",
        ] {
            assert!(told.contains(words), "{words}\n{told}");
        }
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        let told = ledger::explain(cx.db(), &purchase.order).await.unwrap().unwrap().to_string();
        for words in [
            "The buyer's bank disputes the payment",
            "tea: frozen by a dispute, for piece 2",
            "The dispute was decided",
            "Stripe's fee for the dispute was charged on",
            "platform: held back by Stripe in a dispute",
        ] {
            assert!(told.contains(words), "{words}\n{told}");
        }
        assert!(!told.contains("Something else"), "{told}");
        let by_number = ledger::explain(cx.db(), &number).await.unwrap().unwrap();
        assert_eq!(by_number.to_string(), told);
        assert!(ledger::explain(cx.db(), "V-0").await.unwrap().is_none());
    }
}
