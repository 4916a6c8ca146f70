//! What can be configured, by flag or by environment: this one struct, and nothing else reads either.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::builder::Resettable;
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use vitrine_domain::identity;
use vitrine_domain::settings::{DefaultTerms, Settings};
use vitrine_domain::throttle::RateLimits;
use vitrine_graphql::Documents;
use vitrine_model::money::{BasisPoints, Currency};
use vitrine_oidc_gateway::Issuer;

use crate::boot::Nature;
use crate::outgoing::Reach;
use crate::proxies::Proxies;
#[cfg(debug_assertions)]
use crate::rehearsal::Rehearsal;
use crate::worlds::{Post, os_random, write_private};

/// Shortest secret of a webhook endpoint, in characters.
const MIN_WEBHOOK_SECRET: usize = 16;
/// Shortest key that signs click tokens, in characters.
const MIN_SECRET_KEY: usize = 32;

/// Where the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// GraphiQL, introspection and error suggestions are on.
    Development,
    /// They are off.
    Production,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Configuration. Every flag can be given as the environment variable named beside it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct Config {
    /// The database: `sqlite://FILE` or `postgres://USER@HOST/NAME`. By default `vitrine.db` in the data folder.
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,

    /// Database connections kept open at most.
    #[arg(
        long,
        env = "VITRINE_DATABASE_CONNECTIONS",
        global = true,
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub database_connections: u32,

    /// Use a PostgreSQL that runs with `fsync`, `full_page_writes` or `synchronous_commit` off. Only where what is
    /// committed outlives a crash by other means, as some providers' storage sees to, or where nothing is to be kept.
    #[arg(long, env = "VITRINE_ALLOW_UNSAFE_DATABASE", global = true)]
    pub allow_unsafe_database: bool,

    /// What tests rehearse.
    #[cfg(debug_assertions)]
    #[command(flatten)]
    pub rehearsal: Rehearsal,

    /// The folder for the SQLite file, uploads, and mail kept as files.
    #[arg(long, env = "VITRINE_DATA_DIR", global = true, default_value = "vitrine-data")]
    pub data_dir: PathBuf,

    /// Where to listen.
    #[arg(long, env = "VITRINE_LISTEN", global = true, default_value = "127.0.0.1:4000")]
    pub listen: SocketAddr,

    /// Where metrics are served for Prometheus, at `/metrics`, by servers and by workers. By default servers in
    /// development serve them where they listen, and nobody does in production.
    #[arg(long, env = "VITRINE_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<SocketAddr>,

    /// The address under which the world reaches this server. By default where it listens.
    #[arg(long, env = "VITRINE_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,

    /// Where referral links lead: your frontend's address, with `{shop}`, `{recommendation}`, `{product}` and `{click}`
    /// where their values belong. By default this server's GraphiQL in development; production needs it.
    #[arg(long, env = "VITRINE_LANDING_URL", global = true)]
    pub landing_url: Option<String>,

    /// Where letters lead a buyer: your frontend's page of her order, with `{order}`, `{number}` and `{secret}` where their
    /// values belong. The secret opens a guest's order as the header `Vitrine-Guest`: let it stand behind the `#`, where no
    /// server sees it. By default this server's GraphiQL in development, and no link in production.
    #[arg(long, env = "VITRINE_ORDER_URL", global = true)]
    pub order_url: Option<String>,

    /// Where letters lead a shopholder: your frontend's page for her, with `{shop}` where her shop's handle belongs. By
    /// default they hold no link.
    #[arg(long, env = "VITRINE_SHOPHOLDER_URL", global = true)]
    pub shopholder_url: Option<String>,

    /// Where letters lead those who work for a brand: your frontend's page for them, with `{brand}` where its handle
    /// belongs. By default they hold no link.
    #[arg(long, env = "VITRINE_BRAND_URL", global = true)]
    pub brand_url: Option<String>,

    /// Where letters about an account lead: your frontend's page that brings `{token}` to the mutation for `{action}`, which
    /// is `verify` (`emailVerify`), `reset` (`passwordReset`), `change` (`emailChangeConfirm`), `undo` (`emailChangeUndo`),
    /// `invitation` (`brandInvitationAccept`; `invitation` tells what it is) or `curate` (`shopInvitationAccept`; `shopInvitation` tells).
    /// Let the token stand behind the `#`, where no server sees it. By default this server's GraphiQL in development; in
    /// production letters hold the token alone.
    #[arg(long, env = "VITRINE_ACCOUNT_URL", global = true)]
    pub account_url: Option<String>,

    /// The domain that passkeys are made for, such as `example.com`: your frontend's pages lie at it or below it, and are named
    /// in `VITRINE_ORIGINS`. Passkeys are bound to it: with another, those made before open nothing. Without it there are none.
    #[arg(long, env = "VITRINE_PASSKEY_DOMAIN", global = true)]
    pub passkey_domain: Option<String>,

    /// The proxies before this server, as addresses or networks such as `10.0.0.0/8`. Only what they say of a client's
    /// address is believed.
    #[arg(long, env = "VITRINE_TRUSTED_PROXIES", global = true, value_delimiter = ',')]
    pub trusted_proxies: Vec<String>,

    /// The header in which the trusted proxies name the client's address: `X-Forwarded-For`, `Forwarded`, or one of
    /// their own. The last address in it that is not a trusted proxy's counts.
    #[arg(
        long,
        env = "VITRINE_ADDRESS_HEADER",
        global = true,
        default_value = "X-Forwarded-For"
    )]
    pub address_header: String,

    /// Points each account may spend in a minute; 0 for no limit. A request costs what its fields and lists cost, 100 at
    /// least; following a referral link, or handing a file in, 50.
    #[arg(long, env = "VITRINE_RATE_LIMIT", global = true, default_value_t = 100_000)]
    pub rate_limit: u32,

    /// Points each brand's API key may spend in a minute; 0 for no limit.
    #[arg(
        long,
        env = "VITRINE_RATE_LIMIT_KEY",
        global = true,
        default_value_t = 200_000
    )]
    pub rate_limit_key: u32,

    /// Points all that comes from one address may spend in a minute; 0 for no limit.
    #[arg(
        long,
        env = "VITRINE_RATE_LIMIT_ADDRESS",
        global = true,
        default_value_t = 300_000
    )]
    pub rate_limit_address: u32,

    /// The only documents that are executed: a folder of `.graphql` files, or a JSON file of ids and documents, as Relay's
    /// compiler writes it. Everything else is refused.
    #[arg(long, env = "VITRINE_DOCUMENTS", global = true)]
    pub documents: Option<PathBuf>,

    /// Origins of your frontends, such as `https://shop.example.com`: where browsers may call from, and where Stripe may
    /// send them back to.
    #[arg(long, env = "VITRINE_ORIGINS", global = true, value_delimiter = ',')]
    pub origins: Vec<String>,

    /// Signs click tokens, and makes the secrets in letters and of webhook endpoints: at least 32 random characters, the same on
    /// all nodes. With another key, links in letters sent before open nothing, and webhook endpoints have other secrets:
    /// rotate each to see its new one. On SQLite it is made and kept in the data folder when not given.
    #[arg(long, env = "VITRINE_SECRET_KEY", global = true, hide_env_values = true)]
    pub secret_key: Option<SecretString>,

    /// Where people can sign in by OpenID Connect: `NAME=ISSUER CLIENT_ID SECRET`, separated by semicolons, such as
    /// `google=https://accounts.google.com 123.apps @/run/secrets/google`. A secret `@FILE` is read from a file; a public
    /// client has none. Name only issuers whose `email_verified` you trust: an address that one has verified opens the
    /// account with the same verified address.
    #[arg(long, env = "VITRINE_OIDC_ISSUERS", global = true, hide_env_values = true)]
    pub oidc_issuers: Option<SecretString>,

    /// Development shows GraphiQL and the schema; production hides them.
    #[arg(long, env = "VITRINE_ENVIRONMENT", global = true, value_enum, default_value_t = Environment::Development)]
    pub environment: Environment,

    /// How logs are written.
    #[arg(long, env = "VITRINE_LOG_FORMAT", global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Which logs are written, such as `debug` or `vitrine_domain=debug`. By default `info`; `warn` in the demo.
    #[arg(long, env = "VITRINE_LOG", global = true)]
    pub log: Option<String>,

    /// Stripe's secret key, `sk_test_…` or `sk_live_…`.
    #[arg(long, env = "STRIPE_SECRET_KEY", global = true, hide_env_values = true)]
    pub stripe_secret_key: Option<SecretString>,

    /// Where Stripe is; another address for the sandbox.
    #[arg(
        long,
        env = "STRIPE_BASE_URL",
        global = true,
        default_value = "https://api.stripe.com"
    )]
    pub stripe_base_url: String,

    /// Secrets that sign Stripe's webhooks, `whsec_…`; several while one replaces another.
    #[arg(
        long,
        env = "STRIPE_WEBHOOK_SECRETS",
        global = true,
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub stripe_webhook_secrets: Vec<SecretString>,

    /// The currencies in which the platform holds a balance at Stripe.
    #[arg(
        long,
        env = "VITRINE_CURRENCIES",
        global = true,
        value_delimiter = ',',
        default_value = "EUR"
    )]
    pub currencies: Vec<String>,

    /// Mail server, `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`. Without it mails are written to files in the data
    /// folder.
    #[arg(long, env = "VITRINE_SMTP_URL", global = true, hide_env_values = true)]
    pub smtp_url: Option<SecretString>,

    /// Who mails come from.
    #[arg(
        long,
        env = "VITRINE_MAIL_FROM",
        global = true,
        default_value = "Vitrine <no-reply@vitrine.example>"
    )]
    pub mail_from: String,

    /// The platform's part of every commission, in basis points; for brands created from now on.
    #[arg(long, env = "VITRINE_PLATFORM_FEE_BP", global = true, default_value_t = 1000)]
    pub platform_fee_bp: i32,

    /// The commission rate a new brand starts with, in basis points.
    #[arg(long, env = "VITRINE_COMMISSION_BP", global = true, default_value_t = 1500)]
    pub commission_bp: i32,

    /// Minutes an access token is good. The shorter, the sooner a stolen one is worthless; signing out ends one at once.
    #[arg(long, env = "VITRINE_ACCESS_MINUTES", global = true, default_value_t = 15, value_parser = clap::value_parser!(i64).range(1..=43_200))]
    pub access_minutes: i64,

    /// Days after its last refresh at which a session ends by itself.
    #[arg(long, env = "VITRINE_SESSION_DAYS", global = true, default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub session_days: i64,

    /// Days after which one must sign in again however much the session was used.
    #[arg(long, env = "VITRINE_SESSION_LIMIT_DAYS", global = true, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub session_limit_days: i64,

    /// Let brands set the lowest price a buyer may be given. It may count as resale price maintenance: ask a lawyer.
    #[arg(long, env = "VITRINE_PRICE_FLOORS", global = true)]
    pub price_floors: bool,

    /// Days before a lower commission takes effect.
    #[arg(long, env = "VITRINE_NOTICE_DAYS", global = true, default_value_t = 30, value_parser = clap::value_parser!(i64).range(0..=3650))]
    pub notice_days: i64,

    /// Smallest payout, in hundredths of the currency's unit.
    #[arg(long, env = "VITRINE_PAYOUT_MINIMUM", global = true, default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..))]
    pub payout_minimum: i64,

    /// Days for which payouts wait after an owner's address, password or second factor, or the payout account, has changed: in
    /// that time whoever was robbed can notice. 0 pays on.
    #[arg(long, env = "VITRINE_PAYOUT_FREEZE_DAYS", global = true, default_value_t = 3, value_parser = clap::value_parser!(i64).range(0..=365))]
    pub payout_freeze_days: i64,

    /// What payout runs leave at Stripe, in the currency's smallest unit.
    #[arg(long, env = "VITRINE_PAYOUT_FLOAT", global = true, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub payout_float: i64,

    /// Seconds between two payout runs.
    #[arg(long, env = "VITRINE_PAYOUT_EVERY", global = true, default_value_t = 86_400, value_parser = clap::value_parser!(i64).range(60..))]
    pub payout_every: i64,

    /// Seconds between two reconciliations with Stripe.
    #[arg(long, env = "VITRINE_RECONCILE_EVERY", global = true, default_value_t = 3_600, value_parser = clap::value_parser!(i64).range(60..))]
    pub reconcile_every: i64,

    /// How buyers may pay, in Stripe's words. A way whose money takes days, such as `sepa_debit`, keeps the stock for as
    /// long.
    #[arg(
        long,
        env = "VITRINE_PAYMENT_METHODS",
        global = true,
        value_delimiter = ',',
        default_value = "card"
    )]
    pub payment_methods: Vec<String>,

    /// Days after its beginning that who bought an order, and where it went, is kept, if the order is over then. Ask a lawyer
    /// how long you must keep it, and may.
    #[arg(long, env = "VITRINE_CONTACT_DAYS", global = true, default_value_t = 730, value_parser = clap::value_parser!(i64).range(1..=36500))]
    pub contact_days: i64,

    /// Days that a cart is kept in which nothing changes.
    #[arg(long, env = "VITRINE_CART_DAYS", global = true, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub cart_days: i64,

    /// Days that is kept which letters were sent; their texts and addresses never are.
    #[arg(long, env = "VITRINE_MAIL_DAYS", global = true, default_value_t = 90, value_parser = clap::value_parser!(i64).range(7..=3650))]
    pub mail_days: i64,

    /// Days that messages to webhook endpoints are kept with the log of their deliveries.
    #[arg(long, env = "VITRINE_WEBHOOK_DAYS", global = true, default_value_t = 30, value_parser = clap::value_parser!(i64).range(7..=3650))]
    pub webhook_days: i64,

    /// Send webhooks to private addresses as well, this machine's among them, and without TLS. For development only: who
    /// names an address could reach what only this server can reach. Production refuses to start with it.
    #[arg(long, env = "VITRINE_ALLOW_PRIVATE_WEBHOOKS", global = true)]
    pub allow_private_webhooks: bool,

    /// Largest product file, in bytes.
    #[arg(long, env = "VITRINE_IMPORT_MAX_BYTES", global = true, default_value_t = 2 << 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub import_max_bytes: u64,
}

