//! Reconciliation: what no event told is found, what does not agree is shown, and with all events lost the books are the
//! same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};
use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_domain::ports::BalanceTransactionFacts;
use vitrine_domain::reconcile::{self, Attempt};
use vitrine_model::job;
use vitrine_model::money::Currency;
use vitrine_model::reconciliation;
use vitrine_model::reconciliation::difference::DifferenceKind;

use crate::fulfillment::{SHIP, parcel};
use crate::refund::refund;
use crate::support::market::{Market, Purchase, text};
use crate::support::{App, FRONTEND, Person, STRIPE_KEY, on_both};

const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url payoutAccount { id status } } userErrors { code message } } }";
const SEEN: &str = "{ reconciliation { lastRunAt differences(first: 10) { nodes { kind subject amount { amount currency } detail firstSeenAt lastSeenAt } } } }";
const EXPLAIN: &str = "mutation($in: MovementExplainInput!) { movementExplain(input: $in) { adjustment { id amount { amount } source target } userErrors { code field message } } }";
const CORRECT: &str = "mutation($in: AdjustmentCorrectInput!) { adjustmentCorrect(input: $in) { adjustment { id } userErrors { code field message } } }";
const ACCOUNT: &str = "{ viewer { payoutAccount { status } earnings { available { amount } } } }";

/// Sends a form to Stripe as the platform's operator would by hand.
async fn by_hand(app: &App, path: &str, form: &[(&str, &str)]) -> Value {
    let request = app.http.post(format!("{}{path}", app.stripe.url()));
    let answer = request.bearer_auth(STRIPE_KEY).form(form).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

async fn latest(app: &App, list: &str) -> String {
    text(&app.stripe.api(&format!("/v1/{list}?limit=1")).await["data"][0]["id"])
}

fn wish(brand: Option<&str>) -> Value {
    json!({
        "brandId": brand,
        "country": "DE",
        "returnUrl": format!("{FRONTEND}/payouts"),
        "refreshUrl": format!("{FRONTEND}/payouts?again"),
    })
}

async fn onboard(app: &App, person: &Person<'_>, brand: Option<&str>) -> String {
    let made = person.made(LINK, wish(brand)).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
    app.settle().await;
    latest(app, "accounts").await
}

async fn sign_in(markets: &mut [&mut Market<'_>]) {
    for market in markets {
        for person in [&mut market.owner, &mut market.shopholder] {
            person.come_back().await;
        }
    }
}

/// Disputes the latest charge.
async fn dispute(app: &App, how: Value) -> String {
    let charge = latest(app, "charges").await;
    let made = app.stripe.admin(&format!("charges/{charge}/dispute"), how).await;
    text(&made["id"])
}

/// Two markets, and who bought what there.
struct World<'a> {
    tea: Market<'a>,
    ink: Market<'a>,
    /// Two pieces of tea's, one of ink's.
    both: Purchase<'a>,
    /// One piece of tea's.
    alone: Purchase<'a>,
    /// The shopholder's account at Stripe.
    account: String,
}

/// Everything that happens to money, told by events or not.
async fn live_through(app: &App) {
    let mut world = Box::pin(sell(app)).await;
    Box::pin(give_back(app, &world)).await;
    Box::pin(object(app, &world)).await;
    Box::pin(pay_out(app, &mut world)).await;
}

async fn sell(app: &App) -> World<'_> {
    let (tea, ink) = (app.market("tea").await, app.market("ink").await);
    let account = onboard(app, &tea.shopholder, None).await;
    onboard(app, &tea.owner, Some(&tea.brand)).await;
    onboard(app, &ink.owner, Some(&ink.brand)).await;
    let both = app.buy(&[(&tea, 2), (&ink, 1)]).await;
    let alone = app.buy(&[(&tea, 1)]).await;
    World {
        tea,
        ink,
        both,
        alone,
        account,
    }
}

