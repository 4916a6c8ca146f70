//! Money commands given at once, as several people and several workers give them. They are told directly to the domain,
//! beneath the edges that do a command over which the database broke off: here every deadlock fails the test.

use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Statement};
use serde_json::json;
use vitrine_domain::checkout::{self, LineQuantity, LineRefusal, NewRefund, Refusal};
use vitrine_domain::context::Tx;
use vitrine_domain::failure::Failure;
use vitrine_domain::{ledger, payout};
use vitrine_model::checkout::refund;
use vitrine_model::id::{AccountId, OrderId};
use vitrine_model::identity::account;
use vitrine_model::ledger::{account as ledger_account, unit};

use crate::fulfillment::{SHIP, parcel};
use crate::payout::onboard;
use crate::refund::REFUND;
use crate::support::market::{Market, Purchase};
use crate::support::{App, Kind, on_both, run};

/// Each race is run so often: who wins is chance.
const ROUNDS: usize = 4;
/// Longer than every return window.
const WINDOWS: TimeDelta = TimeDelta::days(45);

/// A market that will not run out of anything.
async fn market<'a>(app: &'a App, name: &str) -> Market<'a> {
    let market = app.market(name).await;
    app.fill_warehouse(&market, 1000).await;
    // Stripe keeps its fees: another sale's money covers those of the orders that are refunded.
    app.buy(&[(&market, 3)]).await;
    market
}

/// Orders of two pieces of the market's product, all shipped.
async fn shipped<'a>(app: &'a App, market: &Market<'_>, orders: usize) -> Vec<Purchase<'a>> {
    let mut purchases = Vec::new();
    for _ in 0..orders {
        let purchase = app.buy(&[(market, 2)]).await;
        market.owner.made(SHIP, parcel(&purchase, 2)).await;
        purchases.push(purchase);
    }
    purchases
}

/// Every window closes, and nobody has noticed yet.
async fn windows_close(app: &App, market: &mut Market<'_>) {
    app.clock.advance(WINDOWS);
    app.stripe.advance(WINDOWS).await;
    market.owner.come_back().await;
}

async fn owner(app: &App, market: &Market<'_>) -> account::Model {
    let id: AccountId = market.owner.id.parse().unwrap();
    let found = account::Entity::find_by_id(id);
    found.one(app.db()).await.unwrap().unwrap()
}

/// Refunds one piece of the purchase's first line.
async fn refund_one(
    app: &App,
    by: &account::Model,
    purchase: &Purchase<'_>,
    key: &str,
) -> Result<refund::Model, Failure<Refusal>> {
    let new = NewRefund {
        order: purchase.order.parse().unwrap(),
        lines: vec![LineQuantity {
            line: purchase.lines[0].parse().unwrap(),
            quantity: 1,
        }],
        shipping: false,
        reason: "the spout drips".parse().unwrap(),
        restock: true,
        key: key.to_owned(),
    };
    checkout::refund_lines(&app.vitrine().context(key), by.into(), new).await
}

async fn release(app: &App, worker: &str) {
    ledger::release_due(&app.vitrine().context(worker)).await.unwrap();
}

/// Locks the ledger's accounts of a party.
async fn lock_accounts(tx: &Tx, party: &str) {
    let accounts = ledger_account::Entity::find().filter(ledger_account::Column::Owner.eq(party));
    accounts.lock_exclusive().all(tx).await.unwrap();
}

