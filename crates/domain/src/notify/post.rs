//! Who is written to about what.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use anyhow::Context as _;
use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::ExposeSecret;
use vitrine_model::checkout::{RefundKind, order};
use vitrine_model::event;
use vitrine_model::id::{
    BrandId, EventId, OrderId, PayoutAccountId, PayoutId, ReturnId, ReversalId, UnitId, WebhookEndpointId,
};
use vitrine_model::identity::{Role, account};
use vitrine_model::ledger::Party;
use vitrine_model::money::Money;
use vitrine_model::payout::{self, AccountClosure, payout_account, transfer_reversal};
use vitrine_model::text::Email;
use vitrine_model::webhook::{Disabled, endpoint};

use crate::context::Context;
use crate::ledger;
use crate::notify::disputes;
use crate::notify::facts::{self, Earner, Sale};
use crate::notify::letters::{self, Earned, Item, Letter, TakenBack};
use crate::notify::security;
use crate::notify::trouble::{self, Hindrance, Silence};
use crate::notify::{curating, invitation};
use crate::secret;
use crate::template::fill_in;

/// A letter and to whom.
pub(super) struct Draft {
    /// The address, read just now.
    pub(super) to: Email,
    /// The recipient's part in the event: "buyer", or an account's id, with what else tells two letters to her apart.
    pub(super) recipient: String,
    /// The letter.
    pub(super) letter: Letter,
}

/// Which letters an event brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Confirmation to the buyer, work for the brands, news for the shopholders.
    OrderPaid,
    /// A parcel on its way.
    OrderShipped,
    /// Money gone back: to the buyer, and to the shopholders whose earnings went with it.
    OrderRefunded,
    /// A paid order called off: to the buyer and the brands.
    OrderCancelled,
    /// A return to decide.
    ReturnRequested,
    /// The brand's yes.
    ReturnApproved,
    /// The brand's no.
    ReturnDeclined,
    /// Money on its way to a party.
    PayoutPaid,
    /// Money that Stripe did not send.
    PayoutRefused,
    /// What a refund left owing came back from a payout.
    PayoutReversed,
    /// It did not.
    ReversalRefused,
    /// An order nobody paid.
    OrderExpired,
    /// Money that did not go back: to the buyer, and to those who must send it again.
    RefundFailed,
    /// A buyer's bank asks, or has taken the money.
    DisputeOpened,
    /// A dispute, or an inquiry, has ended.
    DisputeClosed,
    /// A payment whose money takes its time.
    PaymentPending,
    /// A payment whose money never came.
    PaymentFailed,
    /// A charge nobody asked for, which goes back.
    ChargeUnexpected,
    /// A payout account that can receive nothing any more.
    AccountRestricted,
    /// A webhook endpoint that is told nothing any more.
    EndpointDisabled,
    /// An invitation to work for a brand.
    Invited,
    /// An invitation to curate a shop together.
    CuratorInvited,
    /// What someone gets of a shop that she curates has changed, or she curates it no more.
    CuratorChanged,
    /// What concerns an account's safety.
    Security,
}

/// The one table of events that someone is written to about.
pub(super) fn writer(kind: &str) -> Option<Writer> {
    Some(match kind {
        "order.paid" => Writer::OrderPaid,
        "order.shipped" => Writer::OrderShipped,
        "order.refunded" => Writer::OrderRefunded,
        "order.cancelled" => Writer::OrderCancelled,
        "return.requested" => Writer::ReturnRequested,
        "return.approved" => Writer::ReturnApproved,
        "return.declined" => Writer::ReturnDeclined,
        "payout.paid" => Writer::PayoutPaid,
        "payout.refused" => Writer::PayoutRefused,
        "payout.reversed" => Writer::PayoutReversed,
        "payout.reversal_refused" => Writer::ReversalRefused,
        "order.expired" => Writer::OrderExpired,
        "order.refund_failed" => Writer::RefundFailed,
        "dispute.inquiry_opened" | "dispute.opened" => Writer::DisputeOpened,
        "dispute.won" | "dispute.lost" | "dispute.dropped" | "dispute.corrected" => Writer::DisputeClosed,
        "order.payment_pending" => Writer::PaymentPending,
        "order.payment_failed" => Writer::PaymentFailed,
        "charge.unexpected" => Writer::ChargeUnexpected,
        "payout_account.restricted" => Writer::AccountRestricted,
        "webhook_endpoint.disabled" => Writer::EndpointDisabled,
        "brand.member_invited" | "brand.invitation_resent" => Writer::Invited,
        "shop.curator_invited" => Writer::CuratorInvited,
        "shop.curator_updated" | "shop.curator_removed" => Writer::CuratorChanged,
        kind if security::tells(kind) => Writer::Security,
        _ => return None,
    })
}

