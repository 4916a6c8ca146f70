//! The mails: one small function each, from facts to subject and text. Plain text, amounts exact and with their currency.

use std::fmt::Write as _;

use vitrine_model::money::Money;

use crate::notify::names::holds_address;

/// A mail without its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// The subject line.
    pub(super) subject: String,
    /// The text.
    pub(super) text: String,
}

impl Letter {
    /// The letter, with where to look at its end.
    pub(super) fn leading_to(mut self, what: &str, address: &str) -> Self {
        line(&mut self.text, &format!("\n{what}: {address}"));
        self
    }

    /// The same, where there is anywhere to look.
    pub(super) fn leading_to_any(self, what: &str, address: Option<&str>) -> Self {
        match address {
            Some(address) => self.leading_to(what, address),
            None => self,
        }
    }
}

/// So many pieces of something, and what they cost the buyer together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// How many.
    pub(super) count: i64,
    /// What.
    pub(super) title: String,
    /// The brand's stock-keeping unit.
    pub(super) sku: Option<String>,
    /// Whose.
    pub(super) brand: String,
    /// What they cost the buyer.
    pub(super) price: Money,
    /// What the shopholder gave of it.
    pub(super) discount: Money,
    /// Who recommended it to the buyer.
    pub(super) recommended: Option<Recommended>,
}

/// Who recommended something, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recommended {
    /// The shopholder, unless she was erased.
    pub(super) by: Option<String>,
    /// Her shop.
    pub(super) shop: String,
}

/// Where a refund took what a shopholder had earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TakenBack {
    /// From what was held.
    pub(super) held: Money,
    /// From what the next payout would have sent.
    pub(super) available: Money,
    /// From nowhere yet: it had left already.
    pub(super) owed: Money,
}

/// What a shopholder earned with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Earned {
    /// What was sold.
    pub(super) item: Item,
    /// Her earnings.
    pub(super) earnings: Money,
}

/// To the buyer: her order is paid.
pub(super) fn order_paid(
    name: Option<&str>,
    number: &str,
    items: &[Item],
    shipping: &[(String, Money)],
    total: Money,
    address: &[String],
) -> Letter {
    let mut body =
        format!("thank you for your order {number}. We have received your payment of {total}.\n\n");
    for item in items {
        priced(&mut body, item);
    }
    for (brand, amount) in shipping {
        line(&mut body, &format!("Shipping by {brand}: {}", free_or(*amount)));
    }
    line(&mut body, &format!("Total: {total}"));
    if !address.is_empty() {
        line(&mut body, "\nIt goes to:");
        block(&mut body, address);
    }
    line(
        &mut body,
        "\nEach brand sends its own parcel. We write again when one is on its way.",
    );
    letter(format!("Your order {number} is paid"), name, &body)
}

/// To the buyer: a parcel is on its way.
pub(super) fn shipped(
    name: Option<&str>,
    number: &str,
    brand: &str,
    items: &[Item],
    carrier: Option<&str>,
    tracking_code: Option<&str>,
) -> Letter {
    let mut body = format!("{brand} has sent you a parcel of your order {number}:\n\n");
    for item in items {
        counted(&mut body, item);
    }
    match (carrier, tracking_code) {
        (Some(carrier), Some(code)) => {
            line(&mut body, &format!("\nCarrier: {carrier}\nTracking code: {code}"));
        }
        (Some(carrier), None) => line(&mut body, &format!("\nCarrier: {carrier}")),
        (None, Some(code)) => line(&mut body, &format!("\nTracking code: {code}")),
        (None, None) => {}
    }
    letter(
        format!("A parcel of your order {number} is on its way"),
        name,
        &body,
    )
}

/// To the buyer: money went back.
pub(super) fn refunded(
    name: Option<&str>,
    number: &str,
    amount: Money,
    items: &[Item],
    reason: &str,
) -> Letter {
    let mut body = format!("we have refunded {amount} of your order {number}.\n\nReason: {reason}\n");
    if !items.is_empty() {
        body.push('\n');
    }
    for item in items {
        priced(&mut body, item);
    }
    line(
        &mut body,
        "\nThe money goes back the way you paid. Depending on your bank it takes some days to appear.",
    );
    letter(
        format!("A refund of {amount} for your order {number}"),
        name,
        &body,
    )
}

