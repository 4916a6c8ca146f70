//! What tests are made of: an app under test, the people who use it, and what they see.

pub(crate) mod catalog;
pub(crate) mod database;
pub(crate) mod halt;
pub(crate) mod issuer;
pub(crate) mod log;
pub(crate) mod market;
pub(crate) mod receiver;
pub(crate) mod socket;
pub(crate) mod staff;
pub(crate) mod stripe;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use vitrine::boot::{Nature, OnStatement, Running, Vitrine};
use vitrine::config::Config;
use vitrine::worlds::{ManualClock, SeededEntropy};
use vitrine_domain::ports::Clock as _;
use vitrine_model::identity::account;
use vitrine_model::job;

pub(crate) use catalog::Planted;
pub(crate) use database::Kind;

/// Declares a test that runs on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident) $body:block)+) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "a test may name nothing from around it")]
                use super::*;

                async fn test($app: &$crate::support::App) $body

                #[test]
                fn sqlite() {
                    $crate::support::run($crate::support::Kind::Sqlite, stringify!($name), async |app| test(app).await);
                }

                #[test]
                fn postgres() {
                    $crate::support::run($crate::support::Kind::Postgres, stringify!($name), async |app| test(app).await);
                }
            }
        )+
    };
}
pub(crate) use on_both;

/// When every test begins: a Monday morning in winter.
pub(crate) const START: &str = "2027-01-11T09:00:00Z";
/// The secret the sandbox signs its webhooks with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_test_0123456789abcdef";
/// The sandbox's secret key.
pub(crate) const STRIPE_KEY: &str = "sk_test_vitrine";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Connections to the database that an app has, as by default.
const CONNECTIONS: u32 = 10;
/// Longer than a job that failed waits until it is tried again.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(61);
/// Where test frontends live.
pub(crate) const FRONTEND: &str = "https://shop.example.com";

/// The product under test, with its own database, Stripe and time.
pub(crate) struct App {
    pub(crate) running: Running,
    pub(crate) stripe: stripe::Stripe,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: reqwest::Client,
    config: Config,
    statements: Arc<AtomicU64>,
    heard: Arc<Mutex<Option<Vec<String>>>>,
    folder: tempfile::TempDir,
    database: database::Handle,
    corrupted: AtomicBool,
    deaf: AtomicBool,
}

/// Boots an app, runs the test, settles, and checks what must hold after every test.
pub(crate) fn run(kind: Kind, name: &str, test: impl AsyncFnOnce(&App)) {
    run_with(kind, name, |_| (), test);
}

/// The same over so many connections to the database.
pub(crate) fn run_over(connections: u32, kind: Kind, name: &str, test: impl AsyncFnOnce(&App)) {
    run_with(
        kind,
        name,
        |config| config.database_connections = connections,
        test,
    );
}

/// The same with other settings.
pub(crate) fn run_with(kind: Kind, name: &str, set: impl FnOnce(&mut Config), test: impl AsyncFnOnce(&App)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(vitrine::STACK)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let app = App::boot(kind, name, set).await;
        test(&app).await;
        app.end().await;
    });
}

