//! Accounts at Stripe, payouts, holds, and transfers asked back.

pub(super) const TABLES: &str = "
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
