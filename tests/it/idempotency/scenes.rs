//! What must be there before a request can be sent, and who sends it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_domain::ports::BalanceTransactionFacts;
use vitrine_model::money::Currency;

use super::Scene;
use crate::dispute;
use crate::fulfillment::{RETURN, SHIP, hire, parcel};
use crate::operator::{GIVE, HOLD, earned, gift as a_gift, hold, id, indebted, onboard};
use crate::refund::pieces;
use crate::support::market::text;
use crate::support::{App, Person};

/// What a helper made for requests with a key, without its key.
fn bare(mut input: Value) -> Value {
    input.as_object_mut().unwrap().remove("idempotencyKey");
    input
}

/// The same input with one value changed.
fn but(input: &Value, field: &str, value: Value) -> Option<Value> {
    let mut other = input.clone();
    other[field] = value;
    Some(other)
}

/// Two who run the platform.
async fn operators(app: &App) -> (Person<'_>, Person<'_>) {
    let one = app.operator().await;
    let other = app.someone("second-operator").await;
    let cx = app.vitrine().context("test");
    vitrine_domain::identity::grant_operator(&cx, other.email.parse().unwrap())
        .await
        .unwrap();
    (one, other)
}

/// Who runs the platform in a scene that has made the first already.
async fn signed_in(app: &App) -> (Person<'_>, Person<'_>) {
    let mut one = app.nobody();
    one.email = "operator@example.com".to_owned();
    one.come_back().await;
    let other = app.someone("second-operator").await;
    let cx = app.vitrine().context("test");
    vitrine_domain::identity::grant_operator(&cx, other.email.parse().unwrap())
        .await
        .unwrap();
    (one, other)
}

/// A guest whom nobody knows.
fn stranger(app: &App) -> Person<'_> {
    app.nobody().holding("vg_nobody")
}

/// A cart that can be ordered.
pub(super) async fn cart(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    let (by, input) = app.filled_cart(&[(&tea, 1)]).await;
    Scene {
        otherwise: but(&input, "cancelUrl", json!("https://shop.example.com/elsewhere")),
        by,
        another: stranger(app),
        input: bare(input),
    }
}

/// An order that awaits its payment.
pub(super) async fn unpaid(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    let (by, order) = app.order(&[(&tea, 1)]).await;
    Scene {
        by,
        another: stranger(app),
        input: json!({ "orderId": order }),
        otherwise: Some(json!({ "orderId": "order_00000000000000000000000000" })),
    }
}

/// An order that was paid; another leaves Stripe the money to refund it.
pub(super) async fn paid(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    app.buy(&[(&tea, 1)]).await;
    let bought = app.buy(&[(&tea, 1)]).await;
    Scene {
        input: json!({ "orderId": bought.order }),
        by: bought.buyer,
        another: stranger(app),
        otherwise: Some(json!({ "orderId": "order_00000000000000000000000000" })),
    }
}

/// Two pieces that can be refunded.
pub(super) async fn to_refund(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    app.buy(&[(&tea, 1)]).await;
    let bought = app.buy(&[(&tea, 2)]).await;
    let input = bare(pieces(&bought, 2, ""));
    Scene {
        by: app.operator().await,
        another: hire(app, &tea, "mona", "MANAGER").await,
        otherwise: but(&input, "reason", json!("another one")),
        input,
    }
}

/// Two pieces that can be shipped.
pub(super) async fn to_ship(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    let bought = app.buy(&[(&tea, 2)]).await;
    let input = parcel(&bought, 2);
    Scene {
        by: hire(app, &tea, "sam", "SHIPPER").await,
        another: hire(app, &tea, "mona", "MANAGER").await,
        otherwise: but(&input, "trackingCode", json!("T-2")),
        input,
    }
}

/// A variant whose stock is counted.
pub(super) async fn stock(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    app.order(&[(&tea, 1)]).await;
    let input = json!({ "variantId": tea.variant.to_string(), "onHand": 7 });
    Scene {
        by: hire(app, &tea, "sue", "MANAGER").await,
        another: hire(app, &tea, "mona", "MANAGER").await,
        otherwise: but(&input, "onHand", json!(8)),
        input,
    }
}

/// Earnings that can be paid out.
pub(super) async fn earnings(app: &App) -> Scene<'_> {
    let mut tea = app.market("tea").await;
    onboard(app, &tea.shopholder).await;
    earned(app, &mut tea).await;
    let (by, another) = operators(app).await;
    Scene {
        by,
        another,
        input: json!({}),
        otherwise: None,
    }
}

/// Someone who earns.
pub(super) async fn party(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    let (by, another) = operators(app).await;
    let input = bare(hold(&id(&tea.shopholder).await, ""));
    Scene {
        by,
        another,
        otherwise: but(&input, "reason", json!("we look into another")),
        input,
    }
}

