//! Lists: newest first, by cursor.

use crate::error::StripeError;
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
    let equal = |row: &Row, field: &&str| {
        call.params
            .get(*field)
            .is_none_or(|wanted| row.value.get(*field) == Some(wanted))
    };
    let rows = state.rows(kind).filter(|row| {
        row.scope == call.scope
            && in_range(row, call, "created")
            && filters.iter().all(|field| equal(row, field))
            && keep(row)
    });
    page(call, rows.map(|row| &row.value), url)
}

/// A page of objects that are given newest first.
pub(crate) fn page<'v>(
    call: &Call,
    objects: impl DoubleEndedIterator<Item = &'v Value>,
    url: &str,
) -> Result<Value, StripeError> {
    let limit = limit(call)?;
    let cursor = |name: &str| call.params.get(name).and_then(Value::as_str);
    let (mut found, more) = match (cursor("starting_after"), cursor("ending_before")) {
        (Some(_), Some(_)) => {
            return Err(
                StripeError::invalid("You cannot use both starting_after and ending_before.")
                    .param("ending_before"),
            );
        }
        (None, None) => take(objects, limit),
        (Some(after), None) => take(past(objects, after, "starting_after")?, limit),
        (None, Some(before)) => take(past(objects.rev(), before, "ending_before")?, limit),
    };
    if cursor("ending_before").is_some() {
        found.reverse();
    }
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
