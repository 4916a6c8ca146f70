//! The first schema. Constraints that decide races or hold money's invariants stand here, not in code alone.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect::render;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let (search, append_only) = if backend == DbBackend::Postgres {
            (SEARCH_POSTGRES, APPEND_ONLY_POSTGRES)
        } else {
            (SEARCH_SQLITE, APPEND_ONLY_SQLITE)
        };
        for part in [
            IDENTITY,
            CATALOG,
            SHOP,
            CHECKOUT,
            LEDGER,
            PAYOUT,
            PLUMBING,
            search,
            append_only,
        ] {
            manager
                .get_connection()
                .execute_unprepared(&render(part, backend))
                .await?;
        }
        Ok(())
    }
}

const IDENTITY: &str = "
create table account (
    id {uuid} not null primary key,
    email text not null unique,
    name text not null,
    operator boolean not null,
    created_at {time} not null
);
create table credential (
    account_id {uuid} not null primary key references account (id),
    password_hash text not null,
    updated_at {time} not null
);
create table session (
    id {uuid} not null primary key,
    account_id {uuid} not null references account (id),
    token_hash {bytes} not null unique,
    created_at {time} not null,
    expires_at {time} not null,
    revoked_at {time}
);
create index session_account on session (account_id);
";

const CATALOG: &str = "
create table brand (
    id {uuid} not null primary key,
    handle text not null unique,
    name text not null,
    country text not null,
    currency text not null,
    default_vat_bp integer not null check (default_vat_bp between 0 and 10000),
    prices_include_tax boolean not null,
    fee_bearer text not null,
    created_at {time} not null,
    updated_at {time} not null
);
create table brand_member (
    brand_id {uuid} not null references brand (id),
    account_id {uuid} not null references account (id),
    role text not null,
    created_at {time} not null,
    primary key (brand_id, account_id)
);
create index brand_member_account on brand_member (account_id);
create table terms (
    id {uuid} not null primary key,
    brand_id {uuid} not null references brand (id),
    commission_bp integer not null check (commission_bp between 0 and 10000),
    platform_fee_bp integer not null check (platform_fee_bp between 0 and 10000),
    organic_fee_bp integer not null check (organic_fee_bp between 0 and 10000),
    attribution_days integer not null check (attribution_days between 0 and 365),
    brand_window_days integer not null check (brand_window_days between 0 and 365),
    shop_window_days integer not null check (shop_window_days between 0 and 365),
    unknown_delivery_days integer not null check (unknown_delivery_days between 0 and 60),
    member_price boolean not null,
    effective_from {time} not null,
    created_at {time} not null
);
create index terms_in_force on terms (brand_id, effective_from, id);
create table product (
    id {uuid} not null primary key,
    brand_id {uuid} not null references brand (id),
    handle text not null,
    title text not null,
    vendor text,
    product_type text,
    option1_name text,
    option2_name text,
    option3_name text,
    commission_bp integer check (commission_bp between 0 and 10000),
    next_commission_bp integer check (next_commission_bp between 0 and 10000),
    next_commission_from {time},
    promotable boolean not null,
    published boolean not null,
    currency text not null,
    min_price bigint not null,
    max_price bigint not null,
    created_at {time} not null,
    updated_at {time} not null,
    unique (brand_id, handle)
);
create index product_newest on product (created_at, id);
create index product_title on product (title, id);
create index product_price on product (currency, min_price, id);
create index product_type on product (product_type);
create table product_text (
    id {serial},
    product_id {uuid} not null unique references product (id),
    description_html text not null,
    search_text text not null
);
create table product_tag (
    product_id {uuid} not null references product (id),
    tag text not null,
    primary key (product_id, tag)
);
create index product_tag_tag on product_tag (tag, product_id);
create table product_image (
    id {uuid} not null primary key,
    product_id {uuid} not null references product (id),
    position integer not null,
    url text not null,
    alt text
);
create index product_image_product on product_image (product_id, position);
create table variant (
    id {uuid} not null primary key,
    product_id {uuid} not null references product (id),
    brand_id {uuid} not null references brand (id),
    position integer not null,
    title text not null,
    option1 text,
    option2 text,
    option3 text,
    price bigint not null check (price >= 0),
    compare_at bigint check (compare_at >= 0),
    vat_bp integer check (vat_bp between 0 and 10000),
    floor bigint check (floor >= 0),
    sku text,
    barcode text,
    grams bigint not null check (grams >= 0),
    tracked boolean not null,
    policy text not null,
    on_hand bigint not null,
    reserved bigint not null check (reserved >= 0),
    image_id {uuid},
    active boolean not null,
    created_at {time} not null,
    updated_at {time} not null
);
create unique index variant_options on variant
    (product_id, coalesce(option1, ''), coalesce(option2, ''), coalesce(option3, ''));