impl App {
    async fn boot(kind: Kind, name: &str, set: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = database::fresh(kind, folder.path()).await;
        let start: DateTime<Utc> = START.parse().unwrap();
        let stripe = stripe::Stripe::start(start).await;
        let mut config = Config {
            database_url: Some(database.url.clone()),
            database_connections: CONNECTIONS,
            data_dir: folder.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            origins: vec![FRONTEND.to_owned()],
            passkey_domain: Some("example.com".to_owned()),
            landing_url: Some(format!(
                "{FRONTEND}/{{shop}}?rec={{recommendation}}&product={{product}}&click={{click}}"
            )),
            order_url: Some(format!(
                "{FRONTEND}/orders/{{order}}?number={{number}}#{{secret}}"
            )),
            shopholder_url: Some(format!("{FRONTEND}/me/{{shop}}")),
            brand_url: Some(format!("{FRONTEND}/brands/{{brand}}")),
            account_url: Some(format!("{FRONTEND}/account/{{action}}#{{token}}")),
            secret_key: Some("0123456789abcdef0123456789abcdef".to_owned().into()),
            stripe_secret_key: Some(STRIPE_KEY.to_owned().into()),
            stripe_base_url: stripe.url(),
            stripe_webhook_secrets: vec![WEBHOOK_SECRET.to_owned().into()],
            payment_methods: ["card", "sepa_debit"].map(str::to_owned).to_vec(),
            currencies: ["EUR", "USD", "JPY"].map(str::to_owned).to_vec(),
            // Whoever has an address of her own to test with names it herself.
            trusted_proxies: vec!["127.0.0.1".to_owned()],
            // Tests need no durability, only speed.
            allow_unsafe_database: true,
            // Receivers of webhooks stand on this machine, and have no certificates.
            allow_private_webhooks: true,
            // The clock stands still: one minute holds all that a test asks for.
            rate_limit: 0,
            rate_limit_key: 0,
            rate_limit_address: 0,
            ..Config::quiet_default()
        };
        set(&mut config);
        let clock = Arc::new(ManualClock::starting_at(start));
        let statements = Arc::new(AtomicU64::new(0));
        let heard: Arc<Mutex<Option<Vec<String>>>> = Arc::default();
        let nature = Nature {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed(name))),
            on_statement: Some(count(statements.clone(), heard.clone())),
            on_point: None,
        };
        let running = Running::start(&config, nature, false).await.unwrap();
        stripe
            .deliver_to(&format!("{}/webhooks/stripe", running.url()))
            .await;
        // Referral links answer with redirects, which tests want to see.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            running,
            stripe,
            clock,
            http,
            config,
            statements,
            heard,
            folder,
            database,
            corrupted: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
        }
    }

    /// Another product beside this one, with a database of the same kind and a Stripe and time of its own. Whoever opens
    /// it ends it, with [`App::end`].
    pub(crate) async fn another(&self, name: &str) -> Self {
        self.another_with(name, |_| ()).await
    }

    /// The same with other settings.
    pub(crate) async fn another_with(&self, name: &str, set: impl FnOnce(&mut Config)) -> Self {
        Self::boot(self.database.kind(), name, set).await
    }

    /// A second node of this product: the same database, Stripe and time. Whoever starts it stops it.
    pub(crate) async fn second_node(&self) -> Running {
        let nature = Nature {
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed(&self.running.url()))),
            on_statement: Some(count(self.statements.clone(), self.heard.clone())),
            on_point: None,
        };
        Running::start(&self.config, nature, false).await.unwrap()
    }

    /// What comes after every test.
    pub(crate) async fn end(self) {
        self.settle().await;
        self.assert_sound().await;
        self.stripe.assert_made_once("at the end").await;
        self.shut_down().await;
    }

    /// From now on all that Stripe would tell is lost, and settling reconciles.
    pub(crate) async fn go_deaf(&self) {
        self.stripe.admin("deliveries", json!({ "mode": "drop" })).await;
        self.deaf.store(true, Ordering::Relaxed);
    }

    /// What Stripe tells is heard again, and settling does not reconcile any more.
    pub(crate) fn hear(&self) {
        self.deaf.store(false, Ordering::Relaxed);
    }

    /// Runs the binary beside the server, with the same database and Stripe.
    pub(crate) fn command(&self, args: &[&str]) -> std::process::Output {
        let mut command = self.prepared(args);
        // Stripe's sandbox goes on meanwhile, on another thread.
        tokio::task::block_in_place(|| command.output()).unwrap()
    }

    /// The binary, to be run beside the server, with the same database and Stripe.
    pub(crate) fn prepared(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vitrine"));
        command
            .args(args)
            .env_clear()
            .env("DATABASE_URL", &self.database.url)
            .env("VITRINE_DATA_DIR", self.folder.path().join("data"))
            .env("VITRINE_SECRET_KEY", "0123456789abcdef0123456789abcdef")
            .env("STRIPE_SECRET_KEY", STRIPE_KEY)
            .env("STRIPE_BASE_URL", self.stripe.url())
            .env("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET);
        command
    }

    /// Reconciles once.
    pub(crate) async fn reconcile(&self) -> vitrine_domain::reconcile::Report {
        let cx = self.running.app.context("reconcile");
        match vitrine_domain::reconcile::run(&cx).await.unwrap() {
            vitrine_domain::reconcile::Attempt::Made(report) => report,
            vitrine_domain::reconcile::Attempt::UnderWay => panic!("a run is under way"),
        }
    }

    /// The product's inside, where a test must reach for it.
    pub(crate) fn vitrine(&self) -> &Vitrine {
        &self.running.app
    }

    /// The database, for looking and for planting trouble.
    pub(crate) fn db(&self) -> &sea_orm::DatabaseConnection {
        &self.running.app.platform.db
    }

    /// An address of the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    /// Mails sent so far, oldest first by name.
    pub(crate) fn mails(&self) -> Vec<String> {
        let folder = self.folder.path().join("data").join("mail");
        let mut mails: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        mails.sort();
        mails
            .into_iter()
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }

    /// Lets everything due happen: jobs here, events there, until neither has anything left.
    pub(crate) async fn settle(&self) {
        self.drain().await;
        if self.deaf.load(Ordering::Relaxed) {
            // What one run brings about, such as a refund, the next sees through.
            for _ in 0..3 {
                self.reconcile().await;
                self.drain().await;
            }
        }
    }

    async fn drain(&self) {
        loop {
            let jobs = vitrine::settle(&self.running.app).await.unwrap();
            let events = self.stripe.settle().await;
            if jobs == 0 && events == 0 {
                return;
            }
        }
    }

    /// Moves time forward here and at Stripe, then settles.
    pub(crate) async fn wait(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.stripe.advance(by).await;
        self.settle().await;
    }

    /// How many SQL statements `work` sends, beside what it returns.
    pub(crate) async fn counting<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.statements.load(Ordering::Relaxed);
        let outcome = work.await;
        (outcome, self.statements.load(Ordering::Relaxed) - before)
    }

    /// The SQL statements that `work` sends, beside what it returns.
    pub(crate) async fn hearing<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        *self.heard.lock().unwrap() = Some(Vec::new());
        let outcome = work.await;
        (outcome, self.heard.lock().unwrap().take().unwrap_or_default())
    }

    /// Someone who has just opened an account, signed in, and proved her address. `name` is hers alone.
    pub(crate) async fn someone(&self, name: &str) -> Person<'_> {
        let person = self.newcomer(name).await;
        let proved = account::Entity::update_many()
            .col_expr(account::Column::EmailVerifiedAt, Expr::value(self.clock.now()))
            .filter(account::Column::Email.eq(&person.email));
        proved.exec(self.db()).await.unwrap();
        person
    }

    /// Someone who has just opened an account and signed in; her address is not proved.
    pub(crate) async fn newcomer(&self, name: &str) -> Person<'_> {
        let email = format!("{name}@example.com");
        let open = "mutation($in: AccountCreateInput!) { accountCreate(input: $in) {
            account { id } session { accessToken refreshToken accessTokenExpiresAt } userErrors { message } } }";
        let new = json!({ "email": email, "name": name, "password": PASSWORD });
        let made = self.nobody().ask(open, json!({ "in": new })).await;
        let mut person = self.nobody();
        person.session = session(&made["accountCreate"], self.clock.now()).into();
        person.id = made["accountCreate"]["account"]["id"]
            .as_str()
            .expect("an account")
            .to_owned();
        person.email = email;
        person
    }

    /// Someone who has an account, signed in anew.
    pub(crate) async fn returning(&self, email: &str) -> Person<'_> {
        let mut person = self.nobody();
        person.email = email.to_owned();
        person.session = Some(self.sign_in(email).await).into();
        person
    }

    /// A fresh session of the account with this address.
    async fn sign_in(&self, email: &str) -> Session {
        let sign_in = "mutation($in: SessionCreateInput!) { sessionCreate(input: $in) {
            session { accessToken refreshToken accessTokenExpiresAt } userErrors { message } } }";
        let input = json!({ "in": { "email": email, "password": PASSWORD } });
        let made = self.nobody().ask(sign_in, input).await;
        session(&made["sessionCreate"], self.clock.now()).expect("a session")
    }

    /// Someone who runs the platform.
    pub(crate) async fn operator(&self) -> Person<'_> {
        let person = self.someone("operator").await;
        let cx = self.running.app.context("test");
        vitrine_domain::identity::grant_operator(&cx, person.email.parse().unwrap())
            .await
            .unwrap();
        person
    }

    /// Someone who brings an access token that was given her elsewhere.
    pub(crate) fn bearing(&self, access: &str, email: &str) -> Person<'_> {
        let mut person = self.nobody();
        person.email = email.to_owned();
        let now = self.clock.now();
        let session = Session {
            access: access.to_owned(),
            refresh: String::new(),
            until: now + TimeDelta::minutes(15),
            proved: now,
        };
        person.session = Some(session).into();
        person
    }

    /// A visitor nobody knows.
    pub(crate) fn nobody(&self) -> Person<'_> {
        Person {
            app: self,
            session: None.into(),
            guest: None,
            key: None,
            id: String::new(),
            email: String::new(),
        }
    }

    /// Says that this test plants what the audit must find: it need not be green at the end.
    pub(crate) fn will_be_corrupted(&self) {
        self.corrupted.store(true, Ordering::Relaxed);
    }

    /// What must hold after every test.
    async fn assert_sound(&self) {
        let dead = job::Entity::find()
            .filter(job::Column::State.eq(job::JobState::Dead))
            .all(self.db())
            .await
            .unwrap();
        assert!(dead.is_empty(), "dead jobs: {dead:#?}");
        self.assert_nothing_keeps_failing().await;
        let report = self.audit().await;
        assert!(
            report.is_green() || self.corrupted.load(Ordering::Relaxed),
            "{report}"
        );
    }

    /// What failed until now goes well once nothing is in its way any more, or is tried no more because it is laid aside.
    async fn assert_nothing_keeps_failing(&self) {
        let failing = || {
            let failing = job::Entity::find().filter(job::Column::LastError.is_not_null());
            failing.filter(job::Column::State.eq(job::JobState::Queued))
        };
        for _ in 0..3 {
            if failing().count(self.db()).await.unwrap() == 0 {
                return;
            }
            self.stripe.clear_faults().await;
            self.wait(LONGEST_PAUSE).await;
        }
        let failing = failing().all(self.db()).await.unwrap();
        assert!(failing.is_empty(), "jobs keep failing: {failing:#?}");
    }

    /// The books are sound, and Stripe holds what they say it holds. `told` says when that was.
    pub(crate) async fn assert_agreed(&self, told: &str) {
        let report = self.audit().await;
        assert!(report.is_green(), "{told}: {report}");
        self.stripe.assert_agrees(self.db(), told).await;
    }

    /// What the audit finds now.
    pub(crate) async fn audit(&self) -> vitrine_domain::ledger::Report {
        let cx = self.running.app.context("audit");
        vitrine_domain::ledger::audit(&cx).await.unwrap()
    }

    async fn shut_down(self) {
        self.running.stop().await;
        self.stripe.stop().await;
        self.database.remove().await;
    }
}

