//! Parsed text: each type holds only what its parser let through, and its length limit is named here.

use std::fmt;

/// Why a text was not accepted, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// What the text was to be: "handle", "e-mail address".
    pub what: &'static str,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.problem)
    }
}

impl std::error::Error for TextError {}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $min:literal..=$max:literal, $parse:path;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sea_orm::DeriveValueType)]
            #[sea_orm(value_type = "String")]
            pub struct $name(String);

            impl $name {
                /// The largest number of characters.
                pub const MAX: usize = $max;

                /// The text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            // Sea-orm asks this of every primary key; a text is never made from a row number.
            impl sea_orm::TryFromU64 for $name {
                fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                    Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
                }
            }

            impl std::str::FromStr for $name {
                type Err = TextError;

                fn from_str(text: &str) -> Result<Self, TextError> {
                    let refuse = |problem: String| TextError { what: $what, problem };
                    let parsed = $parse(text).map_err(refuse)?;
                    match parsed.chars().count() {
                        0 if $min > 0 => Err(refuse("must not be empty".to_owned())),
                        length if length < $min => Err(refuse(format!("needs {} characters at least", $min))),
                        length if length > $max => Err(refuse(format!("may have {} characters at most", $max))),
                        _ => Ok(Self(parsed)),
                    }
                }
            }
        )+
    };
}

texts! {
    /// The name in a shop's, brand's or product's address: lower-case letters, digits and single hyphens.
    Handle: "handle", 2..=60, handle;
    /// A product's handle, as brands' own systems write them.
    ProductHandle: "product handle", 1..=255, product_handle;
    /// An e-mail address in lower case: no mailbox in use tells its letters' cases apart.
    Email: "e-mail address", 3..=254, email;
    /// The name of a person, a shop or a brand.
    Name: "name", 1..=120, line;
    /// A product's or variant's title.
    Title: "title", 1..=255, line;
    /// A short label: a referral link's, an option's value, a product's type or tag.
    Label: "label", 1..=255, line;
    /// A stock-keeping unit or barcode.
    Code: "code", 1..=255, line;
    /// Why a shopholder recommends something.
    Note: "note", 1..=2000, lines;
    /// A shop's description of itself.
    About: "description", 1..=5000, lines;
    /// Why something was done: a refund, a return, an operator's action.
    Reason: "reason", 1..=500, lines;
    /// What is said to a bank against a dispute.
    Evidence: "evidence", 1..=5000, lines;
    /// One line of a postal address.
    AddressLine: "address line", 1..=200, line;
    /// An ISO 3166-1 alpha-2 country code.
    Country: "country", 2..=2, country;
    /// An absolute http or https address without credentials.
    WebUrl: "web address", 8..=2048, web_url;
    /// A parcel's number at its carrier, or the carrier's name.
    Tracking: "tracking", 1..=100, line;
}

/// Handles nobody gets: words that addresses of our own begin with, and words that would let someone pose as the platform.
/// They are refused when a handle is taken, not when one is read.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "accounts",
    "admin",
    "administrator",
    "api",
    "app",
    "assets",
    "billing",
    "blog",
    "brand",
    "brands",
    "cart",
    "checkout",
    "contact",
    "demo",
    "docs",
    "graphiql",
    "graphql",
    "healthz",
    "help",
    "home",
    "import",
    "imports",
    "info",
    "legal",
    "login",
    "logout",
    "mail",
    "metrics",
    "moderator",
    "null",
    "official",
    "operator",
    "order",
    "orders",
    "payment",
    "payments",
    "payout",
    "payouts",
    "platform",
    "press",
    "privacy",
    "product",
    "products",
    "readyz",
    "recommendation",
    "recommendations",
    "root",
    "search",
    "security",
    "settings",
    "shop",
    "shops",
    "signin",
    "signup",
    "staff",
    "static",
    "status",
    "stripe",
    "support",
    "system",
    "terms",
    "undefined",
    "uploads",
    "vitrine",
    "webhook",
    "webhooks",
    "www",
];

impl Handle {
    /// Whether nobody may take it.
    pub fn is_reserved(&self) -> bool {
        RESERVED.binary_search(&self.as_str()).is_ok()
    }
}

