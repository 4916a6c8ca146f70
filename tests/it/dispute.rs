//! Disputes from end to end: the sandbox's bank asks, takes and decides; the product freezes, answers, takes and sets free.
//! After every step the audit is green, and what the sandbox holds is what our books say it holds.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine_domain::ledger;
use vitrine_model::ledger::{AccountKind, account};

use crate::fulfillment::{SHIP, hire, parcel};
use crate::refund::{REFUND, pieces, refund};
use crate::support::market::{Market, Purchase, text};
use crate::support::{App, FRONTEND, Person, on_both};

const NOTE: &str = "mutation($in: DisputeEvidenceNoteInput!) { disputeEvidenceNote(input: $in) { dispute { id evidenceNotes { note brand { name } } } userErrors { code field } } }";
const SUBMIT: &str = "mutation($in: DisputeEvidenceSubmitInput!) { disputeEvidenceSubmit(input: $in) { dispute { state } userErrors { code } } }";
const ACCEPT: &str = "mutation($in: DisputeAcceptInput!) { disputeAccept(input: $in) { dispute { state } userErrors { code } } }";
const CANCEL: &str =
    "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { order { number } userErrors { code } } }";
const SEEN: &str = "query($id: ID!) { order(id: $id) { paymentStatus refunded { amount } units { state }
    disputes { id state isInquiry amount { amount } lost { amount } evidenceNotes { note } closedAt } } }";
/// What the sandbox's bank takes for a dispute in these tests.
const FEE: i64 = 2000;

/// What a party has: held, available, frozen, owed.
pub(crate) type Purse = [i64; 4];

async fn purse(app: &App, party: &str) -> Purse {
    let accounts = account::Entity::find()
        .filter(account::Column::Owner.eq(party))
        .all(app.db())
        .await
        .unwrap();
    let of = |kind| {
        let of_kind = accounts.iter().filter(|account| account.kind == kind);
        of_kind.map(|account| account.balance).sum()
    };
    [
        of(AccountKind::Held),
        of(AccountKind::Available),
        of(AccountKind::Disputed),
        of(AccountKind::Receivable),
    ]
}

/// The charge of the app's latest purchase.
pub(crate) async fn charge(app: &App) -> String {
    let list = app.stripe.api("/v1/charges?limit=1").await;
    text(&list["data"][0]["id"])
}

/// The bank disputes the latest purchase; returns Stripe's id of the dispute.
pub(crate) async fn disputed(app: &App, mut body: Value) -> String {
    if body.get("fee").is_none() {
        body["fee"] = FEE.into();
    }
    let charge = charge(app).await;
    let made = app.stripe.admin(&format!("charges/{charge}/dispute"), body).await;
    app.settle().await;
    app.assert_agreed("now").await;
    text(&made["id"])
}

pub(crate) async fn decided(app: &App, dispute: &str, body: Value) {
    app.stripe
        .admin(&format!("disputes/{dispute}/decide"), body)
        .await;
    app.settle().await;
    app.assert_agreed("now").await;
}

pub(crate) async fn seen(purchase: &Purchase<'_>) -> Value {
    purchase.buyer.ask(SEEN, json!({ "id": purchase.order })).await["order"].clone()
}

/// Our id of the purchase's only dispute.
pub(crate) async fn ours(purchase: &Purchase<'_>) -> String {
    text(&seen(purchase).await["disputes"][0]["id"])
}

async fn onboard(app: &App, person: &Person<'_>, mut input: Value) {
    const LINK: &str = "mutation($in: PayoutAccountOnboardingLinkCreateInput!) { payoutAccountOnboardingLinkCreate(input: $in) { onboardingLink { url } userErrors { message } } }";
    input["returnUrl"] = json!(format!("{FRONTEND}/done"));
    input["refreshUrl"] = json!(format!("{FRONTEND}/again"));
    let made = person.made(LINK, input).await;
    app.stripe.onboard(&text(&made["onboardingLink"]["url"])).await;
    app.settle().await;
}

