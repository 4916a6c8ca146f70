//! The worlds we do not control: time, chance, payments, identity providers, mail, files, and addresses that people name. A trait stands here for each, and nowhere else.
//!
//! The payment port speaks our words. What it returns are *facts*: what the provider said of one of its objects, read
//! now; rules about them stand in the domains.

mod balance;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;
use vitrine_model::Time;
use vitrine_model::id::IntentId;
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::AccountClosure;
use vitrine_model::text::WebUrl;

pub use balance::{BalanceFacts, Balances};

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Time;
}

/// Where chance comes from.
pub trait Entropy: Send + Sync {
    /// A fresh seed for one request or job.
    fn seed(&self) -> [u8; 32];
}

/// A message to one person.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The body, plain text.
    pub text: String,
    /// The event and recipient it comes of: a repeat is recognisable by it.
    pub message_id: String,
    /// When it was written.
    pub date: Time,
}

/// Outgoing mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands the message over.
    ///
    /// # Errors
    /// When it was not accepted; the caller tries again later.
    async fn send(&self, mail: Mail) -> anyhow::Result<()>;
}

/// Uploaded files, by key.
#[async_trait]
pub trait Files: Send + Sync {
    /// Opens the file kept under `key` for reading.
    ///
    /// # Errors
    /// When there is none.
    async fn open(&self, key: &str) -> anyhow::Result<Box<dyn std::io::Read + Send>>;

    /// Forgets the file kept under `key`, if there is one.
    ///
    /// # Errors
    /// When it could not be removed.
    async fn remove(&self, key: &str) -> anyhow::Result<()>;

    /// The keys of all files, in no order.
    ///
    /// # Errors
    /// When they cannot be listed.
    async fn keys(&self) -> anyhow::Result<Vec<String>>;
}

/// A message to an address that somebody named: it may lead anywhere.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The address.
    pub url: WebUrl,
    /// Headers beside those of every message, by their names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON text.
    pub body: String,
}

/// What was answered to a delivery.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The first KiB of the body.
    pub beginning: Vec<u8>,
    /// How long it took.
    pub took: Duration,
}

/// Why nothing was answered.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// In plain English, for those whose address it is.
    pub why: String,
    /// Whether we waited as long as we do.
    pub timed_out: bool,
    /// How long it took.
    pub took: Duration,
}

/// What goes to addresses that people named. It goes to public addresses only, whatever their names resolve to, and
/// follows nobody elsewhere.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Whether anything may go to this address, as far as can be told without looking its name up.
    ///
    /// # Errors
    /// Why not, in plain English.
    fn admits(&self, url: &WebUrl) -> Result<(), String>;

    /// Delivers it by POST, within 15 seconds.
    ///
    /// # Errors
    /// When nothing was answered; whether it arrived, nobody knows.
    async fn deliver(&self, delivery: Delivery) -> Result<Answered, Undelivered>;
}

/// A question to an identity provider: who is that?
#[derive(Debug, Clone)]
pub struct ExternalAsk {
    /// Comes back with the answer.
    pub state: SecretString,
    /// Comes back within the ID token.
    pub nonce: SecretString,
    /// What the question's challenge is made of (PKCE); it is shown when the answer is redeemed.
    pub verifier: SecretString,
    /// Where the provider sends the browser.
    pub redirect_uri: WebUrl,
}

/// An identity provider's answer, to be redeemed for what it says.
#[derive(Debug, Clone)]
pub struct ExternalCode {
    /// The authorization code.
    pub code: SecretString,
    /// The issuer that the answer names, if it names one: it must be the one that was asked (RFC 9207).
    pub issuer: Option<String>,
    /// What the question had.
    pub nonce: SecretString,
    /// What the question's challenge was made of.
    pub verifier: SecretString,
    /// Where the provider sent the browser.
    pub redirect_uri: WebUrl,
}

/// Who someone is, as an identity provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalPerson {
    /// The issuer.
    pub issuer: String,
    /// Who she is there, for good.
    pub subject: String,
    /// Her address, as far as it is told.
    pub email: Option<String>,
    /// Whether the provider knows that it is hers.
    pub email_verified: bool,
    /// Her name, as far as it is told.
    pub name: Option<String>,
}

