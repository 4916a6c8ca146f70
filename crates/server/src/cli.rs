//! The command line.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vitrine_domain::failure::Failure;
use vitrine_domain::identity;
use vitrine_domain::ledger::{self, Since};
use vitrine_model::text::{Email, Handle};

use crate::boot::{Running, Vitrine};
use crate::config::{Config, LogFormat};
use crate::demo::{self, DemoArgs};
use crate::{boot, database, health, import, listen, operate, reconcile, worker};

/// What is logged when nobody says otherwise.
const LOG: &str = "info,sqlx=warn,sea_orm_migration=warn";
/// How long a server may take to say that it lives.
const HEALTH_WITHIN: Duration = Duration::from_secs(4);

/// The open-source backend for social shops.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// How to do it.
    #[command(flatten)]
    pub config: Config,
}

/// The settings that the demo follows.
const OF_THE_DEMO: [&str; 6] = [
    "allow-unsafe-database",
    "database-url",
    "listen",
    "log",
    "log-format",
    "origins",
];

impl Cli {
    /// Reads the command line, and the environment besides; but nothing from the environment for the demo, which plays
    /// the same story wherever it is started.
    ///
    /// # Errors
    /// What clap has to say, a request for help among it; that a setting means nothing to the demo.
    pub fn read(arguments: impl IntoIterator<Item = OsString> + Clone) -> Result<Self, clap::Error> {
        let command = Self::command();
        let alone = command
            .clone()
            .mut_args(|argument| argument.env(Resettable::Reset))
            .try_get_matches_from(arguments.clone());
        match alone {
            Ok(matches) if matches.subcommand_name() == Some("demo") => {
                only_of_the_demo(command, &matches)?;
                Self::from_arg_matches(&matches)
            }
            _ => Self::try_parse_from(arguments),
        }
    }
}

/// Refuses settings that the demo would ignore.
fn only_of_the_demo(mut command: clap::Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let given = command.get_arguments().filter(|argument| {
        argument.is_global_set()
            && matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    });
    let unheard = given
        .filter_map(clap::Arg::get_long)
        .find(|name| !OF_THE_DEMO.contains(name))
        .map(str::to_owned);
    match unheard {
        None => Ok(()),
        Some(name) => Err(command.error(
            ErrorKind::ArgumentConflict,
            format!(
                "the demo takes no --{name}: it plays with the default settings, and follows --listen, --origins, \
                 --database-url, --allow-unsafe-database, --log and --log-format only"
            ),
        )),
    }
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Migrate the database and serve the API, with a worker beside unless told not to.
    Serve {
        /// Leave background work to other nodes.
        #[arg(long, env = "VITRINE_NO_WORKER")]
        no_worker: bool,
    },
    /// Do background work only.
    Worker,
    /// Bring the database's schema up to date, and end.
    Migrate,
    /// Print the GraphQL schema.
    Schema,
    /// Play the whole story on a local Stripe, nothing else needed: from a brand's import to an audited payout.
    Demo(DemoArgs),
    /// Import a Shopify product file (CSV) into a brand's catalogue, showing progress.
    ///
    /// A quantity sets a variant's stock when it is another than the last file stated: the same file again leaves what was
    /// sold and counted since.
    Import {
        /// The brand's handle.
        #[arg(long)]
        brand: Handle,
        /// The file.
        file: PathBuf,
    },
    /// Check every invariant of the books; the exit status tells whether all hold.
    Audit {
        /// Only what came after this: a block of the hash chain by its number, as an audit names at its end, or a day or
        /// time (2027-01-31, 2027-01-31T12:00:00Z). Checks that must add up everything still do, and say so.
        #[arg(long, value_name = "BLOCK|TIME")]
        since: Option<Since>,
    },
    /// Tell one order's money in plain words, posting by posting.
    Explain {
        /// The order's number, or its id.
        order: String,
    },
    /// Stop a party's payouts, or let them go on.
    #[command(subcommand)]
    Payouts(operate::Payouts),
    /// Decide about money: goodwill, debts written off, suspense explained, and any of these taken back.
    #[command(subcommand)]
    Books(operate::Books),
    /// Tell which background jobs failed, and put back those that were laid aside.
    Jobs {
        /// What to do with them; without a word they are listed.
        #[command(subcommand)]
        command: Option<operate::Jobs>,
    },
    /// Hold the books against what Stripe says, now; the exit status tells whether they agree.
    Reconcile,
    /// Make the account with this address an operator.
    Operator {
        /// Its address.
        email: Email,
    },
    /// Ask a running server whether it lives; for containers.
    Healthcheck,
}

