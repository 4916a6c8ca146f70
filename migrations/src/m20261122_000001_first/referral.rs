//! Links, the clicks on them, and how many there were.

pub(super) const TABLES: &str = "
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
    visitor_hash {bytes},
    counted_hour bigint,
    occurred_at {time} not null,
    unique (link_id, visitor_hash, counted_hour)
);
create index click_recognizable on click (occurred_at) where visitor_hash is not null;
";