/// To the buyer: her paid order was called off.
pub(super) fn cancelled(name: Option<&str>, number: &str, total: Money) -> Letter {
    let body = format!(
        "your order {number} was cancelled before anything was sent. What you paid and have not got back yet, of {total} in \
         all, is being refunded. We write again when it is done.\n"
    );
    letter(format!("Your order {number} is cancelled"), name, &body)
}

/// To the buyer: the brand takes it back.
pub(super) fn return_approved(name: Option<&str>, number: &str, brand: &str, items: &[Item]) -> Letter {
    let mut body = format!("{brand} takes back what you asked to return of your order {number}:\n\n");
    for item in items {
        counted(&mut body, item);
    }
    line(&mut body, "\nWe write again when your money is on its way.");
    letter(format!("Your return for order {number} is approved"), name, &body)
}

/// To the buyer: the brand does not take it back.
pub(super) fn return_declined(name: Option<&str>, number: &str, brand: &str, items: &[Item]) -> Letter {
    let mut body = format!("{brand} has closed your return of your order {number} without a refund:\n\n");
    for item in items {
        counted(&mut body, item);
    }
    letter(
        format!("Your return for order {number} was declined"),
        name,
        &body,
    )
}

/// To those who work for a brand: something to ship.
pub(super) fn to_ship(name: &str, brand: &str, number: &str, items: &[Item], address: &[String]) -> Letter {
    let mut body = format!("order {number} is paid. Please ship for {brand}:\n\n");
    for item in items {
        counted(&mut body, item);
    }
    if !address.is_empty() {
        line(&mut body, "\nTo:");
        block(&mut body, address);
    }
    letter(format!("New order {number} for {brand}"), Some(name), &body)
}

/// To those who work for a brand: nothing to ship any more.
pub(super) fn do_not_ship(name: &str, brand: &str, number: &str) -> Letter {
    let body = format!("order {number} was cancelled. Please do not ship it; the stock was put back.\n");
    letter(
        format!("Order {number} for {brand} is cancelled"),
        Some(name),
        &body,
    )
}

/// To those who decide for a brand: a buyer wants to send something back.
pub(super) fn return_requested(
    name: &str,
    brand: &str,
    number: &str,
    items: &[Item],
    reason: &str,
) -> Letter {
    let mut body = format!("the buyer of order {number} asks to return to {brand}:\n\n");
    for item in items {
        counted(&mut body, item);
    }
    let _ = write!(
        body,
        "\nHer reason: {reason}\n\nNothing of it is paid out until you approve or decline the return.\n"
    );
    letter(
        format!("Return requested for order {number} of {brand}"),
        Some(name),
        &body,
    )
}

/// To a shopholder: something was sold through her shop.
pub(super) fn sold(
    name: &str,
    shop: &str,
    number: &str,
    earned: &[Earned],
    sum: Money,
    window_days: i32,
) -> Letter {
    let mut body = format!("something was sold through {shop} (order {number}):\n\n");
    for Earned { item, earnings } in earned {
        line(
            &mut body,
            &format!(
                "{} × {} ({}): you earn {earnings}",
                item.count, item.title, item.brand
            ),
        );
        if item.discount.minor() > 0 {
            line(
                &mut body,
                &format!("    the buyer got {} off from you", item.discount),
            );
        }
    }
    let _ = write!(
        body,
        "Together: {sum}\n\nYour earnings are held until {window_days} days after delivery, while the buyer may still send \
         it back, and then paid out with the next payout.\n"
    );
    letter(format!("You earn {sum} with {shop}"), Some(name), &body)
}

