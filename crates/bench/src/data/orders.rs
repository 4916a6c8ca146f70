//! Paid orders, each of two pieces of two brands through one shop; a third of them delivered and released long ago, most
//! of the others on their way.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::books::Books;
use super::names::{Thing, id, public, sha256};
use super::sink::Table;
use super::split::{COMMISSION, FEE, SHARE, Split, VAT, split, vat_within};
use super::{RECOMMENDED, VARIANTS, Writer, price, put, recommendation, shopholder};

const CART: Table = Table {
    name: "cart",
    columns: "id, secret_hash, secret_expires_at, account_id, currency, state, created_at, updated_at",
};
const CART_LINE: Table = Table {
    name: "cart_line",
    columns: "id, cart_id, variant_id, recommendation_id, quantity, created_at",
};
const ORDER: Table = Table {
    name: "orders",
    columns: "id, number, cart_id, account_id, secret_hash, secret_expires_at, currency, goods_total, shipping_total, total, \
              state, intent_id, session_id, checkout_url, charge_id, expires_at, created_at, payment_pending_at, paid_at, \
              closed_at",
};
const CONTACT: Table = Table {
    name: "order_contact",
    columns: "order_id, email, name, line1, line2, postal_code, city, region, country",
};
const LINE: Table = Table {
    name: "order_line",
    columns: "id, order_id, position, brand_id, product_id, variant_id, title, variant_title, sku, quantity, shop_id, \
              shopholder, recommendation_id, click_id, credit, terms_id, list_price, vat_bp, vat_country, vat_seller, \
              fee_bearer, commission_bp, platform_fee_bp, share_bp, floor, commission, platform_part, discount, shop_part, \
              price, brand_part, brand_window_days, shop_window_days, unknown_delivery_days",
};
const CHARGE: Table = Table {
    name: "charge",
    columns: "id, order_id, payment_intent_id, amount, currency, kind, balance_transaction_id, created_at",
};
const RESERVATION: Table = Table {
    name: "reservation",
    columns: "order_id, variant_id, quantity, counted, state, created_at, ended_at",
};
const PARCEL: Table = Table {
    name: "fulfillment",
    columns: "id, order_id, brand_id, carrier, tracking_code, shipped_by, shipped_at, delivered_at",
};
const INTENT: Table = Table {
    name: "intent",
    columns: "id, kind, subject, params, params_hash, state, stripe_id, attempts, first_sent_at, error, created_at, settled_at",
};
const UNIT: Table = Table {
    name: "unit",
    columns: "id, order_id, line_id, brand_id, variant_id, shop_id, shopholder, kind, ordinal, currency, paid, brand_part, \
              shop_part, platform_part, discount, recharged, brand_held, shop_held, platform_held, brand_lost, shop_lost, \
              platform_lost, brand_refunded, shop_refunded, platform_refunded, taxable, vat, vat_bp, vat_country, vat_seller, \
              fee_bearer, brand_window_days, shop_window_days, unknown_delivery_days, fulfillment_id, shipped_at, \
              delivered_at, brand_due_at, shop_due_at, brand_released_at, shop_released_at, return_id, dispute_id, \
              refund_id, created_at",
};
const MOVED: Table = Table {
    name: "balance_transaction",
    columns: "id, kind, source, amount, fee, net, currency, available_on, created_at, applied_at",
};
const EVENT: Table = Table {
    name: "event",
    columns: "sequence, id, kind, subject, actor, through, payload, occurred_at",
};
const NONE: Option<i64> = None;
const NO_TEXT: Option<&str> = None;
const NO_TIME: Option<DateTime<Utc>> = None;

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Delivered,
    Released,
}

/// An order as its rows tell it.
pub(super) struct Order {
    pub(super) number: u64,
    id: Uuid,
    stage: Stage,
    at: DateTime<Utc>,
    shop: u64,
    pub(super) units: [Unit; 2],
}

/// A piece of it.
pub(super) struct Unit {
    pub(super) number: u64,
    pub(super) shop: u64,
    pub(super) brand: u64,
    pub(super) split: Split,
    product: u64,
    variant: u64,
    place: u64,
}