create index variant_sku on variant (brand_id, sku);
create table variant_price (
    variant_id {uuid} not null references variant (id),
    valid_from {time} not null,
    price bigint not null check (price >= 0),
    primary key (variant_id, valid_from)
);
create table shipping_rate (
    brand_id {uuid} not null references brand (id),
    country text not null,
    amount bigint not null check (amount >= 0),
    updated_at {time} not null,
    primary key (brand_id, country)
);
create table product_import (
    id {uuid} not null primary key,
    brand_id {uuid} not null references brand (id),
    account_id {uuid} references account (id),
    file_name text not null,
    state text not null,
    upload_secret_hash {bytes},
    bytes_total bigint not null,
    bytes_done bigint not null,
    rows_read bigint not null,
    products_created bigint not null,
    products_updated bigint not null,
    products_unchanged bigint not null,
    rows_failed bigint not null,
    failure text,
    created_at {time} not null,
    started_at {time},
    leased_until {time},
    finished_at {time}
);
create index product_import_brand on product_import (brand_id, created_at, id);
create table product_import_note (
    import_id {uuid} not null references product_import (id),
    seq bigint not null,
    kind text not null,
    line bigint not null,
    column_name text,
    handle text,
    message text not null,
    primary key (import_id, seq)
);
";

const SHOP: &str = "
create table shop (
    id {uuid} not null primary key,
    handle text not null unique,
    owner_id {uuid} not null references account (id),
    name text not null,
    about text,
    state text not null,
    created_at {time} not null,
    updated_at {time} not null,
    published_at {time}
);
create index shop_owner on shop (owner_id);
create index shop_published on shop (state, published_at, id);
create index shop_name on shop (state, name, id);
create table shop_text (
    id {serial},
    shop_id {uuid} not null unique references shop (id),
    search_text text not null
);
create table recommendation (
    id {uuid} not null primary key,
    shop_id {uuid} not null references shop (id),
    product_id {uuid} not null references product (id),
    note text,
    share_bp integer not null check (share_bp between 0 and 10000),
    position integer not null,
    created_at {time} not null,
    updated_at {time} not null,
    removed_at {time}
);
create unique index recommendation_once on recommendation (shop_id, product_id) where removed_at is null;
create index recommendation_order on recommendation (shop_id, position, id) where removed_at is null;
create index recommendation_product on recommendation (product_id);
create table referral_link (
    id {uuid} not null primary key,
    code text not null unique,
    shop_id {uuid} not null references shop (id),
    recommendation_id {uuid} references recommendation (id),
    product_id {uuid} references product (id),
    label text,
    created_at {time} not null
);
create index referral_link_shop on referral_link (shop_id, created_at, id);
create table link_tally (
    link_id {uuid} not null references referral_link (id),
    shard integer not null,
    clicks bigint not null check (clicks >= 0),
    sales bigint not null check (sales >= 0),
    primary key (link_id, shard)
);
create table click (
    id {uuid} not null primary key,
    link_id {uuid} not null references referral_link (id),
    shop_id {uuid} not null references shop (id),
    visitor_hash {bytes} not null,
    counted_hour bigint,
    occurred_at {time} not null,
    unique (link_id, visitor_hash, counted_hour)
);
create index click_visitor on click (link_id, visitor_hash, occurred_at);
";

