//! Every node of the server is told of each event when its transaction commits: by one notification for all that one
//! statement inserts, which has room for the numbers of 400. SQLite has one process, which knows by itself.

pub(super) const POSTGRES: &str = "
create function tell_of_event() returns trigger language plpgsql as
$$ begin
    perform pg_notify('vitrine_event', string_agg(sequence::text, ',')) from told having count(*) > 0;
    return null;
end $$;
create trigger event_told after insert on event referencing new table as told
    for each statement execute function tell_of_event();
";
