//! What happened to a party's money, in words for people who never heard of double entry. All of them stand here.

use vitrine_model::Time;
use vitrine_model::ledger::{AccountKind, UnitKind};

/// What a line of a statement is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject<'a> {
    /// Goods or shipping; none where no unit is concerned.
    pub(super) unit: Option<UnitKind>,
    /// The product's title then.
    pub(super) title: Option<&'a str>,
    /// The variant's title then.
    pub(super) variant: Option<&'a str>,
    /// The order's number.
    pub(super) order: Option<&'a str>,
    /// When it may be released, once that is known.
    pub(super) due: Option<Time>,
}

/// The title Shopify gives to the only variant of a product.
const ONLY_VARIANT: &str = "Default Title";

impl Subject<'_> {
    fn goods(&self) -> String {
        let what = match (self.unit, self.title, self.variant) {
            (Some(UnitKind::Shipping), _, _) => "shipping".to_owned(),
            (_, Some(title), Some(variant)) if variant != ONLY_VARIANT => format!("{title} ({variant})"),
            (_, Some(title), _) => title.to_owned(),
            _ => "an item".to_owned(),
        };
        match self.order {
            Some(order) => format!("{what}, order {order}"),
            None => what,
        }
    }

    fn until(&self) -> String {
        match self.due {
            Some(due) => format!("until {}", due.format("%-d %B %Y")),
            None => "until it has shipped and its return window has closed".to_owned(),
        }
    }
}

/// What `effect`, a kind of ledger transaction, did to the party's balance of `kind`.
pub(super) fn describe(effect: &str, kind: AccountKind, subject: &Subject<'_>) -> String {
    use AccountKind::{Available, Held, Receivable};
    let goods = subject.goods();
    match (effect, kind) {
        ("charge.paid", _) => format!("Sale of {goods}: held {}", subject.until()),
        ("fee.recharged", Receivable) => format!("Payment fee for {goods}: owed"),
        ("fee.recharged", _) => format!("Payment fee for {goods}"),
        ("release", Held) => format!("Return window closed for {goods}: no longer held"),
        ("release", Receivable) => format!("Return window closed for {goods}: kept for what was owed"),
        ("release", _) => format!("Return window closed for {goods}: available"),
        ("refund.decided", Receivable) => {
            format!("Refund of {goods}: owed, since the money was paid out already")
        }
        ("refund.decided", _) => format!("Refund of {goods}"),
        ("refund.failed", _) => format!("Refund of {goods} failed: given back to you"),
        ("payout.requested", Available) => "Payout: no longer available".to_owned(),
        ("payout.requested", _) => "Payout: on its way".to_owned(),
        ("payout.made", _) => "Payout: paid to your account".to_owned(),
        ("payout.refused", Available) => "Payout refused: available again".to_owned(),
        ("payout.refused", Receivable) => "Payout refused: kept for what was owed".to_owned(),
        ("payout.refused", _) => "Payout refused: no longer on its way".to_owned(),
        ("reversal.requested", _) => "After a refund: part of a payout is being taken back".to_owned(),
        ("reversal.made", _) => "After a refund: part of a payout was taken back".to_owned(),
        ("reversal.refused", Available) => "After a refund: paid from what was available".to_owned(),
        ("reversal.refused", _) => {
            "After a refund: the payout could not be taken back, still owed".to_owned()
        }
        (other, _) => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_says_what_for_which_order_and_until_when_it_is_held() {
        let mut subject = Subject {
            unit: Some(UnitKind::Goods),
            title: Some("Ocean Blue Shirt"),
            variant: Some("M"),
            order: Some("V-1001"),
            due: "2027-12-24T09:00:00Z".parse().ok(),
        };
        assert_eq!(
            describe("charge.paid", AccountKind::Held, &subject),
            "Sale of Ocean Blue Shirt (M), order V-1001: held until 24 December 2027"
        );
        subject.variant = Some(ONLY_VARIANT);
        subject.due = None;
        assert_eq!(
            describe("charge.paid", AccountKind::Held, &subject),
            "Sale of Ocean Blue Shirt, order V-1001: held until it has shipped and its return window has closed"
        );
    }
}
