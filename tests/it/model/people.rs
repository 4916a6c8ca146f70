//! What people do: buyers, brands, operators. The model says beforehand whether they may.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::oracle::{Decision, Dispute, Order};
use super::steps::{CALLS, TROUBLES, Verdict, Way};
use super::world::{ACCOUNTS, Model};
use crate::fulfillment::{RETURN, SHIP};
use crate::refund::REFUND;
use crate::support::market::{CARD, text};

const APPROVE: &str = "mutation($in: ReturnApproveInput!) { returnApprove(input: $in) { return { state } userErrors { code } } }";
const DECLINE: &str = "mutation($in: ReturnDeclineInput!) { returnDecline(input: $in) { return { state } userErrors { code } } }";
const CANCEL: &str =
    "mutation($in: OrderCancelInput!) { orderCancel(input: $in) { order { state } userErrors { code } } }";
const COME_BACK: &str = "mutation($in: CheckoutReturnInput!) { checkoutReturn(input: $in) { order { state } userErrors { code } } }";
const REFUNDS: &str = "query($id: ID!) { order(id: $id) { refunds { id } } }";

impl Model<'_> {
    pub(super) async fn sell(&mut self, market: usize, pieces: i32, way: Way) {
        let (buyer, id, url) = self.app.check_out(&[(&self.markets[market], pieces)]).await;
        let lines = "query($id: ID!) { order(id: $id) { lines { id } } }";
        let seen = buyer.ask(lines, json!({ "id": id })).await;
        let session = url.rsplit('/').next().expect("a page").to_owned();
        match way {
            Way::Card => drop(self.app.stripe.pay(&url, CARD).await),
            Way::Bank { pays } => {
                let account = if pays { ACCOUNTS[0] } else { ACCOUNTS[1] };
                self.app.stripe.pay_from_bank(&url, account).await;
            }
            Way::Slow => {
                let begin = format!("sessions/{session}/begin_payment");
                self.app.stripe.admin(&begin, json!({ "card": CARD })).await;
            }
            Way::Never => {}
        }
        self.orders.push(Order {
            market,
            buyer,
            line: text(&seen["order"]["lines"][0]["id"]),
            id,
            session,
            charge: None,
            over: false,
            shipped: vec![false; usize::try_from(pieces).unwrap()],
            cancelled: false,
            decisions: Vec::new(),
            unheard: true,
            fickle: false,
            let_off: false,
        });
        self.learn().await;
    }

    pub(super) async fn come_back(&mut self, order: usize) {
        let at = &self.orders[order];
        // Long after, her secret opens the order no more.
        at.buyer.tried(COME_BACK, json!({ "orderId": at.id })).await;
    }

    fn line(&self, order: usize, pieces: i32) -> Value {
        let at = &self.orders[order];
        json!({ "orderId": at.id, "lines": [{ "orderLineId": at.line, "quantity": pieces }] })
    }

    pub(super) async fn ship(&mut self, order: usize, wanted: i32) {
        let Some(books) = self.heard_of(order).await else {
            return;
        };
        let at = &self.orders[order];
        let gone = at.gone_back(&books);
        let here: Vec<usize> = (0..at.pieces())
            .filter(|piece| !at.shipped[*piece] && !gone.contains(piece))
            .take(usize::try_from(wanted).unwrap())
            .collect();
        // What a bank took back is not sent any more.
        let lost = at
            .disputes(&books)
            .iter()
            .any(|dispute| dispute.taken > 0 && !dispute.is_open());
        if here.is_empty() || lost || at.cancelled {
            return;
        }
        let mut parcel = self.line(order, i32::try_from(here.len()).unwrap());
        parcel["carrier"] = json!("DHL");
        let owner = &self.markets[self.orders[order].market].owner;
        let made = owner.tried(SHIP, parcel).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        for piece in here {
            self.orders[order].shipped[piece] = true;
        }
    }

    pub(super) async fn refund(&mut self, order: usize, wanted: i32, shipping: bool) {
        let Some(books) = self.heard_of(order).await else {
            return;
        };
        let at = &self.orders[order];
        let disputes = at.disputes(&books);
        // What a won dispute kept of each piece is not the model's to say.
        if disputes
            .iter()
            .any(|dispute| dispute.status == "won" && dispute.taken > 0)
        {
            return;
        }
        let gone = at.gone_back(&books);
        let mut pieces: Vec<usize> = (0..at.pieces()).filter(|piece| !gone.contains(piece)).collect();
        // What the brand has agreed to take back goes first: a refund of it that failed is agreed to still.
        let asked_for = |piece: &usize| {
            let mut decisions = at.decisions.iter();
            decisions.any(|decision| decision.of_return && decision.units.contains(piece))
        };
        pieces.sort_by_key(|piece| (!asked_for(piece), at.shipped[*piece], *piece));
        let parcel = at.shipping();
        let allowed = !disputes.iter().any(Dispute::forbids_refunds)
            && usize::try_from(wanted).unwrap() <= pieces.len()
            && !(shipping && gone.contains(&parcel));
        let mut units: Vec<usize> = pieces
            .iter()
            .copied()
            .take(usize::try_from(wanted).unwrap())
            .collect();
        let nothing_left = units.len() == pieces.len() && !at.shipped.contains(&true);
        if shipping || (nothing_left && !gone.contains(&parcel)) {
            units.push(parcel);
        }
        let mut input = self.line(order, wanted);
        input["reason"] = json!("the spout drips");
        input["shipping"] = json!(shipping);
        input["idempotencyKey"] = json!(self.key());
        let tried = self.operator.tried(REFUND, input).await;
        let refused = tried["userErrors"][0]["code"].as_str();
        assert_eq!(
            refused.is_none(),
            allowed,
            "{wanted} of {pieces:?}, {gone:?}, {disputes:?}: {tried}"
        );
        if allowed {
            let refund = text(&tried["refund"]["id"]);
            self.orders[order].decisions.push(Decision {
                refund,
                units,
                of_return: false,
            });
        }
    }

    pub(super) async fn cancel(&mut self, order: usize) {
        let books = self.heard_of(order).await;
        let at = &self.orders[order];
        let input = json!({ "orderId": at.id, "idempotencyKey": self.key() });
        let Some(books) = books else {
            // Nobody has paid yet: whether her bank still will, the model finds out by and by.
            self.operator.tried(CANCEL, input).await;
            return;
        };
        let disputes = at.disputes(&books);
        if disputes
            .iter()
            .any(|dispute| dispute.status == "won" && dispute.taken > 0)
        {
            return;
        }
        let gone = at.gone_back(&books);
        let units: Vec<usize> = (0..=at.shipping()).filter(|unit| !gone.contains(unit)).collect();
        let allowed = !at.cancelled
            && !at.shipped.contains(&true)
            && !units.is_empty()
            && !disputes.iter().any(Dispute::forbids_refunds);
        let before = self.refunds_told(order).await;
        let tried = self.operator.tried(CANCEL, input).await;
        let refused = tried["userErrors"][0]["code"].as_str();
        assert_eq!(refused.is_none(), allowed, "{units:?}, {disputes:?}: {tried}");
        if allowed {
            self.orders[order].cancelled = true;
            self.note_refund(order, &before, units, false).await;
        }
    }

    /// The order's refunds, as the product tells them.
    async fn refunds_told(&self, order: usize) -> BTreeSet<String> {
        let seen = self
            .operator
            .ask(REFUNDS, json!({ "id": self.orders[order].id }))
            .await;
        let all = seen["order"]["refunds"].as_array().unwrap().iter();
        all.map(|refund| text(&refund["id"])).collect()
    }

    /// Writes down the one refund that the product did not tell of `before`.
    async fn note_refund(
        &mut self,
        order: usize,
        before: &BTreeSet<String>,
        units: Vec<usize>,
        of_return: bool,
    ) {
        let now = self.refunds_told(order).await;
        let new: Vec<&String> = now.difference(before).collect();
        assert_eq!(new.len(), 1, "one refund is decided: {new:?}");
        let refund = new[0].clone();
        self.orders[order].decisions.push(Decision {
            refund,
            units,
            of_return,
        });
    }

    /// The buyer asks to send something back, and the brand decides. Which pieces are asked for already is no matter of
    /// money: what the product refuses there moves nothing.
    pub(super) async fn send_back(&mut self, order: usize, wanted: i32, verdict: Verdict) {
        let Some(books) = self.heard_of(order).await else {
            return;
        };
        let at = &self.orders[order];
        let gone = at.gone_back(&books);
        let pieces: Vec<usize> = (0..at.pieces())
            .filter(|piece| at.shipped[*piece] && !gone.contains(piece))
            .take(usize::try_from(wanted).unwrap())
            .collect();
        let mut input = self.line(order, wanted);
        input["reason"] = json!("the spout drips");
        let asked = self.operator.tried(RETURN, input).await;
        if asked["userErrors"] != json!([]) {
            return;
        }
        assert_eq!(
            pieces.len(),
            usize::try_from(wanted).unwrap(),
            "{gone:?}: {asked}"
        );
        let id = text(&asked["returns"][0]["id"]);
        let before = self.refunds_told(order).await;
        let owner = &self.markets[at.market].owner;
        let forbidden = at
            .disputes(&books)
            .iter()
            .any(|dispute| dispute.forbids_refunds() || (dispute.taken > 0 && !dispute.is_open()));
        match verdict {
            Verdict::Declined => drop(owner.made(DECLINE, json!({ "returnId": id })).await),
            _ if forbidden => {}
            Verdict::AtOnce | Verdict::Later => {
                if matches!(verdict, Verdict::Later) {
                    owner.made(APPROVE, json!({ "returnId": id })).await;
                    self.app.settle().await;
                }
                owner
                    .made(APPROVE, json!({ "returnId": id, "refund": true }))
                    .await;
                self.note_refund(order, &before, pieces, true).await;
            }
        }
    }

    pub(super) async fn pay_out(&self) {
        const RUN: &str = "mutation($in: PayoutRunInput!) { payoutRun(input: $in) { userErrors { code } } }";
        self.operator
            .made(RUN, json!({ "idempotencyKey": self.key() }))
            .await;
    }

    pub(super) async fn hold(&mut self, party: usize) {
        const HOLD: &str =
            "mutation($in: PayoutHoldInput!) { payoutHold(input: $in) { userErrors { code } } }";
        if self.held.contains_key(&party) {
            return;
        }
        // What is on its way already is not held any more.
        self.quiet().await;
        self.wait(0).await;
        self.operator.made(HOLD, self.about(party)).await;
        let sent = self.sent_to(party, &self.app.stripe.books().await);
        self.held.insert(party, sent);
    }

    pub(super) async fn let_go(&mut self, party: usize) {
        const LET_GO: &str = "mutation($in: PayoutHoldReleaseInput!) { payoutHoldRelease(input: $in) { userErrors { code } } }";
        if self.held.remove(&party).is_some() {
            self.operator.made(LET_GO, self.about(party)).await;
        }
    }

    fn about(&self, party: usize) -> Value {
        json!({ "partyId": self.party(party).to_string(), "reason": "asked by her bank", "idempotencyKey": self.key() })
    }

    pub(super) async fn give(&mut self, party: usize, minor: i64) {
        const GIVE: &str = "mutation($in: GoodwillCreditInput!) { goodwillCredit(input: $in) { adjustment { id } userErrors { code } } }";
        let mut input = self.about(party);
        input["amount"] = euros(minor);
        let made = self.operator.made(GIVE, input).await;
        self.decided(&made, party, minor);
    }

    /// Only in the second market, of whose orders nothing comes back from then on: whom what comes back belongs to then is
    /// told by tests of its own.
    pub(super) async fn write_off(&mut self, party: usize) {
        const WRITE_OFF: &str = "mutation($in: DebtWriteOffInput!) { debtWriteOff(input: $in) { adjustment { id } userErrors { code } } }";
        let (party, market) = ([1, 3][party % 2], 1);
        self.quiet().await;
        self.deliver("normal").await;
        self.wait(0).await;
        let owed = self.owes(party).await;
        if owed == 0 {
            return;
        }
        let mut input = self.about(party);
        input["amount"] = euros(owed);
        let made = self.operator.tried(WRITE_OFF, input).await;
        assert_eq!(made["userErrors"], json!([]), "{owed}: {made}");
        self.decided(&made, party, owed);
        let concerned = self.orders.iter_mut().filter(|order| order.market == market);
        concerned.for_each(|order| order.let_off = true);
    }

    fn decided(&mut self, made: &Value, party: usize, minor: i64) {
        let id = text(&made["adjustment"]["id"]);
        self.adjustments.push((id, party, minor));
        *self.given.entry(party).or_default() += minor;
    }

    pub(super) async fn correct(&mut self, decision: usize) {
        const CORRECT: &str = "mutation($in: AdjustmentCorrectInput!) { adjustmentCorrect(input: $in) { userErrors { code } } }";
        if self.adjustments.is_empty() {
            return;
        }
        let (id, party, minor) = self.adjustments.remove(decision % self.adjustments.len());
        let input = json!({ "adjustmentId": id, "reason": "a mistake", "idempotencyKey": self.key() });
        self.operator.made(CORRECT, input).await;
        *self.given.entry(party).or_default() -= minor;
    }

    /// Stripe's answers are as they should be from now on.
    pub(super) async fn quiet(&mut self) {
        if std::mem::take(&mut self.troubled) {
            self.app.stripe.clear_faults().await;
        }
    }

    pub(super) async fn trouble(&mut self, call: usize, kind: usize, times: u32) {
        let (kind, status) = TROUBLES[kind];
        let fault = json!({
            "match": { "method": "POST", "path_prefix": CALLS[call] }, "kind": kind, "status": status, "times": times,
        });
        self.app.stripe.admin("faults", fault).await;
        self.troubled = true;
    }
}

fn euros(minor: i64) -> Value {
    json!({ "amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": "EUR" })
}