impl Config {
    /// The configuration when neither flags nor environment say anything: the environment is not read.
    pub fn quiet_default() -> Self {
        #[derive(clap::Parser)]
        struct Bare {
            #[command(flatten)]
            config: Config,
        }
        let command = <Bare as clap::CommandFactory>::command().mut_args(|arg| arg.env(Resettable::Reset));
        let matches = command.get_matches_from(["vitrine"]);
        <Bare as clap::FromArgMatches>::from_arg_matches(&matches)
            .unwrap_or_else(|error| error.exit())
            .config
    }

    /// How much anybody may ask for in a minute.
    pub(crate) fn rate_limits(&self) -> RateLimits {
        RateLimits {
            account: self.rate_limit,
            key: self.rate_limit_key,
            address: self.rate_limit_address,
        }
    }

    /// The clock and chance the process runs by: the machine's own, unless something is rehearsed.
    pub(crate) fn nature(&self) -> Nature {
        #[cfg(debug_assertions)]
        return self.rehearsal.nature();
        #[cfg(not(debug_assertions))]
        Nature::default()
    }

    /// The database's address.
    pub fn database_url(&self) -> String {
        let default = || format!("sqlite://{}", self.data_dir.join("vitrine.db").display());
        self.database_url.clone().unwrap_or_else(default)
    }

