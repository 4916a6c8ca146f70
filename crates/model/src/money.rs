//! Money: whole minor units of a named currency, and rates in basis points. No float, no conversion.

use std::fmt;

use crate::kinds::kinds;

kinds! {
    /// The currencies Vitrine can sell in. Any other is refused by name.
    Currency {
        /// Euro.
        Eur = "EUR",
        /// United States dollar.
        Usd = "USD",
        /// Pound sterling.
        Gbp = "GBP",
        /// Swiss franc.
        Chf = "CHF",
        /// Swedish krona.
        Sek = "SEK",
        /// Norwegian krone.
        Nok = "NOK",
        /// Danish krone.
        Dkk = "DKK",
        /// Polish złoty.
        Pln = "PLN",
        /// Czech koruna.
        Czk = "CZK",
        /// Canadian dollar.
        Cad = "CAD",
        /// Australian dollar.
        Aud = "AUD",
        /// Japanese yen.
        Jpy = "JPY",
    }
}

/// What one currency demands, at large and at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyRules {
    /// Decimals of the ISO 4217 minor unit.
    pub exponent: u32,
    /// Stripe's unit in our minor units: what we multiply by before sending.
    pub stripe_factor: i64,
    /// Amounts sent to Stripe must be a multiple of this, in Stripe's unit.
    pub stripe_step: i64,
    /// The smallest charge, in minor units.
    pub min_charge: i64,
    /// The largest charge, in minor units.
    pub max_charge: i64,
}

impl Currency {
    /// The one table of currencies. Smallest charges and the eight-digit largest one are Stripe's documented limits
    /// (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
    pub const fn rules(self) -> CurrencyRules {
        let (exponent, min_charge) = match self {
            Self::Eur | Self::Usd | Self::Chf | Self::Cad | Self::Aud => (2, 50),
            Self::Gbp => (2, 30),
            Self::Sek | Self::Nok => (2, 300),
            Self::Dkk => (2, 250),
            Self::Pln => (2, 200),
            Self::Czk => (2, 1500),
            Self::Jpy => (0, 50),
        };
        CurrencyRules {
            exponent,
            stripe_factor: 1,
            stripe_step: 1,
            min_charge,
            max_charge: 99_999_999,
        }
    }

    /// Minor units in one major unit: 100 for EUR, 1 for JPY.
    pub const fn scale(self) -> i64 {
        10_i64.pow(self.rules().exponent)
    }
}

/// Why a sum of money cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// Two currencies were to be added.
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit 64 bits.
    Overflow,
    /// The text is not a plain decimal number.
    Malformed,
    /// The text has more decimals than the currency.
    TooPrecise(Currency),
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CurrencyMismatch(a, b) => write!(f, "{a} and {b} cannot be added"),
            Self::Overflow => f.write_str("the amount is too large"),
            Self::Malformed => f.write_str("write the amount as a plain decimal number such as 12.50"),
            Self::TooPrecise(currency) => {
                write!(f, "{currency} has {} decimals at most", currency.rules().exponent)
            }
        }
    }
}

impl std::error::Error for MoneyError {}

/// An amount of one currency in its minor unit. It may be negative: a ledger balance can be.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// When the currencies differ or the sum overflows.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The difference.
    ///
    /// # Errors
    /// When the currencies differ or the difference overflows.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// `self` taken `count` times.
    ///
    /// # Errors
    /// When the product overflows.
    pub fn checked_mul(self, count: i64) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(count).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Parses a plain decimal (`12`, `12.5`, `-0.50`) with no more decimals than the currency has, not even
    /// zeros: who writes `12.500` may mean twelve thousand. No thousands separators, no exponents, no decimal commas.
    ///
    /// # Errors
    /// `Malformed`, `TooPrecise` or `Overflow`.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", text),
        };
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !plain(whole) || (digits.len() > whole.len() && !plain(fraction)) {
            return Err(MoneyError::Malformed);
        }
        let exponent = usize::try_from(currency.rules().exponent).map_err(|_| MoneyError::Overflow)?;
        if fraction.len() > exponent {
            return Err(MoneyError::TooPrecise(currency));
        }
        let minor = format!("{sign}{whole}{fraction:0<exponent$}")
            .parse()
            .map_err(|_| MoneyError::Overflow)?;
        Ok(Self::new(minor, currency))
    }

    /// The amount with exactly the currency's decimals, without its code: `12.50`.
    pub fn decimal(self) -> String {
        let exponent = usize::try_from(self.currency.rules().exponent).unwrap_or(0);
        let scale = self.currency.scale().unsigned_abs();
        let (whole, rest) = (
            self.minor.unsigned_abs() / scale,
            self.minor.unsigned_abs() % scale,
        );
        let sign = if self.minor < 0 { "-" } else { "" };
        if exponent == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{rest:0>exponent$}")
        }
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A rate in basis points: hundredths of a percent, 0 to 10 000.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sea_orm::DeriveValueType)]
pub struct BasisPoints(i32);

/// A rate below 0 or above 10 000 basis points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateOutOfRange(pub i32);

impl fmt::Display for RateOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a rate is 0 to 10000 basis points (0 % to 100 %), not {}",
            self.0
        )
    }
}

impl std::error::Error for RateOutOfRange {}

impl BasisPoints {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const WHOLE: Self = Self(10_000);

