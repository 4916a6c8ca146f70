//! Weights in grams, exactly: no float touches them.

/// The heaviest thing that can be described: a thousand tonnes.
const MAX_GRAMS: i64 = 1_000_000_000;

/// The weight of `text` units in grams, rounded down; an empty unit means kilograms, as in Shopify.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn grams(text: &str, unit: &str) -> Result<i64, String> {
    // Micrograms per unit: a pound is 453.59237 g, an ounce a sixteenth of it.
    let micrograms: i128 = match unit.to_ascii_lowercase().as_str() {
        "g" => 1_000_000,
        "kg" | "" => 1_000_000_000,
        "lb" => 453_592_370,
        "oz" => 28_349_523,
        _ => {
            return Err(format!(
                "\"{unit}\" is not a unit of weight: write g, kg, lb or oz"
            ));
        }
    };
    let wrong = || format!("\"{text}\" is not a weight: write a plain decimal number such as 0.5");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let millionths: i128 = format!("{whole}{fraction:0<6}").parse().map_err(|_| wrong())?;
    let grams = millionths * micrograms / 1_000_000_000_000;
    i64::try_from(grams)
        .ok()
        .filter(|grams| *grams <= MAX_GRAMS)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_comes_out_in_grams() {
        assert_eq!(grams("250", "g"), Ok(250));
        assert_eq!(grams("0.5", "kg"), Ok(500));
        assert_eq!(grams("1", "lb"), Ok(453));
        assert_eq!(grams("2.0", "OZ"), Ok(56));
        for (text, unit) in [
            ("NaN", "g"),
            ("-1", "g"),
            ("1,5", "kg"),
            ("1e3", "g"),
            ("1", "stone"),
            ("", "g"),
        ] {
            assert!(grams(text, unit).is_err(), "{text} {unit}");
        }
    }
}
