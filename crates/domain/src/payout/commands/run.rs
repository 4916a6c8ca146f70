//! The payout run: what is available goes out, as far as the provider's balance covers it.

use anyhow::{Context as _, bail};
use chrono::SecondsFormat;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, QuerySelect};
use vitrine_model::Time;
use vitrine_model::id::PayoutId;
use vitrine_model::idempotency::Attempt;
use vitrine_model::identity::account;
use vitrine_model::money::Currency;
use vitrine_model::payout::{self, PayoutState, payout_account, payout_run};

use crate::context::Context;
use crate::event::{self, Actor};
use crate::failure::Failure;
use crate::idempotency::{self, Input, Key};
use crate::intent::{self, When};
use crate::jobs::{self, Job};
use crate::ledger;
use crate::payout::commands::onboarding::ask_standing;
use crate::payout::queries;
use crate::payout::refusal::Refusal;
use crate::payout::rules;
use crate::ports::{Call, CallError};

/// The operator wants a payout run now, besides those that come by themselves. Returns when it was asked for; it begins
/// at once, in the background.
///
/// # Errors
/// `Key`.
pub async fn request_run(cx: &Context, by: &account::Model, key: String) -> Result<Time, Failure<Refusal>> {
    let key = Key::new(by.id, "payoutRun", key, &Input::new());
    let tx = cx.begin().await?;
    if let Some(asked) = idempotency::earlier::<Time, Refusal>(&tx, cx, &key).await? {
        return Ok(asked);
    }
    let now = cx.now();
    jobs::enqueue(&tx, cx, &Job::PayoutRun, now, None).await?;
    let outcome = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    idempotency::finish(&tx, &key, Attempt::Done, outcome).await?;
    event::record(
        &tx,
        cx,
        Actor::Account(by.id),
        "payout.run_requested",
        "payouts",
        &[],
    )
    .await?;
    tx.commit().await?;
    Ok(now)
}

/// Pays out, in every currency, what is available to parties whose accounts may receive transfers now. Each payout is a
/// transaction of its own, which records the transfer's intent; jobs make the transfers.
///
/// A run begun later takes over: an older one that is still at it makes no further payouts, so that two never spend the
/// same balance.
///
/// # Errors
/// When the provider or the database fails, or when a payee's payout could not be written: the others' were.
pub async fn run(cx: &Context) -> anyhow::Result<()> {
    let token = take_over(cx).await?;
    let currencies = &cx.settings().currencies;
    // What is spoken for is read before the balance: a transfer or refund made in between counts twice, never not at all.
    let mut spoken_for = Vec::with_capacity(currencies.len());
    for currency in currencies {
        spoken_for.push((*currency, queries::commitments(cx, *currency).await?));
    }
    let balances = cx.payments().balance().await?.known;
    let mut failed = 0;
    for (currency, spoken_for) in spoken_for {
        let balance = balances.iter().find(|balance| balance.currency == currency);
        let available = balance.map_or(0, |balance| balance.available);
        let run = Run {
            cx,
            token: &token,
            currency,
            smallest: queries::minimum(cx, currency).minor(),
        };
        failed += run.pay_all(rules::budget(available, spoken_for)).await?;
    }
    if failed > 0 {
        bail!("{failed} payouts could not be written");
    }
    Ok(())
}

/// Declares this the run that makes payouts, and returns what it is known by.
async fn take_over(cx: &Context) -> Result<String, DbErr> {
    let mut chance = [0; 16];
    cx.fill(&mut chance);
    let token = hex::encode(chance);
    let row = payout_run::ActiveModel {
        id: Set(1),
        token: Set(token.clone()),
        started_at: Set(cx.now()),
    };
    let latest = OnConflict::column(payout_run::Column::Id)
        .update_columns([payout_run::Column::Token, payout_run::Column::StartedAt])
        .to_owned();
    payout_run::Entity::insert(row)
        .on_conflict(latest)
        .exec_without_returning(cx.db())
        .await?;
    Ok(token)
}

