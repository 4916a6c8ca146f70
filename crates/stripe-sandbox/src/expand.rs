//! `expand[]`: replaces ids in an answer by the objects they name.

use crate::error::StripeError;
use crate::pages;
use crate::spec;
use crate::state::{State, text};
use serde_json::Value;

/// Deepest expansion: `data.` does not count.
const DEEPEST: usize = 4;
/// Most paths in one request.
const MOST: usize = 20;

/// Refuses paths (the validated `expand` parameter) that no object could expand, before anything is done.
pub(crate) fn check(paths: &Value) -> Result<(), StripeError> {
    let paths = texts(paths);
    if paths.len() > MOST {
        return Err(
            StripeError::invalid(format!("You cannot expand more than {MOST} properties.")).param("expand"),
        );
    }
    for path in paths {
        let fields: Vec<&str> = path.split('.').filter(|field| *field != "data").collect();
        if fields.len() > DEEPEST {
            let message = format!("You cannot expand more than {DEEPEST} levels of a property: {path}");
            return Err(StripeError::invalid(message).param("expand"));
        }
        if let Some(field) = fields.iter().find(|field| !spec::expandable_somewhere(field)) {
            return Err(unexpandable(field, path));
        }
    }
    Ok(())
}

/// Expands every path in an answer.
pub(crate) fn expand(state: &State, answer: &mut Value, paths: &Value) -> Result<(), StripeError> {
    texts(paths).into_iter().try_for_each(|path| {
        let segments: Vec<&str> = path.split('.').collect();
        walk(state, answer, &segments, path)
    })
}

fn texts(paths: &Value) -> Vec<&str> {
    paths
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn walk(state: &State, node: &mut Value, segments: &[&str], path: &str) -> Result<(), StripeError> {
    let Some((head, rest)) = segments.split_first() else {
        return Ok(());
    };
    match node {
        Value::Array(elements) => elements
            .iter_mut()
            .try_for_each(|element| walk(state, element, segments, path)),
        Value::Object(object) => {
            let kind = object.get("object").and_then(Value::as_str).unwrap_or_default();
            let inside_list = kind == "list" && *head == "data";
            if !inside_list && !kind.is_empty() && !spec::expandable(kind, head) {
                return Err(unexpandable(head, path));
            }
            if let Some(included) = included(state, node, head) {
                node[*head] = included;
            }
            let Some(field) = node.get_mut(*head) else {
                return Ok(());
            };
            resolve(state, field);
            walk(state, field, rest, path)
        }
        Value::String(_) => Err(unexpandable(head, path)),
        // Nothing there: nothing to expand.
        _ => Ok(()),
    }
}

/// Turns an id, or a list of ids, into objects.
fn resolve(state: &State, field: &mut Value) {
    match field {
        Value::String(id) => {
            if let Some(row) = state.row(id) {
                *field = row.value.clone();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| resolve(state, element)),
        _ => {}
    }
}

/// Fields that are absent unless they are asked for.
fn included(state: &State, node: &Value, field: &str) -> Option<Value> {
    let id = text(node, "id");
    match (text(node, "object"), field) {
        ("checkout.session", "line_items") => {
            let lines = state.row(id)?.hidden.get("lines")?.as_array()?;
            let items = lines
                .iter()
                .filter_map(Value::as_str)
                .map(|line| state.get(line))
                .collect();
            Some(pages::first(
                items,
                &format!("/v1/checkout/sessions/{id}/line_items"),
            ))
        }
        ("charge", "refunds") => {
            let refunds = state.rows_by("refund", "charge", id);
            Some(pages::first(
                refunds.iter().map(|row| row.value.clone()).collect(),
                &format!("/v1/charges/{id}/refunds"),
            ))
        }
        _ => None,
    }
}

fn unexpandable(field: &str, path: &str) -> StripeError {
    StripeError::invalid(format!("This property cannot be expanded ({field}): {path}."))
        .code("parameter_unknown")
        .param("expand")
}
