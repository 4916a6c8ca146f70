//! Stripe, spoken in our words. The only crate that knows async-stripe; it may not know the database, GraphQL, or what
//! any of this means for the business.
//!
//! * [`StripePayments`] is the payment port: `calls` sends what an intent wants, `find` looks for what an earlier
//!   attempt made, `lists` reads on where a list was left, `facts` reads Stripe's objects into ours, `client` is the HTTP beneath.
//! * [`verify_signature`] is the door for webhooks.
//!
//! Types and requests are those of the API version [`API_VERSION`], and every request names it.

mod calls;
mod client;
mod facts;
mod find;
mod lists;
mod signature;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use stripe_checkout::checkout_session::RetrieveCheckoutSession;
use stripe_connect::account::RetrieveAccount;
use stripe_connect::account_link::{CreateAccountLink, CreateAccountLinkType};
use stripe_connect::transfer::RetrieveTransfer;
use stripe_core::balance::RetrieveForMyAccountBalance;
use stripe_core::charge::RetrieveCharge;
use stripe_core::dispute::RetrieveDispute;
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::RetrieveRefund;
use url::Url;
use vitrine_domain::ports::{
    AccountFacts, BalanceTransactionFacts, Balances, Call, CallError, ChargeFacts, DisputeFacts, Listed,
    Outcome, PaymentFacts, Payments, RefundFacts, SessionFacts, TransferFacts,
};
use vitrine_model::Time;
use vitrine_model::id::IntentId;

use crate::client::{Client, checked_id};

pub use signature::{SignatureError, verify_signature};

/// The version of Stripe's API that the types are generated from.
pub const API_VERSION: &str = "2026-09-30.endive";

/// Where Stripe is.
pub const STRIPE_URL: &str = "https://api.stripe.com/";

/// The metadata key under which every object we make carries its intent's id.
const INTENT: &str = "vitrine_intent";

/// How Stripe is reached.
#[derive(Debug, Clone)]
pub struct Config {
    /// `sk_live_…`, `rk_live_…`, `sk_test_…` or `rk_test_…`. Its prefix says whether real money is meant.
    pub secret_key: SecretString,
    /// The API's address: [`STRIPE_URL`], or the sandbox's.
    pub base_url: String,
    /// How long one attempt may take. What takes longer has an unknown outcome.
    pub timeout: Duration,
}

impl Config {
    /// Stripe itself, with 15 seconds for each attempt.
    pub fn new(secret_key: SecretString) -> Self {
        Self {
            secret_key,
            base_url: STRIPE_URL.to_owned(),
            timeout: Duration::from_secs(15),
        }
    }

    /// Whether the key moves real money.
    ///
    /// # Errors
    /// When it has none of the prefixes of Stripe's secret and restricted keys.
    pub fn livemode(&self) -> anyhow::Result<bool> {
        let key = self.secret_key.expose_secret();
        let starts = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| key.starts_with(prefix));
        let live = starts(["sk_live_", "rk_live_"]);
        ensure!(
            live || starts(["sk_test_", "rk_test_"]),
            "Stripe's secret key must start with sk_live_, rk_live_, sk_test_ or rk_test_"
        );
        Ok(live)
    }
}

/// The payment port over Stripe's API.
#[derive(Debug, Clone)]
pub struct StripePayments {
    client: Client,
    livemode: bool,
}

impl StripePayments {
    /// A gateway over one pool of connections. The process must have installed rustls' crypto provider.
    ///
    /// # Errors
    /// When the key is not one of Stripe's, the address is no http(s) URL, or a live key would go anywhere unencrypted.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let livemode = config.livemode()?;
        let base: Url = config.base_url.parse().context("Stripe's address is not a URL")?;
        ensure!(
            base.scheme() == "https" || (base.scheme() == "http" && !livemode),
            "Stripe's address must be an https URL; plain http is for test keys only"
        );
        Ok(Self {
            client: Client::new(base, config.secret_key, config.timeout)?,
            livemode,
        })
    }
}

#[async_trait]
impl Payments for StripePayments {
    async fn call(&self, key: &str, intent: IntentId, call: &Call) -> Result<Outcome, CallError> {
        calls::make(&self.client, key, intent, call).await
    }

    async fn find(&self, intent: IntentId, call: &Call, since: Time) -> Result<Option<Outcome>, CallError> {
        find::made(&self.client, intent, call, since).await
    }

    async fn session(&self, id: &str) -> Result<SessionFacts, CallError> {
        let session = RetrieveCheckoutSession::new(checked_id(id)?)
            .send(&self.client)
            .await?;
        Ok(facts::session(session))
    }