/// The letters that the event brings about. Boxed, as each of the writers would be carried otherwise.
pub(super) fn drafts(cx: &Context, id: EventId) -> BoxFuture<'_, anyhow::Result<Vec<Draft>>> {
    Box::pin(written(cx, id))
}

async fn written(cx: &Context, id: EventId) -> anyhow::Result<Vec<Draft>> {
    let event = event::Entity::find()
        .filter(event::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .with_context(|| format!("no event {id}"))?;
    let Some(writer) = writer(&event.kind) else {
        return Ok(Vec::new());
    };
    match writer {
        Writer::OrderPaid => order_paid(cx, event.subject.parse()?).await,
        Writer::OrderShipped => order_shipped(cx, &event).await,
        Writer::OrderRefunded => order_refunded(cx, &event).await,
        Writer::OrderCancelled => order_cancelled(cx, event.subject.parse()?).await,
        Writer::ReturnRequested => return_requested(cx, event.subject.parse()?).await,
        Writer::ReturnApproved => return_decided(cx, event.subject.parse()?, letters::return_approved).await,
        Writer::ReturnDeclined => return_decided(cx, event.subject.parse()?, letters::return_declined).await,
        Writer::PayoutPaid => payout_paid(cx, event.subject.parse()?).await,
        Writer::PayoutRefused => payout_refused(cx, event.subject.parse()?).await,
        Writer::PayoutReversed => reversed(cx, reference(&event, "reversal")?).await,
        Writer::ReversalRefused => reversal_refused(cx, reference(&event, "reversal")?).await,
        Writer::OrderExpired => order_expired(cx, event.subject.parse()?).await,
        Writer::RefundFailed => refund_failed(cx, &event).await,
        Writer::DisputeOpened => disputes::opened(cx, event.subject.parse()?).await,
        Writer::DisputeClosed => disputes::closed(cx, event.subject.parse()?).await,
        Writer::PaymentPending => payment(cx, event.subject.parse()?, trouble::payment_pending).await,
        Writer::PaymentFailed => payment(cx, event.subject.parse()?, trouble::payment_failed).await,
        Writer::ChargeUnexpected => charge_unexpected(cx, &event).await,
        Writer::AccountRestricted => account_restricted(cx, event.subject.parse()?).await,
        Writer::EndpointDisabled => endpoint_disabled(cx, event.subject.parse()?).await,
        Writer::Invited => invitation::written(cx, reference(&event, "invitation")?).await,
        Writer::CuratorInvited => curating::invited(cx, reference(&event, "invitation")?).await,
        Writer::CuratorChanged => curating::changed(cx, &event).await,
        Writer::Security => security::written(cx, &event).await,
    }
}

async fn order_paid(cx: &Context, order: OrderId) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), order).await?;
    let number = &sale.order.number;
    let mut drafts = Vec::new();
    drafts.extend(to_buyer(
        cx,
        &sale,
        letters::order_paid(
            sale.buyer_name(),
            number,
            &sale.items(|_| true),
            &sale.shipping(),
            sale.money(sale.order.total),
            &sale.address(),
        ),
    ));
    for brand in sale.brand_ids() {
        let items = sale.items(|line| line.brand_id == brand);
        let name = sale.brand_name(brand);
        let write =
            |to: &account::Model| letters::to_ship(to.name.as_str(), name, number, &items, &sale.address());
        drafts.extend(to_staff(cx, brand, Role::Shipper, write).await?);
    }
    for earner in facts::earners(&sale, |_| true) {
        let days = earner.window_days;
        let write = |name: &str, shop: &str, earned: &[Earned], sum| {
            letters::sold(name, shop, number, earned, sum, days)
        };
        drafts.extend(to_earner(cx, &sale, &earner, write).await?);
    }
    Ok(drafts)
}