/// Both parties of a market, before and after.
pub(crate) async fn purses(app: &App, market: &Market<'_>) -> (Purse, Purse) {
    (
        purse(app, &market.brand).await,
        purse(app, &market.shopholder.id).await,
    )
}

on_both! {
    async fn a_dispute_freezes_what_is_held_and_forbids_refunds(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let ([held, ..], shop) = purses(app, &tea).await;
        disputed(app, json!({})).await;
        assert_eq!(purses(app, &tea).await, ([0, 0, held, 0], [0, 0, shop[0], 0]));
        let order = seen(&purchase).await;
        assert_eq!(order["paymentStatus"], "DISPUTED");
        assert_eq!(order["disputes"][0]["state"], "NEEDS_RESPONSE");
        assert_eq!(order["disputes"][0]["amount"]["amount"], "99.50");
        assert_eq!(order["disputes"][0]["lost"], Value::Null, "what it costs is no concern of the buyer's");
        assert_eq!(tea.owner.refused(REFUND, pieces(&purchase, 1, "no")).await, "ORDER_DISPUTED");
        let cancel = json!({ "orderId": purchase.order, "idempotencyKey": "cancel" });
        assert_eq!(purchase.buyer.refused(CANCEL, cancel).await, "ORDER_DISPUTED");
    }

    async fn nothing_is_released_while_a_dispute_is_open(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let (before, _) = purses(app, &tea).await;
        let dispute = disputed(app, json!({ "amount": 1000 })).await;
        // Not so long that the sandbox's bank loses its patience.
        app.wait(TimeDelta::days(6)).await;
        app.wait(TimeDelta::hours(20)).await;
        tea.owner.come_back().await;
        let (now, _) = purses(app, &tea).await;
        assert_eq!((now[0] + now[2], now[1]), (before[0], 0));
        decided(app, &dispute, json!({ "outcome": "won" })).await;
        app.wait(TimeDelta::days(60)).await;
        let (after, shop) = purses(app, &tea).await;
        assert_eq!((after, shop), ([0, before[0] - FEE, 0, 0], [0, 810, 0, 0]));
    }

    async fn a_dispute_won_sets_everything_free_and_its_fee_follows_terms(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let (brand, shop) = purses(app, &tea).await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "won", "fee_returned": false })).await;
        assert_eq!(purses(app, &tea).await, ([brand[0] - FEE, 0, 0, 0], shop));
        let order = seen(&purchase).await;
        assert_eq!(order["paymentStatus"], "PAID");
        assert_eq!(order["disputes"][0]["state"], "WON");
        refund(&tea.owner, &purchase, 1, "now").await;
        app.settle().await;
        app.buy(&[(&tea, 1)]).await;
        app.assert_agreed("now").await;
    }

    async fn a_fee_that_comes_back_is_not_charged_on(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        let before = purses(app, &tea).await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "won", "fee_returned": true })).await;
        assert_eq!(purses(app, &tea).await, before);
    }

    async fn a_dispute_lost_takes_each_part_from_its_party(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let ([held, ..], _) = purses(app, &tea).await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        // Stripe's fee for the payment had been charged before: it is owed now, and the fee for the dispute too.
        let owed = 8990 - held + FEE;
        assert_eq!(purses(app, &tea).await, ([0, 0, 0, owed], [0, 0, 0, 0]));
        let order = seen(&purchase).await;
        assert_eq!(order["paymentStatus"], "CHARGED_BACK");
        assert_eq!(order["units"][0]["state"], "CHARGED_BACK");
        assert_eq!(order["refunded"]["amount"], "0.00");
        assert_eq!(tea.owner.refused(SHIP, parcel(&purchase, 1)).await, "TOO_FEW_UNITS");
        let operator = app.operator().await;
        let whole = operator.ask(SEEN, json!({ "id": purchase.order })).await;
        assert_eq!(whole["order"]["disputes"][0]["lost"]["amount"], "99.50");
    }

    async fn born_lost_or_lost_after_a_while_it_costs_the_same(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        app.buy(&[(&tea, 1)]).await;
        disputed(app, json!({ "kind": "lost" })).await;
        app.buy(&[(&ink, 1)]).await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        assert_eq!(purses(app, &tea).await, purses(app, &ink).await);
    }

    async fn closed_before_opened_arrives_and_every_event_twice_it_comes_to_the_same(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        app.buy(&[(&tea, 1)]).await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "won", "reinstated": 3000 })).await;
        app.buy(&[(&ink, 1)]).await;
        app.stripe.admin("deliveries", json!({ "mode": "hold" })).await;
        let made = app.stripe.admin(&format!("charges/{}/dispute", charge(app).await), json!({ "fee": FEE })).await;
        let decide = format!("disputes/{}/decide", text(&made["id"]));
        app.stripe.admin(&decide, json!({ "outcome": "won", "reinstated": 3000 })).await;
        app.stripe.admin("deliveries", json!({ "mode": "duplicate" })).await;
        app.stripe.admin("deliveries/release", json!({ "order": "reverse" })).await;
        app.settle().await;
        app.assert_agreed("now").await;
        assert_eq!(purses(app, &tea).await, purses(app, &ink).await);
    }

    async fn an_inquiry_freezes_nothing_holds_everything_and_is_answered_by_a_refund(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let before = purses(app, &tea).await;
        disputed(app, json!({ "kind": "inquiry" })).await;
        assert_eq!(purses(app, &tea).await, before);
        let order = seen(&purchase).await;
        assert_eq!(order["paymentStatus"], "PAID", "nothing was taken");
        assert_eq!(order["disputes"][0]["isInquiry"], true);
        app.wait(TimeDelta::days(20)).await;
        tea.owner.come_back().await;
        assert_eq!(purses(app, &tea).await, before, "nothing is released while the bank asks");
        refund(&tea.owner, &purchase, 1, "sorry").await;
        app.buy(&[(&tea, 1)]).await;
        app.assert_agreed("now").await;
        assert_eq!(seen(&purchase).await["refunded"]["amount"], "94.60");
    }

    async fn an_inquiry_that_comes_to_nothing_lets_everything_go(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        let ([held, ..], _) = purses(app, &tea).await;
        let dispute = disputed(app, json!({ "kind": "inquiry" })).await;
        decided(app, &dispute, json!({ "outcome": "warning_closed" })).await;
        assert_eq!(seen(&purchase).await["disputes"][0]["state"], "DROPPED");
        app.wait(TimeDelta::days(60)).await;
        assert_eq!(purses(app, &tea).await, ([0, held, 0, 0], [0, 810, 0, 0]));
    }

    async fn an_inquiry_may_become_a_dispute(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let ([held, ..], _) = purses(app, &tea).await;
        let dispute = disputed(app, json!({ "kind": "inquiry" })).await;
        decided(app, &dispute, json!({ "outcome": "escalated" })).await;
        assert_eq!(purse(app, &tea.brand).await, [0, 0, held, 0]);
        assert_eq!(seen(&purchase).await["paymentStatus"], "DISPUTED");
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        assert_eq!(seen(&purchase).await["paymentStatus"], "CHARGED_BACK");
    }

    async fn a_dispute_of_another_amount_is_divided_to_the_cent(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 2), (&ink, 1)]).await;
        let dispute = disputed(app, json!({ "amount": 10_001 })).await;
        let frozen = purse(app, &tea.brand).await[2] + purse(app, &ink.brand).await[2];
        assert!(frozen > 8000, "{frozen}");
        decided(app, &dispute, json!({ "outcome": "lost", "reinstated": 1 })).await;
        let units = ledger::units_of(app.db(), &[purchase.order.parse().unwrap()]).await.unwrap();
        let lost: i64 = units.iter().map(|unit| unit.paid - ledger::refundable(unit)).sum();
        assert_eq!(lost, 10_000);
        assert_eq!(tea.owner.refused(REFUND, pieces(&purchase, 1, "no")).await, "ORDER_DISPUTED");
    }

    async fn what_was_refunded_before_and_is_lost_again_is_the_platforms_loss(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 2)]).await;
        refund(&tea.owner, &purchase, 1, "first").await;
        app.settle().await;
        let dispute = disputed(app, json!({ "amount": 2 * 9460 + 490, "beyond_refunds": true })).await;
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        let units = ledger::units_of(app.db(), &[purchase.order.parse().unwrap()]).await.unwrap();
        let lost: i64 = units.iter().map(|unit| unit.paid - ledger::refundable(unit)).sum();
        assert_eq!(lost, 9460 + 490, "the refunded piece is not taken from anybody twice");
    }

    async fn a_dispute_partly_won_leaves_the_rest_to_be_refunded(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let dispute = disputed(app, json!({})).await;
        decided(app, &dispute, json!({ "outcome": "won", "reinstated": 6000 })).await;
        let mut input = pieces(&purchase, 1, "rest");
        input["shipping"] = json!(true);
        let made = tea.owner.made(REFUND, input).await;
        assert_eq!(made["refund"]["amount"]["amount"], "60.00");
        app.buy(&[(&tea, 1)]).await;
        app.assert_agreed("now").await;
    }

    async fn what_was_paid_out_is_taken_back_or_owed_and_set_off(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        onboard(app, &tea.owner, json!({ "brandId": tea.brand })).await;
        app.wait(TimeDelta::days(60)).await;
        app.wait(TimeDelta::days(1)).await;
        assert_eq!(purse(app, &tea.brand).await, [0, 0, 0, 0]);
        tea.owner.come_back().await;
        let dispute = disputed(app, json!({})).await;
        assert_eq!(purses(app, &tea).await, ([0, 0, 0, 0], [0, 0, 810, 0]), "only what is there is frozen");
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        app.wait(TimeDelta::days(1)).await;
        app.assert_agreed("now").await;
        let reversals = app.stripe.books().await["counts"]["reversals"].as_i64().unwrap_or(0);
        let [_, _, _, owed] = purse(app, &tea.brand).await;
        assert!(reversals > 0 || owed > 0, "what it lost was asked back, or is owed");
    }

    async fn disputes_of_one_payment_never_claim_the_same_twice(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let first = disputed(app, json!({ "amount": 4000 })).await;
        let second = disputed(app, json!({})).await;
        decided(app, &second, json!({ "outcome": "lost" })).await;
        assert_eq!(seen(&purchase).await["paymentStatus"], "DISPUTED");
        decided(app, &first, json!({ "outcome": "won" })).await;
        assert_eq!(seen(&purchase).await["paymentStatus"], "CHARGED_BACK");
        let units = ledger::units_of(app.db(), &[purchase.order.parse().unwrap()]).await.unwrap();
        let left: i64 = units.iter().map(ledger::refundable).sum();
        assert_eq!(left, 4000);
    }

    async fn a_refund_under_way_when_the_bank_claims_the_money_leaves_it_to_the_dispute(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let plan = format!("charges/{}/refunds", charge(app).await);
        app.stripe.admin(&plan, json!({ "plan": "pending" })).await;
        refund(&tea.owner, &purchase, 1, "slow").await;
        app.settle().await;
        let dispute = disputed(app, json!({})).await;
        let [held, _, frozen, _] = purse(app, &tea.brand).await;
        assert!(held == 0 && frozen > 8000, "the unit is the dispute's: {held} held, {frozen} frozen");
        decided(app, &dispute, json!({ "outcome": "won" })).await;
        assert_eq!(seen(&purchase).await["paymentStatus"], "PAID");
    }

    async fn events_lost_for_good_are_made_up_for_by_asking(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let dispute = disputed(app, json!({})).await;
        app.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        let decide = format!("disputes/{dispute}/decide");
        app.stripe.admin(&decide, json!({ "outcome": "lost" })).await;
        app.settle().await;
        app.wait(TimeDelta::hours(1)).await;
        assert_eq!(seen(&purchase).await["paymentStatus"], "CHARGED_BACK");
        app.assert_agreed("now").await;
    }

    async fn a_brand_notes_evidence_and_the_operator_sends_it_to_the_bank(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        let at_stripe = disputed(app, json!({})).await;
        let dispute = ours(&purchase).await;
        let operator = app.operator().await;
        let this = json!({ "disputeId": dispute });
        assert_eq!(operator.refused(SUBMIT, this.clone()).await, "WRONG_STATE", "nothing was noted yet");
        for note in ["We sent it on Monday.", "winning_evidence"] {
            let made = tea.owner.made(NOTE, json!({ "disputeId": dispute, "note": note })).await;
            assert_eq!(made["dispute"]["evidenceNotes"], json!([{ "note": note, "brand": { "name": "tea" } }]));
        }
        app.settle().await;
        let told = app.stripe.api(&format!("/v1/disputes/{at_stripe}")).await;
        assert_eq!(told["evidence"]["uncategorized_text"], "winning_evidence", "the last word counts");
        assert_eq!(told["status"], "needs_response", "telling is not submitting");
        assert_eq!(seen(&purchase).await["disputes"][0]["evidenceNotes"], json!([]), "the buyer does not read it");
        operator.made(SUBMIT, this.clone()).await;
        app.settle().await;
        let state = seen(&purchase).await["disputes"][0]["state"].clone();
        assert!(["UNDER_REVIEW", "WON"].contains(&state.as_str().unwrap()), "{state}");
        let late = json!({ "disputeId": dispute, "note": "One more thing" });
        assert_eq!(tea.owner.refused(NOTE, late).await, "WRONG_STATE");
        app.wait(TimeDelta::days(2)).await;
        assert_eq!(seen(&purchase).await["disputes"][0]["state"], "WON");
    }

    async fn only_managers_of_a_brand_in_the_order_and_operators_may_note(app) {
        let (tea, ink) = (app.market("tea").await, app.market("ink").await);
        let purchase = app.buy(&[(&tea, 1)]).await;
        disputed(app, json!({})).await;
        let dispute = ours(&purchase).await;
        let input = json!({ "disputeId": dispute, "note": "We sent it." });
        let shipper = hire(app, &tea, "sam", "SHIPPER").await;
        assert_eq!(shipper.refused(NOTE, input.clone()).await, "FORBIDDEN");
        assert_eq!(ink.owner.refused(NOTE, input.clone()).await, "NOT_FOUND");
        assert_eq!(tea.shopholder.refused(NOTE, input.clone()).await, "NOT_FOUND");
        assert_eq!(app.nobody().error(NOTE, json!({ "in": input })).await, "UNAUTHENTICATED");
        let long = json!({ "disputeId": dispute, "note": "x".repeat(5001) });
        assert_eq!(tea.owner.refused(NOTE, long).await, "INVALID");
        let mut this = json!({ "in": { "disputeId": dispute } });
        assert_eq!(tea.owner.error(SUBMIT, this.clone()).await, "FORBIDDEN");
        this["in"]["idempotencyKey"] = json!("hers");
        assert_eq!(tea.owner.error(ACCEPT, this).await, "FORBIDDEN");
        let node = "query($id: ID!) { node(id: $id) { ... on Dispute { amount { amount } } } }";
        let by = json!({ "id": dispute });
        assert_eq!(ink.owner.ask(node, by.clone()).await["node"], Value::Null);
        assert_eq!(tea.shopholder.ask(node, by.clone()).await["node"], Value::Null);
        assert_eq!(tea.owner.ask(node, by.clone()).await["node"]["amount"]["amount"], "99.50");
        assert_eq!(purchase.buyer.ask(node, by).await["node"]["amount"]["amount"], "99.50");
    }

    async fn the_operator_gives_in(app) {
        let tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        disputed(app, json!({})).await;
        let this = json!({ "disputeId": ours(&purchase).await, "idempotencyKey": "give in" });
        let operator = app.operator().await;
        operator.made(ACCEPT, this.clone()).await;
        operator.made(ACCEPT, this.clone()).await;
        app.settle().await;
        app.assert_agreed("now").await;
        assert_eq!(seen(&purchase).await["disputes"][0]["state"], "LOST");
        operator.made(ACCEPT, this.clone()).await;
        let again = json!({ "disputeId": this["disputeId"], "idempotencyKey": "again" });
        assert_eq!(operator.refused(ACCEPT, again).await, "WRONG_STATE");
    }

    async fn those_concerned_are_written_to(app) {
        let tea = app.market("tea").await;
        app.buy(&[(&tea, 1)]).await;
        app.operator().await;
        let dispute = disputed(app, json!({ "reason": "product_not_received" })).await;
        decided(app, &dispute, json!({ "outcome": "lost" })).await;
        // Long lines are folded in mails.
        let mails: Vec<String> = app.mails().iter().map(|mail| mail.replace("=\r\n", "")).collect();
        let got = |to: &str, subject: &str, words: &str| {
            mails.iter().any(|mail| {
                mail.contains(&format!("To: {to}")) && mail.contains(subject) && mail.contains(words)
            })
        };
        assert!(got("tea-owner@example.com", "is disputed", "product not received"), "{mails:#?}");
        assert!(got("tea-shopholder@example.com", "is disputed", "8.10 EUR"), "{mails:#?}");
        assert!(got("operator@example.com", "Dispute of order", "99.50 EUR"), "{mails:#?}");
        assert!(got("tea-owner@example.com", "has ended", "she has her money back"), "{mails:#?}");
        assert!(got("tea-shopholder@example.com", "has ended", "8.10 EUR"), "{mails:#?}");
    }

    async fn a_refund_and_a_dispute_at_once_never_give_the_money_back_twice(app) {
        let tea = app.market("tea").await;
        for round in ["one", "two", "three"] {
            let purchase = app.buy(&[(&tea, 1)]).await;
            let dispute = format!("charges/{}/dispute", charge(app).await);
            let opened = async {
                let made = app.stripe.admin(&dispute, json!({ "fee": FEE })).await;
                app.settle().await;
                text(&made["id"])
            };
            let asked = tea.owner.tried(REFUND, pieces(&purchase, 1, round));
            let (_, dispute) = futures::future::join(asked, opened).await;
            app.settle().await;
            app.assert_agreed("now").await;
            decided(app, &dispute, json!({ "outcome": "lost" })).await;
        }
    }

    async fn a_release_and_a_dispute_at_once_leave_sound_books(app) {
        let mut tea = app.market("tea").await;
        let purchase = app.buy(&[(&tea, 1)]).await;
        tea.owner.made(SHIP, parcel(&purchase, 1)).await;
        app.clock.advance(TimeDelta::days(60));
        app.stripe.advance(TimeDelta::days(60)).await;
        let cx = app.vitrine().context("release");
        let dispute = format!("charges/{}/dispute", charge(app).await);
        let opened = async {
            let made = app.stripe.admin(&dispute, json!({ "fee": FEE })).await;
            app.settle().await;
            text(&made["id"])
        };
        let (released, dispute) = futures::future::join(ledger::release_due(&cx), opened).await;
        released.unwrap();
        app.assert_agreed("now").await;
        let [held, available, frozen, _] = purse(app, &tea.brand).await;
        assert!(held + available + frozen > 8000 && frozen > 8000, "{held} {available} {frozen}");
        tea.owner.come_back().await;
        decided(app, &dispute, json!({ "outcome": "won" })).await;
    }
}
