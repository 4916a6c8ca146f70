//! What Stripe's own OpenAPI document says: which parameters an endpoint takes, and which fields can be expanded.
//!
//! `openapi/stripe.json` is a trimmed extract of that document (see `openapi/extract.py`); the validation of every
//! request is this one walk over it.

use crate::error::StripeError;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Most keys in one metadata hash.
const METADATA_KEYS: usize = 50;
/// Longest metadata key, in characters.
const METADATA_KEY: usize = 40;
/// Longest metadata value, in characters.
const METADATA_VALUE: usize = 500;
/// Longest text where Stripe's document names no limit.
const LONGEST: usize = 5_000;

static SPEC: LazyLock<Spec> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../openapi/stripe.json")).expect("the extract is part of the program")
});

#[derive(Deserialize)]
struct Spec {
    operations: HashMap<String, Node>,
    schemas: HashMap<String, Shape>,
}

/// A returned object, as far as the server needs to know it.
#[derive(Deserialize)]
struct Shape {
    /// The fields that `expand[]` may name.
    #[serde(default)]
    expandable: Vec<String>,
}

/// A parameter, with everything in it.
#[derive(Deserialize)]
struct Node {
    #[serde(rename = "type", default)]
    kind: String,
    /// The fields of a hash.
    #[serde(default)]
    props: HashMap<String, Node>,
    #[serde(default)]
    required: Vec<String>,
    /// Fields which Stripe knows and the sandbox does not simulate.
    #[serde(default)]
    refused: Vec<String>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    max: Option<usize>,
    /// The elements of a list.
    items: Option<Box<Node>>,
    /// Alternatives: the first that fits is taken.
    #[serde(default, rename = "any")]
    options: Vec<Node>,
}

/// Whether Stripe's document describes the operation, written `POST /v1/transfers/{id}/reversals`.
#[cfg(test)]
pub(crate) fn knows(operation: &str) -> bool {
    SPEC.operations.contains_key(operation)
}

/// Whether `expand[]` may name this field of this kind of object.
pub(crate) fn expandable(object: &str, field: &str) -> bool {
    SPEC.schemas
        .get(object)
        .is_some_and(|schema| schema.expandable.iter().any(|name| name == field))
}

/// Whether `expand[]` may name this field of any object.
pub(crate) fn expandable_somewhere(field: &str) -> bool {
    SPEC.schemas.keys().any(|object| expandable(object, field))
}

/// The parameters with their proper types, or Stripe's refusal of the first that is wrong.
pub(crate) fn validate(operation: &str, raw: &Map<String, Value>) -> Result<Map<String, Value>, StripeError> {
    let node = SPEC
        .operations
        .get(operation)
        .ok_or_else(|| StripeError::invalid(format!("The sandbox has no parameters for {operation}.")))?;
    node.hash(raw, "")
}

impl Node {
    fn read(&self, raw: &Value, name: &str) -> Result<Value, StripeError> {
        if !self.options.is_empty() {
            return self.first_that_fits(raw, name);
        }
        match (self.kind.as_str(), raw) {
            ("object", Value::Object(raw)) => self.hash(raw, name).map(Value::Object),
            ("map", Value::Object(raw)) => map(raw, name).map(Value::Object),
            ("array", Value::Object(raw)) => self.list(raw, name),
            ("object" | "map", _) => Err(StripeError::invalid("Invalid object").param(name)),
            ("array", _) => Err(StripeError::invalid("Invalid array").param(name)),
            (_, Value::String(text)) => self.scalar(text, name),
            (kind, _) => {
                Err(StripeError::invalid(format!("Invalid {kind}: {name} must not be a hash.")).param(name))
            }
        }
    }

    /// Of several alternatives the refusal of the first is the most telling one.
    fn first_that_fits(&self, raw: &Value, name: &str) -> Result<Value, StripeError> {
        let mut refusal = None;
        for option in &self.options {
            match option.read(raw, name) {
                Ok(value) => return Ok(value),
                Err(error) => _ = refusal.get_or_insert(error),
            }
        }
        Err(refusal.unwrap_or_else(|| StripeError::invalid("Invalid value").param(name)))
    }