/// To a shopholder: a sale was taken back, and with it what she earned.
pub(super) fn taken_back(
    name: &str,
    shop: &str,
    number: &str,
    earned: &[Earned],
    sum: Money,
    taken: TakenBack,
) -> Letter {
    let mut body =
        format!("the buyer of order {number} got money back for what was sold through {shop}:\n\n");
    for Earned { item, earnings } in earned {
        line(
            &mut body,
            &format!("{} × {} ({}): {earnings}", item.count, item.title, item.brand),
        );
    }
    line(
        &mut body,
        &format!("Together: {sum}\n\nYour earnings of this sale went back with it."),
    );
    if taken.held.minor() > 0 {
        line(
            &mut body,
            &format!("{} of your earnings was still held.", taken.held),
        );
    }
    if taken.available.minor() > 0 {
        let words = format!(
            "{} was taken from what the next payout would have sent.",
            taken.available
        );
        line(&mut body, &words);
    }
    if taken.owed.minor() > 0 {
        let words = format!(
            "{} had been paid out already. It is taken back from your account at Stripe; what cannot be taken back there, \
             your later earnings pay. We write again when we know.",
            taken.owed
        );
        line(&mut body, &words);
    }
    letter(format!("A sale through {shop} was refunded"), Some(name), &body)
}

/// To a shopholder, or to a brand's owner: money is on its way.
pub(super) fn paid_out(name: &str, whose: &str, amount: Money) -> Letter {
    let body = format!(
        "{amount} that {whose} earned was sent to the connected Stripe account. Stripe pays it out to the bank from there.\n"
    );
    letter(format!("A payout of {amount} is on its way"), Some(name), &body)
}

/// To a shopholder, or to a brand's owner: Stripe did not take a payout on.
pub(super) fn payout_refused(name: &str, whose: &str, amount: Money, refusal: Option<&str>) -> Letter {
    let mut body = format!(
        "Stripe refused to send {amount} that {whose} earned to the connected Stripe account. The money is not lost: it is \
         available again, what was owed paid first, and the next payout tries to send it.\n"
    );
    if let Some(refusal) = refusal {
        line(&mut body, &format!("\nStripe's answer: {refusal}"));
    }
    line(
        &mut body,
        "\nPlease look whether Stripe still needs anything from you: open the link for onboarding again.",
    );
    letter(format!("A payout of {amount} was refused"), Some(name), &body)
}

/// To a shopholder, or to a brand's owner: what a refund left owing came back from her account at Stripe.
pub(super) fn reversed(name: &str, whose: &str, amount: Money, number: &str) -> Letter {
    let body = format!(
        "{amount} was taken back from the connected Stripe account: {whose} had been paid for order {number} before its \
         buyer got money back. This part of the debt is settled.\n"
    );
    letter(
        format!("{amount} taken back for order {number}"),
        Some(name),
        &body,
    )
}

/// To a shopholder, or to a brand's owner: her account at Stripe did not give back what a refund left owing.
pub(super) fn reversal_refused(name: &str, whose: &str, amount: Money, number: &str, owed: Money) -> Letter {
    let mut body = format!(
        "{whose} had been paid for order {number} before its buyer got money back, and {amount} could not be taken back \
         from the connected Stripe account.\n"
    );
    if owed.minor() > 0 {
        let words = format!("{owed} is owed now in all. Later earnings pay it before anything is paid out.");
        line(&mut body, &words);
    } else {
        line(
            &mut body,
            "Earnings that were available have paid it. Nothing is owed now.",
        );
    }
    letter(
        format!("{amount} could not be taken back for order {number}"),
        Some(name),
        &body,
    )
}

/// To the buyer: nobody paid her order, and it is closed.
pub(super) fn expired(name: Option<&str>, number: &str, items: &[Item]) -> Letter {
    let mut body = format!(
        "your order {number} was not paid in time and is closed. You were charged nothing, and nothing is kept for you any \
         more:\n\n"
    );
    for item in items {
        counted(&mut body, item);
    }
    line(&mut body, "\nIf you still want it, please order again.");
    letter(format!("Your order {number} was not paid"), name, &body)
}

