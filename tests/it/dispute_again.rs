//! Disputes whose end is told before something else that it depends on: whatever comes first, the books end the same.

use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait as _, EntityTrait, PaginatorTrait, QueryFilter, Statement};
use serde_json::json;
use vitrine_domain::ledger;
use vitrine_model::checkout::{DisputeState, dispute};
use vitrine_model::event;
use vitrine_model::ledger::unit;

use crate::dispute::{charge, decided, disputed, purses, seen};
use crate::fulfillment::{SHIP, parcel};
use crate::refund::{REFUND, pieces, refund};
use crate::support::market::{Purchase, text};
use crate::support::{App, on_both};

/// What the platform bears because nobody else can.
pub(crate) async fn bad_debt(app: &App) -> i64 {
    let sql = "select cast(coalesce(sum(case when p.side = 'debit' then p.amount else -p.amount end), 0) as bigint) as n
        from posting p join ledger_account a on a.id = p.account_id where a.kind = 'expense:bad_debt'";
    let statement = Statement::from_string(app.db().get_database_backend(), sql);
    let row = app.db().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

/// What the purchase's units lost to the bank, in their order.
async fn lost(app: &App, purchase: &Purchase<'_>) -> Vec<i64> {
    let order = purchase.order.parse().unwrap();
    let units = ledger::units_of(app.db(), &[order]).await.unwrap();
    units
        .iter()
        .map(|unit| unit.paid - ledger::refundable(unit))
        .collect()
}

/// Stripe answers no call that makes a refund.
pub(crate) async fn no_refunds(app: &App) {
    let fault = json!({ "kind": "fail_before", "times": 10_000, "match": { "method": "POST", "path_prefix": "/v1/refunds" } });
    app.stripe.admin("faults", fault).await;
}

/// Stripe answers again, and time passes.
async fn stripe_is_back(app: &App) {
    app.stripe.clear_faults().await;
    for _ in 0..3 {
        app.wait(TimeDelta::hours(2)).await;
    }
    app.assert_agreed("Stripe is back").await;
}

async fn events(app: &App, kind: &str) -> u64 {
    let told = event::Entity::find().filter(event::Column::Kind.eq(kind));
    told.count(app.db()).await.unwrap()
}

on_both! {
    async fn a_refund_refused_after_its_dispute_was_lost_leaves_the_loss_with_the_parties(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        app.buy(&[(&ink, 1)]).await;
        disputed(app, json!({ "kind": "lost" })).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        no_refunds(app).await;
        refund(&tea.owner, &purchase, 1, "never made").await;
        app.settle().await;
        disputed(app, json!({ "kind": "lost" })).await;
        assert!(bad_debt(app).await > 0, "the piece goes back to the buyer, as far as is known");
        stripe_is_back(app).await;
        assert_eq!(bad_debt(app).await, 0);
        assert_eq!(purses(app, &tea).await, purses(app, &ink).await, "with Stripe's fee, as if no refund had been asked for");
        let order = seen(&purchase).await;
        assert_eq!((&order["paymentStatus"], &order["units"][0]["state"]), (&json!("CHARGED_BACK"), &json!("CHARGED_BACK")));
        assert_eq!(order["refunded"]["amount"], "0.00");
        assert_eq!(tea.owner.refused(SHIP, parcel(&purchase, 1)).await, "TOO_FEW_UNITS");
        assert_eq!(tea.owner.refused(REFUND, pieces(&purchase, 1, "again")).await, "TOO_FEW_UNITS");
        assert_eq!(events(app, "dispute.corrected").await, 1);
    }

    async fn a_refund_under_way_fails_before_or_after_its_dispute_is_lost(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let plan = json!({ "plan": "pending" });
        let usual = app.buy(&[(&ink, 2)]).await;
        app.stripe.admin(&format!("charges/{}/refunds", charge(app).await), plan.clone()).await;
        refund(&ink.owner, &usual, 1, "in order").await;
        app.settle().await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        let reversed = app.buy(&[(&tea, 2)]).await;
        let charge = charge(app).await;
        app.stripe.admin(&format!("charges/{charge}/refunds"), plan).await;
        refund(&tea.owner, &reversed, 1, "in reverse").await;
        app.settle().await;
        app.stripe.admin("deliveries", json!({ "mode": "hold" })).await;
        let made = app.stripe.admin(&format!("charges/{charge}/dispute"), json!({ "fee": 2000 })).await;
        let decide = format!("disputes/{}/decide", text(&made["id"]));
        app.stripe.admin(&decide, json!({ "outcome": "lost" })).await;
        app.stripe.admin("deliveries", json!({ "mode": "normal" })).await;
        app.stripe.admin("deliveries/release", json!({ "order": "reverse" })).await;
        app.settle().await;
        app.assert_agreed("in reverse").await;
        assert_eq!(bad_debt(app).await, 0);
        assert_eq!(lost(app, &reversed).await, lost(app, &usual).await);
        assert_eq!(purses(app, &tea).await, purses(app, &ink).await);
        assert_eq!(tea.owner.refused(SHIP, parcel(&reversed, 1)).await, "TOO_FEW_UNITS");
    }

    async fn an_inquiry_that_was_closed_and_is_lost_unheard_is_a_dispute_of_its_own(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        app.buy(&[(&ink, 1)]).await;
        disputed(app, json!({ "kind": "lost" })).await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let inquiry = disputed(app, json!({ "kind": "inquiry" })).await;
        app.stripe.admin("settings", json!({ "dispute_fee": 2000 })).await;
        came_to_nothing(app, &inquiry).await;
        app.go_deaf().await;
        for outcome in ["escalated", "lost"] {
            app.stripe.admin(&format!("disputes/{inquiry}/decide"), json!({ "outcome": outcome })).await;
        }
        app.settle().await;
        app.assert_agreed("asked, not told").await;
        assert_eq!(bad_debt(app).await, 0);
        assert_eq!(purses(app, &tea).await, purses(app, &ink).await);
        assert_eq!(seen(&purchase).await["paymentStatus"], "CHARGED_BACK");
        assert_eq!((events(app, "dispute.lost").await, events(app, "dispute.corrected").await), (2, 0));
    }

    async fn what_another_dispute_lets_go_of_bears_a_loss_that_nothing_bore(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let first = disputed(app, json!({ "amount": 4000 })).await;
        let whole = disputed(app, json!({ "amount": 9950, "beyond_refunds": true })).await;
        decided(app, &whole, json!({ "outcome": "lost" })).await;
        assert_eq!(bad_debt(app).await, 4000);
        decided(app, &first, json!({ "outcome": "won" })).await;
        assert_eq!(bad_debt(app).await, 0);
        assert_eq!(lost(app, &purchase).await.iter().sum::<i64>(), 9950);
    }
}

/// The bank closed its inquiry, as far as we were told.
async fn came_to_nothing(app: &App, inquiry: &str) {
    let closed = dispute::Entity::update_many()
        .col_expr(dispute::Column::State, Expr::value(DisputeState::Dropped))
        .col_expr(
            dispute::Column::DecidedAt,
            Expr::value(app.vitrine().context("test").now()),
        )
        .col_expr(
            dispute::Column::ClosedAt,
            Expr::value(app.vitrine().context("test").now()),
        )
        .filter(dispute::Column::StripeId.eq(inquiry));
    closed.exec(app.db()).await.unwrap();
    let free = unit::Entity::update_many().col_expr(
        unit::Column::DisputeId,
        Expr::value(None::<vitrine_model::id::DisputeId>),
    );
    free.exec(app.db()).await.unwrap();
}
