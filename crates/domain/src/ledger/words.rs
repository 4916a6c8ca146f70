//! What happened to a party's money, in words for people who never heard of double entry. All of them stand here.

use vitrine_model::Time;
use vitrine_model::id::{OrderId, PayoutId, RefundId};
use vitrine_model::ledger::UnitKind;

use crate::ledger::statement::{Balance, Change};

/// Pieces of one order line, or shipping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goods {
    /// How many.
    pub(super) pieces: i64,
    /// Goods or shipping.
    pub(super) kind: UnitKind,
    /// The product's title then.
    pub(super) title: Option<String>,
    /// The variant's title then.
    pub(super) variant: Option<String>,
    /// Whether the party's part of any of them is still held, neither released nor given back.
    pub(super) waiting: bool,
    /// When the last of what is held may be released, once that is known of all of it.
    pub(super) due: Option<Time>,
}

/// What an entry of a statement is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject<'a> {
    /// The goods, in the order's own order, shipping last.
    pub(super) goods: &'a [Goods],
    /// The order and its number.
    pub(super) order: Option<(OrderId, &'a str)>,
    /// The payout.
    pub(super) payout: Option<PayoutId>,
    /// The refund.
    pub(super) refund: Option<RefundId>,
    /// Stripe's id of the payout's transfer.
    pub(super) transfer: Option<&'a str>,
}

/// The title Shopify gives to the only variant of a product.
const ONLY_VARIANT: &str = "Default Title";
/// Lines named one by one; of further ones only the number is told.
const NAMED: usize = 3;

impl Goods {
    fn words(&self) -> String {
        match (self.kind, &self.title, &self.variant) {
            (UnitKind::Shipping, _, _) => "shipping".to_owned(),
            (_, Some(title), Some(variant)) if variant != ONLY_VARIANT => {
                format!("{} × {title} ({variant})", self.pieces)
            }
            (_, Some(title), _) => format!("{} × {title}", self.pieces),
            (_, None, _) => format!("{} × goods", self.pieces),
        }
    }
}

impl Subject<'_> {
    fn goods(&self) -> String {
        let mut words: Vec<String> = self.goods.iter().take(NAMED).map(Goods::words).collect();
        match self.goods.len().saturating_sub(NAMED) {
            0 => {}
            more => words.push(format!("{more} more")),
        }
        match words.split_last() {
            None => "goods".to_owned(),
            Some((only, [])) => only.clone(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
        }
    }

    /// The goods and their order.
    fn sale(&self) -> String {
        format!("{}{}", self.goods(), self.of_order(", order "))
    }

    fn of_order(&self, before: &str) -> String {
        self.order
            .map_or_else(String::new, |(_, number)| format!("{before}{number}"))
    }

    /// When what is held for it becomes hers to spend; nothing once all of it has, or was given back.
    fn until(&self) -> String {
        let mut waiting = self.goods.iter().filter(|goods| goods.waiting).peekable();
        if waiting.peek().is_none() {
            return String::new();
        }
        let dues: Option<Vec<Time>> = waiting.map(|goods| goods.due).collect();
        match dues.and_then(|dues| dues.into_iter().max()) {
            Some(due) => format!(
                ": yours unless returned, available from {}",
                due.format("%-d %B %Y")
            ),
            None => ": yours unless returned, available once it was shipped and its return window has closed"
                .to_owned(),
        }
    }

    fn transfer(&self) -> String {
        self.transfer
            .map_or_else(String::new, |transfer| format!(", transfer {transfer}"))
    }
}

