//! Where a link leads: the operator's template filled in. Only stored values go in, each percent-encoded, and what they
//! bring along is never read as a placeholder.

/// What can stand in the template.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Places<'a> {
    /// `{shop}`: the shop's handle.
    pub shop: &'a str,
    /// `{recommendation}`: the recommendation's id, or nothing.
    pub recommendation: &'a str,
    /// `{product}`: the product's id, or nothing.
    pub product: &'a str,
    /// `{click}`: the click token, or nothing.
    pub click: &'a str,
}

/// Fills in `template`. A brace that opens no placeholder stays as it is.
pub(crate) fn fill_in(template: &str, places: &Places<'_>) -> String {
    let known = [
        ("{shop}", places.shop),
        ("{recommendation}", places.recommendation),
        ("{product}", places.product),
        ("{click}", places.click),
    ];
    crate::template::fill_in(template, &known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_in() {
        let places = Places {
            shop: "anna",
            recommendation: "rec_1",
            product: "prod_1",
            click: "T0-_k",
        };
        assert_eq!(
            fill_in(
                "https://x.test/{shop}/{product}?r={recommendation}&c={click}&q={other}",
                &places
            ),
            "https://x.test/anna/prod_1?r=rec_1&c=T0-_k&q={other}"
        );
        assert_eq!(fill_in("https://x.test/{shop", &places), "https://x.test/{shop");
    }

    #[test]
    fn values_cannot_change_where_it_leads() {
        for evil in [
            "//evil",
            "/\\evil",
            "a\r\nLocation: b",
            "@evil",
            "{click}",
            "a&b=c#d",
        ] {
            let places = Places {
                shop: evil,
                ..Places::default()
            };
            let filled = fill_in("https://x.test/{shop}", &places);
            let path = filled.strip_prefix("https://x.test/").unwrap();
            assert!(
                path.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"%+-_.*".contains(&byte)),
                "{filled}"
            );
        }
    }
}