    /// Whether the database is a file of this machine.
    pub fn is_sqlite(&self) -> bool {
        self.database_url().starts_with("sqlite:")
    }

    /// The platform's rules, once everything was checked. `listening` is where the server really listens.
    ///
    /// # Errors
    /// A message that says which setting is wrong and what would be right.
    pub fn settings(&self, listening: SocketAddr) -> anyhow::Result<Settings> {
        let public_url = self.public_address(listening)?;
        // A variable set to nothing names no origin.
        let return_origins: Vec<String> = self
            .origins
            .iter()
            .filter(|origin| !origin.is_empty())
            .cloned()
            .collect();
        return_origins
            .iter()
            .try_for_each(|origin| check_origin(origin))?;
        let rate =
            |name: &str, points| BasisPoints::new(points).with_context(|| format!("{name} is out of range"));
        let landing = || {
            format!("{public_url}/graphiql?shop={{shop}}&recommendation={{recommendation}}&click={{click}}")
        };
        let landing_url = given(&self.landing_url).unwrap_or_else(landing);
        check_template("VITRINE_LANDING_URL", &landing_url)?;
        let order_url = self.page(&self.order_url, &public_url, "order={order}#guest={secret}");
        let account_url = self.page(&self.account_url, &public_url, "account={action}#{token}");
        let (shopholder_url, brand_url) = (given(&self.shopholder_url), given(&self.brand_url));
        for (name, template) in [
            ("VITRINE_ORDER_URL", &order_url),
            ("VITRINE_SHOPHOLDER_URL", &shopholder_url),
            ("VITRINE_BRAND_URL", &brand_url),
            ("VITRINE_ACCOUNT_URL", &account_url),
        ] {
            template
                .iter()
                .try_for_each(|template| check_template(name, template))?;
        }
        let settings = Settings {
            landing_url,
            order_url,
            shopholder_url,
            brand_url,
            account_url,
            passkey_domain: given(&self.passkey_domain),
            public_url,
            return_origins,
            secret_key: self.secret_key()?,
            currencies: self.currencies()?,
            default_terms: DefaultTerms {
                commission: rate("VITRINE_COMMISSION_BP", self.commission_bp)?,
                platform_fee: rate("VITRINE_PLATFORM_FEE_BP", self.platform_fee_bp)?,
                ..DefaultTerms::default()
            },
            price_floors: self.price_floors,
            notice_days: self.notice_days,
            access_minutes: self.access_minutes,
            session_days: self.session_days,
            session_limit_days: self.session_limit_days,
            guest_days: 90,
            payout_freeze_days: self.payout_freeze_days,
            payout_minimum: self.payout_minimum,
            payout_float: self.payout_float,
            payout_every: self.payout_every,
            reconcile_every: self.reconcile_every,
            payment_methods: self.payment_methods()?,
            contact_days: self.contact_days,
            cart_days: self.cart_days,
            mail_days: self.mail_days,
            webhook_days: self.webhook_days,
            import_max_bytes: self.import_max_bytes,
            argon2_kib: 19 * 1024,
        };
        identity::check_passkey_domain(&settings).context(
            "VITRINE_PASSKEY_DOMAIN must be a domain at or below which a page of VITRINE_ORIGINS lies, such as example.com",
        )?;
        Ok(settings)
    }

