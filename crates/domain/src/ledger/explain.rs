//! One order's money in plain words, posting by posting: for whoever answers a buyer, a brand or a shopholder who asks
//! where it went. It reads only.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use vitrine_model::Time;
use vitrine_model::catalog::brand;
use vitrine_model::checkout::{charge, dispute, order, order_line, refund};
use vitrine_model::id::{AccountId, BrandId, OrderId, OrderLineId, UnitId};
use vitrine_model::identity::account as person;
use vitrine_model::ledger::{
    AccountKind, Party, UnitKind, account, balance_transaction, posting, transaction, unit,
};
use vitrine_model::money::Money;

use crate::ledger::commands::sharers_of;
use crate::ledger::rules::effect;

/// One order's money, from its payment until now.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The order's number.
    pub number: String,
    /// What the buyer agreed to pay.
    pub total: Money,
    /// When it was paid; none when it never was.
    pub paid_at: Option<Time>,
    /// What happened, in the order in which it was written down.
    pub steps: Vec<Step>,
}

/// One transaction of the ledger.
#[derive(Debug, Clone)]
pub struct Step {
    /// When it happened.
    pub at: Time,
    /// What happened, in words.
    pub what: &'static str,
    /// The ledger's key of it.
    pub key: String,
    /// What it did to whose balance.
    pub changes: Vec<Change>,
}

/// One posting.
#[derive(Debug, Clone)]
pub struct Change {
    /// By how much the balance changed.
    pub amount: Money,
    /// Whose balance, and which.
    pub balance: String,
    /// What it is for, where it is one piece.
    pub goods: Option<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paid = match self.paid_at {
            Some(at) => format!("paid on {}", minute(at)),
            None => "never paid".to_owned(),
        };
        writeln!(f, "Order {}: {}, {paid}.", self.number, self.total)?;
        if self.steps.is_empty() {
            writeln!(f, "\nNothing about it is in the books.")?;
        }
        for step in &self.steps {
            writeln!(f, "\n{}  {}  [{}]", minute(step.at), step.what, step.key)?;
            for change in &step.changes {
                let sign = if change.amount.minor() < 0 { "" } else { "+" };
                let amount = format!("{sign}{}", change.amount);
                let goods = change.goods.as_ref().map(|goods| format!(", for {goods}"));
                writeln!(
                    f,
                    "  {amount:>16}  {}{}",
                    change.balance,
                    goods.unwrap_or_default()
                )?;
            }
        }
        Ok(())
    }
}

fn minute(at: Time) -> impl fmt::Display {
    at.format("%Y-%m-%d %H:%M")
}

/// Everything in the books about the order with this number or id; `None` when there is no such order.
///
/// # Errors
/// When the database fails.
pub async fn explain(db: &impl ConnectionTrait, wanted: &str) -> Result<Option<Explanation>, DbErr> {
    let by = match wanted.parse::<OrderId>() {
        Ok(id) => order::Column::Id.eq(id),
        Err(_) => order::Column::Number.eq(wanted),
    };
    let Some(order) = order::Entity::find().filter(by).one(db).await? else {
        return Ok(None);
    };
    let facts = Facts::of(db, order.id).await?;
    let mut steps = Vec::new();
    for transaction in facts.transactions(db, order.id).await? {
        steps.push(facts.step(db, transaction).await?);
    }
    Ok(Some(Explanation {
        total: Money::new(order.total, order.currency),
        number: order.number,
        paid_at: order.paid_at,
        steps,
    }))
}

/// The rows in whose words an order's transactions are told.
struct Facts {
    units: HashMap<UnitId, unit::Model>,
    lines: HashMap<OrderLineId, order_line::Model>,
    brands: HashMap<BrandId, String>,
    people: HashMap<AccountId, String>,
}