/// One refund goes through, one comes back days later; and an order is paid twice.
async fn give_back(app: &App, world: &World<'_>) {
    let twice = app.buy(&[(&world.ink, 2)]).await;
    refund(&world.tea.owner, &world.both, 1, "before payout").await;
    app.settle().await;
    refund(&world.ink.owner, &twice, 1, "comes back").await;
    app.settle().await;
    let failing = latest(app, "refunds").await;
    app.wait(TimeDelta::days(3)).await;
    app.stripe
        .admin(&format!("refunds/{failing}/fail"), json!({}))
        .await;
    app.settle().await;
    let form = [
        ("amount", "5000"),
        ("currency", "eur"),
        ("transfer_group", world.both.order.as_str()),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
    ];
    by_hand(app, "/v1/payment_intents", &form).await;
    app.settle().await;
}

/// A bank asks about one sale and drops it, and takes another's money back for good.
async fn object(app: &App, world: &World<'_>) {
    let doubted = app.buy(&[(&world.ink, 1)]).await;
    app.wait(TimeDelta::minutes(5)).await;
    let inquiry = dispute(app, json!({ "kind": "inquiry", "fee": 2000 })).await;
    app.settle().await;
    let drop = json!({ "outcome": "warning_closed" });
    app.stripe
        .admin(&format!("disputes/{inquiry}/decide"), drop)
        .await;
    app.settle().await;
    app.buy(&[(&world.ink, 1)]).await;
    app.wait(TimeDelta::minutes(5)).await;
    let chargeback = dispute(app, json!({ "fee": 2000 })).await;
    app.settle().await;
    let lost = json!({ "outcome": "lost" });
    app.stripe
        .admin(&format!("disputes/{chargeback}/decide"), lost)
        .await;
    app.wait(TimeDelta::days(2)).await;
    world.ink.owner.made(SHIP, parcel(&doubted, 1)).await;
}

/// All windows pass, one account is restricted for a while, and what was paid out is refunded and asked back.
async fn pay_out(app: &App, world: &mut World<'_>) {
    for purchase in [&world.both, &world.alone] {
        world.tea.owner.made(SHIP, parcel(purchase, 1)).await;
    }
    app.wait(TimeDelta::days(20)).await;
    app.stripe
        .admin(&format!("accounts/{}/restrict", world.account), json!({}))
        .await;
    app.wait(TimeDelta::days(25)).await;
    sign_in(&mut [&mut world.tea, &mut world.ink]).await;
    app.wait(TimeDelta::days(2)).await;
    app.stripe
        .admin(&format!("accounts/{}/enable", world.account), json!({}))
        .await;
    app.wait(TimeDelta::days(2)).await;
    refund(&world.tea.owner, &world.alone, 1, "after payout").await;
    app.settle().await;
    app.wait(TimeDelta::days(2)).await;
}