/// Why an identity provider has not said who someone is.
#[derive(Debug, Clone)]
pub enum ProviderError {
    /// No provider is called so.
    Unknown,
    /// It says no, or what it says is not to be believed: why, without any secret.
    Refused(String),
    /// It did not answer, or not in its own language: it may later.
    Unreachable(String),
}

/// Identity providers that the operator has named.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// What they are called.
    fn names(&self) -> Vec<String>;

    /// The provider's page that asks who someone is; an error when there is no such provider, or it does not answer.
    async fn ask(&self, provider: &str, ask: &ExternalAsk, now: Time) -> Result<Url, ProviderError>;

    /// Redeems an answer. What the provider says is checked: that it has said it, to us, now, and to this question. An error
    /// when there is no such provider, it says no, is not to be believed, or does not answer.
    async fn redeem(
        &self,
        provider: &str,
        brought: &ExternalCode,
        now: Time,
    ) -> Result<ExternalPerson, ProviderError>;
}

/// Why a call to the payment provider gave no fact.
#[derive(Debug, Clone)]
pub enum CallError {
    /// Refused for good: a corrected request is a new intent.
    Refused {
        /// The provider's code, such as `balance_insufficient`.
        code: String,
        /// The provider's words.
        message: String,
    },
    /// Nobody knows whether it took effect: network, time-out, 409, 429, 5xx. *Unknown* is never *failed*.
    Unknown(String),
    /// Our key was not accepted. Stop and alarm.
    Unauthorized(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message } => write!(f, "refused ({code}): {message}"),
            Self::Unknown(why) => write!(f, "outcome unknown: {why}"),
            Self::Unauthorized(why) => write!(f, "the payment provider does not accept our key: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

/// One line of a hosted checkout page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// What the buyer reads.
    pub name: String,
    /// More of it: the variant, whose discount it is.
    pub description: Option<String>,
    /// An image's address.
    pub image: Option<String>,
    /// Price of one, minor units of the session's currency.
    pub unit_amount: i64,
    /// How many.
    pub quantity: i64,
}

/// A call that changes something at the provider. Its parameters are frozen in an intent before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Open a hosted checkout page for one order.
    SessionOpen {
        /// The order's id: Stripe's `client_reference_id` and `transfer_group`.
        order: String,
        /// The order's number, for people.
        order_number: String,
        /// ISO 4217 code.
        currency: String,
        /// The lines, discounts already taken off.
        lines: Vec<SessionLine>,
        /// How the buyer may pay, in the provider's words.
        methods: Vec<String>,
        /// The buyer's address, if she gave it.
        email: Option<String>,
        /// Unix seconds at which the page closes.
        expires_at: i64,
        /// Where the browser goes after payment; `{CHECKOUT_SESSION_ID}` is filled in by the provider.
        success_url: String,
        /// Where the browser goes when the buyer turns back.
        cancel_url: String,
    },
    /// Close a hosted checkout page.
    SessionExpire {
        /// Stripe's session.
        session: String,
    },
    /// Give a buyer money back.
    RefundMake {
        /// Stripe's charge.
        charge: String,
        /// Minor units.
        amount: i64,
        /// ISO 4217 code.
        currency: String,
        /// Our refund's id.
        refund: String,
        /// The order's id.
        order: String,
    },
    /// Send money to a connected account.
    TransferMake {
        /// Stripe's account.
        destination: String,
        /// Minor units.
        amount: i64,
        /// ISO 4217 code.
        currency: String,
        /// Our payout's id: Stripe's `transfer_group`.
        payout: String,
    },
    /// Take money back from a connected account.
    TransferReverse {
        /// Stripe's transfer.
        transfer: String,
        /// Minor units.
        amount: i64,
        /// Our reversal's id.
        reversal: String,
    },
    /// Open a connected account.
    AccountOpen {
        /// Our party's id.
        party: String,
        /// ISO 3166-1 alpha-2.
        country: String,
        /// Where the provider writes to.
        email: Option<String>,
        /// What the party is called.
        name: String,
    },
    /// Tell what is to be said against a dispute.
    DisputeEvidence {
        /// Stripe's dispute.
        dispute: String,
        /// The evidence, as text; it replaces what was told before.
        text: String,
        /// Whether it goes to the bank now; a bank reads one answer only.
        submit: bool,
    },
    /// Give in to a dispute.
    DisputeAccept {
        /// Stripe's dispute.
        dispute: String,
    },
}