/// What became of one payee.
enum Turn {
    /// A payout of so many minor units was requested.
    Paid(i64),
    /// Nothing can be sent now.
    Skipped,
    /// A later run has taken over.
    Superseded,
}

/// A run in one currency.
struct Run<'a> {
    cx: &'a Context,
    token: &'a str,
    currency: Currency,
    smallest: i64,
}

impl Run<'_> {
    /// Pays whom it can of the budget; returns how many payees could not be paid for a fault.
    async fn pay_all(&self, mut budget: i64) -> anyhow::Result<usize> {
        let mut failed = 0;
        for payee in queries::payees(self.cx, self.currency, self.smallest).await? {
            if budget < self.smallest {
                tracing::warn!(currency = %self.currency, budget, "payouts wait for money at the payment provider");
                break;
            }
            if !self.may_receive(&payee).await? {
                continue;
            }
            match self.pay(&payee, budget).await {
                Ok(Turn::Paid(amount)) => budget -= amount,
                Ok(Turn::Skipped) => {}
                Ok(Turn::Superseded) => break,
                Err(error) => {
                    tracing::error!(party = %payee.party, error = format!("{error:#}"), "a payout could not be written");
                    failed += 1;
                }
            }
        }
        Ok(failed)
    }

    /// Whether the account may receive transfers, asked now. One the provider will not tell of waits for the next run.
    async fn may_receive(&self, payee: &payout_account::Model) -> anyhow::Result<bool> {
        let Some(stripe_id) = &payee.stripe_account_id else {
            return Ok(false);
        };
        match ask_standing(self.cx, stripe_id).await {
            Ok(facts) => Ok(facts.transfers_active),
            Err(error) if is_unauthorized(&error) => Err(error),
            Err(error) => {
                tracing::warn!(party = %payee.party, error = format!("{error:#}"), "how an account stands is not known");
                Ok(false)
            }
        }
    }

    async fn pay(&self, payee: &payout_account::Model, budget: i64) -> anyhow::Result<Turn> {
        let Self { cx, currency, .. } = *self;
        let tx = cx.begin().await?;
        if !queries::is_current(&tx, self.token).await? {
            return Ok(Turn::Superseded);
        }
        let account = payout_account::Entity::find_by_id(payee.id)
            .lock(LockType::NoKeyUpdate)
            .one(&tx)
            .await?;
        let Some(account) = account.filter(|account| account.transfers_active) else {
            return Ok(Turn::Skipped);
        };
        let held = !queries::holds_on(&tx, &[account.party]).await?.is_empty();
        let held = held || queries::is_frozen(&tx, account.party, cx.now()).await?;
        if held || queries::in_transit(&tx, account.party, currency).await?.is_some() {
            return Ok(Turn::Skipped);
        }
        let balances = queries::lock_balances(&tx, account.party, currency).await?;
        let Some(amount) = rules::portion(balances.available, budget, self.smallest) else {
            return Ok(Turn::Skipped);
        };
        let id: PayoutId = cx.new_id();
        let call = Call::TransferMake {
            destination: account.stripe_account_id.context("an account without its id")?,
            amount,
            currency: currency.to_string(),
            payout: id.to_string(),
        };
        let payout = payout::ActiveModel {
            id: Set(id),
            party: Set(account.party),
            payout_account_id: Set(account.id),
            amount: Set(amount),
            currency: Set(currency),
            state: Set(PayoutState::Requested),
            intent_id: Set(intent::record(&tx, cx, id, &call, When::Soon).await?),
            transfer_id: NotSet,
            reversed: Set(0),
            refusal: NotSet,
            requested_at: Set(cx.now()),
            settled_at: NotSet,
        };
        let payout = payout.insert(&tx).await?;
        ledger::payout_requested(&tx, cx, &payout).await?;
        let refs = [("party", payout.party.to_string())];
        event::record(&tx, cx, Actor::System, "payout.requested", id, &refs).await?;
        tx.commit().await?;
        Ok(Turn::Paid(amount))
    }
}

fn is_unauthorized(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(CallError::Unauthorized(_)))
}
