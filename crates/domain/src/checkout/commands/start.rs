//! Turning a cart into an order: everything the sale depends on is frozen in one transaction, before Stripe hears of it.

use chrono::TimeDelta;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use vitrine_model::Time;
use vitrine_model::catalog::product_image;
use vitrine_model::checkout::{
    CartState, OrderState, ReservationState, VatSeller, cart, cart_contact, order, order_contact, order_line,
    order_shipping, reservation,
};
use vitrine_model::id::{CartId, IntentId, OrderId};
use vitrine_model::idempotency::Attempt;
use vitrine_model::ledger::Party;
use vitrine_model::money::{Currency, Money};
use vitrine_model::text::WebUrl;

use crate::catalog::{self, Reserved};
use crate::checkout::commands::cart::{ensure_open, lock};
use crate::checkout::commands::{actor, key_scope};
use crate::checkout::queries;
use crate::checkout::refusal::{Problem, Refusal};
use crate::checkout::rules::{self, PricedCart, PricedLine};
use crate::context::{Context, Tx};
use crate::event;
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::idempotency::{self, Claim, Input, Key, KeyRefusal};
use crate::identity::Viewer;
use crate::intent::{self, When};
use crate::jobs::{self, Job};
use crate::ports::{Call, SessionLine};

/// Stripe allows 30 minutes at least. Five more cover the way there, also for repeats that go on, a lease later each,
/// where a server died
/// (<https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at>).
const SESSION_LIFE: TimeDelta = TimeDelta::minutes(35);
/// Stripe's own expiry is waited for so long before we ask.
pub(super) const EXPIRY_MARGIN: TimeDelta = TimeDelta::minutes(2);

/// A checkout to start.
#[derive(Debug, Clone)]
pub struct NewCheckout {
    /// The cart.
    pub cart: CartId,
    /// What the buyer was told it costs.
    pub expected_total: Money,
    /// Where the browser goes after payment.
    pub success_url: WebUrl,
    /// Where the browser goes when the buyer turns back.
    pub cancel_url: WebUrl,
}

impl NewCheckout {
    fn input(&self) -> Input {
        Input::new()
            .field("cart", self.cart)
            .field("expected_total", self.expected_total.minor())
            .field("currency", self.expected_total.currency())
            .field("success_url", &self.success_url)
            .field("cancel_url", &self.cancel_url)
    }
}

/// Makes an order of a cart at today's prices: reserves the stock, freezes all terms, and opens Stripe's page for it. When
/// Stripe cannot be reached the order stands, without `checkout_url`, and a job goes on. `key` is the client's: a repeat
/// answers the same order.
///
/// # Errors
/// `CartNotFound`, `CartOrdered`, `CartPaid`, `TotalChanged`, `Problems`, `ReturnUrlNotAllowed`, `Key`, and
/// `PaymentRefused` when Stripe refused for good: the cart is open again then.
pub async fn start_checkout(
    cx: &Context,
    by: &Viewer,
    new: NewCheckout,
    key: String,
) -> Result<order::Model, Failure<Refusal>> {
    for (field, address) in [("successUrl", &new.success_url), ("cancelUrl", &new.cancel_url)] {
        if !cx.settings().may_return_to(address) {
            return refuse(Refusal::ReturnUrlNotAllowed(field));
        }
    }
    let scope = key_scope(by).or_refuse(Refusal::CartNotFound)?;
    let key = Key::new(scope, "checkoutStart", key, &new.input());
    let order = match place(cx, by, &new, &key).await? {
        Placed::Before(order) => return outcome(cx, order).await,
        Placed::Now(order) => order,
    };
    open_page(cx, order).await?;
    idempotency::finish(cx.db(), &key, Attempt::Done, order).await?;
    outcome(cx, order).await
}

/// An order made by this request, or by an earlier one under the same key.
enum Placed {
    Now(OrderId),
    Before(OrderId),
}

