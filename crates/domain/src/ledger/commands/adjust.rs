//! What operators decide about money: goodwill, debts written off, suspense and what was moved by hand explained, and any of
//! these taken back. Each is a row with its reason and its author, and one transaction of the ledger (`adjustment:{id}`). Nothing that happened
//! is ever changed by it.

use anyhow::Context as _;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use vitrine_model::checkout::{charge, dispute, refund};
use vitrine_model::id::AdjustmentId;
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::account as person;
use vitrine_model::ledger::adjustment::{self, AdjustmentKind};
use vitrine_model::ledger::{AccountKind, Party, Side, account, balance_transaction, posting};
use vitrine_model::money::{Currency, Money};
use vitrine_model::payout::{self, transfer_reversal};
use vitrine_model::reconciliation::difference::{self, DifferenceKind};
use vitrine_model::text::Reason;

use crate::context::{Context, Tx};
use crate::event::{self, Actor};
use crate::failure::{Failure, OrRefuse, OrRefuseDuplicate, refuse};
use crate::idempotency::{self, Input, Key};
use crate::ledger::books::Books;
use crate::ledger::commands::due_again;
use crate::ledger::commands::settlement::{ABOUT_DISPUTES, clearing_account, matched_kinds, of_disputes};
use crate::ledger::post::{Entry, Owner};
use crate::ledger::queries::party_exists;
use crate::ledger::refusal::Refusal;
use crate::ledger::rules::effect;
use crate::tx::Rank;

/// What an operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Give a party money of the platform's own: what it owes is paid first.
    Goodwill {
        /// To whom.
        party: Party,
        /// How much; above zero.
        amount: Money,
    },
    /// Let a party off what it owes.
    WriteOff {
        /// Whom.
        party: Party,
        /// How much; no more than it owes now.
        amount: Money,
    },
    /// Say what all that lies in suspense of one kind was.
    Explanation {
        /// The kind of Stripe's balance transaction.
        suspended: String,
        /// In which currency.
        currency: Currency,
        /// What it was.
        target: Target,
    },
    /// Say what it was that somebody moved by hand at Stripe: a refund or transfer that none of ours explains.
    Movement {
        /// Stripe's object, such as `re_…`.
        source: String,
        /// What it was.
        target: Target,
    },
    /// Take an adjustment back.
    Correction {
        /// Which.
        of: AdjustmentId,
    },
}

/// What something that was not understood turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A fee of Stripe's.
    StripeFees,
    /// The operator's own money, put in or taken out.
    Float,
    /// Lost.
    BadDebt,
    /// Given away by the platform.
    Goodwill,
}

impl Target {
    fn account(self) -> AccountKind {
        match self {
            Self::StripeFees => AccountKind::ExpenseStripeFees,
            Self::Float => AccountKind::EquityFloat,
            Self::BadDebt => AccountKind::ExpenseBadDebt,
            Self::Goodwill => AccountKind::ExpenseGoodwill,
        }
    }
}

/// A decision, why, and the client's idempotency key.
#[derive(Debug, Clone)]
pub struct NewAdjustment {
    /// What is decided.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// The client's idempotency key.
    pub key: String,
}

impl NewAdjustment {
    /// Each decision is a mutation of its own, with keys of its own. They last: nothing else would tell a gift repeated by
    /// mistake, however late, from another gift.
    fn key(&self, by: &person::Model) -> Key {
        let amount = |party: &Party, amount: &Money| {
            let input = Input::new().field("party", party);
            input
                .field("amount", amount.minor())
                .field("currency", amount.currency())
        };
        let (mutation, input) = match &self.decision {
            Decision::Goodwill { party, amount: of } => ("goodwillCredit", amount(party, of)),
            Decision::WriteOff { party, amount: of } => ("debtWriteOff", amount(party, of)),
            Decision::Explanation {
                suspended,
                currency,
                target,
            } => {
                let input = Input::new()
                    .field("suspended", suspended)
                    .field("currency", currency);
                ("suspenseExplain", input.field("target", target.account()))
            }
            Decision::Movement { source, target } => {
                let input = Input::new().field("source", source);
                ("movementExplain", input.field("target", target.account()))
            }
            Decision::Correction { of } => ("adjustmentCorrect", Input::new().field("adjustment", of)),
        };
        let input = input.field("reason", &self.reason);
        Key::new(by.id, mutation, self.key.clone(), &input).lasting()
    }
}

