//! What buying costs and what stands in its way: pure decisions.

use std::collections::{BTreeMap, HashMap, HashSet};

use vitrine_model::Time;
use vitrine_model::catalog::{brand, product, terms, variant};
use vitrine_model::checkout::{
    DisputeState, OrderState, ReturnState, cart, cart_contact, cart_line, dispute, order, order_line,
    order_shipping, return_request, return_unit,
};
use vitrine_model::id::{BrandId, ReturnId, UnitId, VariantId};
use vitrine_model::ledger::{UnitKind, unit};
use vitrine_model::money::{BasisPoints, Currency, Money};
use vitrine_model::shop;
use vitrine_model::text::Country;

use crate::catalog::pieces_left;
use crate::checkout::refusal::Problem;
use crate::identity::Viewer;
use crate::ledger::refundable;
use crate::ledger::split::{Split, vat_within};
use crate::referral::Credit;
use crate::settings::Settings;

/// Most pieces of one line.
pub const MAX_QUANTITY: i32 = 999;
/// Most lines of a cart, each brand's shipping counted as one: Stripe's page takes no more
/// (<https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-line_items>).
pub const MAX_LINES: usize = 100;

/// A line of a cart at today's price.
#[derive(Debug, Clone)]
pub struct PricedLine {
    /// The line.
    pub line: cart_line::Model,
    /// What is bought.
    pub variant: variant::Model,
    /// Of which product.
    pub product: product::Model,
    /// Who sells and ships it.
    pub brand: brand::Model,
    /// The brand's terms in force.
    pub terms: terms::Model,
    /// The shop credited, and the reason.
    pub credit: Credit,
    /// The shop credited.
    pub shop: Option<shop::Model>,
    /// v: the variant's VAT rate at home.
    pub vat: BasisPoints,
    /// r: what the brand pays on it.
    pub commission: BasisPoints,
    /// f: the platform's part of that.
    pub platform_fee: BasisPoints,
    /// One unit's price, divided.
    pub split: Split,
}

impl PricedLine {
    /// What the line costs the buyer, minor units.
    pub fn total(&self) -> i64 {
        self.split.price * i64::from(self.line.quantity)
    }

    /// What the line would cost at its list price, minor units.
    pub fn list_total(&self) -> i64 {
        self.variant.price * i64::from(self.line.quantity)
    }

    /// What the buyer saves on it, minor units.
    pub fn discount(&self) -> i64 {
        self.split.discount * i64::from(self.line.quantity)
    }

    /// The VAT its price contains, rounded per unit, minor units.
    pub fn vat_total(&self) -> i64 {
        vat_within(self.split.price, self.vat) * i64::from(self.line.quantity)
    }

    fn is_gone(&self) -> bool {
        !self.variant.active || !self.product.published
    }
}

/// What one brand charges for sending a cart.
#[derive(Debug, Clone)]
pub struct PricedShipping {
    /// Who ships.
    pub brand: brand::Model,
    /// VAT included, minor units; `None` while there is no address, or when the brand does not ship there.
    pub amount: Option<i64>,
    /// The VAT rate it contains: that of the brand's first line.
    pub vat: BasisPoints,
}

/// What a cart costs, minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The goods at list prices.
    pub list: i64,
    /// The goods at the buyer's prices.
    pub goods: i64,
    /// Shipping, as far as it is known.
    pub shipping: i64,
    /// What is to be paid.
    pub total: i64,
    /// The VAT contained in it, at the rates of the sellers' countries.
    pub vat: i64,
}

/// A cart at today's prices, and what stands between it and its checkout.
#[derive(Debug, Clone)]
pub struct PricedCart {
    /// The cart.
    pub cart: cart::Model,
    /// The buyer and where to deliver.
    pub contact: Option<cart_contact::Model>,
    /// Its lines, in the order they were added.
    pub lines: Vec<PricedLine>,
    /// Shipping, one entry per brand, in the order of the lines.
    pub shipping: Vec<PricedShipping>,
    /// What it costs.
    pub totals: Totals,
    /// What stands in the way.
    pub problems: Vec<Problem>,
}

impl PricedCart {
    /// What is to be paid; `None` for a cart without lines, which has no currency.
    pub fn total(&self) -> Option<Money> {
        let currency = self.cart.currency?;
        Some(Money::new(self.totals.total, currency))
    }
}

/// Whether `by` may see and change the cart: her account's, or opened by the guest's secret she holds.
pub fn owns_cart(by: &Viewer, cart: &cart::Model, now: Time) -> bool {
    opens(by, &cart.secret_hash, cart.secret_expires_at, now)
        || (cart.account_id.is_some() && cart.account_id == by.account_id())
}

