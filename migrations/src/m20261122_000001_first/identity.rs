//! Accounts, what they sign in with, and their sessions.

pub(super) const TABLES: &str = "
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