const CHECKOUT: &str = "
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
    shipped_by {uuid} not null references account (id),
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
    check (closed_at is not null or loss = 0)
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

const LEDGER: &str = "
create table ledger_account (
    id {serial},
    owner text not null,
    kind text not null,
    currency text not null,
    balance bigint not null,
    overdraft boolean not null,
    created_at {time} not null,
    unique (owner, kind, currency),
    check (overdraft or balance >= 0)
);
create table ledger_transaction (
    id {serial},
    key text not null unique,
    hash {bytes} not null,
    kind text not null,
    refs text not null,
    source text not null,
    occurred_at {time} not null,
    recorded_at {time} not null
);
create table posting (
    id {serial},
    transaction_id bigint not null references ledger_transaction (id),
    account_id bigint not null references ledger_account (id),
    side text not null check (side in ('debit', 'credit')),
    amount bigint not null check (amount > 0),
    currency text not null,
    unit_id {uuid},
    balance_after bigint
);
create index posting_transaction on posting (transaction_id);
create index posting_account on posting (account_id, transaction_id, id);
create index posting_unit on posting (unit_id);
create table ledger_block (
    id bigint not null primary key,
    previous_hash {bytes} not null unique,
    hash {bytes} not null unique,
    transactions integer not null check (transactions > 0),
    sealed_at {time} not null
);
create table ledger_seal (
    transaction_id bigint not null primary key references ledger_transaction (id),
    block_id bigint references ledger_block (id)
);
create index ledger_seal_block on ledger_seal (block_id, transaction_id);
create index ledger_seal_open on ledger_seal (transaction_id) where block_id is null;
create table unit (
    id {uuid} not null primary key,
    order_id {uuid} not null references orders (id),
    line_id {uuid} references order_line (id),
    brand_id {uuid} not null references brand (id),
    variant_id {uuid} references variant (id),
    shop_id {uuid} references shop (id),
    shopholder text,
    kind text not null,
    ordinal integer not null,
    currency text not null,
    paid bigint not null check (paid >= 0),
    brand_part bigint not null check (brand_part >= 0),
    shop_part bigint not null check (shop_part >= 0),
    platform_part bigint not null check (platform_part >= 0),
    discount bigint not null check (discount >= 0),
    recharged bigint not null check (recharged >= 0),
    brand_held bigint not null check (brand_held between 0 and brand_part),
    shop_held bigint not null check (shop_held between 0 and shop_part),
    platform_held bigint not null check (platform_held between 0 and platform_part),
    brand_lost bigint not null check (brand_lost >= 0),
    shop_lost bigint not null check (shop_lost >= 0),
    platform_lost bigint not null check (platform_lost >= 0),
    brand_refunded bigint not null check (brand_refunded >= 0),
    shop_refunded bigint not null check (shop_refunded >= 0),
    platform_refunded bigint not null check (platform_refunded >= 0),
    taxable bigint not null,
    vat bigint not null,
    vat_bp integer not null,
    vat_country text not null,
    vat_seller text not null,
    fee_bearer text not null check (fee_bearer in ('brand', 'platform')),
    brand_window_days integer not null,
    shop_window_days integer not null,
    unknown_delivery_days integer not null,
    fulfillment_id {uuid} references fulfillment (id),
    shipped_at {time},
    delivered_at {time},
    brand_due_at {time},
    shop_due_at {time},
    brand_released_at {time},
    shop_released_at {time},
    return_id {uuid} references return_request (id),
    dispute_id {uuid} references dispute (id),
    refund_id {uuid} references refund (id),
    created_at {time} not null,
    unique (order_id, ordinal),
    check (brand_part + shop_part + platform_part = paid),
    check (brand_held + brand_lost + brand_refunded <= brand_part),
    check (shop_held + shop_lost + shop_refunded <= shop_part),
    check (platform_held + platform_lost + platform_refunded <= platform_part),
    check (taxable + vat = paid)
);
create index unit_line on unit (line_id);
create index unit_fulfillment on unit (fulfillment_id);
create index unit_brand_order on unit (brand_id, order_id);
create index unit_to_ship on unit (brand_id, order_id)
    where kind = 'goods' and shipped_at is null and refund_id is null;
