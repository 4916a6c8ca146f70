//! What all domains share: events, idempotency keys, inbox, intents, jobs, rate limits, reconciliation.

pub(super) const TABLES: &str = "
create table event (
    sequence {serial},
    id {uuid} not null unique,
    kind text not null,
    subject text not null,
    actor text not null,
    through text,
    payload text not null,
    occurred_at {time} not null
);
create index event_subject on event (subject, sequence);
create table event_reader (
    reader text not null,
    sequence bigint not null references event (sequence),
    primary key (reader, sequence)
);
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
    group_key text,
    every_seconds bigint,
    run_at {time} not null,
    attempts integer not null,
    state text not null,
    leased_until {time},
    last_error text,
    created_at {time} not null
);
create index job_due on job (run_at, id) where state = 'queued';
create table rate_window (
    subject {bytes} not null,
    began bigint not null,
    taken bigint not null,
    primary key (subject, began)
);
create table mail (
    id text not null primary key,
    event_id {uuid} not null references event (id),
    sent_at {time} not null
);
";
