//! `vitrine payouts …` and `vitrine books …`: what operators decide about money, from the command line. The same commands
//! as the API's, with the same refusals; each needs an operator who answers for it, and a reason.

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use vitrine_domain::context::Context;
use vitrine_domain::failure::Failure;
use vitrine_domain::ledger::{self, Decision, NewAdjustment, Target};
use vitrine_domain::payout::{self, NewHold};
use vitrine_domain::{catalog, identity};
use vitrine_graphql::UserError;
use vitrine_model::id::AdjustmentId;
use vitrine_model::identity::account;
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

/// What something in suspense turned out to be.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Meant {
    /// A fee of Stripe's.
    StripeFees,
    /// The operator's own money, put in or taken out.
    Float,
    /// Lost.
    BadDebt,
}

impl From<Meant> for Target {
    fn from(meant: Meant) -> Self {
        match meant {
            Meant::StripeFees => Self::StripeFees,
            Meant::Float => Self::Float,
            Meant::BadDebt => Self::BadDebt,
        }
    }
}

impl Answer {
    async fn operator(&self, cx: &Context) -> anyhow::Result<account::Model> {
        let found = identity::account_with_email(cx.db(), &self.by).await?;
        let found = found.filter(|account| account.operator);
        found.with_context(|| format!("{} is no operator: make one with `vitrine operator {0}`", self.by))
    }

    fn key(&self, cx: &Context) -> String {
        let new = || cx.new_id::<AdjustmentId>().to_string();
        self.key.clone().unwrap_or_else(new)
    }
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
