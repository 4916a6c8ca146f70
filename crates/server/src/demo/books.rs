//! What the story shows of the books: the sale's postings in words, everybody's balances, Anna's statement, the audit.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, ensure};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use vitrine_model::job::{self, JobState};
use vitrine_model::ledger::{AccountKind, Side, account, posting, transaction};
use vitrine_model::money::Money;

use super::api::{Person, money, text};
use super::offers::{EURO, listing};
use super::stage::Stage;
use super::story::Brand;
use super::teller::Teller;

/// The effects a sale has on the books on its first day, and what to call them.
const OF_A_SALE: [(&str, &str); 3] = [
    ("charge.paid", "The payment is divided"),
    ("balance_transaction", "Stripe has moved the money, less its fee"),
    ("fee.recharged", "The fee is charged on to those who bear it"),
];

/// The sale's postings, as the books keep them, and who bears Stripe's fee.
pub(super) async fn postings(stage: &Stage, brands: &[Brand], tell: &mut Teller) -> anyhow::Result<()> {
    tell.act("The same in the platform's books: double entry, a few lines per transaction")?;
    let cx = stage.running.app.context("books");
    let transactions = transaction::Entity::find()
        .filter(transaction::Column::Kind.is_in(OF_A_SALE.map(|(kind, _)| kind)))
        .order_by_asc(transaction::Column::Id)
        .all(cx.db())
        .await?;
    let mut fee = None;
    for transaction in &transactions {
        let title = OF_A_SALE.iter().find(|(kind, _)| *kind == transaction.kind);
        let lines = lines(cx.db(), transaction.id).await?;
        let fees = lines
            .iter()
            .find(|line| line.kind == AccountKind::ExpenseStripeFees);
        fee = fee.or(fees.map(|line| line.amount));
        let rows: Vec<Vec<String>> = lines.iter().map(|line| line.row(brands)).collect();
        tell.table(&[title.map_or("", |(_, title)| title), "debit", "credit"], &rows)?;
    }
    let fee = fee.context("Stripe took no fee")?;
    tell.line(format!(
        "Stripe kept {fee} for the payment. These brands bear it, in proportion to what was paid for their goods;"
    ))?;
    tell.line("the operator may decide, brand by brand, that the platform does.")
}

/// What one transaction put on one side of one account.
struct Line {
    owner: String,
    kind: AccountKind,
    side: Side,
    amount: Money,
}

/// The postings of a transaction, those of one account put together, debits first.
async fn lines(db: &sea_orm::DatabaseConnection, transaction: i64) -> anyhow::Result<Vec<Line>> {
    let postings = posting::Entity::find()
        .filter(posting::Column::TransactionId.eq(transaction))
        .order_by_asc(posting::Column::Id)
        .all(db)
        .await?;
    let accounts = account::Entity::find()
        .filter(account::Column::Id.is_in(postings.iter().map(|posting| posting.account_id)))
        .all(db)
        .await?;
    let accounts: HashMap<i64, account::Model> = accounts.into_iter().map(|row| (row.id, row)).collect();
    let mut sums: BTreeMap<(bool, i64), i64> = BTreeMap::new();
    for posting in postings {
        *sums
            .entry((posting.side == Side::Credit, posting.account_id))
            .or_default() += posting.amount;
    }
    let lines = sums.into_iter().map(|((credit, id), amount)| {
        let account = accounts.get(&id).context("a posting on no account")?;
        Ok(Line {
            owner: account.owner.clone(),
            kind: account.kind,
            side: if credit { Side::Credit } else { Side::Debit },
            amount: Money::new(amount, account.currency),
        })
    });
    lines.collect()
}

impl Line {
    fn row(&self, brands: &[Brand]) -> Vec<String> {
        let amount = self.amount.to_string();
        let (debit, credit) = match self.side {
            Side::Debit => (amount, String::new()),
            Side::Credit => (String::new(), amount),
        };
        vec![format!("  {}", self.words(brands)), debit, credit]
    }