    /// Where this server is reached, without a trailing slash.
    fn public_address(&self, listening: SocketAddr) -> anyhow::Result<String> {
        let public_url = self.public_url.clone();
        let public_url = public_url.unwrap_or_else(|| format!("http://{listening}"));
        let public_url = public_url.trim_end_matches('/').to_owned();
        url::Url::parse(&public_url)
            .with_context(|| format!("VITRINE_PUBLIC_URL is not an address: {public_url}"))?;
        Ok(public_url)
    }

    /// Where a letter leads: the page given, or in development this server's GraphiQL, which is told the same.
    fn page(&self, template: &Option<String>, public_url: &str, told: &str) -> Option<String> {
        let graphiql = || format!("{public_url}/graphiql?{told}");
        given(template).or_else(|| (self.environment == Environment::Development).then(graphiql))
    }

    /// Refuses what cannot work, before anything is done.
    ///
    /// # Errors
    /// A message that says which setting is wrong and what would be right.
    pub fn check(&self) -> anyhow::Result<()> {
        let known = ["sqlite://", "postgres://", "postgresql://"];
        ensure!(
            known.iter().any(|scheme| self.database_url().starts_with(scheme)),
            "DATABASE_URL must start with sqlite:// or postgres://"
        );
        check_folder(&self.data_dir)?;
        self.settings(self.listen)?;
        // GraphiQL is hidden in production: every visitor would be sent to a page that is not there.
        ensure!(
            self.environment == Environment::Development || given(&self.landing_url).is_some(),
            "set VITRINE_LANDING_URL to your frontend's page for those who follow a referral link, such as \
             https://shop.example.com/{{shop}}?recommendation={{recommendation}}&product={{product}}&click={{click}}: \
             in production this server has no page to send them to"
        );
        ensure!(
            self.environment == Environment::Development || !self.allow_private_webhooks,
            "take VITRINE_ALLOW_PRIVATE_WEBHOOKS away: in production webhooks go to public addresses by HTTPS only"
        );
        self.proxies()?;
        self.documents()?;
        self.issuers()?;
        let mut secrets = self.stripe_webhook_secrets.iter();
        ensure!(
            secrets.all(|secret| secret.expose_secret().len() >= MIN_WEBHOOK_SECRET),
            "STRIPE_WEBHOOK_SECRETS holds a secret that is too short: copy it whole from the webhook endpoint's page"
        );
        if self.stripe_webhook_secrets.is_empty() {
            tracing::warn!("STRIPE_WEBHOOK_SECRETS is not set: every webhook will be refused");
        }
        Post::new(
            &self.mail_from,
            self.smtp_url.as_ref(),
            self.data_dir.join("mail"),
        )?;
        Ok(())
    }