/// What a call that took effect made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `SessionOpen`, `SessionExpire`.
    Session(SessionFacts),
    /// `RefundMake`.
    Refund(RefundFacts),
    /// `TransferMake`.
    Transfer(TransferFacts),
    /// `TransferReverse`.
    Reversal(ReversalFacts),
    /// `AccountOpen`.
    Account(AccountFacts),
    /// `DisputeEvidence`, `DisputeAccept`.
    Dispute(DisputeFacts),
}

impl Outcome {
    /// The provider's id of the object.
    pub fn stripe_id(&self) -> &str {
        match self {
            Self::Session(facts) => &facts.id,
            Self::Refund(facts) => &facts.id,
            Self::Transfer(facts) => &facts.id,
            Self::Reversal(facts) => &facts.id,
            Self::Account(facts) => &facts.id,
            Self::Dispute(facts) => &facts.id,
        }
    }
}

/// How far a checkout session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// The buyer may pay.
    Open,
    /// The buyer has finished; money may still be awaited.
    Complete,
    /// Nobody can pay any more.
    Expired,
}

/// A checkout session as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// cs_….
    pub id: String,
    /// Our order's id as we gave it.
    pub order: Option<String>,
    /// How far it is.
    pub status: SessionStatus,
    /// Whether the money is there.
    pub paid: bool,
    /// Where the buyer pays, while open.
    pub url: Option<String>,
    /// What is to be paid, if its currency is one of ours.
    pub total: Option<Money>,
    /// pi_…, once the buyer began to pay.
    pub payment_intent: Option<String>,
    /// Whether real money is meant.
    pub livemode: bool,
    /// When it was made.
    pub created: Time,
}

/// A charge as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeFacts {
    /// ch_….
    pub id: String,
    /// pi_….
    pub payment_intent: Option<String>,
    /// Our order's id, from the transfer group we gave.
    pub order: Option<String>,
    /// The amount charged, if its currency is one of ours.
    pub amount: Option<Money>,
    /// Whether it succeeded and was captured.
    pub paid: bool,
    /// Whether real money is meant.
    pub livemode: bool,
    /// Its balance transaction; it may come later than the charge.
    pub balance_transaction: Option<BalanceTransactionFacts>,
    /// When it was made.
    pub created: Time,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// Under way.
    Pending,
    /// The money went back.
    Succeeded,
    /// It did not, and will not.
    Failed,
}

/// A refund as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFacts {
    /// re_….
    pub id: String,
    /// ch_….
    pub charge: Option<String>,
    /// Our refund's id as we gave it; absent for one made by hand at the provider.
    pub refund: Option<String>,
    /// How far it is.
    pub status: RefundStatus,
    /// The amount, if its currency is one of ours.
    pub amount: Option<Money>,
    /// Its balance transaction.
    pub balance_transaction: Option<BalanceTransactionFacts>,
    /// The balance transaction that brought the money back after a failure.
    pub failure_balance_transaction: Option<BalanceTransactionFacts>,
}

/// A transfer as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferFacts {
    /// tr_….
    pub id: String,
    /// Our payout's id, from the transfer group we gave.
    pub payout: Option<String>,
    /// The amount, if its currency is one of ours.
    pub amount: Option<Money>,
    /// acct_….
    pub destination: Option<String>,
    /// Its balance transaction.
    pub balance_transaction: Option<BalanceTransactionFacts>,
}

/// A transfer reversal as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalFacts {
    /// trr_….
    pub id: String,
    /// tr_….
    pub transfer: String,
    /// Our reversal's id as we gave it.
    pub reversal: Option<String>,
    /// The amount, if its currency is one of ours.
    pub amount: Option<Money>,
    /// Its balance transaction.
    pub balance_transaction: Option<BalanceTransactionFacts>,
}

/// A connected account as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// acct_….
    pub id: String,
    /// Whether the party has told what was asked.
    pub details_submitted: bool,
    /// Whether the `transfers` capability is active now.
    pub transfers_active: bool,
    /// How many facts are still asked for.
    pub requirements_due: i32,
    /// Whether the provider has done with it for good.
    pub closed: Option<AccountClosure>,
}

/// How far a dispute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStatus {
    /// An answer is awaited from us.
    NeedsResponse,
    /// The buyer's bank looks at our answer.
    UnderReview,
    /// Decided for us.
    Won,
    /// Decided for the buyer.
    Lost,
    /// It came to nothing.
    Dropped,
}

