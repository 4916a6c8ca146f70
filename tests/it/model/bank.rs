//! What banks and Stripe do. Nobody asks the product first, and it may hear of it late, twice or never.

use serde_json::{Value, json};

use super::oracle::{list, number};
use super::steps::{Claimed, Complaint, PLANS, Verdicts};
use super::world::Model;
use crate::checkout::basket::charge_behind;
use crate::support::market::text;

impl Model<'_> {
    pub(super) async fn answer(&mut self, order: usize, pays: bool) {
        let session = &self.orders[order].session;
        let page = self
            .app
            .stripe
            .api(&format!("/v1/checkout/sessions/{session}"))
            .await;
        let Some(intent) = page["payment_intent"].as_str() else {
            return;
        };
        let intent = self
            .app
            .stripe
            .api(&format!("/v1/payment_intents/{intent}"))
            .await;
        if intent["status"] != "processing" {
            return;
        }
        let outcome = if pays { "succeeded" } else { "failed" };
        let finish = format!("sessions/{session}/finish_payment");
        self.app
            .stripe
            .admin(&finish, json!({ "outcome": outcome }))
            .await;
        self.orders[order].unheard = true;
        self.learn().await;
    }

    /// Only when it is clear that nobody awaits this payment: then it goes back.
    pub(super) async fn behind(&mut self, order: usize, exact: bool) {
        self.learn().await;
        if self.orders[order].unheard {
            self.deliver("normal").await;
        }
        let at = &self.orders[order];
        if at.charge.is_none() && exact {
            return;
        }
        let amount = if exact { at.paid() } else { at.paid() - 1 };
        charge_behind(self.app, &at.id, amount, "eur").await;
    }

    pub(super) async fn fail(&mut self, order: usize) {
        self.learn().await;
        let books = self.app.stripe.books().await;
        let at = &self.orders[order];
        let refund = at
            .refunds(&books, "succeeded")
            .first()
            .map(|refund| text(&refund["id"]));
        let Some(refund) = refund.filter(|_| !at.let_off) else {
            return;
        };
        self.app
            .stripe
            .admin(&format!("refunds/{refund}/fail"), json!({}))
            .await;
        self.touched(order);
    }

    pub(super) async fn plan(&mut self, order: usize, plan: usize) {
        self.learn().await;
        let at = &mut self.orders[order];
        if at.market == 1 {
            return;
        }
        if let Some(charge) = &at.charge {
            let plans = format!("charges/{charge}/refunds");
            self.app
                .stripe
                .admin(&plans, json!({ "plan": PLANS[plan] }))
                .await;
            // What fails by itself does so unheard.
            at.unheard = true;
            at.fickle = true;
        }
    }

    pub(super) async fn dispute(&mut self, order: usize, complaint: Complaint, claimed: Claimed) {
        self.learn().await;
        let books = self.made(order).await;
        let at = &self.orders[order];
        let disputes = at.disputes(&books);
        let busy = disputes
            .iter()
            .any(|dispute| dispute.is_open() || dispute.taken != 0);
        let Some(charge) = at.charge.clone().filter(|_| !busy && !at.let_off) else {
            return;
        };
        let kind = match complaint {
            Complaint::Chargeback => "chargeback",
            Complaint::Inquiry => "inquiry",
            Complaint::BornLost => "lost",
        };
        // A chargeback makes refunds fail that Stripe has not made yet.
        let live: &[&str] = if kind == "inquiry" {
            &["succeeded", "pending"]
        } else {
            &["succeeded"]
        };
        let back: i64 = live
            .iter()
            .flat_map(|status| at.refunds(&books, status))
            .map(|refund| number(&refund["amount"]))
            .sum();
        let (paid, rest) = (at.paid(), at.paid() - back);
        if rest <= 0 {
            return;
        }
        let mut opened = json!({ "kind": kind });
        match claimed {
            Claimed::Rest => {}
            Claimed::Part(percent) => opened["amount"] = json!((rest * percent / 100).max(1)),
            Claimed::Beyond => {
                opened["amount"] = json!(paid);
                opened["beyond_refunds"] = json!(true);
            }
        }
        self.app
            .stripe
            .admin(&format!("charges/{charge}/dispute"), opened)
            .await;
        self.touched(order);
    }

    pub(super) async fn decide(&mut self, order: usize, verdict: Verdicts) {
        self.learn().await;
        let books = self.made(order).await;
        let at = &self.orders[order];
        let disputes = at.disputes(&books);
        let Some(dispute) = disputes
            .iter()
            .find(|dispute| dispute.is_open())
            .filter(|_| !at.let_off)
        else {
            return;
        };
        let fresh = dispute.status.ends_with("needs_response");
        let back: i64 = at
            .refunds(&books, "succeeded")
            .iter()
            .map(|refund| number(&refund["amount"]))
            .sum();
        let decision = match (verdict, dispute.is_inquiry()) {
            (Verdicts::UnderReview, _) if !fresh => return,
            (Verdicts::UnderReview, _) => json!({ "outcome": "under_review" }),
            (Verdicts::Won, true) => json!({ "outcome": "warning_closed" }),
            (_, true) if back >= at.paid() => return,
            (_, true) => json!({ "outcome": "escalated" }),
            (Verdicts::Won, false) => json!({ "outcome": "won" }),
            (Verdicts::Lost, false) => json!({ "outcome": "lost" }),
            (Verdicts::Partly { won, back }, false) => {
                let outcome = if won { "won" } else { "lost" };
                json!({ "outcome": outcome, "reinstated": dispute.amount * back / 100 })
            }
        };
        let decide = format!("disputes/{}/decide", dispute.id);
        self.app.stripe.admin(&decide, decision).await;
        self.touched(order);
    }

    /// Stripe's books, once all refunds are made that were decided: what a bank does first depends on that.
    async fn made(&mut self, order: usize) -> Value {
        let books = self.app.stripe.books().await;
        if !self.orders[order].has_refunds_unmade(&books) {
            return books;
        }
        self.quiet().await;
        self.wait(0).await;
        self.app.stripe.books().await
    }

    fn touched(&mut self, order: usize) {
        self.orders[order].unheard |= self.hushed;
    }

    /// Stripe tells once more of something, however old.
    pub(super) async fn again(&self, event: usize) {
        let events = self
            .app
            .http
            .get(format!("{}/_sandbox/events", self.app.stripe.url()));
        let events: Value = events.send().await.unwrap().json().await.unwrap();
        let events = list(&events, "events");
        if events.is_empty() {
            return;
        }
        let id = text(&events[event % events.len()]["id"]);
        self.app
            .stripe
            .admin(&format!("events/{id}/resend"), json!({}))
            .await;
    }
}