impl Order {
    fn of(writer: &Writer, number: u64) -> Self {
        let (shop, places) = writer.size.places(number);
        let mut ordinal = 0;
        let units = places.map(|place| {
            let product = writer.size.product(shop, place);
            ordinal += 1;
            Unit {
                number: number * 2 + ordinal - 1,
                shop,
                brand: writer.size.brand(product),
                split: split(price(product)),
                product,
                variant: product * VARIANTS + number % VARIANTS,
                place,
            }
        });
        let orders = writer.size.orders;
        let stage = match number {
            number if number * 3 < orders => Stage::Released,
            number if number % 50 == 0 => Stage::Waiting,
            _ => Stage::Delivered,
        };
        let age = TimeDelta::days(80).num_seconds() / i64::try_from(orders).unwrap_or(1).max(1);
        let at = writer.ago(1) - TimeDelta::seconds(age * i64::try_from(orders - number).unwrap_or(0));
        Self {
            number,
            id: id(Thing::Order, number),
            stage,
            at,
            shop,
            units,
        }
    }

    pub(super) fn total(&self) -> i64 {
        self.units.iter().map(|unit| unit.split.price).sum()
    }

    /// What Stripe keeps of it.
    pub(super) fn fee(&self) -> i64 {
        self.total() * 15 / 1_000 + 25
    }

    pub(super) fn charge(&self) -> String {
        format!("ch_bench_{}", self.number)
    }

    pub(super) fn is_released(&self) -> bool {
        self.stage == Stage::Released
    }

    pub(super) fn paid_at(&self) -> DateTime<Utc> {
        self.at
    }
}

/// All orders with all that came of them.
pub(super) async fn write(writer: &mut Writer) -> anyhow::Result<()> {
    let mut books = Books::new(writer.size);
    for number in 0..writer.size.orders {
        let order = Order::of(writer, number);
        bought(writer, &order).await?;
        paid(writer, &order).await?;
        for (ordinal, unit) in (1_i64..).zip(&order.units) {
            line(writer, &order, unit, ordinal).await?;
            sold(writer, &order, unit, ordinal).await?;
        }
        books.post(writer, &order).await?;
    }
    books.finish(writer).await
}

async fn bought(writer: &mut Writer, order: &Order) -> anyhow::Result<()> {
    let (number, at) = (order.number, order.at);
    let (cart, secret) = (
        id(Thing::Cart, number),
        sha256(format!("guest {number}").as_bytes()),
    );
    let never = at + TimeDelta::days(3_650);
    put!(
        writer,
        CART,
        cart,
        secret.clone(),
        never,
        NO_TEXT,
        "EUR",
        "ordered",
        at,
        at
    );
    for (place, unit) in (0..).zip(&order.units) {
        put!(
            writer,
            CART_LINE,
            id(Thing::CartLine, number * 2 + place),
            cart,
            id(Thing::Variant, unit.variant),
            id(Thing::Recommendation, recommendation(unit.shop, unit.place)),
            1,
            at,
        );
    }
    ordered(writer, order, cart, secret).await
}

/// The order that came of the cart, with its buyer and the page that she paid on.
async fn ordered(writer: &mut Writer, order: &Order, cart: Uuid, secret: Vec<u8>) -> anyhow::Result<()> {
    let (number, at, total) = (order.number, order.at, order.total());
    let never = at + TimeDelta::days(3_650);
    let session = format!("cs_bench_{number}");
    put!(
        writer,
        ORDER,
        order.id,
        format!("B{number:09}"),
        cart,
        NO_TEXT,
        secret,
        never,
        "EUR",
        total,
        0,
        total,
        "paid",
        id(Thing::Intent, number),
        session.as_str(),
        NO_TEXT,
        order.charge(),
        at,
        at,
        NO_TIME,
        at,
        NO_TIME,
    );
    put!(
        writer,
        CONTACT,
        order.id,
        "berta@example.com",
        "Berta Buyer",
        "1 Mill Lane",
        NO_TEXT,
        "10115",
        "Berlin",
        NO_TEXT,
        "DE",
    );
    put!(
        writer,
        INTENT,
        id(Thing::Intent, number),
        "session_open",
        public(Thing::Order, number),
        "{}",
        vec![0_u8; 32],
        "succeeded",
        session,
        1,
        at,
        NO_TEXT,
        at,
        at,
    );
    Ok(())
}

async fn paid(writer: &mut Writer, order: &Order) -> anyhow::Result<()> {
    let (number, at, total, fee) = (order.number, order.at, order.total(), order.fee());
    let moved = format!("txn_bench_{number}");
    let intent = format!("pi_bench_{number}");
    put!(
        writer,
        CHARGE,
        order.charge(),
        order.id,
        intent,
        total,
        "EUR",
        "expected",
        moved.as_str(),
        at
    );
    put!(
        writer,
        MOVED,
        moved,
        "charge",
        order.charge(),
        total,
        fee,
        total - fee,
        "EUR",
        at,
        at,
        at
    );
    let payload = format!("{{\"charge\":\"{}\"}}", order.charge());
    put!(
        writer,
        EVENT,
        i64::try_from(number)? + 1,
        id(Thing::Event, number),
        "order.paid",
        public(Thing::Order, number),
        "stripe",
        NO_TEXT,
        payload,
        at,
    );
    Ok(())
}