async fn order_shipped(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), event.subject.parse()?).await?;
    let parcel = facts::parcel(cx.db(), reference(event, "fulfillment")?).await?;
    let items = sale.items_of_units(|unit| unit.fulfillment_id == Some(parcel.id));
    let letter = letters::shipped(
        sale.buyer_name(),
        &sale.order.number,
        sale.brand_name(parcel.brand_id),
        &items,
        parcel.carrier.as_ref().map(vitrine_model::text::Tracking::as_str),
        parcel
            .tracking_code
            .as_ref()
            .map(vitrine_model::text::Tracking::as_str),
    );
    Ok(to_buyer(cx, &sale, letter).into_iter().collect())
}

async fn order_refunded(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), event.subject.parse()?).await?;
    let (refund, units) = facts::refund(cx.db(), reference(event, "refund")?).await?;
    let units: BTreeSet<UnitId> = units.into_iter().collect();
    let amount = Money::new(refund.amount, refund.currency);
    let letter = letters::refunded(
        sale.buyer_name(),
        &sale.order.number,
        amount,
        &sale.items_of_units(|unit| units.contains(&unit.id)),
        refund.reason.as_str(),
    );
    let mut drafts: Vec<Draft> = to_buyer(cx, &sale, letter).into_iter().collect();
    if refund.kind == RefundKind::Units {
        for earner in facts::earners(&sale, |unit| units.contains(&unit.id)) {
            let party = Party::Shopholder(earner.account);
            let taken = ledger::refund_taken(cx.db(), refund.id, party).await?;
            let taken = TakenBack {
                held: sale.money(taken.held),
                available: sale.money(taken.available),
                owed: sale.money(taken.receivable),
            };
            let write = |name: &str, shop: &str, earned: &[Earned], sum| {
                letters::taken_back(name, shop, &sale.order.number, earned, sum, taken)
            };
            drafts.extend(to_earner(cx, &sale, &earner, write).await?);
        }
    }
    Ok(drafts)
}

/// Nobody is written to about an order that was never paid: she called it off herself.
async fn order_cancelled(cx: &Context, order: OrderId) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), order).await?;
    if sale.order.paid_at.is_none() {
        return Ok(Vec::new());
    }
    let number = &sale.order.number;
    let letter = letters::cancelled(sale.buyer_name(), number, sale.money(sale.order.total));
    let mut drafts: Vec<Draft> = to_buyer(cx, &sale, letter).into_iter().collect();
    for brand in sale.brand_ids() {
        let name = sale.brand_name(brand);
        let write = |to: &account::Model| letters::do_not_ship(to.name.as_str(), name, number);
        drafts.extend(to_staff(cx, brand, Role::Shipper, write).await?);
    }
    Ok(drafts)
}

async fn return_requested(cx: &Context, id: ReturnId) -> anyhow::Result<Vec<Draft>> {
    let (found, units) = facts::return_request(cx.db(), id).await?;
    let sale = facts::sale(cx.db(), found.order_id).await?;
    let items = sale.items_of_units(|unit| units.contains(&unit.id));
    let (brand, number) = (sale.brand_name(found.brand_id), &sale.order.number);
    let write = |to: &account::Model| {
        letters::return_requested(to.name.as_str(), brand, number, &items, found.reason.as_str())
    };
    to_staff(cx, found.brand_id, Role::Manager, write).await
}

