//! Times that clients send.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Value};
use chrono::{DateTime, Datelike, Utc};

/// What the schema says of the scalar, for input and output alike.
pub(crate) const DESCRIPTION: &str = "A time as RFC 3339 writes it, such as `2027-01-11T09:00:00Z`, in the years 0001 to 9999 of UTC. Input may have any offset\nfrom UTC; output is in UTC, always.";

/// A time that a client sends. Years of four digits only: no database can write others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) DateTime<Utc>);

impl Instant {
    /// The time that `text` tells.
    fn told(text: &str) -> Option<Self> {
        let told = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
        (1..=9999).contains(&told.year()).then_some(Self(told))
    }

    /// Whether a client may send this for a time.
    pub(crate) fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if Self::told(text).is_some())
    }
}

impl InputType for Instant {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <DateTime<Utc> as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <DateTime<Utc> as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let told = match value {
            Some(Value::String(text)) => Self::told(&text),
            _ => None,
        };
        told.ok_or_else(|| {
            InputValueError::custom("write the time as RFC 3339 does, such as 2027-01-11T09:00:00Z")
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339())
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_years_of_four_digits_of_utc() {
        let told = |text: &str| Instant::told(text).map(|told| told.0.to_rfc3339());
        let expected = "2027-01-11T09:00:00+00:00".to_owned();
        assert_eq!(told("2027-01-11T10:00:00+01:00"), Some(expected));
        assert!(told("9999-12-31T23:59:59Z").is_some() && told("0001-01-01T00:00:00Z").is_some());
        for odd in [
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+00:01",
            "0000-06-01T00:00:00Z",
            "+262142-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "2027-01-11",
            "now",
            "",
        ] {
            assert_eq!(told(odd), None, "{odd}");
        }
    }
}
