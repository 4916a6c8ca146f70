//! What people have agreed to.

pub(super) const TABLES: &str = "
create table consent (
    id {uuid} not null primary key,
    account_id {uuid} references account (id),
    visitor_hash {bytes},
    purpose text not null,
    granted boolean not null,
    text_version text not null,
    text text not null,
    recorded_at {time} not null,
    check (account_id is not null or visitor_hash is not null)
);
create index consent_account on consent (account_id, recorded_at, id);
create index consent_visitor on consent (visitor_hash, recorded_at, id);
";
