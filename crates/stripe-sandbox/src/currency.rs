//! Stripe's currencies: how they are written, the smallest and largest charge, and plausible fees.
//!
//! Limits: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>. The fees are Stripe's list prices for
//! domestic cards, near enough to show that a fee is taken; every currency settles in itself.

use crate::error::StripeError;

/// The largest charge, in any currency's smallest unit.
pub(crate) const LARGEST_CHARGE: i64 = 99_999_999;

/// A currency the sandbox's platform holds a balance in.
#[derive(Debug)]
pub(crate) struct Currency {
    /// Lower case, as Stripe writes it.
    pub(crate) code: &'static str,
    /// Digits after the point.
    exponent: usize,
    /// The smallest charge.
    pub(crate) smallest: i64,
    /// The fee's share of the charge, in basis points.
    fee_share: i64,
    /// The fee's fixed part.
    fee_fixed: i64,
}

const fn currency(
    code: &'static str,
    exponent: usize,
    smallest: i64,
    fee_share: i64,
    fee_fixed: i64,
) -> Currency {
    Currency {
        code,
        exponent,
        smallest,
        fee_share,
        fee_fixed,
    }
}

static CURRENCIES: [Currency; 18] = [
    currency("aud", 2, 50, 290, 30),
    currency("bgn", 2, 100, 150, 50),
    currency("cad", 2, 50, 290, 30),
    currency("chf", 2, 50, 290, 30),
    currency("czk", 2, 1_500, 150, 650),
    currency("dkk", 2, 250, 150, 180),
    currency("eur", 2, 50, 150, 25),
    currency("gbp", 2, 30, 150, 20),
    currency("hkd", 2, 400, 290, 235),
    currency("huf", 2, 17_500, 150, 8_500),
    currency("jpy", 0, 50, 360, 0),
    currency("nok", 2, 300, 240, 200),
    currency("nzd", 2, 50, 290, 30),
    currency("pln", 2, 200, 150, 100),
    currency("ron", 2, 200, 150, 100),
    currency("sek", 2, 300, 150, 180),
    currency("sgd", 2, 50, 290, 30),
    currency("usd", 2, 50, 290, 30),
];

impl Currency {
    /// The currency with this code, in either case.
    pub(crate) fn find(code: &str) -> Option<&'static Self> {
        CURRENCIES
            .iter()
            .find(|currency| currency.code.eq_ignore_ascii_case(code))
    }

    /// The currency a parameter names.
    pub(crate) fn parse(code: &str, param: &str) -> Result<&'static Self, StripeError> {
        Self::find(code).ok_or_else(|| {
            let known: Vec<_> = CURRENCIES.iter().map(|currency| currency.code).collect();
            StripeError::invalid(format!(
                "Invalid currency: {code}. This sandbox supports: {}",
                known.join(", ")
            ))
            .param(param)
        })
    }

    /// Refuses what Stripe would not charge.
    pub(crate) fn check_charge(&self, amount: i64, what: &str, param: &str) -> Result<(), StripeError> {
        if amount < self.smallest {
            let least = self.format(self.smallest);
            return Err(StripeError::invalid(format!("{what} must be at least {least}."))
                .code("amount_too_small")
                .param(param));
        }
        if amount > LARGEST_CHARGE {
            let most = self.format(LARGEST_CHARGE);
            return Err(
                StripeError::invalid(format!("{what} must be no more than {most}."))
                    .code("amount_too_large")
                    .param(param),
            );
        }
        Ok(())
    }

    /// Stripe's fee for a charge, never more than the charge.
    pub(crate) fn fee(&self, amount: i64) -> i64 {
        ((amount * self.fee_share + 5_000) / 10_000 + self.fee_fixed).min(amount)
    }

    /// Stripe's fee for a dispute, at list price.
    pub(crate) fn dispute_fee(&self) -> i64 {
        match self.code {
            "aud" | "nzd" => 2_500,
            "bgn" => 3_900,
            "chf" | "eur" | "gbp" => 2_000,
            "czk" => 49_000,
            "dkk" | "nok" | "sek" => 15_000,
            "hkd" => 8_500,
            "huf" => 750_000,
            "jpy" => 1_300,
            "pln" | "ron" => 9_000,
            // Canada, Singapore and the United States.
            _ => 1_500,
        }
    }

    /// `1,234.50 EUR`.
    pub(crate) fn format(&self, amount: i64) -> String {
        let digits = format!("{:0>width$}", amount.unsigned_abs(), width = self.exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.exponent);
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if amount < 0 { "\u{2212}" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{grouped}{point}{fraction} {}", self.code.to_uppercase())
    }
}

/// An amount for people, whatever the currency.
pub(crate) fn format(amount: i64, code: &str) -> String {
    Currency::find(code).map_or_else(|| format!("{amount} {code}"), |currency| currency.format(amount))
}

#[cfg(test)]
mod tests {
    use super::Currency;

    #[test]
    fn amounts_are_written_with_the_currency_s_digits() {
        let (eur, jpy) = (Currency::find("EUR").unwrap(), Currency::find("jpy").unwrap());
        assert_eq!(eur.format(123_456_789), "1,234,567.89 EUR");
        assert_eq!(eur.format(-5), "\u{2212}0.05 EUR");
        assert_eq!(jpy.format(1_000), "1,000 JPY");
    }

    #[test]
    fn fees_are_plausible() {
        assert_eq!(Currency::find("eur").unwrap().fee(9_460), 167);
        assert_eq!(Currency::find("usd").unwrap().fee(10_000), 320);
        assert_eq!(Currency::find("jpy").unwrap().fee(1_000), 36);
    }
}