async fn return_decided(
    cx: &Context,
    id: ReturnId,
    write: fn(Option<&str>, &str, &str, &[Item]) -> Letter,
) -> anyhow::Result<Vec<Draft>> {
    let (found, units) = facts::return_request(cx.db(), id).await?;
    let sale = facts::sale(cx.db(), found.order_id).await?;
    let items = sale.items_of_units(|unit| units.contains(&unit.id));
    let brand = sale.brand_name(found.brand_id);
    let letter = write(sale.buyer_name(), &sale.order.number, brand, &items);
    Ok(to_buyer(cx, &sale, letter).into_iter().collect())
}

async fn payout_paid(cx: &Context, id: PayoutId) -> anyhow::Result<Vec<Draft>> {
    let payout = payout_of(cx, id).await?;
    let amount = Money::new(payout.amount, payout.currency);
    to_party(cx, payout.party, |name, whose| {
        letters::paid_out(name, whose, amount)
    })
    .await
}

async fn payout_refused(cx: &Context, id: PayoutId) -> anyhow::Result<Vec<Draft>> {
    let payout = payout_of(cx, id).await?;
    let amount = Money::new(payout.amount, payout.currency);
    let refusal = payout.refusal.as_deref();
    let write = |name: &str, whose: &str| letters::payout_refused(name, whose, amount, refusal);
    to_party(cx, payout.party, write).await
}

async fn reversed(cx: &Context, id: ReversalId) -> anyhow::Result<Vec<Draft>> {
    let (reversal, number) = reversal_of(cx, id).await?;
    let amount = Money::new(reversal.amount, reversal.currency);
    let write = |name: &str, whose: &str| letters::reversed(name, whose, amount, &number);
    to_party(cx, reversal.party, write).await
}

async fn reversal_refused(cx: &Context, id: ReversalId) -> anyhow::Result<Vec<Draft>> {
    let (reversal, number) = reversal_of(cx, id).await?;
    let amount = Money::new(reversal.amount, reversal.currency);
    let owed = ledger::receivable(cx.db(), reversal.party, reversal.currency).await?;
    let owed = Money::new(owed, reversal.currency);
    let write = |name: &str, whose: &str| letters::reversal_refused(name, whose, amount, &number, owed);
    to_party(cx, reversal.party, write).await
}

async fn payout_of(cx: &Context, id: PayoutId) -> anyhow::Result<payout::Model> {
    let payout = payout::Entity::find_by_id(id).one(cx.db()).await?;
    payout.with_context(|| format!("no payout {id}"))
}

/// The reversal, and the number of the order whose refund or dispute made it necessary.
async fn reversal_of(cx: &Context, id: ReversalId) -> anyhow::Result<(transfer_reversal::Model, String)> {
    let reversal = transfer_reversal::Entity::find_by_id(id).one(cx.db()).await?;
    let reversal = reversal.with_context(|| format!("no reversal {id}"))?;
    let order = match (reversal.refund_id, reversal.dispute_id) {
        (Some(refund), _) => facts::refund(cx.db(), refund).await?.0.order_id,
        (None, Some(dispute)) => facts::disputed_order(cx.db(), dispute).await?,
        (None, None) => anyhow::bail!("{id} has no cause"),
    };
    let number = facts::order_number(cx.db(), order).await?;
    Ok((reversal, number))
}

/// Nobody is written to who called the order off herself.
async fn order_expired(cx: &Context, id: OrderId) -> anyhow::Result<Vec<Draft>> {
    let called_off = event::Entity::find()
        .filter(event::Column::Subject.eq(id.to_string()))
        .filter(event::Column::Kind.eq("order.cancel_requested"))
        .one(cx.db())
        .await?;
    if called_off.is_some() {
        return Ok(Vec::new());
    }
    let sale = facts::sale(cx.db(), id).await?;
    let letter = letters::expired(sale.buyer_name(), &sale.order.number, &sale.items(|_| true));
    Ok(to_buyer(cx, &sale, letter).into_iter().collect())
}