    fn hash(&self, raw: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, StripeError> {
        let mut read = Map::new();
        for (key, value) in raw {
            let path = join(name, key);
            let Some(node) = self.props.get(key) else {
                return Err(self.unknown(key, path));
            };
            read.insert(key.clone(), node.read(value, &path)?);
        }
        match self.required.iter().find(|key| !read.contains_key(*key)) {
            None => Ok(read),
            Some(key) => Err(missing(&join(name, key))),
        }
    }

    fn unknown(&self, key: &str, path: String) -> StripeError {
        let refusal = if self.refused.iter().any(|name| name == key) {
            StripeError::invalid(format!("This sandbox does not simulate the parameter {path}."))
                .code("sandbox_parameter_not_simulated")
        } else {
            StripeError::invalid(format!("Received unknown parameter: {path}")).code("parameter_unknown")
        };
        refusal.param(path)
    }

    fn list(&self, raw: &Map<String, Value>, name: &str) -> Result<Value, StripeError> {
        let items = self
            .items
            .as_ref()
            .ok_or_else(|| StripeError::invalid("Invalid array").param(name))?;
        let mut elements = raw
            .iter()
            .map(|(key, value)| key.parse::<usize>().map(|index| (index, value)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| StripeError::invalid("Invalid array").param(name))?;
        elements.sort_by_key(|(index, _)| *index);
        let read = elements
            .into_iter()
            .map(|(index, value)| items.read(value, &format!("{name}[{index}]")));
        read.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn scalar(&self, text: &str, name: &str) -> Result<Value, StripeError> {
        if !self.values.is_empty() {
            return self.choice(text, name);
        }
        let number = |kind: &str| {
            StripeError::invalid(format!("Invalid {kind}: {text}"))
                .code("parameter_invalid_integer")
                .param(name)
        };
        match self.kind.as_str() {
            "integer" => text
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| number("integer")),
            "number" => text
                .parse::<Number>()
                .map(Value::Number)
                .map_err(|_| number("decimal")),
            "boolean" => match text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(StripeError::invalid(format!("Invalid boolean: {text}")).param(name)),
            },
            _ if text.is_empty() => Err(empty(name)),
            _ if text.chars().count() > self.max.unwrap_or(LONGEST) => Err(StripeError::invalid(format!(
                "Invalid string: {}…; must be at most {} characters",
                text.chars().take(20).collect::<String>(),
                self.max.unwrap_or(LONGEST)
            ))
            .param(name)),
            _ => Ok(text.into()),
        }
    }

    fn choice(&self, text: &str, name: &str) -> Result<Value, StripeError> {
        if self.values.iter().any(|value| value == text) {
            return Ok(text.into());
        }
        let field = name.rsplit('[').next().unwrap_or(name).trim_end_matches(']');
        Err(StripeError::invalid(format!(
            "Invalid {field}: must be one of {}",
            self.values.join(", ")
        ))
        .param(name))
    }
}

/// A required parameter is not there.
pub(crate) fn missing(name: &str) -> StripeError {
    StripeError::invalid(format!("Missing required param: {name}."))
        .code("parameter_missing")
        .param(name)
}

fn empty(name: &str) -> StripeError {
    StripeError::invalid(format!(
        "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however \
         '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value."
    ))
    .code("parameter_invalid_empty")
    .param(name)
}

/// Metadata: an empty value unsets its key, so it is passed on.
fn map(raw: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, StripeError> {
    if raw.len() > METADATA_KEYS {
        return Err(
            StripeError::invalid(format!("Metadata can have up to {METADATA_KEYS} keys.")).param(name),
        );
    }
    for (key, value) in raw {
        let path = join(name, key);
        if key.chars().count() > METADATA_KEY {
            return Err(StripeError::invalid(format!(
                "Metadata keys can be up to {METADATA_KEY} characters long."
            ))
            .param(path));
        }
        match value {
            Value::String(text) if text.chars().count() <= METADATA_VALUE => {}
            Value::String(_) => {
                return Err(StripeError::invalid(format!(
                    "Metadata values can have up to {METADATA_VALUE} characters, but you passed in a longer value."
                ))
                .param(path));
            }
            _ => return Err(StripeError::invalid("Metadata values must be strings.").param(path)),
        }
    }
    Ok(raw.clone())
}

fn join(name: &str, key: &str) -> String {
    if name.is_empty() {
        key.to_owned()
    } else {
        format!("{name}[{key}]")
    }
}