/// The tokens of a session.
#[derive(Clone)]
struct Session {
    access: String,
    refresh: String,
    until: DateTime<Utc>,
    proved: DateTime<Utc>,
}

/// The session that a payload tells, if it does.
fn session(payload: &Value, proved: DateTime<Utc>) -> Option<Session> {
    let told = payload["session"].as_object()?;
    let text = |name: &str| told[name].as_str().expect("a token and its expiry").to_owned();
    Some(Session {
        access: text("accessToken"),
        refresh: text("refreshToken"),
        until: text("accessTokenExpiresAt").parse().unwrap(),
        proved,
    })
}

/// Someone who uses the API.
pub(crate) struct Person<'a> {
    app: &'a App,
    /// Held while it is refreshed: a refresh token is good once.
    session: tokio::sync::Mutex<Option<Session>>,
    pub(crate) guest: Option<String>,
    /// A brand's API key, for a program that is nobody.
    key: Option<String>,
    pub(crate) id: String,
    pub(crate) email: String,
}

impl Person<'_> {
    /// Her access token, refreshed when the clock has gone beyond it; her session begins anew when that is over too.
    pub(crate) async fn token(&self) -> Option<String> {
        if self.key.is_some() {
            return self.key.clone();
        }
        let mut session = self.session.lock().await;
        let now = self.app.clock.now();
        if session.as_ref().is_some_and(|session| session.until <= now) {
            let renewed = self.renewed(session.as_ref()?).await;
            *session = Some(renewed);
        }
        session.as_ref().map(|session| session.access.clone())
    }

    /// The session refreshed, or a new one when it is over. Boxed, as sending asks for this again.
    fn renewed<'s>(&'s self, session: &'s Session) -> Pin<Box<dyn Future<Output = Session> + Send + 's>> {
        let refresh = "mutation($token: String!) { sessionRefresh(input: { refreshToken: $token }) {
            session { accessToken refreshToken accessTokenExpiresAt } userErrors { code } } }";
        Box::pin(async move {
            let token = json!({ "token": session.refresh });
            let made = self.app.nobody().ask(refresh, token).await;
            match self::session(&made["sessionRefresh"], session.proved) {
                Some(session) => session,
                None => self.app.sign_in(&self.email).await,
            }
        })
    }

    /// Proves who she is, where that is asked for and she has not done so of late.
    async fn prove(&self) {
        let proved = self.session.lock().await.as_ref().map(|session| session.proved);
        let now = self.app.clock.now();
        if proved.is_none_or(|proved| now < proved + TimeDelta::minutes(10)) {
            return;
        }
        self.step_up().await;
        if let Some(session) = self.session.lock().await.as_mut() {
            session.proved = now;
        }
    }

    /// Proves by her password who she is. Boxed, as sending asks for this.
    pub(crate) fn step_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let step_up = "mutation($password: String!) { sessionStepUp(input: { password: $password }) { userErrors { code } } }";
        Box::pin(async move {
            let made = self.ask(step_up, json!({ "password": PASSWORD })).await;
            assert_eq!(made["sessionStepUp"]["userErrors"], json!([]));
        })
    }

    /// Signs in once more: what asks for a proof of late who she is has it then.
    pub(crate) async fn come_back(&mut self) {
        self.session = Some(self.app.sign_in(&self.email).await).into();
    }

    /// Her refresh token as it stands.
    pub(crate) async fn refresh_token(&self) -> String {
        self.session
            .lock()
            .await
            .as_ref()
            .expect("a session")
            .refresh
            .clone()
    }

    /// The same person, holding a guest's secret too.
    pub(crate) fn holding(mut self, guest: &str) -> Self {
        self.guest = Some(guest.to_owned());
        self
    }

    /// A program that asks by this API key of a brand's.
    pub(crate) fn by_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Sends one operation and returns its `data`; top-level errors fail the test.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].clone()
    }

    /// Sends one operation and returns the code of its first top-level error.
    pub(crate) async fn error(&self, query: &str, variables: Value) -> String {
        let answer = self.send(query, variables).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        code.as_str()
            .unwrap_or_else(|| panic!("no error: {query}\n{answer:#}"))
            .to_owned()
    }

    /// Sends one operation and returns the whole body.
    pub(crate) async fn send(&self, query: &str, variables: Value) -> Value {
        let proved = [
            "payoutAccountOnboardingLinkCreate",
            "brandApiKeyCreate",
            "brandApiKeyUpdate",
            "brandMemberInvite",
            "brandInvitationResend",
            "brandMemberUpdate",
            "brandMemberRemove",
            "shopCuratorInvite",
            "shopCuratorUpdate",
        ];
        if proved.iter().any(|name| query.contains(name)) {
            self.prove().await;
        }
        let mut request = self.app.http.post(self.app.url("/graphql"));
        if let Some(token) = self.token().await {
            request = request.bearer_auth(token);
        }
        if let Some(guest) = &self.guest {
            request = request.header("Vitrine-Guest", guest);
        }
        let response = request
            .json(&json!({ "query": query, "variables": variables }))
            .send()
            .await
            .unwrap();
        response.json().await.unwrap()
    }
}

fn count(statements: Arc<AtomicU64>, heard: Arc<Mutex<Option<Vec<String>>>>) -> OnStatement {
    Arc::new(move |sql| {
        statements.fetch_add(1, Ordering::Relaxed);
        if let Some(heard) = heard.lock().unwrap().as_mut() {
            heard.push(sql.to_owned());
        }
        halt::statement_sent();
    })
}

/// A number that differs from test to test and never from run to run.
fn seed(name: &str) -> u64 {
    name.bytes().fold(14_695_981_039_346_656_037, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    })
}