/// Runs one command.
///
/// # Errors
/// A message for the person at the terminal.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let quiet = matches!(cli.command, Command::Demo(_));
    start_logs(&cli.config, if quiet { "warn" } else { LOG })?;
    let config = cli.config;
    match cli.command {
        Command::Serve { no_worker } => serve(&config, !no_worker).await,
        Command::Worker => work(&config).await,
        Command::Migrate => database::prepare(&config).await,
        Command::Schema => print(&vitrine_graphql::sdl()),
        Command::Demo(args) => demo::run(&config, &args).await,
        Command::Import { brand, file } => import::run(&config, &brand, &file).await,
        Command::Audit { since } => audit(&config, since).await,
        Command::Explain { order } => explain(&config, &order).await,
        Command::Payouts(command) => operate::payouts(&config, command).await,
        Command::Books(command) => operate::books(&config, command).await,
        Command::Jobs { command } => operate::jobs(&config, command).await,
        Command::Reconcile => reconcile::run(&config).await,
        Command::Operator { email } => operator(&config, email).await,
        Command::Healthcheck => healthcheck(&config).await,
    }
}

async fn serve(config: &Config, with_worker: bool) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    let running = tokio::select! {
        running = Running::start(config, config.nature(), with_worker) => running?,
        () = signals.asked() => return Ok(()),
    };
    signals.asked().await;
    tracing::info!("stopping: finishing what is under way; ask again to stop at once");
    tokio::select! {
        () = running.stop() => {}
        () = signals.asked() => {}
    }
    Ok(())
}

async fn work(config: &Config) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    config.check()?;
    let metrics = health::metrics_listener(config).await?;
    database::prepare(config).await?;
    let app = Vitrine::assemble(config, config.nature(), config.listen).await?;
    vitrine_domain::jobs::ensure_recurring(&app.context("start")).await?;
    let stopping = CancellationToken::new();
    let telling = async {
        if let Some(listener) = metrics {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, "metrics are served");
            }
            let upkeep = health::upkeep(stopping.clone());
            let served = listen::serve(listener, health::metrics_route(&app), stopping.clone());
            tokio::join!(upkeep, served);
        }
    };
    let worker = worker::run(app.clone(), stopping.clone());
    let mut working = std::pin::pin!(async { tokio::join!(worker, telling) });
    tracing::info!("working");
    tokio::select! {
        _ = working.as_mut() => {}
        () = signals.asked() => {}
    }
    tracing::info!("stopping: finishing what is under way");
    stopping.cancel();
    boot::drain(async {
        let ((), ()) = working.await;
    })
    .await;
    app.close().await;
    Ok(())
}

async fn audit(config: &Config, since: Option<Since>) -> anyhow::Result<()> {
    database::ready(&config.database_url()).await?;
    let app = Vitrine::without_payments(config).await?;
    let cx = app.context("cli");
    let report = match since {
        Some(since) => ledger::audit_since(&cx, since).await?,
        None => ledger::audit(&cx).await?,
    };
    if report.since > 0 {
        print(&format!("What came after block {}:\n", report.since))?;
    }
    print(&format!("{report}\n"))?;
    anyhow::ensure!(report.is_green(), "the audit found something");
    if report.sealed > 0 {
        let block = report.sealed;
        print(&format!(
            "Sealed up to block {block}: `vitrine audit --since {block}` checks what comes after it.\n"
        ))?;
    }
    Ok(())
}

async fn explain(config: &Config, order: &str) -> anyhow::Result<()> {
    database::ready(&config.database_url()).await?;
    let app = Vitrine::without_payments(config).await?;
    let cx = app.context("cli");
    match ledger::explain(cx.db(), order).await? {
        Some(explanation) => print(&explanation.to_string()),
        None => {
            anyhow::bail!(
                "there is no order {order}; name one by its number, which its letters tell, or by its id"
            )
        }
    }
}

async fn operator(config: &Config, email: Email) -> anyhow::Result<()> {
    database::ready(&config.database_url()).await?;
    let app = Vitrine::without_payments(config).await?;
    match identity::grant_operator(&app.context("cli"), email.clone()).await {
        Ok(account) => print(&format!("{} ({email}) is an operator now.\n", account.name)),
        Err(Failure::Refused(_)) => anyhow::bail!("nobody has an account with the address {email}"),
        Err(Failure::Fault(error)) => Err(error),
    }
}

async fn healthcheck(config: &Config) -> anyhow::Result<()> {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        // Who listens everywhere listens here.
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let url = format!("http://{address}/readyz");
    // No proxy that the environment names leads to this machine.
    let http = reqwest::Client::builder().no_proxy().timeout(HEALTH_WITHIN);
    let response = http.build()?.get(&url).send().await;
    let status = response
        .with_context(|| format!("{url} does not answer"))?
        .status();
    anyhow::ensure!(status.is_success(), "{url} answers {status}");
    Ok(())
}

/// Ctrl-C, and what a service manager sends. Listened for before anything starts: a process that says it is up must not
/// die of being asked to stop a moment later.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns when the process is asked to stop, once for each time.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn start_logs(config: &Config, default: &str) -> anyhow::Result<()> {
    let wanted = config.log.as_deref().unwrap_or(default);
    let filter = tracing_subscriber::EnvFilter::try_new(wanted)
        .with_context(|| format!("VITRINE_LOG cannot be read: {wanted}"))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process keeps the first's logs.
    let _ = match config.log_format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    Ok(())
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}