/// Makes an adjustment. The caller has seen that `by` is an operator.
///
/// # Errors
/// `PartyNotFound`, `NothingGiven`, `CurrencyNotHeld`, `MoreThanOwed`, `NothingSuspended`, `NothingUnexplained`, `AdjustmentNotFound`, `NotCorrectable`, `Key`.
pub async fn adjust(
    cx: &Context,
    by: &person::Model,
    new: NewAdjustment,
) -> Result<adjustment::Model, Failure<Refusal>> {
    let tx = cx.begin().await?;
    let key = new.key(by);
    if let Some(made) = idempotency::earlier::<AdjustmentId, _>(&tx, cx, &key).await? {
        let made = adjustment::Entity::find_by_id(made).one(&tx).await?;
        return Ok(made.context("the adjustment of an idempotency key is gone")?);
    }
    let row = decided(&tx, cx, by, &new).await?;
    post(&tx, cx, &row).await?;
    let row: adjustment::ActiveModel = row.into();
    let row = row
        .reset_all()
        .insert(&tx)
        .await
        .or_refuse_duplicate(Refusal::NotCorrectable)?;
    let refs = row.party.map(|party| ("party", party.to_string()));
    let refs = refs.as_slice();
    event::record(&tx, cx, Actor::Account(by.id), "adjustment.made", row.id, refs).await?;
    idempotency::finish(&tx, &key, Attempt::Done, row.id).await?;
    tx.commit().await?;
    Ok(row)
}

async fn decided(
    tx: &Tx,
    cx: &Context,
    by: &person::Model,
    new: &NewAdjustment,
) -> Result<adjustment::Model, Failure<Refusal>> {
    let row = |kind, party, amount: Money| adjustment::Model {
        id: cx.new_id(),
        kind,
        party,
        suspended: None,
        source: None,
        target: None,
        amount: amount.minor(),
        currency: amount.currency(),
        corrects: None,
        reason: new.reason.clone(),
        made_by: by.id,
        created_at: cx.now(),
    };
    match &new.decision {
        Decision::Goodwill { party, amount } => {
            if !cx.settings().currencies.contains(&amount.currency()) {
                return refuse(Refusal::CurrencyNotHeld);
            }
            must_be_payable(tx, *party, *amount).await?;
            Ok(row(AdjustmentKind::Goodwill, Some(*party), *amount))
        }
        Decision::WriteOff { party, amount } => {
            must_be_payable(tx, *party, *amount).await?;
            let books = Books::open(tx, cx, amount.currency(), [*party]).await?;
            let owed = books.balance(*party, AccountKind::Receivable);
            if amount.minor() > owed {
                let owed = Money::new(owed, amount.currency());
                return refuse(Refusal::MoreThanOwed { owed });
            }
            Ok(row(AdjustmentKind::WriteOff, Some(*party), *amount))
        }
        Decision::Explanation {
            suspended,
            currency,
            target,
        } => {
            let amount = lock_suspended(tx, suspended, *currency).await?;
            if amount == 0 {
                return refuse(Refusal::NothingSuspended);
            }
            Ok(adjustment::Model {
                suspended: Some(suspended.clone()),
                target: Some(target.account()),
                ..row(AdjustmentKind::Explanation, None, Money::new(amount, *currency))
            })
        }
        Decision::Movement { source, target } => {
            let amount = lock_unexplained(tx, source).await?;
            let amount = amount.or_refuse(Refusal::NothingUnexplained)?;
            Ok(adjustment::Model {
                source: Some(source.clone()),
                target: Some(target.account()),
                ..row(AdjustmentKind::Explanation, None, amount)
            })
        }
        Decision::Correction { of } => {
            let (of, amount) = correctable(tx, cx, *of).await?;
            Ok(adjustment::Model {
                suspended: of.suspended,
                source: of.source,
                target: of.target,
                corrects: Some(of.id),
                ..row(AdjustmentKind::Correction, of.party, amount)
            })
        }
    }
}