async fn refund_failed(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), event.subject.parse()?).await?;
    let (refund, units) = facts::refund(cx.db(), reference(event, "refund")?).await?;
    let amount = Money::new(refund.amount, refund.currency);
    if facts::is_claimed(cx.db(), &refund.charge_id).await? {
        // Her bank gives her the money, or may: nothing is to be sent again, and of the dispute everyone hears.
        return Ok(Vec::new());
    }
    let number = &sale.order.number;
    let letter = match refund.kind {
        RefundKind::Units => letters::refund_failed(sale.buyer_name(), number, amount),
        RefundKind::Charge => letters::payment_not_returned(sale.buyer_name(), number, amount),
    };
    let mut drafts: Vec<Draft> = to_buyer(cx, &sale, letter).into_iter().collect();
    let concerned = sale.units.iter().filter(|unit| units.contains(&unit.id));
    let brands: BTreeSet<BrandId> = concerned.map(|unit| unit.brand_id).collect();
    for brand in brands {
        let name = sale.brand_name(brand);
        let write =
            |to: &account::Model| letters::refund_failed_for_brand(to.name.as_str(), name, number, amount);
        drafts.extend(to_staff(cx, brand, Role::Manager, write).await?);
    }
    Ok(drafts)
}

/// A shopholder reads of her own money, a brand's owners of the brand's. `write` takes the reader's name, and whose money
/// it is.
pub(super) async fn to_party(
    cx: &Context,
    party: Party,
    write: impl Fn(&str, &str) -> Letter,
) -> anyhow::Result<Vec<Draft>> {
    match party {
        Party::Brand(brand) => {
            let name = facts::brand_name(cx.db(), brand).await?;
            let write = |to: &account::Model| write(to.name.as_str(), &name);
            to_staff(cx, brand, Role::Owner, write).await
        }
        Party::Shopholder(id) => {
            let person = facts::person(cx.db(), id).await?;
            let page = cx.settings().shopholder_url.as_ref();
            let page = page.map(|template| fill_in(template, &[("{shop}", "")]));
            let drafts = person.map(|person| Draft {
                recipient: person.id.to_string(),
                letter: write(person.name.as_str(), "you").leading_to_any("Your page", page.as_deref()),
                to: person.email,
            });
            Ok(drafts.into_iter().collect())
        }
    }
}

/// What of the whole order's payment the buyer reads.
async fn payment(
    cx: &Context,
    order: OrderId,
    write: fn(Option<&str>, &str, Money) -> Letter,
) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), order).await?;
    let total = sale.money(sale.order.total);
    let letter = write(sale.buyer_name(), &sale.order.number, total);
    Ok(to_buyer(cx, &sale, letter).into_iter().collect())
}

async fn charge_unexpected(cx: &Context, event: &event::Model) -> anyhow::Result<Vec<Draft>> {
    let sale = facts::sale(cx.db(), event.subject.parse()?).await?;
    let (refund, _) = facts::refund(cx.db(), reference(event, "refund")?).await?;
    let amount = Money::new(refund.amount, refund.currency);
    let letter = trouble::charge_returned(sale.buyer_name(), &sale.order.number, amount);
    Ok(to_buyer(cx, &sale, letter).into_iter().collect())
}

/// Written for how the account stands by now: one that works again needs no letter.
async fn account_restricted(cx: &Context, id: PayoutAccountId) -> anyhow::Result<Vec<Draft>> {
    let account = payout_account::Entity::find_by_id(id).one(cx.db()).await?;
    let account = account.with_context(|| format!("no payout account {id}"))?;
    let why = match account.closed {
        Some(AccountClosure::Rejected) => Hindrance::Rejected,
        Some(AccountClosure::Deleted) => Hindrance::Deleted,
        None if account.transfers_active => return Ok(Vec::new()),
        None => Hindrance::Restricted,
    };
    let write = |name: &str, whose: &str| trouble::account_hindered(name, whose, why);
    to_party(cx, account.party, write).await
}

