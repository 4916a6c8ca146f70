//! Money as clients see it: an exact decimal text and a currency. Never a float, never an `Int`.

use async_graphql::{
    Enum, InputObject, InputValueError, InputValueResult, Object, Scalar, ScalarType, Value,
};
use vitrine_model::money::{self, MoneyError};

use crate::access::{Declared, Subject, Who, access};

/// A currency Vitrine can sell in, by its ISO 4217 code.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "money::Currency")]
pub enum CurrencyCode {
    /// Euro, 2 decimals.
    Eur,
    /// United States dollar, 2 decimals.
    Usd,
    /// Pound sterling, 2 decimals.
    Gbp,
    /// Swiss franc, 2 decimals.
    Chf,
    /// Swedish krona, 2 decimals.
    Sek,
    /// Norwegian krone, 2 decimals.
    Nok,
    /// Danish krone, 2 decimals.
    Dkk,
    /// Polish złoty, 2 decimals.
    Pln,
    /// Czech koruna, 2 decimals.
    Czk,
    /// Canadian dollar, 2 decimals.
    Cad,
    /// Australian dollar, 2 decimals.
    Aud,
    /// Japanese yen, no decimals.
    Jpy,
}

/// An exact decimal number as a string, such as `"12.50"`.
#[derive(Debug, Clone)]
pub struct Decimal(pub(crate) String);

/// An exact decimal number as a string, such as `"12.50"`: digits, with a point before the decimals and a minus before
/// a negative one. Output has exactly the currency's decimals; input may have fewer, never more.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err(InputValueError::custom(
                "write the amount as a string such as \"12.50\"",
            )),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An amount of money.
#[derive(Debug, Clone, Copy)]
pub struct Money(pub(crate) money::Money);

impl Money {
    /// `minor` units of `currency`.
    pub(crate) fn new(minor: i64, currency: money::Currency) -> Self {
        Self(money::Money::new(minor, currency))
    }
}

impl Subject for Money {}

/// An amount of money.
#[Object(guard = Declared(self))]
impl Money {
    /// The amount with exactly the currency's decimals.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn amount(&self) -> Decimal {
        Decimal(self.0.decimal())
    }

    /// The currency.
    #[graphql(directive = access::apply(Who::Anyone))]
    async fn currency(&self) -> CurrencyCode {
        self.0.currency().into()
    }
}

/// An amount of money as input.
#[derive(InputObject, Debug, Clone)]
pub struct MoneyInput {
    /// The amount, with no more decimals than the currency has.
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

impl MoneyInput {
    /// The amount, exactly.
    ///
    /// # Errors
    /// When it is no plain decimal, or has too many decimals.
    pub(crate) fn parse(&self) -> Result<money::Money, MoneyError> {
        money::Money::parse(&self.amount.0, self.currency.into())
    }
}
