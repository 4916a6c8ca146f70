//! Who is owed what: plain sums over what people decided and what the sandbox's own books say became of the money. It
//! shares nothing with the product but the rules of money.md.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Person;
use crate::support::market::text;

/// What brand, shopholder and platform get of a piece, and of a parcel's shipping; minor units, by money.md.
const PIECE: [i64; 3] = [8500, 810, 150];
const SHIPPING: [i64; 3] = [490, 0, 0];

/// An order, as far as the model knows it.
pub(super) struct Order<'a> {
    pub(super) market: usize,
    pub(super) buyer: Person<'a>,
    pub(super) id: String,
    pub(super) line: String,
    /// Stripe's page on which it is paid.
    pub(super) session: String,
    /// Stripe's payment that pays it, once there is one.
    pub(super) charge: Option<String>,
    /// Whether no payment on its page can pay it any more.
    pub(super) over: bool,
    /// Which of its pieces were shipped.
    pub(super) shipped: Vec<bool>,
    pub(super) cancelled: bool,
    /// The refunds that were decided.
    pub(super) decisions: Vec<Decision>,
    /// Whether something became of it at Stripe of which the product may not have heard.
    pub(super) unheard: bool,
    /// Whether its refunds may fail by themselves.
    pub(super) fickle: bool,
    /// Whether a debt that its parties may have had because of it was written off: nothing of it comes back then.
    pub(super) let_off: bool,
}

/// A refund that somebody decided.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    /// Our id of it, which Stripe's refund carries too.
    pub(super) refund: String,
    /// Which pieces go back; the number after the last is shipping.
    pub(super) units: Vec<usize>,
    /// Whether it was decided with a return, which is agreed to still if it fails.
    pub(super) of_return: bool,
}

/// A dispute, as the sandbox's books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: i64,
    /// What the bank took of the payment, less what it gave back.
    pub(super) taken: i64,
    /// What Stripe took for it.
    pub(super) fee: i64,
}

impl Dispute {
    pub(super) fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    pub(super) fn is_open(&self) -> bool {
        self.status.ends_with("needs_response") || self.status.ends_with("under_review")
    }

    /// Whether it keeps the payment from being refunded.
    pub(super) fn forbids_refunds(&self) -> bool {
        !self.is_inquiry() && (self.is_open() || self.status == "lost")
    }
}

impl Order<'_> {
    pub(super) fn pieces(&self) -> usize {
        self.shipped.len()
    }

    /// The number that stands for shipping.
    pub(super) fn shipping(&self) -> usize {
        self.pieces()
    }

    fn parts(&self, unit: usize) -> [i64; 3] {
        if unit == self.shipping() { SHIPPING } else { PIECE }
    }

    /// What the buyer paid.
    pub(super) fn paid(&self) -> i64 {
        (0..=self.shipping())
            .map(|unit| self.parts(unit).iter().sum::<i64>())
            .sum()
    }

    /// The units whose price went back to the buyer, or is on its way, by refunds that did not fail.
    pub(super) fn gone_back(&self, books: &Value) -> BTreeSet<usize> {
        let live = |decision: &&Decision| {
            let refunds = list(books, "refunds").iter();
            let mut of_it = refunds.filter(|refund| refund["metadata"]["refund"] == decision.refund.as_str());
            of_it.any(|refund| !matches!(refund["status"].as_str(), Some("failed" | "canceled")))
        };
        let decisions = self.decisions.iter().filter(live);
        decisions
            .flat_map(|decision| decision.units.iter().copied())
            .collect()
    }

    /// Whether a decided refund is not to be seen at Stripe: refused, or not made yet.
    pub(super) fn has_refunds_unmade(&self, books: &Value) -> bool {
        self.decisions.iter().any(|decision| {
            let mut refunds = list(books, "refunds").iter();
            !refunds.any(|refund| refund["metadata"]["refund"] == decision.refund.as_str())
        })
    }

    /// Its refunds at Stripe with this status, the oldest first.
    pub(super) fn refunds<'b>(&self, books: &'b Value, status: &str) -> Vec<&'b Value> {
        let refunds = list(books, "refunds").iter();
        let own = refunds.filter(|refund| refund["charge"].as_str() == self.charge.as_deref());
        own.filter(|refund| refund["status"] == status).collect()
    }

    /// Its disputes, the oldest first.
    pub(super) fn disputes(&self, books: &Value) -> Vec<Dispute> {
        let charge = self.charge.as_deref();
        charge.map_or_else(Vec::new, |charge| disputes_of(books, charge))
    }

    /// What the order brings its brand and its shopholder by now: nothing of what went back, less what banks took for good,
    /// which each bears by its part of what remains, and less Stripe's fees, which this brand bears.
    pub(super) fn brings(&self, books: &Value) -> [i64; 2] {
        let Some(charge) = &self.charge else {
            return [0; 2];
        };
        let gone = self.gone_back(books);
        let remains = |unit| {
            if gone.contains(&unit) {
                [0; 3]
            } else {
                self.parts(unit)
            }
        };
        brings(books, charge, (0..=self.shipping()).map(remains).collect())
    }
}

/// What is left to brand and shopholder of a payment of which so much was not given back: less what banks took for good,
/// and less Stripe's fees.
fn brings(books: &Value, charge: &str, mut remains: Vec<[i64; 3]>) -> [i64; 2] {
    let mut fees = fee_of(books, charge);
    let disputes = disputes_of(books, charge);
    for dispute in disputes.iter().filter(|dispute| !dispute.is_open()) {
        fees += dispute.fee;
        take(&mut remains, dispute);
    }
    let of = |part: usize| remains.iter().map(|parts| parts[part]).sum::<i64>();
    [of(0) - fees, of(1)]
}