impl Facts {
    async fn of(db: &impl ConnectionTrait, order: OrderId) -> Result<Self, DbErr> {
        let units = unit::Entity::find()
            .filter(unit::Column::OrderId.eq(order))
            .all(db)
            .await?;
        let lines = order_line::Entity::find()
            .filter(order_line::Column::OrderId.eq(order))
            .all(db)
            .await?;
        let brands = brand::Entity::find()
            .filter(brand::Column::Id.is_in(units.iter().map(|unit| unit.brand_id)))
            .all(db)
            .await?;
        let shopholders = units.iter().filter_map(|unit| match unit.shopholder {
            Some(Party::Shopholder(id)) => Some(id),
            _ => None,
        });
        let sharers = sharers_of(db, order).await?;
        let sharers = sharers.iter().filter_map(|party| match party {
            Party::Shopholder(id) => Some(*id),
            Party::Brand(_) => None,
        });
        let people = person::Entity::find()
            .filter(person::Column::Id.is_in(shopholders.chain(sharers)))
            .all(db)
            .await?;
        Ok(Self {
            units: units.into_iter().map(|row| (row.id, row)).collect(),
            lines: lines.into_iter().map(|row| (row.id, row)).collect(),
            brands: brands
                .into_iter()
                .map(|row| (row.id, row.name.to_string()))
                .collect(),
            people: people
                .into_iter()
                .map(|row| (row.id, row.name.to_string()))
                .collect(),
        })
    }

    /// The order's transactions: those that name one of its pieces, and those of its charges and refunds and of Stripe's
    /// balance transactions about them.
    async fn transactions(
        &self,
        db: &impl ConnectionTrait,
        order: OrderId,
    ) -> Result<Vec<transaction::Model>, DbErr> {
        let about_units: Vec<i64> = posting::Entity::find()
            .select_only()
            .column(posting::Column::TransactionId)
            .distinct()
            .filter(posting::Column::UnitId.is_in(self.units.keys().copied()))
            .into_tuple()
            .all(db)
            .await?;
        let wanted = Condition::any()
            .add(transaction::Column::Id.is_in(about_units))
            .add(transaction::Column::Key.is_in(keys(db, order).await?));
        transaction::Entity::find()
            .filter(wanted)
            .order_by_asc(transaction::Column::Id)
            .all(db)
            .await
    }

    async fn step(&self, db: &impl ConnectionTrait, row: transaction::Model) -> Result<Step, DbErr> {
        let postings = posting::Entity::find()
            .filter(posting::Column::TransactionId.eq(row.id))
            .order_by_asc(posting::Column::Id)
            .all(db)
            .await?;
        let accounts = account::Entity::find()
            .filter(account::Column::Id.is_in(postings.iter().map(|posting| posting.account_id)))
            .all(db)
            .await?;
        let accounts: HashMap<i64, account::Model> = accounts.into_iter().map(|row| (row.id, row)).collect();
        // A release or a run may concern other orders too: only what is this order's, or nobody's in particular, is told.
        let ours = postings
            .iter()
            .filter(|posting| posting.unit_id.is_none_or(|unit| self.units.contains_key(&unit)));
        let changes =
            ours.filter_map(|posting| Some(self.change(accounts.get(&posting.account_id)?, posting)));
        Ok(Step {
            at: row.occurred_at,
            what: happened(&row.kind),
            changes: changes.collect(),
            key: row.key,
        })
    }

    fn change(&self, account: &account::Model, posting: &posting::Model) -> Change {
        let amount = effect(account.kind, posting.side, posting.amount);
        Change {
            amount: Money::new(amount, posting.currency),
            balance: match account.owner.parse::<Party>() {
                Ok(party) => format!("{}: {}", self.name(party), meaning(account.kind)),
                Err(_) => format!("platform: {}", meaning(account.kind)),
            },
            goods: posting.unit_id.and_then(|unit| self.goods(unit)),
        }
    }

    fn name(&self, party: Party) -> String {
        let name = match party {
            Party::Brand(id) => self.brands.get(&id),
            Party::Shopholder(id) => self.people.get(&id),
        };
        name.cloned().unwrap_or_else(|| party.to_string())
    }

    fn goods(&self, unit: UnitId) -> Option<String> {
        let unit = self.units.get(&unit)?;
        if unit.kind == UnitKind::Shipping {
            return Some("shipping".to_owned());
        }
        let line = self.lines.get(&unit.line_id?)?;
        Some(format!("piece {}, {}", unit.ordinal, line.title))
    }
}

