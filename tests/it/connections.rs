//! The loop over a single connection to the database: no command asks for a second one while its transaction has the
//! first. Under load it would wait for itself.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::fulfillment::{SHIP, parcel};
use crate::payout::onboard;
use crate::refund::refund;
use crate::support::{App, Kind, run_over};

async fn sell_ship_refund_and_pay_out(app: &App) {
    let mut tea = app.market("tea").await;
    onboard(app, &tea.owner, Some(&tea.brand)).await;
    onboard(app, &tea.shopholder, None).await;
    let purchase = app.buy(&[(&tea, 3)]).await;
    refund(&tea.owner, &purchase, 1, "before shipping").await;
    tea.owner.made(SHIP, parcel(&purchase, 2)).await;
    app.wait(TimeDelta::days(45)).await;
    app.wait(TimeDelta::days(1)).await;
    tea.owner.come_back().await;
    refund(&tea.owner, &purchase, 1, "after payout").await;
    app.wait(TimeDelta::days(1)).await;
    let called_off = app.buy(&[(&tea, 1)]).await;
    let cancel = "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { userErrors { message } } }";
    let input = json!({ "orderId": called_off.order, "idempotencyKey": "cancel" });
    called_off.buyer.made(cancel, input).await;
    app.wait(TimeDelta::days(1)).await;
    let seen =
        "query($id: ID!) { order(id: $id) { paymentStatus returnStatus refunds { state } lines { id } } }";
    let seen: Value = purchase.buyer.ask(seen, json!({ "id": purchase.order })).await;
    assert_eq!(seen["order"]["paymentStatus"], "PARTIALLY_REFUNDED");
}

#[test]
fn one_connection_is_enough_on_sqlite() {
    run_over(1, Kind::Sqlite, "one connection", sell_ship_refund_and_pay_out);
}

#[test]
fn one_connection_is_enough_on_postgresql() {
    run_over(1, Kind::Postgres, "one connection", sell_ship_refund_and_pay_out);
}
