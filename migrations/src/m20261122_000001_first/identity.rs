//! Accounts, what they sign in with, and their sessions.

pub(super) const TABLES: &str = "
create table account (
    id {uuid} not null primary key,
    email text not null unique,
    email_verified_at {time},
    name text not null,
    operator boolean not null,
    created_at {time} not null,
    erased_at {time}
);
create table credential (
    account_id {uuid} not null primary key references account (id),
    password_hash text not null,
    updated_at {time} not null
);
create table session (
    id {uuid} not null primary key,
    account_id {uuid} not null references account (id),
    transport text not null,
    device_name text,
    user_agent text,
    family_hash {bytes} not null unique,
    refresh_hash {bytes} not null,
    refresh_expires_at {time} not null,
    access_hash {bytes} not null unique,
    access_expires_at {time} not null,
    created_at {time} not null,
    used_at {time} not null,
    proved_at {time} not null,
    ends_at {time} not null,
    revoked_at {time},
    revoked_for text,
    check ((revoked_at is null) = (revoked_for is null)),
    check (access_expires_at <= ends_at),
    check (refresh_expires_at <= ends_at)
);
create index session_account on session (account_id);
create index session_expiry on session (refresh_expires_at);
create table totp (
    account_id {uuid} not null primary key references account (id),
    factor_id {uuid} not null unique,
    confirmed_at {time},
    last_step bigint not null,
    created_at {time} not null
);
create table recovery_code (
    account_id {uuid} not null references account (id),
    code_hash {bytes} not null,
    created_at {time} not null,
    primary key (account_id, code_hash)
);
create table passkey (
    id {uuid} not null primary key,
    account_id {uuid} not null references account (id),
    credential_id {bytes} not null unique,
    credential text not null,
    name text not null,
    created_at {time} not null,
    used_at {time}
);
create index passkey_account on passkey (account_id);
create table passkey_challenge (
    token_hash {bytes} not null primary key,
    account_id {uuid} references account (id),
    state text not null,
    expires_at {time} not null
);
create index passkey_challenge_account on passkey_challenge (account_id);
create index passkey_challenge_expiry on passkey_challenge (expires_at);
create table payout_freeze (
    party text not null primary key,
    cause text not null,
    frozen_at {time} not null,
    ends_at {time} not null
);
create index payout_freeze_end on payout_freeze (ends_at);
create table email_token (
    id {uuid} not null primary key,
    account_id {uuid} references account (id),
    purpose text not null,
    email text,
    token_hash {bytes} not null unique,
    created_at {time} not null,
    expires_at {time} not null,
    used_at {time},
    check ((account_id is null) = (email is null))
);
create index email_token_account on email_token (account_id);
create index email_token_expiry on email_token (expires_at);
create table external_identity (
    id {uuid} not null primary key,
    account_id {uuid} not null references account (id),
    provider text not null,
    issuer text not null,
    subject text not null,
    email text,
    created_at {time} not null,
    used_at {time} not null,
    unique (issuer, subject),
    unique (account_id, issuer)
);
create table external_ask (
    state_hash {bytes} not null primary key,
    key_hash {bytes} not null,
    provider text not null,
    redirect_uri text not null,
    expires_at {time} not null
);
create index external_ask_expiry on external_ask (expires_at);
create table attempt (
    key {bytes} not null primary key,
    tries integer not null,
    ends_at {time} not null
);
create index attempt_end on attempt (ends_at);
";
