//! `vitrine payouts …` and `vitrine books …`: what operators decide about money, from the command line. The same commands
//! as the API's, with the same refusals; each needs an operator who answers for it, and a reason. And `vitrine jobs …`:
//! which background jobs failed, and putting them back.

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, Subcommand, ValueEnum};
use vitrine_domain::context::Context;
use vitrine_domain::failure::Failure;
use vitrine_domain::jobs::{self, RetryRefusal};
use vitrine_domain::ledger::{self, Decision, NewAdjustment, Target};
use vitrine_domain::payout::{self, NewHold};
use vitrine_domain::{catalog, identity};
use vitrine_graphql::UserError;
use vitrine_model::id::{AdjustmentId, JobId};
use vitrine_model::identity::account;
use vitrine_model::job::JobState;
use vitrine_model::ledger::Party;
use vitrine_model::money::{Currency, Money};
use vitrine_model::text::{Email, Handle, Reason};

use crate::boot::Vitrine;
use crate::cli::print;
use crate::config::Config;
use crate::database;

/// What can be done to payouts.
#[derive(Debug, Subcommand)]
pub enum Payouts {
    /// Stop a party's payouts. What is on its way arrives all the same.
    Hold {
        /// Whose: an account's address or id, or a brand's handle or id.
        party: String,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
    /// Let a party's payouts go on, with the next run.
    Release {
        /// Whose: an account's address or id, or a brand's handle or id.
        party: String,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
}

/// What can be done with jobs that were laid aside.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// Put jobs that were laid aside back into the queue, due now, with all their attempts before them.
    Retry {
        /// Which: their ids, `job_…`, as `vitrine jobs` tells them.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        jobs: Vec<JobId>,
        /// All that were laid aside, a thousand at a time.
        #[arg(long)]
        all: bool,
        /// The address of the operator who decides.
        #[arg(long)]
        by: Email,
    },
}

/// What can be decided about money.
#[derive(Debug, Subcommand)]
pub enum Books {
    /// Give a party money of the platform's own; what it owes is paid first.
    Goodwill {
        /// To whom: an account's address or id, or a brand's handle or id.
        party: String,
        /// How much, such as 5.00.
        amount: String,
        /// In which currency, such as EUR.
        currency: Currency,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
    /// Let a party off what it owes.
    WriteOff {
        /// Whom: an account's address or id, or a brand's handle or id.
        party: String,
        /// How much, such as 5.00.
        amount: String,
        /// In which currency, such as EUR.
        currency: Currency,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
    /// Say what all that lies in suspense of one kind was.
    Explain {
        /// The kind of Stripe's balance transactions, as the audit names it.
        suspended: String,
        /// In which currency, such as EUR.
        currency: Currency,
        /// What it was.
        target: Meant,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
    /// Say what it was that somebody moved by hand at Stripe, such as a refund made in its dashboard.
    ExplainMovement {
        /// Stripe's object, such as re_…, as `vitrine reconcile` names it.
        source: String,
        /// What it was.
        target: Meant,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
    /// Take one of these decisions back.
    Correct {
        /// Which: its id, `adj_…`.
        adjustment: AdjustmentId,
        /// Who answers for it, and why.
        #[command(flatten)]
        answer: Answer,
    },
}

/// Who answers for a decision, and why.
#[derive(Debug, Args)]
pub struct Answer {
    /// The address of the operator who decides.
    #[arg(long)]
    by: Email,
    /// Why. The party reads it.
    #[arg(long)]
    reason: Reason,
    /// The same key again does the same only once. By default every call is a new one.
    #[arg(long)]
    key: Option<String>,
}

/// What something that was not understood turned out to be.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Meant {
    /// A fee of Stripe's.
    StripeFees,
    /// The operator's own money, put in or taken out.
    Float,
    /// Lost.
    BadDebt,
    /// Given away by the platform.
    Goodwill,
}

impl From<Meant> for Target {
    fn from(meant: Meant) -> Self {
        match meant {
            Meant::StripeFees => Self::StripeFees,
            Meant::Float => Self::Float,
            Meant::BadDebt => Self::BadDebt,
            Meant::Goodwill => Self::Goodwill,
        }
    }
}

impl Answer {
    async fn operator(&self, cx: &Context) -> anyhow::Result<account::Model> {
        operator(cx, &self.by).await
    }

    fn key(&self, cx: &Context) -> String {
        let new = || cx.new_id::<AdjustmentId>().to_string();
        self.key.clone().unwrap_or_else(new)
    }
}

/// The operator with this address.
async fn operator(cx: &Context, by: &Email) -> anyhow::Result<account::Model> {
    let found = identity::account_with_email(cx.db(), by).await?;
    let found = found.filter(|account| account.operator);
    found.with_context(|| format!("{by} is no operator: make one with `vitrine operator {by}`"))
}

/// Tells which jobs failed, or puts back those that were laid aside.
pub(crate) async fn jobs(config: &Config, command: Option<Jobs>) -> anyhow::Result<()> {
    let cx = context(config).await?;
    match command {
        None => list_jobs(&cx).await,
        Some(Jobs::Retry { jobs, all, by }) => {
            let by = operator(&cx, &by).await?;
            retry_jobs(&cx, &by, (!all).then_some(jobs)).await
        }
    }
}

async fn list_jobs(cx: &Context) -> anyhow::Result<()> {
    let troubled = jobs::troubled(cx).await?;
    for row in &troubled {
        let stands = match row.state {
            JobState::Dead => "dead".to_owned(),
            JobState::Queued => format!("failing, again at {}", row.run_at.format("%Y-%m-%d %H:%M:%S UTC")),
        };
        let (subject, age) = (jobs::subject(row), age(cx.now() - row.created_at));
        let times = if row.attempts == 1 { "attempt" } else { "attempts" };
        let why = row.last_error.as_deref().unwrap_or("not told");
        print(&format!(
            "{}  {} {subject}\n  {stands}; {} {times}; {age} old\n  {why}\n",
            row.id, row.kind, row.attempts
        ))?;
    }
    let dead = troubled.iter().filter(|row| row.state == JobState::Dead).count();
    let tally = jobs::tally(cx).await?;
    print(&format!(
        "{dead} dead, {} failing; {} queued, {} of them overdue.\n",
        troubled.len() - dead,
        tally.queued,
        tally.overdue
    ))
}

/// Seconds under a minute, then minutes, hours, days.
fn age(time: TimeDelta) -> String {
    match (time.num_days(), time.num_hours(), time.num_minutes()) {
        (0, 0, 0) => format!("{} s", time.num_seconds()),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (days, ..) => format!("{days} d"),
    }
}

/// One after the other: what one is refused for is no reason not to put back the others.
async fn retry_jobs(cx: &Context, by: &account::Model, named: Option<Vec<JobId>>) -> anyhow::Result<()> {
    let all = named.is_none();
    let ids = match named {
        Some(ids) => ids,
        None => {
            let troubled = jobs::troubled(cx).await?.into_iter();
            let dead = troubled.filter(|row| row.state == JobState::Dead);
            dead.map(|row| row.id).collect()
        }
    };
    let (mut back, mut refused) = (0_usize, 0_usize);
    for id in &ids {
        let said = match jobs::retry(cx, by, *id).await {
            Ok(row) => {
                back += 1;
                format!("{id}: {} {} is due now.\n", row.kind, jobs::subject(&row))
            }
            // Somebody else put it back, or it was done meanwhile.
            Err(Failure::Refused(_)) if all => continue,
            Err(Failure::Refused(RetryRefusal::NotFound)) => {
                refused += 1;
                format!("{id}: there is no such job; what is done is deleted.\n")
            }
            Err(Failure::Refused(RetryRefusal::NotDead)) => {
                refused += 1;
                format!("{id}: it is not dead; it is tried again by itself.\n")
            }
            Err(Failure::Fault(error)) => return Err(error),
        };
        print(&said)?;
    }
    anyhow::ensure!(refused == 0, "{refused} of {} were not put back", ids.len());
    print(&format!("{back} put back.\n"))
}

/// Stops payouts, or lets them go on.
pub(crate) async fn payouts(config: &Config, command: Payouts) -> anyhow::Result<()> {
    let cx = context(config).await?;
    let (Payouts::Hold { party, answer } | Payouts::Release { party, answer }) = &command;
    let by = answer.operator(&cx).await?;
    let new = NewHold {
        party: find(&cx, party).await?,
        reason: answer.reason.clone(),
        key: answer.key(&cx),
    };
    let (outcome, done) = match command {
        Payouts::Hold { .. } => (payout::hold(&cx, &by, new).await, "are held"),
        Payouts::Release { .. } => (payout::release_hold(&cx, &by, new).await, "go on"),
    };
    let hold = done_or_told(outcome)?;
    print(&format!("The payouts of {} {done}.\n", hold.party))
}

/// Decides about money.
pub(crate) async fn books(config: &Config, command: Books) -> anyhow::Result<()> {
    let cx = context(config).await?;
    let (decision, answer) = match command {
        Books::Goodwill {
            party,
            amount,
            currency,
            answer,
        } => {
            let (party, amount) = (find(&cx, &party).await?, Money::parse(&amount, currency)?);
            (Decision::Goodwill { party, amount }, answer)
        }
        Books::WriteOff {
            party,
            amount,
            currency,
            answer,
        } => {
            let (party, amount) = (find(&cx, &party).await?, Money::parse(&amount, currency)?);
            (Decision::WriteOff { party, amount }, answer)
        }
        Books::Explain {
            suspended,
            currency,
            target,
            answer,
        } => {
            let target = target.into();
            (
                Decision::Explanation {
                    suspended,
                    currency,
                    target,
                },
                answer,
            )
        }
        Books::ExplainMovement {
            source,
            target,
            answer,
        } => {
            let target = target.into();
            (Decision::Movement { source, target }, answer)
        }
        Books::Correct { adjustment, answer } => (Decision::Correction { of: adjustment }, answer),
    };
    let by = answer.operator(&cx).await?;
    let new = NewAdjustment {
        decision,
        reason: answer.reason.clone(),
        key: answer.key(&cx),
    };
    let made = done_or_told(ledger::adjust(&cx, &by, new).await)?;
    let amount = Money::new(made.amount, made.currency);
    print(&format!(
        "{}: {} of {amount} is in the books.\n",
        made.id, made.kind
    ))
}

async fn context(config: &Config) -> anyhow::Result<Context> {
    database::ready(&config.database_url()).await?;
    let app = Vitrine::without_payments(config).await?;
    Ok(app.context("cli"))
}

/// The account or brand that `named` names, by id, address or handle.
async fn find(cx: &Context, named: &str) -> anyhow::Result<Party> {
    if let Ok(party) = named.parse() {
        return Ok(party);
    }
    if let Ok(email) = named.parse::<Email>() {
        let account = identity::account_with_email(cx.db(), &email).await?;
        let account = account.with_context(|| format!("nobody has an account with the address {email}"))?;
        return Ok(Party::Shopholder(account.id));
    }
    let handle: Handle = named.parse()?;
    let brand = catalog::brand_by_handle(cx.db(), &handle).await?;
    let brand = brand.with_context(|| format!("there is no brand with the handle {handle}"))?;
    Ok(Party::Brand(brand.id))
}

/// The refusal in the words the API has for it.
fn done_or_told<T, R>(outcome: Result<T, Failure<R>>) -> anyhow::Result<T>
where
    R: Into<UserError>,
{
    match outcome {
        Ok(done) => Ok(done),
        Err(Failure::Refused(refusal)) => anyhow::bail!("refused: {}", refusal.into().told()),
        Err(Failure::Fault(error)) => Err(error),
    }
}