/// Whether the guest's secret `by` holds is the one hashed, and still valid.
pub(crate) fn opens(by: &Viewer, secret_hash: &[u8], expires_at: Time, now: Time) -> bool {
    use subtle::ConstantTimeEq;
    expires_at > now
        && by
            .guest
            .as_deref()
            .is_some_and(|held| held.ct_eq(secret_hash).into())
}

/// One entry per brand of the lines, in their order, with what it charges for shipping to where the cart goes.
pub(super) fn shipping(lines: &[PricedLine], rates: &HashMap<BrandId, i64>) -> Vec<PricedShipping> {
    let mut entries: Vec<PricedShipping> = Vec::new();
    for line in lines {
        if entries.iter().all(|entry| entry.brand.id != line.brand.id) {
            entries.push(PricedShipping {
                brand: line.brand.clone(),
                amount: rates.get(&line.brand.id).copied(),
                vat: line.vat,
            });
        }
    }
    entries
}

/// Adds a cart up.
pub(super) fn totals(lines: &[PricedLine], shipping: &[PricedShipping]) -> Totals {
    let mut totals = Totals::default();
    for line in lines {
        totals.list += line.list_total();
        totals.goods += line.total();
        totals.vat += line.vat_total();
    }
    for entry in shipping {
        let amount = entry.amount.unwrap_or(0);
        totals.shipping += amount;
        totals.vat += vat_within(amount, entry.vat);
    }
    totals.total = totals.goods + totals.shipping;
    totals
}

/// The VAT contained in an order, minor units: rounded per unit, shipping at the rate of its brand's first line.
pub fn order_vat(lines: &[order_line::Model], shipping: &[order_shipping::Model]) -> i64 {
    let goods = lines
        .iter()
        .map(|line| vat_within(line.price, line.vat_bp) * i64::from(line.quantity));
    let sent = shipping.iter().map(|entry| {
        let like = lines.iter().find(|line| line.brand_id == entry.brand_id);
        like.map_or(0, |line| vat_within(entry.amount, line.vat_bp))
    });
    goods.chain(sent).sum()
}

/// What stands between a cart and its checkout, the lines first.
pub(super) fn problems(
    settings: &Settings,
    cart: &cart::Model,
    contact: Option<&cart_contact::Model>,
    lines: &[PricedLine],
    shipping: &[PricedShipping],
    totals: &Totals,
) -> Vec<Problem> {
    let mut problems = line_problems(cart, lines);
    if contact.is_none_or(|contact| contact.email.is_none()) {
        problems.push(Problem::NoEmail);
    }
    match contact.and_then(deliverable) {
        None => problems.push(Problem::NoAddress),
        Some(country) => problems.extend(unserved(shipping, country)),
    }
    if let Some(currency) = cart.currency {
        problems.extend(amount_problem(settings, currency, totals.total));
    }
    problems
}

fn line_problems(cart: &cart::Model, lines: &[PricedLine]) -> Vec<Problem> {
    if lines.is_empty() {
        return vec![Problem::Empty];
    }
    let mut wanted: BTreeMap<VariantId, i64> = BTreeMap::new();
    for line in lines {
        *wanted.entry(line.variant.id).or_default() += i64::from(line.line.quantity);
    }
    let of_line = |(place, line): (usize, &PricedLine)| {
        let wanted = wanted.get(&line.variant.id).copied().unwrap_or(0);
        if line.is_gone() {
            return Some(Problem::Gone { line: place });
        }
        if Some(line.brand.currency) != cart.currency {
            return Some(Problem::OtherCurrency { line: place });
        }
        let left = pieces_left(&line.variant)?;
        (left < wanted).then(|| out_of_stock(lines, place, left))
    };
    lines.iter().enumerate().filter_map(of_line).collect()
}

/// The problem that fewer than wanted, `left`, are left of what the line at `place` asks for.
pub(super) fn out_of_stock(lines: &[PricedLine], place: usize, left: i64) -> Problem {
    let others = lines.iter().enumerate().filter(|(other, line)| {
        let same = lines
            .get(place)
            .is_some_and(|at| at.variant.id == line.variant.id);
        same && *other != place
    });
    Problem::OutOfStock {
        line: place,
        left,
        elsewhere: others.map(|(_, line)| i64::from(line.line.quantity)).sum(),
    }
}

/// The country of an address that a parcel can reach.
pub(super) fn deliverable(contact: &cart_contact::Model) -> Option<&Country> {
    let complete = contact.name.is_some() && contact.line1.is_some() && contact.city.is_some();
    contact.country.as_ref().filter(|_| complete)
}