/// The ledger's keys about an order's charges, refunds and disputes, and about what Stripe moved for them.
async fn keys(db: &impl ConnectionTrait, order: OrderId) -> Result<BTreeSet<String>, DbErr> {
    let charges = charge::Entity::find()
        .filter(charge::Column::OrderId.eq(order))
        .all(db)
        .await?;
    let refunds = refund::Entity::find()
        .filter(refund::Column::OrderId.eq(order))
        .all(db)
        .await?;
    let mut keys = BTreeSet::new();
    let mut sources = Vec::new();
    for charge in charges {
        keys.extend(["paid", "unexpected"].map(|how| format!("charge:{}:{how}", charge.id)));
        keys.insert(format!("fee_recharge:{}", charge.id));
        sources.push(charge.id);
    }
    for refund in refunds {
        keys.extend(
            ["decided", "failed", "failed:due_again"].map(|how| format!("refund:{}:{how}", refund.id)),
        );
        if let Some(made) = refund.stripe_refund_id {
            keys.insert(format!("refund:{made}"));
            sources.push(made);
        }
    }
    let disputes = dispute::Entity::find()
        .filter(dispute::Column::OrderId.eq(order))
        .all(db)
        .await?;
    for dispute in disputes {
        keys.extend(dispute_keys(&dispute));
        sources.push(dispute.stripe_id);
    }
    let moved: Vec<String> = balance_transaction::Entity::find()
        .select_only()
        .column(balance_transaction::Column::Id)
        .filter(balance_transaction::Column::Source.is_in(sources))
        .into_tuple()
        .all(db)
        .await?;
    keys.extend(moved.into_iter().map(|id| format!("txn:{id}")));
    Ok(keys)
}

/// The keys that a dispute's steps in the ledger may have.
fn dispute_keys(dispute: &dispute::Model) -> impl Iterator<Item = String> {
    let kinds = ["opened", "closed", "corrected", "fee_recharged", "due_again"];
    (1..=dispute.steps)
        .flat_map(move |step| kinds.map(|what| format!("dispute:{}:{step}:{what}", dispute.stripe_id)))
}

/// What a kind of transaction is, in words.
fn happened(kind: &str) -> &'static str {
    match kind {
        "charge.paid" => "The buyer paid, and each part of the price is held for whom it belongs to",
        "charge.unexpected" => "A payment nobody asked for came, and is owed back",
        "balance_transaction" => "Stripe moved the platform's balance",
        "fee.recharged" => "Stripe's fee was charged on to the brands that bear it",
        "release" => "A return window closed",
        "share.passed" => "What was released is shared with those who curate the shop",
        "debt.due_again" => {
            "What parties had been let off is due again, as what they owed it for came to nothing"
        }
        "share.returned" => "Those who curate the shop give their shares of it back",
        "dispute.opened" => "The buyer's bank disputes the payment: what there is of it is frozen",
        "dispute.closed" => "The dispute was decided",
        "dispute.corrected" => "What the dispute cost in the end became known",
        "dispute.fee_recharged" => "Stripe's fee for the dispute was charged on to the brands that bear it",
        "refund.decided" => "A refund was decided: each part goes back from whoever has it",
        "refund.made" => "Stripe took the refund on",
        "refund.failed" => "A refund failed: everything is as it was before it",
        _ => "Something else happened",
    }
}

/// What a balance is, in words that follow its owner's name.
fn meaning(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::StripeCash => "balance at Stripe",
        AccountKind::ClearingCharges => "charged, and awaited in the balance at Stripe",
        AccountKind::ClearingRefunds => "refunds made, and awaited in the balance at Stripe",
        AccountKind::ClearingTransfers => "transfers made, and awaited in the balance at Stripe",
        AccountKind::Bank => "bank account",
        AccountKind::Receivable => "owed",
        AccountKind::Recovering => "owed, and being taken back",
        AccountKind::DisputeReceivable => "held back by Stripe in a dispute",
        AccountKind::Held => "held until the return window closes",
        AccountKind::Available => "available to be paid out",
        AccountKind::InTransit => "on its way",
        AccountKind::Disputed => "frozen by a dispute",
        AccountKind::RefundsPayable => "owed to the buyer",
        AccountKind::DeferredPlatformFee => "fee, until the return window closes",
        AccountKind::DeferredPlatformFeeDisputed => "fee, frozen by a dispute",
        AccountKind::TaxPayable => "tax owed",
        AccountKind::IncomePlatformFee => "fee earned",
        AccountKind::IncomeRecoveredFees => "Stripe's fees charged on",
        AccountKind::EquityFloat => "the operator's own money",
        AccountKind::ExpenseStripeFees => "Stripe's fees",
        AccountKind::ExpenseDisputeFees => "Stripe's fees for disputes",
        AccountKind::ExpenseBadDebt => "lost",
        AccountKind::ExpenseGoodwill => "given of its own",
        AccountKind::Suspense => "not understood",
    }
}
