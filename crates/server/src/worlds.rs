//! The worlds we do not control, as the process has them: the machine's clock and chance, files in a folder, mail.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rand::{RngCore, SeedableRng, TryRngCore};
use rand_chacha::ChaCha20Rng;
use secrecy::{ExposeSecret, SecretString};
use vitrine_domain::ports::{
    AccountFacts, BalanceTransactionFacts, Balances, Call, CallError, ChargeFacts, Clock, DisputeFacts,
    Entropy, Files, Listed, Mail, Mailer, Outcome, PaymentFacts, Payments, RefundFacts, SessionFacts,
    TransferFacts,
};
use vitrine_model::Time;
use vitrine_model::id::IntentId;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine"
    )]
    fn now(&self) -> Time {
        Utc::now()
    }
}

/// A clock moved by hand, for the demo and for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start` until it is moved.
    pub fn starting_at(start: Time) -> Self {
        Self(AtomicI64::new(start.timestamp_micros()))
    }

    /// Moves it forward.
    pub fn advance(&self, by: TimeDelta) {
        self.0
            .fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// 256 bits from the operating system.
///
/// # Panics
/// When the operating system has no randomness: nothing can be kept secret then.
pub fn os_random() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .unwrap_or_else(|error| panic!("no randomness: {error}"));
    bytes
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn seed(&self) -> [u8; 32] {
        os_random()
    }
}

/// Chance that repeats itself, for tests and the demo: never for secrets of the real world.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    /// The stream that `seed` names.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn seed(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill_bytes(&mut bytes);
        bytes
    }
}

/// No payment provider, for commands that have no business with one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoPayments;

impl NoPayments {
    fn refuse<T>() -> Result<T, CallError> {
        Err(CallError::Unauthorized("this command has no key".to_owned()))
    }
}

#[async_trait]
impl Payments for NoPayments {
    async fn call(&self, _: &str, _: IntentId, _: &Call) -> Result<Outcome, CallError> {
        Self::refuse()
    }

    async fn find(&self, _: IntentId, _: &Call, _: Time) -> Result<Option<Outcome>, CallError> {
        Self::refuse()
    }

    async fn session(&self, _: &str) -> Result<SessionFacts, CallError> {
        Self::refuse()
    }

    async fn charge(&self, _: &str) -> Result<ChargeFacts, CallError> {
        Self::refuse()
    }

    async fn payment(&self, _: &str) -> Result<PaymentFacts, CallError> {
        Self::refuse()
    }

    async fn refund(&self, _: &str) -> Result<RefundFacts, CallError> {
        Self::refuse()
    }

    async fn dispute(&self, _: &str) -> Result<DisputeFacts, CallError> {
        Self::refuse()
    }

    async fn transfer(&self, _: &str) -> Result<TransferFacts, CallError> {
        Self::refuse()
    }

    async fn account(&self, _: &str) -> Result<AccountFacts, CallError> {
        Self::refuse()
    }

    async fn onboarding_link(&self, _: &str, _: &str, _: &str) -> Result<String, CallError> {
        Self::refuse()
    }

    async fn balance(&self) -> Result<Balances, CallError> {
        Self::refuse()
    }

    async fn movements(
        &self,
        _: Time,
        _: Option<&str>,
    ) -> Result<Listed<BalanceTransactionFacts>, CallError> {
        Self::refuse()
    }

    async fn sessions(&self, _: Time, _: Option<&str>) -> Result<Listed<SessionFacts>, CallError> {
        Self::refuse()
    }

    async fn refunds(&self, _: Time, _: Option<&str>) -> Result<Listed<RefundFacts>, CallError> {
        Self::refuse()
    }

    async fn transfers(&self, _: Time, _: Option<&str>) -> Result<Listed<TransferFacts>, CallError> {
        Self::refuse()
    }

    async fn disputes(&self, _: Time, _: Option<&str>) -> Result<Listed<DisputeFacts>, CallError> {
        Self::refuse()
    }

    fn livemode(&self) -> bool {
        false
    }
}

/// Files in one folder.
#[derive(Debug, Clone)]
pub struct FolderFiles {
    folder: PathBuf,
}

impl FolderFiles {
    /// Files kept in `folder`, which is made when missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(folder: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// Where the file kept under `key` is. Keys are our own ids: letters, digits and underscores.
    ///
    /// # Errors
    /// When `key` holds anything else.
    pub fn path(&self, key: &str) -> anyhow::Result<PathBuf> {
        let plain = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        anyhow::ensure!(plain, "not a file's key: {key}");
        Ok(self.folder.join(key))
    }
}

#[async_trait]
impl Files for FolderFiles {
    async fn open(&self, key: &str) -> anyhow::Result<Box<dyn std::io::Read + Send>> {
        let path = self.path(key)?;
        let file = std::fs::File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Box::new(file))
    }

    async fn remove(&self, key: &str) -> anyhow::Result<()> {
        match tokio::fs::remove_file(self.path(key)?).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn keys(&self) -> anyhow::Result<Vec<String>> {
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        let mut keys = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            keys.extend(entry.file_name().into_string());
        }
        Ok(keys)
    }
}

/// Mail by SMTP, or into files that a person can open.
#[derive(Debug)]
pub struct Post {
    from: Mailbox,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Post {
    /// Mail from `from`, by the server at `smtp_url` or into `folder`.
    ///
    /// # Errors
    /// When the sender or the server's address is malformed, or the folder cannot be made.
    pub fn new(from: &str, smtp_url: Option<&SecretString>, folder: PathBuf) -> anyhow::Result<Self> {
        let from = from
            .parse()
            .with_context(|| format!("VITRINE_MAIL_FROM is not an address: {from}"))?;
        let way = match smtp_url {
            Some(url) => {
                let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret());
                Way::Smtp(transport.context("VITRINE_SMTP_URL is malformed")?.build())
            }
            None => {
                std::fs::create_dir_all(&folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                Way::Folder(folder)
            }
        };
        Ok(Self { from, way })
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, mail: Mail) -> anyhow::Result<()> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(mail.to.parse()?)
            .date(mail.date.into())
            .message_id(Some(format!(
                "<{}@{}>",
                mail.message_id,
                self.from.email.domain()
            )))
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)?;
        match &self.way {
            Way::Smtp(transport) => {
                transport.send(message).await?;
            }
            Way::Folder(folder) => {
                // The same message again is the same file again.
                let name = mail
                    .message_id
                    .replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "-");
                tokio::fs::write(folder.join(format!("{name}.eml")), message.formatted()).await?;
            }
        }
        Ok(())
    }
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// When it exists already or cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}