/// The books, with every id replaced by whom or what it stands for: of each effect, how often it was posted, and what it
/// moved in all on each account. Which of several units was released first is left to chance, and with it which release
/// paid a debt.
async fn books(app: &App) -> BTreeMap<String, i64> {
    let sql = "select t.id as id, t.key as effect, p.side as side, p.amount as amount, a.kind as kind, a.owner as owner,
            a.currency as currency
        from ledger_transaction t join posting p on p.transaction_id = t.id join ledger_account a on a.id = p.account_id";
    let names = names(app).await;
    let query = Statement::from_string(app.db().get_database_backend(), sql);
    let (mut books, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for row in app.db().query_all_raw(query).await.unwrap() {
        let of = |column: &str| row.try_get::<String>("", column).unwrap();
        let (id, amount): (i64, i64) = (row.try_get("", "id").unwrap(), row.try_get("", "amount").unwrap());
        let (effect, owner) = (nameless(&of("effect")), of("owner"));
        let owner = names.get(&owner).unwrap_or(&owner);
        if seen.insert(id) {
            *books.entry(format!("{effect}: times")).or_default() += 1;
        }
        let place = format!(
            "{effect}: {} {} {owner} {}",
            of("side"),
            of("kind"),
            of("currency")
        );
        *books.entry(place).or_default() += amount;
    }
    books
}

/// Brands by their handles, people by their addresses.
async fn names(app: &App) -> BTreeMap<String, String> {
    use vitrine_model::catalog::brand;
    use vitrine_model::identity::account;
    let brands = brand::Entity::find().all(app.db()).await.unwrap();
    let people = account::Entity::find().all(app.db()).await.unwrap();
    let brands = brands
        .into_iter()
        .map(|row| (row.id.to_string(), row.handle.to_string()));
    brands
        .chain(
            people
                .into_iter()
                .map(|row| (row.id.to_string(), row.email.to_string())),
        )
        .collect()
}

/// `charge:ch_1abc:paid` without its id.
fn nameless(key: &str) -> String {
    let parts = key.split(':').map(|part| part.split('_').next().unwrap_or(part));
    parts.collect::<Vec<_>>().join(":")
}

async fn assert_agrees(app: &App) {
    let report = app.reconcile().await;
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    let held = app.stripe.books().await["balance"]["eur"].clone();
    let held = held["available"].as_i64().unwrap() + held["pending"].as_i64().unwrap_or(0);
    let eur = report
        .cash
        .iter()
        .find(|cash| cash.currency == Currency::Eur)
        .unwrap();
    assert_eq!((eur.books, eur.provider), (held, held));
}

/// A movement in our books that Stripe never made, of a kind that nobody understands.
async fn plant_odd_movement(app: &App) {
    let cx = app.vitrine().context("plant");
    let odd = BalanceTransactionFacts {
        id: "txn_odd".to_owned(),
        kind: "climate_order_purchase".to_owned(),
        source: "climorder_1".to_owned(),
        amount: -700,
        fee: 0,
        net: -700,
        currency: Currency::Eur,
        available_on: cx.now(),
        created: cx.now(),
    };
    let tx = cx.begin().await.unwrap();
    ledger::apply_balance_transaction(&tx, &cx, &odd).await.unwrap();
    tx.commit().await.unwrap();
}

on_both! {
    async fn with_all_events_lost_the_books_are_the_same(app) {
        // The same chance, so that ties are broken alike.
        let heard = app.another("with_all_events_lost_the_books_are_the_same").await;
        // Events alone must do here.
        job::Entity::delete_many().filter(job::Column::Kind.eq("reconcile")).exec(heard.db()).await.unwrap();
        Box::pin(live_through(&heard)).await;
        app.go_deaf().await;
        Box::pin(live_through(app)).await;
        assert_agrees(app).await;
        assert_agrees(&heard).await;
        let (told, found) = (books(&heard).await, books(app).await);
        let differ: Vec<_> = told.keys().chain(found.keys()).filter(|effect| found.get(*effect) != told.get(*effect)).collect();
        assert!(differ.is_empty(), "{differ:#?}\ntold: {told:#?}\nfound: {found:#?}");
        for effect in ["refund:refund:failed", "charge:ch:unexpected", "payout:po:requested", "reversal:rev:requested", "dispute:"] {
            assert!(told.keys().any(|key| key.starts_with(effect)), "nothing came of {effect}: {told:#?}");
        }
        heard.end().await;
    }

    async fn a_refund_made_by_hand_at_stripe_is_shown_with_its_age(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        app.wait(TimeDelta::minutes(5)).await;
        let charge = latest(app, "charges").await;
        let made = by_hand(app, "/v1/refunds", &[("charge", &charge), ("amount", "1000")]).await;
        app.settle().await;
        assert_eq!(app.reconcile().await.differences.len(), 0, "an answer of our own may be on its way");
        app.wait(TimeDelta::hours(2)).await;
        let report = app.reconcile().await;
        assert!(report.cash.iter().all(|cash| cash.books == cash.provider), "the money is in the books all the same");
        let operator = app.operator().await;
        let seen = operator.ask(SEEN, json!({})).await["reconciliation"].clone();
        assert!(seen["lastRunAt"].is_string());
        let open = seen["differences"]["nodes"].as_array().unwrap().clone();
        assert_eq!(open.len(), 1, "{open:#?}");
        assert_eq!((&open[0]["kind"], &open[0]["subject"]), (&json!("CLEARING"), &made["id"]));
        assert_eq!(open[0]["amount"], json!({ "amount": "-10.00", "currency": "EUR" }));
        app.wait(TimeDelta::days(1)).await;
        let later = operator.ask(SEEN, json!({})).await["reconciliation"]["differences"]["nodes"][0].clone();
        assert_eq!(later["firstSeenAt"], open[0]["firstSeenAt"], "its age grows");
        assert_ne!(later["lastSeenAt"], open[0]["lastSeenAt"]);
        assert_eq!(tea.owner.error(SEEN, json!({})).await, "FORBIDDEN");
        assert_eq!(app.nobody().error(SEEN, json!({})).await, "UNAUTHENTICATED");
        let metrics = app.http.get(app.url("/metrics")).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains("vitrine_reconciliation_differences "), "{metrics}");
    }

    async fn what_was_moved_by_hand_is_explained_and_no_difference_any_more(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let charge = latest(app, "charges").await;
        let made = by_hand(app, "/v1/refunds", &[("charge", &charge), ("amount", "1000")]).await;
        app.settle().await;
        app.reconcile().await;
        let operator = app.operator().await;
        let told = |source: &Value, key: &str| json!({ "source": source, "target": "GOODWILL", "reason": "she called, and we gave it back", "idempotencyKey": key });
        assert_eq!(tea.owner.error(EXPLAIN, json!({ "in": told(&made["id"], "mine") })).await, "FORBIDDEN");
        assert_eq!(operator.refused(EXPLAIN, told(&made["id"], "early")).await, "NOT_FOUND", "it may still turn out to be ours");
        app.wait(TimeDelta::hours(2)).await;
        assert_eq!(app.reconcile().await.differences.len(), 1);
        assert_eq!(operator.refused(EXPLAIN, told(&json!("re_nowhere"), "none")).await, "NOT_FOUND");
        assert_eq!(operator.refused(EXPLAIN, told(&json!(charge), "ours")).await, "NOT_FOUND", "what is ours explains itself");
        let explained = operator.made(EXPLAIN, told(&made["id"], "one")).await["adjustment"].clone();
        assert_eq!(explained["amount"]["amount"], "-10.00");
        assert_eq!((&explained["source"], &explained["target"]), (&made["id"], &json!("GOODWILL")));
        assert_eq!(operator.refused(EXPLAIN, told(&made["id"], "two")).await, "NOT_FOUND");
        assert_eq!(app.reconcile().await.differences, vec![], "it is explained");
        assert!(app.audit().await.is_green());
        // What was given by hand is the platform's: the buyer has her rights all the same.
        refund(&tea.owner, &purchase, 1, "own").await;
        app.settle().await;
        let back = json!({ "adjustmentId": explained["id"], "reason": "it was the brand's", "idempotencyKey": "back" });
        operator.made(CORRECT, back).await;
        app.wait(TimeDelta::hours(2)).await;
        assert_eq!(app.reconcile().await.differences.len(), 1, "and it is shown again once that was taken back");
        operator.made(EXPLAIN, told(&made["id"], "three")).await;
        assert_eq!(app.reconcile().await.differences, vec![]);
    }

    async fn a_dispute_of_a_charge_made_by_hand_is_shown_and_explained(app) {
        let operator = app.operator().await;
        let form = [("amount", "5000"), ("currency", "eur"), ("payment_method", "pm_card_visa"), ("payment_method_types[]", "card"), ("confirm", "true")];
        by_hand(app, "/v1/payment_intents", &form).await;
        let charge = latest(app, "charges").await;
        let disputed = dispute(app, json!({ "kind": "lost" })).await;
        app.settle().await;
        app.reconcile().await;
        app.wait(TimeDelta::hours(2)).await;
        let subjects = async || {
            let open = app.reconcile().await.differences;
            open.iter().map(|open| (open.kind, open.subject.clone(), open.amount)).collect::<BTreeSet<_>>()
        };
        let both = [(DifferenceKind::Clearing, charge.clone(), Some(5000)), (DifferenceKind::Clearing, disputed.clone(), Some(-5000))];
        assert_eq!(subjects().await, both.into());
        for source in [charge, disputed] {
            let told = json!({ "source": source, "target": "BAD_DEBT", "reason": "somebody tried the terminal", "idempotencyKey": source });
            operator.made(EXPLAIN, told).await;
            assert!(app.audit().await.is_green(), "{}", app.audit().await);
        }
        assert_eq!(subjects().await, BTreeSet::new());
        app.assert_agreed("explained").await;
    }

    async fn money_in_a_currency_that_nobody_knows_is_shown_until_it_is_gone(app) {
        let moved = async |amount: i64| {
            let movement = json!({ "type": "topup", "amount": amount, "currency": "huf" });
            app.stripe.admin("balance_transactions", movement).await;
            app.reconcile().await.differences
        };
        let open = moved(50_000).await;
        assert_eq!(open.len(), 1, "{open:#?}");
        assert_eq!((open[0].kind, &*open[0].subject, open[0].currency), (DifferenceKind::Cash, "HUF", None));
        assert!(open[0].detail.as_ref().unwrap().contains("50000"), "{open:#?}");
        assert_eq!(moved(-50_000).await, vec![]);
    }

    async fn what_is_ours_and_explained_as_moved_by_hand_is_found_by_the_audit(app) {
        app.will_be_corrupted();
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        let charge = latest(app, "charges").await;
        let made = by_hand(app, "/v1/refunds", &[("charge", &charge), ("amount", "1000")]).await;
        app.settle().await;
        app.wait(TimeDelta::hours(2)).await;
        app.reconcile().await;
        let told = json!({ "source": made["id"], "target": "GOODWILL", "reason": "she called", "idempotencyKey": "one" });
        app.operator().await.made(EXPLAIN, told).await;
        refund(&tea.owner, &purchase, 1, "own").await;
        app.settle().await;
        // As if ours had been told late.
        let hand = text(&made["id"]);
        app.db().execute_unprepared(&format!("update refund set stripe_refund_id = '{hand}'")).await.unwrap();
        let report = app.audit().await;
        let mut found = report.checks.iter().flat_map(|check| &check.findings);
        assert!(found.any(|finding| finding.place == hand && finding.what.contains("take the explanation back")), "{report}");
    }

    async fn what_is_not_understood_and_a_balance_that_differs_are_shown(app) {
        app.will_be_corrupted();
        plant_odd_movement(app).await;
        let report = app.reconcile().await;
        let open: Vec<_> = report.differences.iter().map(|row| (row.kind, row.subject.as_str(), row.amount)).collect();
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(open.contains(&(DifferenceKind::Cash, "EUR", Some(700))), "{open:?}");
        assert!(open.contains(&(DifferenceKind::Suspense, "climate_order_purchase", Some(-700))), "{open:?}");
    }

    async fn the_command_line_tells_what_agrees_and_ends_with_a_status(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        app.wait(TimeDelta::minutes(5)).await;
        let told = app.command(&["reconcile"]);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success(), "{text}{}", String::from_utf8_lossy(&told.stderr));
        assert!(text.contains("ok     the books say") && text.ends_with("The books and Stripe agree.\n"), "{text}");
        app.will_be_corrupted();
        plant_odd_movement(app).await;
        let told = app.command(&["reconcile"]);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!(told.status.code(), Some(1), "{text}");
        assert!(text.contains("WRONG") && text.contains("suspense  climate_order_purchase -7.00 EUR, for 0 minutes"), "{text}");
    }

    async fn what_fails_does_not_stop_the_rest_and_is_gone_once_it_works(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        app.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        let charge = latest(app, "charges").await;
        by_hand(app, "/v1/refunds", &[("charge", &charge), ("amount", "100")]).await;
        let refund = latest(app, "refunds").await;
        by_hand(app, "/v1/refunds", &[("charge", &charge), ("amount", "200")]).await;
        let fault = json!({ "kind": "fail_before", "times": 100, "match": { "method": "GET", "path_prefix": format!("/v1/refunds/{refund}") } });
        app.stripe.admin("faults", fault).await;
        let report = app.reconcile().await;
        let failed: Vec<_> = report.failed.iter().map(|failed| failed.subject.clone()).collect();
        assert_eq!(failed, std::slice::from_ref(&refund));
        assert!(report.applied >= 1, "the other was applied");
        assert!(report.differences.iter().any(|row| row.kind == DifferenceKind::Object && row.subject == refund));
        let cursor = reconciliation::Entity::find_by_id(1).one(app.db()).await.unwrap().unwrap().cursor;
        assert_eq!(cursor, None, "it is read again");
        let request = app.http.delete(format!("{}/_sandbox/faults", app.stripe.url()));
        request.send().await.unwrap();
        let report = app.reconcile().await;
        assert_eq!(report.failed, []);
        assert!(report.differences.iter().all(|row| row.kind != DifferenceKind::Object && row.kind != DifferenceKind::Cash));
    }

    async fn one_run_at_a_time_over_all_nodes(app) {
        let contexts: Vec<_> = (0..4).map(|node| app.vitrine().context(&format!("node {node}"))).collect();
        let outcomes = futures::future::join_all(contexts.iter().map(reconcile::run)).await;
        let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Attempt::Made(_)))).count();
        assert!(made >= 1 && outcomes.iter().all(Result::is_ok));
        // A node that fell silent in the middle.
        let cx = app.vitrine().context("test");
        reconciliation::Entity::update_many()
            .col_expr(reconciliation::Column::Token, Expr::value("another node"))
            .col_expr(reconciliation::Column::LeasedUntil, Expr::value(cx.now() + TimeDelta::minutes(10)))
            .exec(app.db())
            .await
            .unwrap();
        assert!(matches!(reconcile::run(&cx).await.unwrap(), Attempt::UnderWay));
        app.wait(TimeDelta::minutes(11)).await;
        app.reconcile().await;
    }

    async fn the_job_comes_back_by_itself(app) {
        let tea = app.market("tea").await;
        app.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        app.wait(TimeDelta::hours(2)).await;
        let operator = app.operator().await;
        let first = operator.ask(SEEN, json!({})).await["reconciliation"]["lastRunAt"].clone();
        assert!(first.is_string());
        let account = onboard(app, &tea.shopholder, None).await;
        app.wait(TimeDelta::hours(1)).await;
        assert_ne!(operator.ask(SEEN, json!({})).await["reconciliation"]["lastRunAt"], first);
        let seen = tea.shopholder.ask(ACCOUNT, json!({})).await;
        assert_eq!(seen["viewer"]["payoutAccount"]["status"], "ACTIVE", "{account}");
    }

    async fn an_account_rejected_or_deleted_keeps_its_money_and_says_what_to_do(app) {
        let mut tea = app.market("tea").await;
        let account = onboard(app, &tea.shopholder, None).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        app.stripe.admin(&format!("accounts/{account}/reject"), json!({})).await;
        app.wait(TimeDelta::days(45)).await;
        sign_in(&mut [&mut tea]).await;
        let seen = tea.shopholder.ask(ACCOUNT, json!({})).await;
        assert_eq!(seen["viewer"]["payoutAccount"]["status"], "REJECTED");
        assert_eq!(seen["viewer"]["earnings"][0]["available"]["amount"], "8.10", "it stays hers");
        assert_eq!(tea.shopholder.refused(LINK, wish(None)).await, "PROVIDER_REFUSED");
        assert_eq!(app.stripe.books().await["counts"]["transfers"], json!(0));
        assert!(app.mails().iter().any(|mail| mail.contains("was closed by Stripe")));

        app.stripe.admin(&format!("accounts/{account}/enable"), json!({})).await;
        let request = app.http.delete(format!("{}/v1/accounts/{account}", app.stripe.url()));
        let answer = request.bearer_auth(STRIPE_KEY).send().await.unwrap();
        assert!(answer.status().is_success());
        app.reconcile().await;
        assert_eq!(tea.shopholder.ask(ACCOUNT, json!({})).await["viewer"]["payoutAccount"]["status"], "DELETED");
        onboard(app, &tea.shopholder, None).await;
        app.wait(TimeDelta::days(2)).await;
        let seen = tea.shopholder.ask(ACCOUNT, json!({})).await;
        assert_eq!(seen["viewer"]["payoutAccount"]["status"], "ACTIVE");
        assert_eq!(app.stripe.books().await["counts"]["transfers"], json!(0), "payouts wait after a change of account");
        app.wait(TimeDelta::days(2)).await;
        assert_eq!(app.stripe.books().await["counts"]["transfers"], json!(1), "paid to the new one");
        app.reconcile().await;
    }
}
