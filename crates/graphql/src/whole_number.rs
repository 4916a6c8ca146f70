//! Whole numbers that may outgrow an `Int`, such as the bytes of a file.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// A whole number from 0 to 18446744073709551615 as a string, such as `"2147483648"`: a file may have more bytes than an
/// `Int` can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsignedInt64(pub(crate) u64);

/// A whole number from 0 to 18446744073709551615 as a string, such as `"2147483648"`: a file may have more bytes than an
/// `Int` can tell.
#[Scalar]
impl ScalarType for UnsignedInt64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let wrong = || InputValueError::custom("write the number as a string such as \"2147483648\"");
        number.map(Self).ok_or_else(wrong)
    }

    fn is_valid(value: &Value) -> bool {
        <Self as ScalarType>::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<i64> for UnsignedInt64 {
    /// Nothing that is counted falls below zero.
    fn from(count: i64) -> Self {
        Self(u64::try_from(count).unwrap_or(0))
    }
}