/// Someone whose payouts are held.
pub(super) async fn held(app: &App) -> Scene<'_> {
    let scene = party(app).await;
    let mut stop = scene.input.clone();
    stop["idempotencyKey"] = json!("stop");
    scene.by.made(HOLD, stop).await;
    scene
}

/// Someone who may be given something.
pub(super) async fn gift(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    let (by, another) = operators(app).await;
    let input = bare(a_gift(&id(&tea.shopholder).await, "5.00", ""));
    Scene {
        by,
        another,
        otherwise: but(&input, "reason", json!("the parcel service lost another")),
        input,
    }
}

/// Someone who owes 8.10 EUR.
pub(super) async fn debt(app: &App) -> Scene<'_> {
    let mut tea = app.market("tea").await;
    indebted(app, &mut tea).await;
    let input = bare(a_gift(&id(&tea.shopholder).await, "8.10", ""));
    let (by, another) = signed_in(app).await;
    Scene {
        by,
        another,
        otherwise: but(&input, "amount", json!({ "amount": "8.00", "currency": "EUR" })),
        input,
    }
}

/// Something that is not understood.
pub(super) async fn suspense(app: &App) -> Scene<'_> {
    let (by, another) = operators(app).await;
    let cx = app.vitrine().context("test");
    let tx = cx.begin().await.unwrap();
    let facts = BalanceTransactionFacts {
        id: "txn_odd".to_owned(),
        kind: "climate_order_purchase".to_owned(),
        source: "climorder_1".to_owned(),
        amount: -500,
        fee: 0,
        net: -500,
        currency: Currency::Eur,
        available_on: cx.now(),
        created: cx.now(),
    };
    ledger::apply_balance_transaction(&tx, &cx, &facts).await.unwrap();
    tx.commit().await.unwrap();
    let input = json!({ "suspended": "climate_order_purchase", "currency": "EUR", "target": "STRIPE_FEES", "reason": "carbon removal that finance ordered" });
    Scene {
        by,
        another,
        otherwise: but(&input, "target", json!("BAD_DEBT")),
        input,
    }
}

/// A refund that somebody made by hand at Stripe.
pub(super) async fn moved_by_hand(app: &App) -> Scene<'_> {
    let (by, another) = operators(app).await;
    let cx = app.vitrine().context("test");
    let tx = cx.begin().await.unwrap();
    let facts = BalanceTransactionFacts {
        id: "txn_hand".to_owned(),
        kind: "refund".to_owned(),
        source: "re_hand".to_owned(),
        amount: -700,
        fee: 0,
        net: -700,
        currency: Currency::Eur,
        available_on: cx.now(),
        created: cx.now(),
    };
    ledger::apply_balance_transaction(&tx, &cx, &facts).await.unwrap();
    tx.commit().await.unwrap();
    app.wait(TimeDelta::hours(2)).await;
    app.reconcile().await;
    let input =
        json!({ "source": "re_hand", "target": "GOODWILL", "reason": "she called, and we gave it back" });
    Scene {
        by,
        another,
        otherwise: but(&input, "target", json!("BAD_DEBT")),
        input,
    }
}

/// A gift that can be taken back.
pub(super) async fn given(app: &App) -> Scene<'_> {
    let Scene {
        by, another, input, ..
    } = gift(app).await;
    let mut input = input;
    input["idempotencyKey"] = json!("gift");
    let made = by.made(GIVE, input).await;
    let input = json!({ "adjustmentId": made["adjustment"]["id"], "reason": "wrong Anna" });
    Scene {
        by,
        another,
        otherwise: but(&input, "reason", json!("wrong Berta")),
        input,
    }
}

/// A dispute that can be given in to.
pub(super) async fn disputed(app: &App) -> Scene<'_> {
    let tea = app.market("tea").await;
    let bought = app.buy(&[(&tea, 1)]).await;
    dispute::disputed(app, json!({})).await;
    let (by, another) = operators(app).await;
    Scene {
        by,
        another,
        input: json!({ "disputeId": dispute::ours(&bought).await }),
        otherwise: Some(json!({ "disputeId": "dispute_00000000000000000000000000" })),
    }
}

/// A return of a shipped piece, and what approves and refunds it.
pub(super) async fn to_approve(app: &App) -> (Person<'_>, Value) {
    let tea = app.market("tea").await;
    app.buy(&[(&tea, 1)]).await;
    let bought = app.buy(&[(&tea, 1)]).await;
    tea.owner.made(SHIP, parcel(&bought, 1)).await;
    let back = bare(pieces(&bought, 1, ""));
    let opened = bought.buyer.made(RETURN, back).await;
    let approval = json!({ "returnId": text(&opened["returns"][0]["id"]), "refund": true, "restock": true });
    (app.operator().await, approval)
}