fn unserved(shipping: &[PricedShipping], country: &Country) -> Vec<Problem> {
    let none = shipping.iter().filter(|entry| entry.amount.is_none());
    none.map(|entry| Problem::NotShipped {
        brand: entry.brand.name.to_string(),
        country: country.clone(),
    })
    .collect()
}

fn amount_problem(settings: &Settings, currency: Currency, total: i64) -> Option<Problem> {
    let rules = currency.rules();
    if !settings.currencies.contains(&currency) {
        return Some(Problem::CurrencyNotSold(currency));
    }
    if total < rules.min_charge {
        let least = Money::new(rules.min_charge, currency);
        return Some(Problem::TotalTooSmall { least });
    }
    let most = Money::new(rules.max_charge, currency);
    (total > rules.max_charge).then_some(Problem::TotalTooLarge { most })
}

/// Where the money of an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Nobody paid yet.
    Awaiting,
    /// The buyer paid in a way whose money takes days, and may still not come.
    Pending,
    /// Nobody paid, and nobody can any more.
    Expired,
    /// It was paid.
    Paid,
    /// Some of it went back, or goes back, to the buyer.
    PartiallyRefunded,
    /// All of it went back, or goes back, to the buyer.
    Refunded,
    /// The buyer's bank has taken it, and may give it back.
    Disputed,
    /// The buyer's bank has taken it back, or some of it, for good.
    ChargedBack,
}

/// What of an order comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnStatus {
    /// Nothing.
    None,
    /// A return is open.
    Open,
    /// Some of what was shipped was asked back by a return, and refunded.
    PartiallyReturned,
    /// All that was shipped was.
    Returned,
}

/// Where the money of `order` is, by its units and disputes.
pub fn payment_status(
    order: &order::Model,
    units: &[unit::Model],
    disputes: &[dispute::Model],
) -> PaymentStatus {
    match order.state {
        OrderState::AwaitingPayment if order.payment_pending_at.is_some() => return PaymentStatus::Pending,
        OrderState::AwaitingPayment => return PaymentStatus::Awaiting,
        OrderState::Expired => return PaymentStatus::Expired,
        OrderState::Paid | OrderState::Cancelled => {}
    }
    if disputes
        .iter()
        .any(|dispute| !dispute.inquiry && dispute.closed_at.is_none())
    {
        return PaymentStatus::Disputed;
    }
    if units.iter().any(|unit| refundable(unit) < unit.paid) {
        return PaymentStatus::ChargedBack;
    }
    // What cost nothing cannot go back.
    let paid = || units.iter().filter(|unit| unit.paid > 0);
    let back = paid().filter(|unit| unit.refund_id.is_some()).count();
    match back {
        0 => PaymentStatus::Paid,
        back if back == paid().count() => PaymentStatus::Refunded,
        _ => PaymentStatus::PartiallyRefunded,
    }
}

/// What of an order comes back, by its units, its returns, and the units each of these asks for. Money given back for what
/// the buyer keeps is no return: the payment's status tells of it.
pub fn return_status(
    units: &[unit::Model],
    returns: &[return_request::Model],
    asked: &[return_unit::Model],
) -> ReturnStatus {
    let declined = |row: &&return_request::Model| row.state == ReturnState::Declined;
    let declined: HashSet<ReturnId> = returns.iter().filter(declined).map(|row| row.id).collect();
    let asked: HashSet<UnitId> = asked
        .iter()
        .filter(|row| !declined.contains(&row.return_id))
        .map(|row| row.unit_id)
        .collect();

    let sent = || {
        units
            .iter()
            .filter(|unit| unit.kind == UnitKind::Goods && unit.shipped_at.is_some())
    };
    if sent().any(|unit| unit.return_id.is_some() && unit.refund_id.is_none()) {
        return ReturnStatus::Open;
    }
    let back = |unit: &&unit::Model| unit.refund_id.is_some() && asked.contains(&unit.id);
    match sent().filter(back).count() {
        0 => ReturnStatus::None,
        back if back == sent().count() => ReturnStatus::Returned,
        _ => ReturnStatus::PartiallyReturned,
    }
}

/// Whether the buyer's bank has decided.
pub(super) fn is_decided(state: DisputeState) -> bool {
    match state {
        DisputeState::NeedsResponse | DisputeState::UnderReview => false,
        DisputeState::Won | DisputeState::Lost | DisputeState::Dropped => true,
    }
}