    async fn charge(&self, id: &str) -> Result<ChargeFacts, CallError> {
        let charge = RetrieveCharge::new(checked_id(id)?)
            .expand(facts::settled("balance_transaction"))
            .send(&self.client)
            .await?;
        Ok(facts::charge(charge))
    }

    async fn payment(&self, id: &str) -> Result<PaymentFacts, CallError> {
        let intent = RetrievePaymentIntent::new(checked_id(id)?)
            .expand(facts::settled("latest_charge.balance_transaction"))
            .send(&self.client)
            .await?;
        Ok(facts::payment(intent))
    }

    async fn refund(&self, id: &str) -> Result<RefundFacts, CallError> {
        let refund = RetrieveRefund::new(checked_id(id)?)
            .expand(facts::refund_expansion(""))
            .send(&self.client)
            .await?;
        Ok(facts::refund(refund))
    }

    async fn dispute(&self, id: &str) -> Result<DisputeFacts, CallError> {
        let dispute = RetrieveDispute::new(checked_id(id)?).send(&self.client).await?;
        Ok(facts::dispute(dispute))
    }

    async fn transfer(&self, id: &str) -> Result<TransferFacts, CallError> {
        let transfer = RetrieveTransfer::new(checked_id(id)?)
            .expand(facts::settled("balance_transaction"))
            .send(&self.client)
            .await?;
        Ok(facts::transfer(transfer))
    }

    async fn account(&self, id: &str) -> Result<AccountFacts, CallError> {
        match RetrieveAccount::new(checked_id(id)?).send(&self.client).await {
            Ok(account) => Ok(facts::account(&account)),
            Err(failed) => match CallError::from(failed) {
                // What Stripe answers about an account that is gone, or was never this platform's.
                CallError::Refused { code, .. } if code == "account_invalid" => {
                    Ok(facts::deleted_account(id))
                }
                error => Err(error),
            },
        }
    }

    /// The one POST without an idempotency key: a link works once and for minutes, so an old one is of no use.
    async fn onboarding_link(
        &self,
        id: &str,
        refresh_url: &str,
        return_url: &str,
    ) -> Result<String, CallError> {
        let link = CreateAccountLink::new(id, CreateAccountLinkType::AccountOnboarding)
            .refresh_url(refresh_url)
            .return_url(return_url)
            .send(&self.client)
            .await?;
        Ok(link.url)
    }

    async fn balance(&self) -> Result<Balances, CallError> {
        let balance = RetrieveForMyAccountBalance::new().send(&self.client).await?;
        Ok(facts::balance(&balance))
    }

    async fn movements(
        &self,
        since: Time,
        after: Option<&str>,
    ) -> Result<Listed<BalanceTransactionFacts>, CallError> {
        lists::movements(&self.client, since, after).await
    }

    async fn sessions(&self, since: Time, after: Option<&str>) -> Result<Listed<SessionFacts>, CallError> {
        lists::sessions(&self.client, since, after).await
    }

    async fn refunds(&self, since: Time, after: Option<&str>) -> Result<Listed<RefundFacts>, CallError> {
        lists::refunds(&self.client, since, after).await
    }

    async fn transfers(&self, since: Time, after: Option<&str>) -> Result<Listed<TransferFacts>, CallError> {
        lists::transfers(&self.client, since, after).await
    }

    async fn disputes(&self, since: Time, after: Option<&str>) -> Result<Listed<DisputeFacts>, CallError> {
        lists::disputes(&self.client, since, after).await
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(key: &str, url: &str) -> Config {
        Config {
            base_url: url.to_owned(),
            ..Config::new(key.into())
        }
    }

    #[test]
    fn the_version_sent_is_the_version_of_the_types() {
        assert_eq!(stripe_client_core::VERSION.as_str(), API_VERSION);
    }

    #[test]
    fn the_key_tells_whether_real_money_is_meant() {
        assert!(config("rk_live_1", STRIPE_URL).livemode().unwrap());
        assert!(!config("sk_test_1", STRIPE_URL).livemode().unwrap());
        assert!(config("pk_live_1", STRIPE_URL).livemode().is_err());
    }

    #[test]
    fn a_live_key_never_travels_unencrypted() {
        assert!(StripePayments::new(config("sk_live_1", "http://127.0.0.1:1")).is_err());
        assert!(StripePayments::new(config("sk_test_1", "ftp://127.0.0.1:1")).is_err());
        assert!(StripePayments::new(config("sk_test_1", "nowhere")).is_err());
    }

    #[test]
    fn the_key_is_not_printed() {
        let printed = format!("{:?}", config("sk_test_canary", STRIPE_URL));
        assert!(!printed.contains("canary"), "{printed}");
    }
}
