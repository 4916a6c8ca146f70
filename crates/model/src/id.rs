//! Typed ids: a UUIDv7 in the database, `shop_01jd…` in public (the TypeID form).
//!
//! The suffix is the UUID's 128 bits in Crockford's base32, lower case, 26 characters
//! (<https://github.com/jetify-com/typeid/tree/main/spec>). An id tells its kind and its time of creation, and grants
//! nothing.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Why a text is not the id that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdError {
    /// It is an id of something else.
    WrongKind {
        /// The prefix that was expected.
        expected: &'static str,
    },
    /// It is no id at all.
    Malformed {
        /// The prefix that was expected.
        expected: &'static str,
    },
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKind { expected } => {
                write!(f, "not an id of this kind: it must start with \"{expected}_\"")
            }
            Self::Malformed { expected } => {
                write!(
                    f,
                    "malformed id: expected \"{expected}_\" and 26 characters of lower-case base32"
                )
            }
        }
    }
}

impl std::error::Error for IdError {}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX: usize = 26;

fn encode(uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    (0..SUFFIX)
        .map(|place| {
            let five = (bits >> (5 * (SUFFIX - 1 - place))) & 31;
            char::from(ALPHABET[usize::try_from(five).unwrap_or(0)])
        })
        .collect()
}

fn decode(suffix: &str) -> Option<Uuid> {
    let bytes = suffix.as_bytes();
    // 26 × 5 bits are 130: the first character may carry only three.
    if bytes.len() != SUFFIX || bytes[0] > b'7' {
        return None;
    }
    let bits = bytes.iter().try_fold(0_u128, |bits, byte| {
        let five = ALPHABET.iter().position(|letter| letter == byte)?;
        Some((bits << 5) | u128::try_from(five).ok()?)
    })?;
    Some(Uuid::from_u128(bits))
}

/// Splits any of our ids into its prefix and UUID; `None` when it is not of that form.
pub fn split(text: &str) -> Option<(&str, Uuid)> {
    let (prefix, suffix) = text.rsplit_once('_')?;
    Some((prefix, decode(suffix)?))
}

/// What all ids share.
pub trait Id: Copy + fmt::Display + FromStr<Err = IdError> + From<Uuid> {
    /// The prefix in the public form, without the underscore.
    const PREFIX: &'static str;

    /// The UUID beneath.
    fn uuid(self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, sea_orm::DeriveValueType)]
            pub struct $name(Uuid);

            impl Id for $name {
                const PREFIX: &'static str = $prefix;

                fn uuid(self) -> Uuid {
                    self.0
                }
            }

            impl From<Uuid> for $name {
                fn from(uuid: Uuid) -> Self {
                    Self(uuid)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}_{}", $prefix, encode(self.0))
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $name {
                type Err = IdError;

                fn from_str(text: &str) -> Result<Self, IdError> {
                    match split(text) {
                        Some(($prefix, uuid)) => Ok(Self(uuid)),
                        Some(_) => Err(IdError::WrongKind { expected: $prefix }),
                        None => Err(IdError::Malformed { expected: $prefix }),
                    }
                }
            }

            // Sea-orm asks this of every primary key; a UUID is never made from a row number.
            impl sea_orm::TryFromU64 for $name {
                fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                    Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
                }
            }
        )+
    };
}

ids! {
    /// A person who signs in.
    AccountId = "acct",
    /// One signed-in device.
    SessionId = "sess",
    /// A brand's API key.
    ApiKeyId = "key",
    /// A second factor.
    FactorId = "factor",
    /// A key that a device keeps, and signs in with.
    PasskeyId = "passkey",
    /// Who someone is at an identity provider.
    ExternalIdentityId = "xid",
    /// A token sent in a letter.
    EmailTokenId = "etok",
    /// An invitation to work for a brand.
    InvitationId = "inv",
    /// An invitation to curate a shop together.
    ShopInvitationId = "sinv",
    /// A brand.
    BrandId = "brand",
    /// One version of a brand's terms.
    TermsId = "terms",
    /// A product.
    ProductId = "prod",
    /// A variant of a product.
    VariantId = "var",
    /// An image of a product.
    ImageId = "img",
    /// One import of a product file.
    ImportId = "import",
    /// A shop.
    ShopId = "shop",
    /// A product placed in a shop.
    RecommendationId = "rec",
    /// A referral link.
    LinkId = "link",
    /// One visit through a referral link.
    ClickId = "click",
    /// A cart.
    CartId = "cart",
    /// A line of a cart.
    CartLineId = "cline",
    /// What one transaction of the books did to one party's money. Derived from both, not made anew.
    StatementEntryId = "entry",
    /// An order.
    OrderId = "order",
    /// A line of an order.
    OrderLineId = "oline",
    /// One sold unit, or one brand's shipping of an order.
    UnitId = "unit",
    /// A parcel.
    FulfillmentId = "ful",
    /// A buyer's wish to send something back.
    ReturnId = "ret",
    /// A refund.
    RefundId = "refund",
    /// A buyer's objection at her bank.
    DisputeId = "dispute",
    /// A payout.
    PayoutId = "po",
    /// A stop that the operator put to a party's payouts.
    PayoutHoldId = "hold",
    /// What an operator decided about money.
    AdjustmentId = "adj",
    /// A party's account at the payment provider.
    PayoutAccountId = "pacct",
    /// Money taken back from a connected account.
    ReversalId = "rev",
    /// Where the books and the payment provider do not agree.
    DifferenceId = "diff",
    /// A call to the payment provider, written down before it is made.
    IntentId = "intent",
    /// A unit of background work.
    JobId = "job",
    /// Something that happened.
    EventId = "evt",
    /// An answer to a question about somebody's data.
    ConsentId = "consent",
    /// An address that is told of what happens.
    WebhookEndpointId = "whe",
    /// What such an address is told of one event.
    WebhookMessageId = "msg",
    /// One time that such a message was sent.
    WebhookAttemptId = "whatt",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written() {
        let uuid = Uuid::from_u128(0x0192_f5c8_1234_7abc_8def_0123_4567_89ab);
        let id = ShopId::from(uuid);
        assert_eq!(id.to_string().parse::<ShopId>(), Ok(id));
        assert_eq!(id.to_string().len(), "shop_".len() + 26);
    }

    #[test]
    fn the_typeid_specification_agrees() {
        // From the specification's valid examples: 0123456789ABCDEFGHJKMNPQRS in bits.
        let id = ProductId::from(Uuid::parse_str("0110c853-1d09-52d8-d73e-1194e95b5f19").unwrap());
        assert_eq!(id.to_string(), "prod_0123456789abcdefghjkmnpqrs");
    }

    #[test]
    fn a_wrong_kind_and_nonsense_are_told_apart() {
        let brand = BrandId::from(Uuid::nil()).to_string();
        assert!(matches!(
            brand.parse::<ShopId>(),
            Err(IdError::WrongKind { expected: "shop" })
        ));
        for text in [
            "",
            "shop",
            "shop_",
            "shop_zzzzzzzzzzzzzzzzzzzzzzzzzz",
            "shop_0123456789ABCDEFGHJKMNPQRS",
            "1",
        ] {
            assert!(
                matches!(text.parse::<ShopId>(), Err(IdError::Malformed { .. })),
                "{text}"
            );
        }
    }
}