/// What `effect`, a kind of ledger transaction, did to a party's balances.
pub(super) fn describe(effect: &str, changes: &[Change], subject: &Subject<'_>) -> String {
    let touched = |balance| changes.iter().any(|change| change.balance == balance);
    let (available, owed) = (touched(Balance::Available), touched(Balance::Owed));
    // Where money that becomes hers to spend went.
    let given = match (available, owed) {
        (true, true) => "available for payout, less what you owed",
        (false, true) => "kept for what you owed",
        _ => "available for payout",
    };
    match effect {
        "charge.paid" => format!("Sold {}{}", subject.sale(), subject.until()),
        "fee.recharged" => {
            let fee = format!("Card payment fee{}", subject.of_order(" for order "));
            match owed {
                true => format!("{fee}: owed until later earnings pay it"),
                false => fee,
            }
        }
        "release" => format!("Return window closed for {}: {given}", subject.sale()),
        "share.passed" | "share.returned" => shared(effect, changes, subject, given),
        "refund.decided" => format!("Refund of {}{}", subject.sale(), taken(changes)),
        "refund.failed" => format!("Refund of {} failed: given back to you", subject.sale()),
        "dispute.opened" => format!(
            "The buyer's bank disputes {}: frozen until it decides",
            subject.sale()
        ),
        "dispute.closed" | "dispute.corrected" => {
            let how = if gained(changes) < 0 {
                format!("lost{}", taken(changes))
            } else {
                "yours again".to_owned()
            };
            format!("Dispute of {} decided: {how}", subject.sale())
        }
        "dispute.fee_recharged" => {
            let fee = format!("Fee for the dispute{}", subject.of_order(" of order "));
            match (gained(changes) > 0, owed) {
                (true, _) => format!("{fee}: given back to you"),
                (false, true) => format!("{fee}: owed until later earnings pay it"),
                (false, false) => fee,
            }
        }
        "payout.requested" => "Payout on its way to your account at Stripe".to_owned(),
        "payout.made" => format!("Paid out to your account at Stripe{}", subject.transfer()),
        "payout.refused" => format!("Payout refused by Stripe: {given}"),
        "goodwill" => format!("A gift of the platform's: {given}"),
        "debt.written_off" | "debt.due_again" => let_off(effect, changes, subject),
        "adjustment.corrected" => format!("Taken back by the platform{}", taken(changes)),
        "reversal.requested" => format!(
            "What you owe{} is being taken back from your account at Stripe{}",
            subject.of_order(" for the refund of order "),
            subject.transfer()
        ),
        "reversal.made" => format!(
            "Taken back from your account at Stripe{}: what you owed{}",
            subject.transfer(),
            subject.of_order(" for the refund of order ")
        ),
        "reversal.refused" => {
            let paid = match (available, owed) {
                (true, true) => "paid from what was available, the rest still owed",
                (true, false) => "paid from what was available",
                _ => "still owed, later earnings pay it",
            };
            format!(
                "Your account at Stripe did not give back what you owed{}: {paid}",
                subject.of_order(" for the refund of order ")
            )
        }
        other => other.to_owned(),
    }
}

/// What a party owed, and need not pay; or must after all.
fn let_off(effect: &str, changes: &[Change], subject: &Subject<'_>) -> String {
    match effect {
        "debt.written_off" => "You need not pay this part of what you owed".to_owned(),
        _ => format!(
            "You had been let off this part of what you owed{}, which came to nothing since{}",
            subject.of_order(" for order "),
            taken(changes)
        ),
    }
}

/// What of a sale went between the shopholder and who curates the shop with her. To her who gains, `given` says where to.
fn shared(effect: &str, changes: &[Change], subject: &Subject<'_>, given: &str) -> String {
    let sale = subject.sale();
    match (effect, gained(changes) > 0) {
        ("share.passed", true) => format!("Your share of {sale}: {given}"),
        ("share.passed", false) => format!("Passed on to who curates the shop with you, of {sale}"),
        (_, true) => format!("Given back by who curates the shop with you, of {sale}: {given}"),
        (_, false) => format!("Your share of {sale} given back{}", taken(changes)),
    }
}

/// By how much the changes raise what she has in all.
fn gained(changes: &[Change]) -> i64 {
    let counted = changes.iter().filter(|change| change.balance != Balance::PaidOut);
    counted.map(|change| change.amount).sum()
}