/// A password as typed. It is never stored, printed or compared by anything but the hash function.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// What someone typed to sign in, whatever it is: the rules for new passwords would only tell her that hers cannot be.
    pub fn typed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text, for the hash function.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl std::str::FromStr for Password {
    type Err = TextError;

    /// 10 to 128 characters, any at all: length is what counts (NIST SP 800-63B).
    fn from_str(text: &str) -> Result<Self, TextError> {
        match text.chars().count() {
            10..=128 => Ok(Self(text.to_owned())),
            _ => Err(TextError {
                what: "password",
                problem: "needs 10 to 128 characters".to_owned(),
            }),
        }
    }
}

fn handle(text: &str) -> Result<String, String> {
    let well_formed = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err("use lower-case letters, digits and single hyphens between them".to_owned())
    }
}

fn product_handle(text: &str) -> Result<String, String> {
    let text = line(text)?;
    if text.contains(char::is_whitespace) || text.contains('/') {
        return Err("must not contain spaces or slashes".to_owned());
    }
    Ok(text)
}

fn email(text: &str) -> Result<String, String> {
    let text = line(text)?;
    let address: email_address::EmailAddress = text
        .parse()
        .map_err(|_| "write it as name@example.com".to_owned())?;
    if !address.domain().contains('.') || !address.display_part().is_empty() {
        return Err("write it as name@example.com".to_owned());
    }
    Ok(text.to_lowercase())
}

/// One line: trimmed, no control characters.
fn line(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err("must be one line without control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Several lines: trimmed, no control characters but line breaks and tabs.
fn lines(text: &str) -> Result<String, String> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text)
}

fn web_url(text: &str) -> Result<String, String> {
    let text = line(text)?;
    let parsed =
        url::Url::parse(&text).map_err(|_| "write a full address such as https://example.com/".to_owned())?;
    let web = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
    if !web || !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("must start with http:// or https:// and carry no user name".to_owned());
    }
    Ok(text)
}

fn country(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_uppercase();
    if text.len() == 2 && COUNTRIES.split(' ').any(|code| code == text) {
        Ok(text)
    } else {
        Err("use a two-letter ISO 3166 code such as DE".to_owned())
    }
}

/// The officially assigned alpha-2 codes of ISO 3166-1.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ \
FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU \
RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_plain() {
        assert_eq!("anna-cooks".parse::<Handle>().unwrap().as_str(), "anna-cooks");
        for text in [
            "",
            "a",
            "Anna",
            "-anna",
            "anna-",
            "an--na",
            "an na",
            "änna",
            "a/b",
            &"a".repeat(61),
        ] {
            assert!(text.parse::<Handle>().is_err(), "{text}");
        }
    }

    #[test]
    fn reserved_words_are_found() {
        assert!(RESERVED.is_sorted(), "the list is searched by halves");
        for word in RESERVED {
            assert!(word.parse::<Handle>().unwrap().is_reserved(), "{word}");
        }
        assert!(!"anna".parse::<Handle>().unwrap().is_reserved());
    }

    #[test]
    fn addresses_are_checked_and_tidied() {
        assert_eq!(
            " Anna@Example.COM ".parse::<Email>().unwrap().as_str(),
            "anna@example.com"
        );
        for text in [
            "",
            "anna",
            "anna@",
            "@example.com",
            "anna@localhost",
            "Anna <anna@example.com>",
            "a@b.c\0",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
        assert!("https://example.com/x.jpg".parse::<WebUrl>().is_ok());
        for text in [
            "javascript:alert(1)",
            "//evil",
            "https://user:pw@example.com",
            "ftp://example.com",
        ] {
            assert!(text.parse::<WebUrl>().is_err(), "{text}");
        }
        assert_eq!("de".parse::<Country>().unwrap().as_str(), "DE");
        assert!("ZZ".parse::<Country>().is_err());
    }

    #[test]
    fn control_characters_never_reach_the_database() {
        assert!("a\0b".parse::<Note>().is_err());
        assert_eq!(" two\r\nlines ".parse::<Note>().unwrap().as_str(), "two\nlines");
        assert!("two\nlines".parse::<Name>().is_err());
    }
}
