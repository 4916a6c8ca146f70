//! What the operator decides for the whole platform. The server's configuration fills it in; nothing here reads the
//! environment.

use secrecy::SecretString;
use url::Url;
use vitrine_model::money::{BasisPoints, Currency};
use vitrine_model::text::WebUrl;

/// The platform's rules.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where this server is reached, without a trailing slash.
    pub public_url: String,
    /// Where `/r/{code}` leads, with `{shop}`, `{recommendation}`, `{product}` and `{click}` to be filled in.
    pub landing_url: String,
    /// Where letters lead a buyer: her order's page, with `{order}`, `{number}` and `{secret}` to be filled in. Without it
    /// letters hold no link.
    pub order_url: Option<String>,
    /// Where letters lead a shopholder: her page, with `{shop}` to be filled in.
    pub shopholder_url: Option<String>,
    /// Where letters lead those who work for a brand: its page, with `{brand}` to be filled in.
    pub brand_url: Option<String>,
    /// Where letters about her account lead someone: a page that brings `{token}` to the mutation for `{action}`: `verify`,
    /// `reset`, `change`, `undo`, `invitation` or `curate`. Without it letters hold the token alone.
    pub account_url: Option<String>,
    /// The domain that passkeys are made for. Without it there are none.
    pub passkey_domain: Option<String>,
    /// Addresses a client may name as return addresses: their origins, such as `https://shop.example.com`.
    pub return_origins: Vec<String>,
    /// Keys click tokens, visitor hashes and the secrets in letters. At least 32 characters.
    pub secret_key: SecretString,
    /// The currencies in which the platform holds a balance at the payment provider.
    pub currencies: Vec<Currency>,
    /// The terms a new brand starts with.
    pub default_terms: DefaultTerms,
    /// Whether brands may set price floors (they may count as resale price maintenance).
    pub price_floors: bool,
    /// Days before a lower commission takes effect.
    pub notice_days: i64,
    /// Minutes an access token is good.
    pub access_minutes: i64,
    /// Days after its last refresh at which a session ends by itself.
    pub session_days: i64,
    /// Days after which a session ends however much it is used.
    pub session_limit_days: i64,
    /// Days a guest's secret opens her cart and order.
    pub guest_days: i64,
    /// Days for which payouts wait after how someone proves who she is, or where her money goes, has changed; 0 for none.
    pub payout_freeze_days: i64,
    /// Smallest payout in minor units of a currency with two decimals.
    pub payout_minimum: i64,
    /// What a payout run leaves at the provider, in minor units of each currency.
    pub payout_float: i64,
    /// Seconds between two payout runs.
    pub payout_every: i64,
    /// Seconds between two reconciliations with the payment provider.
    pub reconcile_every: i64,
    /// How buyers may pay, in the payment provider's words, such as `card`.
    pub payment_methods: Vec<String>,
    /// Largest import file in bytes.
    pub import_max_bytes: u64,
    /// Days after its beginning that who bought an order, and where it went, is kept, if the order is over then.
    pub contact_days: i64,
    /// Days that a cart is kept in which nothing changes.
    pub cart_days: i64,
    /// Days that is kept which letters were sent.
    pub mail_days: i64,
    /// Days that messages to webhook endpoints are kept with the log of their deliveries.
    pub webhook_days: i64,
    /// Memory of one Argon2id hash in KiB.
    pub argon2_kib: u32,
}

impl Settings {
    /// Whether a browser may be sent to `address`: only to this server, or to the origins the operator named.
    pub fn may_return_to(&self, address: &WebUrl) -> bool {
        let origin = |text: &str| {
            Url::parse(text)
                .ok()
                .map(|url| url.origin().ascii_serialization())
        };
        let Some(wanted) = origin(address.as_str()) else {
            return false;
        };
        let allowed = self.return_origins.iter().chain([&self.public_url]);
        allowed
            .map(String::as_str)
            .any(|allowed| origin(allowed).as_ref() == Some(&wanted))
    }
}

/// The terms a new brand starts with.
#[derive(Debug, Clone)]
pub struct DefaultTerms {
    /// Commission of the price without VAT.
    pub commission: BasisPoints,
    /// The platform's part of the commission.
    pub platform_fee: BasisPoints,
    /// The platform's fee on sales nobody is credited for, of the price without VAT.
    pub organic_fee: BasisPoints,
    /// How many days a click may be credited.
    pub attribution_days: i32,
    /// Days after delivery until the brand's money is released.
    pub brand_window_days: i32,
    /// Days after delivery until the shopholder's and the platform's money is released.
    pub shop_window_days: i32,
    /// Days after shipment at which delivery is assumed when unknown.
    pub unknown_delivery_days: i32,
}

impl Default for DefaultTerms {
    /// 15 % commission, a tenth of it for the platform, 30 days to attribute, 7 and 30 days to hold.
    fn default() -> Self {
        Self {
            commission: BasisPoints::new(1500).unwrap_or(BasisPoints::ZERO),
            platform_fee: BasisPoints::new(1000).unwrap_or(BasisPoints::ZERO),
            organic_fee: BasisPoints::ZERO,
            attribution_days: 30,
            brand_window_days: 7,
            shop_window_days: 30,
            unknown_delivery_days: 7,
        }
    }
}
