//! What things of a data set are called: ids, codes and tokens follow from their numbers, so that whoever drives the
//! product knows them without asking.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is numbered; the prefix is that of the public id.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub enum Thing {
    Account = 1,
    Session,
    Brand,
    Terms,
    Product,
    Variant,
    Image,
    Shop,
    Recommendation,
    Link,
    Click,
    Cart,
    CartLine,
    Order,
    OrderLine,
    Unit,
    Parcel,
    Intent,
    Event,
    PayoutAccount,
}

impl Thing {
    fn prefix(self) -> &'static str {
        match self {
            Self::Account => "acct",
            Self::Session => "sess",
            Self::Brand => "brand",
            Self::Terms => "terms",
            Self::Product => "prod",
            Self::Variant => "var",
            Self::Image => "img",
            Self::Shop => "shop",
            Self::Recommendation => "rec",
            Self::Link => "link",
            Self::Click => "click",
            Self::Cart => "cart",
            Self::CartLine => "cline",
            Self::Order => "order",
            Self::OrderLine => "oline",
            Self::Unit => "unit",
            Self::Parcel => "ful",
            Self::Intent => "intent",
            Self::Event => "evt",
            Self::PayoutAccount => "pacct",
        }
    }
}

/// The first instant of the data sets' ids, in milliseconds.
const EPOCH: u128 = 1_767_225_600_000;
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The id of a numbered thing: a UUID of version 7, as the product makes them, later numbers after earlier ones.
pub fn id(thing: Thing, number: u64) -> Uuid {
    let time = (EPOCH + u128::from(number)) << 80;
    let kind = (0x7000 | u128::from(thing as u8)) << 64;
    Uuid::from_u128(time | kind | 1 << 63 | u128::from(number))
}

/// The same as clients see it.
pub fn public(thing: Thing, number: u64) -> String {
    let bits = id(thing, number).as_u128();
    let letters = (0..26).rev().map(|place| letter(bits >> (5 * place)));
    format!("{}_{}", thing.prefix(), letters.collect::<String>())
}

fn letter(bits: u128) -> char {
    char::from(LETTERS[(bits & 31) as usize])
}

/// The code of the shop's referral link.
pub fn code(shop: u64) -> String {
    let mixed = mix(shop) >> 14;
    (0..10)
        .map(|place| letter(u128::from(mixed) >> (5 * place)))
        .collect()
}

/// The access token of the account.
pub fn token(account: u64) -> String {
    let secret = hex::encode(sha256(format!("bench {account}").as_bytes()));
    format!("vs_{}", &secret[..43])
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// A number that looks like chance (splitmix64).
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_in_order() {
        let ids: Vec<Uuid> = (0..1000).map(|number| id(Thing::Shop, number)).collect();
        assert!(
            ids.iter()
                .all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122)
        );
        assert!(ids.is_sorted());
        assert_ne!(id(Thing::Shop, 1), id(Thing::Order, 1));
    }

    #[test]
    fn codes_are_ten_letters_and_differ() {
        let codes: std::collections::BTreeSet<String> = (0..10_000).map(code).collect();
        assert_eq!(codes.len(), 10_000);
        assert!(codes.iter().all(|code| code.len() == 10));
    }
}