async fn line(writer: &mut Writer, order: &Order, unit: &Unit, position: i64) -> anyhow::Result<()> {
    let Split {
        list,
        commission,
        platform,
        discount,
        shop,
        price,
        brand,
    } = unit.split;
    let size = ["S", "M", "L"][usize::try_from(unit.variant % VARIANTS)?];
    put!(
        writer,
        LINE,
        id(Thing::OrderLine, unit.number),
        order.id,
        position,
        id(Thing::Brand, unit.brand),
        id(Thing::Product, unit.product),
        id(Thing::Variant, unit.variant),
        format!("Product {}", unit.product),
        size,
        format!("SKU-{}", unit.variant),
        1,
        id(Thing::Shop, unit.shop),
        public(Thing::Account, shopholder(unit.shop)),
        id(Thing::Recommendation, unit.shop * RECOMMENDED + unit.place),
        NO_TEXT,
        "recommendation",
        id(Thing::Terms, unit.brand),
        list,
        VAT,
        "DE",
        "brand",
        "platform",
        COMMISSION,
        FEE,
        SHARE,
        NONE,
        commission,
        platform,
        discount,
        shop,
        price,
        brand,
        7,
        30,
        7,
    );
    let at = order.at;
    put!(
        writer,
        RESERVATION,
        order.id,
        id(Thing::Variant, unit.variant),
        1,
        true,
        "sold",
        at,
        at
    );
    Ok(())
}

/// When a unit was sent, and when its parts are due: long ago, or far off, so that no job finds anything to release.
struct Times {
    shipped: Option<DateTime<Utc>>,
    brand_due: Option<DateTime<Utc>>,
    shop_due: Option<DateTime<Utc>>,
}

async fn parcel_of(
    writer: &mut Writer,
    order: &Order,
    unit: &Unit,
    shipped: DateTime<Utc>,
) -> anyhow::Result<()> {
    put!(
        writer,
        PARCEL,
        id(Thing::Parcel, unit.number),
        order.id,
        id(Thing::Brand, unit.brand),
        "DHL",
        format!("JJD{}", unit.number),
        public(Thing::Account, super::OPERATOR),
        shipped,
        shipped,
    );
    Ok(())
}

impl Times {
    fn of(order: &Order, now: DateTime<Utc>) -> Self {
        let far = now + TimeDelta::days(3_650);
        let (shipped, due) = match order.stage {
            Stage::Waiting => (None, None),
            Stage::Delivered => (Some(order.at + TimeDelta::days(1)), Some(far)),
            Stage::Released => (Some(order.at), Some(order.at)),
        };
        Self {
            shipped,
            brand_due: due,
            shop_due: due,
        }
    }
}

async fn sold(writer: &mut Writer, order: &Order, unit: &Unit, ordinal: i64) -> anyhow::Result<()> {
    let (at, times) = (order.at, Times::of(order, writer.now));
    let released = order.is_released().then_some(at);
    let Split { discount, price, .. } = unit.split;
    let parts = [unit.split.brand, unit.split.shop, unit.split.platform];
    let [brand, shop, platform] = parts;
    let [brand_held, shop_held, platform_held] = if order.is_released() { [0; 3] } else { parts };
    let vat = vat_within(price);
    let parcel = times.shipped.map(|_| id(Thing::Parcel, unit.number));
    if let Some(shipped) = times.shipped {
        parcel_of(writer, order, unit, shipped).await?;
    }
    put!(
        writer,
        UNIT,
        id(Thing::Unit, unit.number),
        order.id,
        id(Thing::OrderLine, unit.number),
        id(Thing::Brand, unit.brand),
        id(Thing::Variant, unit.variant),
        id(Thing::Shop, order.shop),
        public(Thing::Account, shopholder(order.shop)),
        "goods",
        ordinal,
        "EUR",
        price,
        brand,
        shop,
        platform,
        discount,
        0,
        brand_held,
        shop_held,
        platform_held,
        0,
        0,
        0,
        0,
        0,
        0,
        price - vat,
        vat,
        VAT,
        "DE",
        "brand",
        "platform",
        7,
        30,
        7,
        parcel,
        times.shipped,
        times.shipped,
        times.brand_due,
        times.shop_due,
        released,
        released,
        NO_TEXT,
        NO_TEXT,
        NO_TEXT,
        at,
    );
    Ok(())
}
