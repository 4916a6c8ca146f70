//! Shops and what they recommend.

pub(super) const TABLES: &str = "
create table shop (
    id {uuid} not null primary key,
    handle text not null unique,
    owner_id {uuid} not null references account (id),
    name text not null,
    about text,
    picture_url text,
    state text not null,
    created_at {time} not null,
    updated_at {time} not null,
    published_at {time}
);
create index shop_owner on shop (owner_id);
create index shop_published on shop (state, published_at, id);
create index shop_name on shop (state, name, id);
create table shop_curator (
    shop_id {uuid} not null references shop (id),
    account_id {uuid} not null references account (id),
    share_bp integer not null check (share_bp between 0 and 10000),
    created_at {time} not null,
    primary key (shop_id, account_id)
);
create index shop_curator_account on shop_curator (account_id, created_at, shop_id);
create table shop_invitation (
    id {uuid} not null primary key,
    shop_id {uuid} not null references shop (id),
    email text not null,
    share_bp integer not null check (share_bp between 0 and 10000),
    token_hash {bytes} not null unique,
    created_at {time} not null,
    expires_at {time} not null,
    unique (shop_id, email)
);
create index shop_invitation_email on shop_invitation (email);
create index shop_invitation_expiry on shop_invitation (expires_at);
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
";