/// Where a refund, or a lost dispute, took what was no longer held.
fn taken(changes: &[Change]) -> &'static str {
    let touched = |balance| changes.iter().any(|change| change.balance == balance);
    let elsewhere = [Balance::Held, Balance::Available, Balance::Disputed]
        .into_iter()
        .any(touched);
    match (touched(Balance::Owed), elsewhere) {
        (false, _) => "",
        (true, false) => ": owed, since it was paid out already",
        (true, true) => ": not enough of it was left, the rest is owed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Balance::{Available, Disputed, Held, Owed, PaidOut};

    fn shirts(due: Option<&str>) -> Goods {
        Goods {
            pieces: 2,
            kind: UnitKind::Goods,
            title: Some("Linen shirt".to_owned()),
            variant: Some(ONLY_VARIANT.to_owned()),
            waiting: true,
            due: due.and_then(|due| due.parse().ok()),
        }
    }

    fn shipping() -> Goods {
        Goods {
            kind: UnitKind::Shipping,
            ..shirts(Some("2028-01-01T09:00:00Z"))
        }
    }

    fn about(goods: &[Goods]) -> Subject<'_> {
        Subject {
            goods,
            order: Some((uuid::Uuid::nil().into(), "V-1042")),
            ..Subject::default()
        }
    }

    fn change(balance: Balance) -> Change {
        Change {
            balance,
            amount: 1,
            after: 1,
        }
    }

    #[test]
    fn a_sale_says_what_for_which_order_and_when_it_may_be_spent() {
        let dated = [shirts(Some("2028-01-03T09:00:00Z")), shipping()];
        assert_eq!(
            describe("charge.paid", &[], &about(&dated)),
            "Sold 2 × Linen shirt and shipping, order V-1042: yours unless returned, available from 3 January 2028"
        );
        let undated = [shirts(None)];
        assert_eq!(
            describe("charge.paid", &[], &about(&undated)),
            "Sold 2 × Linen shirt, order V-1042: yours unless returned, available once it was shipped and its return \
             window has closed"
        );
        let over = [Goods {
            waiting: false,
            variant: Some("M".to_owned()),
            ..shirts(None)
        }];
        assert_eq!(
            describe("charge.paid", &[], &about(&over)),
            "Sold 2 × Linen shirt (M), order V-1042"
        );
    }

    #[test]
    fn of_many_lines_the_first_are_named() {
        let many = vec![shirts(None); 5];
        let words = describe("refund.failed", &[], &about(&many));
        assert_eq!(
            words,
            "Refund of 2 × Linen shirt, 2 × Linen shirt, 2 × Linen shirt and 2 more, order V-1042 failed: given back to you"
        );
    }

    #[test]
    fn a_release_says_whether_a_debt_was_paid_by_it() {
        let goods = [shirts(None)];
        let words = |balances: &[Balance]| {
            let changes: Vec<Change> = balances.iter().copied().map(change).collect();
            describe("release", &changes, &about(&goods))
        };
        let closed = "Return window closed for 2 × Linen shirt, order V-1042: ";
        assert_eq!(words(&[Held, Available]), format!("{closed}available for payout"));
        assert_eq!(words(&[Held, Owed]), format!("{closed}kept for what you owed"));
        assert_eq!(
            words(&[Held, Available, Owed]),
            format!("{closed}available for payout, less what you owed")
        );
    }

    #[test]
    fn a_dispute_says_how_it_ended() {
        let goods = [shirts(None)];
        let words = |changes: &[(Balance, i64)]| {
            let change = |(balance, amount): &(Balance, i64)| Change {
                balance: *balance,
                amount: *amount,
                after: 0,
            };
            let changes: Vec<Change> = changes.iter().map(change).collect();
            describe("dispute.closed", &changes, &about(&goods))
        };
        let decided = "Dispute of 2 × Linen shirt, order V-1042 decided: ";
        assert_eq!(
            words(&[(Disputed, -900), (Held, 900)]),
            format!("{decided}yours again")
        );
        assert_eq!(words(&[(Disputed, -900)]), format!("{decided}lost"));
        assert_eq!(
            words(&[(Owed, -900)]),
            format!("{decided}lost: owed, since it was paid out already")
        );
    }

    /// What it changed of somebody's money.
    type Moved = &'static [(Balance, i64)];

    /// What happened, what that changed, and the sentence that says so.
    const EFFECTS: &[(&str, Moved, &str)] = &[
        ("charge.paid", &[(Held, 9)], "Sold 2 × goods, order V-1042"),
        (
            "fee.recharged",
            &[(Held, -9)],
            "Card payment fee for order V-1042",
        ),
        (
            "fee.recharged",
            &[(Owed, -9)],
            "Card payment fee for order V-1042: owed until later earnings pay it",
        ),
        (
            "share.passed",
            &[(Available, 9)],
            "Your share of 2 × goods, order V-1042: available for payout",
        ),
        (
            "share.passed",
            &[(Available, -9)],
            "Passed on to who curates the shop with you, of 2 × goods, order V-1042",
        ),
        (
            "share.returned",
            &[(Owed, 9)],
            "Given back by who curates the shop with you, of 2 × goods, order V-1042: kept for what you owed",
        ),
        (
            "share.returned",
            &[(Owed, -9)],
            "Your share of 2 × goods, order V-1042 given back: owed, since it was paid out already",
        ),
        (
            "refund.decided",
            &[(Held, -9)],
            "Refund of 2 × goods, order V-1042",
        ),
        (
            "refund.decided",
            &[(Available, -4), (Owed, -5)],
            "Refund of 2 × goods, order V-1042: not enough of it was left, the rest is owed",
        ),
        (
            "refund.decided",
            &[(Owed, -9)],
            "Refund of 2 × goods, order V-1042: owed, since it was paid out already",
        ),
        (
            "dispute.opened",
            &[(Held, -9), (Disputed, 9)],
            "The buyer's bank disputes 2 × goods, order V-1042: frozen until it decides",
        ),
        (
            "dispute.corrected",
            &[(Held, 1)],
            "Dispute of 2 × goods, order V-1042 decided: yours again",
        ),
        (
            "dispute.closed",
            &[(Disputed, -9), (PaidOut, 20)],
            "Dispute of 2 × goods, order V-1042 decided: lost",
        ),
        (
            "dispute.fee_recharged",
            &[(Held, -9)],
            "Fee for the dispute of order V-1042",
        ),
        (
            "dispute.fee_recharged",
            &[(Owed, -9)],
            "Fee for the dispute of order V-1042: owed until later earnings pay it",
        ),
        (
            "dispute.fee_recharged",
            &[(Owed, 9)],
            "Fee for the dispute of order V-1042: given back to you",
        ),
        (
            "dispute.fee_recharged",
            &[(Disputed, 9), (Held, -9)],
            "Fee for the dispute of order V-1042",
        ),
        (
            "payout.requested",
            &[(Available, -9)],
            "Payout on its way to your account at Stripe",
        ),
        (
            "payout.made",
            &[(PaidOut, 9)],
            "Paid out to your account at Stripe, transfer tr_1",
        ),
        (
            "payout.refused",
            &[(Available, 9)],
            "Payout refused by Stripe: available for payout",
        ),
        (
            "payout.refused",
            &[(Owed, 9)],
            "Payout refused by Stripe: kept for what you owed",
        ),
        (
            "goodwill",
            &[(Owed, 4), (Available, 5)],
            "A gift of the platform's: available for payout, less what you owed",
        ),
        (
            "debt.written_off",
            &[(Owed, 9)],
            "You need not pay this part of what you owed",
        ),
        (
            "debt.due_again",
            &[(Available, -9)],
            "You had been let off this part of what you owed for order V-1042, which came to nothing since",
        ),
        (
            "adjustment.corrected",
            &[(Available, -9)],
            "Taken back by the platform",
        ),
        (
            "reversal.requested",
            &[(Owed, 9)],
            "What you owe for the refund of order V-1042 is being taken back from your account at Stripe, transfer tr_1",
        ),
        (
            "reversal.made",
            &[(PaidOut, -9)],
            "Taken back from your account at Stripe, transfer tr_1: what you owed for the refund of order V-1042",
        ),
        (
            "reversal.refused",
            &[(Available, -4), (Owed, -5)],
            "Your account at Stripe did not give back what you owed for the refund of order V-1042: paid from what was available, the rest still owed",
        ),
        (
            "reversal.refused",
            &[(Available, -9)],
            "Your account at Stripe did not give back what you owed for the refund of order V-1042: paid from what was available",
        ),
        (
            "reversal.refused",
            &[(Owed, -9)],
            "Your account at Stripe did not give back what you owed for the refund of order V-1042: still owed, later earnings pay it",
        ),
    ];

    #[test]
    fn each_effect_says_what_it_was_and_where_the_money_went() {
        let goods = [Goods {
            title: None,
            waiting: false,
            ..shirts(None)
        }];
        let subject = Subject {
            transfer: Some("tr_1"),
            ..about(&goods)
        };
        for (effect, changes, words) in EFFECTS {
            let changes = changes.iter().map(|(balance, amount)| Change {
                amount: *amount,
                ..change(*balance)
            });
            let changes: Vec<Change> = changes.collect();
            assert_eq!(describe(effect, &changes, &subject), *words, "{changes:?}");
        }
    }

    #[test]
    fn of_goods_the_last_to_be_due_counts_and_of_three_lines_none_is_left_out() {
        let goods = [
            shirts(Some("2028-01-03T09:00:00Z")),
            shirts(Some("2028-01-05T09:00:00Z")),
            shipping(),
        ];
        assert_eq!(
            describe("charge.paid", &[], &about(&goods)),
            "Sold 2 × Linen shirt, 2 × Linen shirt and shipping, order V-1042: yours unless returned, available from 5 January \
             2028"
        );
        assert_eq!(describe("charge.paid", &[], &Subject::default()), "Sold goods");
    }

    #[test]
    fn a_payout_names_its_transfer() {
        let subject = Subject {
            transfer: Some("tr_1"),
            ..Subject::default()
        };
        assert_eq!(
            describe("payout.made", &[], &subject),
            "Paid out to your account at Stripe, transfer tr_1"
        );
    }
}