/// How far a dispute is on its way: it never goes back. An inquiry comes before the dispute that may follow it.
pub(super) fn dispute_rank(inquiry: bool, state: DisputeState) -> u8 {
    let within = match state {
        DisputeState::NeedsResponse => 0,
        DisputeState::UnderReview => 1,
        DisputeState::Won | DisputeState::Lost | DisputeState::Dropped => 2,
    };
    if inquiry { within } else { 3 + within }
}

/// An order's number from ten random bytes: two groups of five characters that are hard to mistake on the phone.
pub(super) fn order_number(chance: [u8; 10]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte & 31)]);
    let (first, second) = chance.split_at(5);
    let group = |bytes: &[u8]| bytes.iter().map(letter).collect::<String>();
    format!("{}-{}", group(first), group(second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use vitrine_model::id::{CartId, IntentId, OrderId};

    use super::*;
    use crate::checkout::units::tests::{Situation, unit};

    const OPEN: Situation = (false, false, false, false, false);
    const SHIPPED: Situation = (true, false, false, false, false);
    const RETURNING: Situation = (true, true, false, false, false);
    const SHIPPED_AND_REFUNDED: Situation = (true, false, true, false, false);
    const REFUNDED: Situation = (false, false, true, false, false);

    fn order(state: OrderState) -> order::Model {
        let at = Time::UNIX_EPOCH;
        order::Model {
            id: OrderId::from(Uuid::nil()),
            number: "V".to_owned(),
            cart_id: CartId::from(Uuid::nil()),
            account_id: None,
            secret_hash: Vec::new(),
            secret_expires_at: at,
            currency: Currency::Eur,
            goods_total: 0,
            shipping_total: 0,
            total: 0,
            state,
            intent_id: IntentId::from(Uuid::nil()),
            session_id: None,
            checkout_url: None,
            charge_id: None,
            expires_at: at,
            created_at: at,
            payment_pending_at: None,
            paid_at: None,
            closed_at: None,
        }
    }

    fn units(situations: &[Situation]) -> Vec<unit::Model> {
        let numbered = (1..).zip(situations);
        numbered.map(|(ordinal, at)| unit(ordinal, *at)).collect()
    }

    fn return_of(state: ReturnState, of: &[unit::Model]) -> (return_request::Model, Vec<return_unit::Model>) {
        let id = ReturnId::from(Uuid::from_u128(1));
        let asked = of.iter().map(|unit| return_unit::Model {
            return_id: id,
            unit_id: unit.id,
        });
        let row = return_request::Model {
            id,
            order_id: OrderId::from(Uuid::nil()),
            brand_id: BrandId::from(Uuid::nil()),
            reason: "it did not fit".parse().unwrap(),
            state,
            created_at: Time::UNIX_EPOCH,
            decided_at: None,
        };
        (row, asked.collect())
    }

    #[test]
    fn the_payment_tells_where_the_money_is() {
        let paid = order(OrderState::Paid);
        for (situations, status) in [
            (&[OPEN, SHIPPED][..], PaymentStatus::Paid),
            (&[OPEN, REFUNDED], PaymentStatus::PartiallyRefunded),
            (&[SHIPPED, SHIPPED_AND_REFUNDED], PaymentStatus::PartiallyRefunded),
            (&[REFUNDED, SHIPPED_AND_REFUNDED], PaymentStatus::Refunded),
            (&[], PaymentStatus::Paid),
        ] {
            assert_eq!(
                payment_status(&paid, &units(situations), &[]),
                status,
                "{situations:?}"
            );
        }
        assert_eq!(
            payment_status(&order(OrderState::AwaitingPayment), &[], &[]),
            PaymentStatus::Awaiting
        );
        assert_eq!(
            payment_status(&order(OrderState::Expired), &[], &[]),
            PaymentStatus::Expired
        );
        let cancelled = order(OrderState::Cancelled);
        assert_eq!(
            payment_status(&cancelled, &units(&[REFUNDED]), &[]),
            PaymentStatus::Refunded
        );
        assert_eq!(
            payment_status(&cancelled, &units(&[OPEN]), &[]),
            PaymentStatus::Paid,
            "its refund failed"
        );
    }

    #[test]
    fn what_the_bank_took_for_good_is_charged_back() {
        let mut units = units(&[SHIPPED, REFUNDED]);
        units[0].brand_lost = 40;
        assert_eq!(
            payment_status(&order(OrderState::Paid), &units, &[]),
            PaymentStatus::ChargedBack
        );
    }

    #[test]
    fn what_cost_nothing_need_not_go_back() {
        let mut units = units(&[REFUNDED, OPEN]);
        units[1].paid = 0;
        assert_eq!(
            payment_status(&order(OrderState::Paid), &units, &[]),
            PaymentStatus::Refunded
        );
    }

    #[test]
    fn a_return_is_what_a_return_asked_for() {
        use ReturnState::{Approved, Declined, Refunded, Requested};
        for (situations, state, asked, status) in [
            (&[SHIPPED, OPEN][..], Requested, 0, ReturnStatus::None),
            (&[RETURNING, OPEN], Requested, 1, ReturnStatus::Open),
            (&[RETURNING, SHIPPED], Approved, 1, ReturnStatus::Open),
            (
                &[SHIPPED_AND_REFUNDED, RETURNING],
                Approved,
                2,
                ReturnStatus::Open,
            ),
            (
                &[SHIPPED_AND_REFUNDED, SHIPPED],
                Refunded,
                1,
                ReturnStatus::PartiallyReturned,
            ),
            (&[SHIPPED_AND_REFUNDED, OPEN], Refunded, 1, ReturnStatus::Returned),
            (
                &[SHIPPED_AND_REFUNDED, SHIPPED_AND_REFUNDED],
                Refunded,
                1,
                ReturnStatus::PartiallyReturned,
            ),
            (&[SHIPPED, OPEN], Declined, 1, ReturnStatus::None),
            (&[SHIPPED_AND_REFUNDED], Declined, 1, ReturnStatus::None),
        ] {
            let units = units(situations);
            let (row, rows) = return_of(state, &units[..asked]);
            assert_eq!(
                return_status(&units, &[row], &rows),
                status,
                "{situations:?} {state:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn money_given_back_without_a_return_is_no_return(
            situations in proptest::collection::vec(any::<Situation>(), 0..12),
        ) {
            let units = units(&situations);
            let open = situations.iter().any(|at| at.0 && at.1 && !at.2);
            let status = if open { ReturnStatus::Open } else { ReturnStatus::None };
            prop_assert_eq!(return_status(&units, &[], &[]), status);
        }

        #[test]
        fn each_axis_looks_at_its_own_facts(
            situations in proptest::collection::vec(any::<Situation>(), 1..12),
            flip in any::<prop::sample::Index>(),
        ) {
            let paid = order(OrderState::Paid);
            let before = units(&situations);
            let mut moved = situations.clone();
            let moved_one = flip.get(&situations);
            let place = flip.index(situations.len());
            // Shipping, returns and releases do not move the payment.
            moved[place] = (!moved_one.0, !moved_one.1, moved_one.2, !moved_one.3, !moved_one.4);
            prop_assert_eq!(payment_status(&paid, &before, &[]), payment_status(&paid, &units(&moved), &[]));
            // Releases move nothing that a buyer sees.
            moved[place] = (moved_one.0, moved_one.1, moved_one.2, !moved_one.3, !moved_one.4);
            let (row, rows) = return_of(ReturnState::Refunded, &before);
            prop_assert_eq!(
                return_status(&before, std::slice::from_ref(&row), &rows),
                return_status(&units(&moved), std::slice::from_ref(&row), &rows)
            );
        }

        #[test]
        fn an_orders_number_is_read_out_in_two_groups(chance in any::<[u8; 10]>()) {
            let number = order_number(chance);
            let (first, second) = number.split_once('-').unwrap();
            for group in [first, second] {
                prop_assert_eq!(group.len(), 5);
                prop_assert!(group.chars().all(|letter| letter.is_ascii_digit() || (letter.is_ascii_uppercase() && !"ILO".contains(letter))));
            }
        }
    }

    #[test]
    fn a_parcel_needs_a_name_a_street_and_a_town() {
        let complete = cart_contact::Model {
            cart_id: CartId::from(Uuid::nil()),
            email: None,
            name: Some("Berta Buyer".parse().unwrap()),
            line1: Some("1 Mill Lane".parse().unwrap()),
            line2: None,
            postal_code: None,
            city: Some("Berlin".parse().unwrap()),
            region: None,
            country: Some("DE".parse().unwrap()),
        };
        assert!(
            deliverable(&complete).is_some(),
            "some countries have no postal codes"
        );
        for missing in [
            cart_contact::Model {
                name: None,
                ..complete.clone()
            },
            cart_contact::Model {
                line1: None,
                ..complete.clone()
            },
            cart_contact::Model {
                city: None,
                ..complete.clone()
            },
            cart_contact::Model {
                country: None,
                ..complete.clone()
            },
        ] {
            assert_eq!(deliverable(&missing), None);
        }
    }
}