create index unit_brand_due on unit (brand_due_at, id)
    where brand_released_at is null and refund_id is null and return_id is null;
create index unit_shop_due on unit (shop_due_at, id)
    where shop_released_at is null and refund_id is null and return_id is null;
create index unit_brand_next on unit (brand_id, brand_due_at)
    where brand_released_at is null and refund_id is null and return_id is null;
create index unit_shopholder_next on unit (shopholder, shop_due_at)
    where shop_released_at is null and refund_id is null and return_id is null;
create index unit_shopholder on unit (shopholder);
create index unit_dispute on unit (dispute_id) where dispute_id is not null;
create table dispute_part (
    dispute_id {uuid} not null references dispute (id),
    unit_id {uuid} not null references unit (id),
    part text not null,
    party text,
    currency text not null,
    claimed bigint not null check (claimed >= 0),
    frozen_held bigint not null check (frozen_held >= 0),
    frozen_available bigint not null check (frozen_available >= 0),
    lost bigint not null check (lost between 0 and claimed),
    lost_held bigint not null check (lost_held between 0 and lost),
    fee bigint not null check (fee >= 0),
    primary key (dispute_id, unit_id, part),
    check (frozen_held + frozen_available <= claimed)
);
create index dispute_part_unit on dispute_part (unit_id);
create index dispute_part_party on dispute_part (party, currency);
create table adjustment (
    id {uuid} not null primary key,
    kind text not null,
    party text,
    suspended text,
    target text,
    amount bigint not null check (amount <> 0),
    currency text not null,
    corrects {uuid} unique references adjustment (id),
    reason text not null,
    made_by {uuid} not null references account (id),
    created_at {time} not null,
    check (amount > 0 or suspended is not null),
    check ((party is null) = (suspended is not null)),
    check ((suspended is null) = (target is null)),
    check ((kind = 'correction') = (corrects is not null))
);
create index adjustment_time on adjustment (created_at, id);
create index adjustment_party on adjustment (party, created_at, id);
create table balance_transaction (
    id text not null primary key,
    kind text not null,
    source text not null,
    amount bigint not null,
    fee bigint not null,
    net bigint not null check (net = amount - fee),
    currency text not null,
    available_on {time} not null,
    created_at {time} not null,
    applied_at {time} not null
);
create index balance_transaction_source on balance_transaction (source);
";

const PAYOUT: &str = "
create table payout_account (
    id {uuid} not null primary key,
    party text not null,
    country text not null,
    intent_id {uuid} not null,
    stripe_account_id text unique,
    details_submitted boolean not null,
    transfers_active boolean not null,
    requirements_due integer not null,
    closed text,
    created_at {time} not null,
    updated_at {time} not null
);
create unique index payout_account_once on payout_account (party) where closed is null or closed <> 'deleted';
create index payout_account_party on payout_account (party, created_at);
create table payout (
    id {uuid} not null primary key,
    party text not null,
    payout_account_id {uuid} not null references payout_account (id),
    amount bigint not null check (amount > 0),
    currency text not null,
    state text not null,
    intent_id {uuid} not null,
    transfer_id text unique,
    reversed bigint not null check (reversed between 0 and amount),
    refusal text,
    requested_at {time} not null,
    settled_at {time}
);
create index payout_party on payout (party, requested_at, id);
create unique index payout_in_transit on payout (party, currency) where state = 'requested';
create table payout_hold (
    id {uuid} not null primary key,
    party text not null,
    reason text not null,
    held_by {uuid} not null references account (id),
    held_at {time} not null,
    release_reason text,
    released_by {uuid} references account (id),
    released_at {time},
    check ((released_at is null) = (release_reason is null)),
    check ((released_at is null) = (released_by is null))
);
create unique index payout_hold_standing on payout_hold (party) where released_at is null;
create index payout_hold_party on payout_hold (party, held_at);
create table payout_run (
    id integer not null primary key check (id = 1),
    token text not null,
    started_at {time} not null
);
create table transfer_reversal (
    id {uuid} not null primary key,
    payout_id {uuid} not null references payout (id),
    party text not null,
    refund_id {uuid} references refund (id),
    dispute_id {uuid} references dispute (id),
    amount bigint not null check (amount > 0),
    currency text not null,
    state text not null,
    intent_id {uuid} not null,
    stripe_reversal_id text unique,
    created_at {time} not null,
    settled_at {time},
    check ((refund_id is null) <> (dispute_id is null))
);
create unique index transfer_reversal_once on transfer_reversal (refund_id, payout_id)
    where state <> 'refused';
