//! Holds objects against Stripe's OpenAPI document: every required field there, every field of its type, none unknown.

use serde_json::Value;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openapi/stripe.json")).unwrap());

/// Fields of Stripe's real answers which its document does not have (any more).
const UNDOCUMENTED: [(&str, &str); 2] = [("payment_intent", "source"), ("product", "type")];

/// Panics unless the answer, and every object in it, is as Stripe describes it.
#[track_caller]
pub(crate) fn check(answer: &Value) {
    let mut faults = Vec::new();
    if answer.get("error").is_some() {
        shape(
            &DOCUMENT["schemas"]["api_errors"],
            &answer["error"],
            "error",
            "api_errors",
            &mut faults,
        );
    } else {
        object(answer, "", &mut faults);
    }
    assert!(faults.is_empty(), "{}\nin {answer:#}", faults.join("\n"));
}

/// The fields Stripe requires of an object.
pub(crate) fn required(name: &str) -> Vec<String> {
    let required = DOCUMENT["schemas"][name]["required"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    required
        .iter()
        .map(|field| field.as_str().unwrap().to_owned())
        .collect()
}

fn object(value: &Value, path: &str, faults: &mut Vec<String>) {
    let kind = value["object"].as_str().unwrap_or_default();
    if kind == "list" {
        for field in ["data", "has_more", "url"] {
            if value.get(field).is_none() {
                faults.push(format!("{path}: a list without {field}"));
            }
        }
        for (index, element) in value["data"].as_array().into_iter().flatten().enumerate() {
            object(element, &format!("{path}[{index}]"), faults);
        }
        return;
    }
    let name = if value["deleted"] == true {
        format!("deleted_{kind}")
    } else {
        kind.to_owned()
    };
    match DOCUMENT["schemas"].get(&name) {
        Some(schema) => shape(schema, value, path, &name, faults),
        None => faults.push(format!("{path}: no schema for {name:?}")),
    }
}

fn shape(schema: &Value, value: &Value, path: &str, name: &str, faults: &mut Vec<String>) {
    if value.is_null() {
        // A field that is not simulated is null or absent.
        if schema["nullable"] != true && schema["opaque"] != true && schema.get("any").is_none() {
            faults.push(format!("{path} must not be null"));
        }
        return;
    }
    if let Some(reference) = schema["ref"].as_str() {
        // A hash without `object` is no object of its own; its name says what it is.
        return shape(&DOCUMENT["schemas"][reference], value, path, reference, faults);
    }
    if let Some(options) = schema["any"].as_array() {
        return any(options, value, path, name, faults);
    }
    if schema["opaque"] == true {
        return faults.push(format!("{path} is not simulated, and yet it is {value}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        faults.push(format!("{path}: {value} is none of {values:?}"));
    }
    match (schema["type"].as_str().unwrap_or_default(), value) {
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {}
        ("integer", Value::Number(number)) if number.is_i64() => {}
        ("map", Value::Object(_)) => {}
        ("array", Value::Array(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                shape(
                    &schema["items"],
                    element,
                    &format!("{path}[{index}]"),
                    name,
                    faults,
                );
            }
        }
        ("object", Value::Object(fields)) if fields.get("object") == Some(&"list".into()) => {
            object(value, path, faults)
        }
        ("object", Value::Object(_)) => fields(schema, value, path, name, faults),
        (kind, _) => faults.push(format!("{path} must be a {kind}, and is {value}")),
    }
}

fn any(options: &[Value], value: &Value, path: &str, name: &str, faults: &mut Vec<String>) {
    // An expanded object is checked as what it says it is.
    if value["object"].is_string() {
        return object(value, path, faults);
    }
    let fits = |option: &Value| {
        let mut found = Vec::new();
        shape(option, value, path, name, &mut found);
        found.is_empty()
    };
    if !options.iter().any(fits) {
        faults.push(format!("{path}: {value} fits no alternative"));
    }
}

fn fields(schema: &Value, value: &Value, path: &str, name: &str, faults: &mut Vec<String>) {
    for field in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if value.get(field).is_none() {
            faults.push(format!("{path}.{field} is missing ({name})"));
        }
    }
    for (field, inner) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{field}");
        match schema["props"].get(field) {
            Some(schema) => shape(schema, inner, &path, name, faults),
            None if UNDOCUMENTED.contains(&(name, field.as_str())) => {}
            None => faults.push(format!("{path} is unknown ({name})")),
        }
    }
}