    /// How far requests to addresses that people named may go.
    pub fn reach(&self) -> Reach {
        if self.allow_private_webhooks {
            Reach::EVERYWHERE
        } else {
            Reach::PUBLIC
        }
    }

    /// The proxies whose word about a client's address is taken.
    ///
    /// # Errors
    /// When one is no address and no network, or the header's name is none.
    pub(crate) fn proxies(&self) -> anyhow::Result<Proxies> {
        let header = self.address_header.parse();
        let header = header.context("VITRINE_ADDRESS_HEADER is not the name of a header")?;
        let named = self.trusted_proxies.iter().filter(|named| !named.is_empty());
        let networks = named.map(|named| named.parse()).collect::<Result<_, _>>();
        Ok(Proxies::new(networks.context("VITRINE_TRUSTED_PROXIES")?, header))
    }

    /// Where people can sign in beside here.
    ///
    /// # Errors
    /// When one is malformed, or its secret cannot be read.
    pub(crate) fn issuers(&self) -> anyhow::Result<Vec<Issuer>> {
        let named = self.oidc_issuers.as_ref().map(ExposeSecret::expose_secret);
        vitrine_oidc_gateway::issuers(named.unwrap_or_default())
    }

    /// The documents that are executed.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub(crate) fn documents(&self) -> anyhow::Result<Documents> {
        match self
            .documents
            .as_deref()
            .filter(|path| !path.as_os_str().is_empty())
        {
            Some(path) => Documents::listed(path).context("VITRINE_DOCUMENTS cannot be used"),
            None => Ok(Documents::default()),
        }
    }

    fn payment_methods(&self) -> anyhow::Result<Vec<String>> {
        let word = |method: &String| {
            let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit();
            !method.is_empty() && method.bytes().all(letters)
        };
        ensure!(
            !self.payment_methods.is_empty() && self.payment_methods.iter().all(word),
            "VITRINE_PAYMENT_METHODS names ways to pay as Stripe does, such as card,sepa_debit"
        );
        Ok(self.payment_methods.clone())
    }

    fn currencies(&self) -> anyhow::Result<Vec<Currency>> {
        ensure!(
            !self.currencies.is_empty(),
            "VITRINE_CURRENCIES names no currency"
        );
        let supported = || Currency::ALL.iter().map(|currency| currency.as_str());
        let parse = |code: &String| match code.parse() {
            Ok(currency) => Ok(currency),
            Err(_) => bail!(
                "VITRINE_CURRENCIES names \"{code}\", which is not supported: choose among {}, with commas between",
                supported().collect::<Vec<_>>().join(", ")
            ),
        };
        self.currencies.iter().map(parse).collect()
    }

    /// The key given, or on SQLite the one kept in the data folder, made on first use.
    fn secret_key(&self) -> anyhow::Result<SecretString> {
        let key = match &self.secret_key {
            Some(key) => key.clone(),
            None if self.is_sqlite() => kept_secret_key(&self.data_dir)?,
            None => bail!(
                "set VITRINE_SECRET_KEY: {MIN_SECRET_KEY} random characters or more, the same on all nodes"
            ),
        };
        let length = key.expose_secret().chars().count();
        ensure!(
            length >= MIN_SECRET_KEY,
            "VITRINE_SECRET_KEY is weak: it has {length} characters, {MIN_SECRET_KEY} are needed"
        );
        Ok(key)
    }
}