async fn place(cx: &Context, by: &Viewer, new: &NewCheckout, key: &Key) -> Result<Placed, Failure<Refusal>> {
    let tx = cx.begin().await?;
    match idempotency::claim(&tx, cx, key).await? {
        Err(refusal) => return refuse(refusal.into()),
        Ok(Claim::Done(order)) => return Ok(Placed::Before(order.parse()?)),
        Ok(Claim::Resume(order)) => return Ok(Placed::Now(order.parse()?)),
        Ok(Claim::Begun(order)) => {
            let order = order.parse()?;
            finish_begun(&tx, key, order).await?;
            tx.commit().await?;
            return Ok(Placed::Before(order));
        }
        Ok(Claim::First) => {}
    }
    let mut cart = lock(&tx, cx, by, new.cart).await?;
    ensure_open(&tx, &cart).await?;
    cart.account_id = cart.account_id.or(by.account_id());
    let priced = queries::price(&tx, cx, by, cart).await?;
    ensure_agreed(&priced, new.expected_total)?;
    let order = write_order(&tx, cx, &priced, new).await?;
    mark_ordered(&tx, cx, &priced.cart).await?;
    let expiry = Job::OrderExpire {
        order: order.id.to_string(),
    };
    jobs::enqueue(&tx, cx, &expiry, order.expires_at + EXPIRY_MARGIN, None).await?;
    let refs = [("cart", priced.cart.id.to_string())];
    event::record(&tx, cx, actor(by), "order.created", order.id, &refs).await?;
    idempotency::finish(&tx, key, Attempt::InFlight, order.id).await?;
    tx.commit().await?;
    Ok(Placed::Now(order.id))
}

/// Whoever began may have died: once the outcome of his call is known, by a job for one, nobody need wait for him.
async fn finish_begun(tx: &Tx, key: &Key, id: OrderId) -> Result<(), Failure<Refusal>> {
    let found = order::Entity::find_by_id(id).one(tx).await?;
    let order = found.or_refuse(Refusal::OrderNotFound)?;
    if !intent::is_settled(tx, order.intent_id).await? {
        return refuse(KeyRefusal::InProgress.into());
    }
    Ok(idempotency::finish(tx, key, Attempt::Done, id).await?)
}

fn ensure_agreed(priced: &PricedCart, expected: Money) -> Result<(), Failure<Refusal>> {
    if !priced.problems.is_empty() {
        return refuse(Refusal::Problems(priced.problems.clone()));
    }
    match priced.total() {
        Some(total) if total == expected => Ok(()),
        Some(total) => refuse(Refusal::TotalChanged(total)),
        None => refuse(Refusal::Problems(vec![Problem::Empty])),
    }
}

/// Makes the call to Stripe now. When its outcome is unknown a job tries again: the order stands.
async fn open_page(cx: &Context, order: OrderId) -> Result<(), Failure<Refusal>> {
    let intent = find(cx, order).await?.intent_id;
    if let Err(error) = intent::drive(cx, intent).await {
        tracing::warn!(%order, error = format!("{error:#}"), "the checkout page is not open yet");
    }
    Ok(())
}

/// The order as it is now. One that expired without ever having had a page was refused by Stripe.
async fn outcome(cx: &Context, id: OrderId) -> Result<order::Model, Failure<Refusal>> {
    let order = find(cx, id).await?;
    if order.state == OrderState::Expired && order.session_id.is_none() {
        return refuse(Refusal::PaymentRefused);
    }
    Ok(order)
}

async fn find(cx: &Context, id: OrderId) -> Result<order::Model, Failure<Refusal>> {
    let found = order::Entity::find_by_id(id).one(cx.db()).await?;
    found.or_refuse(Refusal::OrderNotFound)
}

async fn write_order(
    tx: &Tx,
    cx: &Context,
    priced: &PricedCart,
    new: &NewCheckout,
) -> Result<order::Model, Failure<Refusal>> {
    let id: OrderId = cx.new_id();
    let reserved = reserve(tx, cx, id, priced).await?;
    let mut chance = [0; 10];
    cx.fill(&mut chance);
    let number = rules::order_number(chance);
    let currency = new.expected_total.currency();
    let expires_at = cx.now() + SESSION_LIFE;
    let call = session(tx, cx, priced, new, id, &number, expires_at).await?;
    let intent = intent::record(tx, cx, id, &call, When::Inline).await?;
    let order = order_row(cx, priced, currency, intent, id, number, expires_at);
    let order = order::Entity::insert(order)
        .exec_with_returning(tx)
        .await
        .or_refuse_duplicate(Refusal::CartOrdered)?;
    write_details(tx, cx, priced, id).await?;
    write_reservations(tx, cx, id, &reserved).await?;
    Ok(order)
}