/// The adjustment, if it does not take another back itself, and what of it stands.
async fn correctable(
    tx: &Tx,
    cx: &Context,
    id: AdjustmentId,
) -> Result<(adjustment::Model, Money), Failure<Refusal>> {
    let of = adjustment::Entity::find_by_id(id).one(tx).await?;
    let of = of.or_refuse(Refusal::AdjustmentNotFound)?;
    let stands = of.amount - due_again::so_far(tx, cx, &of).await?;
    match of.kind {
        AdjustmentKind::Correction => refuse(Refusal::NotCorrectable),
        _ if stands == 0 => refuse(Refusal::NotCorrectable),
        _ => {
            let stands = Money::new(stands, of.currency);
            Ok((of, stands))
        }
    }
}

/// There is such a party, and the amount is something.
async fn must_be_payable(tx: &Tx, party: Party, amount: Money) -> Result<(), Failure<Refusal>> {
    if !party_exists(tx, party).await? {
        return refuse(Refusal::PartyNotFound);
    }
    if amount.minor() <= 0 {
        return refuse(Refusal::NothingGiven);
    }
    Ok(())
}

/// What of one kind lies in suspense: above zero when it came to Stripe's balance. Its account is locked, so that nobody
/// explains the same twice; what comes in meanwhile is for the next explanation.
async fn lock_suspended(tx: &Tx, kind: &str, currency: Currency) -> Result<i64, DbErr> {
    tx.locks(Rank::Accounts);
    let account = account::Entity::find()
        .filter(account::Column::Owner.eq(kind))
        .filter(account::Column::Kind.eq(AccountKind::Suspense))
        .filter(account::Column::Currency.eq(currency))
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await?;
    let Some(account) = account else { return Ok(0) };
    let posted: Vec<(Side, i64)> = posting::Entity::find()
        .select_only()
        .columns([posting::Column::Side, posting::Column::Amount])
        .filter(posting::Column::AccountId.eq(account.id))
        .into_tuple()
        .all(tx)
        .await?;
    let effects = posted
        .into_iter()
        .map(|(side, amount)| effect(account.kind, side, amount));
    Ok(effects.sum())
}