create unique index transfer_reversal_dispute_once on transfer_reversal (dispute_id, payout_id)
    where state <> 'refused';
create index transfer_reversal_payout on transfer_reversal (payout_id);
create index transfer_reversal_party on transfer_reversal (party, created_at, id);
";

const PLUMBING: &str = "
create table event (
    sequence {serial},
    id {uuid} not null unique,
    kind text not null,
    subject text not null,
    actor text not null,
    payload text not null,
    occurred_at {time} not null
);
create index event_subject on event (subject, sequence);
create table installation (
    id integer not null primary key check (id = 1),
    livemode boolean not null,
    created_at {time} not null
);
create table reconciliation (
    id integer not null primary key check (id = 1),
    cursor {time},
    token text,
    leased_until {time},
    finished_at {time},
    applied bigint not null,
    asked bigint not null,
    failed bigint not null
);
create table difference (
    id {uuid} not null primary key,
    kind text not null,
    subject text not null,
    currency text,
    amount bigint,
    detail text,
    first_seen_at {time} not null,
    last_seen_at {time} not null,
    resolved_at {time}
);
create unique index difference_open on difference (kind, subject, coalesce(currency, '')) where resolved_at is null;
create index difference_oldest on difference (first_seen_at, id) where resolved_at is null;
create table idempotency (
    scope text not null,
    mutation text not null,
    key text not null,
    input_hash {bytes} not null,
    state text not null,
    outcome text,
    lease_until {time} not null,
    created_at {time} not null,
    expires_at {time} not null,
    primary key (scope, mutation, key)
);
create table inbox (
    id text not null primary key,
    kind text not null,
    object_id text not null,
    account text,
    livemode boolean not null,
    payload text not null,
    received_at {time} not null,
    applied_at {time}
);
create table intent (
    id {uuid} not null primary key,
    kind text not null,
    subject text not null,
    params text not null,
    params_hash {bytes} not null,
    state text not null,
    stripe_id text,
    attempts integer not null,
    first_sent_at {time},
    error text,
    created_at {time} not null,
    settled_at {time}
);
create unique index intent_live on intent (kind, subject) where state <> 'refused';
create table job (
    id {uuid} not null primary key,
    kind text not null,
    payload text not null,
    unique_key text unique,
    every_seconds bigint,
    run_at {time} not null,
    attempts integer not null,
    state text not null,
    leased_until {time},
    last_error text,
    created_at {time} not null
);
create index job_due on job (run_at, id) where state = 'queued';
create table mail (
    id text not null primary key,
    event_id {uuid} not null references event (id),
    sent_at {time} not null
);
";

// The books are only ever added to. The audit finds tampering all the same, by the hash chain.
const APPEND_ONLY_POSTGRES: &str = "
create function is_append_only() returns trigger language plpgsql as
$$ begin raise exception 'the table % is append only', tg_table_name; end $$;
create trigger ledger_transaction_append_only before update or delete on ledger_transaction
    for each row execute function is_append_only();
create trigger ledger_transaction_never_emptied before truncate on ledger_transaction
    for each statement execute function is_append_only();
create trigger posting_append_only before update or delete on posting
    for each row execute function is_append_only();
create trigger posting_never_emptied before truncate on posting
    for each statement execute function is_append_only();
create trigger ledger_block_append_only before update or delete on ledger_block
    for each row execute function is_append_only();
create trigger ledger_block_never_emptied before truncate on ledger_block
    for each statement execute function is_append_only();
