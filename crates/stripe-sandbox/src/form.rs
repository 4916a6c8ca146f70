//! Stripe's request encoding: `application/x-www-form-urlencoded` with brackets for nesting.
//!
//! `a[b]=1` is an object; `a[0]=x&a[1]=y` and `a[]=x&a[]=y` are lists. Everything is text here, and a list is still an
//! object with numbers for keys: only [`crate::spec`] knows which it should be.

use crate::error::StripeError;
use serde_json::{Map, Value};

/// Most parameters in one request.
const MOST_PARAMETERS: usize = 5_000;
/// Deepest nesting of brackets.
const DEEPEST: usize = 8;

/// Decodes a query string or request body.
pub(crate) fn decode(encoded: &[u8]) -> Result<Map<String, Value>, StripeError> {
    let mut root = Map::new();
    for (count, (key, value)) in url::form_urlencoded::parse(encoded).enumerate() {
        if count >= MOST_PARAMETERS {
            return Err(StripeError::invalid("Too many parameters in one request."));
        }
        let path = segments(&key)?;
        insert(&mut root, &path, &value, &key)?;
    }
    Ok(root)
}

/// `a[b][]` → `["a", "b", ""]`.
fn segments(key: &str) -> Result<Vec<&str>, StripeError> {
    let malformed = || {
        StripeError::invalid(format!("Invalid parameter name: {key}"))
            .code("parameter_unknown")
            .param(key)
    };
    let (head, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    let mut path = vec![head];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or_else(malformed)?;
        let end = inner.find(']').ok_or_else(malformed)?;
        path.push(&inner[..end]);
        rest = &inner[end + 1..];
    }
    if head.is_empty() || path.len() > DEEPEST {
        return Err(malformed());
    }
    Ok(path)
}

fn insert(into: &mut Map<String, Value>, path: &[&str], value: &str, key: &str) -> Result<(), StripeError> {
    let Some((head, rest)) = path.split_first() else {
        return Ok(());
    };
    let head = if head.is_empty() {
        next_index(into, rest)
    } else {
        (*head).to_owned()
    };
    if rest.is_empty() {
        into.insert(head, Value::String(value.to_owned()));
        return Ok(());
    }
    match into.entry(head).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(inner) => insert(inner, rest, value, key),
        _ => Err(
            StripeError::invalid(format!("Invalid parameter: {key} is both a value and a hash.")).param(key),
        ),
    }
}

/// `a[][b]=1&a[][c]=2&a[][b]=3` makes two elements: a new one begins when the last one already has the key.
fn next_index(into: &Map<String, Value>, rest: &[&str]) -> String {
    let length = into.len();
    let fits = !rest.is_empty()
        && into.values().next_back().is_some_and(|last| {
            rest.iter()
                .try_fold(last, |node, segment| node.get(segment))
                .is_none()
                && last.is_object()
        });
    if fits {
        length.saturating_sub(1).to_string()
    } else {
        length.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::decode;
    use serde_json::{Value, json};

    fn decoded(text: &str) -> Value {
        Value::Object(decode(text.as_bytes()).unwrap())
    }

    #[test]
    fn brackets_nest() {
        assert_eq!(
            decoded("a[b][c]=1&a[b][d]=2"),
            json!({"a": {"b": {"c": "1", "d": "2"}}})
        );
    }

    #[test]
    fn empty_brackets_begin_a_new_element_when_a_key_repeats() {
        assert_eq!(
            decoded("l[][p][u]=1&l[][q]=2&l[][p][u]=3&l[][q]=4&e[]=x&e[]=y"),
            json!({"l": {"0": {"p": {"u": "1"}, "q": "2"}, "1": {"p": {"u": "3"}, "q": "4"}}, "e": {"0": "x", "1": "y"}})
        );
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in [
            "a[b=1",
            "[a]=1",
            "a[b]c=1",
            "a[b][c][d][e][f][g][h][i]=1",
            "a=1&a[b]=2",
        ] {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }
}