/// Nobody is written to who disabled it herself. The platform's own are its operators' business.
async fn endpoint_disabled(cx: &Context, id: WebhookEndpointId) -> anyhow::Result<Vec<Draft>> {
    let Some(endpoint) = endpoint::Entity::find_by_id(id).one(cx.db()).await? else {
        return Ok(Vec::new());
    };
    let why = match endpoint.disabled {
        Some(Disabled::Gone) => Silence::Gone,
        Some(Disabled::Failing) => Silence::Failing,
        Some(Disabled::Manual) | None => return Ok(Vec::new()),
    };
    let url = endpoint.url.as_str();
    if let Some(brand) = endpoint.brand_id {
        let name = facts::brand_name(cx.db(), brand).await?;
        let write = |to: &account::Model| trouble::endpoint_disabled(to.name.as_str(), &name, url, why);
        return to_staff(cx, brand, Role::Owner, write).await;
    }
    let operators = facts::operators(cx.db()).await?;
    let drafts = operators.into_iter().map(|person| Draft {
        recipient: person.id.to_string(),
        letter: trouble::endpoint_disabled(person.name.as_str(), "the platform", url, why),
        to: person.email,
    });
    Ok(drafts.collect())
}

/// The buyer may have given no address, or have been erased. A guest's letter opens her order; who bought with an account
/// signs in.
fn to_buyer(cx: &Context, sale: &Sale, letter: Letter) -> Option<Draft> {
    let to = sale.contact.as_ref()?.email.clone()?;
    let letter = match &cx.settings().order_url {
        Some(template) => letter.leading_to("Your order", &order_page(cx, template, &sale.order)),
        None => letter,
    };
    Some(Draft {
        to,
        recipient: "buyer".to_owned(),
        letter,
    })
}

fn order_page(cx: &Context, template: &str, order: &order::Model) -> String {
    let secret = order
        .account_id
        .is_none()
        .then(|| secret::order_secret(cx, order.id));
    let id = order.id.to_string();
    let places = [
        ("{order}", id.as_str()),
        ("{number}", order.number.as_str()),
        (
            "{secret}",
            secret.as_ref().map_or("", ExposeSecret::expose_secret),
        ),
    ];
    fill_in(template, &places)
}

pub(super) async fn to_staff(
    cx: &Context,
    brand: BrandId,
    needed: Role,
    write: impl Fn(&account::Model) -> Letter,
) -> anyhow::Result<Vec<Draft>> {
    let staff = facts::staff(cx.db(), brand, needed).await?;
    let page = match &cx.settings().brand_url {
        Some(template) => {
            let handle = facts::brand_handle(cx.db(), brand).await?;
            Some(fill_in(template, &[("{brand}", &handle)]))
        }
        None => None,
    };
    let drafts = staff.into_iter().map(|person| Draft {
        // One person may work for several brands of an order.
        recipient: format!("{}.{brand}", person.id),
        letter: write(&person).leading_to_any("Your brand", page.as_deref()),
        to: person.email,
    });
    Ok(drafts.collect())
}

/// Nothing is written about earnings of nothing: she gave it all away, and knows.
pub(super) async fn to_earner(
    cx: &Context,
    sale: &Sale,
    earner: &Earner,
    write: impl Fn(&str, &str, &[Earned], Money) -> Letter,
) -> anyhow::Result<Option<Draft>> {
    let sum: i64 = earner.earned.iter().map(|earned| earned.earnings.minor()).sum();
    let Some(person) = facts::person(cx.db(), earner.account).await?.filter(|_| sum > 0) else {
        return Ok(None);
    };
    let (shop, handle) = facts::shop(cx.db(), earner.shop).await?;
    let page = cx.settings().shopholder_url.as_ref();
    let page = page.map(|template| fill_in(template, &[("{shop}", &handle)]));
    let letter = write(person.name.as_str(), &shop, &earner.earned, sale.money(sum));
    Ok(Some(Draft {
        recipient: format!("{}.{}", person.id, earner.shop),
        letter: letter.leading_to_any("Your shop", page.as_deref()),
        to: person.email,
    }))
}

/// The id that the event's payload gives under `name`.
pub(super) fn reference<I>(event: &event::Model, name: &str) -> anyhow::Result<I>
where
    I: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let payload: BTreeMap<String, String> = serde_json::from_str(&event.payload)?;
    let id = payload
        .get(name)
        .with_context(|| format!("{} names no {name}", event.id))?;
    Ok(id.parse()?)
}