    fn words(&self, brands: &[Brand]) -> String {
        let brand = brands.iter().find(|brand| brand.id == self.owner);
        let whose = brand.map_or("Anna", |brand| brand.name.as_str());
        match self.kind {
            AccountKind::ClearingCharges => "paid by Berta, on its way through Stripe".to_owned(),
            AccountKind::StripeCash => "the platform's balance at Stripe".to_owned(),
            AccountKind::ExpenseStripeFees => "Stripe's fee".to_owned(),
            AccountKind::IncomeRecoveredFees => "Stripe's fee, recovered".to_owned(),
            AccountKind::DeferredPlatformFee => "the platform's fee, not earned yet".to_owned(),
            AccountKind::Held => format!("held for {whose}"),
            AccountKind::Available => format!("available to {whose}"),
            AccountKind::Receivable => format!("owed by {whose}"),
            other => format!("{other} of {whose}"),
        }
    }
}

/// What somebody has, after a balance was read.
pub(super) struct Standing {
    pub(super) name: String,
    pub(super) held: Money,
    pub(super) available: Money,
    pub(super) paid_out: Money,
    pub(super) owed: Money,
}

impl Standing {
    fn of(name: &str, earnings: &Value) -> anyhow::Result<Self> {
        let part = |part: &str| {
            let amount = text(&earnings[part]["amount"])?;
            Money::parse(&amount, EURO).with_context(|| format!("{part} of {name} is {amount}"))
        };
        Ok(Self {
            name: name.to_owned(),
            held: part("held")?,
            available: part("available")?,
            paid_out: part("paidOut")?,
            owed: part("owed")?,
        })
    }

    fn row(&self) -> Vec<String> {
        let parts = [self.held, self.available, self.paid_out, self.owed];
        std::iter::once(self.name.clone())
            .chain(parts.map(|part| part.to_string()))
            .collect()
    }

    /// What it may still draw, or will.
    fn undrawn(&self) -> i64 {
        self.held.minor() + self.available.minor()
    }
}

/// Everybody's balances, as each may read them; Anna's come last.
pub(super) async fn balances(
    brands: &[Brand],
    anna: &Person,
    title: &str,
    tell: &mut Teller,
) -> anyhow::Result<Vec<Standing>> {
    tell.act(title)?;
    let fields = "currency held { amount currency } available { amount currency } paidOut { amount currency } owed { amount currency }";
    let annas = anna
        .ask(&format!("{{ viewer {{ earnings {{ {fields} }} }} }}"), json!({}))
        .await?;
    let mut standings = Vec::new();
    for brand in brands {
        let query = format!("query ($id: ID!) {{ brand(id: $id) {{ balance {{ {fields} }} }} }}");
        let found = brand.staff.ask(&query, json!({ "id": brand.id })).await?;
        for earnings in found["brand"]["balance"].as_array().into_iter().flatten() {
            standings.push(Standing::of(&brand.name, earnings)?);
        }
    }
    standings.push(Standing::of("Anna", &annas["viewer"]["earnings"][0])?);
    let rows: Vec<_> = standings.iter().map(Standing::row).collect();
    tell.table(&["", "held", "available", "paid out", "owed"], &rows)?;
    Ok(standings)
}

/// What the payout runs did for these, by their figures.
pub(super) fn payouts(stage: &Stage, standings: &[Standing], tell: &mut Teller) -> anyhow::Result<()> {
    let paid: Vec<String> = standings
        .iter()
        .filter(|standing| standing.paid_out.minor() > 0)
        .map(|standing| standing.name.clone())
        .collect();
    if !paid.is_empty() {
        tell.line(format!("The payout run has paid {}.", listing(&paid)))?;
    }
    let smallest = Money::new(stage.running.app.context("demo").settings().payout_minimum, EURO);
    for Standing { name, available, .. } in standings {
        match available.minor() {
            ..=0 => {}
            minor if minor < smallest.minor() => tell.line(format!(
                "What is available to {name} is below the smallest payout of {smallest}, and waits."
            ))?,
            _ => tell.line(format!(
                "What is available to {name} waits for the next payout run."
            ))?,
        }
    }
    for Standing { name, held, .. } in standings.iter().filter(|standing| standing.held.minor() > 0) {
        tell.line(format!("{held} is still held for {name}."))?;
    }
    Ok(())
}

