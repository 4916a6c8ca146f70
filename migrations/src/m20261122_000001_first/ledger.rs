//! The books: accounts, transactions, postings, and every sold unit.

pub(super) const TABLES: &str = "
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
create index posting_account on posting (account_id, transaction_id, id, side, amount, balance_after);
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
create table unit_share (
    unit_id {uuid} not null references unit (id),
    party text not null,
    shopholder text not null check (shopholder <> party),
    currency text not null,
    ordinal integer not null check (ordinal > 0),
    share_bp integer not null check (share_bp between 0 and 10000),
    due bigint not null check (due >= 0),
    passed bigint not null check (passed between 0 and due),
    primary key (unit_id, party),
    unique (unit_id, ordinal)
);
create index unit_share_party on unit_share (party, currency);
create index unit_share_shopholder on unit_share (shopholder, currency);
create table adjustment (
    id {uuid} not null primary key,
    kind text not null,
    party text,
    suspended text,
    source text,
    target text,
    amount bigint not null check (amount <> 0),
    currency text not null,
    corrects {uuid} unique references adjustment (id),
    reason text not null,
    made_by {uuid} not null references account (id),
    created_at {time} not null,
    check (amount > 0 or party is null),
    check ((party is null) = (target is not null)),
    check ((target is null) = (suspended is null and source is null)),
    check (suspended is null or source is null),
    check ((kind = 'correction') = (corrects is not null))
);
create index adjustment_time on adjustment (created_at, id);
create index adjustment_party on adjustment (party, created_at, id);
create index adjustment_source on adjustment (source) where source is not null;
create table debt_return (
    adjustment_id {uuid} not null references adjustment (id),
    cause text not null,
    amount bigint not null check (amount > 0),
    created_at {time} not null,
    primary key (adjustment_id, cause)
);
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