/// What Stripe moved for an object that is none of ours, less what was explained of it; `None` when nothing is left, or
/// reconciliation has not named it yet. What moved is locked, so that nobody explains the same twice.
async fn lock_unexplained(tx: &Tx, source: &str) -> Result<Option<Money>, DbErr> {
    tx.locks(Rank::Accounts);
    let moved = balance_transaction::Entity::find()
        .filter(balance_transaction::Column::Source.eq(source))
        .filter(about_objects())
        .order_by_asc(balance_transaction::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let Some(first) = moved.first() else {
        return Ok(None);
    };
    if is_ours(tx, source).await? || !is_a_difference(tx, source).await? {
        return Ok(None);
    }
    let explained = adjustment::Entity::find()
        .filter(adjustment::Column::Source.eq(source))
        .all(tx)
        .await?;
    let explained = explained.iter().map(|row| match row.corrects {
        Some(_) => -row.amount,
        None => row.amount,
    });
    let own = moved.iter().filter(|row| row.currency == first.currency);
    let left = own.map(|row| row.amount).sum::<i64>() - explained.sum::<i64>();
    Ok((left != 0).then_some(Money::new(left, first.currency)))
}

/// Movements each of which an object of ours should explain.
fn about_objects() -> Condition {
    Condition::any()
        .add(balance_transaction::Column::Kind.is_in(matched_kinds()))
        .add(Expr::cust(ABOUT_DISPUTES))
}

/// Whether reconciliation has found that nothing explains it: what has just moved may still turn out to be ours.
async fn is_a_difference(tx: &Tx, source: &str) -> Result<bool, DbErr> {
    let open = difference::Entity::find()
        .filter(difference::Column::Kind.eq(DifferenceKind::Clearing))
        .filter(difference::Column::Subject.eq(source))
        .filter(difference::Column::ResolvedAt.is_null());
    Ok(open.count(tx).await? > 0)
}

/// Whether a row of ours explains what Stripe moves for the object.
async fn is_ours(tx: &Tx, source: &str) -> Result<bool, DbErr> {
    let charges = charge::Entity::find_by_id(source).count(tx).await?;
    let refunds = refund::Entity::find().filter(refund::Column::StripeRefundId.eq(source));
    let payouts = payout::Entity::find().filter(payout::Column::TransferId.eq(source));
    let reversals =
        transfer_reversal::Entity::find().filter(transfer_reversal::Column::StripeReversalId.eq(source));
    let disputes = dispute::Entity::find().filter(dispute::Column::StripeId.eq(source));
    let others = refunds.count(tx).await? + payouts.count(tx).await? + reversals.count(tx).await?;
    Ok(charges + others + disputes.count(tx).await? > 0)
}

async fn post(tx: &Tx, cx: &Context, row: &adjustment::Model) -> anyhow::Result<()> {
    let back = row.kind == AdjustmentKind::Correction;
    let of = match row.corrects {
        Some(of) => {
            adjustment::Entity::find_by_id(of)
                .one(tx)
                .await?
                .context("nothing to take back")?
                .kind
        }
        None => row.kind,
    };
    let mut books = Books::open(tx, cx, row.currency, row.party).await?;
    let kind = match (back, &row.source) {
        (true, _) => "adjustment.corrected",
        (false, Some(_)) => "movement.explained",
        (false, None) => effect_name(of),
    };
    let mut entry =
        Entry::new(&mut books, kind, adjustment_key(row.id), row.created_at).about("adjustment", row.id);
    if let Some(of) = row.corrects {
        entry = entry.about("corrects", of);
    }
    if let Some(source) = &row.source {
        entry = entry.about("source", source);
    }
    match (row.party, row.target) {
        (Some(party), _) => about_party(&mut entry, party, of, back, row.amount),
        (None, Some(target)) => {
            let (owner, account) = unexplained_account(tx, row).await?;
            let amount = if back { -row.amount } else { row.amount };
            let (out_of, into) = sides(amount);
            entry.put(owner, account, out_of, amount.abs(), None);
            entry.put(Owner::Platform, target, into, amount.abs(), None);
        }
        _ => anyhow::bail!("{} is about nothing", row.id),
    }
    entry.post(tx, cx).await?;
    Ok(())
}

/// Where what is explained lay until now: in suspense, or open in the clearing account of its kind.
async fn unexplained_account(tx: &Tx, row: &adjustment::Model) -> anyhow::Result<(Owner, AccountKind)> {
    if let Some(suspended) = &row.suspended {
        return Ok((Owner::About(suspended.clone()), AccountKind::Suspense));
    }
    let source = row.source.as_deref().context("it is about nothing")?;
    let moved = balance_transaction::Entity::find()
        .filter(balance_transaction::Column::Source.eq(source))
        .filter(about_objects())
        .one(tx)
        .await?
        .with_context(|| format!("Stripe moved nothing for {source}"))?;
    if of_disputes(&moved.kind, source) {
        return Ok((Owner::About(source.to_owned()), AccountKind::DisputeReceivable));
    }
    let clearing =
        clearing_account(&moved.kind).with_context(|| format!("{source} has no clearing account"))?;
    Ok((Owner::Platform, clearing))
}

fn about_party(entry: &mut Entry<'_>, party: Party, of: AdjustmentKind, back: bool, amount: i64) {
    let expense = match of {
        AdjustmentKind::WriteOff => AccountKind::ExpenseBadDebt,
        _ => AccountKind::ExpenseGoodwill,
    };
    match (of, back) {
        (_, true) => {
            entry.credit(expense, amount, None);
            entry.take(party, amount, 0, None);
        }
        (AdjustmentKind::WriteOff, false) => {
            entry.debit(expense, amount, None);
            entry.put_party(party, AccountKind::Receivable, Side::Credit, amount, None);
        }
        (_, false) => {
            entry.debit(expense, amount, None);
            entry.give(party, amount, None);
        }
    }
}

/// What came in stands in suspense on the right: it goes out on the left.
fn sides(amount: i64) -> (Side, Side) {
    if amount > 0 {
        (Side::Debit, Side::Credit)
    } else {
        (Side::Credit, Side::Debit)
    }
}

fn effect_name(kind: AdjustmentKind) -> &'static str {
    match kind {
        AdjustmentKind::Goodwill => "goodwill",
        AdjustmentKind::WriteOff => "debt.written_off",
        AdjustmentKind::Explanation => "suspense.explained",
        AdjustmentKind::Correction => "adjustment.corrected",
    }
}

/// The ledger's key of an adjustment.
pub(crate) fn adjustment_key(id: AdjustmentId) -> String {
    format!("adjustment:{id}")
}