fn check_folder(folder: &Path) -> anyhow::Result<()> {
    let probe = folder.join(format!(".probe-{}", hex::encode(&os_random()[..8])));
    std::fs::create_dir_all(folder)
        .and_then(|()| write_private(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| {
            let folder = folder.display();
            format!("cannot write to {folder}: let VITRINE_DATA_DIR name a folder that can be written to")
        })
}

/// A variable set to nothing gives nothing.
fn given(template: &Option<String>) -> Option<String> {
    template.clone().filter(|template| !template.is_empty())
}

/// Whatever fills in the placeholders, the template must be an address that a browser can be sent to.
fn check_template(name: &str, template: &str) -> anyhow::Result<()> {
    let parsed =
        url::Url::parse(template).with_context(|| format!("{name} is not an address: {template}"))?;
    let plain = template.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        matches!(parsed.scheme(), "http" | "https") && plain,
        "{name} must start with http:// or https:// and hold no spaces: {template}"
    );
    let host = parsed.host_str().unwrap_or_default();
    ensure!(
        !host.contains(['{', '}', '%']),
        "{name} must not have a placeholder in its host: {template}"
    );
    Ok(())
}

fn check_origin(origin: &str) -> anyhow::Result<()> {
    let parsed =
        url::Url::parse(origin).with_context(|| format!("VITRINE_ORIGINS: {origin} is not an address"))?;
    let plain = parsed.origin().ascii_serialization();
    ensure!(
        plain == origin,
        "VITRINE_ORIGINS: write {plain} instead of {origin}"
    );
    Ok(())
}

/// Nodes that start together agree on one key: it is written aside, then linked into its place, which only one can do.
fn kept_secret_key(data_dir: &Path) -> anyhow::Result<SecretString> {
    let file = data_dir.join("secret.key");
    if let Some(key) = read_key(&file)? {
        return Ok(key);
    }
    std::fs::create_dir_all(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
    let aside = data_dir.join(format!("secret.key.{}", hex::encode(&os_random()[..8])));
    let linked = write_private(&aside, hex::encode(os_random()).as_bytes())
        .and_then(|()| std::fs::hard_link(&aside, &file));
    // What is left of it harms nobody; whether the key is in its place is asked below.
    let _ = std::fs::remove_file(&aside);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot write {}", file.display()))
        }
        _ => read_key(&file)?.with_context(|| format!("{} is gone", file.display())),
    }
}

fn read_key(file: &Path) -> anyhow::Result<Option<SecretString>> {
    match std::fs::read_to_string(file) {
        Ok(key) => Ok(Some(key.trim().to_owned().into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}
