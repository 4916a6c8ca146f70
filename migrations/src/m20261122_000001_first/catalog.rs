//! Brands and their terms, products and variants, shipping rates, imports.

pub(super) const TABLES: &str = "
create table brand (
    id {uuid} not null primary key,
    handle text not null unique,
    name text not null,
    picture_url text,
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
create table invitation (
    id {uuid} not null primary key,
    brand_id {uuid} not null references brand (id),
    email text not null,
    role text not null,
    token_hash {bytes} not null unique,
    letters integer not null check (letters > 0),
    invited_by {uuid} not null references account (id),
    created_at {time} not null,
    expires_at {time} not null,
    unique (brand_id, email)
);
create index invitation_email on invitation (email);
create index invitation_expiry on invitation (expires_at);
create table api_key (
    id {uuid} not null primary key,
    brand_id {uuid} not null references brand (id) on delete cascade,
    label text not null,
    scopes text not null,
    secret_hash {bytes} not null unique,
    hint text not null,
    created_by {uuid} not null references account (id),
    created_at {time} not null,
    expires_at {time},
    last_used_at {time},
    revoked_at {time},
    check (expires_at > created_at)
);
create index api_key_brand on api_key (brand_id, id);
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
    imported_on_hand bigint,
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
    api_key_id {uuid} references api_key (id),
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
