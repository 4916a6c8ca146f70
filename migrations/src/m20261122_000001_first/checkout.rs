//! Carts, orders and their lines, parcels, returns, refunds, disputes.

pub(super) const TABLES: &str = "
create table cart (
    id {uuid} not null primary key,
    secret_hash {bytes} not null,
    secret_expires_at {time} not null,
    account_id {uuid} references account (id),
    currency text,
    state text not null,
    created_at {time} not null,
    updated_at {time} not null
);
create index cart_of_account on cart (account_id, state, updated_at);
create table cart_click (
    cart_id {uuid} not null references cart (id),
    click_id {uuid} not null references click (id),
    clicked_at {time} not null,
    primary key (cart_id, click_id)
);
create table cart_contact (
    cart_id {uuid} not null primary key references cart (id),
    email text, name text, line1 text, line2 text, postal_code text, city text, region text, country text
);
create table cart_line (
    id {uuid} not null primary key,
    cart_id {uuid} not null references cart (id),
    variant_id {uuid} not null references variant (id),
    recommendation_id {uuid} references recommendation (id),
    quantity integer not null check (quantity > 0),
    created_at {time} not null
);
create unique index cart_line_once on cart_line
    (cart_id, variant_id, coalesce(recommendation_id, variant_id));
create table orders (
    id {uuid} not null primary key,
    number text not null unique,
    cart_id {uuid} not null references cart (id),
    account_id {uuid} references account (id),
    secret_hash {bytes} not null,
    secret_expires_at {time} not null,
    currency text not null,
    goods_total bigint not null check (goods_total >= 0),
    shipping_total bigint not null check (shipping_total >= 0),
    total bigint not null check (total = goods_total + shipping_total),
    state text not null,
    intent_id {uuid} not null,
    session_id text unique,
    checkout_url text,
    charge_id text unique,
    expires_at {time} not null,
    created_at {time} not null,
    payment_pending_at {time},
    paid_at {time},
    closed_at {time}
);
create unique index orders_cart on orders (cart_id) where state <> 'expired';
create index orders_account on orders (account_id, created_at, id);
create index orders_awaiting on orders (expires_at) where state = 'awaiting_payment';
create table order_contact (
    order_id {uuid} not null primary key references orders (id),
    email text, name text, line1 text, line2 text, postal_code text, city text, region text, country text
);
create table order_line (
    id {uuid} not null primary key,
    order_id {uuid} not null references orders (id),
    position integer not null,
    brand_id {uuid} not null references brand (id),
    product_id {uuid} not null references product (id),
    variant_id {uuid} not null references variant (id),
    title text not null,
    variant_title text not null,
    sku text,
    quantity integer not null check (quantity > 0),
    shop_id {uuid} references shop (id),
    shopholder text,
    recommendation_id {uuid} references recommendation (id),
    click_id {uuid} references click (id),
    credit text not null,
    terms_id {uuid} not null references terms (id),
    list_price bigint not null,
    vat_bp integer not null,
    vat_country text not null,
    vat_seller text not null,
    fee_bearer text not null check (fee_bearer in ('brand', 'platform')),
    commission_bp integer not null,
    platform_fee_bp integer not null,
    share_bp integer not null,
    floor bigint,
    commission bigint not null check (commission >= 0),
    platform_part bigint not null check (platform_part >= 0),
    discount bigint not null check (discount >= 0),
    shop_part bigint not null check (shop_part >= 0),
    price bigint not null,
    brand_part bigint not null check (brand_part >= 0),
    brand_window_days integer not null,
    shop_window_days integer not null,
    unknown_delivery_days integer not null,
    check (brand_part + shop_part + platform_part = price),
    check (price + discount = list_price),
    unique (order_id, position)
);
create table order_shipping (
    order_id {uuid} not null references orders (id),
    brand_id {uuid} not null references brand (id),
    amount bigint not null check (amount >= 0),
    primary key (order_id, brand_id)
);
create index order_line_shop on order_line (shop_id, order_id);
create index order_line_brand on order_line (brand_id, order_id);
create table charge (
    id text not null primary key,
    order_id {uuid} not null references orders (id),
    payment_intent_id text not null,
    amount bigint not null,
    currency text not null,
    kind text not null,
    balance_transaction_id text,
    created_at {time} not null
);
create index charge_order on charge (order_id);
create unique index charge_once on charge (order_id) where kind = 'expected';
create index charge_intent on charge (payment_intent_id);
create table reservation (
    order_id {uuid} not null references orders (id),
    variant_id {uuid} not null references variant (id),
    quantity bigint not null check (quantity > 0),
    counted boolean not null,
    state text not null,
    created_at {time} not null,
    ended_at {time},
    primary key (order_id, variant_id),
    check ((state = 'held') = (ended_at is null))
);
create index reservation_variant on reservation (variant_id) where state = 'held';
create table fulfillment (
    id {uuid} not null primary key,
    order_id {uuid} not null references orders (id),
    brand_id {uuid} not null references brand (id),
    carrier text,
    tracking_code text,
    shipped_by text not null,
    shipped_at {time} not null,
    delivered_at {time}
);
create index fulfillment_order on fulfillment (order_id);
create table return_request (
    id {uuid} not null primary key,
    order_id {uuid} not null references orders (id),
    brand_id {uuid} not null references brand (id),
    reason text not null,
    state text not null,
    created_at {time} not null,
    decided_at {time}
);
create index return_request_order on return_request (order_id);
create table return_unit (
    return_id {uuid} not null references return_request (id),
    unit_id {uuid} not null,
    primary key (return_id, unit_id)
);
create index return_unit_unit on return_unit (unit_id);
create table refund (
    id {uuid} not null primary key,
    order_id {uuid} not null references orders (id),
    charge_id text not null references charge (id),
    kind text not null,
    amount bigint not null check (amount > 0),
    currency text not null,
    reason text not null,
    state text not null,
    intent_id {uuid} not null,
    stripe_refund_id text unique,
    requested_by text not null,
    created_at {time} not null,
    settled_at {time}
);
create index refund_order on refund (order_id);
create unique index refund_charge_once on refund (charge_id) where kind = 'charge' and state <> 'failed';
create table refund_unit (
    refund_id {uuid} not null references refund (id),
    unit_id {uuid} not null,
    amount bigint not null check (amount >= 0),
    restocked boolean not null,
    primary key (refund_id, unit_id)
);
create table dispute (
    id {uuid} not null primary key,
    order_id {uuid} not null references orders (id),
    charge_id text not null references charge (id),
    stripe_id text not null unique,
    amount bigint not null check (amount >= 0),
    currency text not null,
    reason text not null,
    inquiry boolean not null,
    state text not null,
    evidence_due_at {time},
    loss bigint not null check (loss >= 0),
    repaid bigint not null check (repaid >= 0),
    fee bigint not null,
    movements integer not null,
    steps integer not null,
    evidence_intent_id {uuid},
    evidence_steps integer not null,
    evidence_sent_at {time},
    opened_at {time} not null,
    created_at {time} not null,
    decided_at {time},
    closed_at {time},
    check (closed_at is not null or loss = 0),
    check (repaid <= loss)
);
create index dispute_order on dispute (order_id, id);
create index dispute_charge on dispute (charge_id);
create index dispute_newest on dispute (created_at, id);
create table dispute_note (
    dispute_id {uuid} not null references dispute (id),
    side text not null,
    note text not null,
    written_by {uuid} not null references account (id),
    written_at {time} not null,
    primary key (dispute_id, side)
);
create index refund_unit_unit on refund_unit (unit_id);
";