/// What a refund took from whom, and from where, by the figures before and after.
pub(super) fn given_back(before: &[Standing], after: &[Standing], tell: &mut Teller) -> anyhow::Result<()> {
    ensure!(
        before.len() == after.len(),
        "the refund changed who has a balance"
    );
    let (mut reversed, mut kept, mut owing) = (Vec::new(), Vec::new(), Vec::new());
    for (was, is) in before.iter().zip(after) {
        let less = |words: &mut Vec<String>, minor: i64, whose: &str| {
            if minor > 0 {
                words.push(format!("{} {whose} {}", Money::new(minor, EURO), is.name));
            }
        };
        less(&mut reversed, was.paid_out.minor() - is.paid_out.minor(), "from");
        less(&mut kept, was.undrawn() - is.undrawn(), "from");
        less(&mut owing, is.owed.minor() - was.owed.minor(), "by");
    }
    for (words, says) in [
        (
            &reversed,
            "Paid out before, and brought back by transfer reversals",
        ),
        (&kept, "Not paid out yet, and taken from what waited"),
        (&owing, "Owed from now on"),
    ] {
        if !words.is_empty() {
            tell.line(format!("{says}: {}.", listing(words)))?;
        }
    }
    if reversed.is_empty() {
        tell.line("Nothing that was paid out had to come back.")?;
    }
    Ok(())
}

/// Makes sure that no work was laid aside as hopeless: a letter never sent, a transfer never made.
pub(super) async fn nothing_given_up(stage: &Stage) -> anyhow::Result<()> {
    let dead = job::Entity::find()
        .filter(job::Column::State.eq(JobState::Dead))
        .all(stage.running.app.context("audit").db())
        .await?;
    let told: Vec<String> = dead
        .iter()
        .map(|job| {
            let why = job.last_error.as_deref().unwrap_or("no reason is known");
            format!("{}: {why}", job.kind)
        })
        .collect();
    ensure!(
        dead.is_empty(),
        "not everything held: jobs were given up\n{}",
        told.join("\n")
    );
    Ok(())
}

/// Anna's statement, the oldest first, as a bank would print it.
pub(super) async fn statement(anna: &Person, tell: &mut Teller) -> anyhow::Result<()> {
    tell.act("Anna reads her statement")?;
    let query = "{ viewer { statement(first: 30) { nodes { occurredAt description amount { amount currency } balance { amount currency } } } } }";
    let found = anna.ask(query, json!({})).await?;
    let row = |entry: &Value| {
        let day: String = entry["occurredAt"]
            .as_str()
            .unwrap_or("?")
            .chars()
            .take(10)
            .collect();
        vec![
            format!("{day}  {}", entry["description"].as_str().unwrap_or("?")),
            money(&entry["amount"]),
            money(&entry["balance"]),
        ]
    };
    let entries = found["viewer"]["statement"]["nodes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let rows: Vec<_> = entries.iter().rev().map(row).collect();
    ensure!(!rows.is_empty(), "the statement is empty");
    tell.table(&["", "changes by", "she has in all"], &rows)
}

/// Audits the books, and holds them against Stripe's.
pub(super) async fn audit(stage: &Stage, tell: &mut Teller) -> anyhow::Result<()> {
    tell.act("vitrine audit")?;
    let report = vitrine_domain::ledger::audit(&stage.running.app.context("audit")).await?;
    for line in report.to_string().lines() {
        tell.line(line)?;
    }
    ensure!(report.is_green(), "the audit found something");
    let books = stage.stripe_books().await?;
    let euro = &books["balance"]["eur"];
    let minor = euro["available"].as_i64().unwrap_or(0) + euro["pending"].as_i64().unwrap_or(0);
    let ours = vitrine_domain::ledger::stripe_cash(stage.running.app.context("audit").db()).await?;
    let ours: i64 = ours.iter().map(|money| money.minor()).sum();
    ensure!(minor == ours, "Stripe holds {minor}, our books say {ours}");
    tell.line(format!(
        "Stripe's own books agree to the cent: {}.{:02} EUR.",
        ours / 100,
        ours % 100
    ))
}