    /// `points` hundredths of a percent.
    ///
    /// # Errors
    /// When it is not within 0 to 10 000.
    pub const fn new(points: i32) -> Result<Self, RateOutOfRange> {
        if points < 0 || points > 10_000 {
            Err(RateOutOfRange(points))
        } else {
            Ok(Self(points))
        }
    }

    /// The number of basis points.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for BasisPoints {
    /// As a percentage: `12.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        write!(f, "{} %", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_currency() -> impl Strategy<Value = Currency> {
        proptest::sample::select(Currency::ALL)
    }

    fn any_minor() -> impl Strategy<Value = i64> {
        prop_oneof![-20_i64..20, -2_000_i64..2_000, any::<i64>()]
    }

    proptest! {
        #[test]
        fn any_amount_reads_back_as_it_is_written(minor in any_minor(), currency in any_currency()) {
            let money = Money::new(minor, currency);
            let text = money.decimal();
            prop_assert_eq!(text.starts_with('-'), minor < 0);
            prop_assert_eq!(Money::parse(&text, currency), Ok(money));
        }

        #[test]
        fn arithmetic_is_exact_or_refused(a in any_minor(), b in any_minor(), currency in any_currency()) {
            let (left, right) = (Money::new(a, currency), Money::new(b, currency));
            let (wide_a, wide_b) = (i128::from(a), i128::from(b));
            let fits = |exact: i128| {
                let minor = i64::try_from(exact).map_err(|_| MoneyError::Overflow)?;
                Ok(Money::new(minor, currency))
            };
            prop_assert_eq!(left.checked_add(right), fits(wide_a + wide_b));
            prop_assert_eq!(left.checked_sub(right), fits(wide_a - wide_b));
            prop_assert_eq!(left.checked_mul(b), fits(wide_a * wide_b));
        }

        #[test]
        fn a_rate_is_between_nothing_and_all(points in prop_oneof![-2_i32..2, 9_998_i32..10_003, any::<i32>()]) {
            let rate = BasisPoints::new(points).map(BasisPoints::get);
            prop_assert_eq!(rate, if (0..=10_000).contains(&points) { Ok(points) } else { Err(RateOutOfRange(points)) });
        }
    }

    #[test]
    fn amounts_rates_and_mistakes_are_told_in_words() {
        assert_eq!(Money::new(-1250, Currency::Eur).to_string(), "-12.50 EUR");
        assert_eq!(format!("{:?}", Money::new(700, Currency::Jpy)), "700 JPY");
        for (points, text) in [
            (0, "0 %"),
            (5, "0.05 %"),
            (1250, "12.5 %"),
            (2000, "20 %"),
            (10_000, "100 %"),
        ] {
            assert_eq!(BasisPoints::new(points).unwrap().to_string(), text);
        }
        for (error, text) in [
            (
                MoneyError::CurrencyMismatch(Currency::Eur, Currency::Jpy),
                "EUR and JPY cannot be added",
            ),
            (MoneyError::Overflow, "the amount is too large"),
            (
                MoneyError::Malformed,
                "write the amount as a plain decimal number such as 12.50",
            ),
            (
                MoneyError::TooPrecise(Currency::Eur),
                "EUR has 2 decimals at most",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(
            RateOutOfRange(-1).to_string(),
            "a rate is 0 to 10000 basis points (0 % to 100 %), not -1"
        );
    }

    #[test]
    fn decimals_read_back_as_written() {
        for (text, minor, currency) in [
            ("12.50", 1250, Currency::Eur),
            ("0.00", 0, Currency::Eur),
            ("0.05", 5, Currency::Usd),
            ("-3.00", -300, Currency::Sek),
            ("700", 700, Currency::Jpy),
        ] {
            let money = Money::parse(text, currency).unwrap();
            assert_eq!(money.minor(), minor);
            assert_eq!(money.decimal(), text);
        }
        assert_eq!(Money::parse("12.5", Currency::Eur).unwrap().minor(), 1250);
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        for text in [
            "", "NaN", "1e9", "12,50", "1.", ".5", "+1", " 1", "1_000", "--1", "١",
        ] {
            assert_eq!(
                Money::parse(text, Currency::Eur),
                Err(MoneyError::Malformed),
                "{text}"
            );
        }
        for (text, currency) in [
            ("1.001", Currency::Eur),
            ("12.500", Currency::Eur),
            ("1.5", Currency::Jpy),
            ("700.0", Currency::Jpy),
        ] {
            assert_eq!(
                Money::parse(text, currency),
                Err(MoneyError::TooPrecise(currency)),
                "{text}"
            );
        }
        assert_eq!(
            Money::parse("99999999999999999999", Currency::Eur),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn iso_4217_agrees_on_every_exponent() {
        for currency in Currency::ALL {
            let iso = iso_currency::Currency::from_code(currency.as_str()).unwrap();
            assert_eq!(
                iso.exponent().map(u32::from),
                Some(currency.rules().exponent),
                "{currency}"
            );
        }
    }

    #[test]
    fn currencies_never_mix() {
        let euro = Money::new(1, Currency::Eur);
        let yen = Money::new(1, Currency::Jpy);
        assert_eq!(
            euro.checked_add(yen),
            Err(MoneyError::CurrencyMismatch(Currency::Eur, Currency::Jpy))
        );
        assert_eq!(
            Money::new(i64::MAX, Currency::Eur).checked_add(euro),
            Err(MoneyError::Overflow)
        );
    }
}
