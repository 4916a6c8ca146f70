//! What buying costs and what stands in its way: pure decisions.

use std::collections::{BTreeMap, HashMap};

use vitrine_model::Time;
use vitrine_model::catalog::{brand, product, terms, variant};
use vitrine_model::checkout::{
    DisputeState, OrderState, cart, cart_contact, cart_line, dispute, order, order_line, order_shipping,
};
use vitrine_model::id::{BrandId, VariantId};
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
    /// Some of what was shipped was refunded.
    PartiallyReturned,
    /// All that was shipped was refunded.
    Returned,
}

/// Where the money of `order` is, by its units and disputes.
pub fn payment_status(
    order: &order::Model,
    units: &[unit::Model],
    disputes: &[dispute::Model],
) -> PaymentStatus {
    match order.state {
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

/// What of an order comes back, by its units.
pub fn return_status(units: &[unit::Model]) -> ReturnStatus {
    let sent = || {
        units
            .iter()
            .filter(|unit| unit.kind == UnitKind::Goods && unit.shipped_at.is_some())
    };
    if sent().any(|unit| unit.return_id.is_some() && unit.refund_id.is_none()) {
        return ReturnStatus::Open;
    }
    match sent().filter(|unit| unit.refund_id.is_some()).count() {
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
