//! What is started to be measured: the product, its local Stripe, and the servers it is held against.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::load::Watched;
use crate::options::Options;

/// What signs the sandbox's webhooks.
pub const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";
/// The key that the sandbox takes.
pub const STRIPE_KEY: &str = "sk_test_sandbox";
/// Where buyers come from.
pub const FRONTEND: &str = "https://shop.example.com";
/// How long anything may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of ours; it ends with us.
pub struct Process {
    child: Child,
    /// Where it answers.
    pub url: String,
}

impl Process {
    fn start(mut command: Command, log: &Path, url: String) -> anyhow::Result<Self> {
        let told = || format!("{} cannot be started", command.get_program().display());
        let told = told();
        let (out, err) = (File::create(log)?, File::options().append(true).open(log)?);
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .context(told)?;
        Ok(Self { child, url })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its CPU time, and PostgreSQL's.
    pub fn watched(&self, options: &Options, database: &Database) -> Watched {
        let postgres = database
            .is_postgres()
            .then(|| options.postmaster().ok())
            .flatten();
        Watched {
            process: Some(self.pid()),
            postgres,
        }
    }

    /// Waits until it answers a request; fails when it has ended.
    async fn answers(mut self, path: &str, body: Option<&Value>, log: &Path) -> anyhow::Result<Self> {
        let (http, begun) = (client(), Instant::now());
        loop {
            let url = format!("{}{path}", self.url);
            let request = match body {
                Some(body) => http.post(url).json(body),
                None => http.get(url),
            };
            if request
                .send()
                .await
                .is_ok_and(|answer| !answer.status().is_server_error())
            {
                return Ok(self);
            }
            if self.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{} did not come up: {said}", self.url);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends it as an operator would, and waits.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        signal("-TERM", self.pid())?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > PATIENCE {
                bail!("{} does not end", self.url);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends what need not end well.
    pub fn stop_now(self) -> anyhow::Result<()> {
        self.kill()
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // The process is ours and alive, so this cannot miss; nobody is left to tell if it did.
            let _ = signal("-TERM", self.pid());
            let _ = self.child.wait();
        }
    }
}

/// Sends a signal.
pub fn signal(name: &str, pid: u32) -> anyhow::Result<()> {
    let sent = Command::new("kill")
        .args([name, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    let sent = sent.context("kill cannot be started")?;
    ensure!(sent.success(), "process {pid} cannot be sent {name}");
    Ok(())
}

/// A client that follows no redirect.
pub fn client() -> reqwest::Client {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(256);
    let client = client.build();
    client.unwrap_or_else(|error| panic!("no HTTP client can be made: {error}"))
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A database that the product works on.
#[derive(Debug, Clone)]
pub struct Database {
    /// How it is opened.
    pub url: String,
}

impl Database {
    /// Whether it is PostgreSQL's.
    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// What people call it.
    pub fn kind(&self) -> &'static str {
        if self.is_postgres() {
            "PostgreSQL"
        } else {
            "SQLite"
        }
    }
}

/// The settings under which the product runs here.
pub fn settings(options: &Options, database: &Database, stripe: &str) -> BTreeMap<&'static str, String> {
    let data = options.room.join("data");
    BTreeMap::from([
        ("DATABASE_URL", database.url.clone()),
        ("VITRINE_DATA_DIR", data.display().to_string()),
        (
            "VITRINE_SECRET_KEY",
            "0123456789abcdef0123456789abcdef0123456789abcdef".to_owned(),
        ),
        (
            "VITRINE_LANDING_URL",
            format!(
                "{FRONTEND}/{{shop}}?recommendation={{recommendation}}&product={{product}}&click={{click}}"
            ),
        ),
        ("VITRINE_ORIGINS", FRONTEND.to_owned()),
        ("VITRINE_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ("VITRINE_RATE_LIMIT", "0".to_owned()),
        ("VITRINE_RATE_LIMIT_KEY", "0".to_owned()),
        ("VITRINE_RATE_LIMIT_ADDRESS", "0".to_owned()),
        ("VITRINE_LOG", "warn".to_owned()),
        ("STRIPE_SECRET_KEY", STRIPE_KEY.to_owned()),
        ("STRIPE_BASE_URL", stripe.to_owned()),
        ("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET.to_owned()),
    ])
}

/// The product, with or without a worker.
pub async fn product(
    options: &Options,
    database: &Database,
    stripe: &str,
    worker: bool,
) -> anyhow::Result<Process> {
    let port = free_port()?;
    let mut command = Command::new(&options.vitrine);
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .envs(settings(options, database, stripe));
    for setting in &options.with {
        let (name, value) = setting.split_once('=').context("--with takes NAME=VALUE")?;
        command.env(name, value);
    }
    if !worker {
        command.arg("--no-worker");
    }
    let log = options.room.join("vitrine.log");
    let server = Process::start(command, &log, format!("http://127.0.0.1:{port}"))?;
    server
        .answers("/graphql", Some(&json!({ "query": "{ __typename }" })), &log)
        .await
}

/// Runs one of the product's commands to its end; what it printed, how long it took, and how much memory it held at most.
pub async fn command(
    options: &Options,
    database: &Database,
    words: &[&str],
) -> anyhow::Result<(String, Duration, f64)> {
    let (log, begun) = (options.room.join("command.log"), Instant::now());
    let mut command = Command::new(&options.vitrine);
    command
        .args(words)
        .envs(settings(options, database, "http://127.0.0.1:9"));
    let mut process = Process::start(command, &log, String::new())?;
    let mut peak: f64 = 0.0;
    let status = loop {
        if let Some(status) = process.child.try_wait()? {
            break status;
        }
        peak = peak.max(crate::meter::peak(process.pid()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let (took, said) = (begun.elapsed(), std::fs::read_to_string(&log)?);
    ensure!(status.success(), "vitrine {} failed: {said}", words.join(" "));
    Ok((said, took, peak))
}

/// Holds the books for sound, or fails.
pub async fn audit(options: &Options, database: &Database) -> anyhow::Result<(Duration, f64)> {
    let (said, took, peak) = command(options, database, &["audit"]).await?;
    ensure!(said.contains("invariants hold"), "the audit is not green: {said}");
    Ok((took, peak))
}

/// The local Stripe, which sends events to `webhook`.
pub async fn stripe(options: &Options) -> anyhow::Result<Process> {
    let port = free_port()?;
    let mut command = Command::new(&options.sandbox);
    command
        .args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--secret-key",
            STRIPE_KEY,
        ])
        .env("RUST_LOG", "warn");
    let log = options.room.join("stripe.log");
    let server = Process::start(command, &log, format!("http://127.0.0.1:{port}"))?;
    server.answers("/_sandbox/clock", None, &log).await
}

/// nginx, which answers every request with a redirect.
pub async fn nginx(options: &Options) -> anyhow::Result<Option<Process>> {
    let Some(nginx) = &options.nginx else {
        return Ok(None);
    };
    let (port, folder) = (free_port()?, options.room.join("nginx"));
    std::fs::create_dir_all(&folder)?;
    let (file, root) = (folder.join("nginx.conf"), folder.display());
    let to = format!(
        "{FRONTEND}/shop-1?recommendation=&product=&click=0123456789012345678901234567890123456789012345678901234567890123456789"
    );
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path {root}/{kind};\n"))
        .collect();
    let text = format!(
        "daemon off;\nworker_processes auto;\npid {root}/nginx.pid;\nerror_log {root}/error.log;\nevents {{ worker_connections 2048; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000000;\n{temporary}  server {{ listen 127.0.0.1:{port}; location / {{ return 302 {to}; }} }}\n}}\n"
    );
    std::fs::write(&file, text)?;
    let mut command = Command::new(nginx);
    command.arg("-p").arg(&folder).arg("-c").arg(&file);
    let log = folder.join("log");
    let server = Process::start(command, &log, format!("http://127.0.0.1:{port}"))?;
    Ok(Some(server.answers("/", None, &log).await?))
}

/// PostGraphile on the same database, one process.
pub async fn postgraphile(options: &Options, database: &Database) -> anyhow::Result<Option<Process>> {
    let (Some(node), Some(folder)) = (&options.node, &options.postgraphile) else {
        return Ok(None);
    };
    if !database.is_postgres() {
        return Ok(None);
    }
    let port = free_port()?;
    std::fs::write(
        folder.join("graphile.config.mjs"),
        include_str!("graphile.config.mjs"),
    )?;
    let mut command = Command::new(node);
    command
        .arg("node_modules/postgraphile/dist/cli-run.js")
        .current_dir(folder)
        .env("BENCH_DATABASE", &database.url)
        .env("BENCH_PORT", port.to_string())
        .env("NODE_ENV", "production")
        .env("GRAPHILE_ENV", "production");
    let log = options.room.join("postgraphile.log");
    let server = Process::start(command, &log, format!("http://127.0.0.1:{port}"))?;
    Ok(Some(
        server
            .answers("/graphql", Some(&json!({ "query": "{ __typename }" })), &log)
            .await?,
    ))
}