/// To the buyer: money that was to go back did not arrive.
pub(super) fn refund_failed(name: Option<&str>, number: &str, amount: Money) -> Letter {
    let body = format!(
        "the refund of {amount} for your order {number} did not reach you: the bank sent it back. The money is still yours, \
         and those who sold to you know that it must be sent again.\n"
    );
    letter(
        format!("A refund for your order {number} did not reach you"),
        name,
        &body,
    )
}

/// To the buyer: a payment that was not awaited did not arrive on its way back.
pub(super) fn payment_not_returned(name: Option<&str>, number: &str, amount: Money) -> Letter {
    let body = format!(
        "a payment of {amount} for your order {number} was not awaited and was sent back to you, but it did not reach you. \
         The money is still yours. You need not do anything: it is sent again within a few days, and those who run this \
         service see for as long as it has not arrived that it is owed to you.\n"
    );
    letter(
        format!("A payment for your order {number} did not reach you on its way back"),
        name,
        &body,
    )
}

/// To those who decide for a brand: a refund must be made again.
pub(super) fn refund_failed_for_brand(name: &str, brand: &str, number: &str, amount: Money) -> Letter {
    let body = format!(
        "a refund of {amount} for order {number} did not reach the buyer: the bank sent it back. What {brand} gave back for it \
         was put back. The buyer is still owed her money: please refund her again, or ask her for another way to pay.\n"
    );
    letter(
        format!("A refund for order {number} of {brand} failed"),
        Some(name),
        &body,
    )
}

/// A letter that greets by name, unless that holds an address.
pub(super) fn letter(subject: String, name: Option<&str>, body: &str) -> Letter {
    let greeting = match name {
        Some(name) if !holds_address(name) => format!("Hello {name},"),
        _ => "Hello,".to_owned(),
    };
    Letter {
        subject,
        text: format!("{greeting}\n\n{body}"),
    }
}

fn priced(body: &mut String, item: &Item) {
    line(
        body,
        &format!("{} × {} ({}): {}", item.count, item.title, item.brand, item.price),
    );
    let Some(Recommended { by, shop }) = &item.recommended else {
        return;
    };
    match by {
        Some(by) => line(body, &format!("    recommended by {by}, in the shop {shop}")),
        None => line(body, &format!("    recommended in the shop {shop}")),
    }
    if item.discount.minor() > 0 {
        let giver = by.as_deref().unwrap_or(shop);
        line(
            body,
            &format!("    {} less than listed, given by {giver}", item.discount),
        );
    }
}

pub(super) fn counted(body: &mut String, item: &Item) {
    match &item.sku {
        Some(sku) => line(body, &format!("{} × {} [{sku}]", item.count, item.title)),
        None => line(body, &format!("{} × {}", item.count, item.title)),
    }
}

fn free_or(amount: Money) -> String {
    if amount.minor() == 0 {
        "free".to_owned()
    } else {
        amount.to_string()
    }
}

fn block(body: &mut String, lines: &[String]) {
    for text in lines {
        line(body, &format!("    {text}"));
    }
}

pub(super) fn line(body: &mut String, text: &str) {
    body.push_str(text);
    body.push('\n');
}

#[cfg(test)]
mod tests {
    use vitrine_model::money::Currency;

    use super::*;

    fn euro(minor: i64) -> Money {
        Money::new(minor, Currency::Eur)
    }

    fn shirt() -> Item {
        Item {
            count: 2,
            title: "Linen shirt, Small".to_owned(),
            sku: Some("LS-S".to_owned()),
            brand: "Lumen".to_owned(),
            price: euro(18_920),
            discount: euro(1_080),
            recommended: Some(Recommended {
                by: Some("Mia".to_owned()),
                shop: "Mia's linen".to_owned(),
            }),
        }
    }