async fn reserve(
    tx: &Tx,
    cx: &Context,
    order: OrderId,
    priced: &PricedCart,
) -> Result<Vec<Reserved>, Failure<Refusal>> {
    let pieces: Vec<catalog::Piece> = priced
        .lines
        .iter()
        .map(|line| (line.variant.id, i64::from(line.line.quantity)))
        .collect();
    match catalog::reserve_stock(tx, cx, order, &pieces).await? {
        Ok(reserved) => Ok(reserved),
        Err(short) => {
            let of_variant = |(place, line): (usize, &PricedLine)| {
                let is_short = line.variant.id == short.variant;
                is_short.then(|| rules::out_of_stock(&priced.lines, place, short.available))
            };
            let problems = priced.lines.iter().enumerate().filter_map(of_variant);
            refuse(Refusal::Problems(problems.collect()))
        }
    }
}

fn order_row(
    cx: &Context,
    priced: &PricedCart,
    currency: Currency,
    intent: IntentId,
    id: OrderId,
    number: String,
    expires_at: Time,
) -> order::ActiveModel {
    let cart = &priced.cart;
    order::ActiveModel {
        id: Set(id),
        number: Set(number),
        cart_id: Set(cart.id),
        account_id: Set(cart.account_id),
        secret_hash: Set(cart.secret_hash.clone()),
        // Who pays must be able to follow her order as long as anyone who opens a cart now.
        secret_expires_at: Set(cx.now() + TimeDelta::days(cx.settings().guest_days)),
        currency: Set(currency),
        goods_total: Set(priced.totals.goods),
        shipping_total: Set(priced.totals.shipping),
        total: Set(priced.totals.total),
        state: Set(OrderState::AwaitingPayment),
        intent_id: Set(intent),
        session_id: Set(None),
        checkout_url: Set(None),
        charge_id: Set(None),
        expires_at: Set(expires_at),
        created_at: Set(cx.now()),
        payment_pending_at: Set(None),
        paid_at: Set(None),
        closed_at: Set(None),
    }
}

