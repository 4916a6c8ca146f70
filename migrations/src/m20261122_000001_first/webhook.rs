//! Addresses that are told of what happens, what they are told, and how that went.

pub(super) const TABLES: &str = "
create table webhook_endpoint (
    id {uuid} not null primary key,
    brand_id {uuid} references brand (id),
    url text not null,
    description text,
    topics text not null,
    generation integer not null check (generation > 0),
    rotated_at {time},
    both_until {time},
    disabled_at {time},
    disabled text,
    failing_since {time},
    resting_until {time},
    created_by text not null,
    created_at {time} not null,
    check ((disabled_at is null) = (disabled is null))
);
create index webhook_endpoint_brand on webhook_endpoint (brand_id, id);
create table webhook_message (
    id {uuid} not null primary key,
    endpoint_id {uuid} not null references webhook_endpoint (id) on delete cascade,
    event_id {uuid} not null references event (id),
    topic text not null,
    body text not null,
    state text not null,
    attempts integer not null check (attempts >= 0),
    replayed_at_attempt integer not null check (replayed_at_attempt between 0 and attempts),
    due_at {time},
    created_at {time} not null,
    settled_at {time},
    unique (endpoint_id, event_id),
    check ((state = 'pending') = (due_at is not null)),
    check ((state = 'pending') = (settled_at is null))
);
create index webhook_message_endpoint on webhook_message (endpoint_id, created_at, id);
create index webhook_message_age on webhook_message (created_at);
create table webhook_attempt (
    id {uuid} not null primary key,
    message_id {uuid} not null references webhook_message (id) on delete cascade,
    number integer not null check (number > 0),
    status integer,
    error text,
    answer text,
    took_ms bigint not null,
    sent_at {time} not null,
    unique (message_id, number),
    check ((status is null) <> (error is null))
);
";