/// A dispute as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeFacts {
    /// du_….
    pub id: String,
    /// ch_….
    pub charge: String,
    /// The amount disputed, if its currency is one of ours.
    pub amount: Option<Money>,
    /// Why: `fraudulent`, `product_not_received`….
    pub reason: String,
    /// How far it is.
    pub status: DisputeStatus,
    /// Whether the bank only asks: no money moves.
    pub inquiry: bool,
    /// Until when it can be answered, if it can.
    pub evidence_due_by: Option<Time>,
    /// What it moved so far, in the order it did.
    pub balance_transactions: Vec<BalanceTransactionFacts>,
    /// Whether real money is meant.
    pub livemode: bool,
    /// When it was made.
    pub created: Time,
}

/// A movement of the platform's balance as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceTransactionFacts {
    /// txn_….
    pub id: String,
    /// The provider's reporting category: `charge`, `refund`, `transfer`, `transfer_reversal`, `refund_failure`….
    pub kind: String,
    /// The object it is about.
    pub source: String,
    /// Gross, minor units.
    pub amount: i64,
    /// Fee, minor units.
    pub fee: i64,
    /// Gross less fee.
    pub net: i64,
    /// Its currency.
    pub currency: Currency,
    /// When it becomes available.
    pub available_on: Time,
    /// When it was made.
    pub created: Time,
}

/// A page of one of the provider's lists, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// What stands on it.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// A payment as the provider tells it: what a checkout page collects, or tries to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFacts {
    /// pi_….
    pub id: String,
    /// The charge that brought the money, once one did.
    pub charge: Option<ChargeFacts>,
    /// Whether the attempt failed: no money is under way any more.
    pub failed: bool,
}

/// The payment provider.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Makes `call` under the idempotency `key`. The intent's id travels along as metadata, so that the object can be
    /// found again.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn call(&self, key: &str, intent: IntentId, call: &Call) -> Result<Outcome, CallError>;

    /// Looks for what an earlier attempt of `call` made, among the objects made since `since`. `None` means that there is
    /// none, for certain.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn find(&self, intent: IntentId, call: &Call, since: Time) -> Result<Option<Outcome>, CallError>;

    /// The checkout session `id` now.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn session(&self, id: &str) -> Result<SessionFacts, CallError>;

    /// The charge `id` now.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn charge(&self, id: &str) -> Result<ChargeFacts, CallError>;

    /// The payment intent `id` now, with its successful charge: one, or none yet.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn payment(&self, id: &str) -> Result<PaymentFacts, CallError>;

    /// The refund `id` now.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn refund(&self, id: &str) -> Result<RefundFacts, CallError>;

    /// The transfer `id` now.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn transfer(&self, id: &str) -> Result<TransferFacts, CallError>;

    /// The dispute `id` now, with its balance transactions.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn dispute(&self, id: &str) -> Result<DisputeFacts, CallError>;

    /// The connected account `id` now.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn account(&self, id: &str) -> Result<AccountFacts, CallError>;

    /// A short-lived address at which the owner of connected account `id` tells the provider what it asks.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn onboarding_link(
        &self,
        id: &str,
        refresh_url: &str,
        return_url: &str,
    ) -> Result<String, CallError>;

    /// The platform's balance.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn balance(&self) -> Result<Balances, CallError>;

    /// A page of the movements of the platform's balance made since `since`, from where `after` says. What is in a
    /// currency we do not know is left out, with an alarm.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn movements(
        &self,
        since: Time,
        after: Option<&str>,
    ) -> Result<Listed<BalanceTransactionFacts>, CallError>;

    /// A page of the checkout sessions made since `since`, from where `after` says.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn sessions(&self, since: Time, after: Option<&str>) -> Result<Listed<SessionFacts>, CallError>;

    /// A page of the refunds made since `since`, from where `after` says.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn refunds(&self, since: Time, after: Option<&str>) -> Result<Listed<RefundFacts>, CallError>;

    /// A page of the transfers made since `since`, from where `after` says.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn transfers(&self, since: Time, after: Option<&str>) -> Result<Listed<TransferFacts>, CallError>;

    /// A page of the disputes and inquiries begun since `since`, from where `after` says.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn disputes(&self, since: Time, after: Option<&str>) -> Result<Listed<DisputeFacts>, CallError>;

    /// Whether real money is meant.
    fn livemode(&self) -> bool;
}