/// What all payments in Stripe's books bring one market's brand and shopholder, where each pays an order of it, and no
/// refund is known but by its amount: that says how many pieces it was for, and whether for shipping.
pub(crate) fn all_bring(books: &Value) -> [i64; 2] {
    let (piece, parcel) = (PIECE.iter().sum::<i64>(), SHIPPING.iter().sum::<i64>());
    let bring = |charge: &Value| {
        let id = text(&charge["id"]);
        let refunds = list(books, "refunds").iter();
        let back: i64 = refunds
            .filter(|refund| refund["charge"] == id.as_str() && refund["status"] != "failed")
            .map(|refund| number(&refund["amount"]))
            .sum();
        let left = number(&charge["amount"]) - back;
        let pieces = usize::try_from(left / piece).unwrap();
        let mut remains = vec![PIECE; pieces];
        remains.extend((left % piece == parcel).then_some(SHIPPING));
        brings(books, &id, remains)
    };
    let charges = list(books, "charges").iter();
    let all = charges
        .filter(|charge| charge["status"] == "succeeded")
        .map(bring);
    all.fold([0; 2], |sum, of| [sum[0] + of[0], sum[1] + of[1]])
}

fn disputes_of(books: &Value, charge: &str) -> Vec<Dispute> {
    let own = list(books, "disputes").iter();
    let own = own.filter(|dispute| dispute["charge"] == charge);
    own.map(|dispute| {
        let id = text(&dispute["id"]);
        let moved = list(books, "balance_transactions").iter();
        let moved: Vec<&Value> = moved.filter(|moved| moved["source"] == id.as_str()).collect();
        Dispute {
            status: text(&dispute["status"]),
            amount: number(&dispute["amount"]),
            taken: -moved.iter().map(|moved| number(&moved["amount"])).sum::<i64>(),
            fee: moved.iter().map(|moved| number(&moved["fee"])).sum(),
            id,
        }
    })
    .collect()
}

/// The bank claims of each unit, and within a unit of each part, by its part of what remains, or all there is; and what it
/// took comes from there by the same rule.
fn take(remains: &mut [[i64; 3]], dispute: &Dispute) {
    let claims = divide(dispute.amount.max(dispute.taken), remains);
    let taken = divide(dispute.taken, &claims);
    for (parts, taken) in remains.iter_mut().zip(taken) {
        for (part, taken) in parts.iter_mut().zip(taken) {
            *part -= taken;
        }
    }
}

/// Divides the amount, or as much of it as there is, over units and their parts in proportion.
fn divide(amount: i64, units: &[[i64; 3]]) -> Vec<[i64; 3]> {
    let whole: Vec<i64> = units.iter().map(|parts| parts.iter().sum()).collect();
    let shares = in_proportion(amount.min(whole.iter().sum()), &whole);
    let of_unit = shares.into_iter().zip(units);
    let of_unit = of_unit.map(|(share, parts)| in_proportion(share, parts));
    of_unit.map(|parts| [parts[0], parts[1], parts[2]]).collect()
}

/// What remains over when cents are cut off goes to those of which most was cut off, the first of equals.
fn in_proportion(amount: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i64 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut shares: Vec<i64> = weights.iter().map(|weight| amount * weight / sum).collect();
    let mut cut: Vec<(i64, usize)> = (weights.iter().enumerate())
        .map(|(place, weight)| (-(amount * weight % sum), place))
        .collect();
    cut.sort_unstable();
    let mut left = amount - shares.iter().sum::<i64>();
    for (_, place) in cut {
        if left == 0 {
            break;
        }
        shares[place] += 1;
        left -= 1;
    }
    shares
}

/// The books' list of this kind of object.
pub(super) fn list<'b>(books: &'b Value, kind: &str) -> &'b Vec<Value> {
    books[kind]
        .as_array()
        .unwrap_or_else(|| panic!("no {kind}: {books}"))
}

pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Stripe's fee for a payment, once it has told it.
fn fee_of(books: &Value, charge: &str) -> i64 {
    let moved = list(books, "balance_transactions").iter();
    moved
        .filter(|moved| moved["source"] == charge)
        .map(|moved| number(&moved["fee"]))
        .sum()
}

/// Every payment that succeeded and pays no order has gone back to whoever paid, once and all of it; of the others no more
/// went back than was paid.
pub(super) fn buyers_have_theirs(orders: &[Order<'_>], books: &Value) {
    let own: BTreeSet<&str> = orders
        .iter()
        .filter_map(|order| order.charge.as_deref())
        .collect();
    for charge in list(books, "charges")
        .iter()
        .filter(|charge| charge["status"] == "succeeded")
    {
        let id = text(&charge["id"]);
        let refunds = list(books, "refunds").iter();
        let live: Vec<i64> = refunds
            .filter(|refund| refund["charge"] == id.as_str())
            .filter(|refund| matches!(refund["status"].as_str(), Some("succeeded" | "pending")))
            .map(|refund| number(&refund["amount"]))
            .collect();
        let paid = number(&charge["amount"]);
        if own.contains(id.as_str()) {
            assert!(
                live.iter().sum::<i64>() <= paid,
                "{id} went back more than once: {books:#}"
            );
        } else {
            assert_eq!(live, [paid], "{id} was paid by mistake: {books:#}");
        }
    }
}