create trigger balance_transaction_append_only before update or delete on balance_transaction
    for each row execute function is_append_only();
create trigger balance_transaction_never_emptied before truncate on balance_transaction
    for each statement execute function is_append_only();
create trigger adjustment_append_only before update or delete on adjustment
    for each row execute function is_append_only();
create trigger adjustment_never_emptied before truncate on adjustment
    for each statement execute function is_append_only();
create trigger event_append_only before update or delete on event
    for each row execute function is_append_only();
create trigger event_never_emptied before truncate on event
    for each statement execute function is_append_only();
create trigger ledger_seal_once before update on ledger_seal
    for each row when (old.block_id is not null) execute function is_append_only();
create trigger ledger_seal_stays before delete on ledger_seal
    for each row execute function is_append_only();
create trigger ledger_seal_never_emptied before truncate on ledger_seal
    for each statement execute function is_append_only();
";

const APPEND_ONLY_SQLITE: &str = "
create trigger ledger_transaction_update before update on ledger_transaction
    begin select raise(abort, 'the table ledger_transaction is append only'); end;
create trigger ledger_transaction_delete before delete on ledger_transaction
    begin select raise(abort, 'the table ledger_transaction is append only'); end;
create trigger posting_update before update on posting
    begin select raise(abort, 'the table posting is append only'); end;
create trigger posting_delete before delete on posting
    begin select raise(abort, 'the table posting is append only'); end;
create trigger ledger_block_update before update on ledger_block
    begin select raise(abort, 'the table ledger_block is append only'); end;
create trigger ledger_block_delete before delete on ledger_block
    begin select raise(abort, 'the table ledger_block is append only'); end;
create trigger balance_transaction_update before update on balance_transaction
    begin select raise(abort, 'the table balance_transaction is append only'); end;
create trigger balance_transaction_delete before delete on balance_transaction
    begin select raise(abort, 'the table balance_transaction is append only'); end;
create trigger adjustment_update before update on adjustment
    begin select raise(abort, 'the table adjustment is append only'); end;
create trigger adjustment_delete before delete on adjustment
    begin select raise(abort, 'the table adjustment is append only'); end;
create trigger event_update before update on event
    begin select raise(abort, 'the table event is append only'); end;
create trigger event_delete before delete on event
    begin select raise(abort, 'the table event is append only'); end;
create trigger ledger_seal_update before update on ledger_seal when old.block_id is not null
    begin select raise(abort, 'the table ledger_seal is append only'); end;
create trigger ledger_seal_delete before delete on ledger_seal
    begin select raise(abort, 'the table ledger_seal is append only'); end;
";

const SEARCH_POSTGRES: &str = "
create index product_search on product_text using gin (to_tsvector('simple', search_text));
create index shop_search on shop_text using gin (to_tsvector('simple', search_text));
";

const SEARCH_SQLITE: &str = "
create virtual table product_search using fts5 (search_text, content = 'product_text', content_rowid = 'id');
create trigger product_search_added after insert on product_text begin
    insert into product_search (rowid, search_text) values (new.id, new.search_text);
end;
create trigger product_search_removed after delete on product_text begin
    insert into product_search (product_search, rowid, search_text) values ('delete', old.id, old.search_text);
end;
create trigger product_search_changed after update on product_text begin
    insert into product_search (product_search, rowid, search_text) values ('delete', old.id, old.search_text);
    insert into product_search (rowid, search_text) values (new.id, new.search_text);
end;
create virtual table shop_search using fts5 (search_text, content = 'shop_text', content_rowid = 'id');
create trigger shop_search_added after insert on shop_text begin
    insert into shop_search (rowid, search_text) values (new.id, new.search_text);
end;
create trigger shop_search_removed after delete on shop_text begin
    insert into shop_search (shop_search, rowid, search_text) values ('delete', old.id, old.search_text);
end;
create trigger shop_search_changed after update on shop_text begin
    insert into shop_search (shop_search, rowid, search_text) values ('delete', old.id, old.search_text);
    insert into shop_search (rowid, search_text) values (new.id, new.search_text);
end;
";
