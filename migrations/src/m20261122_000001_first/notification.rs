//! Every node of the server is told of each event when its transaction commits. SQLite has one process, which knows by
//! itself.

pub(super) const POSTGRES: &str = "
create function tell_of_event() returns trigger language plpgsql as
$$ begin perform pg_notify('vitrine_event', new.sequence::text); return null; end $$;
create trigger event_told after insert on event
    for each row execute function tell_of_event();
";