/// Lines, shipping and contact of the order.
async fn write_details(
    tx: &Tx,
    cx: &Context,
    priced: &PricedCart,
    order: OrderId,
) -> Result<(), Failure<Refusal>> {
    let mut lines = Vec::with_capacity(priced.lines.len());
    for (place, line) in priced.lines.iter().enumerate() {
        lines.push(line_row(cx, order, i32::try_from(place + 1)?, line));
    }
    order_line::Entity::insert_many(lines)
        .exec_without_returning(tx)
        .await?;
    let shipping = priced.shipping.iter().map(|entry| order_shipping::ActiveModel {
        order_id: Set(order),
        brand_id: Set(entry.brand.id),
        amount: Set(entry.amount.unwrap_or(0)),
    });
    order_shipping::Entity::insert_many(shipping)
        .exec_without_returning(tx)
        .await?;
    if let Some(contact) = &priced.contact {
        order_contact::Entity::insert(contact_row(order, contact.clone()))
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn line_row(cx: &Context, order: OrderId, position: i32, line: &PricedLine) -> order_line::ActiveModel {
    let to = line.credit.to;
    order_line::ActiveModel {
        id: Set(cx.new_id()),
        order_id: Set(order),
        position: Set(position),
        brand_id: Set(line.brand.id),
        product_id: Set(line.product.id),
        variant_id: Set(line.variant.id),
        title: Set(line.product.title.clone()),
        variant_title: Set(line.variant.title.clone()),
        sku: Set(line.variant.sku.clone()),
        quantity: Set(line.line.quantity),
        shop_id: Set(to.map(|to| to.shop)),
        shopholder: Set(to.map(|to| Party::Shopholder(to.shopholder))),
        recommendation_id: Set(to.and_then(|to| to.recommendation)),
        click_id: Set(to.and_then(|to| to.click)),
        credit: Set(line.credit.reason),
        terms_id: Set(line.terms.id),
        list_price: Set(line.variant.price),
        vat_bp: Set(line.vat),
        vat_country: Set(line.brand.country.clone()),
        vat_seller: Set(VatSeller::Brand),
        fee_bearer: Set(line.brand.fee_bearer),
        commission_bp: Set(line.commission),
        platform_fee_bp: Set(line.platform_fee),
        share_bp: Set(line.credit.share),
        floor: Set(line.variant.floor),
        commission: Set(line.split.commission),
        platform_part: Set(line.split.platform),
        discount: Set(line.split.discount),
        shop_part: Set(line.split.shop),
        price: Set(line.split.price),
        brand_part: Set(line.split.brand),
        brand_window_days: Set(line.terms.brand_window_days),
        shop_window_days: Set(line.terms.shop_window_days),
        unknown_delivery_days: Set(line.terms.unknown_delivery_days),
    }
}

fn contact_row(order: OrderId, contact: cart_contact::Model) -> order_contact::ActiveModel {
    order_contact::ActiveModel {
        order_id: Set(order),
        email: Set(contact.email),
        name: Set(contact.name),
        line1: Set(contact.line1),
        line2: Set(contact.line2),
        postal_code: Set(contact.postal_code),
        city: Set(contact.city),
        region: Set(contact.region),
        country: Set(contact.country),
    }
}

async fn write_reservations(
    tx: &Tx,
    cx: &Context,
    order: OrderId,
    reserved: &[Reserved],
) -> Result<(), DbErr> {
    let rows = reserved.iter().map(|piece| reservation::ActiveModel {
        order_id: Set(order),
        variant_id: Set(piece.variant),
        quantity: Set(piece.quantity),
        counted: Set(piece.counted),
        state: Set(ReservationState::Held),
        created_at: Set(cx.now()),
        ended_at: Set(None),
    });
    reservation::Entity::insert_many(rows)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The cart cannot change any more, and from now on is the account's of whoever bought it.
async fn mark_ordered(tx: &Tx, cx: &Context, cart: &cart::Model) -> Result<(), DbErr> {
    cart::Entity::update_many()
        .col_expr(cart::Column::State, Expr::value(CartState::Ordered))
        .col_expr(cart::Column::AccountId, Expr::value(cart.account_id))
        .col_expr(cart::Column::UpdatedAt, Expr::value(cx.now()))
        .filter(cart::Column::Id.eq(cart.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Stripe's page for the order: what it shows and when it closes, frozen.
async fn session(
    tx: &Tx,
    cx: &Context,
    priced: &PricedCart,
    new: &NewCheckout,
    order: OrderId,
    number: &str,
    expires_at: Time,
) -> Result<Call, DbErr> {
    let currency = new.expected_total.currency();
    let images = images(tx, priced).await?;
    let mut lines: Vec<SessionLine> = priced
        .lines
        .iter()
        .map(|line| SessionLine {
            name: line.product.title.to_string(),
            description: description(line, currency),
            image: image_of(&images, line),
            unit_amount: line.split.price,
            quantity: i64::from(line.line.quantity),
        })
        .collect();
    // Stripe shows free shipping best by not showing it.
    let charged = priced
        .shipping
        .iter()
        .filter_map(|entry| Some((entry, entry.amount.filter(|amount| *amount > 0)?)));
    lines.extend(charged.map(|(entry, amount)| SessionLine {
        name: format!("Shipping by {}", entry.brand.name),
        description: None,
        image: None,
        unit_amount: amount,
        quantity: 1,
    }));
    let email = priced.contact.as_ref().and_then(|contact| contact.email.as_ref());
    Ok(Call::SessionOpen {
        order: order.to_string(),
        order_number: number.to_owned(),
        currency: currency.to_string(),
        lines,
        methods: cx.settings().payment_methods.clone(),
        email: email.map(ToString::to_string),
        expires_at: expires_at.timestamp(),
        success_url: new.success_url.to_string(),
        cancel_url: new.cancel_url.to_string(),
    })
}

/// The variant, and whose discount the price contains.
fn description(line: &PricedLine, currency: Currency) -> Option<String> {
    // What a product without options calls its only variant, in the format that brands import.
    let variant = Some(line.variant.title.as_str()).filter(|title| *title != "Default Title");
    let discount = line
        .shop
        .as_ref()
        .filter(|_| line.split.discount > 0)
        .map(|shop| {
            let list = Money::new(line.variant.price, currency);
            let discount = Money::new(line.split.discount, currency);
            format!("{} gives you {discount} off {list}", shop.name)
        });
    match (variant, discount) {
        (Some(variant), Some(discount)) => Some(format!("{variant}. {discount}")),
        (Some(variant), None) => Some(variant.to_owned()),
        (None, discount) => discount,
    }
}

async fn images(tx: &Tx, priced: &PricedCart) -> Result<Vec<product_image::Model>, DbErr> {
    let products: Vec<_> = priced.lines.iter().map(|line| line.product.id).collect();
    catalog::images_of(tx, &products).await
}

/// The variant's own image, else the product's first. Stripe takes addresses of 2048 characters at most.
fn image_of(images: &[product_image::Model], line: &PricedLine) -> Option<String> {
    let own = images
        .iter()
        .find(|image| Some(image.id) == line.variant.image_id);
    let first = || images.iter().find(|image| image.product_id == line.product.id);
    own.or_else(first).map(|image| image.url.to_string())
}
