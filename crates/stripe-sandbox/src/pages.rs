//! Lists: newest first, by cursor.
//!
//! A page costs what it looks at, not what lies before it: the cursor is a place in the table, the time range ends the
//! search, and the fields that [`crate::index`] covers narrow it.

use crate::error::StripeError;
use crate::index::Index;
use crate::state::{Call, Row, State, integer, text};
use serde_json::{Value, json};

/// Objects on a page unless `limit` says otherwise.
const USUAL: usize = 10;
/// Most objects on a page.
const MOST: i64 = 100;

/// A page of the caller's objects of a kind for which every given filter parameter equals the field of the same name, and
/// `keep` holds.
pub(crate) fn list(
    state: &State,
    call: &Call,
    kind: &str,
    url: &str,
    filters: &[&str],
    keep: impl Fn(&Row) -> bool,
) -> Result<Value, StripeError> {
    let limit = limit(call)?;
    let equal = |row: &Row, field: &&str| {
        call.params
            .get(*field)
            .is_none_or(|wanted| row.value.get(*field) == Some(wanted))
    };
    let matches = |row: &Row| {
        !row.deleted
            && row.scope == call.scope
            && in_range(row, call, "created")
            && filters.iter().all(|field| equal(row, field))
            && keep(row)
    };
    let table = state.table(kind);
    let (newest, oldest) = bounds(call, table);
    let (after, before) = cursors(state, call, kind)?;
    let (newest, oldest) = (
        after.map_or(newest, |after| newest.min(after)),
        before.map_or(oldest, |before| oldest.max(before + 1)),
    );
    let narrowed = filters
        .iter()
        .filter(|field| Index::covers(field))
        .find_map(|field| Some((*field, call.params.get(*field)?.as_str()?)));
    let at = |position: usize| {
        table
            .get(position)
            .filter(|row| matches(row))
            .map(|row| &row.value)
    };
    let within = move |position: &usize| (oldest..newest).contains(position);
    let (found, more) = match (narrowed, before) {
        (Some((field, id)), None) => take(
            state
                .positions(kind, field, id)
                .rev()
                .filter(within)
                .filter_map(at),
            limit,
        ),
        (Some((field, id)), Some(_)) => take_back(
            state.positions(kind, field, id).filter(within).filter_map(at),
            limit,
        ),
        (None, None) => take((oldest..newest).rev().filter_map(at), limit),
        (None, Some(_)) => take_back((oldest..newest).filter_map(at), limit),
    };
    Ok(json!({"object": "list", "url": url, "has_more": more, "data": found}))
}

/// The positions that the time range leaves: below the first, from the second. Rows lie in the order of their creation.
fn bounds(call: &Call, table: &[Row]) -> (usize, usize) {
    let below = |limit: i64| table.partition_point(|row| integer(&row.value, "created") < limit);
    let range = call.params.get("created");
    let bound = |name: &str| range.and_then(|range| range.get(name)).and_then(Value::as_i64);
    let from = bound("gte").or(bound("gt")).map_or(0, below);
    let until = bound("lte")
        .or(bound("lt"))
        .map(|limit| below(limit.saturating_add(1)));
    (until.unwrap_or(table.len()), from)
}

/// Where the cursors are in the table.
fn cursors(state: &State, call: &Call, kind: &str) -> Result<(Option<usize>, Option<usize>), StripeError> {
    let cursor = |name: &str| -> Result<Option<usize>, StripeError> {
        let Some(id) = call.params.get(name).and_then(Value::as_str) else {
            return Ok(None);
        };
        let visible = state.row(id).is_some_and(|row| row.scope == call.scope);
        match state.position(kind, id) {
            Some(position) if visible => Ok(Some(position)),
            _ => Err(StripeError::missing("object", id).in_body(name)),
        }
    };
    if call.params.contains_key("starting_after") && call.params.contains_key("ending_before") {
        return Err(both_cursors());
    }
    Ok((cursor("starting_after")?, cursor("ending_before")?))
}

/// A page of objects that are given newest first.
pub(crate) fn page<'v>(
    call: &Call,
    objects: impl DoubleEndedIterator<Item = &'v Value>,
    url: &str,
) -> Result<Value, StripeError> {
    let limit = limit(call)?;
    let cursor = |name: &str| call.params.get(name).and_then(Value::as_str);
    let (found, more) = match (cursor("starting_after"), cursor("ending_before")) {
        (Some(_), Some(_)) => return Err(both_cursors()),
        (None, None) => take(objects, limit),
        (Some(after), None) => take(past(objects, after, "starting_after")?, limit),
        (None, Some(before)) => take_back(past(objects.rev(), before, "ending_before")?, limit),
    };
    Ok(json!({"object": "list", "url": url, "has_more": more, "data": found}))
}

/// The first page of a list inside another object.
pub(crate) fn first(mut objects: Vec<Value>, url: &str) -> Value {
    let total = objects.len();
    objects.truncate(USUAL);
    json!({"object": "list", "url": url, "has_more": total > objects.len(), "data": objects})
}

/// Whether a timestamp is what the parameter asks for: an exact value, or a range.
pub(crate) fn in_range(row: &Row, call: &Call, field: &str) -> bool {
    let at = integer(&row.value, field);
    match call.params.get(field) {
        None => true,
        Some(Value::Object(range)) => range.iter().all(|(bound, limit)| {
            let limit = limit.as_i64().unwrap_or_default();
            match bound.as_str() {
                "gt" => at > limit,
                "gte" => at >= limit,
                "lt" => at < limit,
                _ => at <= limit,
            }
        }),
        Some(exactly) => exactly.as_i64() == Some(at),
    }
}

fn limit(call: &Call) -> Result<usize, StripeError> {
    match call.params.get("limit").and_then(Value::as_i64) {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => {
            usize::try_from(limit).map_err(|_| StripeError::invalid("Invalid limit").param("limit"))
        }
        Some(limit) => {
            let (bound, most) = if limit < 1 {
                ("greater than or equal to", 1)
            } else {
                ("less than or equal to", MOST)
            };
            Err(StripeError::invalid(format!("This value must be {bound} {most}.")).param("limit"))
        }
    }
}

fn take<'v>(objects: impl Iterator<Item = &'v Value>, limit: usize) -> (Vec<Value>, bool) {
    let mut found: Vec<Value> = objects.take(limit + 1).cloned().collect();
    let more = found.len() > limit;
    found.truncate(limit);
    (found, more)
}

/// The same for objects that are given oldest first: the page is newest first all the same.
fn take_back<'v>(objects: impl Iterator<Item = &'v Value>, limit: usize) -> (Vec<Value>, bool) {
    let (mut found, more) = take(objects, limit);
    found.reverse();
    (found, more)
}

fn both_cursors() -> StripeError {
    StripeError::invalid("You cannot use both starting_after and ending_before.").param("ending_before")
}

/// What follows the cursor.
fn past<'v>(
    mut objects: impl Iterator<Item = &'v Value>,
    cursor: &str,
    param: &str,
) -> Result<impl Iterator<Item = &'v Value>, StripeError> {
    if objects.any(|object| text(object, "id") == cursor) {
        Ok(objects)
    } else {
        Err(StripeError::missing("object", cursor).in_body(param))
    }
}