/// Returns once so many sessions of the test's own PostgreSQL database wait for somebody's lock.
async fn waiting(app: &App, sessions: i64) {
    let count = "select count(*) as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    loop {
        let row = Statement::from_string(DbBackend::Postgres, count);
        let row = app.db().query_one_raw(row).await.unwrap().unwrap();
        if row.try_get::<i64>("", "waiting").unwrap() >= sessions {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// A refund that holds a unit of an order and a release that holds its other ones both want the brand's account: whoever
/// has it must not want a unit again.
#[test]
fn a_refund_and_a_release_of_one_order_never_wait_in_a_circle() {
    run(Kind::Postgres, "refund and release", async |app| {
        let mut tea = market(app, "tea").await;
        let purchases = shipped(app, &tea, 2).await;
        windows_close(app, &mut tea).await;
        let by = owner(app, &tea).await;
        let held = app.vitrine().context("held").begin().await.unwrap();
        lock_accounts(&held, &tea.brand).await;
        let refunded = refund_one(app, &by, &purchases[0], "refund");
        let released = async {
            waiting(app, 1).await;
            release(app, "release").await;
        };
        let let_go = async {
            waiting(app, 2).await;
            held.commit().await.unwrap();
        };
        let (refunded, (), ()) = tokio::join!(refunded, released, let_go);
        refunded.unwrap();
        app.settle().await;
        app.assert_agreed("after the race").await;
    });
}

/// The edges do over what the database breaks off: someone who locks in another order makes a refund the victim of a
/// deadlock, and nobody who asked for it hears of that.
#[test]
fn a_mutation_broken_off_by_a_deadlock_is_done_over() {
    run(Kind::Postgres, "a deadlock", async |app| {
        let tea = market(app, "tea").await;
        // PostgreSQL breaks off whoever has waited for a second when it looks. On a slow machine that may be the other.
        for round in 1..10 {
            let purchase = app.buy(&[(&tea, 2)]).await;
            if refund_crossed(app, &tea, &purchase).await {
                let made = refund::Entity::find().all(app.db()).await.unwrap();
                assert_eq!(made.len(), round, "each was made once");
                app.settle().await;
                app.assert_agreed("after the race").await;
                return;
            }
        }
        panic!("no refund was ever broken off");
    });
}

/// Refunds a piece while somebody who holds the brand's accounts wants the order's units. Returns whether it was the refund
/// that was broken off.
async fn refund_crossed(app: &App, tea: &Market<'_>, purchase: &Purchase<'_>) -> bool {
    let input = json!({
        "orderId": purchase.order,
        "lines": [{ "orderLineId": purchase.lines[0], "quantity": 1 }],
        "reason": "the spout drips",
        "idempotencyKey": purchase.order,
    });
    let contrary = app.vitrine().context("contrary").begin().await.unwrap();
    lock_accounts(&contrary, &tea.brand).await;
    let crossed = async {
        waiting(app, 1).await;
        let order: OrderId = purchase.order.parse().unwrap();
        let units = unit::Entity::find().filter(unit::Column::OrderId.eq(order));
        let locked = units.lock_exclusive().all(&contrary).await;
        drop(contrary);
        locked.is_ok()
    };
    let (refunded, crossed) = tokio::join!(tea.owner.made(REFUND, input), crossed);
    assert_eq!(refunded["refund"]["amount"]["amount"], "94.60");
    crossed
}

on_both! {
    async fn refunds_and_releases_at_once_take_each_unit_once(app) {
        let mut tea = market(app, "tea").await;
        let by = owner(app, &tea).await;
        for round in 0..ROUNDS {
            let purchases = shipped(app, &tea, 3).await;
            windows_close(app, &mut tea).await;
            let refunds = purchases.iter().enumerate().map(async |(place, purchase)| {
                refund_one(app, &by, purchase, &format!("{round} {place}")).await.unwrap();
            });
            let releases = (0..2).map(|worker| release(app, if worker == 0 { "one" } else { "two" }));
            tokio::join!(join_all(refunds), join_all(releases));
            app.settle().await;
            let report = app.audit().await;
            assert!(report.is_green(), "{report}");
        }
        let refunds = refund::Entity::find().all(app.db()).await.unwrap();
        assert_eq!(refunds.len(), 3 * ROUNDS);
        app.settle().await;
        app.assert_agreed("after the race").await;
    }

    async fn refunds_of_one_line_at_once_never_exceed_what_was_bought(app) {
        let tea = market(app, "tea").await;
        let by = owner(app, &tea).await;
        for round in 0..ROUNDS {
            let purchase = app.buy(&[(&tea, 2)]).await;
            let attempts = ["a", "b", "c", "d"].map(async |key| refund_one(app, &by, &purchase, &format!("{round} {key}")).await);
            let mut made = 0;
            for outcome in join_all(attempts).await {
                match outcome {
                    Ok(_) => made += 1,
                    Err(Failure::Refused(refusal)) => {
                        assert_eq!(refusal, Refusal::Line(0, LineRefusal::TooFewUnits { left: 0 }));
                    }
                    Err(Failure::Fault(error)) => panic!("{error:#}"),
                }
            }
            assert_eq!(made, 2);
            app.settle().await;
            let charges = app.stripe.api("/v1/charges?limit=1").await;
            let (paid, back) = (&charges["data"][0]["amount"], &charges["data"][0]["amount_refunded"]);
            assert!(back.as_i64().unwrap() <= paid.as_i64().unwrap(), "{charges}");
            assert!(back.as_i64().unwrap() >= 2 * 9460, "{charges}");
        }
        app.settle().await;
        app.assert_agreed("after the race").await;
    }

    async fn workers_at_once_release_each_part_once(app) {
        let (mut tea, ink) = (market(app, "tea").await, market(app, "ink").await);
        for _ in 0..ROUNDS {
            let mut orders = Vec::new();
            for pieces in 1..4 {
                let purchase = app.buy(&[(&tea, pieces), (&ink, 1)]).await;
                tea.owner.made(SHIP, parcel(&purchase, pieces)).await;
                orders.push(purchase.order);
            }
            windows_close(app, &mut tea).await;
            join_all(["one", "two", "three"].map(|worker| release(app, worker))).await;
            app.settle().await;
            let shipped = unit::Entity::find().filter(unit::Column::ShippedAt.is_not_null());
            for unit in shipped.all(app.db()).await.unwrap() {
                assert!(unit.brand_released_at.is_some() && unit.shop_released_at.is_some(), "{unit:?}");
                assert_eq!((unit.brand_held, unit.shop_held, unit.platform_held), (0, 0, 0));
            }
            let report = app.audit().await;
            assert!(report.is_green(), "{report}");
        }
        app.settle().await;
        app.assert_agreed("after the race").await;
    }

    async fn payments_of_one_product_at_once_are_each_booked_once(app) {
        let (tea, ink) = (market(app, "tea").await, market(app, "ink").await);
        for round in 0..ROUNDS {
            let before = app.on_hand(&tea).await;
            for (one, other) in [(&tea, &ink), (&ink, &tea), (&tea, &ink)] {
                app.pay(&[(one, 1), (other, 2)]).await;
            }
            app.stripe.settle().await;
            for outcome in join_all((0..3).map(|_| vitrine::settle(app.vitrine()))).await {
                outcome.unwrap();
            }
            app.settle().await;
            assert_eq!(before - app.on_hand(&tea).await, 4, "round {round}");
            let report = app.audit().await;
            assert!(report.is_green(), "{report}");
        }
        let failed = job_errors(app).await;
        assert!(failed.is_empty(), "{failed:?}");
        app.settle().await;
        app.assert_agreed("after the race").await;
    }

    async fn payout_runs_of_two_nodes_at_once_spend_the_balance_once(app) {
        let mut tea = market(app, "tea").await;
        onboard(app, &tea.owner, Some(&tea.brand)).await;
        onboard(app, &tea.shopholder, None).await;
        for round in 1..=ROUNDS {
            shipped(app, &tea, 2).await;
            windows_close(app, &mut tea).await;
            release(app, "release").await;
            let nodes = ["one", "two"].map(|node| app.vitrine().context(node));
            for outcome in join_all(nodes.iter().map(payout::run)).await {
                outcome.unwrap();
            }
            app.settle().await;
            payout::run(&nodes[0]).await.unwrap();
            app.settle().await;
            let sent = app.stripe.books().await["counts"]["transfers"].clone();
            assert_eq!(sent, json!(2 * round), "one transfer a payee and round");
            let report = app.audit().await;
            assert!(report.is_green(), "{report}");
        }
        app.settle().await;
        app.assert_agreed("after the race").await;
    }
}

async fn job_errors(app: &App) -> Vec<String> {
    use vitrine_model::job;
    let failed = job::Entity::find().filter(job::Column::LastError.is_not_null());
    let failed = failed.all(app.db()).await.unwrap();
    failed.into_iter().filter_map(|job| job.last_error).collect()
}