    #[test]
    fn the_buyer_reads_what_she_paid_for() {
        let address = ["Ada Byron".to_owned(), "1 Mill Lane".to_owned()];
        let shipping = [("Lumen".to_owned(), euro(490)), ("Cask".to_owned(), euro(0))];
        let letter = order_paid(Some("Ada"), "V-7", &[shirt()], &shipping, euro(19_410), &address);
        assert_eq!(letter.subject, "Your order V-7 is paid");
        assert_eq!(
            letter.text,
            "Hello Ada,\n\n\
             thank you for your order V-7. We have received your payment of 194.10 EUR.\n\n\
             2 × Linen shirt, Small (Lumen): 189.20 EUR\n    \
             recommended by Mia, in the shop Mia's linen\n    \
             10.80 EUR less than listed, given by Mia\n\
             Shipping by Lumen: 4.90 EUR\n\
             Shipping by Cask: free\n\
             Total: 194.10 EUR\n\n\
             It goes to:\n    Ada Byron\n    1 Mill Lane\n\n\
             Each brand sends its own parcel. We write again when one is on its way.\n"
        );
    }

    #[test]
    fn the_parcel_is_told_with_its_tracking_code() {
        let letter = shipped(None, "V-7", "Lumen", &[shirt()], Some("DHL"), Some("JD01"));
        assert_eq!(
            letter.text,
            "Hello,\n\nLumen has sent you a parcel of your order V-7:\n\n\
             2 × Linen shirt, Small [LS-S]\n\n\
             Carrier: DHL\nTracking code: JD01\n"
        );
    }

    #[test]
    fn the_shopholder_reads_what_she_earns_and_until_when_it_is_held() {
        let earned = [Earned {
            item: shirt(),
            earnings: euro(1_620),
        }];
        let letter = sold("Mia", "Mia's linen", "V-7", &earned, euro(1_620), 30);
        assert_eq!(letter.subject, "You earn 16.20 EUR with Mia's linen");
        assert!(
            letter
                .text
                .contains("2 × Linen shirt, Small (Lumen): you earn 16.20 EUR\n")
        );
        assert!(letter.text.contains("    the buyer got 10.80 EUR off from you\n"));
        assert!(letter.text.contains("held until 30 days after delivery"));
    }

    #[test]
    fn a_refund_names_amount_and_reason() {
        let letter = refunded(Some("Ada"), "V-7", euro(9_460), &[], "it came broken");
        assert_eq!(letter.subject, "A refund of 94.60 EUR for your order V-7");
        assert!(
            letter
                .text
                .contains("we have refunded 94.60 EUR of your order V-7.\n\nReason: it came broken\n")
        );
    }

    #[test]
    fn a_shopholder_reads_where_a_refund_took_her_money_from() {
        let earned = [Earned {
            item: shirt(),
            earnings: euro(1_620),
        }];
        let taken = |held, available, owed| TakenBack {
            held: euro(held),
            available: euro(available),
            owed: euro(owed),
        };
        let told = |taken| taken_back("Mia", "Mia's linen", "V-7", &earned, euro(1_620), taken).text;
        let before = told(taken(1_620, 0, 0));
        assert!(
            before.ends_with("16.20 EUR of your earnings was still held.\n"),
            "{before}"
        );
        let after = told(taken(0, 810, 810));
        assert!(after.contains("8.10 EUR was taken from what the next payout would have sent.\n"));
        assert!(after.contains("8.10 EUR had been paid out already."));
        assert!(!after.contains("was still held"));
    }

    #[test]
    fn a_refused_reversal_says_what_is_owed_now() {
        let owing = reversal_refused("Mia", "you", euro(810), "V-7", euro(300)).text;
        assert!(owing.contains("3.00 EUR is owed now in all."), "{owing}");
        let even = reversal_refused("Mia", "you", euro(810), "V-7", euro(0)).text;
        assert!(even.contains("Nothing is owed now."), "{even}");
    }

    #[test]
    fn staff_read_what_to_ship_and_whither_but_no_prices() {
        let letter = to_ship("Sam", "Lumen", "V-7", &[shirt()], &["1 Mill Lane".to_owned()]);
        assert!(
            letter
                .text
                .contains("2 × Linen shirt, Small [LS-S]\n\nTo:\n    1 Mill Lane\n")
        );
        assert!(!letter.text.contains("EUR"));
    }
}
